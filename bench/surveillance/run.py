"""How often the screens of `market/surveillance` are wrong, and how often they see what was planted.

Honest markets: firms with values of their own around a moving index, ascending auctions, some who quote late, some who
share an address or an adviser's device, some who withdraw by mistake. Each market is a season of its own with
its own seed. Planted: the same markets, with one scheme carried out by two firms in their last auctions, imperfectly.
Intervals are Wilson's at 95%, over markets, because auctions of one market are not independent.

`bench/run.py surveillance` measures; `python bench/surveillance/run.py --guide` also rewrites the table of
docs/guides/surveillance.md. The figures depend on the seed only.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

from terrace.market.surveillance.rules import PROPOSED, RULES, Auction, Bid, Rule

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guides" / "surveillance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SEED = 20260302
MARKETS, AUCTIONS, FIRMS = 200, 40, 16
SLIP = 0.1  # how often a colluder does not keep to the scheme
OPENS = dt.datetime(2026, 1, 5, 1, tzinfo=dt.UTC)
WINDOW = 3600.0


class Market:
    """One season. `values` are what a firm would pay at most, in per cent of the index."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.firms = [f"f{n:02}" for n in range(FIRMS)]
        self.clients = {firm: f"device-{firm}" for firm in self.firms}
        self.addresses = {firm: f"address-{firm}" for firm in self.firms}
        if self.random.random() < 0.3:  # two neighbours in one industrial park
            one, other = self.random.sample(self.firms, 2)
            self.addresses[other] = self.addresses[one]
        if self.random.random() < 0.02:  # one adviser who quotes for two firms
            one, other = self.random.sample(self.firms, 2)
            self.clients[other] = self.clients[one]
        # Some firms come often and some always wait for the end.
        self.weights = {firm: self.random.choice((1, 1, 2, 3)) for firm in self.firms}
        self.late = {firm for firm in self.firms if self.random.random() < 0.1}
        self.index = 100_000.0
        self.closed: list[Auction] = []

    def auction(
        self,
        bidders: list[str] | None = None,
        stops: dict[str, float] | None = None,
        late: frozenset[str] = frozenset(),
        clients: dict[str, str] | None = None,
        addresses: dict[str, str] | None = None,
        thrown: tuple[str, float] | None = None,
        index_shift: float = 1.0,
    ) -> Auction:
        """The next auction. `stops` fixes up to what part of the floor a bidder goes; `thrown` is a bid withdrawn."""
        draw = self.random
        self.index *= math.exp(draw.gauss(0, 0.03))
        floor = int(self.index * draw.uniform(0.7, 0.9))
        if bidders is None:
            wanted = min(2 + int(draw.expovariate(1 / 2)), 10)
            bidders = []
            while len(bidders) < wanted:
                (firm,) = draw.choices(self.firms, weights=list(self.weights.values()))
                if firm not in bidders:
                    bidders.append(firm)
        limit = {
            firm: floor * (stops or {}).get(firm, 0)
            or max(floor, self.index * draw.lognormvariate(0.0, 0.15))
            for firm in bidders
        }
        step = max(floor // 100, 1)
        closes = OPENS + dt.timedelta(days=len(self.closed) * 3)
        bids: list[Bid] = []

        def quote(firm: str, price: int, withdrawn: bool = False) -> None:
            wait = firm in self.late or firm in late
            before = draw.uniform(0.2, 2.8) if wait else draw.uniform(1, WINDOW)
            bids.append(
                Bid(
                    firm,
                    price,
                    closes - dt.timedelta(seconds=before),
                    (clients or {}).get(firm, self.clients[firm]),
                    (addresses or {}).get(firm, self.addresses[firm]),
                    withdrawn,
                )
            )

        if thrown:
            quote(thrown[0], int(self.index * thrown[1]), withdrawn=True)
        elif draw.random() < 0.01:  # an honest mistake: a digit too many
            quote(draw.choice(bidders), floor * 10, withdrawn=True)
        price, holder = floor, draw.choice(bidders)
        quote(holder, price)
        for firm in bidders:
            if firm != holder and firm in (stops or {}):
                quote(firm, floor)
        while rivals := [firm for firm in bidders if firm != holder and limit[firm] >= price + step]:
            price, holder = price + step, draw.choice(rivals)
            quote(holder, price)
        made = Auction(
            id=f"a{len(self.closed):02}",
            closed_at=closes,
            quantity_g=draw.choice((500_000, 1_000_000, 2_000_000, 4_000_000)),
            floor_fen=floor,
            bids=tuple(sorted(bids, key=lambda each: each.at)),
            winner=holder,
            price_fen=price,
            index_fen=int(self.index * draw.lognormvariate(0.0, 0.05) * index_shift),
        )
        self.closed.append(made)
        return made


def keeps(market: Market) -> bool:
    return market.random.random() >= SLIP


def plant(market: Market, rule: Rule) -> list[Auction]:
    """The scheme of one rule, by two firms, in the last auctions of the season; a colluder slips now and then."""
    one, other = market.random.sample(market.firms, 2)
    if rule is Rule.SHARED_DEVICE:
        same = {other: market.clients[one]} if keeps(market) else {}
        return [market.auction([one, other], clients=same)]
    if rule is Rule.SHARED_ADDRESS:
        same = {other: market.addresses[one]} if keeps(market) else {}
        return [market.auction([one, other], addresses=same)]
    if rule is Rule.RING:
        made = []
        for n in range(8):
            stops = {one: 1.02, other: 1.0} if n % 2 else {one: 1.0, other: 1.02}
            made.append(market.auction([one, other], stops if keeps(market) else None))
        return made
    if rule is Rule.COVER_BID:
        made = []
        for _ in range(6):
            stops = {one: 1.3, other: 1.02} if keeps(market) else {one: 1.3, other: 1.1}
            made.append(market.auction([one, other], stops))
        return made
    if rule is Rule.WITHDRAWN:
        thrown = (other, market.random.uniform(1.0, 1.6))
        return [
            market.auction([one, other], {one: 1.05, other: 1.0}, thrown=thrown if keeps(market) else None)
        ]
    if rule is Rule.CONCENTRATION:
        return [
            market.auction([one, other], {one: 1.1, other: 1.0} if market.random.random() < 0.6 else None)
            for _ in range(12)
        ]
    if rule is Rule.PRICE:
        return [
            market.auction([one, other], {one: 1.01, other: 1.0}, index_shift=market.random.uniform(1.1, 1.5))
        ]
    return [
        market.auction(
            [one, other], {one: 1.2, other: 1.1}, late=frozenset([one]) if keeps(market) else frozenset()
        )
        for _ in range(5)
    ]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95% interval of a share."""
    z = 1.959964
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def share(hits: int, n: int) -> dict[str, Any]:
    low, high = wilson(hits, n)
    return {"hits": hits, "of": n, "share": hits / n, "low": low, "high": high}


def measure(markets: int, seed: int) -> dict[str, Any]:
    """False alarms by auction and by season on honest markets, detection by season on planted ones."""
    auctions: Counter[Rule] = Counter()
    seasons: Counter[Rule] = Counter()
    for n in range(markets):
        market = Market(seed * 1_000_003 + n)
        for _ in range(AUCTIONS):
            market.auction()
        spoke: set[Rule] = set()
        for at, auction in enumerate(market.closed):
            for rule, judge in RULES.items():
                if judge(auction, market.closed[:at], PROPOSED):
                    auctions[rule] += 1
                    spoke.add(rule)
        seasons.update(spoke)
    detected: Counter[Rule] = Counter()
    for rule, judge in RULES.items():
        for n in range(markets):
            market = Market(seed * 1_000_003 + n)
            for _ in range(AUCTIONS // 2):
                market.auction()
            planted = plant(market, rule)
            first = len(market.closed) - len(planted)
            detected[rule] += any(
                judge(auction, market.closed[: first + at], PROPOSED) for at, auction in enumerate(planted)
            )
    return {
        "benchmark": "surveillance",
        "seed": seed,
        "markets": markets,
        "auctions_each": AUCTIONS,
        "rules": {
            rule.value: {
                "false_alarms_by_auction": auctions[rule] / (markets * AUCTIONS),
                "false_alarms_by_season": share(seasons[rule], markets),
                "detected": share(detected[rule], markets),
            }
            for rule in RULES
        },
    }


def table(result: dict[str, Any]) -> str:
    """The measured part of the guide."""

    def percent(part: dict[str, Any]) -> str:
        return f"{part['share']:.1%} ({part['low']:.1%}–{part['high']:.1%})"

    lines = [
        f"Seed {result['seed']}; {result['markets']} honest seasons of {result['auctions_each']} auctions; "
        f"{result['markets']} planted seasons for each rule; in brackets Wilson's 95% interval over seasons.",
        "",
        "| rule | false alarms: auctions | false alarms: seasons with at least one | planted scheme seen |",
        "| --- | ---: | ---: | ---: |",
    ]
    for rule in Rule:
        row = result["rules"][rule.value]
        lines.append(
            f"| {rule.label.zh} {rule.label.en} `{rule.value}` | {row['false_alarms_by_auction']:.2%} "
            f"| {percent(row['false_alarms_by_season'])} | {percent(row['detected'])} |"
        )
    return "\n".join(lines)


def main(results: Path, markets: int, seed: int, guide: bool) -> int:
    result = measure(markets, seed)
    results.mkdir(parents=True, exist_ok=True)
    (results / "surveillance.json").write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    if guide:
        text = GUIDE.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        GUIDE.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=ROOT / "bench" / "results")
    parser.add_argument("--markets", type=int, default=MARKETS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--guide", action="store_true", help="rewrite the table of docs/guides/surveillance.md"
    )
    options = parser.parse_args()
    raise SystemExit(main(options.results, options.markets, options.seed, options.guide))

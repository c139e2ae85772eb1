"""Screens for rigged bidding (R34): from the frozen facts of an auction and of those before it to alerts.

An alert is a reason to look, never a finding: only a person finds. Each rule is a function of the auction, the
earlier auctions of the same market in the order of their closing, and the limits. Prices are fen per tonne on one
price basis, shares are per mille, all integers. No source gives the limits; they are data and marked proposed.
How often each rule is wrong on honest markets is measured: docs/guides/surveillance.md.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, takewhile

from terrace.kernel.base.texts import Text


class Rule(enum.StrEnum):
    SHARED_DEVICE = "SHARED_DEVICE"
    SHARED_ADDRESS = "SHARED_ADDRESS"
    RING = "RING"
    COVER_BID = "COVER_BID"
    WITHDRAWN = "WITHDRAWN"
    CONCENTRATION = "CONCENTRATION"
    PRICE = "PRICE"
    LAST_SECOND = "LAST_SECOND"

    @property
    def label(self) -> Text:
        return _LABELS[self]


_LABELS = {
    Rule.SHARED_DEVICE: Text("共用设备", "shared device"),
    Rule.SHARED_ADDRESS: Text("共用网络地址", "shared network address"),
    Rule.RING: Text("轮流中标", "wins taken in turn"),
    Rule.COVER_BID: Text("陪标", "cover bids"),
    Rule.WITHDRAWN: Text("撤回高价", "high bid withdrawn"),
    Rule.CONCENTRATION: Text("成交集中", "concentration"),
    Rule.PRICE: Text("价格偏离指数", "price away from the index"),
    Rule.LAST_SECOND: Text("只在最后时刻出价", "only in the last seconds"),
}


@dataclass(frozen=True, slots=True)
class Bid:
    """A quote as it reached the platform. `client` and `address` are digests; empty when not known."""

    bidder: str
    price_fen: int
    at: dt.datetime
    client: str = ""
    address: str = ""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Auction:
    """The frozen facts of a closed auction. Without a winner, `price_fen` is None; so is an unknown index."""

    id: str
    closed_at: dt.datetime
    quantity_g: int
    floor_fen: int
    bids: tuple[Bid, ...]
    winner: str | None = None
    price_fen: int | None = None
    index_fen: int | None = None

    @property
    def bidders(self) -> frozenset[str]:
        return frozenset(bid.bidder for bid in self.bids)

    def highest(self, bidder: str) -> int | None:
        """The highest quote of one bidder that was not withdrawn."""
        return max((b.price_fen for b in self.bids if b.bidder == bidder and not b.withdrawn), default=None)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a rule speaks. All values are proposed: no source gives any."""

    ring_meetings_min: int = 5
    ring_alternation_min_pm: int = 1000
    near_floor_pm: int = 50
    cover_meetings_min: int = 4
    withdrawn_above_pm: int = 100
    concentration_auctions: int = 12
    concentration_share_pm: int = 500
    price_away_pm: int = 300
    last_seconds: int = 3
    last_auctions_min: int = 3
    proposed: bool = True


PROPOSED = Limits()


@dataclass(frozen=True, slots=True)
class Alert:
    """Why a person should look. `score` is 0 to 100 and only orders the work; `facts` are what the reason uses."""

    rule: Rule
    auction: str
    bidders: tuple[str, ...]
    score: int
    facts: Mapping[str, int | str]
    reason: Text


def shared_device(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """Two bidders quoted from the same device."""
    return _shared(auction, Rule.SHARED_DEVICE, "client", 90)


def shared_address(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """Two bidders quoted from the same network address; neighbours in one industrial park do so honestly."""
    return _shared(auction, Rule.SHARED_ADDRESS, "address", 40)


def _shared(auction: Auction, rule: Rule, field: str, score: int) -> list[Alert]:
    users: dict[str, set[str]] = {}
    for bid in auction.bids:
        digest = getattr(bid, field)
        if digest:
            users.setdefault(digest, set()).add(bid.bidder)
    return [
        Alert(
            rule,
            auction.id,
            tuple(sorted(firms)),
            score,
            {field: digest, "bidders": len(firms)},
            Text(
                f"{len(firms)}家竞买人使用同一{rule.label.zh[2:]}出价",
                f"{len(firms)} bidders quoted from one {rule.label.en.removeprefix('shared ')}",
            ),
        )
        for digest, firms in sorted(users.items())
        if len(firms) > 1
    ]


def ring(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """Two bidders meet again and again, win in turn, and always near the floor."""
    alerts = []
    for pair in combinations(sorted(auction.bidders), 2):
        if auction.winner not in pair:
            continue
        met = [each for each in (*past, auction) if _both(each, pair)]
        met = [each for each in met if each.winner in pair][-limits.ring_meetings_min :]
        if len(met) < limits.ring_meetings_min or not all(_near_floor(each, limits) for each in met):
            continue
        turns = sum(one.winner != other.winner for one, other in pairwise(met))
        share = turns * 1000 // (len(met) - 1)
        if share >= limits.ring_alternation_min_pm:
            alerts.append(
                Alert(
                    Rule.RING,
                    auction.id,
                    pair,
                    80,
                    {"meetings": len(met), "turns": turns},
                    Text(
                        f"两家最近{len(met)}次同场均以接近底价成交，且中标者轮换{turns}次",
                        f"in their last {len(met)} meetings one of the two won near the floor, the winner changing {turns} times",
                    ),
                )
            )
    return alerts


def cover_bid(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """In its last meetings with this winner a bidder lost each time and never quoted beyond the floor's edge."""
    winner = auction.winner
    alerts = []
    for bidder in sorted(auction.bidders - {winner}):
        if winner is None:
            break
        met = [each for each in (*past, auction) if _both(each, (winner, bidder))]
        run = len(list(takewhile(bool, (_covers(each, bidder, winner, limits) for each in reversed(met)))))
        if run >= limits.cover_meetings_min:
            alerts.append(
                Alert(
                    Rule.COVER_BID,
                    auction.id,
                    (bidder, winner),
                    min(60 + 5 * (run - limits.cover_meetings_min), 90),
                    {"meetings": run},
                    Text(
                        f"最近{run}次与同一中标者同场，每次出价都停在底价附近且未中标",
                        f"in the last {run} meetings with the same winner it stopped near the floor each time and lost",
                    ),
                )
            )
    return alerts


def withdrawn(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """A bid well above the final price was withdrawn, and another bidder won below it."""
    alerts = []
    price = auction.price_fen
    for bid in auction.bids:
        if price is None or not bid.withdrawn or bid.bidder == auction.winner:
            continue
        above = (bid.price_fen - price) * 1000 // price
        if above >= limits.withdrawn_above_pm:
            alerts.append(
                Alert(
                    Rule.WITHDRAWN,
                    auction.id,
                    (bid.bidder, auction.winner or ""),
                    min(50 + above // 20, 95),
                    {"withdrawn_fen": bid.price_fen, "price_fen": price, "above_pm": above},
                    Text(
                        f"撤回的出价比成交价高{_percent(above)}，另一家以低价成交",
                        f"a bid {_percent(above)} above the final price was withdrawn and another firm won below it",
                    ),
                )
            )
    return alerts


def concentration(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """The winner took a large share of what the last auctions of the market sold."""
    sold = [each for each in (*past, auction) if each.winner is not None][-limits.concentration_auctions :]
    if auction.winner is None or len(sold) < limits.concentration_auctions:
        return []
    everything = sum(each.quantity_g for each in sold)
    own = sum(each.quantity_g for each in sold if each.winner == auction.winner)
    share = own * 1000 // everything if everything else 0
    if share < limits.concentration_share_pm:
        return []
    return [
        Alert(
            Rule.CONCENTRATION,
            auction.id,
            (auction.winner,),
            min(share // 10, 100),
            {"auctions": len(sold), "share_pm": share},
            Text(
                f"最近{len(sold)}场成交量的{_percent(share)}由一家取得",
                f"one firm took {_percent(share)} of what the last {len(sold)} auctions sold",
            ),
        )
    ]


def price(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """The final price is far from the index of its day, up or down."""
    if auction.price_fen is None or auction.winner is None or not auction.index_fen:
        return []
    away = abs(auction.price_fen - auction.index_fen) * 1000 // auction.index_fen
    if away < limits.price_away_pm:
        return []
    below = auction.price_fen < auction.index_fen
    return [
        Alert(
            Rule.PRICE,
            auction.id,
            (auction.winner,),
            min(30 + away // 20, 90),
            {"price_fen": auction.price_fen, "index_fen": auction.index_fen, "away_pm": away},
            Text(
                f"成交价比指数{'低' if below else '高'}{_percent(away)}",
                f"the final price is {_percent(away)} {'below' if below else 'above'} the index",
            ),
        )
    ]


def last_second(auction: Auction, past: Sequence[Auction], limits: Limits) -> list[Alert]:
    """A winner whose every quote came in the last seconds, auction after auction."""
    winner = auction.winner
    if winner is None:
        return []
    met = [each for each in (*past, auction) if winner in each.bidders][-limits.last_auctions_min :]
    if len(met) < limits.last_auctions_min:
        return []
    edge = dt.timedelta(seconds=limits.last_seconds)
    if not all(each.closed_at - b.at <= edge for each in met for b in each.bids if b.bidder == winner):
        return []
    return [
        Alert(
            Rule.LAST_SECOND,
            auction.id,
            (winner,),
            30,
            {"auctions": len(met), "seconds": limits.last_seconds},
            Text(
                f"最近{len(met)}场的全部出价都在结束前{limits.last_seconds}秒内",
                f"every quote in its last {len(met)} auctions came within {limits.last_seconds} seconds of the end",
            ),
        )
    ]


RULES: Mapping[Rule, Callable[[Auction, Sequence[Auction], Limits], list[Alert]]] = {
    Rule.SHARED_DEVICE: shared_device,
    Rule.SHARED_ADDRESS: shared_address,
    Rule.RING: ring,
    Rule.COVER_BID: cover_bid,
    Rule.WITHDRAWN: withdrawn,
    Rule.CONCENTRATION: concentration,
    Rule.PRICE: price,
    Rule.LAST_SECOND: last_second,
}


def screen(auction: Auction, past: Sequence[Auction], limits: Limits = PROPOSED) -> list[Alert]:
    """All rules on one auction; the highest score first."""
    found = [alert for rule in RULES.values() for alert in rule(auction, past, limits)]
    return sorted(found, key=lambda alert: -alert.score)


def _both(auction: Auction, pair: tuple[str, str]) -> bool:
    return auction.bidders.issuperset(pair)


def _covers(auction: Auction, bidder: str, winner: str | None, limits: Limits) -> bool:
    quote = auction.highest(bidder)
    return (
        auction.winner == winner
        and quote is not None
        and quote * 1000 <= auction.floor_fen * (1000 + limits.near_floor_pm)
    )


def _near_floor(auction: Auction, limits: Limits) -> bool:
    return auction.price_fen is not None and auction.price_fen * 1000 <= auction.floor_fen * (
        1000 + limits.near_floor_pm
    )


def _percent(per_mille: int) -> str:
    return f"{per_mille // 10}.{per_mille % 10}%"

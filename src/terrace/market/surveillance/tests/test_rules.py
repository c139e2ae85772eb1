"""Each screen: the planted case, and both sides of its limit."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from terrace.market.surveillance.rules import (
    PROPOSED,
    RULES,
    Alert,
    Auction,
    Bid,
    Rule,
    screen,
)

CLOSE = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
FLOOR = 100_000


def bid(bidder: str, price: int = FLOOR, before: float = 600, **more: object) -> Bid:
    return Bid(bidder, price, CLOSE - dt.timedelta(seconds=before), **more)


def auction(*bids: Bid, n: int = 0, **more: object) -> Auction:
    standing = [each for each in bids if not each.withdrawn]
    top = max(standing, key=lambda each: each.price_fen) if standing else None
    facts = {
        "winner": top.bidder if top else None,
        "price_fen": top.price_fen if top else None,
        **more,
    }
    return Auction(f"a{n}", CLOSE, 1_000_000, FLOOR, tuple(bids), **facts)


def alerts(rule: Rule, now: Auction, past: list[Auction] | None = None) -> list[Alert]:
    return RULES[rule](now, past or [], PROPOSED)


@pytest.mark.parametrize(
    ("rule", "field"), [(Rule.SHARED_DEVICE, "client"), (Rule.SHARED_ADDRESS, "address")]
)
def test_two_bidders_on_one_device_or_address(rule: Rule, field: str) -> None:
    both = auction(bid("a", **{field: "x"}), bid("b", FLOOR + 1, **{field: "x"}), bid("c", **{field: "y"}))
    (alert,) = alerts(rule, both)
    assert alert.bidders == ("a", "b") and "2" in alert.reason.zh
    assert alerts(rule, auction(bid("a", **{field: "x"}), bid("a", FLOOR + 1, **{field: "x"}))) == []
    assert alerts(rule, auction(bid("a"), bid("b", FLOOR + 1))) == []  # unknown is not the same


def in_turn(winners: str, price: int) -> list[Auction]:
    return [auction(bid(winner, price), bid("b" if winner == "a" else "a", FLOOR)) for winner in winners]


def test_wins_in_turn_near_the_floor() -> None:
    edge = FLOOR * 105 // 100
    *past, now = in_turn("ababa", edge)
    (alert,) = alerts(Rule.RING, now, past)
    assert (alert.bidders, alert.facts) == (("a", "b"), {"meetings": 5, "turns": 4})
    assert alerts(Rule.RING, now, past[1:]) == []  # four meetings
    *past, now = in_turn("ababa", edge + 1)
    assert alerts(Rule.RING, now, past) == []
    *past, now = in_turn("abbab", edge)
    assert alerts(Rule.RING, now, past) == []


def test_cover_bids() -> None:
    edge = FLOOR * 105 // 100
    one = auction(bid("w", FLOOR * 2), bid("c", edge))
    (alert,) = alerts(Rule.COVER_BID, one, [one] * 3)
    assert (alert.bidders, alert.facts["meetings"], alert.score) == (("c", "w"), 4, 60)
    assert alerts(Rule.COVER_BID, one, [one] * 2) == []
    serious = auction(bid("w", FLOOR * 2), bid("c", edge + 1))
    assert alerts(Rule.COVER_BID, one, [one, serious, *[one] * 2]) == []
    assert len(alerts(Rule.COVER_BID, one, [serious, *[one] * 3])) == 1  # what was long ago excuses nothing
    lost = auction(bid("w", FLOOR), bid("c", edge))
    assert alerts(Rule.COVER_BID, one, [one, lost, *[one] * 2]) == []
    assert alerts(Rule.COVER_BID, auction(), [one] * 3) == []


def test_a_high_bid_withdrawn() -> None:
    at = FLOOR * 110 // 100
    (alert,) = alerts(Rule.WITHDRAWN, auction(bid("w", FLOOR), bid("c", at, withdrawn=True)))
    assert (alert.bidders, alert.facts["above_pm"]) == (("c", "w"), 100)
    assert "10.0%" in alert.reason.en
    assert alerts(Rule.WITHDRAWN, auction(bid("w", FLOOR), bid("c", at - 1, withdrawn=True))) == []
    assert alerts(Rule.WITHDRAWN, auction(bid("w", FLOOR), bid("w", at, withdrawn=True))) == []
    assert alerts(Rule.WITHDRAWN, auction(bid("c", at, withdrawn=True))) == []


def test_concentration() -> None:
    own, other = auction(bid("a")), auction(bid("b"))
    (alert,) = alerts(Rule.CONCENTRATION, own, [other] * 6 + [own] * 5)
    assert (alert.bidders, alert.facts["share_pm"]) == (("a",), 500)
    assert alerts(Rule.CONCENTRATION, own, [other] * 7 + [own] * 4) == []
    assert alerts(Rule.CONCENTRATION, own, [own] * 10) == []  # eleven auctions are too few
    assert alerts(Rule.CONCENTRATION, auction(), [own] * 20) == []


@pytest.mark.parametrize(
    ("index", "found"),
    [(100_000, 0), (76_924, 0), (76_923, 1), (142_858, 1), (142_857, 0), (None, 0), (0, 0)],
)
def test_price_away_from_the_index(index: int | None, found: int) -> None:
    assert len(alerts(Rule.PRICE, auction(bid("a"), index_fen=index))) == found


def test_only_in_the_last_seconds() -> None:
    late = auction(bid("a", before=3), bid("b", FLOOR - 1))
    (alert,) = alerts(Rule.LAST_SECOND, late, [late, late])
    assert alert.bidders == ("a",)
    assert alerts(Rule.LAST_SECOND, late, [late]) == []
    early = auction(bid("a", before=3), bid("a", FLOOR - 1, before=3.001), bid("b", FLOOR - 1))
    assert alerts(Rule.LAST_SECOND, late, [late, early]) == []
    assert alerts(Rule.LAST_SECOND, auction(), [late, late]) == []


def test_all_rules_and_the_highest_score_first() -> None:
    now = auction(
        bid("a", client="x", address="n"), bid("b", FLOOR - 1, client="x", address="n"), index_fen=200_000
    )
    found = screen(now, [])
    assert [each.rule for each in found] == [Rule.SHARED_DEVICE, Rule.PRICE, Rule.SHARED_ADDRESS]
    assert screen(dataclasses.replace(now, bids=(), winner=None, price_fen=None), []) == []
    assert set(RULES) == set(Rule) and PROPOSED.proposed
    assert all(each.label.zh and each.label.en for each in Rule)

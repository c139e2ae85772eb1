"""E5 take-the-listing and E7 fixed-price release of small needs: one posted price, who came first comes first.

A pure fold: `opening(offer)` is the first balance, `take(offer, state, request)` the next one with a fill or a
reason; `fill_all` does a whole queue in the order of arrival. Nobody gets more than was posted, more than its
confirmed need, or a part it did not say it would accept; a request that comes to nothing lets the next one pass.
What Hebei (E5) and Zhongwei (R16, E7) say beyond "price posted, time decides, balance stays" was not seen: the
parts marked in the presets of `modes` are proposed.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from terrace.kernel.base.quantity import Money, Price, Quantity
from terrace.kernel.base.texts import Text


class OverCap(enum.StrEnum):
    """A request beyond the applicant's confirmed need: refused, or filled up to the need."""

    REFUSE = "refuse"
    CUT = "cut"


class Why(enum.StrEnum):
    """Why a request got nothing, or (the last two) less than it asked for."""

    OWN_LISTING = "own_listing"
    NOT_POSITIVE = "not_positive"
    NOT_A_LOT = "not_a_lot"
    NO_NEED = "no_need"
    OVER_NEED = "over_need"
    SOLD_OUT = "sold_out"
    WHOLE_ONLY = "whole_only"
    OVER_BALANCE = "over_balance"

    CUT_TO_NEED = "cut_to_need"
    CUT_TO_BALANCE = "cut_to_balance"


TEXTS: Mapping[Why, Text] = {
    Why.OWN_LISTING: Text("不能摘取本单位的挂牌。", "A firm cannot take its own listing."),
    Why.NOT_POSITIVE: Text("数量须大于零。", "The quantity must be above zero."),
    Why.NOT_A_LOT: Text(
        "数量 {asked} 不是每手 {lot} 的整数倍。", "The quantity {asked} is no multiple of the lot {lot}."
    ),
    Why.NO_NEED: Text(
        "经确认的需求 {need} 已全部满足或不存在。",
        "There is no confirmed need left to fill; the confirmed need is {need}.",
    ),
    Why.OVER_NEED: Text(
        "申请 {asked}，超过尚未满足的确认需求 {open}。",
        "{asked} were asked for, more than the {open} still open of the confirmed need.",
    ),
    Why.SOLD_OUT: Text("已全部售出。", "Everything has been sold."),
    Why.WHOLE_ONLY: Text(
        "本挂牌只能整批摘取({balance})，申请 {asked}。",
        "This listing is taken whole ({balance}) or not at all; {asked} were asked for.",
    ),
    Why.OVER_BALANCE: Text(
        "申请 {asked}，仅余 {balance}，且申请人不接受部分成交。",
        "{asked} were asked for, {balance} are left, and the applicant does not accept a part.",
    ),
    Why.CUT_TO_NEED: Text(
        "申请 {asked}，按确认需求成交 {given}。", "{asked} were asked for; {given} is the confirmed need."
    ),
    Why.CUT_TO_BALANCE: Text(
        "申请 {asked}，按余量成交 {given}。", "{asked} were asked for; {given} were left."
    ),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands on the board. `needs` is grams a year by applicant (None: no need is asked for)."""

    quantity: Quantity
    price: Price
    seller: str = ""
    partial: bool = True
    lot_g: int = 1
    needs: Mapping[str, int] | None = None
    over_cap: OverCap = OverCap.REFUSE

    def __post_init__(self) -> None:
        if self.quantity.grams_per_year <= 0 or self.lot_g <= 0:
            raise ValueError("an offer and its lot are above zero")
        if self.quantity.grams_per_year % self.lot_g:
            raise ValueError("an offer is a multiple of its lot")


@dataclass(frozen=True, slots=True)
class Request:
    """One take. `grams` None takes whatever is left. The sequence number decides between equal instants."""

    id: str
    applicant: str
    grams: int | None
    at: dt.datetime
    seq: int
    accepts_less: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """What a request got and costs; `less` says why it is not all it asked for."""

    request: Request
    quantity: Quantity
    amount: Money
    less: Why | None = None
    numbers: Mapping[str, Text] = field(default_factory=dict)

    @property
    def text(self) -> Text:
        """Why it got less, or an empty text."""
        return Text("", "") if self.less is None else _said(self.less, self.numbers)


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that got nothing, and why."""

    request: Request
    why: Why
    numbers: Mapping[str, Text]

    @property
    def text(self) -> Text:
        return _said(self.why, self.numbers)


@dataclass(frozen=True, slots=True)
class State:
    """What is left in grams a year, and what each applicant has taken."""

    balance_g: int
    taken: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Filled:
    """A whole queue: fills and refusals in the order in which they were decided; the balance stays listed."""

    fills: tuple[Fill, ...]
    passed: tuple[Passed, ...]
    state: State


def _said(why: Why, numbers: Mapping[str, Text]) -> Text:
    zh = {name: value.zh for name, value in numbers.items()}
    en = {name: value.en for name, value in numbers.items()}
    return Text(TEXTS[why].zh.format(**zh), TEXTS[why].en.format(**en))


def opening(offer: Offer) -> State:
    """Everything is there and nobody has taken anything."""
    return State(offer.quantity.grams_per_year, {})


def take(offer: Offer, state: State, request: Request) -> tuple[State, Fill | Passed]:
    """One request against what is left; a request that is passed over changes nothing."""
    balance = state.balance_g
    asked = balance if request.grams is None else request.grams
    taken = state.taken.get(request.applicant, 0)
    need = None if offer.needs is None else offer.needs.get(request.applicant, 0)
    left_of_need = None if need is None else max(0, need - taken) // offer.lot_g * offer.lot_g

    def label(grams: int) -> Text:
        return Quantity(offer.quantity.pollutant, grams).label()

    numbers = {
        "asked": label(asked),
        "balance": label(balance),
        "lot": label(offer.lot_g),
        "need": label(need or 0),
        "open": label(left_of_need or 0),
    }
    why = _refusal(offer, request, asked, balance, left_of_need)
    if why is not None:
        return state, Passed(request, why, numbers)
    given, less = asked, None
    if left_of_need is not None and given > left_of_need:
        given, less = left_of_need, Why.CUT_TO_NEED
    if given > balance:
        given, less = balance, Why.CUT_TO_BALANCE
    quantity = Quantity(offer.quantity.pollutant, given)
    fill = Fill(request, quantity, offer.price.amount(quantity), less, {**numbers, "given": label(given)})
    return State(balance - given, {**state.taken, request.applicant: taken + given}), fill


def _refusal(
    offer: Offer, request: Request, asked: int, balance: int, left_of_need: int | None
) -> Why | None:
    """The first reason that applies: who asks, what for, whether there is any, how much of it."""
    may_be_cut = offer.over_cap is OverCap.CUT
    over_need = left_of_need is not None and asked > left_of_need
    wanted = left_of_need if over_need and left_of_need is not None else asked
    checks = (
        (bool(offer.seller) and request.applicant == offer.seller, Why.OWN_LISTING),
        (request.grams is not None and request.grams <= 0, Why.NOT_POSITIVE),
        (balance == 0, Why.SOLD_OUT),
        (asked % offer.lot_g != 0, Why.NOT_A_LOT),
        (left_of_need == 0, Why.NO_NEED),
        (over_need and not may_be_cut, Why.OVER_NEED),
        (not offer.partial and wanted != offer.quantity.grams_per_year, Why.WHOLE_ONLY),
        (wanted > balance and not request.accepts_less, Why.OVER_BALANCE),
    )
    return next((why for applies, why in checks if applies), None)


def fill_all(offer: Offer, requests: Iterable[Request]) -> Filled:
    """The whole queue in the order of arrival; the order in which the requests are given never matters."""
    state, fills, passed = opening(offer), [], []
    for request in sorted(requests, key=lambda request: (request.at, request.seq, request.id)):
        state, answer = take(offer, state, request)
        if isinstance(answer, Fill):
            fills.append(answer)
        else:
            passed.append(answer)
    return Filled(tuple(fills), tuple(passed), state)

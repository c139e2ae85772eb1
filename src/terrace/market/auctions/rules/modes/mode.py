"""A trading mode as data: everything that one place's notice fixes, each value with its source.

A mode is no procedure. It is handed to the engine of its form: `ascending` (E1), `clearing` (E2, E3), `sealed`
(E8), `fixed_price` (E5, E7), `negotiated` (E6); E4, one bidder, is a rule of every mode.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from terrace.kernel.base.quantity import Price, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.clearing import IfShort, Method, PriceRule, Terms, TermsInvalid, Tie
from terrace.market.auctions.rules.fixed_price import Offer, OverCap
from terrace.market.auctions.rules.sealed import SealedTerms


class Form(enum.StrEnum):
    """The forms of domain E."""

    ASCENDING = "E1"
    DESCENDING_FILL = "E2"
    TOP_SHARE = "E3"
    ONE_BIDDER = "E4"
    TAKE_LISTING = "E5"
    AGREEMENT = "E6"
    FIXED_PRICE = "E7"
    SEALED = "E8"


class Mark(enum.StrEnum):
    """Whether a value stands in a source or is our proposal."""

    SOURCED = "sourced"
    PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from."""

    mark: Mark
    clause: Text


class Offered(enum.StrEnum):
    """What is offered."""

    WHOLE_LOT = "whole_lot"
    DIVISIBLE_LOT = "divisible_lot"
    OWN_NEED_OF_EACH = "own_need_of_each"
    POSTED_BALANCE = "posted_balance"
    AGREED_QUANTITY = "agreed_quantity"
    LOTS_OF_UNITS = "lots_of_units"


class Who(enum.StrEnum):
    """Who may quote or ask."""

    QUALIFIED_WITH_DEPOSIT = "qualified_with_deposit"
    ONLY_QUALIFIED_BIDDER = "only_qualified_bidder"
    CONFIRMED_NEED = "confirmed_need"
    SMALL_NEED = "small_need"
    BOTH_PARTIES_TWO_PERSONS = "both_parties_two_persons"
    ADMITTED_WITH_GUARANTEE = "admitted_with_guarantee"


class Counts(enum.StrEnum):
    """Which of a bidder's quotes counts."""

    EVERY = "every"
    HIGHEST = "highest"
    FINAL = "final"


class Pays(enum.StrEnum):
    """What the winner pays per unit."""

    OWN = "own"
    LOWEST_ACCEPTED = "lowest_accepted"
    HIGHEST_REJECTED = "highest_rejected"
    DISPLACED = "displaced"
    POSTED = "posted"
    AGREED = "agreed"


class OneBidder(enum.StrEnum):
    """E4, R42: what one qualified bidder leads to."""

    AGREEMENT_AT_FLOOR = "agreement_at_floor"
    AGREEMENT_AT_AVERAGE = "agreement_at_average"
    SELLS = "sells"


class Nobody(enum.StrEnum):
    """What no bidder leads to."""

    FAILED_OR_RELISTED = "failed_or_relisted"
    STAYS_LISTED = "stays_listed"
    UNSOLD = "unsold"


class Stage(enum.StrEnum):
    """A part of the time in which quotes are taken."""

    FREE = "free"
    WAIT = "wait"
    TIMED = "timed"
    ROUND = "round"


@dataclass(frozen=True, slots=True)
class Period:
    """One stage. `length` None is fixed by the notice; `restarts`: each accepted quote starts it again."""

    stage: Stage
    length: dt.timedelta | None = None
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class QuoteLimit:
    """How many quotes a bidder may make, and which counts. `most` None is as many as it likes."""

    most: int | None
    counts: Counts


METHODS: Mapping[Pays, tuple[Method, PriceRule]] = {
    Pays.OWN: (Method.PAY_AS_BID, PriceRule.LOWEST_ACCEPTED),
    Pays.LOWEST_ACCEPTED: (Method.UNIFORM, PriceRule.LOWEST_ACCEPTED),
    Pays.HIGHEST_REJECTED: (Method.UNIFORM, PriceRule.HIGHEST_REJECTED),
    Pays.DISPLACED: (Method.VICKREY, PriceRule.LOWEST_ACCEPTED),
}
# What every mode must source; other fields only where they are set.
ALWAYS = ("offered", "who", "pays", "one_bidder", "nobody")
WHERE_SET = (
    "periods",
    "increment_fen",
    "quotes",
    "tie",
    "share",
    "if_short",
    "lot",
    "bid_minimum",
    "purchase_percent",
    "floor_multiple",
    "deposit",
    "average_days",
    "over_need",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One preset. Fields that are None do not belong to the mode, or are fixed by each notice.

    `increment_fen` is fen per tonne on the basis of the notice; `lot` and `bid_minimum` are in the unit of the
    bids (tonnes); `deposit` names a deposit preset of `rulebooks` (R26); `floor_multiple` is times the paid-use
    fee standard (R13). `sources` has one entry for each field that is set; `"*"` stands for the others.
    """

    name: str
    form: Form
    title: Text
    offered: Offered
    who: Who
    pays: Pays
    one_bidder: OneBidder
    nobody: Nobody
    periods: tuple[Period, ...] = ()
    increment_fen: int | None = None
    quotes: QuoteLimit | None = None
    tie: Tie | None = None
    share: Decimal | None = None
    if_short: IfShort | None = None
    lot: Decimal | None = None
    bid_minimum: Decimal | None = None
    purchase_percent: Decimal | None = None
    floor_multiple: Decimal | None = None
    deposit: str | None = None
    average_days: int | None = None
    over_need: OverCap | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)

    def source(self, name: str) -> Source:
        """Where the value of a field comes from."""
        return self.sources.get(name) or self.sources["*"]

    def fields_set(self) -> tuple[str, ...]:
        """The fields that decide something in this mode."""
        return (*ALWAYS, *(name for name in WHERE_SET if getattr(self, name) not in (None, ())))

    @property
    def mark(self) -> Mark:
        """Sourced only when everything is."""
        proposed = any(self.source(name).mark is Mark.PROPOSED for name in self.fields_set())
        return Mark.PROPOSED if proposed else Mark.SOURCED

    def length(self, stage: Stage) -> dt.timedelta | None:
        """How long a stage lasts, where the mode says so."""
        return next((period.length for period in self.periods if period.stage is stage), None)

    def ascending_terms(
        self,
        *,
        start_price_fen: int,
        opens_at: dt.datetime,
        free_until: dt.datetime,
        increment_fen: int | None = None,
    ) -> ascending.Terms:
        """E1 with this mode's increment and lengths. Raises TermsInvalid for another form or without an increment."""
        self._only(Form.ASCENDING)
        increment = self.increment_fen if increment_fen is None else increment_fen
        if increment is None:
            raise TermsInvalid(option="increment", expected=Text("加价幅度", "the increment of the notice"))
        wait, window = self.length(Stage.WAIT), self.length(Stage.TIMED)
        return ascending.Terms(
            start_price_fen=start_price_fen,
            increment_fen=increment,
            opens_at=opens_at,
            free_until=free_until,
            wait=wait or dt.timedelta(0),
            window=window or dt.timedelta(minutes=4),
            timed_period=window is not None,
        )

    def clearing_terms(
        self,
        *,
        supply: Decimal | None,
        reserve: Decimal,
        lot: Decimal | None = None,
        seed: str = "",
        years: int = 1,
    ) -> Terms:
        """What the clearing engine runs with: E2, E3 and E8. Raises TermsInvalid for another form."""
        self._only(Form.DESCENDING_FILL, Form.TOP_SHARE, Form.SEALED)
        method, rule = METHODS[self.pays]
        if self.form is Form.DESCENDING_FILL:
            method = Method.DESCENDING
        if self.form is Form.TOP_SHARE:
            method = Method.TOP_SHARE
        return Terms(
            method=method,
            supply=supply,
            reserve=reserve,
            lot=self.lot if lot is None else lot,
            price_rule=rule,
            tie=self.tie or Tie.TIME,
            seed=seed,
            if_short=self.if_short or IfShort.SELL,
            share=self.share or Decimal("0.7"),
            years=years,
        )

    def sealed_terms(
        self,
        *,
        supply: Decimal,
        reserve: Decimal,
        lot: Decimal | None = None,
        seed: str = "",
        years: int = 1,
    ) -> SealedTerms:
        """E8 whole. Raises TermsInvalid for another form."""
        self._only(Form.SEALED)
        return SealedTerms(
            clearing=self.clearing_terms(supply=supply, reserve=reserve, lot=lot, seed=seed, years=years),
            bid_minimum=self.bid_minimum,
            purchase_percent=self.purchase_percent,
        )

    def offer(
        self,
        *,
        quantity: Quantity,
        price: Price,
        seller: str = "",
        partial: bool = True,
        lot_g: int = 1,
        needs: Mapping[str, int] | None = None,
    ) -> Offer:
        """E5 and E7. Raises TermsInvalid for another form, and for E7 without the confirmed needs."""
        self._only(Form.TAKE_LISTING, Form.FIXED_PRICE)
        if self.form is Form.FIXED_PRICE and needs is None:
            raise TermsInvalid(
                option="needs", expected=Text("各申请人经确认的需求", "the confirmed need of each applicant")
            )
        return Offer(
            quantity=quantity,
            price=price,
            seller=seller,
            partial=partial,
            lot_g=lot_g,
            needs=needs,
            over_cap=self.over_need or OverCap.REFUSE,
        )

    def _only(self, *forms: Form) -> None:
        if self.form not in forms:
            names = ", ".join(form.value for form in forms)
            raise TermsInvalid(option=self.name, expected=Text(f"{names} 方式", f"a mode of {names}"))

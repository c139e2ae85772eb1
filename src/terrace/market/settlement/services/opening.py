"""From a found price to a trade: the seam that listings and auctions call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures import services as procedures
from terrace.market.rights.models import Parcel
from terrace.market.settlement.models import RefundCause, Trade
from terrace.market.settlement.procedures import TRADE
from terrace.market.settlement.services.deposits import deposit_of
from terrace.market.settlement.services.numbers import paper_number
from terrace.market.settlement.services.refunds import open_refund

SUBJECT = "settlement.trade"


@dataclass(frozen=True, slots=True)
class LosingDeposit:
    """A bidder that did not win, and the ledger hold of its deposit."""

    organisation_id: int
    deposit_hold_id: int


def open_trade(
    *,
    actor: Actor,
    seller_id: int,
    buyer_id: int,
    parcel_id: int,
    rights_hold_id: int,
    quantity_g: int,
    price_fen_per_tonne: int,
    price_basis: str,
    years: int,
    ratio: int,
    need_confirmation_id: int | None,
    deposit_hold_id: int | None,
    losers: Sequence[LosingDeposit],
    origin_type: str,
    origin_id: object,
    term_start: dt.date,
    term_end: dt.date,
    now: dt.datetime,
) -> Trade:
    """Part: the award. Opens the trade with its case and the refunds of the losers' deposits.

    `quantity_g` grams per year of the parcel, frozen under `rights_hold_id`; `price_fen_per_tonne` in fen per
    tonne with `price_basis` PER_YEAR or TERM and `years`; `ratio` in hundredths (100 is 1:1). The amount is
    rounded half up to the fen, once. Raises DepositUnknown, CaseAlreadyOpen, workdays.CalendarMissing.
    Clause: domain D11; losers' deposits D15.
    """
    parcel = Parcel.objects.select_related("right").get(pk=parcel_id)
    seller = Organisation.objects.get(pk=seller_id)
    buyer = Organisation.objects.get(pk=buyer_id)
    pollutant = Pollutant(parcel.right.pollutant)
    price = Price(price_fen_per_tonne, PriceBasis(price_basis), years)
    amount = price.amount(Quantity(pollutant, quantity_g))
    deposit = None if deposit_hold_id is None else deposit_of(deposit_hold_id)
    year = clock.local(now).year
    number = paper_number("PQJY", seller.city, year)
    case = procedures.open_case(
        actor=actor,
        procedure=TRADE,
        subject_type=SUBJECT,
        subject_id=number,
        title=Text(
            f"{pollutant.label.zh} {Quantity(pollutant, quantity_g).tonnes_text()} 吨/年 · {buyer.name}",
            f"{pollutant.label.en} {Quantity(pollutant, quantity_g).tonnes_text()} t/yr · {buyer.name_en or buyer.name}",
        ),
        url=f"/trades/{number}/",
        parties={
            "FIRM_APPROVER@buyer": buyer.pk,
            "FIRM_APPROVER@seller": seller.pk,
            "RESERVE_CHECKER@seller": seller.pk,
        },
        now=now,
        facts={"amount_fen": amount.fen},
        city=seller.city,
    )
    trade = Trade.objects.create(
        city=seller.city,
        number=number,
        origin_type=origin_type,
        origin_id=str(origin_id),
        seller=seller,
        buyer=buyer,
        parcel=parcel,
        need_confirmation_id=need_confirmation_id,
        rights_hold_id=rights_hold_id,
        deposit=deposit,
        case=case,
        pollutant=pollutant.value,
        region=parcel.right.region,
        source=parcel.right.source,
        quantity_g=quantity_g,
        price_fen_per_tonne=price_fen_per_tonne,
        price_basis=price.basis.value,
        years=years,
        amount_fen=amount.fen,
        ratio_hundredths=ratio,
        term_start=term_start,
        term_end=term_end,
        awarded_at=now,
    )
    for loser in sorted(losers, key=lambda item: item.deposit_hold_id):
        open_refund(
            actor=actor,
            deposit=deposit_of(loser.deposit_hold_id),
            cause=RefundCause.NOT_WON,
            trade=trade,
            now=now,
        )
    return trade

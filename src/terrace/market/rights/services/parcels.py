"""Rights come into being, move and are frozen here, and only here: register and ledger change together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import services as ledger
from terrace.kernel.ledger.rules import AccountKind, Direct, Hold, Movement, Post, Void
from terrace.kernel.orgs.models import Organisation, OrganisationKind
from terrace.market.rights import rules
from terrace.market.rights.models import Area, DischargeUnit, Parcel, ParcelHold, Right, Verification
from terrace.market.rights.services.numbers import next_in_series


class ParcelShort(Refusal):
    code = "rights.parcel.short"
    text = Text(
        "该份额可用数量为{free}，不足{wanted}。",
        "The parcel has {free} free; {wanted} is more than that.",
    )
    hint = Text("请减少数量，或等待冻结解除。", "Take less, or wait until a hold is released.")


class HoldGone(Refusal):
    code = "rights.hold.gone"
    text = Text("该冻结已解除或已交割。", "This hold has been released or delivered already.")


class TermOver(Refusal):
    code = "rights.parcel.term_over"
    text = Text("该排污权已于{term_end}到期，不能再转移。", "The right ended on {term_end} and cannot move.")


class FrozenTwice(Refusal):
    code = "rights.parcel.frozen_twice"
    text = Text("该份额已为同一事项冻结。", "The parcel is already frozen for the same matter.")


def _asset(right: Right) -> ledger.Asset:
    return ledger.right_asset(
        pollutant=Pollutant(right.pollutant),
        region=right.region,
        term_start=right.term_start,
        term_end=right.term_end,
    )


def _account(organisation: Organisation, asset: ledger.Asset) -> int:
    kind = AccountKind.RESERVE if organisation.kind == OrganisationKind.RESERVE_BODY else AccountKind.HOLDER
    return ledger.account_of(owner_type="organisation", owner_id=organisation.pk, asset=asset, kind=kind)


def _delivery_account(asset: ledger.Asset, city: str) -> int:
    """Where a held right waits for the instant of its delivery: the buyer is not known when it is frozen."""
    return ledger.account_of(owner_type="city", owner_id=city, asset=asset, kind=AccountKind.ESCROW)


def lock_parcel(parcel_id: int) -> Parcel:
    """Part: the parcel with its row locked. Raises NotFound."""
    parcel = (
        Parcel.objects.select_for_update(of=("self",))
        .select_related("right", "holder")
        .filter(pk=parcel_id)
        .first()
    )
    if parcel is None:
        raise NotFound(what=Text("该份额", "the parcel"))
    return parcel


def issue_right(
    *,
    actor: Actor,
    holder_id: int,
    unit_id: int | None,
    pollutant: Pollutant,
    quantity_g: int,
    area: Area,
    basin: str,
    sector: str,
    thermal_power: bool,
    agriculture: bool,
    paid: bool,
    source: rules.RightSource,
    term_start: dt.date,
    years: int,
    entry_key: str,
    paper_no: str,
    now: dt.datetime,
    verification: Verification | None = None,
    is_synthetic: bool = False,
) -> Parcel:
    """Part: issue a right in the ledger and return its root parcel. Quantities in grams per year.

    The city's issuer account (which may be overdrawn: what it lacks is what was issued) gives, the holder
    receives. A repeat of `entry_key` returns the parcel made the first time.
    """
    if first := Parcel.objects.filter(entry_key=entry_key).first():
        return first
    holder = Organisation.objects.get(pk=holder_id)
    basin = basin if pollutant.is_water else ""
    region = rules.region_of(pollutant, basin=basin, city=area.city)
    term_end = rules.term_end_of(term_start, years)
    year, position = next_in_series(series=f"RIGHT-{pollutant.value}", now=now, city=area.city)
    serial = f"{area.city}-{pollutant.value}-{year}-{position:06d}"
    asset = ledger.right_asset(pollutant=pollutant, region=region, term_start=term_start, term_end=term_end)
    issuer = ledger.account_of(
        owner_type="city", owner_id=area.city, asset=asset, kind=AccountKind.ISSUER, may_overdraw=True
    )
    posted = ledger.post_entry(
        key=entry_key,
        code="right.issue",
        at=now,
        actor=actor,
        reason=paper_no,
        subject_type="right",
        subject_id=serial,
        transfers=[Direct(issuer, _account(holder, asset), quantity_g)],
    )
    right = Right.objects.create(
        city=area.city,
        serial=serial,
        pollutant=pollutant.value,
        quantity_g=quantity_g,
        area=area,
        basin=basin,
        region=region,
        sector=sector,
        thermal_power=thermal_power,
        agriculture=agriculture,
        paid=paid,
        source=source.value,
        term_start=term_start,
        term_end=term_end,
        years=years,
        verification=verification,
        ledger_entry_id=posted.entry_id,
        issued_at=now,
        is_synthetic=is_synthetic,
    )
    return Parcel.objects.create(
        city=area.city,
        right=right,
        holder=holder,
        unit_id=unit_id,
        quantity_g=quantity_g,
        block_start=0,
        block_end=quantity_g,
        move_kind=rules.MoveKind.ISSUE.value,
        source=paper_no,
        ledger_entry_id=posted.entry_id,
        entry_key=entry_key,
        made_at=now,
    )


def move_parcel(
    *,
    actor: Actor,
    parcel_id: int,
    quantity_g: int,
    to_organisation_id: int,
    to_unit_id: int | None,
    entry_key: str,
    source: str,
    now: dt.datetime,
    hold_id: int | None = None,
    kind: rules.MoveKind = rules.MoveKind.TRADE,
    against: Sequence[Movement] = (),
) -> Parcel:
    """Part: move `quantity_g` grams per year of a parcel to another holder and return the new parcel.

    With `hold_id` (the ledger hold of a `freeze_parcel`) the held quantity is paid out and what is not taken of
    it becomes free again; without it the free quantity is used. The new parcel keeps right, term and region and
    takes its serial block from the front of the old one. `source` is the number of the paper behind the move.
    `against` are the movements of money for it, written in the same ledger entry: right and price or neither.
    A repeat of `entry_key` returns the parcel of the first time. Raises NotFound, ParcelShort, HoldGone, TermOver.
    """
    parcel = lock_parcel(parcel_id)
    if first := Parcel.objects.filter(entry_key=entry_key).first():
        return first
    if local(now).date() > parcel.right.term_end:
        raise TermOver(term_end=parcel.right.term_end.isoformat())
    hold = None
    usable = parcel.free_g
    if hold_id is not None:
        hold = _lock_active_hold(hold_id)
        if hold.parcel_id != parcel.pk:
            raise HoldGone
        usable = hold.quantity_g
    _require(parcel, quantity_g, usable)
    receiver = Organisation.objects.get(pk=to_organisation_id)
    asset = _asset(parcel.right)
    target = _account(receiver, asset)
    transfers: list[Movement]
    if hold is None:
        transfers = [Direct(_account(parcel.holder, asset), target, quantity_g)]
    else:
        transfers = [
            Post(hold.ledger_hold_id, quantity_g),
            Direct(_delivery_account(asset, parcel.city), target, quantity_g),
        ]
    posted = ledger.post_entry(
        key=entry_key,
        code="right.move",
        at=now,
        actor=actor,
        reason=source,
        subject_type="parcel",
        subject_id=parcel.pk,
        transfers=[*transfers, *against],
    )
    cut, _ = parcel.left.take(quantity_g)
    parcel.taken_g += quantity_g
    parcel.surplus_g = max(0, parcel.surplus_g - quantity_g)
    if hold is not None:
        parcel.frozen_g -= hold.quantity_g
        _end_hold(hold, rules.HoldState.DELIVERED, now)
    parcel.save(update_fields=["taken_g", "surplus_g", "frozen_g"])
    return Parcel.objects.create(
        city=parcel.city,
        right=parcel.right,
        parent=parcel,
        holder=receiver,
        unit_id=to_unit_id,
        quantity_g=quantity_g,
        block_start=cut.start,
        block_end=cut.end,
        move_kind=kind.value,
        source=source,
        ledger_entry_id=posted.entry_id,
        entry_key=entry_key,
        made_at=now,
    )


def freeze_parcel(
    *,
    actor: Actor,
    parcel_id: int,
    quantity_g: int,
    kind: rules.HoldKind,
    reason: str,
    subject_type: str,
    subject_id: object,
    entry_key: str,
    now: dt.datetime,
    court: str = "",
    applicant: str = "",
    until: dt.date | None = None,
) -> ParcelHold:
    """Part: hold `quantity_g` grams per year of a parcel in register and ledger.

    Raises NotFound, ParcelShort (nothing can be frozen twice), FrozenTwice, TermOver.
    """
    parcel = lock_parcel(parcel_id)
    if local(now).date() > parcel.right.term_end:
        raise TermOver(term_end=parcel.right.term_end.isoformat())
    if ParcelHold.objects.filter(
        parcel=parcel, subject_type=subject_type, subject_id=str(subject_id), state="ACTIVE"
    ).exists():
        raise FrozenTwice
    _require(parcel, quantity_g, parcel.free_g)
    asset = _asset(parcel.right)
    posted = ledger.post_entry(
        key=entry_key,
        code="right.freeze",
        at=now,
        actor=actor,
        reason=reason,
        subject_type=subject_type,
        subject_id=str(subject_id),
        transfers=[Hold(_account(parcel.holder, asset), _delivery_account(asset, parcel.city), quantity_g)],
    )
    parcel.frozen_g += quantity_g
    parcel.save(update_fields=["frozen_g"])
    return ParcelHold.objects.create(
        city=parcel.city,
        parcel=parcel,
        kind=kind.value,
        quantity_g=quantity_g,
        ledger_hold_id=posted.transfer_ids[0],
        reason=reason,
        subject_type=subject_type,
        subject_id=str(subject_id),
        court=court,
        applicant=applicant,
        until=until,
        placed_at=now,
    )


def release_hold(*, actor: Actor, hold_id: int, reason: str, entry_key: str, now: dt.datetime) -> ParcelHold:
    """Part: free what a ledger hold keeps. Raises NotFound, HoldGone."""
    parcel_id = ParcelHold.objects.filter(ledger_hold_id=hold_id).values_list("parcel_id", flat=True).first()
    if parcel_id is None:
        raise NotFound(what=Text("该冻结", "the hold"))
    parcel = lock_parcel(parcel_id)
    hold = _lock_active_hold(hold_id)
    ledger.post_entry(
        key=entry_key,
        code="right.unfreeze",
        at=now,
        actor=actor,
        reason=reason,
        subject_type=hold.subject_type,
        subject_id=hold.subject_id,
        transfers=[Void(hold.ledger_hold_id)],
    )
    parcel.frozen_g -= hold.quantity_g
    parcel.save(update_fields=["frozen_g"])
    _end_hold(hold, rules.HoldState.RELEASED, now)
    return hold


def require_unit(unit_id: int) -> DischargeUnit:
    """Part: a unit by id. Raises NotFound."""
    unit = DischargeUnit.objects.select_related("organisation", "area").filter(pk=unit_id).first()
    if unit is None:
        raise NotFound(what=Text("该排污单位", "the site"))
    return unit


def _require(parcel: Parcel, wanted_g: int, usable_g: int) -> None:
    if wanted_g <= 0 or wanted_g > usable_g:
        pollutant = Pollutant(parcel.right.pollutant)
        raise ParcelShort(
            free=Quantity(pollutant, usable_g).label(), wanted=Quantity(pollutant, wanted_g).label()
        )


def _lock_active_hold(hold_id: int) -> ParcelHold:
    hold = ParcelHold.objects.select_for_update().filter(ledger_hold_id=hold_id).first()
    if hold is None or hold.state != rules.HoldState.ACTIVE:
        raise HoldGone
    return hold


def _end_hold(hold: ParcelHold, state: rules.HoldState, now: dt.datetime) -> None:
    hold.state = state.value
    hold.ended_at = now
    hold.save(update_fields=["state", "ended_at"])

"""A court's freeze of a right, and its end: carried out by the bureau on the court's paper (R23).

The freeze is a hold in the ledger: what is frozen cannot be listed, sold or moved, and an offer of the parcel is barred
by the rulebook. Where the free quantity does not meet the order, offers and sales of the parcel that are not delivered
yet make way (`signals`): they are suspended, their hold gives place to the court's, and they go on or end when the
court lets go. A last day in the order lifts nothing by itself (courts prolong): the page marks it as over, and the
bureau lifts it with the court's paper or after asking the court.
"""

from __future__ import annotations

import datetime as dt
from typing import BinaryIO

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.notify.services import tell
from terrace.market.rights import access, rules
from terrace.market.rights.models import ParcelHold
from terrace.market.rights.services.parcels import freeze_parcel, release_hold
from terrace.market.rights.services.signals import make_way, tell_lifted

SUBJECT = "court_order"
Content = bytes | BinaryIO


def _require_number(ruling_no: str) -> str:
    if not ruling_no.strip():
        raise InputInvalid(
            where=Text("文书编号", "number of the order"),
            got="''",
            expected=Text("法院文书的编号，如（2023）鲁15执1号", "the number of the court's paper"),
        )
    return ruling_no.strip()


@act("rights.parcel.court_freeze")
def freeze_by_court(
    *,
    actor: Actor,
    parcel_id: int,
    quantity_g: int,
    ruling_no: str,
    now: dt.datetime,
    court: str = "",
    applicant: str = "",
    until: dt.date | None = None,
    content: Content | None = None,
    filename: str = "",
) -> ParcelHold:
    """Freeze part of a parcel (grams per year) on a court's order (R23); the holder and the trading institution are told.

    `content` is the court's paper. The free quantity is taken first; what exceeds it stops running offers and sales of
    the parcel in the same act. Raises NotAllowed, NotFound, InputInvalid, ParcelShort, FrozenTwice, TermOver, the file
    refusals and those of what is stopped.
    """
    access.may_freeze_by_court(actor).require()
    ruling_no = _require_number(ruling_no)
    if until is not None and until < local(now).date():
        raise InputInvalid(
            where=Text("冻结期限", "last day of the freeze"),
            got=until.isoformat(),
            expected=Text("不早于今天的日期", "a day not before today"),
        )
    stopped = make_way(parcel_id, quantity_g, actor, ruling_no, now)
    hold = freeze_parcel(
        actor=actor,
        parcel_id=parcel_id,
        quantity_g=quantity_g,
        kind=rules.HoldKind.COURT,
        reason=ruling_no,
        subject_type="court_ruling",
        subject_id=ruling_no,
        entry_key=f"court-freeze:{parcel_id}:{ruling_no}",
        now=now,
        court=court.strip(),
        applicant=applicant.strip(),
        until=until,
    )
    digest = _keep(actor, hold, rules.CourtPaper.COURT_ORDER, content, filename, now)
    _tell(hold, Text("排污权被司法冻结", "A right was frozen by a court"), ruling_no, now)
    record(
        actor=actor,
        act="rights.parcel.court_freeze",
        subject_type="parcel",
        subject_id=parcel_id,
        at=now,
        facts={
            "quantity_g": quantity_g,
            "ledger_hold": hold.ledger_hold_id,
            "court": hold.court,
            "applicant": hold.applicant,
            "until": until,
            "paper": digest,
            "stopped": stopped,
        },
        reason=ruling_no,
    )
    return hold


@act("rights.parcel.court_lift")
def lift_court_freeze(
    *,
    actor: Actor,
    parcel_hold_id: int,
    ruling_no: str,
    now: dt.datetime,
    content: Content | None = None,
    filename: str = "",
) -> ParcelHold:
    """Lift a court's freeze on a further paper; what it had stopped goes on or ends (`signals.on_court_lift`).

    Raises NotAllowed, NotFound, InputInvalid, HoldGone, file refusals.
    """
    access.may_freeze_by_court(actor).require()
    ruling_no = _require_number(ruling_no)
    found = ParcelHold.objects.filter(pk=parcel_hold_id, kind=rules.HoldKind.COURT.value).first()
    if found is None:
        raise NotFound(what=Text("该冻结", "the hold"))
    hold = release_hold(
        actor=actor,
        hold_id=found.ledger_hold_id,
        reason=ruling_no,
        entry_key=f"court-lift:{found.pk}",
        now=now,
    )
    hold.lift_reason = ruling_no[:300]
    hold.save(update_fields=["lift_reason"])
    digest = _keep(actor, hold, rules.CourtPaper.COURT_LIFT, content, filename, now)
    followed = tell_lifted(hold.parcel_id, actor, ruling_no, now)
    _tell(hold, Text("司法冻结已解除", "A court's freeze was lifted"), ruling_no, now)
    record(
        actor=actor,
        act="rights.parcel.court_lift",
        subject_type="parcel",
        subject_id=hold.parcel_id,
        at=now,
        facts={"ledger_hold": hold.ledger_hold_id, "paper": digest, "followed": followed},
        reason=ruling_no,
    )
    return hold


def _keep(
    actor: Actor,
    hold: ParcelHold,
    kind: rules.CourtPaper,
    content: Content | None,
    filename: str,
    now: dt.datetime,
) -> str:
    """The court's paper, kept with the hold; its digest, or nothing without a paper."""
    if content is None:
        return ""
    document = documents.store(
        actor=actor,
        content=content,
        filename=filename,
        kind=kind.value,
        subject_type=SUBJECT,
        subject_id=hold.pk,
        organisation_id=actor.organisation_id,
        now=now,
    )
    return document.digest


def _tell(hold: ParcelHold, subject: Text, ruling_no: str, now: dt.datetime) -> None:
    body = Text(f"文书{ruling_no}，份额{hold.parcel_id}。", f"Order {ruling_no}, parcel {hold.parcel_id}.")
    url = f"/rights/court-orders/{hold.pk}/"
    tell(subject=subject, body=body, url=url, now=now, organisation_ids=[hold.parcel.holder_id])
    tell(subject=subject, body=body, url=url, now=now, roles=["EXCHANGE_MAKER", "EXCHANGE_CHECKER"])

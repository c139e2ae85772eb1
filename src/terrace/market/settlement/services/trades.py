"""What every step of a trade shares: locks in order, the journal, who is told, how a trade ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.notify.services import tell
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.settlement.models import Outcome, Trade

SUBJECT = "settlement.trade"

EndedHandler = Callable[[Trade, dt.datetime], None]
_ended: dict[str, list[EndedHandler]] = {}


class TradeNotFound(NotFound):
    code = "settlement.trade.not_found"


class PartMissing(Refusal):
    """Something that belongs to an earlier step is missing; the procedure should have prevented it."""

    code = "settlement.trade.part_missing"
    text = Text(
        "该步骤所需的“{part}”缺失，未作处理。", "{part}, which this step needs, is missing; nothing was done."
    )


def on_ended(origin_type: str, handler: EndedHandler) -> None:
    """Register what follows when a trade that came from `origin_type` ends: `handler(trade, now)`, a part.

    It is called in the ending's transaction with `trade.outcome` set (COMPLETED, BUYER_DEFAULTED, SELLER_DEFAULTED,
    VOIDED), for example to list the lot again. Called in AppConfig.ready(); repeating is harmless.
    """
    handlers = _ended.setdefault(origin_type, [])
    if handler not in handlers:
        handlers.append(handler)


def lock_trade(number: str) -> tuple[Trade, Case]:
    """Part: the trade and its case, both locked, the case first. Raises TradeNotFound."""
    case_id = Trade.objects.filter(number=number).values_list("case_id", flat=True).first()
    if case_id is None:
        raise TradeNotFound(what=Text("该笔交易", "the trade"))
    return lock_trade_of_case(case_id)


def lock_trade_of_case(case_id: int) -> tuple[Trade, Case]:
    """Part: the same by the case's number, for deadlines."""
    case = procedures.lock_case(case_id)
    trade = (
        Trade.objects.select_for_update(of=("self",))
        .select_related("seller", "buyer", "deposit", "parcel", "need_confirmation__project__unit")
        .get(case_id=case_id)
    )
    return trade, case


def journal(
    actor: Actor,
    name: str,
    trade: Trade,
    now: dt.datetime,
    *,
    facts: dict[str, Any] | None = None,
    reason: str = "",
    clause: str = "",
    key: str | None = None,
    request_digest: str = "",
    result: Any = None,
) -> None:
    """Part: the one journal entry of a step, about the trade by its number. Call it last.

    With a `key` and no digest of its own, the step is the one that `answered_before` asks about.
    """
    if key and not request_digest:
        request_digest, result = digest_of([trade.number, reason]), trade.number
    record(
        actor=actor,
        act=name,
        subject_type=SUBJECT,
        subject_id=trade.number,
        at=now,
        facts=facts,
        reason=reason,
        clause=clause,
        key=key,
        request_digest=request_digest,
        result=result,
    )


def answered_before(actor: Actor, name: str, number: str, key: str | None, reason: str = "") -> bool:
    """Part: whether this very form was answered already, so that sending it again changes nothing.

    Call it after the locks. Raises KeyReused when the key came with another content.
    """
    digest = digest_of([number, reason.strip()])
    return first_answer(actor=actor, act=name, key=key, request_digest=digest) is not None


def tell_parties(
    trade: Trade, subject: Text, body: Text, now: dt.datetime, *, roles: Sequence[str] = ()
) -> None:
    """Part: a message to both parties, and apart from them to everybody with one of `roles`."""
    url = f"/trades/{trade.number}/"
    tell(
        subject=subject,
        body=body,
        url=url,
        now=now,
        organisation_ids=[trade.buyer_id, trade.seller_id],
        roles=["FIRM_CLERK", "FIRM_APPROVER", "RESERVE_MAKER", "RESERVE_CHECKER"],
    )
    if roles:
        tell(subject=subject, body=body, url=url, now=now, roles=list(roles))


def end_trade(trade: Trade, outcome: Outcome, now: dt.datetime) -> None:
    """Part: write how the trade ended and let the context it came from follow."""
    trade.outcome = outcome
    trade.closed_at = now
    trade.save(update_fields=["outcome", "closed_at"])
    for handler in _ended.get(trade.origin_type, []):
        handler(trade, now)


def quantity_text(trade: Trade) -> Text:
    """The pollutant and its quantity, as titles say it."""
    pollutant = trade.quantity.pollutant.label
    return Text(f"{pollutant.zh} {trade.quantity.label().zh}", f"{pollutant.en}, {trade.quantity.label().en}")

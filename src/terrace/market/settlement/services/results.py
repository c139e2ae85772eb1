"""Award and publicity: the notice of award, the public result, objections and what becomes of them (D11, D12)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel import workdays
from terrace.kernel.audit.services import digest_of, first_answer
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotAllowed, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.notify.services import tell
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.rules import after_pause
from terrace.kernel.publication.services import announce
from terrace.market.settlement.models import Objection, ObjectionState, Trade
from terrace.market.settlement.procedures import CLAUSE_PUBLICITY, PUBLICITY_WORKDAYS
from terrace.market.settlement.services import content
from terrace.market.settlement.services.contracts import open_contract
from terrace.market.settlement.services.endings import unwind
from terrace.market.settlement.services.papers import render
from terrace.market.settlement.services.signing import sign
from terrace.market.settlement.services.trades import (
    SUBJECT,
    answered_before,
    journal,
    lock_trade,
    lock_trade_of_case,
    quantity_text,
    tell_parties,
)

TEXT_MAX = 4_000


class ObjectionTooLate(Refusal):
    code = "settlement.objection.too_late"
    text = Text(
        "公示期已于{until}届满，不再受理异议。", "The publicity ended at {until}; objections are closed."
    )
    hint = Text(
        "如认为成交违法，可向市生态环境局反映。",
        "Unlawful conduct can still be reported to the ecology bureau.",
    )


class ObjectionDecided(Refusal):
    code = "settlement.objection.decided"
    text = Text("该异议已处理：{state}。", "This objection has been decided: {state}.")


@act("settlement.result.publish")
def publish_result(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Trade:
    """Issue the notice of award, publish the result and open the publicity of 5 working days (proposed).

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, SignerMissing, FontMissing, PaperNotMade,
    workdays.CalendarMissing.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.result.publish", number, key):
        return trade
    return _publish(actor, trade, case, now, key=key)


@act("settlement.result.publish_overdue")
def publish_result_by_deadline(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: nobody published the result in time, so the platform does (the duty to publish does not wait)."""
    trade, case = lock_trade_of_case(case_id)
    return _publish(SYSTEM, trade, case, now, act_name="settlement.result.publish_overdue")


def _publish(
    actor: Actor,
    trade: Trade,
    case: Case,
    now: dt.datetime,
    act_name: str = "settlement.result.publish",
    key: str | None = None,
) -> Trade:
    until = workdays.deadline(now, PUBLICITY_WORKDAYS)
    procedures.advance(
        actor=actor, case=case, transition="publish_result", now=now, facts={"publicity_until": until}
    )
    signed = sign(
        render("award", content.award(trade, now, until), at=now),
        reason="成交通知书 Notice of award",
        location=trade.city,
    )
    trade.award_document = documents.store(
        actor=actor,
        content=signed.content,
        filename=f"成交通知书-{trade.number}.pdf",
        kind="settlement.award",
        subject_type=SUBJECT,
        subject_id=trade.number,
        organisation_id=trade.buyer_id,
        now=now,
    )
    trade.publicised_at = now
    trade.save(update_fields=["award_document", "publicised_at"])
    what = quantity_text(trade)
    announce(
        actor=actor,
        kind="settlement.result",
        title=Text(f"成交公示：{what.zh}", f"Result: {what.en}"),
        content=content.public_result(trade) | {"publicity_until": clock.local(until).isoformat()},
        template="settlement/notices/result.html",
        subject_type=SUBJECT,
        subject_id=trade.number,
        now=now,
        number=trade.number,
        city=trade.city,
    )
    end = clock.local(until)
    tell_parties(
        trade,
        Text(f"成交通知：{what.zh}", f"Award: {what.en}"),
        Text(
            f"成交结果已公示，公示至{end:%Y-%m-%d %H:%M}。公示期满后请双方在3个工作日内签订合同。",
            f"The result is public until {end:%Y-%m-%d %H:%M}. The contract is then to be signed within 3 working days.",
        ),
        now,
    )
    journal(
        actor,
        act_name,
        trade,
        now,
        facts={
            "publicity_until": until,
            "award": trade.award_document.digest,
            "amount_fen": trade.amount_fen,
        },
        clause=CLAUSE_PUBLICITY,
        key=key,
    )
    return trade


@act("settlement.objection.raise")
def raise_objection(
    *,
    actor: Actor,
    number: str,
    name: str,
    contact: str,
    organisation_name: str,
    grounds: str,
    now: dt.datetime,
    key: str | None = None,
) -> Objection:
    """An objection during the publicity: by anybody who says who they are; it suspends the trade until decided.

    `name`, `contact` and `grounds` must not be empty. Raises TradeNotFound (also for results not yet public),
    InputInvalid, ObjectionTooLate.
    """
    trade, case = lock_trade(number)
    if trade.publicised_at is None:
        raise NotFound(what=Text("该成交公示", "this result"))
    digest = digest_of([number, name, contact, organisation_name, grounds])
    if answer := first_answer(actor=actor, act="settlement.objection.raise", key=key, request_digest=digest):
        return Objection.objects.get(pk=answer)
    _require_texts(name, contact, grounds)
    until = dt.datetime.fromisoformat(case.facts["publicity_until"])
    suspended = case.state in ("objected", "escalated")
    if not suspended and (case.state != "publicity" or now >= until):
        raise ObjectionTooLate(until=f"{clock.local(until):%Y-%m-%d %H:%M}", clause=CLAUSE_PUBLICITY)
    objection = Objection.objects.create(
        city=trade.city,
        trade=trade,
        name=name.strip()[:80],
        contact=contact.strip()[:120],
        organisation_name=organisation_name.strip()[:200],
        user_id=actor.user_id,
        grounds=grounds.strip()[:TEXT_MAX],
        raised_at=now,
    )
    if not suspended:
        procedures.advance(
            actor=SYSTEM,
            case=case,
            transition="object",
            now=now,
            reason=f"异议{objection.pk}",
            facts={"objected_at": now},
        )
    tell_parties(
        trade,
        Text(f"成交公示收到异议：{trade.number}", f"Objection to the result {trade.number}"),
        Text("公示中止，待异议处理后继续。", "The publicity is suspended until the objection is decided."),
        now,
        roles=["EXCHANGE_MAKER", "EXCHANGE_CHECKER"],
    )
    journal(
        actor,
        "settlement.objection.raise",
        trade,
        now,
        facts={"objection": objection.pk, "by": objection.name, "suspends": not suspended},
        clause=CLAUSE_PUBLICITY,
        key=key,
        request_digest=digest,
        result=objection.pk,
    )
    return objection


@act("settlement.objection.decide")
def decide_objection(
    *, actor: Actor, objection_id: int, uphold: bool, reason: str, now: dt.datetime
) -> Objection:
    """Reject an objection (publicity goes on by the working days it stood still) or uphold it (the trade ends).

    While other objections are open a rejection changes nothing else. Raises NotFound, ObjectionDecided,
    NotYourTurn, ReasonMissing.
    """
    number = Objection.objects.filter(pk=objection_id).values_list("trade__number", flat=True).first()
    if number is None:
        raise NotFound(what=Text("该异议", "the objection"))
    trade, case = lock_trade(number)
    objection = Objection.objects.select_for_update().get(pk=objection_id)
    if objection.state != ObjectionState.OPEN:
        raise ObjectionDecided(state=ObjectionState(objection.state).label)
    if case.state == "escalated" and not actor.has_role("BUREAU_CHECKER"):
        raise NotAllowed(
            reason=Text(
                "异议已逾期，须由市生态环境局处理", "the objection is overdue and is with the bureau now"
            )
        )
    others = Objection.objects.filter(trade=trade, state=ObjectionState.OPEN).exclude(pk=objection_id)
    if uphold:
        procedures.advance(actor=actor, case=case, transition="uphold_objection", now=now, reason=reason)
    elif not others.exists():
        objected_at = dt.datetime.fromisoformat(case.facts["objected_at"])
        until = after_pause(
            "workdays", dt.datetime.fromisoformat(case.facts["publicity_until"]), objected_at, now
        )
        if until <= now:
            until = workdays.deadline(now, 1)
        procedures.advance(
            actor=actor,
            case=case,
            transition="reject_objection",
            now=now,
            reason=reason,
            facts={"publicity_until": until},
        )
    elif not reason.strip():
        raise procedures.ReasonMissing(transition=Text("处理异议", "decide the objection"))
    else:
        _require_decider(actor)
    objection.state = ObjectionState.UPHELD if uphold else ObjectionState.REJECTED
    objection.decision_reason = reason.strip()[:TEXT_MAX]
    objection.decided_at = now
    objection.save(update_fields=["state", "decision_reason", "decided_at"])
    if uphold:
        unwind(actor=actor, trade=trade, reason=reason.strip(), now=now)
    if objection.user_id is not None:
        tell(
            subject=Text("您的异议已有处理结果", "Your objection has been decided"),
            body=Text(
                f"{ObjectionState(objection.state).label.zh}：{objection.decision_reason}",
                f"{ObjectionState(objection.state).label.en}: {objection.decision_reason}",
            ),
            url=f"/results/{trade.number}/",
            now=now,
            user_ids=[objection.user_id],
        )
    journal(
        actor,
        "settlement.objection.decide",
        trade,
        now,
        facts={"objection": objection.pk, "state": objection.state},
        reason=reason.strip(),
        clause=CLAUSE_PUBLICITY,
    )
    return objection


@act("settlement.objection.escalate")
def escalate_objection(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: the trading institution did not decide in time; the bureau takes over."""
    trade, case = lock_trade_of_case(case_id)
    procedures.advance(actor=SYSTEM, case=case, transition="escalate", now=now)
    tell_parties(
        trade,
        Text(f"异议逾期未处理：{trade.number}", f"Objection overdue: {trade.number}"),
        Text("已移送市生态环境局处理。", "It was handed to the ecology bureau."),
        now,
        roles=["BUREAU_CHECKER", "EXCHANGE_CHECKER"],
    )
    journal(SYSTEM, "settlement.objection.escalate", trade, now, clause=CLAUSE_PUBLICITY)
    return trade


@act("settlement.result.close_publicity")
def close_publicity(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: the publicity is over without an open objection; the contract is drawn up for signing."""
    trade, case = lock_trade_of_case(case_id)
    facts = open_contract(trade=trade, case=case, now=now)
    journal(SYSTEM, "settlement.result.close_publicity", trade, now, facts=facts, clause=CLAUSE_PUBLICITY)
    return trade


def _require_texts(name: str, contact: str, grounds: str) -> None:
    for text, where in (
        (name, Text("姓名", "name")),
        (contact, Text("联系方式", "contact")),
        (grounds, Text("异议理由", "grounds")),
    ):
        if not text.strip():
            raise InputInvalid(
                where=where, got="''", expected=Text("不能为空的文字", "a text that is not empty")
            )


def _require_decider(actor: Actor) -> None:
    if not actor.has_role("EXCHANGE_CHECKER", "BUREAU_CHECKER"):
        raise NotAllowed(reason=Text("应由交易机构复核人处理", "the trading institution's checker decides"))

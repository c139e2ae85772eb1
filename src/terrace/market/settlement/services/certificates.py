"""The certificate of a trade: issued once, and issued again by two persons when it was lost or is wrong (D16, R30).

A certificate is never changed. A new one gets a number and a version of its own, names the one it replaces, and the
old one is marked as replaced: on its public check page, in the check of a file and in its JSON.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel import workdays
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.models import Approval
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.kernel.publication.services import announce
from terrace.market.settlement import access
from terrace.market.settlement.models import Certificate, CertificateState, Trade
from terrace.market.settlement.procedures import CLAUSE_CERTIFICATE, PERMIT_WORKDAYS
from terrace.market.settlement.rules import certificates
from terrace.market.settlement.rules.words import ReissueCause
from terrace.market.settlement.services import content
from terrace.market.settlement.services.numbers import paper_number
from terrace.market.settlement.services.papers import render
from terrace.market.settlement.services.signing import sign
from terrace.market.settlement.services.statements import ReasonNeeded
from terrace.market.settlement.services.trades import (
    SUBJECT,
    answered_before,
    journal,
    lock_trade,
    quantity_text,
    tell_parties,
)


class CertificateNotValid(Refusal):
    code = "settlement.certificate.not_valid"
    text = Text(
        "鉴证书{number}已不是有效的原件（{state}），不能换发。",
        "Certificate {number} is not the valid one ({state}) and cannot be issued again.",
    )
    hint = Text("请对现行有效的鉴证书办理。", "Use the certificate that is valid now.")


@act("settlement.certificate.issue")
def issue_certificate(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Certificate:
    """Issue the signed certificate: the trade takes effect (R30). Permit change is due within 15 working days.

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, SignerMissing, SignerUnusable, FontMissing, PaperNotMade.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.certificate.issue", number, key):
        return Certificate.objects.get(trade=trade, state="VALID")
    permit_due = workdays.deadline(now, PERMIT_WORKDAYS)
    procedures.advance(
        actor=actor,
        case=case,
        transition="issue_certificate",
        now=now,
        facts={"permit_due": permit_due, "permit_due_by_law": permit_due},
    )
    certificate = _write(actor, trade, now)
    trade.certified_at = now
    trade.save(update_fields=["certified_at"])
    tell_parties(
        trade,
        Text(f"鉴证书已出具：{certificate.number}", f"Certificate issued: {certificate.number}"),
        Text("请下载留存；交割后办理排污许可证变更。", "Keep a copy; the permit is changed after delivery."),
        now,
    )
    journal(
        actor,
        "settlement.certificate.issue",
        trade,
        now,
        facts={
            "certificate": certificate.number,
            "file": certificate.file_digest,
            "facts": certificate.facts_digest,
        },
        clause=CLAUSE_CERTIFICATE,
        key=key,
    )
    return certificate


def _write(
    actor: Actor, trade: Trade, now: dt.datetime, *, old: Certificate | None = None, cause: str = ""
) -> Certificate:
    """The signed file with the next number; with `old` the version after it. Raises what signing and papers raise."""
    number = paper_number("PQJZ", trade.city, clock.local(now).year)
    facts = content.certificate_facts(trade, number, now)
    if old is not None:
        facts |= content.reissue_facts(trade, old, cause)
    signed = sign(
        render(
            "certificate",
            content.certificate(trade, number, facts, now),
            at=now,
            facts=certificates.canonical(facts),
        ),
        reason="排污权交易鉴证书 Certificate of transaction",
        location=trade.city,
    )
    document = documents.store(
        actor=actor,
        content=signed.content,
        filename=f"排污权交易鉴证书-{number}.pdf",
        kind="settlement.certificate",
        subject_type=SUBJECT,
        subject_id=trade.number,
        organisation_id=trade.buyer_id,
        now=now,
    )
    return Certificate.objects.create(
        city=trade.city,
        number=number,
        trade=trade,
        document=document,
        file_digest=document.digest,
        facts_digest=certificates.digest_of(facts),
        facts=facts,
        signer=signed.signer[:300],
        issued_at=now,
        replaces=old,
    )


@act("settlement.certificate.ask_reissue")
def ask_reissue(*, actor: Actor, number: str, cause: ReissueCause, reason: str, now: dt.datetime) -> Approval:
    """Ask for a new certificate in place of `number` (of a certificate): it was lost, damaged, or states something wrong.

    Nothing changes before a second person decides. Raises NotAllowed, NotFound, CertificateNotValid, ReasonNeeded,
    AlreadyAsked, PersonUnknown.
    """
    access.may_ask_reissue(actor).require()
    old = _old(number)
    if not reason.strip():
        raise ReasonNeeded
    payload: dict[str, Any] = {
        "certificate": old.number,
        "cause": cause.value,
        "reason": reason.strip()[:300],
    }
    approval = orgs.ask(
        actor=actor,
        act=access.CERTIFICATE_REISSUE,
        subject_type="settlement.certificate",
        subject_id=old.number,
        payload=payload,
        checker_roles=[Role.EXCHANGE_CHECKER],
        summary=Text(
            f"换发鉴证书{old.number}：{cause.label.zh}", f"Issue {old.number} again: {cause.label.en}"
        ),
        now=now,
    )
    journal(
        actor, "settlement.certificate.ask_reissue", old.trade, now, facts=payload, clause=CLAUSE_CERTIFICATE
    )
    return approval


@act("settlement.certificate.decide_reissue")
def decide_reissue(
    *, actor: Actor, approval_id: int, approve: bool, reason: str, now: dt.datetime
) -> Certificate | None:
    """The second person: the new certificate is signed and the old one marked as replaced, in one step; or sent back.

    The trade's effect stays that of the first certificate; only the paper is new. A public notice names both numbers.
    Raises NotFound, CertificateNotValid, SignerMissing, SignerUnusable, FontMissing, PaperNotMade, and as orgs.decide.
    """
    asked = Approval.objects.filter(pk=approval_id, act=access.CERTIFICATE_REISSUE).first()
    if asked is None:
        raise NotFound(what=Text("该换发申请", "the request for a new certificate"))
    trade, _ = lock_trade(_any(asked.payload["certificate"]).trade.number)
    approval = orgs.decide(actor=actor, approval_id=approval_id, approve=approve, reason=reason, now=now)
    cause = ReissueCause(approval.payload["cause"])
    made = None
    if approve:
        old = _old(approval.payload["certificate"])
        Certificate.objects.filter(pk=old.pk).update(
            state=CertificateState.SUPERSEDED, ended_at=now, end_reason=cause.label.zh
        )
        made = _write(actor, trade, now, old=old, cause=cause.value)
        what = quantity_text(trade)
        announce(
            actor=actor,
            kind="settlement.reissued",
            title=Text(f"鉴证书换发公告：{old.number}", f"Certificate replaced: {old.number}"),
            content=content.public_result(trade)
            | {
                "old": old.number,
                "new": made.number,
                "version": made.version,
                "cause": content.pair(cause.label),
            },
            template="settlement/notices/reissued.html",
            subject_type=SUBJECT,
            subject_id=trade.number,
            now=now,
            number=made.number,
            city=trade.city,
        )
        tell_parties(
            trade,
            Text(f"鉴证书已换发：{made.number}", f"Certificate issued again: {made.number}"),
            Text(
                f"{what.zh}：原鉴证书{old.number}已被替代，请下载并使用新件。",
                f"{what.en}: {old.number} is replaced; download and use the new one.",
            ),
            now,
            roles=["PERMIT"],
        )
    journal(
        actor,
        "settlement.certificate.decide_reissue",
        trade,
        now,
        facts={
            "approved": approve,
            "replaced": asked.payload["certificate"],
            **(
                {"certificate": made.number, "version": made.version, "file": made.file_digest}
                if made is not None
                else {}
            ),
        },
        reason=reason.strip(),
        clause=CLAUSE_CERTIFICATE,
    )
    return made


def _any(number: str) -> Certificate:
    found = Certificate.objects.select_related("trade").filter(number=number.strip().upper()).first()
    if found is None:
        raise NotFound(what=Text("该鉴证书", "the certificate"))
    return found


def _old(number: str) -> Certificate:
    """The certificate that is to be replaced. Raises NotFound, CertificateNotValid."""
    found = _any(number)
    if found.state != CertificateState.VALID:
        raise CertificateNotValid(number=found.number, state=CertificateState(found.state).label)
    return found


def reissue_facts_of(payload: dict[str, Any]) -> list[tuple[Text, Text]]:
    """A request for a new certificate in words, for the pages of the second signature."""
    return [
        (
            Text("原鉴证书", "Certificate to be replaced"),
            Text(payload["certificate"], payload["certificate"]),
        ),
        (Text("事由", "Cause"), ReissueCause(payload["cause"]).label),
        (Text("说明", "Explanation"), Text(payload["reason"], payload["reason"])),
    ]

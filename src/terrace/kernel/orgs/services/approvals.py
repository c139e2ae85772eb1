"""The second person. `ask` is called in a maker's act, `decide` in a checker's act; the effect follows there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from terrace.kernel.audit.services import digest_of, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal, SamePerson
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access
from terrace.kernel.orgs.models import Approval, ApprovalState
from terrace.kernel.orgs.roles import Role


class AlreadyDecided(Refusal):
    code = "approval.already_decided"
    text = Text("该事项已办结：{state}。", "This matter is already closed: {state}.")
    hint = Text("请刷新页面查看结果。", "Reload the page to see the result.")


class AlreadyAsked(Refusal):
    code = "approval.already_asked"
    text = Text("该事项已有一项待复核的申请。", "A request on this matter already waits for its check.")
    hint = Text("请等待复核，或先撤回原申请。", "Wait for the check, or withdraw the first request.")


class PayloadChanged(Refusal):
    code = "approval.payload_changed"
    text = Text(
        "复核的内容已与提交时不同，未作处理。",
        "What is to be approved differs from what was submitted; nothing was done.",
    )
    hint = Text("请经办人撤回后重新提交。", "Ask the maker to withdraw and submit again.")


class PersonUnknown(Refusal):
    code = "approval.person_unknown"
    text = Text(
        "此账号未登记实名人员，不能办理双人事项。",
        "This sign-in is not tied to a known person and cannot take part in two-person acts.",
    )
    hint = Text(
        "请联系平台管理人员补登实名信息。", "Ask the platform's administrator to register the person."
    )
    http_status = 403


class ReasonMissing(Refusal):
    code = "orgs.reason_missing"
    text = Text("请填写理由。", "Give a reason.")
    hint = Text("理由会告知对方并记入日志。", "The reason is told to the other side and kept in the journal.")
    http_status = 422


@dataclass(frozen=True, slots=True)
class Decision:
    """How the page of second signatures shows an act: its name, where it is decided, its facts in words."""

    label: Text
    url: Callable[[Approval], str] | None
    facts: Callable[[dict[str, Any]], list[tuple[Text, Text]]] | None


_decisions: dict[str, Decision] = {}


def on_decision(
    act_name: str,
    *,
    label: Text,
    url: Callable[[Approval], str] | None = None,
    facts: Callable[[dict[str, Any]], list[tuple[Text, Text]]] | None = None,
) -> None:
    """Register an act for the page of second signatures; called in AppConfig.ready().

    `url` leads to the context's own page of confirmation; `facts` puts the payload into words.
    """
    _decisions[act_name] = Decision(label, url, facts)


def decision_for(act_name: str) -> Decision:
    """How an act is shown; an act that nobody registered is shown by its own name."""
    return _decisions.get(act_name) or Decision(Text(act_name, act_name), None, None)


def ask(
    *,
    actor: Actor,
    act: str,
    subject_type: str,
    subject_id: object,
    payload: dict[str, Any],
    checker_roles: Iterable[Role],
    summary: Text,
    now: dt.datetime,
) -> Approval:
    """Part: ask a second person to approve `act` with exactly this payload.

    A repeat by the same person with the same payload gets the waiting request. The caller has locked the
    subject and journals its own act. Raises PersonUnknown, AlreadyAsked.
    """
    if actor.user_id is None or actor.person_id is None or actor.organisation_id is None:
        raise PersonUnknown
    digest = digest_of(payload)
    waiting = Approval.objects.filter(
        act=act, subject_type=subject_type, subject_id=str(subject_id), state=ApprovalState.WAITING
    ).first()
    if waiting is not None:
        if waiting.payload_digest == digest and waiting.maker_person_id == actor.person_id:
            return waiting
        raise AlreadyAsked
    return Approval.objects.create(
        act=act,
        subject_type=subject_type,
        subject_id=str(subject_id),
        payload=payload,
        payload_digest=digest,
        summary_zh=summary.zh,
        summary_en=summary.en,
        checker_roles=sorted(checker_roles),
        organisation_id=actor.organisation_id,
        maker_user_id=actor.user_id,
        maker_person_id=actor.person_id,
        asked_at=now,
    )


def lock_approval(approval_id: int) -> Approval:
    """Part: lock an approval. Raises NotFound."""
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise NotFound(what=Text("该复核事项", "the matter"))
    return approval


def decide(
    *,
    actor: Actor,
    approval_id: int,
    approve: bool,
    reason: str,
    now: dt.datetime,
    payload: dict[str, Any] | None = None,
) -> Approval:
    """Part: give or refuse the second signature; the caller then does the effect of an approval.

    `payload`, when given, is what the caller would put into effect now; it must be what was asked.
    Raises NotFound, AlreadyDecided, PersonUnknown, SamePerson, NotAllowed, PayloadChanged, ReasonMissing
    (a refusal needs a reason).
    """
    approval = lock_approval(approval_id)
    if approval.state != ApprovalState.WAITING:
        raise AlreadyDecided(state=approval_state_text(approval.state))
    if actor.user_id is None or actor.person_id is None:
        raise PersonUnknown
    if actor.person_id == approval.maker_person_id:
        raise SamePerson
    access.may_check(actor, approval).require()
    if payload is not None and digest_of(payload) != approval.payload_digest:
        raise PayloadChanged
    if not approve and not reason.strip():
        raise ReasonMissing
    approval.state = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
    approval.decided_at = now
    approval.checker_user_id = actor.user_id
    approval.checker_person_id = actor.person_id
    approval.reason = reason.strip()
    approval.save(update_fields=["state", "decided_at", "checker_user", "checker_person", "reason"])
    return approval


@act("orgs.approval.withdraw")
def withdraw(*, actor: Actor, approval_id: int, reason: str, now: dt.datetime) -> Approval:
    """The maker takes a request back before it is decided. Raises NotFound, AlreadyDecided, NotAllowed."""
    approval = lock_approval(approval_id)
    if actor.person_id is None or actor.person_id != approval.maker_person_id:
        raise NotAllowed(reason=Text("只有经办人本人可以撤回。", "only the maker may withdraw it."))
    if approval.state != ApprovalState.WAITING:
        raise AlreadyDecided(state=approval_state_text(approval.state))
    approval.state = ApprovalState.WITHDRAWN
    approval.decided_at = now
    approval.reason = reason.strip()
    approval.save(update_fields=["state", "decided_at", "reason"])
    record(
        actor=actor,
        act="orgs.approval.withdraw",
        subject_type="approval",
        subject_id=approval.pk,
        at=now,
        reason=approval.reason,
        facts={"act": approval.act, "subject": f"{approval.subject_type} {approval.subject_id}"},
    )
    return approval


_STATE_TEXTS = {
    ApprovalState.WAITING: Text("待复核", "waiting"),
    ApprovalState.APPROVED: Text("已同意", "approved"),
    ApprovalState.REJECTED: Text("已退回", "rejected"),
    ApprovalState.WITHDRAWN: Text("已撤回", "withdrawn"),
}


def approval_state_text(state: str) -> Text:
    """What the state of an approval is called."""
    return _STATE_TEXTS[ApprovalState(state)]

"""Opening and moving cases: parts for the acts of other contexts, and the passing of deadlines.

The parts write no journal entry: the act that calls them does. Order of locks: the case first.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import F, Q

from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal, Stale
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures.models import Case, CaseParty, CaseStep
from terrace.kernel.procedures.procedures import find, handler_of, latest
from terrace.kernel.procedures.rules import (
    AMEND,
    OPEN,
    PAUSE,
    RESUME,
    Procedure,
    Taken,
    Transition,
    after_pause,
    base_role,
    due_at,
    may_after,
    may_take,
    turns_of,
)

log = logging.getLogger(__name__)

DEADLINE_REASON = Text("期限届满", "the deadline passed")
RETRY_SECONDS_MAX = 3_600
_PASSER_LOCK = 0x7465_7272_0001  # advisory lock: one process at a time passes deadlines


class TransitionNotAllowed(Refusal):
    """The case is not in a state from which this transition may be taken."""

    code = "procedure.transition_not_allowed"
    text = Text(
        "“{transition}”须在以下状态办理：{needed}；当前状态为“{state}”。",
        "“{transition}” can be taken in: {needed}. The case is now in “{state}”.",
    )
    hint = Text(
        "请刷新页面查看最新状态，可能已有他人办理。", "Reload the page; somebody may have acted already."
    )


class NotYourTurn(Refusal):
    """The actor holds none of the roles that may take this transition in this case."""

    code = "procedure.not_your_turn"
    text = Text("您不能办理“{transition}”：{reason}。", "You cannot take “{transition}”: {reason}.")
    http_status = 403


class ReasonMissing(Refusal):
    code = "procedure.reason_missing"
    text = Text("办理“{transition}”须填写理由。", "“{transition}” needs a reason.")
    hint = Text("请在理由栏写明原因后重新提交。", "Write the reason and send again.")
    http_status = 422


class OtherPersonNeeded(Refusal):
    """The two-person rule inside a procedure."""

    code = "procedure.other_person_needed"
    text = Text("您不能办理“{transition}”：{reason}。", "You cannot take “{transition}”: {reason}.")
    hint = Text("请由另一位有权限的人员办理。", "Ask another person with the role.")
    http_status = 403


class CaseVersionUnknown(Refusal):
    """This release does not know the version of the procedure under which the case was opened."""

    code = "procedure.version_unknown"
    text = Text(
        "系统中没有程序 {procedure} 第 {version} 版，案件不能办理。",
        "This installation does not know version {version} of procedure {procedure}; the case cannot move.",
    )
    hint = Text("请联系平台管理员。", "Ask the platform's administrator.")
    http_status = 503


class CaseAlreadyOpen(Refusal):
    code = "procedure.case_already_open"
    text = Text("该事项已在办理中。", "This matter is already being handled.")
    hint = Text("请打开已有案件继续办理。", "Continue with the open case.")


class CasePaused(Refusal):
    code = "procedure.case_paused"
    text = Text("案件已于{since}中止，恢复前不能办理。", "The case has been suspended since {since}.")


class CaseNotPaused(Refusal):
    code = "procedure.case_not_paused"
    text = Text("案件没有中止，无需恢复。", "The case is not suspended.")


class CaseClosed(Refusal):
    code = "procedure.case_closed"
    text = Text("案件已办结。", "The case is closed.")


def open_case(
    *,
    actor: Actor,
    procedure: str,
    subject_type: str,
    subject_id: object,
    title: Text,
    url: str,
    parties: Mapping[str, int],
    now: dt.datetime,
    facts: Mapping[str, Any] | None = None,
    version: int | None = None,
    city: str | None = None,
) -> Case:
    """Open a case of the newest version (or `version`) of a procedure. Part.

    `parties` maps roles of the procedure to organisation ids; a role without a party may be taken by any
    organisation that has it. Raises CaseVersionUnknown, CaseAlreadyOpen, and workdays.CalendarMissing
    when the first deadline cannot be counted. ValueError when a role of a party (`…@name`) is not given.
    """
    definition = latest(procedure) if version is None else find(procedure, version)
    if definition is None:
        raise CaseVersionUnknown(procedure=procedure, version=version or "-")
    by_role = {str(role): organisation for role, organisation in parties.items()}
    _require_parties(definition, by_role)
    if Case.objects.filter(
        procedure_code=procedure, subject_type=subject_type, subject_id=str(subject_id), closed_at=None
    ).exists():
        raise CaseAlreadyOpen
    known = _plain(facts)
    state = definition.state(definition.initial)
    case = Case(
        procedure_code=definition.code,
        procedure_version=definition.version,
        state=state.code,
        subject_type=subject_type,
        subject_id=str(subject_id),
        title_zh=title.zh[:300],
        title_en=title.en[:300],
        url=url,
        facts=known,
        turns=turns_of(definition, state.code, by_role),
        position=1,
        state_since=now,
        deadline_at=_due(definition, state.code, now, known),
        opened_at=now,
    )
    if city is not None:
        case.city = city
    case.save(force_insert=True)
    CaseParty.objects.bulk_create(
        CaseParty(case=case, role=role, organisation_id=organisation)
        for role, organisation in by_role.items()
    )
    _write_step(case, OPEN, "", actor, now, facts=known)
    return case


def lock_case(case_id: int) -> Case:
    """The case, its row locked to the end of the transaction. Part; call it before any other lock. Raises NotFound."""
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NotFound(what=Text("案件", "The case"))
    return case


def lock_case_of(*, procedure: str, subject_type: str, subject_id: object) -> Case:
    """The newest case of a subject, locked. Part. Raises NotFound."""
    case = (
        Case.objects.select_for_update()
        .filter(procedure_code=procedure, subject_type=subject_type, subject_id=str(subject_id))
        .order_by("-id")
        .first()
    )
    if case is None:
        raise NotFound(what=Text("案件", "The case"))
    return case


def advance(
    *,
    actor: Actor,
    case: Case,
    transition: str,
    now: dt.datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> CaseStep:
    """Take one transition of a locked case: new state, new deadline, one step. Part.

    `facts` are merged into the case's facts (a deadline of unit "fact" reads them). `case` is updated in
    place. Raises TransitionNotAllowed, NotYourTurn, OtherPersonNeeded, ReasonMissing, CasePaused,
    CaseVersionUnknown, Stale (the case was not locked and somebody was faster), workdays.CalendarMissing.
    A transition that the procedure does not have is a programming error (KeyError).
    """
    definition = _definition(case)
    way = definition.transition(transition)
    _require_state(definition, case, way)
    parties = _parties(case)
    _require_actor(actor, case, way, parties)
    if way.needs_reason and not reason.strip():
        raise ReasonMissing(transition=way.label)
    new_facts = _plain(facts)
    known = {**case.facts, **new_facts}
    target = definition.state(way.target)
    before = case.state
    _change(
        case,
        state=target.code,
        facts=known,
        turns=turns_of(definition, target.code, parties),
        state_since=now,
        deadline_at=None if target.final else _due(definition, target.code, now, known),
        closed_at=now if target.final else None,
        pass_tries=0,
        pass_again_at=None,
        pass_error="",
    )
    return _write_step(
        case, way.code, before, actor, now, reason=reason.strip(), clause=way.clause, facts=new_facts
    )


def pause(*, actor: Actor, case: Case, now: dt.datetime, reason: str, clause: str = "") -> CaseStep:
    """Stop the clock of a locked case (an investigation, force majeure). Part; who may is the act's question.

    While it stands no transition can be taken and no deadline passes. Raises CaseClosed, CasePaused, ReasonMissing.
    """
    if case.closed_at is not None:
        raise CaseClosed
    if case.paused_at is not None:
        raise CasePaused(since=case.paused_at.isoformat(timespec="minutes"))
    if not reason.strip():
        raise ReasonMissing(transition=Text("中止", "suspend"))
    _change(case, paused_at=now)
    return _write_step(case, PAUSE, case.state, actor, now, reason=reason.strip(), clause=clause)


def resume(*, actor: Actor, case: Case, now: dt.datetime, reason: str = "", clause: str = "") -> CaseStep:
    """Let the clock run again; the deadline moves by the time it stood still. Part.

    Deadlines counted in days move by the working days of the pause, others by its exact length, so a
    deadline never comes earlier. Raises CaseNotPaused, workdays.CalendarMissing.
    """
    if case.paused_at is None:
        raise CaseNotPaused
    deadline = _definition(case).state(case.state).deadline
    due = case.deadline_at
    moved: dict[str, Any] = {}
    if due is not None and deadline is not None:
        due = after_pause(deadline.unit, due, case.paused_at, now)
        if deadline.unit == "fact":  # a later state may read the same fact
            moved = _plain({str(deadline.amount): due})
    _change(case, paused_at=None, deadline_at=due, facts={**case.facts, **moved})
    return _write_step(
        case, RESUME, case.state, actor, now, reason=reason.strip(), clause=clause, facts=moved
    )


def amend(
    *,
    actor: Actor,
    case: Case,
    now: dt.datetime,
    facts: Mapping[str, Any],
    reason: str = "",
    clause: str = "",
) -> CaseStep:
    """Change facts of an open case without leaving its state; a "fact" deadline is read anew. Part.

    For times moved by what happens (a lawful postponement, the end of bidding). Raises CaseClosed.
    """
    if case.closed_at is not None:
        raise CaseClosed
    definition = _definition(case)
    new_facts = _plain(facts)
    known = {**case.facts, **new_facts}
    deadline = definition.state(case.state).deadline
    due = case.deadline_at
    if deadline is not None and deadline.unit == "fact":
        due = _due(definition, case.state, case.state_since, known)
    _change(case, facts=known, deadline_at=due)
    return _write_step(
        case, AMEND, case.state, actor, now, reason=reason.strip(), clause=clause, facts=new_facts
    )


@act("procedure.deadline.pass")
def pass_deadline(*, actor: Actor, case_id: int, now: dt.datetime) -> CaseStep | None:
    """Advance one case whose deadline has passed, when no context has an act of its own for it.

    None when the deadline is no longer due (another process was faster, or it moved). Raises what
    `advance` raises.
    """
    case = lock_case(case_id)
    definition = _definition(case)
    deadline = definition.state(case.state).deadline
    if deadline is None or not _is_due(case, now):
        return None
    step = advance(actor=actor, case=case, transition=deadline.on_pass, now=now, reason=DEADLINE_REASON.zh)
    audit.record(
        actor=actor,
        act="procedure.deadline.pass",
        subject_type=case.subject_type,
        subject_id=case.subject_id,
        at=now,
        facts={"case": case.pk, "transition": step.transition, "from": step.from_state, "to": step.to_state},
        reason=step.reason,
        clause=deadline.clause,
    )
    return step


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of one due case: moved, or why not."""

    case_id: int
    transition: str
    error: str = ""


def pass_deadlines(*, now: dt.datetime, limit: int = 200) -> list[Passed]:
    """Run the act of every deadline that has passed, each in its own transaction; the oldest first.

    Not an act itself: it calls acts. One process at a time (others return at once). A case whose act
    fails is put back with growing waits up to an hour and named in `Case.pass_error`, so that it never
    keeps the others waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_PASSER_LOCK])
        row = cursor.fetchone()
    if row is None or not row[0]:
        return []
    try:
        due = Case.objects.filter(deadline_at__lte=now, paused_at=None).filter(
            Q(pass_again_at=None) | Q(pass_again_at__lte=now)
        )
        return [
            passed for case in due.order_by("deadline_at", "id")[:limit] if (passed := _pass_one(case, now))
        ]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_PASSER_LOCK])


def _pass_one(case: Case, now: dt.datetime) -> Passed | None:
    transition = ""
    try:
        deadline = _definition(case).state(case.state).deadline
        if deadline is None:
            return None
        transition = deadline.on_pass
        handler = handler_of(case.procedure_code, transition)
        if handler is None:
            pass_deadline(actor=SYSTEM, case_id=case.pk, now=now)
        else:
            handler(case_id=case.pk, now=now)
        current = Case.objects.get(pk=case.pk)
        if current.position == case.position and _is_due(current, now):
            raise RuntimeError(f"the act for {transition} left the case where it was")
    except Exception as error:
        text = f"{getattr(error, 'code', '') or type(error).__name__}: {error}"[:500]
        wait = dt.timedelta(seconds=min(10 * 2 ** min(case.pass_tries, 9), RETRY_SECONDS_MAX))
        unmoved = Case.objects.filter(pk=case.pk, position=case.position)
        if not unmoved.update(pass_tries=F("pass_tries") + 1, pass_again_at=now + wait, pass_error=text):
            return None  # a person acted at the same moment and was faster
        log.exception("deadline of case %s (%s) could not be passed", case.pk, case.procedure_code)
        return Passed(case.pk, transition, text)
    return Passed(case.pk, transition)


class NothingStuck(Refusal):
    code = "platform.nothing_stuck"
    text = Text("该事项已不在待处理中，没有需要重试的。", "Nothing of this waits for another try any more.")
    hint = Text("请刷新页面。", "Reload the page.")


@act("procedure.deadline.retry")
def retry_deadline(*, actor: Actor, case_id: int, now: dt.datetime) -> Case:
    """Let the worker pass a stuck deadline at its next turn, without the rest of the wait. By the administrator;
    it decides nothing. Raises NotAllowed, NotFound, NothingStuck."""
    require_role(actor, Role.ADMIN).require()
    case = lock_case(case_id)
    if not case.pass_error or case.closed_at is not None:
        raise NothingStuck
    Case.objects.filter(pk=case.pk).update(pass_again_at=None)
    audit.record(
        actor=actor,
        act="procedure.deadline.retry",
        subject_type=case.subject_type,
        subject_id=case.subject_id,
        at=now,
        facts={"case": case.pk, "tries": case.pass_tries, "error": case.pass_error},
    )
    return case


def _is_due(case: Case, now: dt.datetime) -> bool:
    return case.paused_at is None and case.deadline_at is not None and case.deadline_at <= now


def _definition(case: Case) -> Procedure:
    definition = case.definition
    if definition is None:
        raise CaseVersionUnknown(procedure=case.procedure_code, version=case.procedure_version)
    return definition


def _require_parties(definition: Procedure, parties: Mapping[str, int]) -> None:
    named = {role for t in definition.transitions for role in t.roles}
    missing = sorted(role for role in named if "@" in role and role not in parties)
    strange = sorted(role for role in parties if base_role(role) not in {base_role(r) for r in named})
    if missing or strange:
        raise ValueError(f"{definition.label}: parties missing {missing}, not of this procedure {strange}")


def _require_state(definition: Procedure, case: Case, way: Transition) -> None:
    if case.state not in way.sources:
        state = definition.state(case.state)
        needed = [definition.state(source).staff for source in way.sources]
        raise TransitionNotAllowed(
            transition=way.label,
            needed=Text("、".join(n.zh for n in needed), ", ".join(n.en for n in needed)),
            state=state.staff,
        )
    if case.paused_at is not None:
        raise CasePaused(since=case.paused_at.isoformat(timespec="minutes"))


def _require_actor(actor: Actor, case: Case, way: Transition, parties: Mapping[str, int]) -> None:
    verdict = may_take(actor, way, parties)
    if not verdict:
        raise NotYourTurn(transition=way.label, reason=verdict.reason, clause=way.clause)
    if way.other_person_than and not actor.is_system:
        verdict = may_after(actor, way, taken_by(case, way.other_person_than))
        if not verdict:
            raise OtherPersonNeeded(transition=way.label, reason=verdict.reason, clause=way.clause)


def taken_by(case: Case, transitions: tuple[str, ...]) -> list[Taken]:
    """Who took these transitions of the case, ever."""
    steps = CaseStep.objects.filter(case=case, transition__in=transitions)
    return [Taken(*row) for row in steps.values_list("transition", "actor_person_id", "actor_user_id")]


def _parties(case: Case) -> dict[str, int]:
    return dict(CaseParty.objects.filter(case=case).values_list("role", "organisation_id"))


def _due(
    definition: Procedure, state: str, since: dt.datetime, facts: Mapping[str, Any]
) -> dt.datetime | None:
    deadline = definition.state(state).deadline
    if deadline is None:
        return None
    due = due_at(deadline, since, facts)
    # An announced instant may lie behind us when a step came late: it is due at once, but never before its state.
    return max(due, since + dt.timedelta(microseconds=1)) if due is not None else None


def _plain(facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts as JSON stores them, so that what is read back equals what the step says."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(facts or {}), cls=DjangoJSONEncoder))
    return plain


def _change(case: Case, **values: Any) -> None:
    values["position"] = case.position + 1
    if not Case.objects.filter(pk=case.pk, position=case.position).update(**values):
        raise Stale
    for name, value in values.items():
        setattr(case, name, value)


def _write_step(
    case: Case,
    transition: str,
    before: str,
    actor: Actor,
    now: dt.datetime,
    *,
    reason: str = "",
    clause: str = "",
    facts: dict[str, Any] | None = None,
) -> CaseStep:
    return CaseStep.objects.create(
        case=case,
        position=case.position,
        transition=transition,
        from_state=before,
        to_state=case.state,
        at=now,
        actor_user_id=actor.user_id,
        actor_person_id=actor.person_id,
        actor_organisation_id=actor.organisation_id,
        actor_name=actor.name,
        via=actor.via,
        reason=reason,
        clause=clause,
        facts=facts or {},
        deadline_at=case.deadline_at,
    )

"""What waits for whom, what was done, what comes next: everything the desk and the case page show.

Texts come from the registered procedures, so each function costs the fixed number of queries it names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures.models import Case, CaseParty, CaseStep
from terrace.kernel.procedures.procedures import find, registered
from terrace.kernel.procedures.rules import (
    AMEND,
    OPEN,
    PAUSE,
    RESUME,
    SYSTEM_ROLE,
    Procedure,
    State,
    Taken,
    Transition,
    base_role,
    may_after,
    may_take,
    role_label,
    turn_keys,
)
from terrace.kernel.workdays import rules as workdays

_STEP_LABELS = {
    OPEN: Text("立案", "Opened"),
    PAUSE: Text("中止", "Suspended"),
    RESUME: Text("恢复", "Resumed"),
    AMEND: Text("变更事项", "Facts changed"),
}
_UNKNOWN = Text("未知(程序版本未安装)", "unknown (version not installed)")
PAUSED = Text("已中止，期限停止计算", "suspended: the clock stands still")


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline as people read it. `workdays_left` is None beyond the last loaded calendar."""

    at: dt.datetime
    workdays_left: int | None
    overdue: bool
    on_pass: Text
    length: Text
    clause: str
    proposed: bool


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """One line of “waits for me”: what, where, what I can do, by when, and what happens if nobody acts."""

    case_id: int
    title: Text
    url: str
    procedure: Text
    state: Text
    since: dt.datetime
    actions: tuple[Text, ...]
    due: Due | None


@dataclass(frozen=True, slots=True)
class WaitedOnItem:
    """One line of “I wait for”: with whom it lies, since when, and until when."""

    case_id: int
    title: Text
    url: str
    procedure: Text
    state: Text
    since: dt.datetime
    who: tuple[Text, ...]
    paused: bool
    due: Due | None


@dataclass(frozen=True, slots=True)
class DoneItem:
    """One line of “recently done”."""

    case_id: int
    title: Text
    url: str
    procedure: Text
    action: Text
    at: dt.datetime
    state_now: Text
    closed: bool


@dataclass(frozen=True, slots=True)
class Option:
    """A transition out of the current state: may I take it, and if not, why not."""

    code: str
    label: Text
    allowed: bool
    reason: Text
    target: Text
    needs_reason: bool
    is_final: bool
    clause: str
    who: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """One past step of the vertical line."""

    position: int
    label: Text
    from_state: Text
    to_state: Text
    public_state: Text
    at: dt.datetime
    actor_name: str
    automatic: bool
    reason: str
    clause: str
    deadline_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class NextLine:
    """One possible next step: what, who, by when, under which clause. `by` is the deadline of the state."""

    code: str
    label: Text
    who: tuple[Text, ...]
    by: dt.datetime | None
    clause: str
    is_on_pass: bool
    expected: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The right-hand side of a case page: done, now, next."""

    procedure: Text
    version: int
    steps: tuple[StepLine, ...]
    state: Text
    public_state: Text
    since: dt.datetime
    paused_at: dt.datetime | None
    closed_at: dt.datetime | None
    due: Due | None
    next: tuple[NextLine, ...]


def case_of(procedure: str, subject_type: str, subject_id: object) -> Case | None:
    """The newest case of a subject under a procedure. One query."""
    return (
        Case.objects.filter(procedure_code=procedure, subject_type=subject_type, subject_id=str(subject_id))
        .order_by("-id")
        .first()
    )


def cases_of(procedure: str, subject_type: str, subject_ids: Iterable[object]) -> dict[str, Case]:
    """The newest case of each of many subjects, by subject id as text. One query: for lists."""
    cases = Case.objects.filter(
        procedure_code=procedure, subject_type=subject_type, subject_id__in=[str(i) for i in subject_ids]
    ).order_by("id")
    return {case.subject_id: case for case in cases}


def waiting_for(
    actor: Actor, *, now: dt.datetime | None = None, offset: int = 0, limit: int = 25
) -> list[WaitingItem]:
    """The open cases that wait for this actor, the nearest deadline first, those without one last. One query."""
    at = now or clock.now()
    cases = _waiting(actor).order_by("deadline_at", "state_since", "id")[offset : offset + limit]
    return [
        WaitingItem(
            case_id=case.pk,
            title=case.title,
            url=case.url,
            procedure=_title(case),
            state=_staff(case),
            since=case.state_since,
            actions=_actions(case, actor),
            due=due_of(case, at),
        )
        for case in cases
    ]


def count_waiting_for(actor: Actor) -> int:
    """How many cases wait for this actor. One query."""
    return _waiting(actor).count()


def waited_on_by(
    actor: Actor, *, now: dt.datetime | None = None, offset: int = 0, limit: int = 25
) -> list[WaitedOnItem]:
    """Open cases of the actor's organisation, or touched by the actor, that lie with somebody else. At most two queries."""
    at = now or clock.now()
    cases = list(_waited_on(actor).order_by("deadline_at", "state_since", "id")[offset : offset + limit])
    names = _organisation_names(cases)
    return [
        WaitedOnItem(
            case_id=case.pk,
            title=case.title,
            url=case.url,
            procedure=_title(case),
            state=_staff(case),
            since=case.state_since,
            who=_who(case, names),
            paused=case.paused_at is not None,
            due=due_of(case, at),
        )
        for case in cases
    ]


def count_waited_on_by(actor: Actor) -> int:
    """How many cases of the actor lie with somebody else. One query."""
    return _waited_on(actor).count()


def recently_done(actor: Actor, *, limit: int = 10) -> list[DoneItem]:
    """The actor's own last steps, newest first. One query."""
    if actor.user_id is None:
        return []
    steps = CaseStep.objects.filter(actor_user_id=actor.user_id).select_related("case").order_by("-id")
    return [
        DoneItem(
            case_id=step.case.pk,
            title=step.case.title,
            url=step.case.url,
            procedure=_title(step.case),
            action=_step_label(step.case.definition, step.transition),
            at=step.at,
            state_now=_staff(step.case),
            closed=step.case.closed_at is not None,
        )
        for step in steps[:limit]
    ]


def options_for(case: Case, actor: Actor) -> list[Option]:
    """Every transition out of the current state that people can take, allowed or not, with the reason. At most two queries."""
    definition = case.definition
    if definition is None or case.closed_at is not None:
        return []
    parties = dict(CaseParty.objects.filter(case=case).values_list("role", "organisation_id"))
    ways = [t for t in definition.ways_out(case.state) if set(t.roles) != {SYSTEM_ROLE}]
    earlier = {code for t in ways for code in t.other_person_than}
    taken = (
        [
            Taken(*row)
            for row in CaseStep.objects.filter(case=case, transition__in=earlier).values_list(
                "transition", "actor_person_id", "actor_user_id"
            )
        ]
        if earlier
        else []
    )
    return [_option(case, definition, way, actor, parties, taken) for way in ways]


def steps_of(case: Case) -> list[StepLine]:
    """What happened, in order: who, when, why, under which clause. One query."""
    definition = case.definition
    return [
        StepLine(
            position=step.position,
            label=_step_label(definition, step.transition),
            from_state=_state_text(definition, step.from_state),
            to_state=_state_text(definition, step.to_state),
            public_state=_state_text(definition, step.to_state, public=True),
            at=step.at,
            actor_name=step.actor_name,
            automatic=step.via == "system",
            reason=step.reason,
            clause=step.clause,
            deadline_at=step.deadline_at,
        )
        for step in CaseStep.objects.filter(case=case).order_by("position")
    ]


def next_steps_of(case: Case) -> list[NextLine]:
    """What can come next: who, by when, under which clause. No query."""
    definition = case.definition
    if definition is None or case.closed_at is not None:
        return []
    deadline = definition.state(case.state).deadline
    return [
        NextLine(
            code=way.code,
            label=way.label,
            who=_roles(way.roles),
            by=case.deadline_at,
            clause=way.clause,
            is_on_pass=deadline is not None and deadline.on_pass == way.code,
            expected=way.expected,
        )
        for way in definition.ways_out(case.state)
    ]


def timeline_of(case: Case, *, now: dt.datetime | None = None) -> Timeline:
    """Everything the vertical line of a case page shows. One query."""
    return Timeline(
        procedure=_title(case),
        version=case.procedure_version,
        steps=tuple(steps_of(case)),
        state=_staff(case),
        public_state=_state_text(case.definition, case.state, public=True),
        since=case.state_since,
        paused_at=case.paused_at,
        closed_at=case.closed_at,
        due=due_of(case, now or clock.now()),
        next=tuple(next_steps_of(case)),
    )


def due_of(case: Case, now: dt.datetime) -> Due | None:
    """The deadline of a case in words; None without one or while the case is paused. No query."""
    definition = case.definition
    if case.deadline_at is None or case.paused_at is not None or definition is None:
        return None
    deadline = definition.state(case.state).deadline
    if deadline is None:
        return None
    try:
        left: int | None = workdays.workdays_left(now, case.deadline_at)
    except workdays.CalendarMissing:
        left = None
    return Due(
        at=case.deadline_at,
        workdays_left=left,
        overdue=case.deadline_at <= now,
        on_pass=definition.transition(deadline.on_pass).label,
        length=deadline.label(),
        clause=deadline.clause,
        proposed=deadline.proposed,
    )


def stuck_cases() -> QuerySet[Case]:
    """Cases whose deadline act failed and waits to be tried again: for the operator."""
    return Case.objects.filter(pass_tries__gt=0, closed_at=None).order_by("pass_again_at")


def unknown_versions() -> list[str]:
    """Procedures of open cases that this release does not know, as `code vN`; to be asked before a release. One query."""
    known = {(p.code, p.version) for p in registered()}
    open_cases = Case.objects.filter(closed_at=None).values_list("procedure_code", "procedure_version")
    return sorted(f"{code} v{version}" for code, version in set(open_cases.distinct()) - known)


def _waiting(actor: Actor) -> QuerySet[Case]:
    keys = turn_keys(actor)
    if not keys:
        return Case.objects.none()
    return Case.objects.filter(closed_at=None, paused_at=None, turns__overlap=keys)


def _waited_on(actor: Actor) -> QuerySet[Case]:
    if actor.user_id is None:
        return Case.objects.none()
    mine = Exists(CaseStep.objects.filter(case=OuterRef("pk"), actor_user_id=actor.user_id))
    if actor.organisation_id is not None:
        parties = CaseParty.objects.filter(case=OuterRef("pk"), organisation_id=actor.organisation_id)
        mine = mine | Exists(parties)  # type: ignore[assignment]  # two conditions make a Q-like one
    cases = Case.objects.filter(mine, closed_at=None)
    keys = turn_keys(actor)
    return cases.exclude(Q(turns__overlap=keys) & Q(paused_at=None)) if keys else cases


def _option(
    case: Case,
    definition: Procedure,
    way: Transition,
    actor: Actor,
    parties: dict[str, int],
    taken: list[Taken],
) -> Option:
    verdict = may_take(actor, way, parties)
    if verdict and case.paused_at is not None:
        allowed, reason = False, PAUSED
    elif verdict:
        second = may_after(actor, way, taken)
        allowed, reason = second.allowed, second.reason
    else:
        allowed, reason = False, verdict.reason
    target = definition.state(way.target)
    return Option(
        code=way.code,
        label=way.label,
        allowed=allowed,
        reason=reason,
        target=target.staff,
        needs_reason=way.needs_reason,
        is_final=target.final,
        clause=way.clause,
        who=_roles(way.roles),
    )


def _actions(case: Case, actor: Actor) -> tuple[Text, ...]:
    definition = case.definition
    if definition is None:
        return ()
    mine = {base_role(key.partition(":")[0]) for key in case.turns} & actor.roles
    return tuple(
        way.label
        for way in definition.ways_out(case.state)
        if way.expected and any(base_role(role) in mine for role in way.roles)
    )


def _who(case: Case, names: dict[int, Text]) -> tuple[Text, ...]:
    texts = []
    for turn in case.turns:
        role, _, organisation = turn.partition(":")
        label = role_label(role)
        if organisation:
            name = names[int(organisation)]
            label = Text(f"{name.zh}({label.zh})", f"{name.en} ({label.en})")
        texts.append(label)
    return tuple(texts) or (role_label(SYSTEM_ROLE),)


def _organisation_names(cases: Iterable[Case]) -> dict[int, Text]:
    ids = {int(turn.partition(":")[2]) for case in cases for turn in case.turns if ":" in turn}
    rows = Organisation.objects.filter(pk__in=ids).values_list("pk", "name", "name_en")
    return {pk: Text(name, name_en or name) for pk, name, name_en in rows}


def _roles(roles: Iterable[str]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(role_label(role) for role in roles))


def _title(case: Case) -> Text:
    definition = find(case.procedure_code, case.procedure_version)
    return definition.title if definition is not None else Text(case.procedure_code, case.procedure_code)


def _staff(case: Case) -> Text:
    return _state_text(case.definition, case.state)


def _state_text(definition: Procedure | None, code: str, *, public: bool = False) -> Text:
    if not code:
        return Text("", "")
    if definition is None:
        return _UNKNOWN
    state: State = definition.state(code)
    return state.public if public else state.staff


def _step_label(definition: Procedure | None, transition: str) -> Text:
    if transition in _STEP_LABELS:
        return _STEP_LABELS[transition]
    return definition.transition(transition).label if definition is not None else _UNKNOWN

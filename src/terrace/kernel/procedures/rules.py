"""A procedure as data: states, transitions, roles, deadlines, clauses; the check that it can be walked to an end;
who may take a step and for whom a case waits.

Pure: no Django. A context writes its procedures as values of these classes in its own `procedures.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.kernel.workdays import rules as workdays

SYSTEM_ROLE = "SYSTEM"
CODE_MAX = 40
END_OF_DAY_HOUR = 17  # Shanghai: offices close
UNITS = ("workdays", "days", "hours", "minutes", "fact")
OPEN, PAUSE, RESUME, AMEND = "OPEN", "PAUSE", "RESUME", "AMEND"
RESERVED_CODES = frozenset({OPEN, PAUSE, RESUME, AMEND})  # steps that every case knows
Parties = Mapping[str, int]  # role of the case -> organisation
_PROCEDURE_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a case may stay in a state, and the transition taken when the time has passed.

    `unit` "workdays": `amount` working days after the day the state was entered, 17:00 in Shanghai;
    "days": calendar days likewise, moved to the next working day when the last one is none (Civil Code
    article 203); "hours", "minutes": exact; "fact": `amount` names the case fact that holds the instant
    (ISO 8601), for times set by an announcement or moved by bids. `proposed` marks an amount that no
    source gives; pages show it so.
    """

    amount: int | str
    unit: str
    on_pass: str
    clause: str
    proposed: bool = False

    def label(self) -> Text:
        """The length in words: `5 个工作日` / `5 working days`."""
        if self.unit == "fact":
            return Text("按公告载明的时间", "at the announced time")
        zh, en = {
            "workdays": ("个工作日", "working days"),
            "days": ("日", "days"),
            "hours": ("小时", "hours"),
            "minutes": ("分钟", "minutes"),
        }[self.unit]
        return Text(f"{self.amount} {zh}", f"{self.amount} {en if self.amount != 1 else en[:-1]}")


@dataclass(frozen=True, slots=True)
class State:
    """One state, named three ways: its code, what staff read, what the public reads."""

    code: str
    staff: Text
    public: Text
    final: bool = False
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One way from some states to another and who may take it.

    `roles` are role codes or "SYSTEM" (a deadline, a job, another procedure). A role of a certain party
    is written `FIRM_CLERK@buyer`; the case then names that party. `expected=False` marks a right that may
    be used (withdraw, object) but is not a task that waits for anybody. `other_person_than` names
    transitions whose persons must not take this one. `after_end=True` marks what may still happen to an ended
    case, by the system alone: a sale that came to nothing after its award.
    """

    code: str
    sources: tuple[str, ...]
    target: str
    roles: tuple[str, ...]
    label: Text
    clause: str
    needs_reason: bool = False
    other_person_than: tuple[str, ...] = ()
    expected: bool = True
    after_end: bool = False


@dataclass(frozen=True, slots=True)
class Procedure:
    """A versioned state machine. A case keeps the version it was opened under."""

    code: str
    version: int
    title: Text
    initial: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    def state(self, code: str) -> State:
        """The state of that code; KeyError when there is none."""
        for state in self.states:
            if state.code == code:
                return state
        raise KeyError(code)

    def transition(self, code: str) -> Transition:
        """The transition of that code; KeyError when there is none."""
        for transition in self.transitions:
            if transition.code == code:
                return transition
        raise KeyError(code)

    def ways_out(self, state: str) -> tuple[Transition, ...]:
        """The transitions that may be taken in `state`, in the order they are written."""
        return tuple(t for t in self.transitions if state in t.sources)

    @property
    def label(self) -> str:
        return f"{self.code} v{self.version}"


def base_role(role: str) -> str:
    """`FIRM_CLERK@buyer` is the role FIRM_CLERK of the party buyer."""
    return role.partition("@")[0]


def due_at(deadline: Deadline, since: dt.datetime, facts: Mapping[str, Any]) -> dt.datetime | None:
    """The instant the deadline of a state entered at `since` passes; None when its fact is not known yet.

    Raises workdays.CalendarMissing when the days lie beyond the last loaded calendar.
    """
    if deadline.unit == "fact":
        value = facts.get(str(deadline.amount))
        if value is None:
            return None
        instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
        if instant.tzinfo is None:
            raise ValueError(f"the fact {deadline.amount} must be an aware instant")
        return instant.astimezone(dt.UTC)
    amount = int(deadline.amount)
    if deadline.unit == "workdays":
        return workdays.deadline(since, amount, END_OF_DAY_HOUR)
    if deadline.unit == "days":
        last = _day(since) + dt.timedelta(days=amount)
        if not workdays.is_workday(last):
            last = workdays.add(last, 1)
        return dt.datetime(
            last.year, last.month, last.day, END_OF_DAY_HOUR, tzinfo=workdays.SHANGHAI
        ).astimezone(dt.UTC)
    return since + (dt.timedelta(hours=amount) if deadline.unit == "hours" else dt.timedelta(minutes=amount))


def after_pause(unit: str, due: dt.datetime, paused: dt.datetime, resumed: dt.datetime) -> dt.datetime:
    """The deadline `due` moved by the time the clock stood still.

    In working days for deadlines counted in days (the hour of the day stays), exactly otherwise. A pause
    that begins and ends within one day costs no working day.
    """
    if unit not in ("workdays", "days"):
        return due + (resumed - paused)
    lost = workdays.count(_day(paused), _day(resumed))
    local = due.astimezone(workdays.SHANGHAI)
    moved = workdays.add(local.date(), lost)
    return dt.datetime.combine(moved, local.time(), tzinfo=workdays.SHANGHAI).astimezone(dt.UTC)


def _day(instant: dt.datetime) -> dt.date:
    return instant.astimezone(workdays.SHANGHAI).date()


def check(procedure: Procedure, roles: Iterable[str] | None = None) -> list[str]:
    """Everything wrong with a procedure, one sentence each; empty when it is sound.

    `roles`: the role codes that exist; None leaves the roles' spelling unchecked.
    """
    faults = _check_names(procedure)
    faults += _check_transitions(procedure, None if roles is None else {*roles, SYSTEM_ROLE})
    faults += _check_deadlines(procedure)
    faults += _check_paths(procedure)
    return [f"{procedure.label}: {fault}" for fault in faults]


def _check_names(procedure: Procedure) -> list[str]:
    faults = []
    if not _PROCEDURE_CODE.fullmatch(procedure.code):
        faults.append("the code must be lower-case words joined by dots")
    long = [
        c
        for c in (*(s.code for s in procedure.states), *(t.code for t in procedure.transitions))
        if len(c) > CODE_MAX
    ]
    faults += [f"the code {code} is longer than {CODE_MAX} characters" for code in long]
    if procedure.version < 1:
        faults.append("the version must be 1 or more")
    state_codes = [s.code for s in procedure.states]
    transition_codes = [t.code for t in procedure.transitions]
    faults += [f"state {code} is written twice" for code in _repeated(state_codes)]
    faults += [f"transition {code} is written twice" for code in _repeated(transition_codes)]
    faults += [
        f"transition {code}: the code is reserved" for code in sorted(RESERVED_CODES & {*transition_codes})
    ]
    if procedure.initial not in state_codes:
        faults.append(f"the initial state {procedure.initial} is unknown")
    if not any(s.final for s in procedure.states):
        faults.append("there is no final state")
    return faults


def _check_transitions(procedure: Procedure, roles: set[str] | None) -> list[str]:
    faults = []
    states = {s.code: s for s in procedure.states}
    codes = {t.code for t in procedure.transitions}
    for t in procedure.transitions:
        where = f"transition {t.code}"
        if not t.sources:
            faults.append(f"{where} starts nowhere")
        if not t.roles:
            faults.append(f"{where} has no role")
        faults += [f"{where}: unknown source {s}" for s in t.sources if s not in states]
        faults += [
            f"{where} leaves the final state {s}"
            for s in t.sources
            if s in states and states[s].final and not t.after_end
        ]
        if t.after_end:
            faults += _check_after_end(t, states)
        if t.target not in states:
            faults.append(f"{where}: unknown target {t.target}")
        if roles is not None:
            faults += [f"{where}: unknown role {r}" for r in t.roles if base_role(r) not in roles]
        if any(r.startswith(SYSTEM_ROLE + "@") for r in t.roles):
            faults.append(f"{where}: SYSTEM is no party")
        faults += [f"{where}: other person than unknown {c}" for c in t.other_person_than if c not in codes]
    return faults


def _check_after_end(t: Transition, states: dict[str, State]) -> list[str]:
    """What happens after the end leads from ends to an end, by the system, and waits for nobody."""
    where = f"transition {t.code} after the end"
    faults = [
        f"{where}: {code} is not final"
        for code in (*t.sources, t.target)
        if code in states and not states[code].final
    ]
    if t.roles != (SYSTEM_ROLE,) or t.expected:
        faults.append(f"{where}: only the system takes it, and it is not expected")
    return faults


def _check_deadlines(procedure: Procedure) -> list[str]:
    faults = []
    transitions = {t.code: t for t in procedure.transitions}
    for state in procedure.states:
        deadline = state.deadline
        if deadline is None:
            continue
        where = f"deadline of {state.code}"
        if state.final:
            faults.append(f"{where}: a final state has none")
        if deadline.unit not in UNITS:
            faults.append(f"{where}: unknown unit {deadline.unit}")
        elif deadline.unit == "fact":
            if not isinstance(deadline.amount, str) or not deadline.amount:
                faults.append(f"{where}: the amount must name a fact")
        elif not isinstance(deadline.amount, int) or deadline.amount < 1:
            faults.append(f"{where}: the amount must be a whole number of at least 1")
        on_pass = transitions.get(deadline.on_pass)
        if on_pass is None or state.code not in on_pass.sources:
            faults.append(f"{where}: {deadline.on_pass} is no transition from {state.code}")
        elif SYSTEM_ROLE not in on_pass.roles:
            faults.append(f"{where}: {deadline.on_pass} lacks the role SYSTEM")
    return faults


def _check_paths(procedure: Procedure) -> list[str]:
    faults = []
    forward: dict[str, set[str]] = {s.code: set() for s in procedure.states}
    backward: dict[str, set[str]] = {s.code: set() for s in procedure.states}
    for t in procedure.transitions:
        for source in t.sources:
            if source in forward and t.target in backward:
                forward[source].add(t.target)
                backward[t.target].add(source)
    reachable = _closure({procedure.initial} & forward.keys(), forward)
    ending = _closure({s.code for s in procedure.states if s.final}, backward)
    for state in procedure.states:
        if state.code not in reachable:
            faults.append(f"state {state.code} cannot be reached")
        if not state.final and not procedure.ways_out(state.code):
            faults.append(f"state {state.code} is not final and has no exit")
        elif state.code not in ending:
            faults.append(f"state {state.code} is a dead end: no final state can be reached from it")
    return faults


def _closure(start: set[str], edges: dict[str, set[str]]) -> set[str]:
    seen, waiting = set(start), list(start)
    while waiting:
        for target in edges[waiting.pop()] - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def _repeated(codes: list[str]) -> list[str]:
    return sorted({code for code in codes if codes.count(code) > 1})


@dataclass(frozen=True, slots=True)
class Taken:
    """That a person once took a transition of the case: what the two-person rule looks at."""

    transition: str
    person_id: int | None
    user_id: int | None


def role_label(role: str) -> Text:
    """A role in words; SYSTEM is the platform itself."""
    base = base_role(role)
    return Text("系统自动", "automatic") if base == SYSTEM_ROLE else Role(base).label


def may_take(actor: Actor, transition: Transition, parties: Parties) -> Verdict:
    """Whether the actor holds a role that may take the transition in a case with these parties."""
    for role in transition.roles:
        if role == SYSTEM_ROLE:
            if actor.is_system:
                return Verdict(True)
        elif actor.has_role(base_role(role)) and _is_party(actor, role, parties):
            return Verdict(True)
    zh = "、".join(dict.fromkeys(role_label(role).zh for role in transition.roles))
    en = ", ".join(dict.fromkeys(role_label(role).en for role in transition.roles))
    if any(actor.has_role(base_role(role)) for role in transition.roles):
        return Verdict(
            False,
            Text("此事项由另一单位办理", "another organisation is in charge of this"),
        )
    return Verdict(False, Text(f"应由{zh}办理", f"to be done by: {en}"))


def may_after(actor: Actor, transition: Transition, taken: Sequence[Taken]) -> Verdict:
    """The two-person rule: nobody takes a transition that must follow another person's."""
    for step in taken:
        if step.transition in transition.other_person_than and _same_person(actor, step):
            return Verdict(
                False,
                Text(
                    "前一环节由您办理，须由另一人办理本环节",
                    "you took the earlier step; another person must take this one",
                ),
            )
    return Verdict(True)


def turns_of(procedure: Procedure, state: str, parties: Parties) -> list[str]:
    """Whom a case in `state` waits for: role codes, with `:organisation` where the role is a party of the case."""
    turns: dict[str, None] = {}
    for transition in procedure.ways_out(state):
        if not transition.expected:
            continue
        for role in transition.roles:
            if role in parties:
                turns[f"{base_role(role)}:{parties[role]}"] = None
            elif "@" not in role and role != SYSTEM_ROLE:
                turns[role] = None
    return list(turns)


def turn_keys(actor: Actor) -> list[str]:
    """The values of `Case.turns` that mean this actor."""
    keys = sorted(actor.roles)
    if actor.organisation_id is not None:
        keys += [f"{role}:{actor.organisation_id}" for role in sorted(actor.roles)]
    return keys


def _is_party(actor: Actor, role: str, parties: Parties) -> bool:
    if role in parties:
        return parties[role] == actor.organisation_id
    return "@" not in role


def _same_person(actor: Actor, step: Taken) -> bool:
    if actor.person_id is not None and step.person_id is not None:
        return actor.person_id == step.person_id
    return actor.user_id is not None and actor.user_id == step.user_id

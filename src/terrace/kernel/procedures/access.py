"""Who may take a step of a case, and for whom a case waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures.rules import SYSTEM_ROLE, Procedure, Transition, base_role

Parties = Mapping[str, int]  # role of the case -> organisation


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

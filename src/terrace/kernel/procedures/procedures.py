"""The register of procedures: filled by each context in `AppConfig.ready()`, read-only afterwards.

A faulty procedure is refused here, so a process with one does not start. Several versions of one code may
be registered: new cases take the highest, open ones keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable

from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition, check

__all__ = [
    "Deadline",
    "Procedure",
    "ProcedureFaulty",
    "State",
    "Transition",
    "find",
    "handler_of",
    "latest",
    "on_deadline",
    "register",
    "registered",
    "wiring_faults",
]

DeadlineAct = Callable[..., object]

_procedures: dict[tuple[str, int], Procedure] = {}
_handlers: dict[tuple[str, str], DeadlineAct] = {}


class ProcedureFaulty(ValueError):
    """A procedure that cannot be walked, or two different ones of the same code and version."""


def register(procedure: Procedure) -> Procedure:
    """Add a procedure. Raises ProcedureFaulty with every fault; registering an equal value again is harmless."""
    if faults := check(procedure, roles=[role.value for role in Role]):
        raise ProcedureFaulty("; ".join(faults))
    key = (procedure.code, procedure.version)
    if _procedures.setdefault(key, procedure) != procedure:
        raise ProcedureFaulty(
            f"{procedure.label} is registered twice with different content: raise the version"
        )
    return procedure


def on_deadline(procedure_code: str, transition: str, act: DeadlineAct) -> None:
    """Say which act runs when a deadline with that `on_pass` transition passes: `act(case_id=..., now=...)`.

    The act is a public service (own transaction, own journal entry): it locks the case, advances it with
    the SYSTEM actor and does what goes with it (release a hold, open a round). Without one, passing the
    deadline only advances the case.
    """
    key = (procedure_code, transition)
    if _handlers.setdefault(key, act) is not act:
        raise ProcedureFaulty(f"{procedure_code}: the deadline act of {transition} is registered twice")


def find(code: str, version: int) -> Procedure | None:
    """That version of the procedure, or None."""
    return _procedures.get((code, version))


def latest(code: str) -> Procedure | None:
    """The version that new cases take, or None when the code is unknown."""
    versions = [version for known, version in _procedures if known == code]
    return _procedures[(code, max(versions))] if versions else None


def registered() -> list[Procedure]:
    """All procedures by code and version."""
    return [_procedures[key] for key in sorted(_procedures)]


def handler_of(procedure_code: str, transition: str) -> DeadlineAct | None:
    return _handlers.get((procedure_code, transition))


def wiring_faults() -> list[str]:
    """Deadline acts that no registered deadline would ever call."""
    called = {(p.code, s.deadline.on_pass) for p in _procedures.values() for s in p.states if s.deadline}
    return [
        f"{code}: an act is registered for {transition}, which no deadline of the procedure calls"
        for code, transition in sorted(_handlers)
        if (code, transition) not in called
    ]

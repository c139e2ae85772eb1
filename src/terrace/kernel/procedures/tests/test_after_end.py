"""What may still happen to an ended case: from an end to an end, by the system alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.rules import Procedure, State, Transition, check

WORD = Text("词", "word")
AFTER = Transition("undo", ("DONE",), "LOST", ("SYSTEM",), WORD, "x", expected=False, after_end=True)
PROCEDURE = Procedure(
    "test.after_end",
    1,
    WORD,
    "OPEN",
    (State("OPEN", WORD, WORD), State("DONE", WORD, WORD, final=True), State("LOST", WORD, WORD, final=True)),
    (Transition("finish", ("OPEN",), "DONE", ("SYSTEM",), WORD, "x"), AFTER),
)


def faults(**changes: object) -> list[str]:
    changed = replace(AFTER, **changes)  # type: ignore[arg-type]
    return check(replace(PROCEDURE, transitions=(PROCEDURE.transitions[0], changed)), roles=["BUREAU"])


def test_an_end_may_be_followed_by_another_end() -> None:
    assert check(PROCEDURE, roles=["BUREAU"]) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"after_end": False}, "leaves the final state DONE"),
        ({"target": "OPEN"}, "OPEN is not final"),
        ({"sources": ("OPEN",)}, "OPEN is not final"),
        ({"roles": ("BUREAU",)}, "only the system takes it"),
        ({"expected": True}, "only the system takes it"),
    ],
)
def test_anything_else_after_the_end_is_a_fault(changes: dict[str, object], fault: str) -> None:
    assert any(fault in found for found in faults(**changes))

"""A small procedure that uses every feature, organisations, actors, and cases."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import at_local
from terrace.kernel.base.credit_code import check_character
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation, OrganisationKind, OrganisationState
from terrace.kernel.procedures import services
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition

NOON = at_local(dt.date(2023, 12, 4), 12)  # a Monday
_numbers = itertools.count(1)


def text(word: str) -> Text:
    return Text(f"{word}(中)", f"{word} (en)")


def procedure(version: int = 1, code: str = "test.permit") -> Procedure:
    """Draft → review (5 working days, then lapsed) → granted or refused; granted waits for a fact."""
    return Procedure(
        code=code,
        version=version,
        title=text("permit"),
        initial="DRAFT",
        states=(
            State("DRAFT", text("draft"), text("draft")),
            State("REVIEW", text("review"), text("review"), deadline=Deadline(5, "workdays", "lapse", "第3条")),
            State("GRANTED", text("granted"), text("granted"), deadline=Deadline("until", "fact", "end", "第4条")),
            State("REFUSED", text("refused"), text("refused"), final=True),
            State("LAPSED", text("lapsed"), text("lapsed"), final=True),
            State("ENDED", text("ended"), text("ended"), final=True),
        ),
        transitions=(
            Transition("submit", ("DRAFT",), "REVIEW", ("FIRM_CLERK@buyer",), text("submit"), "第1条"),
            Transition("return", ("REVIEW",), "DRAFT", ("EXCHANGE_MAKER",), text("return"), "第2条", needs_reason=True),
            Transition(
                "grant", ("REVIEW",), "GRANTED", ("EXCHANGE_CHECKER",), text("grant"), "第2条",
                other_person_than=("return",),
            ),
            Transition("refuse", ("REVIEW",), "REFUSED", ("EXCHANGE_CHECKER",), text("refuse"), "第2条", needs_reason=True),
            Transition(
                "withdraw", ("DRAFT", "REVIEW"), "REFUSED", ("FIRM_CLERK@buyer",), text("withdraw"), "第5条",
                expected=False,
            ),
            Transition("lapse", ("REVIEW",), "LAPSED", ("SYSTEM",), text("lapse"), "第3条"),
            Transition("end", ("GRANTED",), "ENDED", ("SYSTEM",), text("end"), "第4条"),
        ),
    )  # fmt: skip


def organisation(kind: str = OrganisationKind.ENTERPRISE) -> Organisation:
    body = f"91371500MA{next(_numbers):07d}"
    return Organisation.objects.create(
        credit_code=body + check_character(body),
        name=f"测试单位{body}",
        kind=kind,
        state=OrganisationState.ACTIVE,
    )


def actor(organisation: Organisation | None, *roles: str, person: int | None = None) -> Actor:
    number = person if person is not None else next(_numbers) + 1_000
    return Actor(
        user_id=number,
        person_id=number,
        organisation_id=organisation.pk if organisation else None,
        membership_id=None,
        roles=frozenset(roles),
        name=f"人员{number}",
    )


def case(firm: Organisation, clerk: Actor, *, now: dt.datetime = NOON, **more: Any) -> Case:
    return services.open_case(
        actor=clerk,
        procedure="test.permit",
        subject_type="permit",
        subject_id=next(_numbers),
        title=text("permit of a firm"),
        url="/permits/1/",
        parties={"FIRM_CLERK@buyer": firm.pk},
        now=now,
        **more,
    )

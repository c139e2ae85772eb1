"""The acts of the reserve body, and the parts that listings call when a planned lot goes on sale."""

from terrace.market.reserve.services.intakes import NewIntake, decide_intake, register_intake
from terrace.market.reserve.services.papers import attach_intake_paper
from terrace.market.reserve.services.plans import (
    NewLot,
    add_planned_lot,
    create_plan,
    decide_plan,
    mark_listed,
    mark_released,
    mark_returned,
    remove_planned_lot,
    reopen_plan,
    submit_plan,
)

__all__ = [
    "NewIntake",
    "NewLot",
    "add_planned_lot",
    "attach_intake_paper",
    "create_plan",
    "decide_intake",
    "decide_plan",
    "mark_listed",
    "mark_released",
    "mark_returned",
    "register_intake",
    "remove_planned_lot",
    "reopen_plan",
    "submit_plan",
]

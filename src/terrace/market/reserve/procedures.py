"""Procedures of the reserve body: intake and release plan, each with a second person (D 3a)."""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition

TWO_PERSONS = "政府储备排污权出入库实行经办、复核分离"
PLAN_CLAUSE = "聊城市排污权有偿使用和交易实施细则(2025)：储备排污权出让计划"

INTAKE = Procedure(
    code="reserve.intake",
    version=1,
    title=Text("政府储备入库", "Intake into the reserve"),
    initial="SUBMITTED",
    states=(
        State(
            "SUBMITTED",
            Text("待复核", "Waiting for the second person"),
            Text("办理中", "In progress"),
            deadline=Deadline(3, "workdays", "overdue", TWO_PERSONS, proposed=True),
        ),
        State("APPROVED", Text("已入库", "In the reserve"), Text("已入库", "In the reserve"), final=True),
        State("REJECTED", Text("已退回", "Sent back"), Text("已退回", "Sent back"), final=True),
    ),
    transitions=(
        Transition(
            "approve",
            ("SUBMITTED",),
            "APPROVED",
            ("RESERVE_CHECKER",),
            Text("复核通过，入库", "Approve and take in"),
            TWO_PERSONS,
        ),
        Transition(
            "reject",
            ("SUBMITTED",),
            "REJECTED",
            ("RESERVE_CHECKER",),
            Text("退回", "Send back"),
            TWO_PERSONS,
            needs_reason=True,
        ),
        Transition(
            "overdue",
            ("SUBMITTED",),
            "SUBMITTED",
            ("SYSTEM",),
            Text("复核逾期，催办", "Check overdue, reminder"),
            TWO_PERSONS,
            expected=False,
        ),
    ),
)

PLAN = Procedure(
    code="reserve.plan",
    version=1,
    title=Text("储备排污权出让计划", "Release plan of the reserve"),
    initial="DRAFT",
    states=(
        State("DRAFT", Text("草拟", "Draft"), Text("草拟", "Draft")),
        State(
            "SUBMITTED",
            Text("待复核", "Waiting for the second person"),
            Text("审核中", "Under review"),
            deadline=Deadline(3, "workdays", "overdue", PLAN_CLAUSE, proposed=True),
        ),
        State("REJECTED", Text("已退回", "Sent back"), Text("审核中", "Under review")),
        State("APPROVED", Text("已批准", "Approved"), Text("已批准", "Approved"), final=True),
    ),
    transitions=(
        Transition(
            "submit",
            ("DRAFT",),
            "SUBMITTED",
            ("RESERVE_MAKER",),
            Text("提交复核", "Submit for approval"),
            PLAN_CLAUSE,
        ),
        Transition(
            "approve",
            ("SUBMITTED",),
            "APPROVED",
            ("RESERVE_CHECKER",),
            Text("批准计划", "Approve the plan"),
            PLAN_CLAUSE,
            other_person_than=("submit",),
        ),
        Transition(
            "reject",
            ("SUBMITTED",),
            "REJECTED",
            ("RESERVE_CHECKER",),
            Text("退回修改", "Send back"),
            PLAN_CLAUSE,
            needs_reason=True,
            other_person_than=("submit",),
        ),
        Transition(
            "reopen",
            ("REJECTED",),
            "DRAFT",
            ("RESERVE_MAKER",),
            Text("重新编制", "Work on it again"),
            PLAN_CLAUSE,
        ),
        Transition(
            "overdue",
            ("SUBMITTED",),
            "SUBMITTED",
            ("SYSTEM",),
            Text("复核逾期，催办", "Check overdue, reminder"),
            PLAN_CLAUSE,
            expected=False,
        ),
    ),
)

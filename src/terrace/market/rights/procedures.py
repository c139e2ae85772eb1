"""The two procedures of this context: verification of a right (D1) and the check of a project's need (D2)."""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition

BRANCH_THEN_BUREAU = "聊城市排污权有偿使用和交易实施细则(2025)：分局初审、市局终审"
NEED_BY_BRANCH = "聊城市排污权有偿使用和交易实施细则(2025)：分局核对新增需求"

VERIFICATION = Procedure(
    code="rights.verification",
    version=1,
    title=Text("排污权核定", "Verification of a right"),
    initial="APPLIED",
    states=(
        State(
            "APPLIED",
            Text("待分局初审", "Waiting for the branch's first review"),
            Text("初审中", "First review"),
            deadline=Deadline(5, "workdays", "review_overdue", BRANCH_THEN_BUREAU, proposed=True),
        ),
        State(
            "REVIEWED",
            Text("待市局终审", "Waiting for the bureau's final decision"),
            Text("终审中", "Final decision"),
            deadline=Deadline(10, "workdays", "decision_overdue", BRANCH_THEN_BUREAU, proposed=True),
        ),
        State("VERIFIED", Text("已核定", "Verified"), Text("已核定", "Verified"), final=True),
        State("REFUSED", Text("未予核定", "Refused"), Text("未予核定", "Refused"), final=True),
    ),
    transitions=(
        Transition(
            "review",
            ("APPLIED",),
            "REVIEWED",
            ("BRANCH",),
            Text("初审通过，报市局", "Pass to the bureau"),
            BRANCH_THEN_BUREAU,
        ),
        Transition(
            "refuse_review",
            ("APPLIED",),
            "REFUSED",
            ("BRANCH",),
            Text("初审不予通过", "Refuse at first review"),
            BRANCH_THEN_BUREAU,
            needs_reason=True,
        ),
        Transition(
            "review_overdue",
            ("APPLIED",),
            "APPLIED",
            ("SYSTEM",),
            Text("初审逾期，催办", "First review overdue, reminder"),
            BRANCH_THEN_BUREAU,
            expected=False,
        ),
        Transition(
            "verify",
            ("REVIEWED",),
            "VERIFIED",
            ("BUREAU", "BUREAU_CHECKER"),
            Text("核定并登记", "Verify and register"),
            BRANCH_THEN_BUREAU,
            other_person_than=("review",),
        ),
        Transition(
            "refuse_decision",
            ("REVIEWED",),
            "REFUSED",
            ("BUREAU", "BUREAU_CHECKER"),
            Text("不予核定", "Refuse"),
            BRANCH_THEN_BUREAU,
            needs_reason=True,
            other_person_than=("review",),
        ),
        Transition(
            "decision_overdue",
            ("REVIEWED",),
            "REVIEWED",
            ("SYSTEM",),
            Text("终审逾期，催办", "Final decision overdue, reminder"),
            BRANCH_THEN_BUREAU,
            expected=False,
        ),
    ),
)

NEED = Procedure(
    code="rights.need",
    version=1,
    title=Text("项目需求核对", "Check of a project's need"),
    initial="APPLIED",
    states=(
        State(
            "APPLIED",
            Text("待分局核对", "Waiting for the branch"),
            Text("核对中", "Being checked"),
            deadline=Deadline(5, "workdays", "need_overdue", NEED_BY_BRANCH, proposed=True),
        ),
        State("CONFIRMED", Text("需求已确认", "Need confirmed"), Text("已确认", "Confirmed"), final=True),
        State("EXEMPT", Text("豁免", "Exempt"), Text("豁免", "Exempt"), final=True),
        State("REFUSED", Text("未予确认", "Not confirmed"), Text("未予确认", "Not confirmed"), final=True),
    ),
    transitions=(
        Transition(
            "confirm",
            ("APPLIED",),
            "CONFIRMED",
            ("BRANCH",),
            Text("确认需求", "Confirm the need"),
            NEED_BY_BRANCH,
        ),
        Transition(
            "exempt", ("APPLIED",), "EXEMPT", ("BRANCH",), Text("认定豁免", "Find exempt"), NEED_BY_BRANCH
        ),
        Transition(
            "refuse",
            ("APPLIED",),
            "REFUSED",
            ("BRANCH",),
            Text("不予确认", "Refuse"),
            NEED_BY_BRANCH,
            needs_reason=True,
        ),
        Transition(
            "need_overdue",
            ("APPLIED",),
            "APPLIED",
            ("SYSTEM",),
            Text("核对逾期，催办", "Check overdue, reminder"),
            NEED_BY_BRANCH,
            expected=False,
        ),
    ),
)

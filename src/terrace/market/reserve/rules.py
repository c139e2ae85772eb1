"""Rules of the government reserve: ways in, states of a plan, what a planned lot must say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from terrace.kernel.base.quantity import Money, Price, Quantity, half_up
from terrace.kernel.base.texts import Text
from terrace.market.rights.rules import Worded


class IntakeKind(Worded):
    """Ways into the reserve (R14)."""

    RESERVED_QUOTA = "RESERVED_QUOTA", Text("预留初始排污权", "Reserved initial quota")
    BUY_BACK = "BUY_BACK", Text("回购排污单位的排污权", "Buy-back from a unit")
    PAID_REDUCTION = "PAID_REDUCTION", Text("政府投资形成的减排量", "Reduction paid by government")
    CLOSED_FREE = (
        "CLOSED_FREE",
        Text(
            "关停、破产、搬迁单位无偿取得的排污权无偿收回", "Free right of a closed or moved unit, reclaimed"
        ),
    )
    CLOSED_PAID = (
        "CLOSED_PAID",
        Text("关停、破产、搬迁单位有偿取得的排污权回购", "Paid right of a closed or moved unit, bought back"),
    )
    NOT_STARTED = (
        "NOT_STARTED",
        Text("项目五年内未建或放弃", "Project not started or given up within five years"),
    )
    FORCED = "FORCED", Text("依法关闭后强制收回", "Forced reclaim after legal closure")
    BEYOND_INITIAL = (
        "BEYOND_INITIAL",
        Text("超出初始排污权的减排量", "Reductions beyond the initial right"),
    )

    @property
    def is_new_issue(self) -> bool:
        """New grams enter the ledger; the other kinds move a firm's parcel."""
        return self in (IntakeKind.RESERVED_QUOTA, IntakeKind.PAID_REDUCTION, IntakeKind.BEYOND_INITIAL)

    @property
    def is_paid_for(self) -> bool:
        """The former holder is compensated (R14: paid rights are bought back, free ones reclaimed)."""
        return self in (IntakeKind.BUY_BACK, IntakeKind.CLOSED_PAID)


class IntakeState(Worded):
    SUBMITTED = "SUBMITTED", Text("待复核", "Waiting for the second person")
    APPROVED = "APPROVED", Text("已入库", "In the reserve")
    REJECTED = "REJECTED", Text("已退回", "Sent back")


class PlanState(Worded):
    DRAFT = "DRAFT", Text("草拟", "Draft")
    SUBMITTED = "SUBMITTED", Text("待复核", "Waiting for the second person")
    APPROVED = "APPROVED", Text("已批准", "Approved")
    REJECTED = "REJECTED", Text("已退回", "Sent back")


class LotState(Worded):
    """State of a planned lot on its way out of the reserve."""

    PLANNED = "PLANNED", Text("计划中", "Planned")
    LISTABLE = "LISTABLE", Text("可挂牌", "May be listed")
    LISTED = "LISTED", Text("已挂牌", "Listed")
    RELEASED = "RELEASED", Text("已出让", "Released")


class Mode(Worded):
    """How a lot is to be sold (R17)."""

    ASCENDING = "ASCENDING", Text("电子竞价（价高者得）", "Ascending e-bidding, highest wins")
    AGREEMENT = "AGREEMENT", Text("协议出让", "Agreement")


class DepositRule(Worded):
    """How the deposit is worked out (R26)."""

    PERCENT = "PERCENT", Text("按起始总价的百分比", "Percent of the starting amount")
    FIXED = "FIXED", Text("固定金额", "Fixed sum")


def deposit_of(*, rule: DepositRule, percent: int, fixed_fen: int, start: Price, quantity: Quantity) -> Money:
    """The deposit for a wanted quantity: percent of start price x quantity x term, half up, or the fixed sum.

    Hengshui (R26): 30% of 6,000 yuan x 10 t = 18,000 yuan.
    """
    if rule is DepositRule.FIXED:
        return Money(fixed_fen)
    return Money(half_up(start.amount(quantity).fen * percent, 100))


@dataclass(frozen=True, slots=True)
class LotFault:
    """One thing wrong with a planned lot, with the field it belongs to."""

    field: str
    text: Text


def faults_of_lot(
    *,
    quantity_g: int,
    free_g: int,
    planned_elsewhere_g: int,
    floor_fen: int,
    increment_fen: int,
    years: int,
    years_of_right: int,
    percent: int,
    fixed_fen: int,
    rule: DepositRule,
) -> list[LotFault]:
    """Everything that keeps a planned lot from being submitted; empty when it is sound."""
    faults: list[LotFault] = []
    if quantity_g <= 0:
        faults.append(LotFault("quantity", Text("数量应大于零。", "The quantity must be above zero.")))
    elif quantity_g > free_g - planned_elsewhere_g:
        faults.append(
            LotFault(
                "quantity",
                Text("数量超过该份额中尚未计划的部分。", "More than the unplanned part of the parcel."),
            )
        )
    if floor_fen <= 0:
        faults.append(LotFault("floor", Text("底价应大于零。", "The floor price must be above zero.")))
    if increment_fen <= 0:
        faults.append(LotFault("increment", Text("加价幅度应大于零。", "The increment must be above zero.")))
    elif floor_fen > 0 and increment_fen * 20 > floor_fen:
        faults.append(
            LotFault(
                "increment",
                Text("加价幅度不应超过底价的5%。", "The increment must not pass 5% of the floor."),
            )
        )
    if not 1 <= years <= years_of_right:
        faults.append(
            LotFault(
                "years",
                Text("出让年限应在该排污权的期限之内。", "The years must lie inside the term of the right."),
            )
        )
    if rule is DepositRule.PERCENT and not 1 <= percent <= 100:
        faults.append(LotFault("deposit", Text("保证金比例应为1%至100%。", "The deposit is 1% to 100%.")))
    if rule is DepositRule.FIXED and fixed_fen <= 0:
        faults.append(LotFault("deposit", Text("保证金应大于零。", "The deposit must be above zero.")))
    return faults


class PaperKind(Worded):
    """Papers behind an intake."""

    INTAKE_DECISION = "INTAKE_DECISION", Text("入库依据文件", "Decision behind the intake")
    INTAKE_AGREEMENT = "INTAKE_AGREEMENT", Text("回购协议", "Buy-back agreement")
    INTAKE_OTHER = "INTAKE_OTHER", Text("其他材料", "Other paper")

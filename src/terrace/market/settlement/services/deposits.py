"""Paid deposits: each stands behind a hold in the ledger until it counts as price, goes back or is forfeited (R26, R27)."""

from __future__ import annotations

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.market.settlement.models import DepositState, PaymentInstruction


class DepositUnknown(Refusal):
    code = "settlement.deposit.unknown"
    text = Text("没有找到编号为{hold}的保证金冻结。", "There is no deposit held under {hold}.")


def deposit_of(hold_id: int) -> PaymentInstruction:
    """Part: the paid deposit that stands behind a hold, its row locked. Raises DepositUnknown."""
    deposit = (
        PaymentInstruction.objects.select_for_update(of=("self",))
        .filter(hold_id=hold_id, purpose="DEPOSIT", state="PAID")
        .first()
    )
    if deposit is None or deposit.deposit_state != DepositState.HELD:
        raise DepositUnknown(hold=hold_id)
    return deposit

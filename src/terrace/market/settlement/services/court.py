"""A court freezes the right of a sale that is awarded and not delivered: the trade stands still until it lets go (R23)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import services as procedures
from terrace.market.rights import queries as rights_queries
from terrace.market.rights import services as rights
from terrace.market.rights.models import ParcelHold
from terrace.market.rights.rules import HoldKind
from terrace.market.settlement.models import Outcome, Trade
from terrace.market.settlement.services.trades import lock_trade, tell_parties

CLAUSE_COURT = "R23 被司法冻结、查封的排污权不得转让"
STAFF = ("EXCHANGE_MAKER", "EXCHANGE_CHECKER")


def stop_for_court(*, rights_hold_id: int, actor: Actor, ruling_no: str, now: dt.datetime) -> str:
    """Part: suspend the trade that this hold was to deliver, and release the hold for the court's.

    The deposit and a paid price stay where they are. Returns the trade's number. Raises TradeNotFound.
    """
    number = (
        Trade.objects.filter(rights_hold_id=rights_hold_id, outcome=Outcome.OPEN)
        .values_list("number", flat=True)
        .first()
    )
    trade, case = lock_trade(number or "")
    if case.paused_at is None:
        procedures.pause(
            actor=actor, case=case, now=now, reason=f"标的排污权被司法冻结：{ruling_no}", clause=CLAUSE_COURT
        )
    rights.release_hold(
        actor=actor,
        hold_id=rights_hold_id,
        reason=ruling_no,
        entry_key=f"settlement:trade:{trade.number}:court:{rights_hold_id}",
        now=now,
    )
    tell_parties(
        trade,
        Text(f"交易中止：{trade.number}", f"Trade suspended: {trade.number}"),
        Text(
            f"标的排污权被法院冻结（{ruling_no}）。期限停止计算，保证金和已付价款保留，等法院解除或交易终止。",
            f"A court froze the right ({ruling_no}). The clock stands still; deposit and price paid are kept until"
            " the court lifts the freeze or the trade is ended.",
        ),
        now,
        roles=STAFF,
    )
    return trade.number


def go_on_after_court(
    *, rights_hold_id: int, actor: Actor, ruling_no: str, now: dt.datetime
) -> tuple[str, int | None]:
    """Part: freeze the right for its trade again and let the clock run; the trade's number and its new hold.

    Where too little of the parcel is free the trade stays suspended (None) and the trading institution is told:
    it waits for another order to be lifted, or ends the trade. Raises TradeNotFound.
    """
    number = (
        Trade.objects.filter(rights_hold_id=rights_hold_id, outcome=Outcome.OPEN)
        .values_list("number", flat=True)
        .first()
    )
    trade, case = lock_trade(number or "")
    parcel = rights.lock_parcel(trade.parcel_id)
    if parcel.free_g < trade.quantity_g:
        tell_parties(
            trade,
            Text(f"交易仍中止：{trade.number}", f"Trade still suspended: {trade.number}"),
            Text(
                "可用数量不足以交割。等其他冻结解除，或由交易机构终止交易、退还款项。",
                "Too little of the right is free. It waits for another freeze to end, or the trading institution"
                " ends the trade and the money goes back.",
            ),
            now,
            roles=STAFF,
        )
        return trade.number, None
    before = ParcelHold.objects.get(ledger_hold_id=rights_hold_id)
    hold = rights.freeze_parcel(
        actor=actor,
        parcel_id=trade.parcel_id,
        quantity_g=trade.quantity_g,
        kind=HoldKind.LISTING,
        reason=before.reason,
        subject_type=before.subject_type,
        subject_id=before.subject_id,
        entry_key=f"settlement:trade:{trade.number}:refreeze:{rights_hold_id}",
        now=now,
    )
    trade.rights_hold_id = hold.ledger_hold_id
    trade.save(update_fields=["rights_hold_id"])
    if case.paused_at is not None:
        procedures.resume(
            actor=actor, case=case, now=now, reason=f"司法冻结解除：{ruling_no}", clause=CLAUSE_COURT
        )
    tell_parties(
        trade,
        Text(f"交易恢复：{trade.number}", f"Trade goes on: {trade.number}"),
        Text("司法冻结已解除，各期限顺延。", "The court lifted its freeze; every deadline moves on."),
        now,
        roles=STAFF,
    )
    return trade.number, hold.ledger_hold_id


def right_is_held(trade: Trade) -> bool:
    """Whether the right waits for its delivery, and is not in a court's hands."""
    return rights_queries.hold_stands(trade.rights_hold_id)

"""The words of settlement: every state and purpose in both languages."""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.market.rights.rules import Worded


class AccountPurpose(Worded):
    ESCROW = "ESCROW", Text("交易结算专户", "Settlement account")
    TREASURY = "TREASURY", Text("非税收入专户", "Treasury account")


class Purpose(Worded):
    """Why money moves. DEPOSIT and PRICE come in from a firm; the others go out of the escrow account."""

    DEPOSIT = "DEPOSIT", Text("交易保证金", "Bid deposit")
    PRICE = "PRICE", Text("成交价款", "Price of the trade")
    REFUND = "REFUND", Text("退还款项", "Refund")
    TREASURY = "TREASURY", Text("上缴国库", "Income to the treasury")
    SELLER_PAYOUT = "SELLER_PAYOUT", Text("支付出让方", "Payment to the seller")


INCOMING = (Purpose.DEPOSIT, Purpose.PRICE)


class InstructionState(Worded):
    DUE = "DUE", Text("待支付", "Due")
    PAID = "PAID", Text("已支付", "Paid")
    CANCELLED = "CANCELLED", Text("已撤销", "Cancelled")


class DepositState(Worded):
    """What became of a deposit's hold in the ledger. Empty for every other purpose and before payment."""

    HELD = "HELD", Text("冻结中", "Held")
    APPLIED = "APPLIED", Text("已抵作价款", "Counted as price")
    RELEASED = "RELEASED", Text("已解冻退还", "Released")
    FORFEITED = "FORFEITED", Text("不予退还", "Forfeited")


class ImportState(Worded):
    CHECKED = "CHECKED", Text("已核对，待确认", "Checked, to be confirmed")
    CONFIRMED = "CONFIRMED", Text("已入账", "Booked")
    DISCARDED = "DISCARDED", Text("已放弃", "Discarded")


class LineDirection(Worded):
    IN = "IN", Text("收入", "Received")
    OUT = "OUT", Text("支出", "Paid out")


class LineState(Worded):
    MATCHED = "MATCHED", Text("自动匹配", "Matched")
    SUSPENSE = "SUSPENSE", Text("待查", "In suspense")
    ASSIGNED = "ASSIGNED", Text("人工认领", "Assigned by hand")
    RETURNING = "RETURNING", Text("退回办理中", "Being returned")
    RETURNED = "RETURNED", Text("已退回", "Returned")


class RefundCause(Worded):
    NOT_WON = "NOT_WON", Text("未竞得，退还保证金", "Did not win: deposit back")
    NO_TRADE = "NO_TRADE", Text("未成交，退还保证金", "Nothing sold: deposit back")
    NOT_QUALIFIED = "NOT_QUALIFIED", Text("未通过资格审查，退还保证金", "Not qualified: deposit back")
    WITHDRAWN = "WITHDRAWN", Text("依规退出，退还保证金", "Withdrew in time: deposit back")
    TRADE_ENDED = "TRADE_ENDED", Text("交易终止，退还款项", "Trade ended: money back")
    EXCESS = "EXCESS", Text("保证金多于价款，退还余额", "Deposit above the price: the rest back")
    UNASSIGNED = "UNASSIGNED", Text("来款无法认领，原路退回", "Unknown payment: back to the sender")


class RefundState(Worded):
    DUE = "DUE", Text("待申请", "To be asked for")
    ASKED = "ASKED", Text("待复核", "To be checked")
    APPROVED = "APPROVED", Text("待银行付款", "The bank is to pay")
    PAID = "PAID", Text("已退还", "Refunded")


class Outcome(Worded):
    OPEN = "OPEN", Text("办理中", "In progress")
    COMPLETED = "COMPLETED", Text("已完成", "Completed")
    BUYER_DEFAULTED = "BUYER_DEFAULTED", Text("受让方违约", "Buyer defaulted")
    SELLER_DEFAULTED = "SELLER_DEFAULTED", Text("出让方违约", "Seller defaulted")
    VOIDED = "VOIDED", Text("交易终止", "Ended without delivery")


class Side(Worded):
    BUYER = "BUYER", Text("受让方", "Buyer")
    SELLER = "SELLER", Text("出让方", "Seller")


class ObjectionState(Worded):
    OPEN = "OPEN", Text("待处理", "To be decided")
    REJECTED = "REJECTED", Text("不成立", "Rejected")
    UPHELD = "UPHELD", Text("成立", "Upheld")


class ReissueCause(Worded):
    """Why a certificate is issued again."""

    LOST = "LOST", Text("原件遗失", "The original was lost")
    DAMAGED = "DAMAGED", Text("原件损毁", "The original was damaged")
    WRONG = "WRONG", Text("记载内容更正", "What it states was corrected")


class CertificateState(Worded):
    VALID = "VALID", Text("有效", "Valid")
    SUPERSEDED = "SUPERSEDED", Text("已换发", "Superseded")
    VOID = "VOID", Text("已作废", "Void")

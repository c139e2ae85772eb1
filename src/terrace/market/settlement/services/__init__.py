"""The acts and parts of settlement, by what they are about.

Parts called by higher contexts inside their own acts: `request_payment`, `cancel_payment`, `on_paid`, `open_trade`,
`refund_deposit`, `forfeit_deposit`, `deposit_of`, `on_ended`.
"""

from terrace.market.settlement.services.accounts import decide_account, propose_account
from terrace.market.settlement.services.contracts import (
    AlreadySigned,
    ContractChanged,
    contract_overdue,
    payment_overdue,
    price_paid,
    seller_sign_overdue,
    sign_contract,
)
from terrace.market.settlement.services.delivery import (
    REMINDERS,
    IncomeNotArrived,
    approve_delivery,
    change_permit,
    confirm_income,
    issue_certificate,
    propose_delivery,
    remind,
    return_delivery,
    seller_paid,
)
from terrace.market.settlement.services.deposits import DepositUnknown, deposit_of
from terrace.market.settlement.services.endings import (
    declare_buyer_default,
    declare_seller_default,
    forfeit_deposit,
    void_trade,
)
from terrace.market.settlement.services.opening import LosingDeposit, open_trade
from terrace.market.settlement.services.papers import FontMissing, PaperNotMade
from terrace.market.settlement.services.payments import (
    AccountOfRecordMissing,
    DueInThePast,
    cancel_payment,
    on_paid,
    request_payment,
)
from terrace.market.settlement.services.refunds import (
    approve_refund,
    ask_refund,
    refund_deposit,
    refund_paid,
    remind_refund,
    send_back_refund,
)
from terrace.market.settlement.services.results import (
    ObjectionDecided,
    ObjectionTooLate,
    close_publicity,
    decide_objection,
    escalate_objection,
    publish_result,
    publish_result_by_deadline,
    raise_objection,
)
from terrace.market.settlement.services.signing import SignerMissing, SignerUnusable
from terrace.market.settlement.services.statements import (
    LineDoesNotFit,
    LineNotInSuspense,
    ReasonNeeded,
    StatementBooked,
    StatementDiscarded,
    assign_line,
    confirm_statement,
    discard_statement,
    return_line,
    upload_statement,
)
from terrace.market.settlement.services.trades import PartMissing, TradeNotFound, on_ended

__all__ = [
    "REMINDERS",
    "AccountOfRecordMissing",
    "AlreadySigned",
    "ContractChanged",
    "DepositUnknown",
    "DueInThePast",
    "FontMissing",
    "IncomeNotArrived",
    "LineDoesNotFit",
    "LineNotInSuspense",
    "LosingDeposit",
    "ObjectionDecided",
    "ObjectionTooLate",
    "PaperNotMade",
    "PartMissing",
    "ReasonNeeded",
    "SignerMissing",
    "SignerUnusable",
    "StatementBooked",
    "StatementDiscarded",
    "TradeNotFound",
    "approve_delivery",
    "approve_refund",
    "ask_refund",
    "assign_line",
    "cancel_payment",
    "change_permit",
    "close_publicity",
    "confirm_income",
    "confirm_statement",
    "contract_overdue",
    "decide_account",
    "decide_objection",
    "declare_buyer_default",
    "declare_seller_default",
    "deposit_of",
    "discard_statement",
    "escalate_objection",
    "forfeit_deposit",
    "issue_certificate",
    "on_ended",
    "on_paid",
    "open_trade",
    "payment_overdue",
    "price_paid",
    "propose_account",
    "propose_delivery",
    "publish_result",
    "publish_result_by_deadline",
    "raise_objection",
    "refund_deposit",
    "refund_paid",
    "remind",
    "remind_refund",
    "request_payment",
    "return_delivery",
    "return_line",
    "seller_paid",
    "seller_sign_overdue",
    "send_back_refund",
    "sign_contract",
    "upload_statement",
    "void_trade",
]

"""The acts and parts of settlement, by what they are about.

Parts called by higher contexts inside their own acts: `request_payment`, `cancel_payment`, `on_paid`,
`open_trade`, `refund_deposit`.
"""

from terrace.market.settlement.services.deposits import DepositUnknown
from terrace.market.settlement.services.opening import LosingDeposit, open_trade
from terrace.market.settlement.services.payments import (
    AccountOfRecordMissing,
    DueInThePast,
    cancel_payment,
    on_paid,
    request_payment,
)
from terrace.market.settlement.services.refunds import refund_deposit

__all__ = [
    "AccountOfRecordMissing",
    "DepositUnknown",
    "DueInThePast",
    "LosingDeposit",
    "cancel_payment",
    "on_paid",
    "open_trade",
    "refund_deposit",
    "request_payment",
]

"""The acts and parts of settlement, by what they are about.

Parts called by higher contexts inside their own acts: `request_payment`, `cancel_payment`, `on_paid`.
"""

from terrace.market.settlement.services.payments import (
    AccountOfRecordMissing,
    DueInThePast,
    cancel_payment,
    on_paid,
    request_payment,
)

__all__ = [
    "AccountOfRecordMissing",
    "DueInThePast",
    "cancel_payment",
    "on_paid",
    "request_payment",
]

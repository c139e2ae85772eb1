"""Tables of settlement: money that is asked for and arrives, trades, and the papers they end in."""

from terrace.market.settlement.models.money import (
    BankLine,
    NumberSeries,
    PaymentInstruction,
    Refund,
    SettlementAccount,
    StatementImport,
)
from terrace.market.settlement.models.trades import (
    Certificate,
    ContractSignature,
    Objection,
    Trade,
)
from terrace.market.settlement.rules.words import (
    INCOMING,
    AccountPurpose,
    CertificateState,
    DepositState,
    ImportState,
    InstructionState,
    LineDirection,
    LineState,
    ObjectionState,
    Outcome,
    Purpose,
    RefundCause,
    RefundState,
    Side,
)

__all__ = [
    "INCOMING",
    "AccountPurpose",
    "BankLine",
    "Certificate",
    "CertificateState",
    "ContractSignature",
    "DepositState",
    "ImportState",
    "InstructionState",
    "LineDirection",
    "LineState",
    "NumberSeries",
    "Objection",
    "ObjectionState",
    "Outcome",
    "PaymentInstruction",
    "Purpose",
    "Refund",
    "RefundCause",
    "RefundState",
    "SettlementAccount",
    "Side",
    "StatementImport",
    "Trade",
]

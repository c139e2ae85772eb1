"""The pure eligibility engine: facts of a case, rulebooks as data, and the decision that explains itself."""

from terrace.market.rulebooks.rules.case import (
    BuyerFacts,
    EligibilityCase,
    FieldInvalid,
    LotFacts,
    ProjectFacts,
    SellerFacts,
    case_as_document,
    read_case,
)
from terrace.market.rulebooks.rules.decision import Decision, RuleResult, Verdict, decide
from terrace.market.rulebooks.rules.deposits import DepositPreset, deposit_preset, deposit_presets
from terrace.market.rulebooks.rules.rulebook import (
    Parameter,
    Rule,
    Rulebook,
    RulebookUnknown,
    check_parameter,
    rulebook,
    rulebook_on,
    rulebooks,
)
from terrace.market.rulebooks.rules.words import fact_label, fact_value

__all__ = [
    "BuyerFacts",
    "Decision",
    "DepositPreset",
    "EligibilityCase",
    "FieldInvalid",
    "LotFacts",
    "Parameter",
    "ProjectFacts",
    "Rule",
    "RuleResult",
    "Rulebook",
    "RulebookUnknown",
    "SellerFacts",
    "Verdict",
    "case_as_document",
    "check_parameter",
    "decide",
    "deposit_preset",
    "deposit_presets",
    "fact_label",
    "fact_value",
    "read_case",
    "rulebook",
    "rulebook_on",
    "rulebooks",
]

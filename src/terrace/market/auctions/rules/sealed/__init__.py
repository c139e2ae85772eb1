"""E8, the sealed single round for many units: reject, cut, clear with the engine of `clearing`, report."""

from terrace.market.auctions.rules.sealed.findings import REJECTED, Finding, Why
from terrace.market.auctions.rules.sealed.limits import Limit, Limits, read_limits
from terrace.market.auctions.rules.sealed.qualify import (
    Line,
    Qualified,
    SealedTerms,
    qualify,
    required_guarantee,
)
from terrace.market.auctions.rules.sealed.result import SealedResult, Step, Winner, run_sealed

__all__ = [
    "REJECTED",
    "Finding",
    "Limit",
    "Limits",
    "Line",
    "Qualified",
    "SealedResult",
    "SealedTerms",
    "Step",
    "Why",
    "Winner",
    "qualify",
    "read_limits",
    "required_guarantee",
    "run_sealed",
]

"""Re-runnable bundles: bids, terms, rule version, seed commitment and outcome, under one digest.

Anyone with the file and this program gets the same outcome and the same digest, offline. The digest is
SHA-256 over the canonical JSON (sorted keys, no spaces, UTF-8) of everything but itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.clearing import RULE_VERSION, BidFileInvalid, Bids, Outcome, Terms, clear
from terrace.market.auctions.rules.clearing.columns import from_columns, rows_source

FORMAT = "terrace-clearing-bundle/1"
DIGEST = "bundle_sha256"
COLUMNS = ("bid_id", "bidder", "price", "quantity", "submitted_at", "minimum")


class BundleInvalid(Refusal):
    """A file that is no bundle of this program, or one of a rule version it does not know."""

    code = "auctions.bundle.invalid"
    text = Text("{file} 不是可复算的结果包：{why}", "{file} is not a re-runnable bundle: {why}")
    http_status = 422


@dataclass(frozen=True, slots=True)
class Verification:
    """What a re-run found. `ok` only when digest and outcome both agree."""

    stated_digest: str
    content_digest: str
    computed_digest: str
    outcome_agrees: bool
    differences: tuple[str, ...]

    @property
    def digest_agrees(self) -> bool:
        """The digest stated in the file is that of its content, and that of the re-run."""
        return self.stated_digest == self.content_digest == self.computed_digest

    @property
    def ok(self) -> bool:
        return self.digest_agrees and self.outcome_agrees


def make_bundle(bids: Bids, terms: Terms, outcome: Outcome) -> dict[str, Any]:
    """The bundle with its digest."""
    content = {
        "format": FORMAT,
        "rule_version": RULE_VERSION,
        "terms": terms.as_dict(),
        "seed_commitment": terms.seed_commitment,
        "bids": bids.rows(),
        "outcome": outcome.as_dict(),
    }
    return {**content, DIGEST: digest_of(content)}


def canonical(content: dict[str, Any]) -> bytes:
    """The one way to write a bundle down."""
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


def digest_of(content: dict[str, Any]) -> str:
    """The digest of a bundle's content without the digest itself."""
    bare = {name: value for name, value in content.items() if name != DIGEST}
    return hashlib.sha256(canonical(bare)).hexdigest()


def inputs_of(bundle: object, file: str) -> tuple[Bids, Terms]:
    """The bids and terms in a bundle. Raises BundleInvalid."""
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        raise _invalid(file, f"格式应为 {FORMAT}", f"expected the format {FORMAT}")
    if bundle.get("rule_version") != RULE_VERSION:
        version = str(bundle.get("rule_version"))[:40]
        raise _invalid(
            file,
            f"规则版本 {version} 与本程序的 {RULE_VERSION} 不同",
            f"rule version {version} is not this program's {RULE_VERSION}",
        )
    rows = bundle.get("bids")
    if not isinstance(rows, list) or not rows or not all(_is_row(row) for row in rows):
        raise _invalid(file, "bids 应为六列文字的列表", "bids must be a list of rows of six texts")
    if not isinstance(bundle.get("terms"), dict) or not isinstance(bundle.get("outcome"), dict):
        raise _invalid(file, "缺少 terms 或 outcome", "terms or outcome is missing")
    columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    for name in ("submitted_at", "minimum"):
        if all(value is None for value in columns[name]):
            del columns[name]
        else:
            columns[name] = [value or "" for value in columns[name]]
    try:
        return from_columns(columns, rows_source(file)), Terms.from_dict(bundle["terms"])
    except Refusal as refusal:
        raise _invalid(file, refusal.message("zh"), refusal.message("en")) from None


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == len(COLUMNS)
        and all(isinstance(value, str) for value in row[:4])
        and all(value is None or isinstance(value, str) for value in row[4:])
    )


def _invalid(file: str, zh: str, en: str) -> BundleInvalid:
    return BundleInvalid(file=file, why=Text(zh, en))


def verify_bundle(bundle: object, file: str = "bundle") -> Verification:
    """Run a bundle again and compare outcome and digest: of a clearing, or of a live auction.

    Raises BundleInvalid for what is no bundle.
    """
    if isinstance(bundle, dict) and bundle.get("kind") == "ascending":
        return _verify_ascending(bundle, file)
    bids, terms = inputs_of(bundle, file)
    assert isinstance(bundle, dict)
    try:
        again = make_bundle(bids, terms, clear(bids, terms))
    except BidFileInvalid as refusal:
        raise _invalid(file, refusal.message("zh"), refusal.message("en")) from None
    return _compared(bundle, again)


def _verify_ascending(bundle: dict[str, Any], file: str) -> Verification:
    try:
        again = ascending.rerun(bundle)
    except ascending.BundleInvalid as error:
        raise _invalid(file, str(error), str(error)) from None
    return _compared(bundle, again)


def _compared(bundle: dict[str, Any], again: dict[str, Any]) -> Verification:
    differences = tuple(
        name
        for name in sorted(again.keys() | bundle.keys())
        if name != DIGEST and again.get(name) != bundle.get(name)
    )
    return Verification(
        stated_digest=str(bundle.get(DIGEST)),
        content_digest=digest_of(bundle),
        computed_digest=again[DIGEST],
        outcome_agrees=not differences,
        differences=differences,
    )

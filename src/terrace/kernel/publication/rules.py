"""Masking of what is published, and the digest of what was shown. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from terrace.kernel.base.texts import Text

MASKS = ("hide", "initials", "last4", "bidder")
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """A kind of notice and which of its fields are masked before anything is stored.

    `masks` maps a path to a rule: `legal_representative` -> "initials", `bids[].bidder` -> "bidder".
    hide: the field is taken out; initials: the first character stays (张**, A. B.); last4: the last four
    characters stay; bidder: 01, 02 … by first appearance, the same firm the same number (templates write 竞买人 01).
    """

    code: str
    label: Text
    masks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if strange := sorted(set(self.masks.values()) - set(MASKS)):
            raise ValueError(f"notice kind {self.code}: unknown masks {strange}")


def mask(content: Mapping[str, Any], masks: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the content with the masks applied; a path that is absent is no fault (optional fields)."""
    copy: dict[str, Any] = json.loads(json.dumps(content, ensure_ascii=False))
    numbers: dict[str, int] = {}
    for path, rule in masks.items():
        _mask_path(copy, path.replace("[]", ".[]").split("."), rule, numbers)
    return copy


def _mask_path(node: Any, path: list[str], rule: str, numbers: dict[str, int]) -> None:
    step, rest = path[0], path[1:]
    if step == "[]":
        if not isinstance(node, list):
            return
        if rest:
            for item in node:
                _mask_path(item, rest, rule, numbers)
        elif rule == "hide":
            node.clear()
        else:
            node[:] = [_masked(item, rule, numbers) for item in node]
        return
    if not isinstance(node, dict) or step not in node:
        return
    if rest:
        _mask_path(node[step], rest, rule, numbers)
    elif rule == "hide":
        del node[step]
    elif node[step] not in (None, ""):
        node[step] = _masked(node[step], rule, numbers)


def _masked(value: Any, rule: str, numbers: dict[str, int]) -> str:
    text = str(value)
    if rule == "initials":
        words = text.split()
        if len(words) > 1 and text.isascii():
            return " ".join(f"{word[0]}." for word in words)
        return text[:1] + "*" * max(len(text) - 1, 1)
    if rule == "last4":
        return "*" * max(len(text) - 4, 4) + text[-4:] if len(text) > 4 else "****"
    return f"{numbers.setdefault(text, len(numbers) + 1):02d}"


def canonical(value: Any) -> bytes:
    """The one way a value is written for a digest: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def notice_digest(shown: Mapping[str, Any], previous: str) -> str:
    """SHA-256 over everything shown and the digest of the notice before: a stranger can recompute the chain."""
    return hashlib.sha256(previous.encode() + canonical(shown)).hexdigest()


def ledger_digest(heads: Mapping[int, tuple[int, str]]) -> str:
    """SHA-256 over (number, version, head) of every account in the order of numbers, as `ledger.queries.digest` makes it."""
    whole = hashlib.sha256()
    for number in sorted(heads):
        version, head = heads[number]
        whole.update(number.to_bytes(8, "big", signed=True) + version.to_bytes(8, "big", signed=True))
        whole.update(bytes.fromhex(head))
    return whole.hexdigest()


def journal_digest(heads: Mapping[str, tuple[int, str]]) -> str:
    """SHA-256 over one line `stream TAB position TAB hash` for every stream in the order of names."""
    lines = "".join(f"{stream}\t{heads[stream][0]}\t{heads[stream][1]}\n" for stream in sorted(heads))
    return hashlib.sha256(lines.encode()).hexdigest()


def day_digest(day: str, ledger: str, journal: str, previous: str) -> str:
    """SHA-256 over `day TAB ledger TAB journal TAB digest of the day before`: each day holds all days before it."""
    return hashlib.sha256(f"{day}\t{ledger}\t{journal}\t{previous}".encode()).hexdigest()

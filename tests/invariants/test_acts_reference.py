"""Every act, whichever tier has it, stands in docs/reference/acts.md, and so do those that the database writes itself."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "terrace"
ACT = re.compile(r'^@act\("([a-z_.]+)"', re.MULTILINE)
JOURNALLED = re.compile(r"terrace_journal\([^;]*?'([a-z]+\.[a-z_]+\.[a-z_]+)'", re.DOTALL)


def texts() -> list[str]:
    return [p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py") if "tests" not in p.parts]


def test_every_act_is_in_the_reference() -> None:
    listed = set(
        re.findall(
            r"^\| `([a-z_.]+)`", (ROOT / "docs/reference/acts.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    found = {name for text in texts() for name in ACT.findall(text)}
    assert {"demo.clock.set", "platform.job.retry", "web.view.save", "web.view.remove"} <= found, (
        "acts of the tier web"
    )
    by_database = {name for text in texts() for name in JOURNALLED.findall(text)}
    assert "auction.bid.place" in by_database
    assert sorted((found | by_database) - listed) == []

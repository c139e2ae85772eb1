"""Every refusal has a code, a text in two languages, and a test that names it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import terrace
from terrace.kernel.base.errors import Refusal, all_refusals

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
NOT_IMPORTED = (".migrations", ".tests", ".settings", ".asgi", ".wsgi")


def import_everything() -> None:
    for module in pkgutil.walk_packages(terrace.__path__, "terrace."):
        if not any(part in module.name for part in NOT_IMPORTED) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


import_everything()
REFUSALS = {
    c: r
    for c, r in all_refusals().items()
    if r.__module__.startswith("terrace.") and ".tests." not in r.__module__
}


def test_there_are_refusals() -> None:
    assert len(REFUSALS) > 5


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_complete(refusal: type[Refusal]) -> None:
    assert CODE.match(refusal.code)
    assert refusal.text.zh.strip()
    assert refusal.text.en.strip()
    assert bool(refusal.hint.zh) == bool(refusal.hint.en)
    places = re.compile(r"\{(\w+)")
    assert set(places.findall(refusal.text.zh)) == set(places.findall(refusal.text.en)), (
        "both languages name the same facts"
    )


def test_every_refusal_is_named_in_a_test() -> None:
    tests = [
        p
        for folder in ("src", "tests")
        for p in (ROOT / folder).rglob("test_*.py")
        if p.name != "test_refusals.py"
    ]
    texts = "\n".join(path.read_text() for path in tests)
    untested = [
        c for c, r in REFUSALS.items() if f'"{c}"' not in texts and not re.search(rf"\b{r.__name__}\b", texts)
    ]
    assert untested == []

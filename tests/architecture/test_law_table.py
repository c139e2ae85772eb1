"""docs/law is true: every rule has its row, every named test exists, every named predicate is there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from terrace.market.rulebooks.rules import rulebooks
from terrace.market.rulebooks.rules.predicates import predicates

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "law" / "README.md"
ROW = re.compile(r"^\| (R[0-9]+) \|(.+)\|(.+)\| (built|part|later|outside) \|(.+)\|(.+)\|$", re.MULTILINE)
TEST = re.compile(r"`([\w/.]+\.py)::(\w+)`")


def rows() -> dict[str, tuple[str, str, str]]:
    """State, where and tests by rule."""
    found = ROW.findall(TABLE.read_text(encoding="utf-8"))
    return {rule: (state, where, tests) for rule, _, _, state, where, tests in found}


@functools.cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_rule_of_the_domain_has_one_row() -> None:
    assert list(rows()) == [f"R{n}" for n in range(1, 43)]


def test_every_named_test_exists() -> None:
    named = TEST.findall(TABLE.read_text(encoding="utf-8"))
    assert len(named) > 60
    missing = [
        f"{path}::{name}" for path, name in named if not (ROOT / path).exists() or name not in functions(path)
    ]
    assert missing == []


@pytest.mark.parametrize("rule", [f"R{n}" for n in range(1, 43)])
def test_what_is_said_to_be_built_names_its_tests(rule: str) -> None:
    state, where, tests = rows()[rule]
    assert where.strip()
    if state in ("built", "part"):
        assert TEST.search(tests)


def test_every_rule_of_a_rulebook_is_in_the_table_with_its_predicate() -> None:
    for book in rulebooks():
        for rule in book.rules:
            assert rule.predicate in predicates
            state, where, _ = rows()[rule.id]
            assert state == "built" and f"`{rule.predicate}`" in where

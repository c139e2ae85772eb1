"""Every page with a list is known in lists.csv: how it is paged, what an empty one says, its twins, its query test.

A template with a table over rows that stands not in the file makes this test fail: a new list brings its paging,
its empty state, its test with one and three rows, and, when it is public, its CSV and JSON (Excel follows from the
CSV). Columns: `paging` is `pager`, `cursor`, or `first:`, `bounded:`, `printed:` with the reason; `empty` is `yes`
or `no:` with the reason; `queries` names the test that counts them.
"""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pytest

MATRIX = Path(__file__).with_name("access_matrix.csv")  # every address; its own test holds it complete
SOURCE = Path(__file__).resolve().parents[2] / "src" / "terrace"
ROWS = re.compile(r"<tbody>\s*\{% for|data-keys|\{% pager")
# what stands around lists, not lists: parts of the look
PARTS = "web/templates/components/"


def known() -> dict[str, dict[str, str]]:
    with Path(__file__).with_name("lists.csv").open(newline="") as handle:
        return {row["template"]: row for row in csv.DictReader(handle)}


LISTS = known()
QUERIED = [row for row in LISTS.values() if row["queries"]]


def templates() -> dict[str, str]:
    """Templates with a table over rows, by their name, with their text."""
    found = {}
    for path in SOURCE.rglob("templates/**/*.html"):
        name = str(path.relative_to(SOURCE))
        text = path.read_text()
        if ROWS.search(text) and PARTS not in name:
            found[name.partition("/templates/")[2]] = text
    return found


TEMPLATES = templates()


def test_every_list_is_known() -> None:
    assert sorted(set(TEMPLATES) - set(LISTS)) == [], "new lists: write their line in lists.csv"
    assert sorted(set(LISTS) - set(TEMPLATES)) == [], "lines of lists that are gone"


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_is_paged_and_says_what_would_stand_there(name: str) -> None:
    row, text = LISTS[name], TEMPLATES[name]
    kind, _, why = row["paging"].partition(": ")
    assert kind in ("pager", "cursor") or (kind in ("first", "bounded", "printed") and why)
    if kind == "pager":
        assert "{% pager " in text
    if kind == "cursor":
        assert re.search(r"url_with (before|from)=|\?before=|\?from=", text)
    assert row["empty"] == "yes" or row["empty"].startswith("no: ")
    if row["empty"] == "yes":
        assert "{% empty " in text
    if kind in ("pager", "cursor") and name != "settlement/statement.html":
        assert row["queries"], "a list is tested for its queries with one row and with three"


@pytest.mark.parametrize("row", QUERIED, ids=[row["template"] for row in QUERIED])
def test_the_query_test_of_a_list_is_there_and_counts(row: dict[str, str]) -> None:
    path, _, name = row["queries"].partition("::")
    source = (SOURCE / path).read_text()
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert name in functions
    assert re.search(r"CaptureQueriesContext|assert_num_queries", source)


def test_every_public_list_has_its_twins() -> None:
    with MATRIX.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["method"] == "GET"]
    names = {row["address"] for row in rows}
    public = {row["address"] for row in rows if row["public"] == "200"}
    public |= {"web:reserve_line"}  # the sample of the matrix names no region
    without = []
    for row in LISTS.values():
        twins = row["twins"].split()
        assert set(twins) <= names, row["template"]
        many = row["paging"] in ("pager", "cursor")
        if row["address"] in public and many:
            endings = {twin.rpartition("_")[2] for twin in twins}
            if not {"csv", "json"} <= endings:
                without.append(row["address"])
    assert without == []


def test_every_list_with_a_csv_has_its_excel_twin_in_the_page() -> None:
    """The links are drawn by `filter_bar` or `exports`, which add Excel; a hand-written CSV link would not."""
    by_hand = [
        name
        for name, text in TEMPLATES.items()
        if name not in ("ledger/totals.html", "ledger/entry.html")  # their files wait for another change
        and re.search(r'href="\{% url "[a-z_]+:[a-z_]+_csv"', text)
    ]
    assert by_hand == []

"""Bundles: the same outcome and digest for anyone, and every tampering found."""

from __future__ import annotations

import copy
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from terrace.market.auctions.rules.bundle import (
    BundleInvalid,
    canonical,
    digest_of,
    make_bundle,
    verify_bundle,
)
from terrace.market.auctions.rules.clearing import Bids, Terms, Tie, clear
from terrace.market.auctions.tests.test_clearing import any_terms, books, shuffled, timed


def bundle() -> dict[str, Any]:
    book = timed(["a,f1,10,30,3", "b,f2,10,20,1", "c,f3,10,10,2", "d,f4,12,10,9"])
    each = Terms(supply=Decimal(35), tie=Tie.PRO_RATA, seed="drawn in public")
    made: dict[str, Any] = json.loads(canonical(make_bundle(book, each, clear(book, each))))
    return made


def test_a_bundle_is_run_again_and_agrees() -> None:
    found = verify_bundle(bundle())
    assert found.ok
    assert bundle()["seed_commitment"] == hashlib.sha256(b"drawn in public").hexdigest()


@settings(max_examples=100, deadline=None)
@given(books(), any_terms())
def test_any_clearing_survives_being_written_down(book: Bids, each: Terms) -> None:
    made = make_bundle(book, each, clear(book, each))
    again = json.loads(canonical(made))
    assert verify_bundle(again).ok
    other = shuffled(book, 3)
    assert make_bundle(other, each, clear(other, each)) == made


def _changed(path: tuple[Any, ...], value: Any, *, resign: bool) -> dict[str, Any]:
    made = copy.deepcopy(bundle())
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    if resign:
        made["bundle_sha256"] = digest_of(made)
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("bids", 0, 2), "11"),
        (("bids", 1, 3), "21"),
        (("outcome", "price"), "9.00"),
        (("outcome", "awards", 0, "amount"), "0.01"),
        (("terms", "seed"), "another"),
        (("terms", "supply"), "36"),
        (("seed_commitment",), "0" * 64),
    ],
)
def test_what_is_changed_is_found_even_with_a_new_digest(path: tuple[Any, ...], value: Any) -> None:
    assert not verify_bundle(_changed(path, value, resign=False)).digest_agrees
    resigned = verify_bundle(_changed(path, value, resign=True))
    assert not resigned.ok
    assert resigned.differences


def test_an_added_field_is_found() -> None:
    found = verify_bundle({**bundle(), "note": "trust me"})
    assert found.differences == ("note",)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {**bundle(), "format": "other/1"},
        {**bundle(), "rule_version": "clearing/0"},
        {**bundle(), "bids": []},
        {**bundle(), "bids": [["1", "a", "3"]]},
        {**bundle(), "bids": [["1", "a", 3, "4", None, None]]},
        {**bundle(), "bids": [["1", "a", "x", "4", None, None]]},
        {**bundle(), "terms": None},
        {**bundle(), "terms": {"method": "uniform"}},
        {**bundle(), "outcome": 3},
    ],
)
def test_what_is_no_bundle_is_refused(document: Any) -> None:
    with pytest.raises(BundleInvalid) as refusal:
        verify_bundle(document, "some.json")
    assert refusal.value.code == "auctions.bundle.invalid"
    assert "some.json" in refusal.value.message("en")

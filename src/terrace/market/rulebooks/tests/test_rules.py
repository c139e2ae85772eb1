"""The eligibility engine, clause by clause and on both sides of each boundary (R1-R24)."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks.rules import (
    Decision,
    Parameter,
    RulebookUnknown,
    case_as_document,
    decide,
    deposit_preset,
    fact_label,
    fact_value,
    read_case,
    rulebook,
    rulebook_on,
    rulebooks,
)
from terrace.market.rulebooks.rules.deposits import DepositPresetUnknown
from terrace.market.rulebooks.rules.predicates import predicates
from terrace.market.rulebooks.tests.factories import case_document

BEFORE, AFTER = dt.date(2026, 5, 31), dt.date(2026, 6, 1)
TRIAL, NEW, NATIONAL = "liaocheng-2023-trial", "liaocheng-2025", "national-generic"


def decided(name: str, on: dt.date, **changes: Any) -> Decision:
    return decide(read_case(case_document(**changes)), rulebook(name), on)


def rule(decision: Decision, name: str) -> Any:
    return next(result for result in decision.rules if result.id == name)


@pytest.mark.parametrize(
    ("name", "on", "needs", "verdict"),
    [
        # The trial exempts below 0.1 t (NH3-N 0.01); the limit itself is not exempt.
        (TRIAL, BEFORE, {"COD": "0.1"}, "not_covered"),
        (TRIAL, BEFORE, {"COD": "0.099999"}, "exempt"),
        (TRIAL, BEFORE, {"NH3N": "0.01"}, "not_covered"),
        (TRIAL, BEFORE, {"NH3N": "0.009999"}, "exempt"),
        (TRIAL, BEFORE, {"COD": "0.099999", "NH3N": "0.01"}, "not_covered"),
        # The rules of 2025 exempt up to and including the limit; their old scope runs to 31 May 2026.
        (NEW, BEFORE, {"COD": "0.1"}, "exempt"),
        (NEW, BEFORE, {"COD": "0.100001"}, "not_covered"),
        (NEW, BEFORE, {"NH3N": "0.01"}, "exempt"),
        (NEW, BEFORE, {"NH3N": "0.010001"}, "not_covered"),
        (NEW, AFTER, {"COD": "0.1"}, "exempt"),
        (NEW, AFTER, {"COD": "0.099999"}, "exempt"),
        (NEW, AFTER, {"COD": "0.100001"}, "must_buy"),
        (NEW, AFTER, {"NH3N": "0.01"}, "exempt"),
        (NEW, AFTER, {"NH3N": "0.010001"}, "must_buy"),
        (NEW, AFTER, {"PM": "0.1"}, "exempt"),
        (NEW, AFTER, {"VOCS": "0.100001"}, "must_buy"),
        (NEW, AFTER, {"COD": "0.1", "NH3N": "0.010001"}, "must_buy"),
        # On 1 June 2026 the trial is over: it covers nothing and says which rulebook does.
        (TRIAL, AFTER, {"COD": "0.1"}, "not_covered"),
        (TRIAL, AFTER, {"COD": "100"}, "not_covered"),
        # Nationally any new quantity is bought.
        (NATIONAL, BEFORE, {"COD": "0.000001"}, "must_buy"),
        (NATIONAL, AFTER, {"COD": "0.1"}, "must_buy"),
        (NATIONAL, AFTER, {"COD": "0"}, "not_covered"),
        (NATIONAL, AFTER, {"VOCS": "5"}, "not_covered"),
    ],
)
def test_small_sources_on_both_sides_of_limit_and_date(
    name: str, on: dt.date, needs: dict[str, str], verdict: str
) -> None:
    """R7, R8."""
    assert decided(name, on, needs_t=needs).verdict == verdict


@pytest.mark.parametrize("name", [TRIAL, NEW])
@pytest.mark.parametrize(
    ("needs", "verdict"),
    [
        ({"COD": "9.99", "NH3N": "0.01"}, "must_buy"),
        ({"COD": "9.989999", "NH3N": "0.01"}, "not_covered"),
        ({"SO2": "2.5", "NOX": "2.5", "VOCS": "2.5", "PM": "2.5"}, "must_buy"),
        ({"SO2": "2.5", "NOX": "2.5", "VOCS": "2.5", "PM": "2.499999"}, "not_covered"),
        ({"COD": "9", "SO2": "9"}, "not_covered"),  # water and air are not added together
    ],
)
def test_ten_tonnes_of_water_or_of_air_pollutants(name: str, needs: dict[str, str], verdict: str) -> None:
    """R6."""
    assert decided(name, BEFORE, needs_t=needs).verdict == verdict


def test_a_project_below_the_scope_may_volunteer_until_june_2026() -> None:
    """R6: others take part only when they apply for it."""
    assert decided(TRIAL, BEFORE, voluntary=True).verdict == "voluntary"
    assert decided(NEW, BEFORE, voluntary=True, needs_t={"COD": "5"}).verdict == "voluntary"
    assert decided(NEW, AFTER, voluntary=True).verdict == "exempt"
    assert decided(TRIAL, BEFORE, voluntary=True, needs_t={"COD": "10"}).verdict == "must_buy"


def test_an_existing_unit_may_volunteer_too() -> None:
    """R6."""
    assert decided(TRIAL, BEFORE, new=False, voluntary=True, needs_t={"COD": "0.05"}).verdict == "voluntary"
    assert decided(NEW, AFTER, new=False, voluntary=True).verdict == "not_covered"
    assert decided(NATIONAL, AFTER, new=False, voluntary=True).verdict == "not_covered"


def test_existing_units_are_not_asked() -> None:
    """R4."""
    decision = decided(NEW, AFTER, new=False, needs_t={"COD": "50"})
    assert decision.verdict == "not_covered"
    assert rule(decision, "R4").passed is False


def test_a_need_outside_the_covered_pollutants_is_not_covered() -> None:
    """R1."""
    decision = decided(NATIONAL, AFTER, needs_t={"COD": "1", "PM": "9"})
    assert decision.pollutants == {Pollutant.COD: "must_buy", Pollutant.PM: "not_covered"}
    assert decided(NEW, AFTER, needs_t={}).verdict == "not_covered"


def test_small_pollutants_of_a_project_that_must_buy_stay_exempt() -> None:
    decision = decided(NEW, AFTER, needs_t={"COD": "2", "NH3N": "0.01"})
    assert decision.pollutants == {Pollutant.COD: "must_buy", Pollutant.NH3N: "exempt"}
    assert "化学需氧量 2 吨/年" in decision.statement.zh
    assert "NH3N" not in decision.statement.en


def test_out_of_its_period_a_rulebook_covers_nothing_and_names_the_right_one() -> None:
    decision = decided(TRIAL, AFTER)
    assert [result.id for result in decision.rules] == ["PERIOD"]
    assert "liaocheng-2025" in decision.rules[0].remedy.en
    assert "2026-05-31" in decision.statement.en
    early = decided(NEW, dt.date(2024, 1, 1))
    assert "liaocheng-2023-trial" in early.as_dict()["remedy_zh"]
    assert "没有" in decided(NATIONAL, dt.date(2000, 1, 1)).rules[0].remedy.zh


@pytest.mark.parametrize(
    ("lot", "project", "passed"),
    [
        ({}, {}, True),
        ({"basin": "majia"}, {}, False),
        ({"basin": "Tuhai"}, {}, True),
        ({"basin": None}, {}, None),
        ({"pollutant": None}, {}, None),
        ({"pollutant": "NOX", "area": "linqing", "basin": "majia"}, {}, True),
        ({"pollutant": "NOX", "area": "liaocheng"}, {}, True),
        ({"pollutant": "NOX", "area": "dezhou"}, {}, False),
        ({"pollutant": "NOX", "area": "dezhou"}, {"area": "dezhou"}, True),
        ({"pollutant": "NOX", "area": "dezhou"}, {"area": "jinan"}, None),
        ({"pollutant": "NOX", "area": None}, {}, None),
    ],
)
def test_water_within_one_basin_and_air_within_one_city(
    lot: dict[str, Any], project: dict[str, Any], passed: bool | None
) -> None:
    """R18."""
    decision = decided(NEW, AFTER, lot=lot, needs_t={"COD": "2", "NOX": "2"}, **project)
    assert rule(decision, "R18").passed is passed
    assert (decision.verdict == "barred") is (passed is False)


def test_the_generic_rulebook_does_not_know_which_areas_make_a_city() -> None:
    decision = decided(NATIONAL, AFTER, lot={"pollutant": "NOX", "area": "linqing"}, needs_t={"NOX": "2"})
    assert rule(decision, "R18").passed is None
    assert decision.verdict == "must_buy"


@pytest.mark.parametrize(
    ("lot", "project", "passed"),
    [
        ({"pollutant": "NOX"}, {}, True),
        ({"pollutant": "NOX"}, {"thermal_power": True}, False),  # thermal buyer, other lot
        ({"pollutant": "NOX", "thermal_power": True}, {}, False),
        ({"pollutant": "NOX", "thermal_power": True}, {"thermal_power": True}, True),
        ({"pollutant": "NOX", "thermal_power": None}, {}, None),
        ({"pollutant": "COD", "thermal_power": True}, {}, True),  # the bar is for air only
        ({"pollutant": "COD"}, {"agriculture": True}, False),  # a pig farm and an industrial lot
        ({"pollutant": "COD", "agriculture": True}, {}, False),
        ({"pollutant": "COD", "agriculture": True}, {"agriculture": True}, True),
        ({"pollutant": "COD", "agriculture": None, "sector": None}, {}, None),
        ({"pollutant": "COD", "agriculture": None, "sector": "pig_farm"}, {}, False),
        ({"pollutant": "COD", "agriculture": None, "sector": "cement"}, {}, True),
        ({"pollutant": None}, {}, None),
    ],
)
def test_sectors_that_do_not_trade_with_each_other(
    lot: dict[str, Any], project: dict[str, Any], passed: bool | None
) -> None:
    """R19."""
    decision = decided(NEW, AFTER, lot=lot, needs_t={"COD": "2", "NOX": "2"}, **project)
    assert rule(decision, "R19").passed is passed
    assert (decision.verdict == "barred") is (passed is False)


@pytest.mark.parametrize(
    ("attainment", "lot", "passed"),
    [
        ({"water": True, "air": False}, {"area": "linqing"}, True),
        ({"water": False, "air": True}, {"area": "linqing"}, False),
        ({"water": False, "air": True}, {"area": "guanxian"}, True),
        ({"water": False, "air": True}, {"area": None}, None),
        ({"water": False, "air": True}, {"area": "liaocheng"}, None),
        ({"air": True}, {"area": "linqing"}, None),
        ({"air": True}, {"area": "guanxian"}, True),
        ({"water": True}, {"pollutant": None}, None),
    ],
)
def test_no_increase_where_the_target_was_missed(
    attainment: dict[str, bool], lot: dict[str, Any], passed: bool | None
) -> None:
    """R20."""
    decision = decided(NEW, AFTER, attainment=attainment, lot=lot, needs_t={"COD": "2"})
    assert rule(decision, "R20").passed is passed
    assert (decision.verdict == "barred") is (passed is False)


@pytest.mark.parametrize(
    ("attainment", "needs", "ratio"),
    [
        ({"water": True, "air": True}, {"COD": "2", "NOX": "2"}, "1"),
        ({"water": True, "air": False}, {"COD": "2", "NOX": "2"}, "2"),
        ({"water": True, "air": False}, {"COD": "2"}, "1"),
        ({"water": False, "air": True}, {"COD": "2"}, "2"),
        ({"water": True}, {"COD": "2", "NOX": "2"}, None),
        ({}, {"COD": "2"}, None),
    ],
)
def test_replacement_ratio(attainment: dict[str, bool], needs: dict[str, str], ratio: str | None) -> None:
    """R21."""
    decision = decided(NEW, AFTER, attainment=attainment, needs_t=needs)
    assert decision.replacement_ratio == ratio
    assert rule(decision, "R21").passed is (True if ratio else None)


def test_the_ratio_of_a_purchase_is_that_of_the_lots_pollutant() -> None:
    needs = {"COD": "2", "NOX": "2"}
    decision = decided(NEW, AFTER, attainment={"water": True, "air": False}, needs_t=needs, lot={})
    assert decision.replacement_ratio == "1"
    assert decision.ratios == {Pollutant.COD: "1"}


@pytest.mark.parametrize("bar", ["frozen", "mortgaged", "leased"])
def test_a_right_that_is_not_free_is_not_sold(bar: str) -> None:
    """R23."""
    decision = decided(NEW, AFTER, needs_t={"COD": "2"}, lot={bar: True})
    assert decision.verdict == "barred"
    assert rule(decision, "R23").facts[bar] is True
    assert rule(decision, "R23").remedy.en
    assert "R23" in decision.clause
    unknown = decided(NEW, AFTER, needs_t={"COD": "2"}, lot={bar: None})
    assert rule(unknown, "R23").passed is None
    assert unknown.verdict == "must_buy"


SELLER = {
    "verified_right": True,
    "over_standard": False,
    "mortgaged": False,
    "leased": False,
    "under_preservation": False,
}


@pytest.mark.parametrize("book", [TRIAL, NEW, NATIONAL])
@pytest.mark.parametrize(
    ("change", "passed", "words"),
    [
        ({}, True, "verified"),
        ({"verified_right": False}, False, "no verified right"),
        ({"verified_right": None}, None, "the seller"),
        ({"over_standard": True}, False, "over its standard"),
        ({"over_standard": None}, None, "the seller"),
        ({"mortgaged": True}, False, "mortgaged"),
        ({"leased": True}, False, "leased"),
        ({"under_preservation": True}, False, "frozen"),
        ({"verified_right": False, "over_standard": None}, False, "no verified right"),
    ],
)
def test_a_seller_may_be_barred(book: str, change: dict[str, Any], passed: bool | None, words: str) -> None:
    """R23: no verified right; over the standard; the right mortgaged, leased or under preservation."""
    day = dt.date(2023, 12, 1) if book == TRIAL else AFTER
    decision = decided(book, day, needs_t={"COD": "2"}, lot={}, seller={**SELLER, **change})
    found = rule(decision, "R23")
    assert (found.passed, found.proposed) == (passed, True)
    assert words in found.reason.en
    assert bool(found.remedy.zh) is (passed is not True)
    assert (decision.verdict == "barred") is (passed is False)
    stated = {"seller_mortgaged" if n == "mortgaged" else "seller_leased" if n == "leased" else n: v
              for n, v in {**SELLER, **change}.items()}  # fmt: skip
    assert {name: found.facts[name] for name in stated} == stated
    assert all(fact_label(name) != Text(name, name) for name in stated)


def test_a_bar_on_lot_and_seller_is_said_once_and_a_seller_alone_is_judged() -> None:
    both = decided(
        NEW, AFTER, needs_t={"COD": "2"}, lot={"mortgaged": True}, seller={**SELLER, "mortgaged": True}
    )
    assert rule(both, "R23").reason.en == "The lot is mortgaged and cannot be sold."
    alone = decided(NEW, AFTER, needs_t={"COD": "2"}, seller={**SELLER, "over_standard": True})
    assert alone.verdict == "barred"
    without = decided(NEW, AFTER, needs_t={"COD": "2"}, lot={})
    assert set(rule(without, "R23").facts) == {"frozen", "mortgaged", "leased"}, "as before"


def test_a_sellers_facts_are_read_strictly_and_kept_with_the_case() -> None:
    case = read_case(case_document(needs_t={"COD": "2"}, seller=SELLER))
    assert case_as_document(case)["seller"] == SELLER
    assert read_case(case_as_document(case)) == case
    for wrong in ({"over_standard": "no"}, {"owner": True}, []):
        with pytest.raises(InputInvalid) as refusal:
            read_case(case_document(needs_t={"COD": "2"}, seller=wrong))
        assert "seller" in refusal.value.message("en")


@pytest.mark.parametrize(
    ("buyer", "passed"),
    [
        ({}, True),
        ({"dishonest": True}, False),
        ({"penalties": True}, False),
        ({"penalties": 2}, False),
        ({"penalties": 0}, True),
        ({"penalties": ["责令改正"]}, False),
        ({"penalties": []}, True),
        ({"penalties": None}, None),
    ],
)
def test_buyers_in_good_standing(buyer: dict[str, Any], passed: bool | None) -> None:
    """R24."""
    decision = decided(NEW, AFTER, needs_t={"COD": "2"}, buyer=buyer)
    assert rule(decision, "R24").passed is passed
    assert (decision.verdict == "barred") is (passed is False)


def test_without_lot_and_buyer_the_bars_stay_open() -> None:
    decision = decided(NEW, AFTER, needs_t={"COD": "2"})
    assert {r.id: r.passed for r in decision.rules if r.kind == "bar"} == {
        "R18": None,
        "R19": None,
        "R20": None,
        "R23": None,
        "R24": None,
    }
    assert decision.verdict == "must_buy"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("liaocheng-2023", TRIAL),
        ("Liaocheng-2023-Trial", TRIAL),
        ("liaocheng-2025", NEW),
        ("generic", NATIONAL),
        ("national", NATIONAL),
    ],
)
def test_names_and_aliases(alias: str, name: str) -> None:
    assert rulebook(alias).name == name


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RulebookUnknown) as refusal:
        rulebook("jinan")
    assert refusal.value.code == "rulebooks.unknown"
    assert all(book.name in refusal.value.message("en") for book in rulebooks())
    with pytest.raises(RulebookUnknown):
        rulebook_on("371500", dt.date(2000, 1, 1))


def test_the_rulebook_of_a_place_on_a_day() -> None:
    assert rulebook_on("371500", dt.date(2023, 12, 1)).name == TRIAL
    assert rulebook_on("371500", BEFORE).name == NEW  # the later law
    assert rulebook_on("371500", AFTER).name == NEW
    assert rulebook_on("370100", AFTER).name == NATIONAL


def test_an_approved_parameter_counts_from_its_day_and_shows_in_the_version() -> None:
    change = Parameter("ratio_attaining", "1.2", "批准第1号", effective_from=AFTER)
    book = rulebook(NEW).with_parameters([change])
    case = read_case(case_document(needs_t={"COD": "2"}))
    assert decide(case, book, BEFORE).replacement_ratio == "1"
    assert decide(case, book, AFTER).replacement_ratio == "1.2"
    assert decide(case, book, AFTER).version == "2025.1+1"
    assert rulebook(NEW).with_parameters([]) == rulebook(NEW)
    with pytest.raises(KeyError):
        book.parameter("no_such", AFTER)


def test_every_rulebook_names_known_predicates_and_parameters_that_exist() -> None:
    for book in rulebooks():
        assert {r.predicate for r in book.rules} <= set(predicates)
        for on in (book.effective_from, min(book.effective_to, dt.date(2030, 1, 1))):
            for each in ({"COD": "2", "NOX": "2"}, {"NH3N": "0.001"}):
                decision = decide(read_case(case_document(needs_t=each, lot={}, buyer={})), book, on)
                for result in decision.rules:
                    assert result.clause and result.reason.zh and result.reason.en


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "the file"),
        ({}, "project"),
        ({"project": {}}, "project.new"),
        ({"project": {"new": "yes"}}, "project.new"),
        ({"project": {"new": True}}, "project.needs_t"),
        ({"project": {"new": True, "needs_t": {"CO2": "1"}}}, "project.needs_t.CO2"),
        ({"project": {"new": True, "needs_t": {"COD": "abc"}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {"COD": "-1"}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {"COD": "NaN"}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {"COD": "0.0000001"}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {"COD": 0.1}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {"COD": True}}}, "project.needs_t.COD"),
        ({"project": {"new": True, "needs_t": {}, "colour": 1}}, "project.colour"),
        ({"project": {"new": True, "needs_t": {}, "area": 7}}, "project.area"),
        ({"project": {"new": True, "needs_t": {}, "attainment": {"soil": True}}}, "project.attainment.soil"),
        ({"project": {"new": True, "needs_t": {}}, "lot": {"pollutant": "CO2"}}, "lot.pollutant"),
        ({"project": {"new": True, "needs_t": {}, "attainment": False}}, "project.attainment"),
        ({"project": {"new": True, "needs_t": {}}, "lot": 3}, "lot"),
        ({"project": {"new": True, "needs_t": {}}, "buyer": {"penalties": "many"}}, "buyer.penalties"),
        ({"project": {"new": True, "needs_t": {}}, "owner": {}}, "owner"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(document: Any, field: str) -> None:
    with pytest.raises(InputInvalid) as refusal:
        read_case(document)
    assert refusal.value.message("en").startswith(f"{field}:")
    if "needs_t." not in field or "CO2" in field:
        assert refusal.value.code == "rulebooks.field_invalid"


def test_every_figure_of_a_decision_has_a_name_in_both_languages() -> None:
    for book in rulebooks():
        for on in (book.effective_from, AFTER):
            decision = decide(
                read_case(case_document(lot={}, buyer={}, needs_t={"COD": "2", "PM": "1"})), book, on
            )
            for result in decision.rules:
                for name, value in result.facts.items():
                    assert fact_label(name) != Text(name, name), name
                    assert fact_value(value).zh and fact_value(value).en


@pytest.mark.parametrize(
    ("value", "zh"),
    [
        (None, "未知"),
        (True, "是"),
        (False, "否"),
        ([], "无"),
        ({}, "无"),
        (["COD", "NH3N"], "化学需氧量、氨氮"),
        ({"COD": "0.1"}, "化学需氧量 0.1"),
        ("<=", "不高于"),
        ("tuhai", "tuhai"),
        (Text("原文", "as it is"), "原文"),
    ],
)
def test_figures_in_words(value: Any, zh: str) -> None:
    assert fact_value(value).zh == zh


def test_a_figure_nobody_named_keeps_its_own_name() -> None:
    assert fact_label("colour").en == "colour"


words = st.sampled_from([None, "guanxian", "linqing", "tuhai", "majia", "paper", "pig_farm"])
flags = st.sampled_from([None, True, False])
needs = st.dictionaries(
    st.sampled_from(list(Pollutant)), st.integers(0, 20_000_000).map(lambda g: f"{g // 10**6}.{g % 10**6:06}")
)
lots = st.fixed_dictionaries(
    {
        "pollutant": st.sampled_from([None, *Pollutant]),
        "area": words,
        "basin": words,
        "sector": words,
        "thermal_power": flags,
        "agriculture": flags,
        "frozen": flags,
        "mortgaged": flags,
        "leased": flags,
    }
)


@given(
    needs, st.none() | lots, st.sampled_from([TRIAL, NEW, NATIONAL]), st.sampled_from([BEFORE, AFTER]), flags
)
def test_decisions_are_consistent_with_their_rules(
    needs_t: dict[str, str], lot: dict[str, Any] | None, name: str, on: dt.date, voluntary: bool | None
) -> None:
    document = case_document(needs_t=needs_t, voluntary=voluntary)
    if lot is not None:
        document["lot"] = lot
    case = read_case(document)
    decision = decide(case, rulebook(name), on)
    assert read_case(case_as_document(case)) == case
    barred = any(r.kind == "bar" and r.passed is False for r in decision.rules)
    assert (decision.verdict == "barred") is barred
    if decision.verdict == "must_buy":
        assert any(r.kind == "scope" and r.passed for r in decision.rules)
    if decision.verdict == "exempt":
        assert any(r.kind == "exemption" and r.passed for r in decision.rules)
    for result in decision.rules:
        if result.passed is False and result.kind == "bar":
            assert result.remedy.zh and result.remedy.en
    assert set(decision.pollutants) == set(case.project.needs_g)


def quantity(tonnes: str) -> Quantity:
    return Quantity.from_tonnes(Pollutant.COD, tonnes)


def test_deposits_of_several_places() -> None:
    """R26: V7 (Quzhou), V11 (Hengshui), Bozhou."""
    per_year = Price.from_yuan("4000", PriceBasis.PER_YEAR, 5)
    assert deposit_preset("quzhou").deposit(per_year, quantity("2.5")).fen == 500_000
    listing = Price.from_yuan("6000", PriceBasis.PER_YEAR, 5)
    assert deposit_preset("hengshui").deposit(listing, quantity("10")).fen == 1_800_000
    term = Price.from_yuan("21000", PriceBasis.TERM, 5)
    assert deposit_preset("ningxia").deposit(term, quantity("4.048")).fen == 850_080
    assert deposit_preset("Bozhou").deposit(term, quantity("44")).fen == 500_000
    assert deposit_preset("liaocheng").proposed


def test_an_unknown_deposit_rule_lists_the_known_ones() -> None:
    with pytest.raises(DepositPresetUnknown, match="quzhou") as refusal:
        deposit_preset("paris")
    assert refusal.value.code == "rulebooks.deposit_unknown"

"""Words, regions, terms, ratios, serial blocks and permit numbers."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant
from terrace.market.rights import rules

CODE = "91371500MA3C00001X"


@pytest.mark.parametrize(
    ("start", "years", "end"),
    [
        (dt.date(2024, 1, 1), 5, dt.date(2028, 12, 31)),
        (dt.date(2023, 12, 15), 1, dt.date(2024, 12, 14)),
        (dt.date(2024, 2, 29), 5, dt.date(2029, 2, 28)),
    ],
)
def test_a_term_ends_the_day_before_its_anniversary(start: dt.date, years: int, end: dt.date) -> None:
    assert rules.term_end_of(start, years) == end


def test_water_stays_in_its_basin_and_air_in_its_city() -> None:
    assert rules.region_of(Pollutant.COD, basin="tuhai") == "tuhai"
    assert rules.region_of(Pollutant.NOX, basin="tuhai") == "371500"
    with pytest.raises(InputInvalid) as refused:
        rules.region_of(Pollutant.NH3N, basin="")
    assert refused.value.code == "input.invalid"


@pytest.mark.parametrize(
    ("need", "ratio", "buy"),
    [(4_048_000, 100, 4_048_000), (1_000_000, 120, 1_200_000), (1, 120, 2), (5, 120, 6), (3, 200, 6)],
)
def test_the_quantity_to_buy_is_rounded_up_to_the_gram(need: int, ratio: int, buy: int) -> None:
    assert rules.required_g(need, ratio) == buy


def test_ratios_are_printed_as_a_notice_prints_them() -> None:
    assert [rules.ratio_text(r) for r in (100, 120, 125, 200, 105)] == [
        "1:1",
        "1.2:1",
        "1.25:1",
        "2:1",
        "1.05:1",
    ]


def test_a_block_is_cut_from_the_front_and_nothing_is_lost() -> None:
    cut, rest = rules.Block(0, 10_000).take(4_048)
    assert (cut, rest) == (rules.Block(0, 4_048), rules.Block(4_048, 10_000))
    assert cut.size + rest.size == 10_000
    assert cut.text("371500-NOX-2023-000001") == "371500-NOX-2023-000001/1-4048"
    for quantity in (0, -1, 10_001):
        with pytest.raises(ValueError, match="inside"):
            rules.Block(0, 10_000).take(quantity)


@pytest.mark.parametrize(
    ("permit_no", "sound"),
    [(CODE + "001", True), (CODE + "01", False), (CODE + "00A", False), ("91371500MA3C00002X001", False)],
)
def test_a_permit_number_is_the_credit_code_and_three_digits(permit_no: str, sound: bool) -> None:
    assert (rules.permit_no_fault(permit_no, CODE) is None) is sound


def test_an_areas_file_names_line_and_field() -> None:
    good = {
        "code": "guanxian",
        "name": "冠县",
        "name_en": "Guan County",
        "division_code": "371525",
        "kind": "county",
    }
    assert [a.code for a in rules.read_areas([good])] == ["guanxian"]
    for bad, where in (({**good, "code": "冠县"}, "第2行 code"), ({**good, "name": ""}, "第2行 name")):
        with pytest.raises(InputInvalid) as refused:
            rules.read_areas([bad])
        assert where in str(refused.value)
    with pytest.raises(InputInvalid, match="第3行"):
        rules.read_areas([good, good])

"""Working days against the printed calendars of 2022 to 2026, make-up days and both edges included."""

import datetime as dt

import pytest

from terrace.kernel import workdays
from terrace.kernel.base.errors import Refusal
from terrace.kernel.workdays import rules


def d(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=rules.SHANGHAI)


@pytest.mark.parametrize(
    ("date", "works"),
    [
        ("2022-01-29", True),  # make-up Saturday before Spring Festival
        ("2022-01-30", True),  # make-up Sunday
        ("2022-10-08", True),
        ("2022-12-31", False),  # freed by the notice of 2023
        ("2023-10-06", False),
        ("2023-10-07", True),
        ("2024-02-04", True),
        ("2025-01-26", True),
        ("2025-10-08", False),
        ("2026-10-10", True),  # make-up Saturday
        ("2026-10-11", False),
        ("2026-09-30", True),
        ("2026-12-31", True),
    ],
)
def test_single_days_follow_the_printed_calendar(date: str, works: bool) -> None:
    assert workdays.is_workday(d(date)) is works


@pytest.mark.parametrize(
    ("start", "amount", "expected"),
    [
        ("2026-09-30", 5, "2026-10-13"),  # 8, 9, make-up Saturday 10, 12, 13 October
        ("2026-09-30", -5, "2026-09-22"),  # 29, 28, 24, 23, 22: Mid-Autumn is free from Friday the 25th
        ("2026-09-30", 0, "2026-09-30"),
        ("2026-10-04", 1, "2026-10-08"),
        ("2026-10-11", -1, "2026-10-10"),
        ("2022-12-30", 1, "2023-01-03"),
        ("2023-01-20", 1, "2023-01-28"),
        ("2023-09-28", 1, "2023-10-07"),
        ("2022-01-01", 1, "2022-01-04"),
        ("2026-12-30", 1, "2026-12-31"),
        ("2022-01-05", -1, "2022-01-04"),
    ],
)
def test_adding_working_days(start: str, amount: int, expected: str) -> None:
    assert workdays.add(d(start), amount) == d(expected)


@pytest.mark.parametrize(
    ("after", "until", "days"),
    [
        ("2026-09-30", "2026-10-13", 5),
        ("2026-10-13", "2026-09-30", -5),
        ("2026-10-01", "2026-10-07", 0),
        ("2026-10-09", "2026-10-10", 1),
        ("2026-10-10", "2026-10-10", 0),
        ("2024-12-31", "2025-12-31", 248),
    ],
)
def test_counting_excludes_the_first_day_and_includes_the_last(after: str, until: str, days: int) -> None:
    assert workdays.count(d(after), d(until)) == days


def test_every_step_agrees_with_walking_day_by_day() -> None:
    calendar = workdays.calendar()
    walked = [d("2022-01-01") + dt.timedelta(n) for n in range(1826)]
    working = [day for day in walked if calendar.is_workday(day)]
    for amount in (1, 2, 7, 30):
        for i, day in enumerate(working[: -amount or None]):
            assert calendar.add(day, amount) == working[i + amount]
            assert calendar.add(working[i + amount], -amount) == day
            assert calendar.count(day, working[i + amount]) == amount


@pytest.mark.parametrize(
    ("start", "amount"),
    [("2026-12-31", 1), ("2022-01-04", -1), ("2027-01-01", 0), ("2021-12-31", 1), ("2026-01-05", 10**9)],
)
def test_a_year_that_is_not_loaded_is_refused_with_the_way_to_load_it(start: str, amount: int) -> None:
    with pytest.raises(workdays.CalendarMissing) as refusal:
        workdays.add(d(start), amount)
    assert refusal.value.code == "workdays.calendar_missing"
    assert "2022–2026" in refusal.value.message("zh")
    assert "TERRACE_CALENDAR_DIR" in refusal.value.advice("en")
    with pytest.raises(workdays.CalendarMissing):
        workdays.count(d("2026-12-31"), d("2027-01-01"))


def test_deadlines_are_instants_in_shanghai_office_hours() -> None:
    # 23:30 UTC on 29 September is already the 30th in Shanghai.
    start = dt.datetime(2026, 9, 29, 23, 30, tzinfo=dt.UTC)
    assert workdays.deadline(start, 5) == at("2026-10-13T17:00:00")
    assert workdays.deadline(start, 1, hour=9) == at("2026-10-08T09:00:00")
    assert workdays.deadline(start, 5).tzinfo is dt.UTC
    with pytest.raises(ValueError, match="aware"):
        workdays.deadline(dt.datetime(2026, 9, 30), 5)  # noqa: DTZ001 - the naive instant is the case


def test_working_days_left() -> None:
    due = at("2026-10-13T17:00:00")
    assert workdays.workdays_left(at("2026-09-30T08:00:00"), due) == 5
    assert workdays.workdays_left(at("2026-10-13T18:00:00"), due) == 0
    assert workdays.workdays_left(at("2026-10-14T08:00:00"), due) == -1


HEADER = "date,name,kind,source_year\n"


def whole_year(year: int) -> str:
    free = [f"{year}-01-01,元旦", *(f"{year}-02-{n:02},春节" for n in range(5, 12)), f"{year}-05-01,劳动节"]
    free += [f"{year}-10-{n:02},国庆节" for n in range(1, 8)]
    return HEADER + "".join(f"{row},off,{year}\n" for row in free) + f"{year}-10-09,国庆节,work,{year}\n"


def test_a_further_year_is_loaded_from_the_folder(tmp_path, monkeypatch) -> None:
    (tmp_path / "2027.csv").write_text(whole_year(2027), encoding="utf-8")
    monkeypatch.setenv("TERRACE_CALENDAR_DIR", str(tmp_path))
    assert workdays.calendar().years == (2022, 2023, 2024, 2025, 2026, 2027)
    assert workdays.add(d("2026-12-31"), 1) == d("2027-01-04")
    assert workdays.is_workday(d("2027-10-09"))


def test_a_part_of_a_year_is_not_a_calendar(tmp_path) -> None:
    (tmp_path / "2027.csv").write_text(HEADER + "2027-01-01,元旦,off,2027\n", encoding="utf-8")
    with pytest.raises(workdays.CalendarMissing):
        rules.load(tmp_path).is_workday(d("2027-01-04"))


def test_a_gap_between_years_is_never_crossed(tmp_path) -> None:
    (tmp_path / "2028.csv").write_text(whole_year(2028), encoding="utf-8")
    calendar = rules.load(tmp_path)
    assert calendar.is_workday(d("2028-03-01"))
    for question in (
        lambda: calendar.add(d("2026-12-31"), 1),
        lambda: calendar.count(d("2026-12-30"), d("2028-01-05")),
    ):
        with pytest.raises(workdays.CalendarMissing, match="2027"):
            question()


def test_an_amended_year_replaces_the_packaged_one(tmp_path) -> None:
    (tmp_path / "2026.csv").write_text(whole_year(2026), encoding="utf-8")
    assert not rules.load(tmp_path).is_workday(d("2026-10-10"))


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        ("day,name\n", 1, "header"),
        (HEADER + "2027-13-01,元旦,off,2027\n", 2, "date"),
        (HEADER + "2027-01-01,元旦,off,2027\n2027-01-01,元旦,off,2027\n", 3, "date"),
        (HEADER + "2027-01-01,元旦,free,2027\n", 2, "kind"),
        (HEADER + "2027-01-01,元旦,off,2030\n", 2, "source_year"),
        (HEADER + "2027-01-01,元旦,off\n", 2, "row"),
    ],
)
def test_a_wrong_file_is_named_by_line_and_field(tmp_path, content: str, line: int, field: str) -> None:
    (tmp_path / "bad.csv").write_text(content, encoding="utf-8")
    with pytest.raises(Refusal) as refusal:
        rules.load(tmp_path)
    assert refusal.value.code == "workdays.calendar_invalid"
    assert refusal.value.facts["file"] == "bad.csv"
    assert (refusal.value.facts["line"], refusal.value.facts["field"]) == (line, field)


def test_a_file_that_is_not_text_is_refused(tmp_path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(workdays.CalendarInvalid):
        rules.load(tmp_path)

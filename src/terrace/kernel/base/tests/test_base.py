"""Credit codes, texts, refusals, the clock and the act."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.utils import OperationalError

from terrace.kernel.base import clock, credit_code
from terrace.kernel.base.actor import ANONYMOUS, SYSTEM, Actor
from terrace.kernel.base.db import act, acts_catalogue
from terrace.kernel.base.errors import (
    KeyReused,
    NotAllowed,
    NotFound,
    Refusal,
    SamePerson,
    ServiceBusy,
    Stale,
    all_refusals,
)
from terrace.kernel.base.texts import Text


@pytest.mark.parametrize(
    "code",
    [
        "91620100719023721L",
        "913101203509708598",
        "９１３１０１２０３５０９７０８５９８",
        " 91620100719023721l ",
    ],
)
def test_codes_of_real_firms_pass(code: str) -> None:
    assert credit_code.check(code).valid


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("9162010071902372", "应为18位，实为16位"),
        ("91620100719023721M", "校验码应为“L”"),
        ("9162010071902372IL", "“I”不是允许的字符"),
        ("9162A10071902372XL", "行政区划"),
        ("A1110000600037341L", "校验码"),
        ("", "实为0位"),
    ],
)
def test_a_wrong_code_says_what_is_wrong(code: str, reason: str) -> None:
    found = credit_code.check(code)
    assert not found.valid
    assert reason in found.reason.zh
    assert found.reason.en


def test_changing_any_one_character_is_noticed() -> None:
    code = "91620100719023721L"
    for place in range(18):
        for other in credit_code.ALPHABET:
            if other != code[place]:
                assert not credit_code.check(code[:place] + other + code[place + 1 :]).valid


def test_made_codes_are_valid() -> None:
    assert credit_code.check(credit_code.make("9", "1", "371500", "MA3DEM001")).valid


def test_texts() -> None:
    text = Text("共{n}条", "{n} items").fill(n=3)
    assert (text.of("zh-hans"), text.of("en-gb"), text.of(None), str(text)) == (
        "共3条",
        "3 items",
        "共3条",
        "共3条",
    )


def test_refusals_speak_both_languages_and_show_missing_facts() -> None:
    refusal = NotAllowed(reason=Text("不是经办人。", "not the maker."))
    assert refusal.message("zh") == "您不能执行此操作：不是经办人。"
    assert refusal.message("en") == "You may not do this: not the maker."
    assert "{what}" in NotFound().message("en")
    assert SamePerson(clause="第十二条").clause == "第十二条"
    assert all_refusals()["input.stale"] is Stale
    assert all_refusals()["input.key_reused"] is KeyReused
    assert all_refusals()["approval.same_person"] is SamePerson
    assert all_refusals()["access.not_found"] is NotFound
    assert all_refusals()["access.denied"] is NotAllowed


def test_a_refusal_without_a_code_or_with_a_taken_one_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="needs a code"):
        type("Nameless", (Refusal,), {"text": Text("a", "b")})
    with pytest.raises(TypeError, match="share the code"):
        type("Thief", (Refusal,), {"code": "input.stale", "text": Text("a", "b")})


def test_actors() -> None:
    assert SYSTEM.is_system
    assert not ANONYMOUS.is_system
    assert Actor(1, 1, 1, 1, frozenset({"A"})).has_role("B", "A")
    assert not ANONYMOUS.has_role("A")


@pytest.mark.django_db
def test_the_clock_runs_on_from_where_it_was_set() -> None:
    start = dt.datetime(2023, 12, 18, 9, 30, tzinfo=clock.SHANGHAI)
    clock.set_now(start)
    assert dt.timedelta(0) <= clock.now() - start < dt.timedelta(seconds=5)
    assert clock.today() == dt.date(2023, 12, 18)
    assert clock.at_local(dt.date(2023, 12, 18), 9, 30) == start
    clock.set_now(start + dt.timedelta(days=1))
    assert clock.today() == dt.date(2023, 12, 19)


@pytest.mark.django_db
def test_the_clock_is_not_shifted_outside_the_demo(settings: object) -> None:
    settings.TERRACE_DEMO = False  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="demo"):
        clock.set_now(dt.datetime(2023, 12, 18, tzinfo=dt.UTC))


@pytest.mark.django_db(transaction=True)
def test_an_act_is_one_transaction_and_is_listed() -> None:
    @act("test.base.fail")
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE half_done (n int)")
        raise Stale

    with pytest.raises(Stale):
        fail()
    assert "half_done" not in connection.introspection.table_names()
    assert acts_catalogue.pop("test.base.fail")


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_given_is_busy_and_other_faults_stay_faults() -> None:
    @act("test.base.slow")
    def slow() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(1)")

    @act("test.base.broken")
    def broken() -> None:
        raise OperationalError("something else")

    with pytest.raises(ServiceBusy) as caught:
        slow()
    assert caught.value.code == "service.busy"
    with pytest.raises(OperationalError):
        broken()
    del acts_catalogue["test.base.slow"], acts_catalogue["test.base.broken"]

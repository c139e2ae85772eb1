"""kill -9 in the middle of settlement: nothing is lost, nothing is done twice, and a repeat gets the first answer.

An act is stopped at a known place: a lock held from outside keeps it waiting inside its transaction. Then web, database
or worker is killed, the lock is let go, and the same request is sent again, as a browser or a person would.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import csv
import datetime as dt
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("killed settlement")]

SHANGHAI = dt.timezone(dt.timedelta(hours=8))


class Person:
    """Somebody at a browser, without the browser: a session, forms, and answers."""

    def __init__(self, city: Any, username: str) -> None:
        self.client = httpx.Client(base_url=city.address, timeout=20)
        self.post("/demo/sign-in/", form_of=self.get("/demo/"), username=username)

    def get(self, path: str) -> str:
        """A page, asked for again while the city comes back from a kill."""
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self.client.get(path)
                if answer.status_code < 500:
                    assert answer.status_code == 200, f"{path}: {answer.status_code}"
                    return answer.text
            assert time.monotonic() < end, f"{path} did not come back"
            time.sleep(0.2)

    def post(self, path: str, *, form_of: str, files: Any = None, **fields: str) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form_of)
        assert token is not None
        return self.client.post(
            path,
            data={"csrfmiddlewaretoken": token.group(1), **fields},
            files=files,
            headers={"Referer": str(self.client.base_url)},
        )

    def until_answered(self, path: str, *, form_of: str, **fields: str) -> httpx.Response:
        """The same form again and again until something other than a fault comes back."""
        end = time.monotonic() + 90
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self.post(path, form_of=form_of, **fields)
                if answer.status_code < 500:
                    return answer
            assert time.monotonic() < end, f"{path} was never answered"
            time.sleep(0.2)


@pytest.fixture
def signed_in(own_city: Any) -> Iterator[Callable[[str], Person]]:
    """Signs somebody in; at the end everybody's connections are closed."""
    people: list[Person] = []

    def sign_in(username: str) -> Person:
        people.append(Person(own_city, username))
        return people[-1]

    yield sign_in
    for person in people:
        person.client.close()


def value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page) or re.search(
        rf'value="([^"]*)"[^>]*name="{name}"', page
    )
    assert found is not None, name
    return found.group(1)


def rows(city: Any, sql: str, *values: object) -> list[Any]:
    with psycopg.connect(city.database_url()) as connection:
        return connection.execute(sql, values).fetchall()


def set_clock(city: Any, *moment: int) -> None:
    wanted = dt.datetime(*moment, tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]
    with psycopg.connect(city.database_url(), autocommit=True) as connection:
        connection.execute('UPDATE base_clock_setting SET "offset" = %s - clock_timestamp()', [wanted])


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@contextlib.contextmanager
def stopped_inside(city: Any, lock: str) -> Iterator[Callable[[], None]]:
    """Hold `lock` from outside; gives a function that waits until an act of the application waits behind it."""
    with psycopg.connect(city.database_url()) as holder:
        holder.execute(lock)

        def wait() -> None:
            wait_for(
                lambda: rows(city, "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", holder.info.backend_pid)
            )  # fmt: skip

        yield wait
        with contextlib.suppress(psycopg.Error):
            holder.rollback()


def killed_while(city: Any, kill: Callable[[], None], lock: str, act: Callable[[], Any]) -> None:
    """Send `act`, kill something while it stands inside its transaction, and let the lock go."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool, stopped_inside(city, lock) as inside:
        waiting = pool.submit(act)
        inside()
        kill()
        with contextlib.suppress(httpx.HTTPError):
            answer = waiting.result(30)
            assert answer.status_code >= 500, "nothing was acknowledged"
    city.until("/readyz")


def statement_file(lines: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["交易日期", "交易流水号", "对方账号", "对方户名", "金额", "附言"])
    writer.writerows(
        ["2023-12-26", serial, account, "对方", amount, remark] for serial, account, amount, remark in lines
    )
    return {"file": ("流水.csv", text.getvalue().encode(), "text/csv")}


def due(city: Any, purpose: str) -> list[Any]:
    return rows(
        city,
        "SELECT i.reference, i.amount_fen, o.bank_account_no, i.payee_account_no FROM settlement_paymentinstruction i"
        " JOIN orgs_organisation o ON o.id = i.payer_id WHERE i.purpose = %s AND i.state = 'DUE' ORDER BY i.id",
        purpose,
    )


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def uploaded(person: Person, lines: list[tuple[str, str, str, str]]) -> tuple[str, str, str]:
    """Upload a statement; gives its address, the page, and the digest of what it shows."""
    page = person.get("/settlement/statements/")
    answer = person.post(
        "/settlement/statements/",
        form_of=page,
        files=statement_file(lines),
        idempotency_key=value(page, "idempotency_key"),
    )
    assert answer.status_code == 303, answer.text
    address = answer.headers["Location"]
    page = person.get(address)
    return address, page, value(page, "seen")


def test_nothing_is_lost_or_doubled_when_parts_are_killed_during_settlement(
    own_city: Any, signed_in: Callable[[str], Person]
) -> None:
    city = own_city

    def web_dies() -> None:
        city.kill("wsgi")

    def database_dies() -> None:
        os.kill(city.postmaster_pid(), signal.SIGKILL)

    set_clock(city, 2023, 12, 18, 10, 50)
    wait_for(lambda: rows(city, "SELECT 1 FROM settlement_trade"))
    ((number,),) = rows(city, "SELECT number FROM settlement_trade")
    trade = f"/trades/{number}/"
    exchange, checker = signed_in("exchange"), signed_in("exchange2")
    page = exchange.get(trade)
    assert exchange.post(f"{trade}step/publish/", form_of=page).status_code == 303

    # The worker dies while the end of the publicity passes: it is done once, by the next one.
    with stopped_inside(
        city, f"SELECT 1 FROM settlement_trade WHERE number = '{number}' FOR UPDATE"
    ) as inside:
        set_clock(city, 2023, 12, 25, 17, 5)
        inside()
        city.kill("worker")
    state = "SELECT c.state FROM settlement_trade t JOIN procedures_case c ON c.id = t.case_id"
    wait_for(lambda: rows(city, state) == [("contracting",)])
    assert rows(city, "SELECT count(*) FROM procedures_casestep WHERE transition = 'close_publicity'") == [
        (1,)
    ]

    # The web process dies while the second party signs: the repeat signs, a second repeat gets the first answer.
    for username, kill in (("buyer4-approver", None), ("reserve2", web_dies)):
        person = signed_in(username)
        page = person.get(trade)
        fields = {
            "contract_digest": value(page, "contract_digest"),
            "read": "on",
            "idempotency_key": value(page[page.index(f"{trade}sign/") :], "idempotency_key"),
        }
        if kill is not None:
            killed_while(
                city, kill, f"SELECT 1 FROM settlement_trade WHERE number = '{number}' FOR UPDATE",
                lambda p=person, f=page, v=fields: p.post(f"{trade}sign/", form_of=f, **v),
            )  # fmt: skip
        for _ in range(2):
            assert person.until_answered(f"{trade}sign/", form_of=page, **fields).status_code == 303
    assert rows(city, "SELECT count(*) FROM settlement_contractsignature") == [(2,)]

    # The database dies while a statement with the price is confirmed, after lines were booked.
    ((reference, amount, account, _),) = due(city, "PRICE")
    address, page, seen = uploaded(
        exchange, [("K1", account, yuan(amount), reference), ("K2", "6222999", "12.34", "没有缴款码")]
    )
    for kill in (database_dies, web_dies):
        killed_while(
            city, kill, "LOCK TABLE audit_journal IN EXCLUSIVE MODE",  # the last thing an act writes
            lambda: exchange.post(f"{address}confirm/", form_of=page, seen=seen),
        )  # fmt: skip
        assert rows(city, "SELECT count(*) FROM settlement_bankline WHERE bank_serial IN ('K1', 'K2')") == [
            (0,)
        ]
    for _ in range(2):
        assert exchange.until_answered(f"{address}confirm/", form_of=page, seen=seen).status_code == 303
    assert rows(city, "SELECT bank_serial, state FROM settlement_bankline WHERE bank_serial IN ('K1', 'K2') ORDER BY 1") == [
        ("K1", "MATCHED"), ("K2", "SUSPENSE"),
    ]  # fmt: skip
    assert rows(city, state) == [("paid",)]

    # Certificate and delivery: killed in the middle, then repeated by the same form.
    for person, step, kill, wanted in (
        (exchange, "certificate", web_dies, "certified"),
        (exchange, "propose", None, "delivery_proposed"),
        (checker, "deliver", database_dies, "delivered"),
    ):
        page = person.get(trade)
        form = page[page.index(f"{trade}step/{step}/") :]
        key = value(form, "idempotency_key")
        if kill is not None:
            killed_while(
                city, kill, "LOCK TABLE audit_journal IN EXCLUSIVE MODE",
                lambda p=person, f=page, s=step, k=key: p.post(f"{trade}step/{s}/", form_of=f, idempotency_key=k),
            )  # fmt: skip
        for _ in range(2):
            answer = person.until_answered(f"{trade}step/{step}/", form_of=page, idempotency_key=key)
            assert answer.status_code == 303, answer.text
        assert rows(city, state) == [(wanted,)]
    assert rows(city, "SELECT count(*) FROM settlement_certificate") == [(1,)]
    assert rows(
        city, "SELECT count(*) FROM ledger_entry WHERE key = %s", f"settlement:trade:{number}:delivery"
    ) == [(1,)]
    assert len(due(city, "TREASURY")) == 1

    # A refund, by two persons, with the web process killed under the second.
    ((refund,), *_) = rows(city, "SELECT number FROM settlement_refund WHERE state = 'DUE' ORDER BY id")
    refund_page = f"/settlement/refunds/{refund}/"
    for person, step, kill in ((exchange, "ask", None), (checker, "approve", web_dies)):
        page = person.get(refund_page)
        key = value(page[page.index('name="step"') - 3000 :], "idempotency_key")
        if kill is not None:
            killed_while(
                city, kill, "LOCK TABLE audit_journal IN EXCLUSIVE MODE",
                lambda p=person, f=page, s=step, k=key: p.post(refund_page, form_of=f, step=s, idempotency_key=k),
            )  # fmt: skip
        for _ in range(2):
            answer = person.until_answered(refund_page, form_of=page, step=step, idempotency_key=key)
            assert answer.status_code == 303, answer.text
    assert rows(
        city, "SELECT count(*) FROM ledger_entry WHERE key = %s", f"settlement:refund:{refund}:approved"
    ) == [(1,)]

    checked = subprocess.run(
        [sys.executable, "-m", "terrace", "verify"],
        env={
            **os.environ, "DATABASE_URL": city.database_url(), "TERRACE_DATA_DIR": str(city.data_dir),
            "DJANGO_SETTINGS_MODULE": "terrace.site.settings.demo",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr

"""The live auction of the demo city: two people in two browsers, and parts of the server killed under their hands."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.xdist_group("auction")]

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield running
        running.close()


def set_clock(city: Any, hour: int, minute: int, second: int = 0) -> None:
    """Move the demo's clock on 18 December 2023, as the page for it does."""
    wanted = dt.datetime(2023, 12, 18, hour, minute, second, tzinfo=SHANGHAI)
    with psycopg.connect(city.database_url(), autocommit=True) as connection:
        connection.execute('UPDATE base_clock_setting SET "offset" = %s - clock_timestamp()', [wanted])


def auction_id(city: Any) -> int:
    with psycopg.connect(city.database_url()) as connection:
        row = connection.execute("SELECT id FROM auctions_auction").fetchone()
    assert row is not None
    return int(row[0])


def signed_in(city: Any, browser: Browser, username: str) -> Page:
    page = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai").new_page()
    page.goto(f"{city.address}/demo/")
    page.locator(f'button[value="{username}"], form:has(input[value="{username}"]) button').first.click()
    page.wait_for_url(re.compile("/desk/"))
    return page


def test_two_bidders_against_each_other_with_a_time_extension(own_city: Any, browser: Browser) -> None:
    city = own_city
    number = auction_id(city)
    first, second = signed_in(city, browser, "buyer1"), signed_in(city, browser, "buyer4")
    set_clock(city, 10, 34, 5)  # the free period ended at 10:30 and the wait of four minutes is over
    for page in (first, second):
        page.goto(f"{city.address}/auctions/{number}/")
    expect(second.locator("[data-standing]")).to_contain_text("领先")
    until = first.locator("[data-until]")
    before = until.inner_text()
    first.locator('button[name="quick"]').first.click()
    expect(first.locator("[data-answer]")).not_to_be_empty()
    expect(first.locator("[data-best]")).to_contain_text("1,700")
    # The other browser hears of it without reloading: the price, the outbid standing, the longer countdown.
    expect(second.locator("[data-best]")).to_contain_text("1,700")
    expect(second.locator("[data-standing]")).not_to_contain_text("领先")
    expect(until).not_to_have_text(before)  # an accepted quote starts the window again
    second.locator('button[name="quick"]').first.click()
    expect(first.locator("[data-best]")).to_contain_text("1,750")
    # A letter where a number should be, three decimals, a price below the next one: said on the page, nothing bid.
    for typed in ("abc", "1800.001", "1600"):
        first.locator("#a-price").fill(typed)
        first.locator(".a-own button").last.click()
        expect(first.locator("[data-answer]")).not_to_be_empty()
    expect(first.locator("[data-best]")).to_contain_text("1,750")
    set_clock(city, 10, 50)
    wait_for(lambda: trades(city) == 1)
    expect(first.locator("#a-result")).to_be_visible(
        timeout=20_000
    )  # the page renews itself when the result is there
    expect(first.locator("main")).to_contain_text("铜河冶炼")  # names after the close


def trades(city: Any) -> int:
    with psycopg.connect(city.database_url()) as connection:
        row = connection.execute("SELECT count(*) FROM settlement_trade").fetchone()
    assert row is not None
    return int(row[0])


def test_no_acknowledged_bid_is_lost_when_web_and_database_are_killed(own_city: Any) -> None:
    city = own_city
    number = auction_id(city)
    clients = {name: bidder(city, name) for name in ("buyer1", "buyer4")}
    acknowledged: list[tuple[str, int]] = []
    stop = threading.Event()

    def bid(name: str) -> None:
        client, token = clients[name]
        place = 0
        while not stop.is_set():
            place += 1
            key = f"{name}-{place}"
            for _ in range(200):  # the same key again and again until there is an answer
                try:
                    state = client.get(f"/api/v1/auctions/{number}").json()
                    price = (
                        max(
                            state["state"].get("best_fen") or 0,
                            state["start_price_fen"] - state["increment_fen"],
                        )
                        + state["increment_fen"]
                    )
                    answer = client.post(
                        f"/api/v1/auctions/{number}/bids",
                        json={"price": f"{price / 100:.2f}"},
                        headers={"Idempotency-Key": key, "X-CSRFToken": token},
                    )
                except (httpx.HTTPError, ValueError, KeyError):
                    time.sleep(0.1)
                    continue
                if answer.status_code == 201:
                    acknowledged.append((key, answer.json()["price_fen"]))
                if answer.status_code < 500:
                    break
                time.sleep(0.1)

    threads = [threading.Thread(target=bid, args=(name,)) for name in clients]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(acknowledged) >= 5)
        city.kill("wsgi")
        seen = len(acknowledged)
        wait_for(lambda: len(acknowledged) >= seen + 5, seconds=60)
        os.kill(city.postmaster_pid(), signal.SIGKILL)
        seen = len(acknowledged)
        wait_for(lambda: len(acknowledged) >= seen + 5, seconds=90)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        for client, _ in clients.values():
            client.close()
    with psycopg.connect(city.database_url()) as connection:
        stored = dict(
            connection.execute(
                "SELECT key, price_fen FROM auctions_bid WHERE auction_id = %s", [number]
            ).fetchall()
        )
        prices = [
            p
            for (p,) in connection.execute(
                "SELECT price_fen FROM auctions_bid WHERE auction_id = %s ORDER BY seq", [number]
            )
        ]
        numbers = [
            s
            for (s,) in connection.execute(
                "SELECT seq FROM auctions_bid WHERE auction_id = %s ORDER BY seq", [number]
            )
        ]
    assert all(stored.get(key) == price for key, price in acknowledged), "an acknowledged bid is missing"
    assert prices == sorted(set(prices)), "every accepted bid is above the one before"
    assert numbers == list(range(1, len(numbers) + 1))


def bidder(city: Any, username: str) -> tuple[httpx.Client, str]:
    client = httpx.Client(base_url=city.address, timeout=5, follow_redirects=False)
    page = client.get("/demo/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token is not None
    answer = client.post(
        "/demo/sign-in/",
        data={"username": username, "csrfmiddlewaretoken": token.group(1)},
        headers={"Referer": city.address},
    )
    assert answer.status_code in (302, 303), answer.text
    return client, client.cookies["csrftoken"]


def wait_for(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)

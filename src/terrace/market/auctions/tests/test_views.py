"""The auction page for bidders and watchers, with and without a sign-in; the form works without scripts."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.market.auctions import services
from terrace.market.auctions.models import Auction, Bid, Bidder
from terrace.market.auctions.tests import factories
from terrace.market.auctions.tests.factories import START, STEP

pytestmark = pytest.mark.django_db


@pytest.fixture
def auction() -> Auction:
    return factories.auction()


@pytest.fixture
def bidder(auction: Auction) -> Bidder:
    return factories.bidder(auction)


@pytest.fixture
def signed_in(client: Client, bidder: Bidder) -> Client:
    client.force_login(factories.user_of(bidder.organisation))
    return client


def page(client: Client, auction: Auction) -> str:
    answer = client.get(f"/auctions/{auction.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def key_on(text: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', text)
    assert found
    return found[1]


def post(client: Client, auction: Auction, key: str = "k", **fields: Any) -> Any:
    return client.post(f"/auctions/{auction.pk}/bids/", {"idempotency_key": key, **fields})


def test_a_visitor_watches_and_reads_why_it_may_not_quote(client: Client, auction: Auction) -> None:
    text = page(client, auction)
    assert "21,000 元/吨(5年期)" in text
    assert "请先登录后报价" in text
    assert "data-quote" not in text
    assert client.get("/auctions/0/").status_code == 404


def test_a_bidder_quotes_with_one_click_and_comes_back_to_the_page(
    signed_in: Client, auction: Auction, bidder: Bidder
) -> None:
    text = page(signed_in, auction)
    assert f"我是竞买人 {bidder.mask}" in text
    answer = post(signed_in, auction, key_on(text), quick="21500.00")
    assert (answer.status_code, answer["Location"]) == (303, f"/auctions/{auction.pk}/")
    text = page(signed_in, auction)
    assert "报价 21,500 元/吨(5年期) 已生效，序号 1。" in text
    assert "领先" in text
    assert "22,000 元/吨(5年期)" in text


def test_the_back_button_and_a_second_click_do_not_bid_twice(signed_in: Client, auction: Auction) -> None:
    key = key_on(page(signed_in, auction))
    for _ in range(2):
        assert post(signed_in, auction, key, quick="21000.00").status_code == 303
    answer = post(signed_in, auction, key, quick="21500.00")  # the old page, another button
    assert answer.status_code == 422
    assert Bid.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price": "20500"}, "报价不得低于 21,000 元/吨(5年期)"),
        ({"price": "21000.005"}, "最多2位小数"),
        ({"price": "二万"}, "无法识别"),
        ({"price": ""}, "无法识别"),
        ({"price": "-5"}, "大于零的价格"),
        ({"price": "21000", "idempotency_key": ""}, "缺少幂等键"),
    ],
)
def test_a_refused_quote_shows_why_and_keeps_what_was_typed(
    signed_in: Client, auction: Auction, fields: dict[str, str], words: str
) -> None:
    answer = post(signed_in, auction, **fields)
    text = answer.content.decode()
    assert 400 <= answer.status_code < 500
    assert words in text
    assert f'value="{fields["price"]}"' in text
    assert key_on(text) != "k"


def test_a_large_raise_asks_for_a_tick_and_then_passes(signed_in: Client, auction: Auction) -> None:
    answer = post(signed_in, auction, price="250000")
    assert answer.status_code == 409
    assert "确认大幅加价" in answer.content.decode()
    again = post(signed_in, auction, key_on(answer.content.decode()), price="250000", confirm="on")
    assert again.status_code == 303


def test_names_stay_hidden_while_the_auction_runs(
    signed_in: Client, auction: Auction, bidder: Bidder
) -> None:
    post(signed_in, auction, price="21000")
    visitor = Client()
    for address in ("", "bids.csv", "bids.json"):
        answer = visitor.get(f"/auctions/{auction.pk}/{address}")
        assert bidder.mask in answer.content.decode()
        assert bidder.organisation.name not in answer.content.decode()
    assert visitor.get(f"/auctions/{auction.pk}/bundle.json").status_code == 404


def test_the_list_of_bids_as_csv_and_json(signed_in: Client, auction: Auction, bidder: Bidder) -> None:
    post(signed_in, auction, "a", price="21000")
    post(signed_in, auction, "b", price="22000")
    rows = list(
        csv.DictReader(
            io.StringIO(signed_in.get(f"/auctions/{auction.pk}/bids.csv").content.decode("utf-8-sig"))
        )
    )
    assert [(row["seq"], row["price_yuan"], row["bidder"]) for row in rows] == [
        ("2", "22000.00", bidder.mask),
        ("1", "21000.00", bidder.mask),
    ]
    body = signed_in.get(f"/auctions/{auction.pk}/bids.json").json()
    assert [bid["seq"] for bid in body["bids"]] == [2, 1]
    assert body["price_basis"] == "TERM"


def test_english(client: Client, auction: Auction) -> None:
    text = client.get(f"/auctions/{auction.pk}/", headers={"Accept-Language": "en"}).content.decode()
    assert "Free period" in text
    assert "CNY 21,000 per tonne (5-year term)" in text


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_a_fixed_number_of_queries(client: Client, auction: Auction, count: int) -> None:
    bidder = factories.bidder(auction)
    for n in range(count):
        services.place_bid(
            actor=factories.actor_for(bidder.organisation),
            auction_id=auction.pk,
            price_fen=START + n * STEP,
            key=str(n),
        )
    with CaptureQueriesContext(connection) as queries:
        page(client, auction)
    assert len(queries) == 7


def test_the_clock_is_the_platforms(client: Client, auction: Auction) -> None:
    clock.set_now(auction.free_until)
    body = client.get(f"/api/v1/auctions/{auction.pk}/clock").json()
    assert body["server_now"][:16] == auction.free_until.strftime("%Y-%m-%dT%H:%M")

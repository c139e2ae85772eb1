"""The API as a browser and a program meet it: sign-in, CSRF, keys, problem details, a fixed number of queries."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.market.auctions.models import Bid
from terrace.market.auctions.tests import factories
from terrace.market.auctions.tests.factories import START, STEP

pytestmark = pytest.mark.django_db


def post(client: Client, auction_id: int, price: object, key: str | None = "k1", **more: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(
        f"/api/v1/auctions/{auction_id}/bids",
        json.dumps({"price": price, **more}),
        content_type="application/json",
        headers=headers,
    )


def test_a_quote_is_placed_once_and_a_repeat_gets_the_same_answer(client: Client) -> None:
    auction = factories.auction()
    bidder = factories.bidder(auction)
    client.force_login(factories.user_of(bidder.organisation))
    first = post(client, auction.pk, "21000.00")
    assert first.status_code == 201
    body = first.json()
    assert (body["seq"], body["price"], body["price_fen"], body["phase"]) == (1, "21000.00", START, "FREE")
    again = post(client, auction.pk, "21000.00")
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert Bid.objects.get().client != ""


@pytest.mark.parametrize(
    ("price", "key", "status", "code"),
    [
        ("20999.99", "k", 409, "auction.bid.too_low"),
        ("21000.01", "k", 409, "auction.bid.not_a_step"),
        ("210500.00", "k", 409, "auction.bid.confirm_jump"),
        ("21000.005", "k", 422, "input.invalid"),
        ("二万一", "k", 422, "input.invalid"),
        ("1e9", "k", 422, "input.invalid"),
        (21000.5, "k", 422, "input.invalid"),
        (None, "k", 422, "input.invalid"),
        ("21000", "", 422, "input.key_missing"),
        ("21000", None, 422, "input.key_missing"),
        ("99999999999999.00", "k", 422, "auction.bid.too_high"),
    ],
)
def test_every_wrong_quote_is_a_problem_document(
    client: Client, price: object, key: str | None, status: int, code: str
) -> None:
    auction = factories.auction()
    client.force_login(factories.user_of(factories.bidder(auction).organisation))
    answer = post(client, auction.pk, price, key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Bid.objects.exists()


def test_full_width_digits_and_commas_are_read(client: Client) -> None:
    auction = factories.auction()
    client.force_login(factories.user_of(factories.bidder(auction).organisation))
    assert post(client, auction.pk, "２１，０００").json()["price_fen"] == START


def test_a_visitor_a_stranger_and_a_missing_token(client: Client) -> None:
    auction = factories.auction()
    assert post(client, auction.pk, "21000").status_code == 401
    stranger = factories.user_of(factories.organisation())
    client.force_login(stranger)
    assert post(client, auction.pk, "21000").json()["code"] == "auction.bid.not_admitted"
    assert post(client, 0, "21000").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.user_of(factories.bidder(auction).organisation))
    assert post(strict, auction.pk, "21000").status_code == 403
    assert not Bid.objects.exists()


def test_the_state_is_public_masked_and_tells_the_bidder_where_it_stands(client: Client) -> None:
    auction = factories.auction()
    mine, other = factories.bidder(auction), factories.bidder(auction)
    client.force_login(factories.user_of(mine.organisation))
    post(client, auction.pk, "21000")
    body = client.get(f"/api/v1/auctions/{auction.pk}").json()
    assert body["me"] == {
        "mask": mine.mask,
        "leading": True,
        "own_best_fen": START,
        "limit_fen": None,
        "may_enter_timed": True,
    }
    visitor = Client().get(f"/api/v1/auctions/{auction.pk}")
    assert visitor.json()["me"] is None
    assert visitor.json()["state"]["next_fen"] == START + STEP
    assert [bid["mask"] for bid in visitor.json()["bids"]] == [mine.mask]
    for name in (mine.organisation.name, other.organisation.name):
        assert name not in visitor.content.decode()
    assert dt.datetime.fromisoformat(body["server_now"]).tzinfo is not None
    assert Client().get("/api/v1/auctions/0").json()["code"] == "access.not_found"


@pytest.mark.parametrize("bids", [1, 3])
def test_the_state_takes_a_fixed_number_of_queries(client: Client, bids: int) -> None:
    auction = factories.auction()
    bidder = factories.bidder(auction)
    client.force_login(factories.user_of(bidder.organisation))
    for n in range(bids):
        assert post(client, auction.pk, f"{21000 + 500 * n}", key=f"k{n}").status_code == 201
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(f"/api/v1/auctions/{auction.pk}")
    assert len(queries) == 8


def test_a_quote_is_one_round_trip_after_the_sign_in(client: Client) -> None:
    auction = factories.auction()
    client.force_login(factories.user_of(factories.bidder(auction).organisation))
    with CaptureQueriesContext(connection) as queries:
        assert post(client, auction.pk, "21000").status_code == 201
    assert len(queries) == 3  # session, user with standing, bid
    assert "auction_place_bid" in queries[2]["sql"]

"""The short way of a quote answers exactly as the long way does, and forgets a sign-in the moment it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import signals
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.orgs.models import Membership, Organisation, User
from terrace.market.auctions.models import Auction, Bid, Bidder
from terrace.market.auctions.tests import factories
from terrace.site import quotes
from terrace.site.wsgi import application, pages

pytestmark = pytest.mark.django_db(transaction=True)  # the quote commits by itself
TOKEN = "c" * 32


class Browser:
    """A signed-in browser that talks to the whole WSGI application."""

    def __init__(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self.session = client.cookies["sessionid"].value

    def post(
        self, auction: Auction, price: Any, key: str = "k", **changes: Any
    ) -> tuple[int, dict[str, str], Any]:
        status, headers, content = self.send(application, auction, price, key, **changes)
        return int(status[:3]), headers, json.loads(content)

    def send(
        self, site: Any, auction: Auction, price: Any, key: str, **changes: Any
    ) -> tuple[str, dict[str, str], bytes]:
        body = json.dumps({"price": price, **changes.pop("more", {})}).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/api/v1/auctions/{auction.pk}/bids",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "testserver",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_COOKIE": f"sessionid={self.session}; csrftoken={TOKEN}",
            "HTTP_X_CSRFTOKEN": TOKEN,
            "HTTP_IDEMPOTENCY_KEY": key,
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            "wsgi.url_scheme": "http",
            **changes,
        }
        seen: list[Any] = []
        answer = site(environ, lambda status, headers, error=None: seen.extend((status, headers)))
        return seen[0], dict(seen[1]), b"".join(answer)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nobody is remembered; and a request, as in Django's own test client, leaves the test's connection open."""
    assert isinstance(application, quotes.ShortWay)
    application.known.clear()
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def auction() -> Auction:
    return factories.auction()


@pytest.fixture
def bidder(auction: Auction) -> Bidder:
    return factories.bidder(auction)


@pytest.fixture
def user(bidder: Bidder) -> User:
    return factories.user_of(bidder.organisation)


def test_a_quote_of_a_known_session_is_one_round_trip_and_a_repeat_the_same_answer(
    auction: Auction, user: User
) -> None:
    browser = Browser(user)
    status, headers, body = browser.post(auction, "21000.00", "first")
    assert (status, body["seq"]) == (201, 1)
    assert headers["Content-Security-Policy"]
    with CaptureQueriesContext(connection) as queries:
        status, _, body = browser.post(auction, "21500.00", "second")
    assert (status, body["seq"]) == (201, 2)
    assert len(queries) == 1
    assert "CALL auction_quote" in queries[0]["sql"]
    status, headers, again = browser.post(auction, "21500.00", "second")
    assert (status, again, headers["Idempotency-Replayed"]) == (201, body, "true")
    assert Bid.objects.get(seq=2).user_id == user.pk


@pytest.mark.parametrize(
    ("price", "status", "code"),
    [
        ("21000.005", 422, "input.invalid"),
        ("x", 422, "input.invalid"),
        (None, 422, "input.invalid"),
    ],
)
def test_a_price_that_cannot_be_read_goes_the_long_way(
    auction: Auction, user: User, price: Any, status: int, code: str
) -> None:
    got, headers, body = Browser(user).post(auction, price)
    assert (got, body["code"], headers["Content-Type"]) == (status, code, "application/problem+json")


LANGUAGES: list[dict[str, str]] = [{}, {"HTTP_ACCEPT_LANGUAGE": "en"}, {"language": "en"}, {"language": "xx"}]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("price", "status", "code"),
    [
        ("21000.00", "201 Created", None),
        ("20000.00", "409 Conflict", "auction.bid.too_low"),
        ("21100.00", "409 Conflict", "auction.bid.not_a_step"),
        ("500000.00", "409 Conflict", "auction.bid.confirm_jump"),
        ("99999999999999.00", "422 Unprocessable Entity", "auction.bid.too_high"),
        ("reused", "422 Unprocessable Entity", "input.key_reused"),
    ],
)
def test_both_ways_answer_the_same_byte_for_byte(
    auction: Auction, user: User, language: dict[str, str], price: str, status: str, code: str | None
) -> None:
    browser = Browser(user)
    changes = dict(language)
    if "language" in changes:
        cookie = f"sessionid={browser.session}; csrftoken={TOKEN}; django_language={changes.pop('language')}"
        changes["HTTP_COOKIE"] = cookie
    if price == "reused":
        browser.post(auction, "21000.00", "same key")
        price = "21500.00"
    assert browser.send(application, auction, price, "same key", **changes)[0] == status
    with CaptureQueriesContext(connection) as queries:
        short = browser.send(application, auction, price, "same key", **changes)
    assert len(queries) == 1
    long = browser.send(pages, auction, price, "same key", **changes)
    for _, headers, _ in (short, long):
        assert len(headers.pop("X-Request-Reference")) == 12
    assert short == long
    assert json.loads(short[2]).get("code") == code


@pytest.mark.parametrize("how", ["signed out", "password", "inactive", "membership", "organisation"])
def test_a_sign_in_that_ended_is_refused_at_once(auction: Auction, user: User, how: str) -> None:
    browser = Browser(user)
    assert browser.post(auction, "21000.00", "before")[0] == 201
    if how == "signed out":
        Session.objects.filter(session_key=browser.session).delete()
    elif how == "password":
        User.objects.filter(pk=user.pk).update(password="other")
    elif how == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    elif how == "membership":
        Membership.objects.filter(user=user).update(until=clock.today().replace(year=2021))
    else:
        Organisation.objects.filter(memberships__user=user).update(state="SUSPENDED", state_reason="test")
    assert browser.post(auction, "21500.00", "after")[0] in (401, 403)
    assert Bid.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"HTTP_X_CSRFTOKEN": "d" * 32},
        {"HTTP_X_CSRFTOKEN": ""},
        {"HTTP_ORIGIN": "https://elsewhere.example"},
        {"HTTP_COOKIE": ""},
    ],
)
def test_a_request_from_elsewhere_is_refused(auction: Auction, user: User, change: dict[str, str]) -> None:
    browser = Browser(user)
    assert browser.post(auction, "21000.00", "before")[0] == 201
    assert browser.post(auction, "21500.00", "after", **change)[0] in (401, 403)
    assert Bid.objects.count() == 1


def test_a_large_or_strange_body_goes_the_long_way(auction: Auction, user: User) -> None:
    browser = Browser(user)
    assert browser.post(auction, 21000, "whole number")[0] == 201
    assert browser.post(auction, "9" * 3000)[0] == 422
    assert browser.post(auction, "21500", more={"confirm": "maybe"})[0] == 422


def test_a_member_of_staff_is_not_served_the_short_way(auction: Auction, user: User) -> None:
    staff = factories.user_of(factories.organisation(), factories.Role.EXCHANGE_MAKER)
    status, _, body = Browser(staff).post(auction, "21000.00")
    assert (status, body["code"]) == (403, "auction.bid.not_admitted")
    assert isinstance(application, quotes.ShortWay)
    assert application.known == {}

"""Signing in through the real HTTP client: password, lock-out, one-time codes, passkeys, demo, idleness."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from terrace.kernel.orgs import adapters
from terrace.kernel.orgs.middleware import LAST_SEEN, ActorMiddleware
from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tasks import send_invitation
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    from django.core.cache import cache

    cache.clear()


def enter(client: Client, user: User, password: str = make.PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": user.username, "password": password})


def confirm_it_is_me(client: Client) -> None:
    """Whoever changes a second factor gives the password once more."""
    assert (
        client.get("/accounts/2fa/totp/activate/").headers["Location"].startswith("/accounts/reauthenticate/")
    )
    assert client.get("/accounts/reauthenticate/").status_code == 200
    assert client.post("/accounts/reauthenticate/", {"password": make.PASSWORD}).status_code == 302


def code_of(secret: str, skip: int = 0) -> str:
    """The one-time code of this half minute (or of the next, which is accepted as well)."""
    counter = next(iter(yield_hotp_counters_from_time())) + skip
    return str(format_hotp_value(hotp_value(secret, counter)))


def with_totp(user: User) -> str:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def test_a_right_password_opens_the_door_and_a_wrong_one_does_not(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    wrong = enter(client, user, "wrong-password")
    assert wrong.status_code == 200
    assert "_auth_user_id" not in client.session
    right = enter(client, user)
    assert (right.status_code, right.headers["Location"]) == (302, "/desk/")
    assert client.session["_auth_user_id"] == str(user.pk)


def test_five_wrong_passwords_lock_the_name_even_for_the_right_one(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    for _ in range(4):
        assert enter(client, user, "wrong-password").status_code == 200
    locked = enter(client, user, "wrong-password")
    assert locked.status_code == 429
    assert "登录已暂时锁定" in locked.content.decode()
    assert enter(client, user).status_code == 429
    shouting = client.post("/accounts/login/", {"login": user.username.upper(), "password": make.PASSWORD})
    assert shouting.status_code == 429
    assert "_auth_user_id" not in client.session
    other = make.member(make.organisation(), Role.FIRM_CLERK)
    assert enter(client, other).status_code == 302


def test_four_wrong_passwords_and_a_right_one_start_the_count_again(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    for _ in range(2):
        for _ in range(4):
            enter(client, user, "wrong-password")
        assert enter(client, user).status_code == 302
        client.post("/accounts/logout/")


def test_lock_outs_count_by_the_address_that_the_gate_saw() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "10.0.0.1, 203.0.113.9"})
    assert adapters.client_ip(request) == "203.0.113.9"
    assert adapters.client_ip(RequestFactory().get("/")) == "127.0.0.1"


def test_a_one_time_code_is_set_up_and_then_asked_for(client: Client, settings: Settings) -> None:
    settings.TERRACE_DEMO = False
    user = make.member(make.organisation(), Role.FIRM_APPROVER)
    enter(client, user)
    turned = client.get("/orgs/mine/")
    assert (turned.status_code, turned.headers["Location"]) == (303, "/accounts/2fa/")
    assert "须启用动态口令" in client.get("/accounts/2fa/").content.decode()
    confirm_it_is_me(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', page)
    assert secret is not None, page
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret[1])})
    assert done.status_code == 302, done.content.decode()
    assert client.get("/orgs/mine/").status_code == 200
    kept = Authenticator.objects.get(user=user, type="totp")
    assert secret[1] not in str(kept.data)

    client.post("/accounts/logout/")
    asked = enter(client, user)
    assert (asked.status_code, asked.headers["Location"]) == (302, "/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in client.session
    assert client.get("/accounts/2fa/authenticate/").status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert "_auth_user_id" not in client.session
    opened = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret[1], skip=1)})
    assert opened.status_code == 302, opened.content.decode()
    assert client.session["_auth_user_id"] == str(user.pk)


def test_wrong_codes_are_counted(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_APPROVER)
    with_totp(user)
    enter(client, user)
    pages = [
        client.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode() for _ in range(12)
    ]
    assert pages[0] != pages[-1]
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("role", "needed"),
    [(r, r is not Role.FIRM_CLERK) for r in Role],
)
def test_whose_sign_in_needs_a_second_factor_outside_the_demo(
    client: Client, settings: Settings, role: Role, needed: bool
) -> None:
    user = make.member(make.organisation(make.KIND_OF_ROLE[role]), role)
    client.force_login(user)
    assert client.get("/orgs/mine/").status_code == 200
    settings.TERRACE_DEMO = False
    assert client.get("/orgs/mine/").status_code == (303 if needed else 200)
    with_totp(user)
    assert client.get("/orgs/mine/").status_code == 200


def test_the_api_answers_in_its_own_form_when_a_second_factor_is_missing(
    client: Client, settings: Settings
) -> None:
    settings.TERRACE_DEMO = False
    client.force_login(make.member(make.organisation("AUDIT_OFFICE"), Role.AUDITOR))
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 403
    assert response.json()["code"] == "sign_in.second_factor_needed"


def test_the_role_of_another_place_counts_for_the_second_factor(client: Client, settings: Settings) -> None:
    settings.TERRACE_DEMO = False
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    make.member(make.organisation(), Role.FIRM_APPROVER, of_user=user)
    client.force_login(user)
    assert client.get("/orgs/mine/").status_code == 303


def test_the_pages_of_one_time_codes_and_passkeys_are_reachable_in_both_languages(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    enter(client, user)
    assert client.get("/accounts/2fa/").status_code == 200
    confirm_it_is_me(client)
    page = client.get("/accounts/2fa/webauthn/add/").content.decode()
    assert 'id="mfa_webauthn_add"' in page
    assert "mfa/js/webauthn.js" in page
    assert '"rp"' in page
    with_totp(user)
    for path in ("", "recovery-codes/generate/", "totp/deactivate/", "webauthn/"):
        for language in ("zh-hans", "en"):
            client.cookies["django_language"] = language
            assert client.get(f"/accounts/2fa/{path}").status_code == 200, path


@pytest.mark.parametrize(
    "path", ["login/", "password/reset/", "signup/", "inactive/", "password/reset/done/"]
)
def test_pages_before_sign_in_wear_the_look_of_the_site(client: Client, path: str) -> None:
    page = client.get(f"/accounts/{path}").content.decode()
    assert "t-header" in page
    assert '<main id="main"' in page


def test_nobody_signs_up(client: Client) -> None:
    assert "不开放个人注册" in client.get("/accounts/signup/").content.decode()
    client.post("/accounts/signup/", {"username": "intruder", "password1": make.PASSWORD})
    assert not User.objects.filter(username="intruder").exists()


def test_an_invitation_sets_the_first_password_and_works_once(client: Client, settings: Settings) -> None:
    settings.TERRACE_PUBLIC_URL = "https://terrace.example"
    user = make.user()
    user.set_unusable_password()
    user.save()
    send_invitation(user_id=user.pk)
    link = re.search(r"https://terrace\.example(/\S+)", mail.outbox[0].body)
    assert link is not None
    step = client.get(link[1])
    assert step.status_code == 302
    new = "a-fresh-password-7"
    done = client.post(step.headers["Location"], {"password1": new, "password2": new})
    assert done.status_code == 302, done.content.decode()
    user.refresh_from_db()
    assert user.check_password(new)
    assert Client().get(link[1]).status_code == 200  # the link is used up: the page says so
    client.post("/accounts/logout/")
    assert enter(client, user, new).status_code == 302


def test_a_forgotten_password_is_reset_by_mail_and_strangers_get_none(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    assert client.post("/accounts/password/reset/", {"email": "stranger@example.com"}).status_code == 302
    assert mail.outbox == []
    assert client.post("/accounts/password/reset/", {"email": user.email}).status_code == 302
    assert "/accounts/password/reset/key/" in mail.outbox[0].body


def test_the_demo_signs_in_with_one_click(client: Client) -> None:
    user = make.member(make.organisation("AUDIT_OFFICE"), Role.AUDITOR)
    page = client.get("/demo/").content.decode()
    assert user.username in page
    assert "查阅日志和账簿" in page
    response = client.post("/demo/sign-in/", {"username": user.username})
    assert (response.status_code, response.headers["Location"]) == (303, "/desk/")
    assert client.session["_auth_user_id"] == str(user.pk)
    onwards = client.post("/demo/sign-in/", {"username": user.username, "next": "/orgs/mine/"})
    assert onwards.headers["Location"] == "/orgs/mine/"
    away = client.post("/demo/sign-in/", {"username": user.username, "next": "//evil.example/"})
    assert away.headers["Location"] == "/desk/"
    assert client.get("/demo/sign-in/").status_code == 405
    assert client.post("/demo/sign-in/", {"username": "nobody"}).status_code == 404


def test_the_demo_sign_in_does_not_exist_outside_demo_mode(client: Client, settings: Settings) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    settings.TERRACE_DEMO = False
    assert client.get("/demo/").status_code == 404
    assert client.post("/demo/sign-in/", {"username": user.username}).status_code == 404
    assert "_auth_user_id" not in client.session


def test_real_organisations_are_not_offered_in_the_demo(client: Client) -> None:
    firm = make.organisation()
    firm.is_synthetic = False
    firm.save()
    user = make.member(firm, Role.FIRM_CLERK)
    assert client.post("/demo/sign-in/", {"username": user.username}).status_code == 404


def idle_for(client: Client, minutes: float) -> None:
    session = client.session
    session[LAST_SEEN] = int(time.time() - minutes * 60)
    session.save()


@pytest.mark.parametrize(("role", "minutes", "out"), [
    (Role.AUDITOR, 29, False),
    (Role.AUDITOR, 31, True),
    (Role.FIRM_CLERK, 31, False),
])  # fmt: skip
def test_idle_staff_are_signed_out(client: Client, role: Role, minutes: float, out: bool) -> None:
    client.force_login(make.member(make.organisation(make.KIND_OF_ROLE[role]), role))
    assert client.get("/orgs/mine/").status_code == 200
    idle_for(client, minutes)
    response = client.get("/orgs/mine/")
    assert response.status_code == (303 if out else 200)
    if out:
        assert response.headers["Location"] == "/accounts/login/?next=/orgs/mine/"
        assert "_auth_user_id" not in client.session
        assert "没有操作" in client.get("/accounts/login/").content.decode()


def test_a_session_ends_after_half_a_day(settings: Settings) -> None:
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    assert settings.ACCOUNT_SESSION_REMEMBER is False


def test_the_language_follows_the_user_and_the_switch(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    client.force_login(user)
    response = client.post("/language/", {"language": "en", "next": "/orgs/mine/"})
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.language == "en"
    assert "My organisation" in client.get("/orgs/mine/").content.decode()
    del client.cookies["django_language"]
    assert "My organisation" in client.get("/orgs/mine/").content.decode()
    visitor = Client()
    visitor.post("/language/", {"language": "en", "next": "/"})
    assert visitor.cookies["django_language"].value == "en"


def test_who_acts_costs_one_query_for_a_user_and_none_for_a_visitor() -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    seen: list[Any] = []

    def through(who: User | AnonymousUser) -> int:
        request = RequestFactory().get("/")
        request.user = who
        request.session = {}  # type: ignore[assignment]  # a dictionary does for reading
        with CaptureQueriesContext(connection) as queries:
            ActorMiddleware(seen.append)(request)  # type: ignore[arg-type, func-returns-value]
        return len(queries)

    assert through(user) == 1
    assert through(AnonymousUser()) == 0
    assert [bool(r.actor.roles) for r in seen] == [True, False]


def test_a_signed_in_request_asks_for_session_and_user_only(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    client.force_login(user)
    client.get("/healthz")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/healthz").status_code == 200
    assert [q["sql"].split(" FROM ")[1].split()[0] for q in queries] == ['"django_session"', '"orgs_user"']


def test_a_closed_sign_in_ends_at_once(client: Client) -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    client.force_login(user)
    assert client.get("/orgs/mine/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/orgs/mine/").status_code == 302

"""Error pages and headers: what happened, what is kept, what to do, a reference; problem details for programs."""

from __future__ import annotations

import pytest
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path
from django.utils import translation

from terrace.kernel.base.errors import KeyReused, NotAllowed, Refusal
from terrace.kernel.base.texts import Text
from terrace.web import errors

pytestmark = pytest.mark.django_db


class OutOfSeason(Refusal):
    code = "web.test.out_of_season"
    text = Text("现在不是交易期。", "This is not the trading season.")
    hint = Text("请等下一个交易期。", "Wait for the next season.")
    clause = "第五条"


def _refuse(request: HttpRequest) -> HttpResponse:
    raise OutOfSeason


def _repeat(request: HttpRequest) -> HttpResponse:
    raise KeyReused


def _break(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


urlpatterns = [
    path("refuse/", _refuse),
    path("repeat/", _repeat),
    path("break/", _break),
    path("api/v1/refuse/", _refuse),
    path("api/v1/break/", _break),
    path("", include("terrace.site.urls")),
]
handler400 = "terrace.web.errors.bad_request"
handler403 = "terrace.web.errors.not_allowed"
handler404 = "terrace.web.errors.not_found"
handler500 = "terrace.web.errors.fault"


@override_settings(ROOT_URLCONF=__name__)
def test_a_refusal_that_escapes_becomes_a_page(client: Client) -> None:
    answer = client.get("/refuse/")
    html = answer.content.decode()
    assert answer.status_code == 409
    for words in (
        "现在不是交易期。",
        "请等下一个交易期。",
        "第五条",
        "没有任何改动",
        "web.test.out_of_season",
        "问询编号",
    ):
        assert words in html
    english = client.get("/refuse/", headers={"accept-language": "en"}).content.decode()
    assert "This is not the trading season." in english
    assert "Nothing was changed" in english


@override_settings(ROOT_URLCONF=__name__)
def test_a_refusal_under_api_is_problem_details(client: Client) -> None:
    answer = client.get("/api/v1/refuse/")
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "web.test.out_of_season"
    assert body["clause"] == "第五条"
    assert body["status"] == 409
    assert body["title"] == "现在不是交易期。"
    assert len(body["reference"]) == 12


@override_settings(ROOT_URLCONF=__name__)
def test_a_repeated_click_has_its_own_words(client: Client) -> None:
    answer = client.get("/repeat/")
    assert answer.status_code == 422
    assert "这份表单已经用过了" in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_says_it_is_ours_and_carries_a_reference(django_assert_num_queries) -> None:
    client = Client(raise_request_exception=False)
    with django_assert_num_queries(0):  # the database may be what failed
        answer = client.get("/break/")
    assert answer.status_code == 500
    assert "这不是您的操作造成的" in answer.content.decode()
    assert "问询编号" in answer.content.decode()
    assert client.get("/api/v1/break/").json()["code"] == "service.fault"


def test_a_dead_link_has_its_own_words(client: Client) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "没有这个页面" in answer.content.decode()
    assert client.get("/api/v1/none").json()["code"] == "access.not_found"


def test_an_expired_form_has_its_own_words() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/language/", {"language": "en"})
    assert answer.status_code == 403
    assert "页面已过期" in answer.content.decode()


def test_too_large_and_malformed_requests() -> None:
    request = RequestFactory().post("/x/")
    assert errors.bad_request(request, RequestDataTooBig()).status_code == 413
    assert "过大" in errors.bad_request(request, RequestDataTooBig()).content.decode()
    assert errors.bad_request(request, None).status_code == 400
    api = RequestFactory().post("/api/v1/x")
    assert b"request.too_large" in errors.bad_request(api, RequestDataTooBig()).content
    assert b"request.invalid" in errors.bad_request(api, None).content


def test_not_allowed_page_says_who_can_help() -> None:
    with translation.override("zh-hans"):
        answer = errors.not_allowed(RequestFactory().get("/x/"), None)
    assert answer.status_code == 403
    assert "平台管理员" in answer.content.decode()
    assert b"access.denied" in errors.not_allowed(RequestFactory().get("/api/v1/x"), None).content


def test_refusals_with_reasons_read_well_in_both_languages() -> None:
    request = RequestFactory().get("/x/")
    with translation.override("en"):
        answer = errors.refused(request, NotAllowed(reason=Text("非本单位", "not your organisation")), "T-1")
    assert answer.status_code == 403
    assert "You may not do this: not your organisation" in answer.content.decode()


def test_every_answer_carries_the_policy(client: Client) -> None:
    for address in ("/", "/no/such/page/", "/static/terrace/terrace.css"):
        answer = client.get(address)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert len(answer.getvalue()) > 100
    page = client.get("/").content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page


def test_static_files_of_vendors_are_served_by_name_only(client: Client) -> None:
    answer = client.get("/static/vendor/htmx.min.js")
    assert answer.status_code == 200
    assert b"htmx" in answer.getvalue()
    assert client.get("/static/vendor/package.json").status_code == 404

"""Conduct and court orders: who enters and ends them, what they bar, and their pages."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.base.errors import InputInvalid, NotAllowed, NotFound
from terrace.kernel.documents.models import Document
from terrace.kernel.notify.models import Message
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as orgs
from terrace.market.rights import rules, services
from terrace.market.rights.models import ConductRecord, ParcelHold
from terrace.market.rights.services.eligibility import buyer_facts, lot_facts
from terrace.market.rights.tests import factories as make
from terrace.market.rights.tests.test_views import PDF, browser, text

pytestmark = pytest.mark.django_db
TONNE = 1_000_000
TODAY = dt.date(2023, 12, 4)


@pytest.fixture(autouse=True)
def december(settings: object) -> None:
    settings.TERRACE_DEMO = True  # type: ignore[attr-defined]
    clock.set_now(make.NOW)


def enter(actor: object, firm: make.Firm, **more: object) -> ConductRecord:
    given: dict[str, object] = {
        "actor": actor,
        "organisation_id": firm.organisation.pk,
        "kind": rules.ConductKind.DISHONEST,
        "paper_no": "（2023）失信7号",
        "issuer": "测试法院",
        "since": TODAY,
        "now": make.NOW,
    }
    return services.record_conduct(**(given | more))  # type: ignore[arg-type]


def test_a_branch_enters_for_firms_of_its_area_only() -> None:
    town, firm = make.city(), make.firm()
    entry = enter(town.branch, firm)
    assert buyer_facts(firm.organisation.pk, TODAY).dishonest
    assert Message.objects.filter(user_id=firm.clerk.user_id).count() == 1
    enter(town.branch, firm)
    assert Message.objects.filter(user_id=firm.clerk.user_id).count() == 1, "a repeat tells nobody again"
    other = make.actor(orgs.organisation("BRANCH"), Role.BRANCH)
    stranger = dataclasses.replace(other, area="linqing")
    with pytest.raises(NotAllowed):
        enter(stranger, firm, paper_no="2")
    with pytest.raises(NotAllowed):
        services.end_conduct(actor=stranger, conduct_id=entry.pk, until=TODAY, reason="x", now=make.NOW)
    with pytest.raises(NotAllowed):
        enter(firm.clerk, firm, paper_no="2")


def test_what_a_record_needs() -> None:
    town, firm = make.city(), make.firm()
    for wrong in ({"paper_no": " "}, {"since": TODAY + dt.timedelta(days=1)}):
        with pytest.raises(InputInvalid):
            enter(town.bureau, firm, **wrong)
    with pytest.raises(NotFound):
        enter(town.bureau, firm, organisation_id=0)
    entry = enter(town.bureau, firm)
    end: dict[str, object] = {
        "actor": town.bureau, "conduct_id": entry.pk, "until": TODAY, "reason": "已履行", "now": make.NOW
    }  # fmt: skip
    for wrong in ({"until": TODAY - dt.timedelta(days=1)}, {"reason": " "}):
        with pytest.raises(InputInvalid):
            services.end_conduct(**(end | wrong))  # type: ignore[arg-type]
    services.end_conduct(**end)  # type: ignore[arg-type]
    with pytest.raises(services.ConductEnded) as refusal:
        services.end_conduct(**end)  # type: ignore[arg-type]
    assert refusal.value.code == "rights.conduct.ended"
    with pytest.raises(NotFound):
        services.end_conduct(**(end | {"conduct_id": 0}))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_record_by_form_from_entry_to_end(language: str) -> None:
    town, firm = make.city(), make.firm()
    bureau, own, other = browser(town.bureau), browser(firm.clerk), browser(make.firm().clerk)
    bureau.cookies["django_language"] = language
    form = {
        "credit_code": firm.organisation.credit_code.lower(),
        "kind": "PENALTY",
        "paper_no": "聊环罚〔2023〕9号",
        "issuer": "市局",
        "since": "2023-12-01",
    }
    assert (
        f'value="{TODAY.isoformat()}"' in bureau.get("/rights/conduct/").text
    )  # the browser's form of a day
    assert bureau.post("/rights/conduct/", {}).status_code == 422
    assert bureau.post("/rights/conduct/", {**form, "credit_code": "0"}).status_code == 404
    assert own.post("/rights/conduct/", form).status_code == 403
    made = bureau.post("/rights/conduct/", form)
    entry = ConductRecord.objects.get()
    url = f"/rights/conduct/{entry.pk}/"
    assert (made.status_code, made.headers["Location"]) == (303, url)
    for client in (bureau, own, browser(town.auditor), browser(town.branch)):
        assert entry.paper_no in text(client.get("/rights/conduct/"))
        assert client.get(url).status_code == 200
    assert entry.paper_no not in text(other.get("/rights/conduct/"))
    assert other.get(url).status_code == 404
    assert own.post(url, {"until": "2023-12-04", "reason": "x"}).status_code == 403
    assert bureau.post(url, {"until": "", "reason": ""}).status_code == 422
    assert bureau.post(url, {"until": "2023-11-30", "reason": "x"}).status_code == 422
    assert bureau.post(url, {"until": "2023-12-04", "reason": "已整改"}).status_code == 303
    assert bureau.post(url, {"until": "2023-12-04", "reason": "已整改"}).status_code == 409
    assert Client().get("/rights/conduct/").status_code in (302, 303, 403)


ORDER = {
    "ruling_no": "（2023）鲁15执1号",
    "court": "测试中级人民法院",
    "applicant": "测试银行",
    "quantity_g": "4",
    "until": "2023-12-10",
}


def paper() -> SimpleUploadedFile:
    return SimpleUploadedFile("order.pdf", PDF, "application/pdf")


def test_a_court_order_by_form_from_freeze_to_lift() -> None:
    town, seller = make.city(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=10 * TONNE)
    bureau, own, other = browser(town.bureau), browser(seller.clerk), browser(make.firm().clerk)
    url = f"/rights/parcels/{parcel.pk}/freeze/"
    assert url in text(bureau.get(f"/rights/parcels/{parcel.pk}/"))
    assert url not in text(own.get(f"/rights/parcels/{parcel.pk}/"))
    assert own.get(url).status_code == 403
    assert bureau.get(url).status_code == 200
    assert bureau.post(url, ORDER).status_code == 422, "the paper is missing"
    assert bureau.post(url, {**ORDER, "until": "2023-12-03", "file": paper()}).status_code == 422
    assert bureau.post(url, {**ORDER, "quantity_g": "10.000001", "file": paper()}).status_code == 409
    made = bureau.post(url, {**ORDER, "file": paper()})
    hold = ParcelHold.objects.get()
    page = f"/rights/court-orders/{hold.pk}/"
    assert (made.status_code, made.headers["Location"]) == (303, page)
    parcel.refresh_from_db()
    assert (hold.quantity_g, hold.applicant, parcel.free_g) == (4 * TONNE, "测试银行", 6 * TONNE)
    assert lot_facts(parcel).frozen
    assert "测试中级人民法院" in text(own.get(page))
    assert "order.pdf" in text(bureau.get(page))
    assert "order.pdf" not in text(own.get(page)), "the court's paper is for the bureau"
    assert own.get(Document.objects.get(kind="court_order").url).status_code == 403
    assert hold.reason in text(own.get("/rights/court-orders/"))
    assert hold.reason not in text(other.get("/rights/court-orders/"))
    assert other.get(page).status_code == 404
    told = Message.objects.filter(subject_zh="排污权被司法冻结").values_list("user_id", flat=True)
    assert {seller.clerk.user_id, town.exchange.user_id} <= set(told)
    assert "已届满" not in text(bureau.get("/rights/court-orders/"))
    clock.set_now(make.NOW + dt.timedelta(days=7))
    assert "已届满" in text(bureau.get("/rights/court-orders/"))
    parcel.refresh_from_db()
    assert parcel.frozen_g == 4 * TONNE, "a last day lifts nothing by itself"
    assert own.post(page, {"ruling_no": "x", "file": paper()}).status_code == 403
    assert bureau.post(page, {"ruling_no": ""}).status_code == 422
    assert bureau.post(page, {"ruling_no": "（2023）鲁15执2号", "file": paper()}).status_code == 303
    assert bureau.post(page, {"ruling_no": "（2023）鲁15执2号", "file": paper()}).status_code == 409
    parcel.refresh_from_db()
    assert parcel.free_g == 10 * TONNE
    assert "（2023）鲁15执2号" in text(own.get(page))


def test_an_order_needs_its_number() -> None:
    town, seller = make.city(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    with pytest.raises(InputInvalid):
        services.freeze_by_court(
            actor=town.bureau, parcel_id=parcel.pk, quantity_g=TONNE, ruling_no=" ", now=make.NOW
        )


def test_the_lists_cost_the_same_queries_with_one_row_and_with_three() -> None:
    town, firm = make.city(), make.firm()
    parcel = make.verified_parcel(town, firm, grams=10 * TONNE)
    client = browser(town.bureau)

    def more(n: int) -> None:
        enter(town.bureau, firm, paper_no=f"第{n}号")
        services.freeze_by_court(
            actor=town.bureau, parcel_id=parcel.pk, quantity_g=TONNE, ruling_no=f"执{n}号", now=make.NOW
        )

    def cost() -> list[int]:
        counts = []
        for url in ("/rights/conduct/", "/rights/court-orders/"):
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            counts.append(len(queries))
        return counts

    more(1)
    one = cost()
    more(2)
    more(3)
    assert cost() == one

"""Pages of the reserve body: two persons by two browsers, and what others may not see."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs.models import User
from terrace.market.reserve import rules, services
from terrace.market.reserve.models import Intake, PlannedLot, ReleasePlan
from terrace.market.reserve.services.papers import IntakeDecided
from terrace.market.reserve.tests import factories as make
from terrace.market.rights.models import Parcel
from terrace.market.rights.tests import factories as rights

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def december(settings: object) -> None:
    settings.TERRACE_DEMO = True  # type: ignore[attr-defined]
    clock.set_now(make.NOW)


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(
        User.objects.get(pk=actor.user_id), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


INTAKE = {
    "kind": "RESERVED_QUOTA",
    "quantity_g": "10",
    "paper_no": "聊环储〔2023〕1号",
    "grounds": "预留",
    "pollutant": "NOX",
    "area_code": "guanxian",
    "sector": "other",
    "term_start": "2024-01-01",
}
LOT = {
    "name": "氮氧化物 4.048 吨",
    "quantity_g": "4.048",
    "years": "5",
    "price_basis": "TERM",
    "floor_fen": "21,000",
    "increment_fen": "500",
    "mode": "ASCENDING",
    "ratio": "1",
    "deposit_rule": "PERCENT",
    "deposit_percent": "10",
    "action": "add_lot",
}


def test_from_intake_to_an_approved_plan_by_two_persons() -> None:
    town = rights.city()
    maker, checker = browser(town.reserve), browser(town.reserve2)
    form = reverse("reserve:new_intake")
    assert maker.get(form).status_code == 200
    wrong = maker.post(form, {**INTAKE, "quantity_g": "十吨"})
    assert (wrong.status_code, "无法识别" in text(wrong)) == (422, True)
    bought = maker.post(form, {**INTAKE, "kind": "BUY_BACK"})
    assert "须指明从哪一份排污权收回" in text(bought)
    sent = {**INTAKE, "idempotency_key": "i-1"}
    first, again = maker.post(form, sent), maker.post(form, sent)
    assert (first.status_code, first.headers["Location"]) == (303, again.headers["Location"])
    intake = Intake.objects.get()
    page = reverse("reserve:intake", args=[intake.pk])
    file = SimpleUploadedFile("文件.pdf", PDF, "application/pdf")
    upload = reverse("reserve:intake_paper", args=[intake.pk])
    assert maker.post(upload, {"kind": "INTAKE_DECISION", "file": file}).status_code == 303
    assert "文件.pdf" in text(checker.get(page))
    own = maker.post(page, {"action": "approve", "reason": ""})
    assert own.status_code == 422
    assert checker.post(page, {"action": "approve", "reason": ""}).status_code == 303
    with pytest.raises(IntakeDecided) as closed:
        services.attach_intake_paper(
            actor=town.reserve,
            intake_id=intake.pk,
            kind=rules.PaperKind.INTAKE_OTHER,
            content=PDF,
            filename="a.pdf",
            media_type="application/pdf",
            now=make.NOW,
        )
    assert closed.value.code == "reserve.intake.decided"

    maker.post(reverse("reserve:new_plan"), {"year": "2023", "title": "第一批", "grounds": ""})
    plan = reverse("reserve:plan", args=[ReleasePlan.objects.get().pk])
    parcel = Parcel.objects.get()
    empty = maker.post(plan, {"action": "submit"})
    assert "还没有标的" in text(empty)
    steep = maker.post(plan, {**LOT, "parcel_id": parcel.pk, "increment_fen": "1050.01"})
    assert "5%" in text(steep)
    assert "1050.01" in text(steep)
    assert maker.post(plan, {**LOT, "parcel_id": parcel.pk}).status_code == 303
    spare = maker.post(plan, {**LOT, "parcel_id": parcel.pk, "name": "多余"})
    assert spare.status_code == 303
    maker.post(reverse("reserve:remove_lot", args=[PlannedLot.objects.get(name="多余").pk]))
    assert maker.post(plan, {"action": "submit"}).status_code == 303
    assert checker.post(plan, {"action": "reject", "reason": ""}).status_code == 422
    assert checker.post(plan, {"action": "approve", "reason": ""}).status_code == 303
    assert PlannedLot.objects.get().state == "LISTABLE"
    shown = text(checker.get(plan))
    assert "21,000 元/吨(5年期)" in shown
    assert "85,008.00 元" in shown


@pytest.mark.parametrize("role", ["clerk", "branch", "nobody"])
def test_the_desk_is_not_for_everybody(role: str) -> None:
    town = rights.city()
    intake = make.intake(town)
    if role == "nobody":
        client = Client()
    else:
        client = browser(rights.firm().clerk if role == "clerk" else town.branch)
    assert client.get(reverse("reserve:desk")).status_code in (302, 403)
    assert client.get(reverse("reserve:intake", args=[intake.pk])).status_code in (302, 404)


def test_readers_see_the_desk_without_buttons() -> None:
    town = rights.city()
    make.listable_lot(town)
    desk = text(browser(town.auditor).get(reverse("reserve:desk")))
    assert "登记入库" not in desk
    assert "10.000 吨/年" in desk
    assert browser(town.auditor).get(reverse("reserve:new_intake")).status_code == 403


def test_the_desk_takes_the_same_queries_for_one_and_three_rows() -> None:
    town = rights.city()
    client = browser(town.reserve)
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            make.listable_lot(town)
        client.get(reverse("reserve:desk"))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("reserve:desk")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]

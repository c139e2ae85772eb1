"""Pages of rights: a firm, its branch and the bureau; what strangers see; a fixed number of queries."""

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
from terrace.market.rights import rules, services
from terrace.market.rights.models import DischargeUnit, NeedConfirmation, Parcel, Verification
from terrace.market.rights.services.papers import PapersClosed
from terrace.market.rights.tests import factories as make

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


CLAIM = {
    "kind": "INITIAL",
    "pollutant": "COD",
    "claimed_g": "8.074",
    "measure": "NONE",
    "parcel_id": "",
    "grounds": "按标准核算",
    "paid": "on",
    "term_start": "2024-01-01",
}


def test_a_verification_from_application_to_the_public_chain() -> None:
    town, firm = make.city(), make.firm()
    clerk, branch, bureau = browser(firm.clerk), browser(town.branch), browser(town.bureau)
    form = reverse("rights:new_verification")
    assert clerk.get(form).status_code == 200
    for typed in ("八吨", "1.1234567"):
        wrong = clerk.post(form, {**CLAIM, "unit_id": firm.unit.pk, "claimed_g": typed})
        assert (wrong.status_code, typed in text(wrong)) == (422, True)
    sent = {**CLAIM, "unit_id": firm.unit.pk, "idempotency_key": "a-1"}
    first, again = clerk.post(form, sent), clerk.post(form, sent)
    assert (first.status_code, first.headers["Location"]) == (303, again.headers["Location"])
    verification = Verification.objects.get()
    page = reverse("rights:verification", args=[verification.pk])
    paper = reverse("rights:verification_paper", args=[verification.pk])
    file = SimpleUploadedFile("许可证.pdf", PDF, "application/pdf")
    assert clerk.post(paper, {"kind": "UNIT_PERMIT", "file": file}).status_code == 303
    assert "许可证.pdf" in text(branch.get(page))
    assert "初审通过" not in text(clerk.get(page)).split("t-case__side")[0]
    assert branch.post(page, {"action": "refuse_review", "reason": ""}).status_code == 422
    assert branch.post(page, {"action": "review", "reason": ""}).status_code == 303
    with pytest.raises(PapersClosed) as closed:
        services.attach_verification_paper(
            actor=firm.clerk,
            verification_id=verification.pk,
            kind=rules.PaperKind.EIA_PAPER,
            content=PDF,
            filename="a.pdf",
            media_type="application/pdf",
            now=make.NOW,
        )
    assert closed.value.code == "rights.verification.papers_closed"
    too_much = bureau.post(page, {"action": "verify", "verified_g": "8.075", "reason": ""})
    assert too_much.status_code == 422
    assert bureau.post(page, {"action": "verify", "verified_g": "", "reason": "同意"}).status_code == 303
    parcel = Parcel.objects.get()
    chain = text(Client().get(reverse("rights:parcel", args=[parcel.pk])))
    assert parcel.right.serial in chain
    assert "8.074 吨/年" in chain
    mine = text(clerk.get(reverse("rights:mine")))
    assert parcel.right.serial in mine
    assert parcel.right.serial in text(clerk.get(reverse("rights:unit", args=[firm.unit.pk])))


def test_strangers_see_neither_verification_nor_need_nor_site() -> None:
    town, firm, other = make.city(), make.firm(), make.firm()
    make.verified_parcel(town, firm)
    need = make.confirmed_need(town, firm)
    addresses = [
        reverse("rights:verification", args=[Verification.objects.get().pk]),
        reverse("rights:need", args=[need.pk]),
        reverse("rights:project", args=[need.project_id]),
        reverse("rights:unit", args=[firm.unit.pk]),
    ]
    for address in addresses:
        assert browser(other.clerk).get(address).status_code == 404
        assert Client().get(address).status_code == 404
        assert browser(town.auditor).get(address).status_code == 200
    listed = text(browser(other.clerk).get(reverse("rights:verifications")))
    assert Verification.objects.get().number not in listed


def test_a_need_is_previewed_confirmed_and_explained() -> None:
    town, firm = make.city(), make.firm()
    project = make.project(firm)
    clerk, branch = browser(firm.clerk), browser(town.branch)
    page = reverse("rights:project", args=[project.pk])
    nothing = clerk.post(page, {})
    assert nothing.status_code == 422
    assert clerk.post(page, {"NOX": "20", "COD": "0.05"}).status_code == 303
    need = NeedConfirmation.objects.get()
    case = reverse("rights:need", args=[need.pk])
    preview = text(branch.get(case))
    assert "试算" in preview
    assert branch.post(case, {"action": "confirm", "reason": ""}).status_code == 303
    decided = text(clerk.get(case))
    assert "需求已确认" in decided
    assert "20.000 吨/年" in decided
    assert branch.post(case, {"action": "confirm", "reason": ""}).status_code == 422
    assert need.number in text(clerk.get(reverse("rights:projects")))


def test_a_site_is_registered_with_a_sound_permit_number() -> None:
    make.city()
    firm = make.firm()
    clerk = browser(firm.clerk)
    form = reverse("rights:new_unit")
    given = {"name": "二厂", "area_code": "guanxian", "basin": "tuhai", "sector": "paper"}
    wrong = clerk.post(form, {**given, "permit_no": "123"})
    assert (wrong.status_code, "统一社会信用代码加3位数字" in text(wrong)) == (422, True)
    assert clerk.post(form, {**given, "permit_no": ""}).status_code == 303
    assert DischargeUnit.objects.filter(name="二厂").count() == 1


@pytest.mark.parametrize("name", ["new_unit", "new_verification", "new_project"])
def test_only_a_firms_clerk_fills_in_forms(name: str) -> None:
    town, firm = make.city(), make.firm()
    for actor in (firm.approver, town.branch, town.bureau, town.exchange):
        assert browser(actor).get(reverse(f"rights:{name}")).status_code == 403
    assert browser(firm.clerk).get(reverse(f"rights:{name}")).status_code == 200


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_is_complete_in_both_languages(language: str) -> None:
    town, firm = make.city(), make.firm()
    make.verified_parcel(town, firm)
    need = make.confirmed_need(town, firm)
    clerk = browser(firm.clerk)
    firm_user = User.objects.get(pk=firm.clerk.user_id)
    firm_user.language = language
    firm_user.save()
    for address in (
        reverse("rights:mine"),
        reverse("rights:verifications"),
        reverse("rights:projects"),
        reverse("rights:need", args=[need.pk]),
        reverse("rights:parcel", args=[Parcel.objects.get().pk]),
    ):
        page = clerk.get(address)
        assert page.status_code == 200
        assert ("Pollutant" in text(page)) is (language == "en") or address.endswith("/projects/")


def test_lists_take_the_same_queries_for_one_and_three_rows() -> None:
    town = make.city()
    auditor = browser(town.auditor)
    counts: dict[str, list[int]] = {"rights:verifications": [], "rights:projects": []}
    for _ in range(2):
        firm = make.firm()
        make.verified_parcel(town, firm)
        make.confirmed_need(town, firm)
        for name, seen in counts.items():
            auditor.get(reverse(name))
            with CaptureQueriesContext(connection) as captured:
                assert auditor.get(reverse(name)).status_code == 200
            seen.append(len(captured))
        extra = make.firm()
        make.verified_parcel(town, extra)
        make.confirmed_need(town, extra)
    for name, seen in counts.items():
        assert seen[0] == seen[1], name

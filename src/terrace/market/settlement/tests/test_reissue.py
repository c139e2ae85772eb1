"""A certificate issued again: two persons, a new number and version, the old one marked everywhere."""

from __future__ import annotations

import datetime as dt
import io
import json
import re

import pypdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotAllowed, NotFound, SamePerson
from terrace.kernel.documents.queries import read_content
from terrace.kernel.orgs.models import Approval
from terrace.kernel.orgs.services import AlreadyAsked, decision_for
from terrace.kernel.publication.services import publish_pending
from terrace.market.settlement import services
from terrace.market.settlement.models import Certificate, Trade
from terrace.market.settlement.rules import certificates
from terrace.market.settlement.rules.words import ReissueCause
from terrace.market.settlement.tests.factories import (
    Market,
    delivered,
    make_actor,
    make_market,
    make_organisation,
)
from terrace.market.settlement.tests.test_accounts import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def certified() -> tuple[Market, Trade, Certificate, dt.datetime]:
    market = make_market()
    trade, now = delivered(market)
    clock.set_now(now)
    return market, trade, Certificate.objects.get(), now


Certified = tuple[Market, Trade, Certificate, dt.datetime]


def ask(given: Certified, **more: object) -> Approval:
    market, _, old, now = given
    asked: dict[str, object] = {
        "actor": market.maker,
        "number": old.number,
        "cause": ReissueCause.LOST,
        "reason": "受让方来函聊清源〔2023〕7号",
        "now": now,
    }
    return services.ask_reissue(**(asked | more))  # type: ignore[arg-type]


def test_the_new_one_names_the_old_one_and_both_are_checked(certified: Certified) -> None:
    market, trade, old, now = certified
    later = now + dt.timedelta(days=30)
    approval = ask(certified)
    old.refresh_from_db()
    assert old.state == "VALID"
    new = services.decide_reissue(
        actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=later
    )
    assert new is not None
    old.refresh_from_db()
    assert (old.state, old.end_reason, old.ended_at) == ("SUPERSEDED", "原件遗失", later)
    assert (new.state, new.version, new.replaces_id) == ("VALID", 2, old.pk)
    assert new.number != old.number
    trade.refresh_from_db()
    assert trade.certified_at == now
    content = read_content(new.document)
    check = certificates.check_file(content)
    assert check.valid
    assert (check.facts["replaces"], check.facts["version"]) == (old.number, 2)
    assert check.facts["effective_since"] == clock.local(now).isoformat(timespec="seconds")
    text = re.sub(r"\s", "", pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text())
    assert f"替代{old.number}" in text
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages) == 1
    sequence = publish_pending(now=later)[-1]
    notice = Client().get(f"/notices/{sequence}/").content.decode()
    assert "鉴证书换发公告" in notice
    assert f"已换发为{new.number}（第2版），事由：原件遗失" in notice


def test_a_third_version_replaces_the_second(certified: Certified) -> None:
    market, _, _, now = certified
    for version in (2, 3):
        valid = Certificate.objects.get(state="VALID")
        approval = ask((market, valid.trade, valid, now), cause=ReissueCause.WRONG)
        new = services.decide_reissue(
            actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=now
        )
        assert new is not None
        assert new.version == version
    assert Certificate.objects.filter(state="SUPERSEDED").count() == 2


def test_one_person_alone_cannot_and_others_may_not_ask(certified: Certified) -> None:
    market, _, _, now = certified
    both = make_actor(market.exchange, "EXCHANGE_MAKER", "EXCHANGE_CHECKER")
    approval = ask(certified, actor=both)
    with pytest.raises(SamePerson):
        services.decide_reissue(actor=both, approval_id=approval.pk, approve=True, reason="", now=now)
    with pytest.raises(NotAllowed):
        ask(certified, actor=market.checker)
    with pytest.raises(AlreadyAsked):
        ask(certified)
    with pytest.raises(NotFound):
        services.decide_reissue(actor=market.checker, approval_id=0, approve=True, reason="", now=now)
    with pytest.raises(NotFound):
        ask(certified, number="PQJZ-0")


def test_a_refused_request_changes_nothing(certified: Certified) -> None:
    market, _, old, now = certified
    approval = ask(certified)
    made = services.decide_reissue(
        actor=market.checker, approval_id=approval.pk, approve=False, reason="原件已找到", now=now
    )
    old.refresh_from_db()
    assert (made, old.state) == (None, "VALID")


def test_a_reason_is_needed_and_only_the_valid_one_is_replaced(certified: Certified) -> None:
    market, _, old, now = certified
    with pytest.raises(services.ReasonNeeded):
        ask(certified, reason=" ")
    approval = ask(certified)
    services.decide_reissue(actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=now)
    with pytest.raises(services.CertificateNotValid) as refusal:
        ask((market, old.trade, old, now))
    assert refusal.value.code == "settlement.certificate.not_valid"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_by_form_and_on_the_public_check(certified: Certified, language: str) -> None:
    market, trade, old, _ = certified
    url = f"/certificates/{old.number}/reissue/"
    maker, checker = browser(market.maker, language), browser(market.checker, language)
    assert url in maker.get(f"/trades/{trade.number}/").content.decode()
    assert maker.get(url).status_code == 200
    assert maker.post(url, {"cause": "LOST", "reason": ""}).status_code == 422
    assert checker.post(url, {"cause": "LOST", "reason": "x"}).status_code == 403
    assert maker.post(url, {"cause": "LOST", "reason": "来函"}).status_code == 303
    approval = Approval.objects.get(act="settlement.certificate.reissue")
    link = decision_for(approval.act).url
    assert link is not None
    assert link(approval) == url
    assert ("须由另一人复核" if language == "zh-hans" else "another person decides") in maker.get(
        url
    ).content.decode()
    assert browser(market.buyer_approver, language).get(url).status_code == 200
    stranger = make_actor(make_organisation(), "FIRM_CLERK")
    assert browser(stranger, language).get(url).status_code == 403
    assert checker.post(url, {"decision": "reject", "reason": ""}).status_code == 422
    done = checker.post(url, {"decision": "approve"})
    new = Certificate.objects.get(state="VALID")
    assert (done.status_code, done.headers["Location"]) == (303, f"/certificates/{new.number}/")
    public = Client(headers={"accept-language": language})
    page = public.get(f"/certificates/{old.number}/").content.decode()
    assert ("本鉴证书已被替代" if language == "zh-hans" else "This certificate was replaced") in page
    assert new.number in page
    assert "来函" not in page
    assert old.number in public.get(f"/certificates/{new.number}/").content.decode()
    described = json.loads(public.get(f"/certificates/{old.number}.json").content)
    assert (described["state"], described["replaced_by"]) == ("SUPERSEDED", new.number)
    described = json.loads(public.get(f"/certificates/{new.number}.json").content)
    assert (described["version"], described["replaces"]) == (2, old.number)
    uploaded = SimpleUploadedFile("a.pdf", read_content(old.document))
    checked = public.post("/certificates/check/", {"file": uploaded}).content.decode()
    assert ("鉴证书已被替代" if language == "zh-hans" else "replaced by another certificate") in checked
    assert new.number in checked
    assert maker.get(url).status_code == 200
    assert maker.post(url, {"cause": "LOST", "reason": "again"}).status_code == 409


def test_the_sheet_for_printing_has_the_code_and_the_moment(certified: Certified) -> None:
    _, _, old, now = certified
    sheet = Client().get(f"/certificates/{old.number}/print/").content.decode()
    assert "data:image/svg+xml;base64," in sheet
    assert old.file_digest in sheet
    assert f"{clock.local(now):%H:%M}" in sheet
    assert Client().get("/certificates/PQJZ-0/print/").status_code == 404

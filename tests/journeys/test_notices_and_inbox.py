"""Notices and inbox in a real browser: readable by everybody, at 390 pixels too, in both languages."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.notify.models import Message
from terrace.kernel.orgs.models import User
from terrace.kernel.publication import procedures, services
from terrace.kernel.publication.models import Notice
from terrace.kernel.publication.rules import NoticeKind

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread; the tests' own database calls are still one at a time
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield chromium
        connection.close()  # Playwright's event loop gave the test a connection of its own
        chromium.close()


def looked_at(page: Page, address: str, width: int) -> None:
    """The page opens, nothing sticks out, and axe finds no fault."""
    page.set_viewport_size({"width": width, "height": 900})
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok, f"{address}: {answer.status}"
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    # the page's own policy forbids foreign scripts, so axe comes in through the debugger
    page.evaluate(AXE.read_text(encoding="utf-8"))
    faults = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ')))"
    )
    assert faults == [], address


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_citizen_finds_a_notice_and_its_correction(
    live_server: object, browser: Browser, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedures, "_kinds", {})
    procedures.register_kind(NoticeKind("suspended", Text("中止公告", "Offer suspended")))
    for title in (Text("中止公告", "Offer suspended"), Text("更正公告", "Correction")):
        services.announce(
            actor=SYSTEM, kind="suspended", title=title, content={"reason": "补充材料"},
            template="listings/stopped.html", subject_type="listing", subject_id=1, now=clock.now(),
            number="聊排交〔2023〕1号", corrects=Notice.objects.first(),
        )  # fmt: skip
        assert len(services.publish_pending(now=clock.now())) == 1
    root = live_server.url  # type: ignore[attr-defined]
    page = browser.new_page(locale=language)
    for width in (1280, 390):
        looked_at(page, f"{root}/notices/", width)
        looked_at(page, f"{root}/notices/1/", width)
    page.get_by_role("link", name="更正公告" if language == "zh-CN" else "Correction").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "更正公告" if language == "zh-CN" else "Correction"
    )
    expect(page.get_by_text(Notice.objects.get(sequence=2).digest)).to_be_visible()


def test_a_clerk_reads_the_inbox(live_server: object, browser: Browser) -> None:
    user = User.objects.create_user(username="clerk", email="clerk@example.test", password="unused-here-1")
    for n in range(2):
        notify.tell(
            subject=Text(f"保证金已到账（{n}）", f"Deposit received ({n})"), body=Text("已确认。", "Confirmed."),
            url="/notices/", now=clock.now() - dt.timedelta(hours=n), user_ids=[user.pk],
        )  # fmt: skip
    client = Client()
    client.force_login(user)
    root = live_server.url  # type: ignore[attr-defined]
    context = browser.new_context(locale="zh-CN")
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": root}])
    page = context.new_page()
    for width in (1280, 390):
        looked_at(page, f"{root}/inbox/", width)
    expect(page.get_by_text("2 条未读")).to_be_visible()
    page.get_by_role("link", name="保证金已到账（1）").click()
    page.wait_for_url("**/notices/")
    assert Message.objects.filter(read_at=None).count() == 1
    page.goto(f"{root}/inbox/")
    page.get_by_role("button", name="全部标为已读").click()
    expect(page.get_by_text("0 条未读")).to_be_visible()

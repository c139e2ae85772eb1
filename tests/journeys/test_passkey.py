"""A passkey in a real browser: set up by somebody who signed in with a password, then enough on its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.browser

# No QUIC, no background traffic: what the browser does is what the test asked for.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def approver(transactional_db: None) -> User:
    """Somebody with a password, made before the browser: while it runs, this thread may not use the database."""
    return make.member(make.organisation(), Role.FIRM_APPROVER)


@pytest.fixture
def page(approver: User) -> Iterator[Page]:
    """A page whose computer has a built-in authenticator that says yes."""
    chromium = (
        os.environ.get("TERRACE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(locale="zh-CN")
        opened = context.new_page()
        session = context.new_cdp_session(opened)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield opened
        browser.close()


def test_a_passkey_is_registered_and_signs_in_without_a_password(
    live_server: Any, approver: User, page: Page
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)

    page.goto(f"{live_server.url}/accounts/login/?next=/orgs/mine/")
    page.get_by_label("用户名").fill(approver.username)
    page.get_by_label("密码", exact=True).fill(make.PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url(f"{live_server.url}/orgs/mine/")

    page.goto(f"{live_server.url}/accounts/2fa/webauthn/add/")
    page.locator("#id_password").fill(make.PASSWORD)  # whoever changes a second factor proves it is them
    page.locator("main button.btn-primary").click()
    page.wait_for_url("**/webauthn/add/")
    page.locator("#id_passwordless").check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url("**/recovery-codes/**")

    page.get_by_role("button", name="退出").click()
    page.wait_for_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/accounts/login/?next=/orgs/mine/")
    page.get_by_role("button", name="用通行密钥登录").click()
    page.wait_for_url(f"{live_server.url}/orgs/mine/")
    assert approver.person is not None
    assert approver.person.name in page.locator(".t-header").inner_text()
    assert faults == []

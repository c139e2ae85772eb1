"""Every page in both languages, wide and narrow: axe finds nothing, nothing sticks out, no Chinese is left in the English one.

The addresses are those of the access matrix, on a city carried on until every kind of page has something to show. Each
is asked for as every role to which the matrix does not close it; every different page that comes (by its skeleton: what
stands on it, not whose name) is looked at in the browser.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.xdist_group("every page")]

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LANGUAGES = {"zh-hans": "zh-Hans", "en": "en"}
# Addresses that show nobody a page in this city, each with its reason.
NEVER_OPEN = {
    "listings:listing": "leads on to the page of its lot",
    "notify:follow": "leads on to what the message is about",
    "orgs:apply_check": "leads back to the first part of the application while parts are missing",
    "orgs:apply_receipt": "shown to the browser that sent the application only",
}
# Answers for programs, and files: no pages.
NO_PAGE = re.compile(r"^(api:|healthz$|readyz$|workbook$)|_(csv|json|atom|pem)$|:(feed|bundle|download)$")
CLOSED = ("403", "sign-in", "405", "303")
AXE_FAULTS = """async tags => (await axe.run({runOnly: tags, resultTypes: ['violations']})).violations.map(
  v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 300)).join(' | '))"""
SHAPE = """wanted => {
  const faults = [], page = document.documentElement, heads = document.querySelectorAll('h1');
  if (heads.length !== 1 || !heads[0].textContent.trim()) faults.push(heads.length + ' h1');
  if (!/^\\S.* · /.test(document.title)) faults.push('title: ' + document.title);
  if (page.lang !== wanted) faults.push('lang: ' + page.lang);
  return faults;
}"""
STICKS_OUT = """() => {
  const page = document.documentElement, over = page.scrollWidth - page.clientWidth;
  if (over <= 0) return [];
  const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > page.clientWidth + 1);
  return ['sticks out by ' + over + ' px: ' + out.slice(-3).map(e => e.outerHTML.slice(0, 120)).join(' | ')];
}"""
# Words of ours: headings, captions, labels, buttons, column heads; what somebody typed is marked with its own language.
WORDS = """() => [...document.querySelectorAll('h2, h3, button, .btn, label, legend, thead th, dt, caption, nav a, .t-lead, option')]
  .filter(e => !e.closest('[lang]:not(html), [data-typed]') && e.offsetParent !== null)
  .map(e => { const words = e.cloneNode(true); words.querySelectorAll('[lang]').forEach(o => o.remove()); return words.textContent.trim(); })
  .filter(t => /[\\u3400-\\u9fff]/.test(t))"""


class Skeleton(HTMLParser):
    """What stands on a page, without whose it is: the elements of its content, with their classes and field names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str, str]] = set()
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or tag == "main"
        if self.inside:
            known = dict(attrs)
            self.found.add((tag, known.get("class") or "", known.get("name") or ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "main"


def carried_on(city: Any) -> dict[str, Any]:
    """Carry the city on (see carried_on.py); its roles and its addresses by name."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("carried_on.py"))],
        env={
            **os.environ, "DATABASE_URL": city.database_url(), "TERRACE_DATA_DIR": str(city.data_dir),
            "DJANGO_SETTINGS_MODULE": "terrace.site.settings.demo",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def token_of(text: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    assert found is not None
    return found.group(1)


def send(client: httpx.Client, address: str, **fields: str) -> None:
    """A form of the page of the demo's people, which carries no field of its own but the token."""
    token = token_of(client.get("/demo/").text)
    answer = client.post(
        address,
        data={"csrfmiddlewaretoken": token, **fields},
        headers={"Referer": f"{client.base_url}demo/"},
    )
    assert answer.status_code in (302, 303), f"{address}: {answer.status_code}"


def visible(
    clients: dict[str, httpx.Client], addresses: dict[str, str], rows: list[dict[str, str]]
) -> tuple[list[tuple[str, str]], set[str]]:
    """(role, address) of every different page; the names of addresses that show nobody a page."""
    pages: list[tuple[str, str]] = []
    closed = set()
    for row in rows:
        name = row["address"]
        only_a_form = all(row[role] in ("405", "sign-in") for role in clients)
        if row["method"] != "GET" or only_a_form or NO_PAGE.search(name):
            continue
        known: list[set[tuple[str, str, str]]] = []
        for role, client in clients.items():
            if row[role] in CLOSED:
                continue
            answer = client.get(addresses[name])
            assert answer.status_code in (200, 303, 403, 404), f"{role} {name}: {answer.status_code}"
            if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
                skeleton = Skeleton(answer.text).found
                if not any(skeleton <= earlier for earlier in known):
                    known.append(skeleton)
                    pages.append((role, addresses[name]))
        if not known:
            closed.add(name)
    return pages, closed


def looked_at(browser: Browser, said: list[str]) -> Page:
    """One page for all addresses, for a new one costs Chromium a window; what its console says is kept in `said`."""
    page = browser.new_context(timezone_id="Asia/Shanghai").new_page()
    page.on(
        "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    return page


def fault_of(page: Page, address: str, language: str, said: list[str]) -> list[str]:
    """What is wrong with one page, wide and narrow; axe looks at the wide Chinese and at the narrow English one."""
    said.clear()
    page.set_viewport_size({"width": 1280, "height": 900})
    answer = page.goto(address, wait_until="load")
    assert answer is not None
    faults = [] if answer.ok else [f"status {answer.status}"]
    faults += page.evaluate(SHAPE, LANGUAGES[language])
    faults += [f"1280: {fault}" for fault in page.evaluate(STICKS_OUT)]
    page.evaluate(AXE)
    if language == "en":
        faults += [f"Chinese: {word}" for word in page.evaluate(WORDS)]
    else:
        faults += page.evaluate(AXE_FAULTS, TAGS)
    page.set_viewport_size({"width": 390, "height": 800})
    faults += [f"390: {fault}" for fault in page.evaluate(STICKS_OUT)]
    if language == "en":
        faults += page.evaluate(AXE_FAULTS, TAGS)
    return faults + [f"console: {text}" for text in said]


def test_every_page_is_sound(own_city: Any, chromium: Browser) -> None:
    given = carried_on(own_city)
    addresses = given["addresses"]
    with (ROOT / "tests" / "architecture" / "access_matrix.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    clients = {}
    for role, username in given["roles"].items():
        clients[role] = httpx.Client(base_url=own_city.address, timeout=30)
        if username is not None:
            send(clients[role], "/demo/sign-in/", username=username)
    pages, closed = visible(clients, addresses, rows)
    faults: list[str] = []
    said: list[str] = []
    page = looked_at(chromium, said)
    for language in LANGUAGES:
        for role, client in clients.items():
            send(client, "/language/", language=language)
            page.context.clear_cookies()
            page.context.add_cookies(
                [
                    {"name": cookie.name, "value": cookie.value or "", "url": own_city.address}
                    for cookie in client.cookies.jar
                ]
            )
            for address in [address for who, address in pages if who == role]:
                wrong = fault_of(page, own_city.address + address, language, said)
                faults += [f"{language} {role} {address}: {fault}" for fault in wrong]
    page.context.close()
    for client in clients.values():
        client.close()
    assert len(pages) > len(addresses) / 3
    assert closed == set(NEVER_OPEN), "an address that shows nobody a page: say why"
    assert not faults, "\n".join(faults)

"""One lot from the reserve to the permit, entirely in the browser, by every person whose job it is.

December 2023 to January 2024 in the demo city; the clock is moved on the page made for it. Each role of the house
does its part on its own pages; what they see on the way (tasks, reasons, receipts, who is next) is looked at too.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.xdist_group("story")]

LOT = "氮氧化物储备排污权演示标的"
CALENDAR = {
    "notice_from": "2023-12-19T09:00",
    "notice_until": "2023-12-26T17:00",
    "signup_from": "2023-12-19T09:00",
    "signup_until": "2023-12-27T17:00",
    "qualification_until": "2023-12-28T17:00",
    "deposit_until": "2023-12-29T17:00",
    "quoting_from": "2024-01-02T09:00",
    "quoting_until": "2024-01-02T10:00",
}
PAPER = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class People:
    """The people of the city, each in a browser context of their own, signed in once."""

    def __init__(self, city: Any, browser: Browser) -> None:
        self.city = city
        self.browser = browser
        self.pages: dict[str, Page] = {}
        self.lot = ""
        self.number = ""
        self.public = self._page()

    def _page(self) -> Page:
        page = self.browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", base_url=self.city.address, accept_downloads=True
        ).new_page()
        page.set_default_timeout(10_000)
        return page

    def __getitem__(self, username: str) -> Page:
        if username not in self.pages:
            page = self._page()
            page.goto("/demo/")
            page.locator(f'form:has(input[name="username"][value="{username}"]) button').click()
            page.wait_for_url(re.compile("/desk/"))
            self.pages[username] = page
        return self.pages[username]

    def clock(self, moment: str) -> None:
        """Move the clock on the demo's page, as a visitor of the demo does."""
        page = self.public
        page.goto("/demo/clock/")
        page.locator('input[name="at"]').fill(moment)
        page.locator('button[value="at"]').click()
        expect(page.get_by_text("平台时间已调整")).to_be_visible()

    def desk(self, username: str, matter: str) -> Page:
        """Open what waits for somebody from the list on the desk."""
        page = self[username]
        page.goto("/desk/")
        page.locator("section", has=page.locator("#desk-waiting")).get_by_role(
            "link", name=matter
        ).first.click()
        return page


@pytest.fixture
def people(city: Any, chromium: Browser) -> Iterator[People]:
    yield People(city, chromium)


def press(page: Page, name: str) -> None:
    """Press a button of the content and wait for the page that answers."""
    page.locator("main").get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state()
    expect(page.locator(".t-errors, .alert-danger")).to_have_count(0)


def reload_until(page: Page, wanted: Locator) -> Locator:
    """Load the page again until the worker has done what was due by the new time."""
    for _ in range(60):
        if wanted.count():
            return wanted
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{page.url} does not show {wanted}")


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        field = page.locator(f'main [name="{name}"]')
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def into_the_reserve(people: People) -> None:
    """The reserve's maker registers an intake, the checker signs; then the release plan, likewise."""
    maker, checker = people["reserve"], people["reserve2"]
    maker.goto("/reserve/desk/")
    maker.get_by_role("link", name="登记入库").click()
    fill(
        maker, kind="RESERVED_QUOTA", quantity_g="2.000", paper_no="演示储〔2023〕9号", grounds="预留排污权入库", pollutant="NOX",
        area_code="dongchangfu", sector="other", term_start="2024-01-01",
    )  # fmt: skip
    press(maker, "提交复核")
    intake = maker.url
    expect(maker.locator("#act-heading")).to_have_count(0)  # the maker cannot check it
    checker.goto(intake)
    press(checker, "复核通过，入库")
    maker.goto("/reserve/desk/")
    maker.get_by_role("link", name="编制出让计划").click()
    fill(maker, year="2023", title="2023年第二批出让计划", grounds="演示")
    press(maker, "建立计划")
    parcel = maker.locator('[name="parcel_id"] option', has_text="2.000 吨").first.get_attribute("value")
    fill(
        maker, name=LOT, parcel_id=str(parcel), quantity_g="2.000", years="5", price_basis="PER_YEAR", floor_fen="1500",
        increment_fen="50", ratio="1", deposit_percent="10",
    )  # fmt: skip
    press(maker, "加入标的")
    expect(maker.get_by_role("cell", name=LOT).first).to_be_visible()
    press(maker, "提交复核")
    checker.goto(maker.url)
    press(checker, "批准计划")


def what_a_firm_must_buy(people: People) -> None:
    """A firm's clerk learns on the public self-check that the project must buy, and states its need; the branch confirms."""
    page = people["buyer6"]
    page.goto("/rulebooks/check/")
    fill(page, NOX="12")
    press(page, "判定")
    expect(page.locator("#result")).to_contain_text("购买")
    page.goto("/projects/")
    page.get_by_role("link", name="登记项目").click()
    fill(page, name="生物质锅炉扩建")
    page.locator('main [name="unit_id"]').select_option(index=0)
    press(page, "登记")
    fill(page, NOX="12")
    press(page, "提交核对")
    expect(page.locator("main")).to_contain_text("生物质锅炉扩建")
    branch = people.desk("branch-gaotang", "生物质锅炉扩建")
    fill(branch, reason="与环评文件一致")
    press(branch, "确认需求")


def a_right_is_verified(people: People) -> None:
    """The verification of a firm's own right: firm, then branch, then bureau, each with its reasons."""
    clerk = people["buyer6"]
    clerk.goto("/rights/verifications/")
    clerk.get_by_role("link", name="申请核定").first.click()
    clerk.locator('main [name="unit_id"]').select_option(index=0)
    fill(clerk, kind="INITIAL", pollutant="COD", claimed_g="5.5", grounds="首次核定", term_start="2024-01-01")
    press(clerk, "提交申请")
    address = clerk.url
    branch = people["branch-gaotang"]
    branch.goto(address)
    fill(branch, reason="数据与在线监测一致")
    press(branch, "初审通过，报市局")
    bureau = people["bureau"]
    bureau.goto(address)
    press(bureau, "核定并登记")
    clerk.goto("/rights/")
    expect(clerk.locator("main")).to_contain_text("5.5")


def the_notice(people: People) -> None:
    """The trading institution drafts the offer, accepts it (which freezes the right) and publishes the notice."""
    maker = people["exchange"]
    maker.goto("/exchange/")
    maker.get_by_role("link", name=LOT).click()
    fill(maker, project_name=LOT, contact="0635-0000000", calendar_kind="CLOCK", **CALENDAR)
    press(maker, "保存")
    press(maker, "受理并冻结排污权")
    people.clock("2023-12-19T09:01")
    maker.reload()
    press(maker, "发布公告")


def a_visitor_finds_it(people: People) -> None:
    """From the home page: what is on sale, its price with its basis, until when, and how to apply, in one click."""
    page = people.public
    page.goto("/")
    page.reload()
    page.goto("/lots/")
    page.get_by_role("link", name=LOT).first.click()
    expect(page.locator("main")).to_contain_text("1,500")
    expect(page.locator("main")).to_contain_text("元/吨·年")
    expect(page.get_by_role("heading", name="怎样参加")).to_be_visible()
    expect(page.get_by_role("link", name="登录后报名")).to_be_visible()
    people.lot = page.url


def sign_up(people: People, clerk_name: str) -> None:
    """The application as a task list, saved at every step; the approver reads it and submits it; the receipt."""
    clerk = people[clerk_name]
    clerk.goto(people.lot)
    press(clerk, "开始报名")
    address = clerk.url
    expect(clerk.locator(".t-tasks__count")).to_contain_text("已完成1项")
    clerk.locator(".t-tasks").get_by_role("link").first.click()
    clerk.locator('main [name="need_id"]').select_option(index=0)
    fill(clerk, quantity_g="2")
    press(clerk, "保存并核对受让条件")
    clerk.goto("/desk/")  # left and found again: what was done is kept
    clerk.goto(address)
    expect(clerk.locator(".t-tasks__count")).to_contain_text("已完成3项")
    for paper in ("受让申请表", "承诺书", "营业执照", "排污许可证或环评批复"):
        clerk.locator(".t-tasks").get_by_role("link", name=paper).click()
        clerk.locator('input[type="file"]').set_input_files(
            {"name": f"{paper}.pdf", "mimeType": "application/pdf", "buffer": PAPER}
        )
        press(clerk, "上传")
    expect(clerk.locator(".t-tasks__count")).to_contain_text("已完成7项")
    press(clerk, "送本单位审批人确认")
    approver = people[f"{clerk_name}-approver"]
    approver.goto(address)
    press(approver, "确认并提交报名")
    expect(approver.locator(".t-receipt")).to_contain_text("回执编号")


def applications(people: People) -> None:
    """Two firms apply."""
    for firm in ("buyer6", "buyer1"):
        sign_up(people, firm)


def qualification(people: People) -> None:
    """The trading institution decides on each application with its reasons, from the queue."""
    exchange = people["exchange"]
    for firm in ("青禾纸业", "恒润轴承"):
        exchange.goto("/exchange/")
        exchange.get_by_role("row", name=re.compile(f"{firm}.*{LOT}")).get_by_role("link").first.click()
        fill(exchange, reason="材料齐全，符合受让条件")
        press(exchange, "审查通过")


def statement_of(people: People, rows: list[tuple[str, str, str, str, str]], name: str) -> None:
    """The exchange uploads the bank's statement, looks at what each line would do, and confirms it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["交易日期", "交易流水号", "对方账号", "对方户名", "金额", "附言"])
    day = people.public.locator(".t-demo__clock time").get_attribute("datetime") or ""
    for serial, account, payer, amount, remark in rows:
        writer.writerow([day[:10], serial, account, payer, amount, remark])
    page = people["exchange"]
    page.goto("/settlement/statements/")
    page.locator('input[type="file"]').set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": text.getvalue().encode()}
    )
    press(page, "上传并核对")
    expect(page.locator("main")).to_contain_text("尚未入账")
    press(page, "确认入账")
    expect(page.locator("main")).to_contain_text("已入账的各行")


def asked(page: Page, purpose: str) -> list[dict[str, str]]:
    """The open payment instructions of a kind, as the reconciliation file lists them."""
    got = page.request.get(f"/settlement/payments.csv?purpose={purpose}&state=DUE")
    assert got.ok
    return list(csv.DictReader(io.StringIO(got.text().lstrip("\ufeff"))))


ACCOUNTS = {"青禾纸业": "6222000000000006", "恒润轴承": "6222000000000001"}


def account_of(payer: str) -> str:
    return next((number for name, number in ACCOUNTS.items() if name in payer), "1601009900000001")


def deposits(people: People) -> None:
    """Deposits arrive, and a sum that nobody can place: it goes to suspense and back, by two persons."""
    people.clock("2023-12-20T10:00")
    exchange, checker = people["exchange"], people["exchange2"]
    mine = [row for row in asked(exchange, "DEPOSIT") if "青禾" in row["payer"] or "恒润" in row["payer"]]
    assert [row["amount_yuan"] for row in mine] == ["1500.00", "1500.00"], (
        "10 % of 2 t x 5 years x 1,500 yuan"
    )
    lines = [
        (f"S{place}", account_of(row["payer"]), row["payer"], row["amount_yuan"], row["reference"])
        for place, row in enumerate(mine)
    ]
    statement_of(people, [*lines, ("S9", "6222999", "来历不明", "88.00", "没有写缴款码")], "20日流水.csv")
    exchange.goto("/settlement/suspense/")
    exchange.get_by_role("link", name="S9").click()
    exchange.locator("#back-reason").fill("无法查明用途")
    press(exchange, "原路退回")
    refund = exchange.url
    press(exchange, "申请退款")
    expect(exchange.get_by_role("button", name="复核同意退款")).to_have_count(0)  # not by the same person
    checker.goto(refund)
    press(checker, "复核同意退款")
    expect(checker.locator("main")).to_contain_text("待银行付款")


def the_auction(people: People) -> None:
    """The two firms bid against each other; the wait and the timed period end it."""
    people.clock("2024-01-02T09:05")
    first, second = people["buyer6"], people["buyer1"]
    for page in (first, second):
        page.goto("/desk/")
        section = page.locator("section", has=page.locator("#desk-auctions"))
        reload_until(page, section.get_by_role("link").first).click()
        expect(page.locator("[data-best]")).to_be_visible()
    first.locator('button[name="quick"]').first.click()
    expect(second.locator("[data-best]")).to_contain_text("1,500")
    second.locator('button[name="quick"]').first.click()
    expect(first.locator("[data-best]")).to_contain_text("1,550")
    first.locator('button[name="quick"]').first.click()
    expect(second.locator("[data-best]")).to_contain_text("1,600")
    people.clock("2024-01-02T10:20")
    first.reload()
    expect(first.locator("#a-result")).to_be_visible(timeout=20_000)
    expect(first.locator("main")).to_contain_text("青禾纸业")


def award_and_contract(people: People) -> None:
    """The award is published; publicity passes; both sides sign the contract they have read."""
    exchange = people["exchange"]
    exchange.goto("/trades/")
    exchange.get_by_role("row", name=re.compile("青禾纸业")).get_by_role("link").first.click()
    people.number = exchange.url.rstrip("/").rsplit("/", 1)[1]
    press(exchange, "发布成交公示")
    people.clock("2024-01-09T17:05")
    for signer in ("buyer6-approver", "reserve2"):
        page = people[signer]
        page.goto(f"/trades/{people.number}/")
        reload_until(page, page.locator('[name="read"]')).check()
        press(page, "签署")


def money_and_delivery(people: People) -> None:
    """The price arrives; certificate; delivery against payment by two persons; the losing deposit goes back."""
    exchange, checker = people["exchange"], people["exchange2"]
    trade = f"/trades/{people.number}/"
    people.clock("2024-01-10T10:00")
    price = [row for row in asked(exchange, "PRICE") if "青禾" in row["payer"]]
    assert [row["amount_yuan"] for row in price] == ["14500.00"], (
        "2 t x 5 years x 1,600 yuan less the deposit"
    )
    statement_of(
        people,
        [("P1", account_of(price[0]["payer"]), price[0]["payer"], "14500.00", price[0]["reference"])],
        "10日流水.csv",
    )
    exchange.goto(trade)
    press(exchange, "出具鉴证书")
    press(exchange, "提出交割")
    expect(exchange.get_by_role("button", name="复核并交割")).to_have_count(0)
    checker.goto(trade)
    press(checker, "复核并交割")
    exchange.goto("/settlement/refunds/")
    exchange.get_by_role("row", name=re.compile("恒润轴承.*待申请")).get_by_role("link").first.click()
    refund = exchange.url
    press(exchange, "申请退款")
    checker.goto(refund)
    press(checker, "复核同意退款")


def treasury_and_permit(people: People) -> None:
    """The bank pays treasury and refunds; finance confirms the income; the permit office changes the permit."""
    exchange = people["exchange"]
    orders = [
        (f"T{place}", "1601009900000002" if purpose == "TREASURY" else account, row["payee_account_name"], f"-{row['amount_yuan']}", row["reference"])
        for purpose, account in (("TREASURY", ""), ("REFUND", "6222000000000001"))
        for place, row in enumerate(asked(exchange, purpose))
        if purpose == "TREASURY" or "恒润" in row["payee_account_name"]
    ]  # fmt: skip
    statement_of(people, [(f"{row[0]}-{n}", *row[1:]) for n, row in enumerate(orders)], "付款流水.csv")
    trade = f"/trades/{people.number}/"
    finance = people["finance"]
    finance.goto(trade)
    press(finance, "确认收入到账")
    permit = people["permit"]
    permit.goto(trade)
    press(permit, "办理许可证变更")
    clerk = people["buyer6"]
    clerk.goto("/rights/")
    expect(clerk.locator("main")).to_contain_text("氮氧化物")


def what_the_public_can_check(people: People) -> None:
    """The result with its bundle, which `terrace verify` computes again; the certificate by number and by its file."""
    page = people.public
    page.goto("/results/")
    page.get_by_role("link", name=people.number).first.click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载结果包").click()
    bundle = Path(waiting.value.path())
    for more, good in (([], True), (["--sha256", "0" * 64], False)):
        checked = subprocess.run(
            [sys.executable, "-m", "terrace", "verify", str(bundle), *more], capture_output=True, text=True, check=False
        )  # fmt: skip
        assert (checked.returncode == 0) is good, checked.stdout + checked.stderr
    page.get_by_role("link", name=re.compile("^PQJZ-")).first.click()
    number = page.url.rstrip("/").rsplit("/", 1)[1]
    buyer = people["buyer6"]  # the paper itself goes to the parties
    buyer.goto(f"/trades/{people.number}/")
    link = buyer.get_by_role("link", name=re.compile("^排污权交易鉴证书")).first.get_attribute("href")
    file = buyer.request.get(str(link)).body()
    assert file.startswith(b"%PDF")
    page.goto("/certificates/check/")
    fill(page, number=number)
    press(page, "核验")
    expect(page.get_by_role("heading", level=1)).to_have_text("排污权交易鉴证书")
    expect(page.locator("main")).to_contain_text("有效")
    for content, words in (
        (file, "有效：与登记的原件一致"),
        (file.replace(b"/Length", b"/Lengtj", 1), "无效"),
        (b"no pdf", "无法读取"),
    ):
        page.goto("/certificates/check/")
        page.locator('input[type="file"]').set_input_files(
            {"name": "c.pdf", "mimeType": "application/pdf", "buffer": content}
        )
        page.locator("main").get_by_role("button", name="核验").click()
        expect(page.locator("main")).to_contain_text(words)


def what_the_auditor_follows(people: People) -> None:
    """From a figure to its entries in two clicks; the journal names who did what."""
    page = people["auditor"]
    page.goto("/ledger/")
    page.locator("main table").get_by_role("link").first.click()
    page.locator("main table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("账户流水")
    page.goto("/journal/")
    expect(page.locator("main")).to_contain_text("许可变更：变更")


def what_the_others_see(people: People) -> None:
    """The monitor reads every trade and may change nothing; the administrator has the organisations, not the trades' steps."""
    monitor = people["monitor"]
    monitor.goto(f"/trades/{people.number}/")
    expect(monitor.locator("main form")).to_have_count(0)
    admin = people["admin"]
    admin.goto("/orgs/organisations/")
    expect(admin.locator("main")).to_contain_text("有限公司")


STEPS = [
    into_the_reserve, what_a_firm_must_buy, a_right_is_verified, the_notice, a_visitor_finds_it, applications, qualification, deposits,
    the_auction, award_and_contract, money_and_delivery, treasury_and_permit, what_the_public_can_check,
    what_the_auditor_follows, what_the_others_see,
]  # fmt: skip


def test_one_lot_from_the_reserve_to_the_permit_by_everybody(people: People) -> None:
    for step in STEPS:
        step(people)

"""Bank statements: what is understood, what is not and why; nothing booked before the confirmation, nothing twice."""

from __future__ import annotations

import datetime as dt
import io

import pytest
import xlsxwriter

from terrace.kernel.base.errors import NotAllowed, Stale
from terrace.kernel.documents.rules import FileTypeNotAllowed
from terrace.kernel.ledger import queries as ledger
from terrace.market.settlement import queries, services
from terrace.market.settlement.models import BankLine, DepositState, PaymentInstruction, Purpose, Refund
from terrace.market.settlement.rules import statements as rules
from terrace.market.settlement.rules.statements import Finding
from terrace.market.settlement.services import money
from terrace.market.settlement.tests.factories import (
    NOW,
    Market,
    import_rows,
    make_actor,
    make_deposit,
    make_market,
    make_organisation,
    make_statement,
    pay,
)

# Reading -----------------------------------------------------------------------------------------------------------


def one(*row: str, header: str = "") -> rules.Line:
    return rules.read(make_statement(row, header=header), "a.csv")[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("25502.40", 2_550_240),
        ("25,502.40", 2_550_240),
        ("２５，５０２．４０", 2_550_240),
        ("¥25502.4", 2_550_240),
        ("25502.40元", 2_550_240),
        ("0.01", 1),
    ],
)
def test_amounts_as_people_and_banks_write_them(text: str, fen: int) -> None:
    assert one("2023-12-04", "S1", "1", "n", text, "r").amount_fen == fen


@pytest.mark.parametrize("text", ["12a", "1.234", "", "0", "--5", "一百"])
def test_amounts_that_cannot_be_read_name_what_is_expected(text: str) -> None:
    line = one("2023-12-04", "S1", "1", "n", text, "r")
    assert line.problem is not None
    assert line.bank_serial == "S1"


@pytest.mark.parametrize(
    "text",
    ["2023-12-05", "2023/12/5", "20231205", "2023年12月5日", "2023-12-05 10:11:12", "２０２３－１２－０５"],
)
def test_dates_as_banks_write_them(text: str) -> None:
    assert one(text, "S1", "1", "n", "1", "r").booked_on == dt.date(2023, 12, 5)


@pytest.mark.parametrize("text", ["2023-13-05", "05.12.2023", "昨天", ""])
def test_dates_that_cannot_be_read(text: str) -> None:
    line = one(text, "S1", "1", "n", "1", "r")
    assert line.problem is not None
    assert "日期" in line.problem.zh


def test_a_missing_serial_number_is_a_problem_of_its_line() -> None:
    line = one("2023-12-04", "", "1", "n", "1", "r")
    assert line.problem is not None
    assert "流水号" in line.problem.zh


@pytest.mark.parametrize(
    ("header", "row", "direction", "fen"),
    [
        (
            "记账日期,流水号,对方帐号,贷方发生额,借方发生额,摘要",
            ("2023-12-04", "S", "1", "5.00", "", "r"),
            "IN",
            500,
        ),
        (
            "记账日期,流水号,对方帐号,贷方发生额,借方发生额,摘要",
            ("2023-12-04", "S", "1", "", "5.00", "r"),
            "OUT",
            500,
        ),
        (
            "日期,流水号,对方账号,借贷标志,交易金额（元）,用途",
            ("2023-12-04", "S", "1", "借", "5", "r"),
            "OUT",
            500,
        ),
        (
            "日期,流水号,对方账号,借贷标志,交易金额（元）,用途",
            ("2023-12-04", "S", "1", "贷", "5", "r"),
            "IN",
            500,
        ),
        ("Date,Serial,Payer account,Amount,Reference", ("2023-12-04", "S", "1", "-5", "r"), "OUT", 500),
    ],
)
def test_headings_of_different_banks(header: str, row: tuple[str, ...], direction: str, fen: int) -> None:
    line = one(*row, header=header)
    assert (line.direction, line.amount_fen, line.problem) == (direction, fen, None)


def test_money_in_and_out_on_one_line_and_unknown_signs_are_problems() -> None:
    header = "日期,流水号,对方账号,收入,支出,附言"
    assert one("2023-12-04", "S", "1", "5", "5", "r", header=header).problem is not None
    header = "日期,流水号,对方账号,借贷标志,金额,附言"
    assert one("2023-12-04", "S", "1", "X", "5", "r", header=header).problem is not None


def test_lines_above_the_heading_and_totals_below_are_passed_over() -> None:
    content = (
        "账户流水明细\n户名,测试交易中心\n\n交易日期,交易流水号,对方账号,金额,附言,备注\n"
        "2023-12-04,S1,1,5.00,PQ,第二栏\n合计,,,5.00,,\n"
    ).encode("gb18030")
    lines = rules.read(content, "流水.csv")
    assert [(line.row, line.remark) for line in lines] == [(5, "PQ 第二栏")]


def excel(*rows: tuple[object, ...]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    sheet.write_datetime(r, c, dt.datetime.combine(cell, dt.time()), date)
                else:
                    sheet.write(r, c, cell)
    return buffer.getvalue()


HEAD = ("交易日期", "交易流水号", "对方账号", "对方户名", "金额", "附言")


def test_excel_with_real_dates_and_numbers() -> None:
    line = rules.read(excel(HEAD, (dt.date(2023, 12, 4), 12345, "6222", "n", 25502.4, "r")), "a.xlsx")[0]
    assert (line.booked_on, line.bank_serial, line.amount_fen) == (dt.date(2023, 12, 4), "12345", 2_550_240)


def test_an_account_number_stored_as_a_number_is_not_trusted() -> None:
    line = rules.read(excel(HEAD, (dt.date(2023, 12, 4), "S", 6222000011112222333.0, "n", 1, "r")), "a.xlsx")[
        0
    ]
    assert line.problem is not None
    assert "文本格式" in line.problem.zh


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b,c\n1,2,3\n", "缺少列"),
        (b"", "不是文本"),
        (b"\x00\x01\x02", "不是文本"),
        (b"PK\x03\x04broken", "损坏"),
        ("交易日期,交易流水号,对方账号,附言\n2023-12-04,S,1,r\n".encode(), "金额"),
        ("交易日期,交易流水号,对方账号,金额,附言\n".encode(), "没有数据"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_as_a_whole(content: bytes, words: str) -> None:
    with pytest.raises(rules.NotAStatement) as refusal:
        rules.read(content, "a.csv")
    assert refusal.value.code == "settlement.statement.not_a_statement"
    assert words in refusal.value.message("zh-hans")


# Judging and booking ------------------------------------------------------------------------------------------------


@pytest.fixture
def market() -> Market:
    return make_market()


def asked(market: Market, purpose: Purpose = Purpose.DEPOSIT, amount: int = 10_000) -> PaymentInstruction:
    return services.request_payment(
        actor=market.maker,
        payer_id=market.buyer.pk,
        payee="ESCROW",
        amount_fen=amount,
        purpose=purpose,
        subject_type="listing.signup",
        subject_id=1,
        due_at=NOW + dt.timedelta(days=2),
        now=NOW,
    )


def finding(market: Market, *rows: tuple[str, ...]) -> list[Finding]:
    review = queries.review_file(make_statement(*rows), "a.csv", "371500")  # type: ignore[arg-type]
    return [item.finding for item in review.judged]


@pytest.mark.django_db
def test_each_reason_why_a_line_does_not_match(market: Market) -> None:
    own, day = market.buyer.bank_account_no, "2023-12-04"
    code = asked(market).reference
    cancelled = asked(market)
    services.cancel_payment(instruction_id=cancelled.pk)
    paid = make_deposit(market, market.buyer, 10_000)
    out = "-100.00"
    slip = code[:-1] + ("0" if code[-1] != "0" else "1")
    cases = {
        Finding.NO_REFERENCE: (day, "A1", own, "n", "100.00", "货款"),
        Finding.DAMAGED_REFERENCE: (day, "A2", own, "n", "100.00", slip),
        Finding.UNKNOWN_REFERENCE: (day, "A3", own, "n", "100.00", rules.references.make(2023, 999_999)),
        Finding.SEVERAL_REFERENCES: (day, "A4", own, "n", "100.00", f"{code} {cancelled.reference}"),
        Finding.CANCELLED: (day, "A5", own, "n", "100.00", cancelled.reference),
        Finding.ALREADY_PAID: (day, "A6", own, "n", "100.00", paid.reference),
        Finding.OTHER_ACCOUNT: (day, "A7", "999", "n", "100.00", code),
        Finding.AMOUNT_DIFFERS: (day, "A8", own, "n", "100.01", code),
        Finding.LATE: ("2023-12-07", "A9", own, "n", "100.00", code),
        Finding.UNKNOWN_SPENDING: (day, "B1", own, "n", out, "手续费"),
        Finding.MALFORMED: (day, "B2", own, "n", "1o0", code),
        Finding.MATCHED: (day, "B3", own, "n", "100.00", f"保证金{code}"),
    }
    assert finding(market, *cases.values()) == list(cases)


@pytest.mark.django_db
def test_the_last_day_is_in_time_and_the_next_is_not(market: Market) -> None:
    own, code = market.buyer.bank_account_no, asked(market).reference
    assert finding(market, ("2023-12-06", "A", own, "n", "100.00", code)) == [Finding.MATCHED]
    assert finding(market, ("2023-12-07", "A", own, "n", "100.00", code)) == [Finding.LATE]


@pytest.mark.django_db
def test_one_code_is_paid_once_and_one_serial_counts_once_in_a_file(market: Market) -> None:
    own, code = market.buyer.bank_account_no, asked(market).reference
    row = ("2023-12-04", "A", own, "n", "100.00", code)
    again = ("2023-12-04", "B", own, "n", "100.00", code)
    assert finding(market, row, row, again) == [
        Finding.MATCHED,
        Finding.REPEATED_IN_FILE,
        Finding.ALREADY_PAID,
    ]


@pytest.mark.django_db
def test_upload_books_nothing_and_confirmation_books_once(market: Market) -> None:
    instruction = asked(market)
    content = make_statement(
        ("2023-12-04", "A", market.buyer.bank_account_no, "n", "100.00", instruction.reference),
        ("2023-12-04", "B", "6222", "某人", "7.00", "不明"),
        ("2023-12-04", "C", "6222", "某人", "七元", "不明"),
    )
    statement = services.upload_statement(
        actor=market.maker, content=content, filename="a.csv", now=NOW, key="k"
    )
    assert (
        services.upload_statement(actor=market.maker, content=content, filename="a.csv", now=NOW, key="k").pk
        == statement.pk
    )
    assert BankLine.objects.count() == 0
    confirm = {"statement_id": statement.pk, "seen_digest": statement.findings_digest, "now": NOW}
    other = make_actor(market.exchange, "EXCHANGE_MAKER")
    with pytest.raises(NotAllowed, match="同一经办人"):
        services.confirm_statement(actor=other, **confirm)
    with pytest.raises(NotAllowed):
        services.confirm_statement(actor=market.checker, **confirm)
    for _ in range(2):
        done = services.confirm_statement(actor=market.maker, **confirm)
        assert (done.matched_count, done.suspense_count, done.refused_count) == (1, 1, 1)
    assert BankLine.objects.count() == 2
    instruction.refresh_from_db()
    assert (instruction.state, instruction.deposit_state) == ("PAID", DepositState.HELD)
    balance = ledger.balance_of(money.firm(market.buyer.pk))
    assert (balance.posted, balance.held, balance.available) == (10_000, 10_000, 0)
    again = services.upload_statement(actor=market.maker, content=content, filename="a.csv", now=NOW)
    done = services.confirm_statement(
        actor=market.maker, statement_id=again.pk, seen_digest=again.findings_digest, now=NOW
    )
    assert (done.matched_count, done.repeated_count) == (0, 2)
    assert ledger.balance_of(money.bank("371500")).posted == -10_700


@pytest.mark.django_db
def test_what_was_shown_is_what_is_booked_or_nothing_is(market: Market) -> None:
    instruction = asked(market)
    content = make_statement(
        ("2023-12-04", "A", market.buyer.bank_account_no, "n", "100.00", instruction.reference)
    )
    statement = services.upload_statement(actor=market.maker, content=content, filename="a.csv", now=NOW)
    services.cancel_payment(instruction_id=instruction.pk)
    with pytest.raises(Stale):
        services.confirm_statement(
            actor=market.maker, statement_id=statement.pk, seen_digest=statement.findings_digest, now=NOW
        )
    assert BankLine.objects.count() == 0


@pytest.mark.django_db
def test_a_discarded_statement_is_not_booked_and_a_booked_one_not_discarded(market: Market) -> None:
    content = make_statement(("2023-12-04", "A", "1", "n", "1.00", "x"))
    statement = services.upload_statement(actor=market.maker, content=content, filename="a.csv", now=NOW)
    for _ in range(2):
        services.discard_statement(actor=market.maker, statement_id=statement.pk, now=NOW)
    with pytest.raises(services.StatementDiscarded) as refusal:
        services.confirm_statement(
            actor=market.maker, statement_id=statement.pk, seen_digest=statement.findings_digest, now=NOW
        )
    assert refusal.value.code == "settlement.statement.discarded"
    booked = import_rows(market, ("2023-12-04", "B", "1", "n", "1.00", "x"))
    with pytest.raises(services.StatementBooked) as refused:
        services.discard_statement(actor=market.maker, statement_id=booked.pk, now=NOW)
    assert refused.value.code == "settlement.statement.booked"


@pytest.mark.django_db
def test_a_file_of_another_kind_is_refused_by_its_content(market: Market) -> None:
    with pytest.raises((rules.NotAStatement, FileTypeNotAllowed)):
        services.upload_statement(actor=market.maker, content=b"%PDF-1.4 hello", filename="a.csv", now=NOW)


# Suspense -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_payment_without_a_code_is_assigned_by_hand(market: Market) -> None:
    instruction = asked(market)
    import_rows(market, ("2023-12-04", "A", market.buyer.bank_account_no, "n", "100.00", "忘写"))
    line = BankLine.objects.get()
    give = {"actor": market.maker, "line_id": line.pk, "reference": instruction.reference, "now": NOW}
    with pytest.raises(services.ReasonNeeded) as refusal:
        services.assign_line(**give, reason=" ")
    assert refusal.value.code == "settlement.reason_needed"
    services.assign_line(**give, reason="企业来函说明")
    instruction.refresh_from_db()
    assert (instruction.state, instruction.paid_line_id) == ("PAID", line.pk)
    assert ledger.balance_of(money.suspense("371500")).posted == 0
    with pytest.raises(services.LineNotInSuspense) as twice:
        services.assign_line(**give, reason="再次")
    assert twice.value.code == "settlement.line.not_in_suspense"


@pytest.mark.django_db
def test_a_deposit_from_another_account_cannot_be_assigned_but_a_price_can(market: Market) -> None:
    deposit, price = asked(market), asked(market, Purpose.PRICE)
    import_rows(
        market,
        ("2023-12-04", "A", "999", "母公司", "100.00", deposit.reference),
        ("2023-12-04", "B", "999", "母公司", "100.00", price.reference),
    )
    first, second = BankLine.objects.order_by("id")
    with pytest.raises(services.LineDoesNotFit) as refusal:
        services.assign_line(
            actor=market.maker, line_id=first.pk, reference=deposit.reference, reason="母公司代付", now=NOW
        )
    assert refusal.value.code == "settlement.line.does_not_fit"
    services.assign_line(
        actor=market.maker, line_id=second.pk, reference=price.reference, reason="同一法人另一账户", now=NOW
    )


@pytest.mark.django_db
def test_a_payment_that_belongs_to_nobody_goes_back_by_two_people(market: Market) -> None:
    import_rows(market, ("2023-12-04", "A", "62229999", "某人", "100.00", "不明"))
    refund = services.return_line(
        actor=market.maker, line_id=BankLine.objects.get().pk, reason="查无此款", now=NOW
    )
    services.ask_refund(actor=market.maker, number=refund.number, now=NOW)
    done = services.approve_refund(actor=market.checker, number=refund.number, now=NOW)
    assert done.instruction is not None
    assert done.instruction.payee_account_no == "62229999"
    pay(market, done.instruction)
    assert ledger.balance_of(money.bank("371500")).posted == 0
    assert BankLine.objects.get(bank_serial="A").state == "RETURNED"
    assert Refund.objects.get().state == "PAID"


@pytest.mark.django_db
def test_a_losers_deposit_goes_back_and_the_same_person_cannot_do_both(market: Market) -> None:
    firm = make_organisation()
    deposit = make_deposit(market, firm, 10_000)
    refund = services.refund_deposit(
        actor=market.maker, deposit_hold_id=deposit.hold_id or 0, cause="NO_TRADE", now=NOW
    )
    both = make_actor(market.exchange, "EXCHANGE_MAKER", "EXCHANGE_CHECKER")
    services.ask_refund(actor=both, number=refund.number, now=NOW)
    with pytest.raises(Exception, match="另一人"):
        services.approve_refund(actor=both, number=refund.number, now=NOW)
    services.send_back_refund(actor=market.checker, number=refund.number, reason="账户待核", now=NOW)
    services.ask_refund(actor=both, number=refund.number, now=NOW)
    done = services.approve_refund(actor=market.checker, number=refund.number, now=NOW)
    deposit.refresh_from_db()
    assert deposit.deposit_state == DepositState.RELEASED
    balance = ledger.balance_of(money.firm(firm.pk))
    assert (balance.posted, balance.held) == (10_000, 10_000)
    assert done.instruction is not None
    pay(market, done.instruction)
    assert ledger.balance_of(money.firm(firm.pk)).posted == 0
    with pytest.raises(services.DepositUnknown) as refusal:
        services.refund_deposit(
            actor=market.maker, deposit_hold_id=deposit.hold_id or 0, cause="NO_TRADE", now=NOW
        )
    assert refusal.value.code == "settlement.deposit.unknown"

"""Bank statements as they come: CSV or Excel, any column order, Chinese or English headings. Pure.

`read` turns a file into lines; a cell that cannot be read becomes a problem of its line, not of the file.
`judge` says for each line what it pays, or why it pays nothing.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from terrace.kernel.base.errors import InputInvalid, Refusal
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.market.rights.rules import Worded
from terrace.market.settlement.rules import references
from terrace.market.settlement.rules.words import INCOMING, LineDirection

ROWS_MAX = 20_000
BYTES_MAX = 10 * 2**20
HEADER_ROWS = 30
_EXACT_INTEGER_MAX = 10**15

# Headings as banks print them; the comparison ignores spaces, brackets and what stands in brackets.
HEADINGS: dict[str, tuple[str, ...]] = {
    "booked_on": (
        "交易日期", "记账日期", "入账日期", "交易时间", "记账时间", "日期", "会计日期", "date", "booking date", "value date",
    ),
    "bank_serial": (
        "交易流水号", "银行流水号", "流水号", "交易流水", "流水编号", "交易序号", "主机流水号", "核心流水号", "serial", "bank serial no",
        "bank serial", "transaction id",
    ),
    "other_account": (
        "对方账号", "对方帐号", "对方账户", "付款账号", "付款人账号", "付款方账号", "对手账号", "交易对手账号", "收付方账号",
        "payer account", "counterparty account", "account",
    ),
    "other_name": (
        "对方户名", "对方名称", "对方账户名称", "付款人", "付款人名称", "付款方名称", "付款人户名", "对手户名", "交易对手名称", "收付方名称",
        "payer name", "payer", "counterparty", "counterparty name",
    ),
    "amount": ("金额", "交易金额", "发生额", "交易发生额", "amount"),
    "income": ("收入", "收入金额", "贷方发生额", "贷方金额", "贷方", "转入金额", "credit", "credit amount"),
    "spending": ("支出", "支出金额", "借方发生额", "借方金额", "借方", "转出金额", "debit", "debit amount"),
    "direction": ("借贷标志", "借贷标识", "借贷方向", "借贷", "收支标志", "收支方向", "debit/credit", "direction"),
    "remark": ("摘要", "附言", "用途", "备注", "交易附言", "交易摘要", "转账附言", "remark", "reference", "memo", "purpose"),
}  # fmt: skip
_IN_WORDS = ("贷", "收", "收入", "转入", "c", "cr", "credit", "in", "+")
_OUT_WORDS = ("借", "付", "支", "支出", "转出", "d", "dr", "debit", "out", "-")
_TOTALS = re.compile(r"^(合计|总计|小计|本页合计|期初余额|期末余额|total)")


class NotAStatement(Refusal):
    """The file as a whole cannot be used; nothing of it is."""

    code = "settlement.statement.not_a_statement"
    text = Text("这不是可识别的银行流水：{why}", "This is not a bank statement we can read: {why}")
    hint = Text(
        "请上传网银导出的CSV或Excel流水，表头须有日期、流水号、对方账号、金额、附言。",
        "Upload the CSV or Excel statement from online banking, with date, serial number, other account, amount and remark.",
    )
    http_status = 422


class Finding(Worded):
    """What became of one line."""

    MATCHED = "MATCHED", Text("匹配成功", "Matched")
    REPEATED = "REPEATED", Text("此前已入账，不再重复", "Booked before; not booked again")
    REPEATED_IN_FILE = "REPEATED_IN_FILE", Text("文件内流水号重复", "Serial number twice in this file")
    MALFORMED = "MALFORMED", Text("无法识别，不入账", "Cannot be read; not booked")
    NO_REFERENCE = "NO_REFERENCE", Text("附言中没有缴款码", "No reference code in the remark")
    DAMAGED_REFERENCE = "DAMAGED_REFERENCE", Text("缴款码校验位不符", "The reference code has a typing slip")
    SEVERAL_REFERENCES = (
        "SEVERAL_REFERENCES",
        Text("附言中有多个缴款码", "Several reference codes in one remark"),
    )
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE", Text("缴款码不存在", "The reference code is unknown")
    WRONG_DIRECTION = (
        "WRONG_DIRECTION",
        Text("收支方向与缴款码不符", "Direction does not fit the reference code"),
    )
    CANCELLED = "CANCELLED", Text("缴款通知已撤销", "The instruction was cancelled")
    ALREADY_PAID = "ALREADY_PAID", Text("该缴款码已付过", "This code has been paid already")
    OTHER_ACCOUNT = "OTHER_ACCOUNT", Text("不是本单位账户付款", "Not from the firm's own account")
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS", Text("金额不符", "The amount differs")
    LATE = "LATE", Text("逾期到账", "Arrived too late")
    UNKNOWN_SPENDING = (
        "UNKNOWN_SPENDING",
        Text("没有对应的付款指令，请查明", "No instruction for this payment out: find out why"),
    )


BOOKED_TO_SUSPENSE = frozenset(
    {
        Finding.NO_REFERENCE,
        Finding.DAMAGED_REFERENCE,
        Finding.SEVERAL_REFERENCES,
        Finding.UNKNOWN_REFERENCE,
        Finding.WRONG_DIRECTION,
        Finding.CANCELLED,
        Finding.ALREADY_PAID,
        Finding.OTHER_ACCOUNT,
        Finding.AMOUNT_DIFFERS,
        Finding.LATE,
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement. `problem` is set when a cell could not be read; `notes` say what was understood."""

    row: int
    bank_serial: str = ""
    booked_on: dt.date | None = None
    direction: str = LineDirection.IN
    amount_fen: int = 0
    other_account: str = ""
    other_name: str = ""
    remark: str = ""
    problem: Text | None = None
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the books know about one instruction, as far as a line is compared with it."""

    instruction_id: int
    reference: str
    purpose: str
    state: str
    amount_fen: int
    payer_name: str
    payer_account: str
    payee_account: str
    due_on: dt.date

    @property
    def incoming(self) -> bool:
        return self.purpose in INCOMING


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with its finding; `why` adds the facts in words."""

    line: Line
    finding: Finding
    why: Text
    asked: Asked | None = None


def read(content: bytes, filename: str) -> list[Line]:
    """The lines of a statement file. Raises NotAStatement."""
    if len(content) > BYTES_MAX:
        raise NotAStatement(why=Text("文件超过10 MB", "the file is larger than 10 MB"))
    rows = _excel(content) if content[:2] == b"PK" or content[:4] == b"\xd0\xcf\x11\xe0" else _csv(content)
    place, columns = _find_header(rows, filename)
    body = rows[place + 1 :]
    if len(body) > ROWS_MAX:
        raise NotAStatement(why=Text(f"超过{ROWS_MAX}行", f"more than {ROWS_MAX} rows"))
    lines = []
    for offset, cells in enumerate(body, start=place + 2):
        texts = [_cell_text(cell) for cell in cells]
        first = next((text for text in texts if text), "")
        if not first or _TOTALS.match(first.replace(" ", "").lower()):
            continue
        lines.append(_line(offset, cells, columns))
    if not lines:
        raise NotAStatement(why=Text("表头以下没有数据", "there is nothing below the heading"))
    return lines


def _excel(content: bytes) -> list[list[object]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names
        ]
    except (CalamineError, OSError, ValueError) as error:
        raise NotAStatement(
            why=Text("Excel文件已损坏或有密码", "the Excel file is damaged or locked")
        ) from error
    rows = next((sheet for sheet in sheets if sheet), [])
    return [list(row) for row in rows]


def _csv(content: bytes) -> list[list[object]]:
    text = ""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if not text.strip() or "\x00" in text:
        raise NotAStatement(why=Text("不是文本或Excel文件", "it is neither text nor Excel"))
    head = "\n".join(text.splitlines()[:HEADER_ROWS])
    separator = max(",\t;|", key=head.count)
    try:
        return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        raise NotAStatement(why=Text("CSV格式有误", "the CSV is malformed")) from error


def _plain_heading(cell: object) -> str:
    text = unicodedata.normalize("NFKC", _cell_text(cell)).lower()
    return " ".join(re.sub(r"\(.*?\)|[:*]", "", text).split())


_BY_HEADING = {heading: name for name, headings in HEADINGS.items() for heading in headings}
_NEEDED = {
    "booked_on": Text("日期", "date"),
    "bank_serial": Text("流水号", "serial number"),
    "other_account": Text("对方账号", "other account"),
    "remark": Text("附言或摘要", "remark"),
}


def _find_header(rows: Sequence[Sequence[object]], filename: str) -> tuple[int, dict[str, list[int]]]:
    best: dict[str, list[int]] = {}
    for place, cells in enumerate(rows[:HEADER_ROWS]):
        columns: dict[str, list[int]] = {}
        for column, cell in enumerate(cells):
            heading = _plain_heading(cell)
            name = _BY_HEADING.get(heading) or _BY_HEADING.get(heading.replace(" ", ""))
            if name is not None:
                columns.setdefault(name, []).append(column)
        if not _missing(columns):
            return place, columns
        if len(columns) > len(best):
            best = columns
    lacking = _missing(best)
    raise NotAStatement(
        why=Text(
            f"“{filename}”缺少列：{'、'.join(t.zh for t in lacking)}",
            f"{filename} lacks the columns {', '.join(t.en for t in lacking)}",
        )
    )


def _missing(columns: Mapping[str, list[int]]) -> list[Text]:
    lacking = [text for name, text in _NEEDED.items() if name not in columns]
    if not columns.keys() & {"amount", "income", "spending"}:
        lacking.append(Text("金额", "amount"))
    return lacking


def _cell_text(cell: object) -> str:
    """A cell as text: whole numbers without a decimal point, no spaces around."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell).strip().strip("\t'`")


def _line(row: int, cells: Sequence[object], columns: Mapping[str, list[int]]) -> Line:
    def raw(name: str) -> object:
        places = columns.get(name, [])
        return cells[places[0]] if places and places[0] < len(cells) else None

    remark = " ".join(
        text for place in columns["remark"] if place < len(cells) and (text := _cell_text(cells[place]))
    )
    serial = unicodedata.normalize("NFKC", _cell_text(raw("bank_serial"))).upper().replace(" ", "")
    account_cell = raw("other_account")
    line = Line(
        row=row,
        bank_serial=serial[:64],
        other_account=plain_account(_cell_text(account_cell))[:40],
        other_name=_cell_text(raw("other_name"))[:200],
        remark=remark[:300],
    )
    try:
        booked_on = _date(raw("booked_on"))
        direction, amount_fen, notes = _amount(raw, columns)
        if not serial:
            raise _Problem(Text("没有流水号", "the serial number is missing"))
        if isinstance(account_cell, float) and abs(account_cell) >= _EXACT_INTEGER_MAX:
            raise _Problem(
                Text(
                    "账号以数字格式存放，已丢失末位，请按文本格式导出",
                    "the account was stored as a number and lost digits: export it as text",
                )
            )
    except _Problem as problem:
        return replace(line, problem=problem.text)
    return replace(line, booked_on=booked_on, direction=direction, amount_fen=amount_fen, notes=tuple(notes))


class _Problem(Exception):
    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def plain_account(text: str) -> str:
    """An account number without spaces and hyphens, half-width."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()


def _date(cell: object) -> dt.date:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    text = unicodedata.normalize("NFKC", _cell_text(cell))
    found = re.match(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:\D|$)", text) or re.match(
        r"(\d{4})(\d{2})(\d{2})", text
    )
    if found is not None:
        try:
            return dt.date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            pass
    raise _Problem(
        Text(
            f"日期“{text[:20]}”无法识别，应如2023-12-05",
            f"the date {text[:20]!r} cannot be read; write 2023-12-05",
        )
    )


def _amount(raw: object, columns: Mapping[str, list[int]]) -> tuple[str, int, list[Text]]:
    """Direction, amount in fen (> 0) and what was understood on the way."""
    cell_of = raw if callable(raw) else None
    assert cell_of is not None
    notes: list[Text] = []
    income = _money(cell_of("income"), notes) if "income" in columns else 0
    spending = _money(cell_of("spending"), notes) if "spending" in columns else 0
    if income and spending:
        raise _Problem(Text("同一行既有收入又有支出", "money in and out on one line"))
    if income or spending:
        fen = income or -spending
    elif "amount" in columns:
        fen = _money(cell_of("amount"), notes)
        word = unicodedata.normalize("NFKC", _cell_text(cell_of("direction"))).lower()
        if word in _OUT_WORDS:
            fen = -abs(fen)
        elif word in _IN_WORDS:
            fen = abs(fen)
        elif word:
            raise _Problem(
                Text(f"借贷标志“{word[:10]}”无法识别", f"the direction {word[:10]!r} cannot be read")
            )
    else:
        fen = 0
    if fen == 0:
        raise _Problem(Text("金额为空或为零", "the amount is empty or zero"))
    return (LineDirection.IN if fen > 0 else LineDirection.OUT), abs(fen), notes


def _money(cell: object, notes: list[Text]) -> int:
    text = _cell_text(cell)
    if not text:
        return 0
    if isinstance(cell, float):
        text = str(Decimal(repr(cell)))
    bare = re.sub(r"^[¥￥]|元$|^(CNY|RMB)", "", text.strip()).strip()
    try:
        fen = Money.from_yuan(bare, where=Text("金额", "amount")).fen
    except InputInvalid as error:
        raise _Problem(Text(error.message("zh-hans"), error.message("en"))) from error
    if bare != unicodedata.normalize("NFKC", bare):
        notes.append(
            Text(
                f"全角数字“{bare}”已读作{Money(fen).label().zh}",
                f"full-width digits read as {Money(fen).label().en}",
            )
        )
    elif "," in bare:
        notes.append(
            Text(
                f"千分位“{bare}”已读作{Money(fen).label().zh}",
                f"thousands separators read as {Money(fen).label().en}",
            )
        )
    return fen


def judge(lines: Sequence[Line], *, asked: Mapping[str, Asked], booked: frozenset[str]) -> list[Judged]:
    """The finding of each line. `asked` by reference code; `booked` are serial numbers in the books already.

    Two lines of one file never pay the same code: the second is ALREADY_PAID.
    """
    seen: set[str] = set()
    paid: set[str] = set()
    judged = []
    for line in lines:
        answer = _judge_line(line, asked, booked, seen, paid)
        if line.problem is None:
            seen.add(line.bank_serial)
        if answer.finding is Finding.MATCHED and answer.asked is not None:
            paid.add(answer.asked.reference)
        judged.append(answer)
    return judged


def _judge_line(
    line: Line, asked: Mapping[str, Asked], booked: frozenset[str], seen: set[str], paid: set[str]
) -> Judged:
    if line.problem is not None:
        return Judged(line, Finding.MALFORMED, line.problem)
    if line.bank_serial in booked:
        return Judged(line, Finding.REPEATED, Text(f"流水号{line.bank_serial}", f"serial {line.bank_serial}"))
    if line.bank_serial in seen:
        return Judged(
            line, Finding.REPEATED_IN_FILE, Text(f"流水号{line.bank_serial}", f"serial {line.bank_serial}")
        )
    good, bad = references.find_in(line.remark)
    known = [asked[code] for code in good if code in asked]
    outgoing = line.direction == LineDirection.OUT
    if len(good) > 1 and len(known) != 1:
        return Judged(
            line,
            Finding.UNKNOWN_SPENDING if outgoing else Finding.SEVERAL_REFERENCES,
            Text("、".join(good), ", ".join(good)),
        )
    if not known:
        finding = (
            Finding.UNKNOWN_SPENDING
            if outgoing
            else Finding.UNKNOWN_REFERENCE
            if good
            else Finding.DAMAGED_REFERENCE
            if bad
            else Finding.NO_REFERENCE
        )
        shown = (good or bad or [line.remark[:30]])[0]
        return Judged(line, finding, Text(f"附言“{shown}”", f"remark {shown!r}") if shown else Text("", ""))
    return compare(line, known[0], paid=known[0].reference in paid)


def compare(line: Line, asked: Asked, *, paid: bool = False) -> Judged:
    """Whether a readable line pays an instruction. Deposits come from the firm's own account and in time (R26)."""

    def answer(finding: Finding, zh: str = "", en: str = "") -> Judged:
        outgoing_trouble = line.direction == LineDirection.OUT and finding is not Finding.MATCHED
        return Judged(line, Finding.UNKNOWN_SPENDING if outgoing_trouble else finding, Text(zh, en), asked)

    shown = asked.reference
    if asked.incoming != (line.direction == LineDirection.IN):
        return answer(Finding.WRONG_DIRECTION, f"缴款码{shown}", f"code {shown}")
    if asked.state == "CANCELLED":
        return answer(Finding.CANCELLED, f"缴款码{shown}", f"code {shown}")
    if asked.state == "PAID" or paid:
        return answer(Finding.ALREADY_PAID, f"缴款码{shown}", f"code {shown}")
    if line.amount_fen != asked.amount_fen:
        got, due = Money(line.amount_fen).label(), Money(asked.amount_fen).label()
        return answer(
            Finding.AMOUNT_DIFFERS, f"应付{due.zh}，实付{got.zh}", f"{due.en} was due, {got.en} was paid"
        )
    own = plain_account(asked.payer_account if asked.incoming else asked.payee_account)
    if plain_account(line.other_account) != own:
        return answer(
            Finding.OTHER_ACCOUNT,
            f"应为{asked.payer_name}尾号{own[-4:] or '未登记'}的账户，实为尾号{line.other_account[-4:]}",
            f"expected the account of {asked.payer_name} ending {own[-4:] or 'unknown'}, got one ending {line.other_account[-4:]}",
        )
    assert line.booked_on is not None
    if asked.purpose == "DEPOSIT" and line.booked_on > asked.due_on:
        return answer(
            Finding.LATE,
            f"应于{asked.due_on.isoformat()}前到账，实于{line.booked_on.isoformat()}到账",
            f"due by {asked.due_on.isoformat()}, arrived on {line.booked_on.isoformat()}",
        )
    return answer(Finding.MATCHED, f"缴款码{shown}，{asked.payer_name}", f"code {shown}, {asked.payer_name}")

"""Lists as pages and as data: one page of a list, and the same rows as JSON, CSV and Excel.

Every context's lists use these, so that each answers the same way. The Excel file is made from the CSV twin
(`terrace.web.views.workbook`): the same columns, the same filters, the same right to see.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

PAGE_SIZE = 25
DATA_PAGE_SIZE = 100
DEEP = 500  # rows passed over from which a page is found by its keys
EXPORT_MAX = 10_000  # rows of one file; narrow the filters for more
WORKBOOK_ROWS_MAX = 100_000
DIGITS_MAX = 15
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ListTooLong(Refusal):
    """A workbook of more than WORKBOOK_ROWS_MAX rows; the CSV twin has no such limit where it streams."""

    code = "list.too_long"
    text = Text(
        "该列表超过{limit}行，不能导出为一个Excel文件。",
        "The list has more than {limit} rows, too many for one Excel file.",
    )
    hint = Text("请缩小筛选范围，或下载CSV。", "Narrow the filters, or take the CSV.")
    http_status = 422


def page_of(request: HttpRequest, rows: Any, size: int = PAGE_SIZE) -> Page[Any]:
    """The page of a list that the address asks for (`?page=`); a number beyond the ends is the nearest page."""
    page: Page[Any] = _Pages(rows, size).get_page(request.GET.get("page"))
    return page


class _Pages(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Django's paginator, but far from the start it finds the numbers of the rows first and then the rows.

    PostgreSQL would otherwise join every row that is passed over. One query more, on deep pages only.
    """

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = self.object_list
        if start < DEEP or not isinstance(rows, QuerySet):
            return super().page(number)
        keys = list(rows.values_list("pk", flat=True)[start : start + self.per_page])
        found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
        return Page([found[key] for key in keys if key in found], number, self)


def as_json(value: Any) -> JsonResponse:
    """An answer for programs; Chinese stays readable."""
    return JsonResponse(value, safe=False, json_dumps_params={"ensure_ascii": False})


def page_as_json(
    request: HttpRequest, rows: Any, item: Callable[[Any], dict[str, Any]], name: str = "items"
) -> JsonResponse:
    """A list for programs, DATA_PAGE_SIZE a page: `count`, `page`, `pages` and the rows under `name`."""
    page = page_of(request, rows, DATA_PAGE_SIZE)
    return as_json(
        {
            "count": page.paginator.count,
            "page": page.number,
            "pages": page.paginator.num_pages,
            name: [item(row) for row in page],
        }
    )


def as_csv(filename: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> HttpResponse:
    """A whole spreadsheet, UTF-8 with the mark that makes Excel read the Chinese. Columns not named are left out."""
    response = HttpResponse("".join(_lines(columns, rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def stream_csv(
    filename: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]
) -> StreamingHttpResponse:
    """The same row by row, for lists without an upper limit."""
    response = StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _lines(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield "\ufeff" + _line(columns)
    for row in rows:
        yield _line([row.get(column) for column in columns])


def _line(cells: Iterable[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([_cell(cell) for cell in cells])
    return buffer.getvalue()


def _cell(value: Any) -> str:
    """One cell: nothing for None, JSON for structures, and no text that a spreadsheet would run as a formula."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if text[:1] in _FORMULA and not _NUMBER.fullmatch(text) else text


def as_workbook(filename: str, csv_text: Iterable[bytes], facts: Iterable[tuple[str, str]]) -> HttpResponse:
    """An Excel file with the rows of a CSV answer, and a second sheet that says what they are.

    Plain numbers of at most 15 digits become numbers, so that they can be summed; everything else stays text
    (account numbers, codes with leading zeros, dates as written). Raises ListTooLong.
    """
    import xlsxwriter  # a second of start-up that only exports need

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})  # fmt: skip
    head = book.add_format({"bold": True, "bottom": 1})
    sheet = book.add_worksheet("数据 Data")
    sheet.freeze_panes(1, 0)
    for place, cells in enumerate(csv.reader(_text_of(csv_text))):
        if place > WORKBOOK_ROWS_MAX:
            book.close()
            raise ListTooLong(limit=f"{WORKBOOK_ROWS_MAX:,}")
        if place == 0:
            sheet.set_column(0, max(0, len(cells) - 1), 18)
        for column, cell in enumerate(cells):
            if place == 0:
                sheet.write_string(place, column, cell, head)
            elif _NUMBER.fullmatch(cell) and sum(map(str.isdecimal, cell)) <= DIGITS_MAX:
                sheet.write_number(place, column, float(cell))  # Excel's own number; exact to 15 digits
            elif cell:
                sheet.write_string(place, column, cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell)  # fmt: skip
    about = book.add_worksheet("说明 About")
    about.set_column(0, 0, 24)
    about.set_column(1, 1, 80)
    for place, (label, value) in enumerate(facts):
        about.write_string(place, 0, label, head)
        about.write_string(place, 1, value)
    book.close()
    response = HttpResponse(buffer.getvalue(), content_type=WORKBOOK_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _text_of(parts: Iterable[bytes]) -> Iterator[str]:
    """The lines of a CSV answer as text, without the mark; a cell may span several of them."""
    rest = ""
    first = True
    for part in parts:
        text = rest + part.decode()
        if first:
            text, first = text.removeprefix("\ufeff"), False
        *whole, rest = text.split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest

"""A book of bids as columns of integers, and reading it from CSV: fast when all is well, exact in its errors."""

from __future__ import annotations

import csv
import datetime as dt
import io
import operator
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from terrace.kernel.base.errors import InputInvalid, Refusal
from terrace.kernel.base.quantity import read_decimal
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.clearing.terms import PLACES_MAX, PRICE_PLACES_MAX, VALUE_MAX

REQUIRED = ("bid_id", "bidder", "price", "quantity")
OPTIONAL = ("submitted_at", "minimum")
SHANGHAI = ZoneInfo("Asia/Shanghai")
WORD_MAX = 200
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
_PLAIN_CHARACTERS = frozenset("0123456789.")
# Seven and more digits of a second: a time is kept to the microsecond, and cutting it would make ties.
_FINER = re.compile(r"[.,][0-9]{6}0*[1-9]")


class BidFileInvalid(Refusal):
    """A bid file that cannot be read; nothing of it is used."""

    code = "auctions.clearing.bids_invalid"
    text = Text(
        "{file} 第{line}行 {field}：应为{expected}。", "{file} line {line}, {field}: expected {expected}."
    )
    http_status = 422


@dataclass(frozen=True, slots=True)
class Bids:
    """Bids as columns. `prices` and `quantities` are integers in units of 10^-places; times are None where not stated."""

    ids: Sequence[str]
    bidders: Sequence[str]
    prices: Sequence[int]
    quantities: Sequence[int]
    price_places: int = 0
    quantity_places: int = 0
    times: Sequence[dt.datetime | None] | None = None
    minimums: Sequence[int] | None = None
    source: Source | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def first(self, i: int) -> tuple[Any, ...]:
        """Sort key among equal prices: earlier first, a bid without a time last, then bid_id."""
        time = None if self.times is None else self.times[i]
        return (1, 0, self.ids[i]) if time is None else (0, time, self.ids[i])

    def rows(self) -> list[list[str | None]]:
        """Canonical rows sorted by bid_id: id, bidder, price, quantity, instant, minimum; the same in any row order."""
        price = show_all(self.prices, self.price_places)
        quantity = show_all(self.quantities, self.quantity_places)
        least = show_all(self.minimums or (), self.quantity_places)
        order = sorted(range(len(self)), key=self.ids.__getitem__)
        times, minimums = self.times, self.minimums
        return [
            [
                self.ids[i],
                self.bidders[i],
                price[self.prices[i]],
                quantity[self.quantities[i]],
                None if times is None else _instant(times[i]),
                None if minimums is None or not minimums[i] else least[minimums[i]],
            ]
            for i in order
        ]


def show_all(values: Iterable[int], places: int, places_min: int = 0) -> dict[int, str]:
    """Each different value once as text: in large books most prices and quantities repeat."""
    return {value: show(value, places, places_min) for value in set(values)}


def show(value: int, places: int, places_min: int = 0) -> str:
    """An integer in units of 10^-places as exact decimal text with at least `places_min` decimals."""
    whole, part = divmod(value, 10**places)
    if part:
        text = f"{part:0{places}d}".rstrip("0")
        return f"{whole}.{text.ljust(places_min, '0')}"
    return f"{whole}.{'0' * places_min}" if places_min else str(whole)


def _instant(time: dt.datetime | None) -> str | None:
    return None if time is None else time.astimezone(dt.UTC).isoformat()


def decode(content: bytes, file: str) -> str:
    """The text of a file: UTF-8, or GB 18030 as older spreadsheets write it. Raises BidFileInvalid."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BidFileInvalid(
        file=file, line=1, field="file", expected=Text("UTF-8 或 GB 18030 文本", "UTF-8 or GB 18030 text")
    )


def read_bids(text: str, file: str, price_places: int = PRICE_PLACES_MAX) -> Bids:
    """The bids of a CSV text. Raises BidFileInvalid naming file, line, field and what is expected.

    A price with more than `price_places` decimals is bad input; the sealed form takes more and rejects the bid.
    """
    if "\0" in text:
        raise BidFileInvalid(
            file=file, line=1, field="file", expected=Text("文本文件", "a text file, not binary data")
        )
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise BidFileInvalid(
            file=file, line=1, field="file", expected=Text(f"CSV({error})", f"CSV ({error})")
        ) from None
    if not rows:
        raise BidFileInvalid(file=file, line=1, field="header", expected=_list(REQUIRED))
    names = [name.strip() for name in rows[0]]
    for name in REQUIRED:
        if name not in names:
            raise BidFileInvalid(
                file=file, line=1, field=name, expected=Text(f"列 {name}", f"a column {name}")
            )
    for at, name in enumerate(names):
        if name not in REQUIRED + OPTIONAL or name in names[:at]:
            raise BidFileInvalid(
                file=file, line=1, field=name or f"column {at + 1}", expected=_list(REQUIRED + OPTIONAL)
            )
    body = rows[1:]
    if set(map(len, body)) != {len(names)} or not all(map(operator.itemgetter(0), body)):
        body = [row for row in body if not _is_blank(row)]  # empty lines carry nothing
    if not body:
        raise BidFileInvalid(
            file=file, line=2, field="row", expected=Text("至少一份报价", "at least one bid")
        )
    source = Source(text, file, len(names))
    if set(map(len, body)) != {len(names)}:
        short = next(i for i, row in enumerate(body) if len(row) != len(names))
        raise source.error(short, "row", f"{len(names)}列", f"{len(names)} columns")
    columns = dict(zip(names, map(list, zip(*body, strict=True)), strict=True))
    return from_columns(columns, source, price_places)


def _is_blank(row: list[str]) -> bool:
    return not any(cell.strip() for cell in row)


def from_columns(
    columns: dict[str, list[str]], source: Source, price_places_max: int = PRICE_PLACES_MAX
) -> Bids:
    """Columns of texts as bids. Raises BidFileInvalid."""
    ids = _words(columns["bid_id"], "bid_id", source)
    bidders = _words(columns["bidder"], "bidder", source)
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        for i, bid_id in enumerate(ids):
            if bid_id in seen:
                raise source.error(
                    i,
                    "bid_id",
                    f"不重复的编号({bid_id[:40]})",
                    f"an id used once ({bid_id[:40]} is repeated)",
                )
            seen.add(bid_id)
    prices, price_places = _numbers(columns["price"], "price", source, price_places_max)
    quantities, quantity_places = _numbers(columns["quantity"], "quantity", source)
    if min(quantities) <= 0:
        raise source.error(
            next(i for i, q in enumerate(quantities) if q <= 0),
            "quantity",
            "大于零的数量",
            "a quantity above zero",
        )
    times = None
    if "submitted_at" in columns:
        times = _times(columns["submitted_at"], source)
    minimums: list[int] | None = None
    if "minimum" in columns:
        stated = [text.strip() or "0" for text in columns["minimum"]]
        minimums, minimum_places = _numbers(stated, "minimum", source)
        both = max(quantity_places, minimum_places)
        quantities = _rescale(quantities, quantity_places, both)
        minimums = _rescale(minimums, minimum_places, both)
        quantity_places = both
        for i, (least, quantity) in enumerate(zip(minimums, quantities, strict=True)):
            if least > quantity:
                raise source.error(i, "minimum", "不大于数量", "at most the quantity of the bid")
    return Bids(ids, bidders, prices, quantities, price_places, quantity_places, times, minimums, source)


class Source:
    """Finds the line of a row, only when an error has to name it."""

    def __init__(self, text: str, file: str, width: int) -> None:
        self._text, self._file, self._width = text, file, width

    def error(self, row: int, field: str, zh: str, en: str) -> BidFileInvalid:
        return BidFileInvalid(file=self._file, line=self._line(row), field=field, expected=Text(zh, en))

    def _line(self, row: int) -> int:
        if not self._text:
            return row + 1
        reader = csv.reader(io.StringIO(self._text, newline=""))
        next(reader)
        before, at = reader.line_num, -1
        for content in reader:
            if not _is_blank(content):
                at += 1
                if at == row:
                    return before + 1
            before = reader.line_num
        return before


def rows_source(file: str) -> Source:
    """Where rows that are no CSV lines stand: the n-th row is called line n."""
    return Source("", file, 0)


def _list(names: tuple[str, ...]) -> Text:
    text = ",".join(names)
    return Text(text, text)


def _words(column: list[str], field: str, source: Source) -> list[str]:
    words = [word.strip() for word in column]
    longest = max(map(len, words))
    if longest > WORD_MAX or not all(words):
        bad = next(i for i, word in enumerate(words) if not word or len(word) > WORD_MAX)
        raise source.error(bad, field, f"1至{WORD_MAX}个字符的文字", f"a text of 1 to {WORD_MAX} characters")
    return words


def _numbers(
    column: list[str], field: str, source: Source, places_max: int = PLACES_MAX
) -> tuple[list[int], int]:
    """Decimal texts as integers in one unit, the largest that holds them all."""
    joined = "".join(column)
    if _PLAIN_CHARACTERS.issuperset(joined):
        if "." not in joined:
            if all(column) and max(map(len, column)) <= 15:
                return list(map(int, column)), 0
        elif all(map(_PLAIN.fullmatch, column)):
            shares = [text.partition(".") for text in column]
            most = max(len(part) for _, _, part in shares)
            if most <= places_max:
                return _reduce([int(whole + part.ljust(most, "0")) for whole, _, part in shares], most)
    values = []
    for i, text in enumerate(column):
        try:
            value = read_decimal(text, where=Text(field, field), places_max=places_max)
        except InputInvalid:
            value = None
        if value is None or not 0 <= value <= VALUE_MAX:
            raise source.error(
                i,
                field,
                f"不小于零、最多{places_max}位小数的数字，读到 {text[:40]!r}",
                f"a number of at least zero with at most {places_max} decimals, not {text[:40]!r}",
            )
        values.append(int(value.scaleb(PLACES_MAX)))
    return _reduce(values, PLACES_MAX)


def _reduce(values: list[int], places: int) -> tuple[list[int], int]:
    while places and not any(value % 10 for value in values):
        values = [value // 10 for value in values]
        places -= 1
    return values, places


def _rescale(values: list[int], places: int, to: int) -> list[int]:
    return values if places == to else [value * 10 ** (to - places) for value in values]


def _times(column: list[str], source: Source) -> list[dt.datetime | None]:
    times: list[dt.datetime | None] = []
    read = dt.datetime.fromisoformat
    for i, text in enumerate(column):
        if not text.strip():
            times.append(None)
            continue
        try:
            time = read(text.strip())
        except ValueError:
            try:
                time = read(unicodedata.normalize("NFKC", text).strip())
            except ValueError:
                time = None
        # The first and last year leave no room for another zone.
        if time is None or not 1 < time.year < dt.MAXYEAR or (len(text) > 26 and _FINER.search(text)):
            raise source.error(
                i,
                "submitted_at",
                f"ISO 8601 时间(最细到微秒)，读到 {text[:40]!r}",
                f"an ISO 8601 time, to the microsecond at most, not {text[:40]!r}",
            )
        times.append(time)
    stated = [time for time in times if time is not None]
    naive = [time.tzinfo is None for time in stated]
    if any(naive):
        if not all(naive):
            raise source.error(
                next(i for i, time in enumerate(times) if time is not None and time.tzinfo is None),
                "submitted_at",
                "与其他行一样带时区的时间",
                "a time with its zone, as in the other rows",
            )
        # Wall-clock times without a zone are those of the market: Shanghai.
        times = [None if time is None else time.replace(tzinfo=SHANGHAI) for time in times]
    return times

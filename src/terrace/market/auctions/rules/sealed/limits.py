"""What each bidder of a sealed auction may buy, still hold, and has guaranteed; shared by related bidders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from terrace.kernel.base.table import Row, read_table
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.clearing.terms import PLACES_MAX, PRICE_PLACES_MAX

COLUMNS = ("bidder", "group", "purchase_limit", "holding_room", "guarantee")
PERCENT_MARKS = ("%", "％")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One bidder's limits; None is no limit of that kind. Quantities are in the unit of the bids.

    `purchase` is a quantity, `purchase_percent` a share of supply: at most one is given. Both, and
    `holding_room` (what may still be held), belong to the whole group of related bidders; a bidder without
    a group stands alone. `guarantee_cents` is the bidder's own money.
    """

    bidder: str
    group: str = ""
    purchase: Decimal | None = None
    purchase_percent: Decimal | None = None
    holding_room: Decimal | None = None
    guarantee_cents: int | None = None


class Limits:
    """The limits of an auction. A bidder that is not among them is not admitted."""

    def __init__(self, rows: Iterable[Limit]) -> None:
        """Raise ValueError for a bidder named twice and for related bidders with different limits."""
        self._own: dict[str, Limit] = {}
        self._shared: dict[str, Limit] = {}
        for row in rows:
            if row.bidder in self._own:
                raise ValueError(f"the bidder {row.bidder!r} has two rows")
            field = conflict(self._shared.get(row.group), row)
            if field:
                raise ValueError(f"the group {row.group!r} has two values of {field}")
            self._own[row.bidder] = row
            if row.group:
                self._shared[row.group] = filled(self._shared.get(row.group), row)

    def __contains__(self, bidder: str) -> bool:
        return bidder in self._own

    def own(self, bidder: str) -> Limit:
        """The bidder's row with what its group states."""
        row = self._own[bidder]
        return filled(self._shared[row.group], row) if row.group else row


def party(limit: Limit) -> tuple[bool, str]:
    """Whom the limits are counted for: the group, or the bidder alone. A group is never mixed up with a bidder."""
    return (True, limit.group) if limit.group else (False, limit.bidder)


def conflict(first: Limit | None, row: Limit) -> str:
    """The column in which a row contradicts its group; an empty text when it does not."""
    if first is None or not row.group:
        return ""
    bought = (row.purchase, row.purchase_percent)
    if bought != (None, None) and (first.purchase, first.purchase_percent) not in ((None, None), bought):
        return "purchase_limit"
    if row.holding_room is not None and first.holding_room not in (None, row.holding_room):
        return "holding_room"
    return ""


def filled(first: Limit | None, row: Limit) -> Limit:
    """A row whose empty cells are those of its group."""
    if first is None:
        return row
    stated = row.purchase is not None or row.purchase_percent is not None
    return Limit(
        bidder=row.bidder,
        group=row.group,
        purchase=row.purchase if stated else first.purchase,
        purchase_percent=row.purchase_percent if stated else first.purchase_percent,
        holding_room=first.holding_room if row.holding_room is None else row.holding_room,
        guarantee_cents=row.guarantee_cents,
    )


def read_limits(content: bytes, file: str) -> Limits:
    """The limits of a CSV file; an empty cell is no limit. Raises InputInvalid naming file, line and field.

    `purchase_limit` is a quantity or a share of supply (`25%`). Related bidders state the same limits or
    leave them empty; where they have divided a limit among them, each has its share and no group.
    """
    rows: list[Limit] = []
    bidders: set[str] = set()
    groups: dict[str, tuple[Limit, int]] = {}
    for row in read_table(content, file, COLUMNS):
        limit = _limit(row)
        if limit.bidder in bidders:
            raise row.invalid("bidder", Text("每个报价人一行", "one row for each bidder"))
        bidders.add(limit.bidder)
        if limit.group:
            first, line = groups.get(limit.group, (limit, row.line))
            field = conflict(first, limit)
            if field:
                raise row.invalid(
                    field,
                    Text(
                        f"与同组第{line}行相同(共用一个额度)，或留空",
                        f"the same as in line {line} (the group shares one limit), or nothing",
                    ),
                )
            groups[limit.group] = (filled(first, limit), line)
        rows.append(limit)
    return Limits(rows)


def _limit(row: Row) -> Limit:
    purchase, percent = row.cells["purchase_limit"], None
    if purchase.endswith(PERCENT_MARKS):
        cells: Mapping[str, str] = {**row.cells, "purchase_limit": purchase[:-1].strip()}
        percent = Row(row.file, row.line, cells).number("purchase_limit", PLACES_MAX)
        if not 0 < percent <= 100:
            raise row.invalid("purchase_limit", Text("0%至100%", "a share from above 0% to 100%"))
    guarantee = _number(row, "guarantee", PRICE_PLACES_MAX)
    return Limit(
        bidder=row.word("bidder"),
        group=row.word("group") if row.cells["group"] else "",
        purchase=None if percent is not None else _number(row, "purchase_limit", PLACES_MAX),
        purchase_percent=percent,
        holding_room=_number(row, "holding_room", PLACES_MAX),
        guarantee_cents=None if guarantee is None else int(guarantee * 100),
    )


def _number(row: Row, column: str, places: int) -> Decimal | None:
    return row.number(column, places) if row.cells[column] else None

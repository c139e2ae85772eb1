"""`terrace workdays 2026-09-30 +5`, `terrace workdays --between A B`: working days of mainland China."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import unicodedata

from terrace.kernel import workdays
from terrace.kernel.workdays.rules import CalendarInvalid, CalendarMissing, read_date
from terrace.site.cli import BadInput, Output

HELP = "the n-th working day after or before a date, or the working days between two dates"
WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("date", nargs="?", metavar="DATE", help="YYYY-MM-DD")
    parser.add_argument(
        "amount", nargs="?", metavar="N", help="working days after (+5) or before (-5) the date"
    )
    parser.add_argument(
        "--between", nargs=2, metavar=("A", "B"), help="count the working days after A up to and including B"
    )


def run(options: argparse.Namespace) -> Output:
    try:
        if options.between is not None:
            if options.date is not None:
                raise BadInput("give either DATE and N, or --between A B, not both")
            first, last = _date("A", options.between[0]), _date("B", options.between[1])
            days = workdays.count(first, last)
            return Output({"days": days, "after": str(first), "until": str(last)}, str(days))
        if options.date is None or options.amount is None:
            raise BadInput("expected DATE and N, such as 2026-09-30 +5, or --between A B")
        date = workdays.add(_date("DATE", options.date), _amount(options.amount))
    except (CalendarMissing, CalendarInvalid) as refusal:
        raise BadInput(f"{refusal.message(options.lang)} {refusal.advice(options.lang)}") from None
    return Output({"date": str(date)}, f"{date} {WEEKDAYS[options.lang][date.weekday()]}")


def _date(field: str, text: str) -> dt.date:
    try:
        return read_date(text)
    except ValueError:
        raise BadInput(f"{field} {text!r}: expected a date such as 2026-09-30") from None


def _amount(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", plain):
        raise BadInput(f"N {text!r}: expected a whole number of working days such as +5 or -5")
    return int(plain)

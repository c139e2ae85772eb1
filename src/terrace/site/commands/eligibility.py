"""`terrace eligibility CASE.json --rulebook NAME --on YYYY-MM-DD`: who must buy, may, is exempt or barred, and why."""

from __future__ import annotations

import argparse
import datetime as dt
import json

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.workdays.rules import read_date
from terrace.market.rulebooks.rules import Decision, RulebookUnknown, decide, read_case, rulebook
from terrace.site.cli import BadInput, Output, no_constant, once, read_file

HELP = "decide a case by a rulebook on a day, with every rule explained"
SIZE_MAX = 10_000_000
MARKS = {True: "✓", False: "✗", None: "?"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", metavar="CASE.json")
    parser.add_argument("--rulebook", required=True, metavar="NAME")
    parser.add_argument("--on", required=True, metavar="YYYY-MM-DD", help="the day whose law decides")


def run(options: argparse.Namespace) -> Output:
    try:
        book = rulebook(options.rulebook)
    except RulebookUnknown as refusal:
        raise BadInput(f"--rulebook: {refusal.message(options.lang)}") from None
    try:
        on: dt.date = read_date(options.on)
    except ValueError:
        raise BadInput(f"--on {options.on!r}: expected a date such as 2026-06-01") from None
    try:
        case = read_case(read_json(options.case))
    except InputInvalid as refusal:
        raise BadInput(f"{options.case}: {refusal.message(options.lang)}") from None
    decision = decide(case, book, on)
    return Output(decision.as_dict(), _readable(decision, options.lang))


def read_json(path: str) -> object:
    """A JSON file with exact numbers. Raises BadInput with file and line; a repeated field is an error."""
    try:
        text = read_file(path, SIZE_MAX).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: expected UTF-8 text") from None
    try:
        # Numbers are kept as they are written: a float would lose what is exact on paper.
        return json.loads(
            text,
            parse_float=str,
            parse_int=_integer,
            parse_constant=no_constant,
            object_pairs_hook=once,
        )
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} line {error.lineno}: expected JSON ({error.msg})") from None
    except RecursionError:
        raise BadInput(f"{path}: expected JSON that is not nested so deeply") from None
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None


def _integer(text: str) -> int | str:
    return int(text) if len(text) < 40 else text


def _readable(decision: Decision, language: str) -> str:
    ratio = "?" if decision.replacement_ratio is None else f"{decision.replacement_ratio}:1"
    lines = [
        f"{decision.verdict.value}  {decision.verdict.label.of(language)}",
        decision.statement.of(language),
        f"{decision.rulebook} {decision.version} · {decision.on} · {ratio}",
    ]
    for rule in decision.rules:
        proposed = (" (建议值)" if language == "zh" else " (proposed)") if rule.proposed else ""
        lines.append(
            f"  {MARKS[rule.passed]} {rule.id:4} {rule.reason.of(language)} [{rule.clause if language == 'zh' else rule.clause_en}]{proposed}"
        )
        if rule.passed is not True and rule.remedy.zh:
            lines.append(f"         → {rule.remedy.of(language)}")
    return "\n".join(lines)

"""`terrace eligibility CASE.json --rulebook NAME --on YYYY-MM-DD`: who must buy, may, is exempt or barred, and why."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any, NoReturn

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.workdays.rules import read_date
from terrace.market.rulebooks.rules import Decision, RulebookUnknown, decide, read_case, rulebook
from terrace.site.cli import BadInput, Output

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
    file = Path(path)
    try:
        if file.stat().st_size > SIZE_MAX:
            raise BadInput(f"{path}: expected a file of at most {SIZE_MAX // 1_000_000} MB")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: expected UTF-8 text") from None
    try:
        # Numbers are kept as they are written: a float would lose what is exact on paper.
        return json.loads(
            text,
            parse_float=str,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} line {error.lineno}: expected JSON ({error.msg})") from None
    except RecursionError:
        raise BadInput(f"{path}: expected JSON that is not nested so deeply") from None
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None


def _integer(text: str) -> int | str:
    return int(text) if len(text) < 40 else text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"expected a number, not {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"field {name!r} expected once, found twice")
        found[name] = value
    return found


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

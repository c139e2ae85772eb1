"""The decision: every rule in force asked in turn, then one verdict with its reasons."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks.rules.case import EligibilityCase, tonnes
from terrace.market.rulebooks.rules.predicates import covered_needs, predicates, ratios
from terrace.market.rulebooks.rules.rulebook import Rulebook, rulebooks


class Verdict(enum.StrEnum):
    """What follows for the project, or for the purchase it asks about."""

    MUST_BUY = "must_buy"
    VOLUNTARY = "voluntary"
    EXEMPT = "exempt"
    NOT_COVERED = "not_covered"
    BARRED = "barred"

    @property
    def label(self) -> Text:
        return _LABELS[self]


_LABELS = {
    Verdict.MUST_BUY: Text("须购买排污权", "must buy discharge rights"),
    Verdict.VOLUNTARY: Text("自愿参加交易", "takes part voluntarily"),
    Verdict.EXEMPT: Text("豁免，无须购买", "exempt, nothing to buy"),
    Verdict.NOT_COVERED: Text("不在交易范围内", "not covered"),
    Verdict.BARRED: Text("不得受让", "barred"),
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer, ready to be explained."""

    id: str
    kind: str
    clause: str
    proposed: bool
    text: Text
    passed: bool | None
    reason: Text
    remedy: Text
    facts: dict[str, Any]
    clause_en: str = ""

    @property
    def reason_zh(self) -> str:
        return self.reason.zh

    @property
    def reason_en(self) -> str:
        return self.reason.en

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "clause": self.clause,
            "clause_en": self.clause_en or self.clause,
            "proposed": self.proposed,
            "text_zh": self.text.zh,
            "text_en": self.text.en,
            "passed": self.passed,
            "reason_zh": self.reason.zh,
            "reason_en": self.reason.en,
            "remedy_zh": self.remedy.zh,
            "remedy_en": self.remedy.en,
            "facts": self.facts,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict under one rulebook and version on one day. `replacement_ratio` is None when unknown."""

    verdict: Verdict
    rulebook: str
    version: str
    on: dt.date
    statement: Text
    replacement_ratio: str | None
    ratios: dict[Pollutant, str | None]
    pollutants: dict[Pollutant, Verdict]
    rules: tuple[RuleResult, ...]

    @property
    def clause(self) -> str:
        """The clause that decided, for the journal and the refusal."""
        deciding = {
            Verdict.MUST_BUY: ("scope", True),
            Verdict.VOLUNTARY: ("scope", False),
            Verdict.EXEMPT: ("exemption", True),
            Verdict.NOT_COVERED: ("scope", False),
            Verdict.BARRED: ("bar", False),
        }[self.verdict]
        found = [r for r in self.rules if (r.kind, r.passed) == deciding]
        found += [r for r in self.rules if r.passed is False]
        return f"{found[0].id} {found[0].clause}" if found else ""

    @property
    def remedies(self) -> tuple[Text, ...]:
        """What would make it pass, in the order of the rules."""
        return tuple(rule.remedy for rule in self.rules if rule.passed is False and rule.remedy.zh)

    def as_dict(self) -> dict[str, Any]:
        """The shape of `terrace eligibility --json`; also what a stored decision keeps."""
        return {
            "verdict": self.verdict.value,
            "rulebook": self.rulebook,
            "version": self.version,
            "on": self.on.isoformat(),
            "statement_zh": self.statement.zh,
            "statement_en": self.statement.en,
            "replacement_ratio": self.replacement_ratio,
            "replacement_ratios": {name.value: ratio for name, ratio in self.ratios.items()},
            "pollutants": {name.value: verdict.value for name, verdict in self.pollutants.items()},
            "remedy_zh": "".join(text.zh for text in self.remedies),
            "remedy_en": " ".join(text.en for text in self.remedies),
            "rules": [rule.as_dict() for rule in self.rules],
        }


def decide(case: EligibilityCase, book: Rulebook, on: dt.date) -> Decision:
    """Decide a case by a rulebook on a day.

    Bars come first, because the question was whether this purchase may be made; then coverage, exemption
    and scope. A rule whose facts are unknown neither bars nor frees anyone: its `passed` is None. On a day
    outside the rulebook's period the answer is `not_covered` with the rulebook to use instead.
    """
    if not book.in_force(on):
        return _out_of_period(case, book, on)
    results = []
    for rule in book.rules_on(on):
        finding = predicates[rule.predicate](case, book, on)
        results.append(
            RuleResult(
                rule.id,
                rule.kind,
                rule.clause,
                rule.proposed,
                rule.text,
                finding.passed,
                finding.reason,
                finding.remedy,
                finding.facts,
                rule.clause_en,
            )
        )
    verdict = _verdict(case, book, on, results)
    found = ratios(case, book, on)
    known = [ratio for ratio in found.values() if ratio is not None]
    ratio = max(known, key=Decimal) if known and len(known) == len(found) else None
    pollutants = _by_pollutant(case, book, on, results, verdict)
    return Decision(
        verdict,
        book.name,
        book.version,
        on,
        _statement(case, verdict, pollutants, results),
        ratio,
        found,
        pollutants,
        tuple(results),
    )


def _any(results: list[RuleResult], kind: str, passed: bool) -> bool:
    return any(rule.kind == kind and rule.passed is passed for rule in results)


def _verdict(case: EligibilityCase, book: Rulebook, on: dt.date, results: list[RuleResult]) -> Verdict:
    if _any(results, "bar", False):
        return Verdict.BARRED
    if not covered_needs(case, book, on):
        return Verdict.NOT_COVERED
    if case.project.new:
        if _any(results, "exemption", True):
            return Verdict.EXEMPT
        if _any(results, "scope", True):
            return Verdict.MUST_BUY
    # "Others voluntary" (R6): a project below the scope, or an existing unit, that applies for it.
    may = any(p.name == "voluntary_allowed" for p in book.parameters)
    if case.project.voluntary and may and book.parameter("voluntary_allowed", on).value == "yes":
        return Verdict.VOLUNTARY
    return Verdict.NOT_COVERED


def _by_pollutant(
    case: EligibilityCase, book: Rulebook, on: dt.date, results: list[RuleResult], verdict: Verdict
) -> dict[Pollutant, Verdict]:
    """What the verdict means for each pollutant: under a project that must buy, its small ones stay exempt."""
    needs = covered_needs(case, book, on)
    small = {name for rule in results if rule.kind == "exemption" for name in rule.facts.get("small", ())}
    answer: dict[Pollutant, Verdict] = {}
    for name in case.project.needs_g:
        if name not in needs:
            answer[name] = Verdict.NOT_COVERED
        elif verdict is Verdict.MUST_BUY and name in small:
            answer[name] = Verdict.EXEMPT
        else:
            answer[name] = verdict
    return answer


def _statement(
    case: EligibilityCase,
    verdict: Verdict,
    pollutants: dict[Pollutant, Verdict],
    results: list[RuleResult],
) -> Text:
    if verdict is Verdict.MUST_BUY:
        items = [name for name, each in pollutants.items() if each is Verdict.MUST_BUY]
        zh = "、".join(f"{name.label.zh} {tonnes(case.project.needs_g[name])} 吨/年" for name in items)
        en = ", ".join(f"{name.value} {tonnes(case.project.needs_g[name])} t/yr" for name in items)
        return Text(f"项目须通过交易取得排污权：{zh}。", f"The project must buy discharge rights: {en}.")
    if verdict is Verdict.BARRED:
        bars = [rule for rule in results if rule.kind == "bar" and rule.passed is False]
        return Text("".join(rule.reason.zh for rule in bars), " ".join(rule.reason.en for rule in bars))
    if verdict is Verdict.EXEMPT:
        return Text(
            "项目各项污染物均在豁免限值以内，无须购买，由分局核销指标。",
            "Every pollutant of the project is within the exemption; nothing is bought, the branch writes it off.",
        )
    if verdict is Verdict.VOLUNTARY:
        return Text(
            "没有购买义务，已自愿申请参加交易。",
            "There is no duty to buy; it takes part at its own wish.",
        )
    return Text("项目不在交易范围内，没有购买义务。", "The project is not covered and has no duty to buy.")


def _out_of_period(case: EligibilityCase, book: Rulebook, on: dt.date) -> Decision:
    others = [
        other.name for other in rulebooks() if other.jurisdiction == book.jurisdiction and other.in_force(on)
    ]
    last = "" if book.effective_to == dt.date.max else book.effective_to.isoformat()
    period = Text(
        f"{book.effective_from}起" + (f"至{last}" if last else ""),
        f"from {book.effective_from}" + (f" to {last}" if last else ""),
    )
    reason = Text(
        f"规则集 {book.name} 适用期为{period.zh}，{on} 不适用。",
        f"Rulebook {book.name} is in force {period.en}; it does not apply on {on}.",
    )
    remedy = (
        Text(f"请改用 {others[-1]}。", f"Use {others[-1]} instead.")
        if others
        else Text("该日没有已载入的本地规则集。", "No rulebook of this place is loaded for that day.")
    )
    rule = RuleResult(
        "PERIOD",
        "coverage",
        book.title.zh,
        False,
        Text("规则集适用期", "the rulebook's period"),
        False,
        reason,
        remedy,
        {
            "effective_from": book.effective_from.isoformat(),
            "effective_to": last or None,
            "in_force_on_that_day": others,
        },
        book.title.en,
    )
    return Decision(
        Verdict.NOT_COVERED,
        book.name,
        book.version,
        on,
        reason,
        None,
        {},
        dict.fromkeys(case.project.needs_g, Verdict.NOT_COVERED),
        (rule,),
    )

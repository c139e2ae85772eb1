"""Rules of public offers: the calendar of a notice, sign-up, the mode decision, bidder masks. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.texts import Text
from terrace.kernel.workdays import rules as workdays
from terrace.market.rights.rules import Worded


class LotState(Worded):
    """Where a lot stands over all its listings."""

    OPEN = "OPEN", Text("待挂牌", "Waiting to be listed")
    LISTED = "LISTED", Text("挂牌中", "Listed")
    SOLD = "SOLD", Text("已成交", "Sold")
    FAILED = "FAILED", Text("未成交", "Not sold")
    WITHDRAWN = "WITHDRAWN", Text("已撤回", "Withdrawn")


class ListingState(Worded):
    """The stages of one public offer (D 3 to 11)."""

    DRAFT = "DRAFT", Text("拟稿", "Draft")
    ACCEPTED = "ACCEPTED", Text("已受理并冻结", "Accepted, right frozen")
    ANNOUNCED = "ANNOUNCED", Text("公告中", "Announced")
    BIDDING = "BIDDING", Text("竞价中", "Bidding")
    AGREEMENT = "AGREEMENT", Text("转协议出让", "Agreement with the only bidder")
    SOLD = "SOLD", Text("已成交", "Sold")
    FAILED = "FAILED", Text("未成交", "Not sold")
    SUSPENDED = "SUSPENDED", Text("已中止", "Suspended")
    TERMINATED = "TERMINATED", Text("已终止", "Terminated")
    WITHDRAWN = "WITHDRAWN", Text("出让方撤回", "Withdrawn by the seller")


class CalendarKind(Worded):
    CLOCK = "CLOCK", Text("按钟点时间", "Clock times")
    WORKDAYS = "WORKDAYS", Text("按工作日", "Working days")


class SignUpState(Worded):
    """A firm's application for a lot (D 6 to 8)."""

    DRAFT = "DRAFT", Text("填写中", "Being filled in")
    CONFIRMING = "CONFIRMING", Text("待本单位审批人确认", "Waiting for the firm's approver")
    SUBMITTED = "SUBMITTED", Text("已提交，待资格审查", "Submitted, waiting for qualification")
    QUALIFIED = "QUALIFIED", Text("资格审查通过，待交保证金", "Qualified, deposit outstanding")
    ADMITTED = "ADMITTED", Text("保证金到账，已取得竞买资格", "Deposit received, admitted to bidding")
    REFUSED = "REFUSED", Text("资格审查未通过", "Not qualified")
    NOT_PAID = "NOT_PAID", Text("保证金未按时到账", "Deposit not received in time")
    LAPSED = "LAPSED", Text("逾期未提交", "Not submitted in time")
    WITHDRAWN = "WITHDRAWN", Text("已撤回报名", "Withdrawn")


class Mode(Worded):
    """What the number of admitted bidders leads to (D 9, E4)."""

    FAILED = "FAILED", Text("无合格竞买人，未成交", "No admitted bidder: not sold")
    AGREEMENT = "AGREEMENT", Text("一名合格竞买人，转协议出让", "One admitted bidder: agreement")
    BIDDING = "BIDDING", Text("两名以上合格竞买人，电子竞价", "Two or more admitted bidders: e-bidding")


class PaperKind(Worded):
    """Papers a sign-up needs (D 6)."""

    APPLICATION_FORM = "APPLICATION_FORM", Text("受让申请表", "Application form")
    PROMISE_LETTER = "PROMISE_LETTER", Text("承诺书", "Promise letter")
    BUSINESS_LICENCE = "BUSINESS_LICENCE", Text("营业执照", "Business licence")
    PERMIT_OR_EIA = "PERMIT_OR_EIA", Text("排污许可证或环评批复", "Discharge permit or EIA approval")


PAPERS_NEEDED: tuple[PaperKind, ...] = tuple(PaperKind)


def mode_for(admitted: int) -> Mode:
    """Nobody: failed. One: an agreement at or above the floor. Two or more: bidding (E4)."""
    if admitted < 0:
        raise ValueError("a number of bidders cannot be negative")
    return Mode.FAILED if admitted == 0 else Mode.AGREEMENT if admitted == 1 else Mode.BIDDING


@dataclass(frozen=True, slots=True)
class Calendar:
    """The instants a notice prints, all aware. Periods are half-open: the end itself is too late."""

    notice_from: dt.datetime
    notice_until: dt.datetime
    signup_from: dt.datetime
    signup_until: dt.datetime
    qualification_until: dt.datetime
    deposit_until: dt.datetime
    quoting_from: dt.datetime
    quoting_until: dt.datetime

    @property
    def decision_at(self) -> dt.datetime:
        """When the mode is decided: after sign-up, qualification and deposits have closed (D 9)."""
        return max(self.signup_until, self.qualification_until, self.deposit_until)

    @property
    def quoting_overlaps(self) -> bool:
        """Quoting begins before the mode is decided, as in the Ningxia notice of 2025."""
        return self.quoting_from < self.decision_at

    def shifted(self, by: dt.timedelta, after: dt.datetime) -> Calendar:
        """The calendar with every instant later than `after` moved by `by`: what a suspension does to it."""
        return Calendar(**{name: at + by if at > after else at for name, at in self.items()})

    def items(self) -> list[tuple[str, dt.datetime]]:
        return [(name, getattr(self, name)) for name in CALENDAR_FIELDS]


CALENDAR_FIELDS = (
    "notice_from",
    "notice_until",
    "signup_from",
    "signup_until",
    "qualification_until",
    "deposit_until",
    "quoting_from",
    "quoting_until",
)
CALENDAR_LABELS: Mapping[str, Text] = {
    "notice_from": Text("公告开始", "Notice from"),
    "notice_until": Text("公告截止", "Notice until"),
    "signup_from": Text("报名开始", "Sign-up from"),
    "signup_until": Text("报名截止", "Sign-up until"),
    "qualification_until": Text("资格审查截止", "Qualification until"),
    "deposit_until": Text("保证金到账截止", "Deposit received until"),
    "quoting_from": Text("自由报价开始", "Quoting from"),
    "quoting_until": Text("自由报价截止", "Quoting until"),
}


@dataclass(frozen=True, slots=True)
class CalendarFault:
    field: str
    text: Text


def faults_of_calendar(calendar: Calendar, *, now: dt.datetime | None = None) -> list[CalendarFault]:
    """Everything in the order of the instants that a notice cannot print; empty when it is sound.

    Quoting may begin before sign-up ends (Ningxia), but never before sign-up begins, and the mode must be
    decided before quoting ends.
    """
    faults: list[CalendarFault] = []

    def must_follow(later: str, earlier: str, *, strictly: bool = True) -> None:
        a, b = getattr(calendar, earlier), getattr(calendar, later)
        if b < a or (strictly and b == a):
            word_zh, word_en = ("须晚于", "must be after") if strictly else ("不得早于", "cannot be before")
            faults.append(
                CalendarFault(
                    later,
                    Text(
                        f"{CALENDAR_LABELS[later].zh}{word_zh}{CALENDAR_LABELS[earlier].zh}。",
                        f"“{CALENDAR_LABELS[later].en}” {word_en} “{CALENDAR_LABELS[earlier].en}”.",
                    ),
                )
            )

    must_follow("notice_until", "notice_from")
    must_follow("signup_from", "notice_from", strictly=False)
    must_follow("signup_until", "signup_from")
    must_follow("signup_until", "notice_until", strictly=False)
    must_follow("qualification_until", "signup_until", strictly=False)
    must_follow("deposit_until", "qualification_until", strictly=False)
    must_follow("quoting_from", "signup_from", strictly=False)
    must_follow("quoting_until", "quoting_from")
    must_follow("quoting_until", "qualification_until")
    must_follow("quoting_until", "deposit_until")
    if now is not None and calendar.notice_until <= now:
        faults.append(
            CalendarFault(
                "notice_until", Text("公告截止时间已过。", "The end of the notice lies in the past.")
            )
        )
    return faults


@dataclass(frozen=True, slots=True)
class WorkdayPlan:
    """A calendar in working days: how many each period lasts. Days end at 17:00, quoting starts at 09:00."""

    notice: int
    signup: int
    qualification: int
    deposit: int
    quoting_hours: int


def calendar_from_workdays(
    plan: WorkdayPlan,
    notice_from: dt.datetime,
    deadline: Callable[[dt.datetime, int, int], dt.datetime] = workdays.deadline,
) -> Calendar:
    """Work a calendar out in working days, one period after the other.

    Sign-up runs for `signup` working days after the notice, qualification and deposits follow each other, and
    quoting takes place on the working day after the last of them, from 09:00 for `quoting_hours`.
    Raises workdays.CalendarMissing beyond the last loaded year.
    """
    notice_until = deadline(notice_from, plan.notice, 17)
    signup_until = deadline(notice_until, plan.signup, 17)
    qualification_until = deadline(signup_until, plan.qualification, 17)
    deposit_until = deadline(qualification_until, plan.deposit, 17)
    quoting_from = deadline(deposit_until, 1, 9)
    return Calendar(
        notice_from=notice_from,
        notice_until=notice_until,
        signup_from=notice_from,
        signup_until=signup_until,
        qualification_until=qualification_until,
        deposit_until=deposit_until,
        quoting_from=quoting_from,
        quoting_until=quoting_from + dt.timedelta(hours=plan.quoting_hours),
    )


class Phase(Worded):
    """What an announced listing is doing at an instant, for the public."""

    BEFORE = "BEFORE", Text("公告尚未开始", "Not yet announced")
    NOTICE = "NOTICE", Text("公告期", "Notice period")
    SIGNUP = "SIGNUP", Text("报名中", "Sign-up open")
    QUALIFYING = "QUALIFYING", Text("资格审查", "Qualification")
    QUOTING = "QUOTING", Text("报价中", "Quoting")
    WAITING = "WAITING", Text("等待竞价", "Waiting for quoting")
    AFTER = "AFTER", Text("报价期已结束", "Quoting over")


def phase_at(calendar: Calendar, now: dt.datetime) -> tuple[Phase, dt.datetime | None]:
    """The phase at `now` and the instant it ends. While sign-up is open, that is what the public must know."""
    if now < calendar.notice_from:
        return Phase.BEFORE, calendar.notice_from
    if now < calendar.signup_from:
        return Phase.NOTICE, calendar.signup_from
    if now < calendar.signup_until:
        return Phase.SIGNUP, calendar.signup_until
    if calendar.quoting_from <= now < calendar.quoting_until:
        return Phase.QUOTING, calendar.quoting_until
    if now >= calendar.quoting_until:
        return Phase.AFTER, None
    if now < calendar.decision_at:
        return Phase.QUALIFYING, min(calendar.decision_at, calendar.quoting_from)
    return Phase.WAITING, calendar.quoting_from


MASKS = 90  # 竞买人10 to 竞买人99; more bidders get three figures


def mask_number(seed: str, receipt_no: str, taken: Collection[int]) -> int:
    """The bidder's number on the public page: random by the listing's seed, the same whenever it is computed again.

    The digest of seed and receipt picks the first try; a taken number moves on to the next free one.
    """
    size = MASKS if len(taken) < MASKS else 900
    first = 10 if size == MASKS else 100
    start = int.from_bytes(hashlib.sha256(f"{seed}:{receipt_no}".encode()).digest()[:8], "big") % size
    for step in range(size):
        number = first + (start + step) % size
        if number not in taken:
            return number
    raise ValueError("more bidders than masks")


def mask_label(number: int) -> Text:
    """`竞买人07`: what others see instead of the firm's name."""
    return Text(f"竞买人{number:02d}", f"Bidder {number:02d}")


def receipt_digest(facts: Mapping[str, Any]) -> str:
    """SHA-256 over the facts of a submitted application in canonical JSON; printed on the receipt."""
    return hashlib.sha256(
        json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    ).hexdigest()


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the application's task list."""

    code: str
    label: Text
    done: bool
    missing: Text | None = None


def tasks_of(
    *,
    need_confirmed: bool,
    quantity_g: int | None,
    lot_quantity_g: int,
    need_left_g: int | None,
    papers: Iterable[str],
    eligible: bool | None,
) -> list[Task]:
    """The task list of an application (D 6): what is done, and what is missing in plain words."""
    kinds = set(papers)
    tasks = [
        Task(
            "need",
            Text("项目与需求确认书", "Project and need confirmation"),
            need_confirmed,
            None
            if need_confirmed
            else Text("请选择一份分局已确认的需求。", "Choose a need that the branch has confirmed."),
        )
    ]
    fault: Text | None = None
    if quantity_g is None:
        fault = Text("请填写受让数量。", "Enter the quantity wanted.")
    elif quantity_g != lot_quantity_g:
        fault = Text(
            "本标的整体出让，受让数量应与标的数量一致。", "The lot is sold as a whole: enter its quantity."
        )
    elif need_left_g is not None and quantity_g > need_left_g:
        fault = Text("受让数量超过已确认的需求。", "More than the confirmed need.")
    tasks.append(Task("quantity", Text("受让数量", "Quantity wanted"), fault is None, fault))
    for kind in PAPERS_NEEDED:
        there = kind.value in kinds
        tasks.append(
            Task(
                f"paper-{kind.value}",
                kind.label,
                there,
                None if there else Text("请上传。", "Please upload it."),
            )
        )
    tasks.append(
        Task(
            "eligibility",
            Text("受让条件核对", "Eligibility check"),
            eligible is True,
            None
            if eligible is True
            else Text("填好需求和数量后由系统核对。", "Checked once need and quantity are entered.")
            if eligible is None
            else Text("不符合受让条件，原因见下。", "The conditions are not met; reasons below."),
        )
    )
    return tasks

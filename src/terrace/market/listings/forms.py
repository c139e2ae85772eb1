"""Input of the pages of offers and sign-ups."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from terrace.kernel.base.clock import SHANGHAI, local
from terrace.kernel.base.forms import both
from terrace.market.listings import rules
from terrace.market.listings.services import ListingTerms
from terrace.market.rights import queries as rights
from terrace.market.rights.forms import AreaField, TonnesField, YuanField, pollutants, worded
from terrace.market.rights.rules import Basin


class LotFilterForm(forms.Form):
    """Filters of the public list; they live in its address."""

    pollutant = forms.ChoiceField(
        label=both("污染物", "Pollutant"), choices=pollutants(empty=True), required=False
    )
    area = AreaField(label=both("区域", "Area"), empty=("全部", "All"), required=False)
    basin = forms.ChoiceField(
        label=both("流域", "Basin"),
        choices=[("", both("全部", "All")), *worded(Basin)],
        required=False,
    )
    state = forms.ChoiceField(
        label=both("状态", "State"),
        choices=[
            ("", both("在售", "On sale")),
            ("ended", both("已结束", "Ended")),
            ("all", both("全部", "All")),
        ],
        required=False,
    )


class InstantField(forms.DateTimeField):
    """A wall-clock time of Shanghai, to the minute."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            return local(value).replace(tzinfo=None)
        return super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is None:
            return None
        naive = found.replace(tzinfo=None) if found.tzinfo is None else local(found).replace(tzinfo=None)
        return naive.replace(tzinfo=SHANGHAI).astimezone(dt.UTC)


WORKDAY_FIELDS = ("notice_days", "signup_days", "qualification_days", "deposit_days", "quoting_hours")


class ListingForm(forms.Form):
    """The notice of an offer: its words, its timed-bidding rule and its calendar, by the clock or in working days."""

    project_name = forms.CharField(label=both("项目名称", "Name of the project"), max_length=200)
    start_fen = YuanField(
        label=both("起始价(元，不填为计划底价)", "Starting price (CNY; empty: the planned floor)"),
        required=False,
    )
    price_reason = forms.CharField(
        label=both("起始价的由来", "How the starting price came about"), max_length=300, required=False
    )
    allocation_text = forms.CharField(
        label=both("成交规则", "Allocation rule"),
        max_length=300,
        initial=both(
            "价高者得；价格相同的，报价在先者得", "The highest price wins; at equal prices the earlier quote"
        ),
    )
    wait_seconds = forms.IntegerField(
        label=both("转入限时竞价前等待(秒)", "Wait before timed bidding (s)"),
        min_value=0,
        max_value=3600,
        initial=240,
    )
    window_seconds = forms.IntegerField(
        label=both("限时竞价倒计时(秒)", "Countdown of timed bidding (s)"),
        min_value=30,
        max_value=3600,
        initial=240,
    )
    payment_text = forms.CharField(
        label=both("付款方式", "Payment"),
        max_length=500,
        initial=both(
            "合同签订后5个工作日内一次付清，保证金抵作价款",
            "In one sum within 5 working days of the contract; the deposit counts as price",
        ),
    )
    contact = forms.CharField(label=both("联系方式", "Contact"), max_length=300)
    calendar_kind = forms.ChoiceField(
        label=both("日程方式", "Calendar"), choices=worded(rules.CalendarKind), initial="WORKDAYS"
    )
    notice_from = InstantField(label=both("公告开始", "Notice from"))
    notice_days = forms.IntegerField(
        label=both("公告期(工作日)", "Notice (working days)"),
        min_value=1,
        max_value=60,
        initial=5,
        required=False,
    )
    signup_days = forms.IntegerField(
        label=both("公告后报名(工作日)", "Sign-up after it (working days)"),
        min_value=1,
        max_value=60,
        initial=3,
        required=False,
    )
    qualification_days = forms.IntegerField(
        label=both("资格审查(工作日)", "Qualification (working days)"),
        min_value=1,
        max_value=30,
        initial=2,
        required=False,
    )
    deposit_days = forms.IntegerField(
        label=both("交保证金(工作日)", "Deposit (working days)"),
        min_value=1,
        max_value=30,
        initial=2,
        required=False,
    )
    quoting_hours = forms.IntegerField(
        label=both("自由报价(小时)", "Quoting (hours)"), min_value=1, max_value=8, initial=2, required=False
    )
    notice_until = InstantField(label=both("公告截止(按钟点)", "Notice until (clock)"), required=False)
    signup_from = InstantField(label=both("报名开始(按钟点)", "Sign-up from (clock)"), required=False)
    signup_until = InstantField(label=both("报名截止(按钟点)", "Sign-up until (clock)"), required=False)
    qualification_until = InstantField(
        label=both("资格审查截止(按钟点)", "Qualification until (clock)"), required=False
    )
    deposit_until = InstantField(label=both("保证金截止(按钟点)", "Deposit until (clock)"), required=False)
    quoting_from = InstantField(label=both("报价开始(按钟点)", "Quoting from (clock)"), required=False)
    quoting_until = InstantField(label=both("报价截止(按钟点)", "Quoting until (clock)"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        by_clock = data.get("calendar_kind") == "CLOCK"
        for name in rules.CALENDAR_FIELDS[1:] if by_clock else WORKDAY_FIELDS:
            if name not in self.errors and data.get(name) is None:
                self.add_error(name, ValidationError(str(both("请填写。", "Please fill in."))))
        return data

    def terms(self) -> ListingTerms:
        """The typed terms of a form that is sound."""
        data = self.cleaned_data
        by_clock = data["calendar_kind"] == "CLOCK"
        return ListingTerms(
            project_name=data["project_name"],
            allocation_text=data["allocation_text"],
            payment_text=data["payment_text"],
            contact=data["contact"],
            calendar=rules.Calendar(**{name: data[name] for name in rules.CALENDAR_FIELDS})
            if by_clock
            else None,
            workdays=None if by_clock else rules.WorkdayPlan(*(data[name] for name in WORKDAY_FIELDS)),
            notice_from=data["notice_from"],
            start_fen_per_tonne=data["start_fen"],
            price_reason=data["price_reason"],
            wait_seconds=data["wait_seconds"],
            window_seconds=data["window_seconds"],
        )


class CalendarForm(forms.Form):
    """The calendar of a new round, by the clock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in rules.CALENDAR_FIELDS:
            label = rules.CALENDAR_LABELS[name]
            self.fields[name] = InstantField(label=both(label.zh, label.en))

    def calendar(self) -> rules.Calendar:
        return rules.Calendar(**{name: self.cleaned_data[name] for name in rules.CALENDAR_FIELDS})


class NeedQuantityForm(forms.Form):
    """Which confirmed need the purchase is for, and how much."""

    need_id = forms.TypedChoiceField(label=both("已确认的需求", "Confirmed need"), coerce=int)
    quantity_g = TonnesField(label=both("受让数量", "Quantity wanted"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, organisation_id: int, pollutant: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["need_id"].choices = [  # type: ignore[attr-defined]  # ChoiceField
            (need.pk, f"{need.number} {need.project.name}")
            for need in rights.confirmed_needs(organisation_id, pollutant)
        ]


class PaperForm(forms.Form):
    """One of the listed papers."""

    file = forms.FileField(
        label=both("文件", "File"),
        help_text=both("PDF、图片或办公文档，不超过20 MB。", "PDF, picture or office document, up to 20 MB."),
    )


class QualifyForm(forms.Form):
    """The trading institution's decision on an application."""

    reason = forms.CharField(
        label=both("理由(不通过必填)", "Reason (needed to refuse)"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
    )
    bureau_opinion = forms.CharField(
        label=both("生态环境部门意见(如有)", "Opinion of the bureau (if any)"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )

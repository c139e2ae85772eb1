"""Input of the pages of rights. Labels are read in the language of the page; quantities become integer grams."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.forms import both
from terrace.kernel.base.quantity import Money, Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.rights import queries, rules


def worded(words: type[rules.Worded], *, empty: bool = False) -> list[tuple[str, Any]]:
    """The members of an enumeration as choices in the language of the page."""
    found: list[tuple[str, Any]] = [("", both("请选择", "Choose"))] if empty else []
    return found + [(member.value, both(member.label.zh, member.label.en)) for member in words]


def pollutants(*, empty: bool = False) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [("", both("全部", "All"))] if empty else []
    return found + [(p.value, both(p.label.zh, p.label.en)) for p in Pollutant]


class TonnesField(forms.CharField):
    """Tonnes per year with at most six decimals; the cleaned value is integer grams per year (None when empty)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        kwargs.setdefault(
            "help_text", both("吨/年，最多6位小数，例如 4.048", "t/yr, at most 6 decimals, for example 4.048")
        )
        super().__init__(**kwargs)
        self.widget.attrs.update({"inputmode": "decimal", "autocomplete": "off"})

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Quantity.from_tonnes(Pollutant.COD, text, where=Text("数量", "quantity")).grams_per_year
        except InputInvalid as fault:
            raise ValidationError(fault.message(get_language())) from None


class YuanField(forms.CharField):
    """Yuan with at most two decimals; the cleaned value is integer fen (None when empty)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(**kwargs)
        self.widget.attrs.update({"inputmode": "decimal", "autocomplete": "off"})

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Money.from_yuan(text, where=Text("金额", "amount")).fen
        except InputInvalid as fault:
            raise ValidationError(fault.message(get_language())) from None


class AreaField(forms.ChoiceField):
    """An area of the city by its code."""

    def __init__(self, **kwargs: Any) -> None:
        empty = kwargs.pop("empty", ("请选择", "Choose"))
        kwargs.setdefault("label", both("县(市、区)", "County or zone"))
        super().__init__(
            choices=lambda: (
                [("", both(*empty))]
                + [(area.code, both(area.name, area.name_en or area.name)) for area in queries.list_areas()]
            ),
            **kwargs,
        )


class UnitForm(forms.Form):
    """A site that discharges."""

    name = forms.CharField(label=both("排污单位(厂区)名称", "Name of the site"), max_length=120)
    permit_no = forms.CharField(
        label=both("排污许可证编号", "Permit number"),
        help_text=both(
            "统一社会信用代码加3位数字；尚未取得许可证可不填。",
            "The credit code and 3 digits; leave empty before the permit is issued.",
        ),
        max_length=21,
        required=False,
    )
    area_code = AreaField()
    basin = forms.ChoiceField(label=both("所在流域", "River basin"), choices=worded(rules.Basin, empty=True))
    sector = forms.ChoiceField(label=both("行业", "Sector"), choices=worded(rules.Sector, empty=True))
    thermal_power = forms.BooleanField(
        label=both("火电机组(含自备电厂)", "Thermal power (captive plants too)"), required=False
    )
    agriculture = forms.BooleanField(label=both("农业源", "Agriculture"), required=False)


class _OwnUnitForm(forms.Form):
    unit_id = forms.TypedChoiceField(label=both("排污单位", "Site"), coerce=int)

    def __init__(self, *args: Any, organisation_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit_id"].choices = [(u.pk, u.name) for u in queries.list_units(organisation_id)]  # type: ignore[attr-defined]  # ChoiceField


class VerificationForm(_OwnUnitForm):
    """A claim to an initial right, or to a surplus of a held parcel."""

    kind = forms.ChoiceField(
        label=both("核定类型", "What is claimed"), choices=worded(rules.VerificationKind)
    )
    pollutant = forms.ChoiceField(label=both("污染物", "Pollutant"), choices=pollutants())
    claimed_g = TonnesField(label=both("申请数量", "Quantity claimed"))
    measure = forms.ChoiceField(
        label=both("减排措施(富余排污权填写)", "Measure (for a surplus)"), choices=worded(rules.Measure)
    )
    parcel_id = forms.TypedChoiceField(
        label=both("所属份额(富余排污权填写)", "Held parcel (for a surplus)"),
        coerce=int,
        empty_value=None,
        required=False,
    )
    grounds = forms.CharField(
        label=both("核算说明", "How it was worked out"),
        help_text=both(
            "写明依据的标准、监测数据和计算过程。",
            "Name the standard, the monitoring data and the calculation.",
        ),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=4000,
    )
    paid = forms.BooleanField(label=both("已缴纳有偿使用费", "Paid-use fee was paid"), required=False)
    term_start = forms.DateField(
        label=both("期限起始日", "First day of the term"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, organisation_id: int, **kwargs: Any) -> None:
        super().__init__(*args, organisation_id=organisation_id, **kwargs)
        self.fields["parcel_id"].choices = [("", both("不适用", "Not applicable"))] + [  # type: ignore[attr-defined]  # ChoiceField
            (p.pk, f"{p.right.serial} {p.held.label().of(get_language())}")
            for p in queries.list_parcels(organisation_id)
        ]


class ReasonForm(forms.Form):
    """A decision's reason; the service says when it is missing."""

    reason = forms.CharField(
        label=both("理由或意见", "Reason or remark"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
    )


class PaperForm(forms.Form):
    """One paper of a case."""

    kind = forms.ChoiceField(label=both("材料种类", "Kind of paper"))
    file = forms.FileField(
        label=both("文件", "File"),
        help_text=both("PDF、图片或办公文档，不超过20 MB。", "PDF, picture or office document, up to 20 MB."),
    )

    def __init__(self, *args: Any, words: type[rules.Worded], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = worded(words)  # type: ignore[attr-defined]  # ChoiceField


class DecisionForm(ReasonForm):
    """The bureau's decision: it may verify less than was claimed."""

    verified_g = TonnesField(
        label=both("核定数量(留空为申请数量)", "Verified quantity (empty: as claimed)"), required=False
    )


class ProjectForm(_OwnUnitForm):
    """A project that will emit."""

    name = forms.CharField(label=both("项目名称", "Name of the project"), max_length=200)
    kind = forms.ChoiceField(label=both("项目性质", "Kind of project"), choices=worded(rules.ProjectKind))
    eia_stage = forms.ChoiceField(label=both("环评阶段", "Stage of the EIA"), choices=worded(rules.EiaStage))
    eia_no = forms.CharField(
        label=both("环评批复文号(已批复时填写)", "Number of the EIA approval (once approved)"),
        max_length=80,
        required=False,
    )
    description = forms.CharField(
        label=both("项目概况", "Description"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
        required=False,
    )


class NeedForm(forms.Form):
    """What the project will emit in addition, pollutant by pollutant."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for pollutant in Pollutant:
            self.fields[pollutant.value] = TonnesField(
                label=both(pollutant.label.zh, pollutant.label.en), required=False, help_text=""
            )

    def emissions(self) -> dict[Pollutant, int]:
        """The quantities above zero, in grams per year."""
        return {p: self.cleaned_data[p.value] for p in Pollutant if self.cleaned_data.get(p.value)}


class CourtOrderForm(forms.Form):
    """A court's order to freeze: number, court, for whom, how much, until when, and the paper itself."""

    ruling_no = forms.CharField(
        label=both("文书编号", "Number of the order"),
        help_text=both("如（2023）鲁15执1号", "For example (2023) Lu 15 Zhi 1"),
        max_length=60,
    )
    court = forms.CharField(label=both("法院", "Court"), max_length=120)
    applicant = forms.CharField(label=both("申请执行人或申请保全人", "For whom it is frozen"), max_length=200)
    quantity_g = TonnesField(label=both("冻结数量", "Quantity to freeze"))
    until = forms.DateField(
        label=both("冻结至（含当日，文书未写可不填）", "Last day (leave empty when the order names none)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    file = forms.FileField(label=both("法院文书（PDF或图片）", "The court's paper (PDF or picture)"))


class CourtLiftForm(forms.Form):
    """A court's order that lifts a freeze."""

    ruling_no = forms.CharField(label=both("解除文书编号", "Number of the order"), max_length=60)
    file = forms.FileField(label=both("法院文书（PDF或图片）", "The court's paper (PDF or picture)"))


class ConductForm(forms.Form):
    """Something on record against a firm, found by its credit code."""

    credit_code = forms.CharField(
        label=both("统一社会信用代码", "Credit code"),
        help_text=both("18位", "18 characters"),
        max_length=18,
    )
    kind = forms.ChoiceField(label=both("类型", "Kind"), choices=worded(rules.ConductKind))
    paper_no = forms.CharField(label=both("文书编号", "Number of the decision"), max_length=120)
    issuer = forms.CharField(label=both("作出单位", "Authority that decided"), max_length=120)
    since = forms.DateField(
        label=both("起始日", "First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class ConductEndForm(forms.Form):
    """The last day a record counts, and why it ends."""

    until = forms.DateField(
        label=both("最后一日（含当日）", "Last day it counts"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=both("终止理由", "Why it ends"), max_length=300, widget=forms.Textarea(attrs={"rows": 3})
    )

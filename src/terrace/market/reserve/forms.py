"""Input of the reserve desk."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.forms import both
from terrace.kernel.base.quantity import PriceBasis
from terrace.market.reserve import queries, rules
from terrace.market.rights.forms import AreaField, TonnesField, YuanField, pollutants, worded
from terrace.market.rights.rules import Basin, Sector

BASES = [
    (PriceBasis.PER_YEAR.value, both("元/吨·年", "CNY per tonne-year")),
    (PriceBasis.TERM.value, both("元/吨(整个年限一次计)", "CNY per tonne, once for the term")),
]


class IntakeForm(forms.Form):
    """An intake. For a firm's parcel the place, sector and term come from the parcel."""

    kind = forms.ChoiceField(label=both("入库方式", "Kind of intake"), choices=worded(rules.IntakeKind))
    quantity_g = TonnesField(label=both("数量", "Quantity"))
    paper_no = forms.CharField(label=both("依据文号", "Number of the decision"), max_length=120)
    grounds = forms.CharField(
        label=both("理由", "Grounds"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000
    )
    from_parcel_id = forms.IntegerField(
        label=both("原持有份额号(收回、回购时填写)", "Number of the former parcel (when taken back)"),
        help_text=both("份额页面地址中的编号。", "The number in the address of the parcel's page."),
        required=False,
        min_value=1,
    )
    compensation_fen = YuanField(
        label=both("补偿金额(元，回购时填写)", "Compensation (CNY, for a buy-back)"), required=False
    )
    pollutant = forms.ChoiceField(
        label=both("污染物(新核发时填写)", "Pollutant (new issue)"),
        choices=[("", both("不适用", "Not applicable")), *pollutants()],
        required=False,
    )
    area_code = AreaField(required=False, label=both("县(市、区)(新核发时填写)", "Area (new issue)"))
    basin = forms.ChoiceField(
        label=both("流域(水污染物填写)", "Basin (water)"), choices=worded(Basin, empty=True), required=False
    )
    sector = forms.ChoiceField(
        label=both("行业(新核发时填写)", "Sector (new issue)"),
        choices=worded(Sector, empty=True),
        required=False,
    )
    thermal_power = forms.BooleanField(label=both("火电来源", "From thermal power"), required=False)
    agriculture = forms.BooleanField(label=both("农业来源", "From agriculture"), required=False)
    term_start = forms.DateField(
        label=both("期限起始日(新核发时填写)", "First day of the term (new issue)"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )


class PlanForm(forms.Form):
    """A release plan."""

    year = forms.IntegerField(label=both("年度", "Year"), min_value=2020, max_value=2100)
    title = forms.CharField(label=both("计划名称", "Title"), max_length=200)
    grounds = forms.CharField(
        label=both("编制说明", "Explanation"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
        required=False,
    )


class LotForm(forms.Form):
    """A lot of a draft plan."""

    name = forms.CharField(label=both("标的名称", "Name of the lot"), max_length=200)
    parcel_id = forms.TypedChoiceField(label=both("从哪一份额出让", "From which parcel"), coerce=int)
    quantity_g = TonnesField(label=both("数量", "Quantity"))
    years = forms.IntegerField(
        label=both("出让年限(年)", "Term (years)"), min_value=1, max_value=5, initial=5
    )
    price_basis = forms.ChoiceField(label=both("计价口径", "Price basis"), choices=BASES)
    floor_fen = YuanField(label=both("底价(元)", "Floor price (CNY)"))
    increment_fen = YuanField(label=both("加价幅度(元)", "Increment (CNY)"))
    mode = forms.ChoiceField(label=both("交易方式", "Mode"), choices=worded(rules.Mode))
    ratio = forms.DecimalField(
        label=both("替代比例(n:1 的 n)", "Replacement ratio (n of n:1)"),
        min_value=1,
        max_value=10,
        max_digits=4,
        decimal_places=2,
        initial=1,
    )
    deposit_rule = forms.ChoiceField(label=both("保证金方式", "Deposit"), choices=worded(rules.DepositRule))
    deposit_percent = forms.IntegerField(
        label=both("保证金比例(%)", "Deposit (percent)"),
        min_value=1,
        max_value=100,
        initial=10,
        required=False,
    )
    deposit_fixed_fen = YuanField(label=both("固定保证金(元)", "Fixed deposit (CNY)"), required=False)
    buyer_conditions = forms.CharField(
        label=both("受让方条件", "Buyer conditions"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )

    def __init__(self, *args: Any, body_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language()
        self.fields["parcel_id"].choices = [  # type: ignore[attr-defined]  # ChoiceField
            (p.pk, f"{p.right.serial} · {p.free.pollutant.label.of(language)} {p.free.label().of(language)}")
            for p in queries.free_parcels(body_id)
        ]

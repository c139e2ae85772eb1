"""Input of the pages: a parameter's change, and the second person's answer."""

from __future__ import annotations

from typing import Any

from django import forms

from terrace.kernel.base.texts import Text
from terrace.market.rulebooks import rules

PARAMETER_LABELS: dict[str, Text] = {
    "covered": Text("纳入交易的污染物", "Pollutants covered"),
    "scope_sum_t": Text("购买范围：合计限值", "Duty to buy: threshold of the sum"),
    "scope_factor_t": Text("购买范围：单项限值", "Duty to buy: threshold of one pollutant"),
    "scope_factor_nh3n_t": Text("购买范围：氨氮限值", "Duty to buy: threshold of NH₃-N"),
    "exempt_t": Text("豁免限值", "Exemption limit"),
    "exempt_nh3n_t": Text("豁免限值：氨氮", "Exemption limit of NH₃-N"),
    "exempt_boundary": Text("限值本身是否豁免", "Whether the limit itself is exempt"),
    "voluntary_allowed": Text("是否接受自愿参加", "Whether others may take part"),
    "ratio_attaining": Text("替代比例：达标地区", "Replacement ratio where targets are met"),
    "ratio_not_attaining": Text("替代比例：未达标地区", "Replacement ratio where targets are missed"),
    "agriculture_sectors": Text("归为农业的行业", "Sectors counted as agriculture"),
}
VALUE_LABELS: dict[str, Text] = {
    "below": Text("小于限值才豁免", "exempt only below the limit"),
    "at_most": Text("不高于限值即豁免", "exempt up to and including the limit"),
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
}


class ParameterForm(forms.Form):
    """A new value of one parameter from a day on."""

    rulebook = forms.ChoiceField()
    name = forms.ChoiceField()
    value = forms.CharField(max_length=200)
    effective_from = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    clause = forms.CharField(max_length=200)
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, language: str = "zh-hans", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "rulebook": Text("规则集", "Rulebook"),
            "name": Text("参数", "Parameter"),
            "value": Text("新值", "New value"),
            "effective_from": Text("生效日期(晚于今天)", "First day (later than today)"),
            "clause": Text("依据文件和条款", "Document and clause"),
            "reason": Text("理由", "Reason"),
        }
        for name, label in labels.items():
            self.fields[name].label = label.of(language)
        books = rules.rulebooks()
        self.fields["rulebook"].choices = [(b.name, b.title.of(language)) for b in books]  # type: ignore[attr-defined]
        names = dict.fromkeys(p.name for b in books for p in b.parameters)
        self.fields["name"].choices = [  # type: ignore[attr-defined]
            (name, f"{PARAMETER_LABELS[name].of(language)} ({name})") for name in names
        ]


class AnswerForm(forms.Form):
    """The second person's answer; a rejection needs a reason."""

    answer = forms.ChoiceField(choices=[("approve", ""), ("reject", "")])
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, language: str = "zh-hans", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["answer"].label = Text("您的意见", "Your answer").of(language)
        self.fields["answer"].choices = [  # type: ignore[attr-defined]
            ("approve", Text("批准", "Approve").of(language)),
            ("reject", Text("退回", "Reject").of(language)),
        ]
        self.fields["reason"].label = Text("理由(退回时必填)", "Reason (needed to reject)").of(language)

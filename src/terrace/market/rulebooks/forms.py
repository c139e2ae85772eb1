"""Input of the pages: a parameter's change, and the second person's answer."""

from __future__ import annotations

from typing import Any

from django import forms

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant, Quantity
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
    effective_from = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
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


class SelfCheckForm(forms.Form):
    """What a firm says of its project to learn whether it must buy. Nothing is stored."""

    kind = forms.ChoiceField()
    on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    water = forms.ChoiceField(required=False)
    air = forms.ChoiceField(required=False)
    voluntary = forms.BooleanField(required=False)

    def __init__(self, *args: Any, language: str = "zh-hans", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._language = language
        for pollutant in Pollutant:
            label = Text(f"{pollutant.label.zh}(吨/年)", f"{pollutant.label.en} (t/yr)")
            self.fields[pollutant.value] = forms.CharField(
                required=False,
                max_length=40,
                label=label.of(language),
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )
        labels = {
            "kind": Text("项目性质", "Kind of project"),
            "on": Text("按哪一天的规则判定", "By the rules of which day"),
            "water": Text("项目所在地水环境质量", "Water quality of the project's area"),
            "air": Text("项目所在地大气环境质量", "Air quality of the project's area"),
            "voluntary": Text(
                "即使没有购买义务，也自愿申请参加交易", "Take part voluntarily even without a duty to buy"
            ),
        }
        for name, text in labels.items():
            self.fields[name].label = text.of(language)
        attained = [
            ("", Text("不清楚", "not known").of(language)),
            ("yes", Text("达标", "target met").of(language)),
            ("no", Text("未达标", "target missed").of(language)),
        ]
        self.fields["water"].choices = self.fields["air"].choices = attained  # type: ignore[attr-defined]
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            ("new", Text("新建、改建或扩建项目", "New, rebuilt or enlarged project").of(language)),
            (
                "existing",
                Text("现有排污单位，没有新增项目", "Existing unit without a new project").of(language),
            ),
        ]
        self.order_fields(["kind", *(p.value for p in Pollutant), "water", "air", "voluntary", "on"])

    def clean(self) -> dict[str, Any]:
        """Read the quantities exactly; at least one must be stated."""
        cleaned: dict[str, Any] = super().clean() or {}
        needs: dict[Pollutant, int] = {}
        for pollutant in Pollutant:
            text = (cleaned.get(pollutant.value) or "").strip()
            if not text:
                continue
            try:
                needs[pollutant] = Quantity.from_tonnes(pollutant, text, where=pollutant.label).grams_per_year
            except InputInvalid as refusal:
                self.add_error(pollutant.value, refusal.message(self._language))
        if not needs and not self.errors:
            missing = Text(
                "请至少填写一种污染物的年新增排放量。",
                "State the new yearly quantity of at least one pollutant.",
            )
            self.add_error("COD", missing.of(self._language))
        cleaned["needs_g"] = needs
        return cleaned

    def case(self) -> rules.EligibilityCase:
        """The question to the rulebook; what was left open stays unknown."""
        answers = {"yes": True, "no": False}
        given = self.cleaned_data
        return rules.EligibilityCase(
            project=rules.ProjectFacts(
                new=given["kind"] == "new",
                needs_g=given["needs_g"],
                water_attained=answers.get(given["water"]),
                air_attained=answers.get(given["air"]),
                voluntary=given["voluntary"],
            )
        )

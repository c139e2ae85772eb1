"""Tags and filters in both languages."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from terrace.kernel.base.errors import NotAllowed
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.web import page

MONDAY = dt.datetime(2023, 12, 18, 9, 0, tzinfo=dt.UTC)  # 17:00 in Shanghai


def show(source: str, language: str = "zh-hans", **values: object) -> str:
    with translation.override(language):
        return Template(source).render(Context(values)).strip()


@pytest.mark.parametrize(
    ("source", "zh", "en"),
    [
        ('{% t "首页" "Home" %}', "首页", "Home"),
        ('{% t "共{n}条" "{n} items" n=3 %}', "共3条", "3 items"),
        ('{% t "{x}" "{x}" x="<b>" %}', "<b>", "<b>"),
        ("{{ text|lang }}", "甲", "A"),
        ("{{ quantity|tonnes }}", "4.048 吨/年", "4.048 t/yr"),
        ("{{ grams|tonnes }}", "4.048 吨/年", "4.048 t/yr"),
        ('{{ grams|tonnes_of:"NOX" }}', "氮氧化物 4.048 吨/年", "Nitrogen oxides (NOx) 4.048 t/yr"),
        ("{{ grams|tonnes_plain }}", "4.048", "4.048"),
        ("{{ fen|yuan }}", "729,300.00 元", "CNY 729,300.00"),
        ("{{ money|yuan }}", "729,300.00 元", "CNY 729,300.00"),
        ("{{ price|price }}", "21,000 元/吨(5年期)", "CNY 21,000 per tonne (5-year term)"),
        ('{% price_of 420000 "PER_YEAR" 5 %}', "4,200 元/吨·年", "CNY 4,200 per tonne-year"),
        ("{{ at|when }}", "2023年12月18日(周一) 17:00", "Mon 18 Dec 2023, 17:00"),
        ("{{ at|when_exact }}", "2023年12月18日(周一) 17:00:00.000", "Mon 18 Dec 2023, 17:00:00.000"),
        ("{{ at|day }}", "2023年12月18日(周一)", "Mon 18 Dec 2023"),
        ('{{ "NOX"|pollutant }}', "氮氧化物", "Nitrogen oxides (NOx)"),
        ('{{ "FINANCE"|role_label }}', "财政部门", "Finance"),
        ('{{ "SYSTEM"|role_label }}', "系统自动", "The platform itself"),
        ("{{ nothing|tonnes }}{{ nothing|yuan }}{{ nothing|when }}{{ nothing|due }}{{ nothing|lang }}", "", ""),
        ('{% status label tone="leaf" %}', '<span class="t-chip t-chip--leaf">甲</span>',
         '<span class="t-chip t-chip--leaf">A</span>'),
    ],
)  # fmt: skip
def test_texts_and_figures(source: str, zh: str, en: str) -> None:
    values = {
        "text": Text("甲", "A"), "label": Text("甲", "A"), "at": MONDAY, "fen": 72_930_000,
        "quantity": Quantity.from_tonnes(Pollutant.NOX, "4.048"), "grams": 4_048_000,
        "money": Money.from_yuan("729300"), "price": Price.from_yuan("21000", PriceBasis.TERM, 5),
    }  # fmt: skip
    assert show(source, "zh-hans", **values) == zh
    assert show(source, "en", **values) == en


def test_values_are_escaped_and_literals_are_not() -> None:
    assert show('{% t "<b>{x}</b>" "x" x=value %}', value="<i>") == "<b>&lt;i&gt;</b>"


def test_icons_are_hidden_from_screen_readers_unless_named() -> None:
    assert 'aria-hidden="true"' in show('{% icon "clock" %}')
    assert 'aria-label="钟"' in show('{% icon "clock" "钟" %}')


def test_idempotency_key_is_fresh_and_kept_when_shown_again() -> None:
    factory = RequestFactory()
    first = show("{% idempotency_key %}", request=factory.get("/"))
    second = show("{% idempotency_key %}", request=factory.get("/"))
    assert re.search(r'value="[0-9a-f-]{36}"', first)
    assert first != second
    again = show("{% idempotency_key %}", request=factory.post("/", {"idempotency_key": "k-1"}))
    assert 'value="k-1"' in again


def test_url_with_keeps_the_other_filters() -> None:
    request = RequestFactory().get("/lots/?area=linqing&page=3")
    assert show("{% url_with page=4 %}", request=request) == "?area=linqing&amp;page=4"
    assert show("{% url_with page=None %}", request=request) == "?area=linqing"
    assert show("{% url_with page=None area=None %}", request=request) == "/lots/"


class SampleForm(forms.Form):
    quantity = forms.DecimalField(label="数量", help_text="最多三位小数")
    note = forms.CharField(label="说明", required=False)
    agree = forms.BooleanField(label="同意")
    kind = forms.ChoiceField(label="类别", choices=[("a", "甲")], widget=forms.RadioSelect)


def test_form_fields_link_label_help_and_error() -> None:
    html = show("{% error_summary form %}{% form_fields form %}", form=SampleForm({"quantity": "x"}))
    assert '<a href="#id_quantity">' in html
    assert 'for="id_quantity"' in html
    assert 'id="id_quantity_helptext"' in html
    assert 'id="id_quantity_error"' in html
    assert 'aria-invalid="true"' in html
    assert "aria-describedby" in html
    assert "（选填）" in html
    assert html.count("form-check-input") == 1
    assert '<fieldset class="t-field t-field--wrong" id="id_kind"' in html


def test_error_summary_shows_the_refusal_and_says_what_is_kept() -> None:
    refusal = NotAllowed(reason=Text("角色不符", "wrong role"), clause="第三条")
    html = show("{% error_summary refusal=refusal %}", refusal=refusal)
    assert "您不能执行此操作：角色不符" in html
    assert "第三条" in html
    assert "您填写的内容都保留着" in html
    assert "wrong role" in show("{% error_summary refusal=refusal %}", "en", refusal=refusal)
    assert show("{% error_summary %}") == ""


def test_explain_names_rule_clause_facts_and_remedy() -> None:
    decision = {
        "verdict": "barred", "rulebook": "liaocheng-2023", "version": "2023-12",
        "rules": [
            {"id": "R18", "clause": "第八条", "passed": False, "reason_zh": "流域不同", "reason_en": "another basin",
             "clause_en": "article 8", "facts": {"project_basin": "徒骇河", "frozen": True}, "remedy_zh": "购买同流域的排污权", "remedy_en": "buy in the same basin"},
            {"id": "R20", "clause": "第九条", "passed": True, "reason_zh": "达标", "reason_en": "attained", "facts": {}},
            {"id": "R21", "clause": "第十条", "passed": None, "reason_zh": "缺数据", "reason_en": "no data", "facts": {}},
        ],
    }  # fmt: skip
    html = show("{% explain decision %}", decision=decision)
    for words in ("不得受让", "流域不同", "第八条", "徒骇河", "购买同流域的排污权", "未判定", "2023-12"):
        assert words in html
    assert "项目所在流域" in html
    assert "<dd>是</dd>" in html
    english = show("{% explain decision %}", "en", decision=decision)
    for words in ("another basin", "article 8", "Basin of the project", "<dd>yes</dd>"):
        assert words in english


def test_an_exemption_that_is_not_met_is_nothing_wrong() -> None:
    rule = {
        "id": "R8",
        "kind": "exemption",
        "clause": "第四条",
        "passed": False,
        "reason_zh": "不小于限值",
        "reason_en": "above",
    }
    html = show(
        "{% explain decision %}",
        decision={"verdict": "must_buy", "rulebook": "x", "version": "1", "rules": [rule]},
    )
    assert "t-rule--neutral" in html
    assert "不符合此条" in html


def test_chart_carries_a_table_twin_and_cannot_close_its_script() -> None:
    spec = {"id": "p", "title": Text("价格", "Price"), "series": [{"name": "</script>", "points": [[1, 2]]}],
            "columns": ["日期", "价格"], "rows": [["12月1日", "4,200"]], "csv_url": "/prices.csv"}  # fmt: skip
    html = show("{% chart spec %}", spec=spec)
    assert "\\u003C/script\\u003E" in html
    assert '<th scope="row">12月1日</th>' in html
    assert 'href="/prices.csv"' in html


@pytest.mark.django_db
def test_one_page_reads_the_clock_once(django_assert_num_queries) -> None:
    token = page.begin()
    try:
        with django_assert_num_queries(1):
            show("{{ at|due }}{{ at|due }}{% deadline at %}{% countdown at %}", at=MONDAY)
    finally:
        page.end(token)

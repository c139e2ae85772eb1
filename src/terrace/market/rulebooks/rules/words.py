"""The figures behind a rule in words: what each fact is called, and its value as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text

FACTS: dict[str, Text] = {
    "covered": Text("纳入交易的污染物", "Pollutants covered"),
    "not_covered": Text("未纳入的污染物", "Pollutants not covered"),
    "new": Text("新建(改建、扩建)项目", "New, rebuilt or enlarged"),
    "water_t": Text("水污染物合计(吨/年)", "Water pollutants (t/yr)"),
    "air_t": Text("大气污染物合计(吨/年)", "Air pollutants (t/yr)"),
    "threshold_t": Text("限值(吨/年)", "Threshold (t/yr)"),
    "needs_t": Text("新增需求(吨/年)", "New need (t/yr)"),
    "thresholds_t": Text("单项限值(吨/年)", "Thresholds (t/yr)"),
    "above": Text("高于限值", "Above the threshold"),
    "limits_t": Text("豁免限值(吨/年)", "Exemption limits (t/yr)"),
    "boundary": Text("比较方式", "Compared by"),
    "small": Text("限值以内", "Within the limit"),
    "project_basin": Text("项目所在流域", "Basin of the project"),
    "lot_basin": Text("标的来源流域", "Basin of the lot"),
    "project_area": Text("项目所在区域", "Area of the project"),
    "lot_area": Text("标的来源区域", "Area of the lot"),
    "city": Text("城市", "City"),
    "project_agriculture": Text("项目属农业", "Project is agriculture"),
    "lot_agriculture": Text("标的来自农业", "Lot is from agriculture"),
    "project_thermal_power": Text("项目属火电", "Project is thermal power"),
    "lot_thermal_power": Text("标的来自火电", "Lot is from thermal power"),
    "air": Text("大气污染物", "Air pollutant"),
    "attained": Text("环境质量达标", "Target met"),
    "ratios": Text("替代比例", "Replacement ratios"),
    "frozen": Text("已冻结", "Frozen"),
    "mortgaged": Text("已抵押", "Mortgaged"),
    "leased": Text("已出租", "Leased"),
    "verified_right": Text("出让方的排污权已核定", "The seller's right is verified"),
    "over_standard": Text("出让方超标或超总量排放", "The seller discharges over its standard"),
    "seller_mortgaged": Text("出让方的排污权已抵押", "The seller's right is mortgaged"),
    "seller_leased": Text("出让方的排污权已出租", "The seller's right is leased"),
    "under_preservation": Text("出让方的排污权被保全", "The seller's right is under preservation"),
    "penalties": Text("有未结处罚或责令改正", "Open penalty or order"),
    "dishonest": Text("在失信名单上", "On a dishonesty list"),
    "effective_from": Text("起始日", "First day"),
    "effective_to": Text("截止日", "Last day"),
    "in_force_on_that_day": Text("该日适用", "In force on that day"),
}
UNKNOWN = Text("未知", "unknown")
NONE = Text("无", "none")


def fact_label(name: str) -> Text:
    """What a fact is called; one that is not known here keeps its own name."""
    return FACTS.get(name) or Text(name, name)


def fact_value(value: Any) -> Text:
    """A fact's value in words: yes and no, pollutants by name, unknown where nothing was stated."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Text):
        return value
    if isinstance(value, bool):
        return Text("是", "yes") if value else Text("否", "no")
    if isinstance(value, Mapping):
        parts = [(fact_value(name), fact_value(each)) for name, each in value.items()]
        if not parts:
            return NONE
        return Text(
            "，".join(f"{name.zh} {each.zh}" for name, each in parts),
            ", ".join(f"{name.en} {each.en}" for name, each in parts),
        )
    if isinstance(value, list | tuple):
        words = [fact_value(each) for each in value]
        if not words:
            return NONE
        return Text("、".join(w.zh for w in words), ", ".join(w.en for w in words))
    text = str(value)
    if text in tuple(Pollutant):
        return Pollutant(text).label
    signs = {"<=": Text("不高于", "at most"), "<": Text("小于", "below")}
    return signs.get(text) or Text(text, text)

"""What each rule finds in a case: true, false or unknown, with the numbers used and what would change it.

A predicate gets the case, the rulebook and the day. `passed` means, by kind of rule: coverage and scope —
the clause reaches the project; exemption — the exemption applies; bar — nothing in it stands against the
purchase; ratio — the ratio is known. Unknown facts give None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from terrace.kernel.base.quantity import GRAMS_PER_TONNE, Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks.rules.case import (
    EligibilityCase,
    LotFacts,
    SellerFacts,
    tonnes,
)
from terrace.market.rulebooks.rules.rulebook import Rulebook

NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found; `remedy` is empty where nothing needs to change."""

    passed: bool | None
    reason: Text
    facts: dict[str, Any] = field(default_factory=dict)
    remedy: Text = NOTHING


Predicate = Callable[[EligibilityCase, Rulebook, dt.date], Finding]
predicates: dict[str, Predicate] = {}


def _predicate(function: Predicate) -> Predicate:
    predicates[function.__name__] = function
    return function


def covered_needs(case: EligibilityCase, book: Rulebook, on: dt.date) -> dict[Pollutant, int]:
    """The needs in pollutants that the rulebook covers, grams per year."""
    covered = book.parameter("covered", on).value.split()
    return {name: grams for name, grams in case.project.needs_g.items() if name.value in covered}


def _grams(book: Rulebook, name: str, on: dt.date) -> int:
    return int(Decimal(book.parameter(name, on).value) * GRAMS_PER_TONNE)


def _names(pollutants: list[Pollutant]) -> Text:
    return Text(
        "、".join(p.label.zh for p in pollutants) or "无",
        ", ".join(p.value for p in pollutants) or "none",
    )


@_predicate
def covered_pollutants(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R1: whether the project needs any pollutant that is traded here."""
    needs = covered_needs(case, book, on)
    others = [name for name in case.project.needs_g if name not in needs]
    facts = {"covered": sorted(needs), "not_covered": sorted(others)}
    if not needs:
        return Finding(
            False,
            Text(
                "项目没有列出纳入交易的污染物需求。", "The project lists no need of a pollutant traded here."
            ),
            facts,
        )
    return Finding(
        True,
        Text(
            f"纳入交易的污染物：{_names(list(needs)).zh}。",
            f"Pollutants traded here: {_names(list(needs)).en}.",
        ),
        facts,
    )


@_predicate
def new_project(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R4: only new, rebuilt or enlarged projects are asked."""
    if case.project.new:
        return Finding(
            True,
            Text("属于新建(改建、扩建)项目。", "The project is new, rebuilt or enlarged."),
            {"new": True},
        )
    return Finding(
        False,
        Text(
            "不是新建、改建或扩建项目，没有新增排污权。",
            "The project is not new, rebuilt or enlarged; it adds no right.",
        ),
        {"new": False},
    )


@_predicate
def scope_sums(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R6: water pollutants together, or air pollutants together, reach the threshold."""
    needs, limit = covered_needs(case, book, on), _grams(book, "scope_sum_t", on)
    water = sum(grams for name, grams in needs.items() if name.is_water)
    air = sum(grams for name, grams in needs.items() if not name.is_water)
    facts = {"water_t": tonnes(water), "air_t": tonnes(air), "threshold_t": tonnes(limit)}
    reached = water >= limit or air >= limit
    word = Text("已达到", "reached") if reached else Text("均未达到", "not reached")
    reason = Text(
        f"水污染物合计 {tonnes(water)} 吨/年，大气污染物合计 {tonnes(air)} 吨/年，{word.zh} {tonnes(limit)} 吨/年。",
        f"Water pollutants {tonnes(water)} t/yr, air pollutants {tonnes(air)} t/yr: {tonnes(limit)} t/yr {word.en}.",
    )
    return Finding(reached, reason, facts)


@_predicate
def scope_single_factor(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R7: any single pollutant lies above its threshold."""
    limits = {
        name: _grams(book, "scope_factor_nh3n_t" if name is Pollutant.NH3N else "scope_factor_t", on)
        for name in covered_needs(case, book, on)
    }
    above = [name for name, limit in limits.items() if case.project.needs_g[name] > limit]
    facts = {
        "needs_t": {name.value: tonnes(case.project.needs_g[name]) for name in limits},
        "thresholds_t": {name.value: tonnes(limit) for name, limit in limits.items()},
        "above": sorted(above),
    }
    if above:
        return Finding(
            True,
            Text(f"高于限值的污染物：{_names(above).zh}。", f"Above the threshold: {_names(above).en}."),
            facts,
        )
    return Finding(
        False, Text("没有一项污染物高于限值。", "No single pollutant is above its threshold."), facts
    )


@_predicate
def scope_any_need(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R9, national frame: any new quantity is bought."""
    above = [name for name, grams in covered_needs(case, book, on).items() if grams > 0]
    return Finding(
        bool(above),
        Text(f"新增排污权的污染物：{_names(above).zh}。", f"New rights needed for: {_names(above).en}."),
        {"above": sorted(above)},
    )


@_predicate
def small_source(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R8: every pollutant is small; whether the limit itself is still small differs between the rulebooks."""
    inclusive = book.parameter("exempt_boundary", on).value == "at_most"
    needs = covered_needs(case, book, on)
    limits = {
        name: _grams(book, "exempt_nh3n_t" if name is Pollutant.NH3N else "exempt_t", on) for name in needs
    }
    large = [
        name
        for name, grams in needs.items()
        if not (grams <= limits[name] if inclusive else grams < limits[name])
    ]
    facts = {
        "needs_t": {name.value: tonnes(grams) for name, grams in needs.items()},
        "limits_t": {name.value: tonnes(limit) for name, limit in limits.items()},
        "boundary": "<=" if inclusive else "<",
        "small": sorted(name for name in needs if name not in large),
    }
    word = Text("不高于", "at most") if inclusive else Text("小于", "below")
    if not needs:
        return Finding(
            False, Text("没有可豁免的污染物需求。", "There is no need that could be exempt."), facts
        )
    if large:
        over = Text("高于", "Above") if inclusive else Text("达到或高于", "At or above")
        return Finding(
            False,
            Text(
                f"{over.zh}豁免限值的污染物：{_names(large).zh}。",
                f"{over.en} the exemption limit: {_names(large).en}.",
            ),
            facts,
            Text(
                "若将上述污染物年新增量降到限值以内，可申请豁免。",
                "The project would be exempt if these quantities came within the limit.",
            ),
        )
    return Finding(
        True,
        Text(
            f"每项污染物均{word.zh}豁免限值，由分局核销，无须购买。",
            f"Every pollutant is {word.en} the limit; the branch writes it off, nothing is bought.",
        ),
        facts,
    )


def _no_lot() -> Finding:
    return Finding(None, Text("未给出标的，无法判断。", "No lot is given; this cannot be judged."))


def _unknown(zh: str, en: str, facts: dict[str, Any]) -> Finding:
    return Finding(
        None,
        Text(f"缺少{zh}，无法判断。", f"Unknown: {en}; this cannot be judged."),
        facts,
        Text(f"请补充{zh}。", f"State {en}."),
    )


@_predicate
def same_region(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R18: water within one basin, air within one city."""
    lot, project = case.lot, case.project
    if lot is None:
        return _no_lot()
    if lot.pollutant is None:
        return _unknown("标的的污染物", "the lot's pollutant", {})
    if lot.pollutant.is_water:
        facts: dict[str, Any] = {"project_basin": project.basin, "lot_basin": lot.basin}
        if project.basin is None or lot.basin is None:
            return _unknown("项目或标的所在流域", "the basin of the project or of the lot", facts)
        if _same(project.basin, lot.basin):
            return Finding(True, Text("项目与标的同属一个流域。", "Project and lot share one basin."), facts)
        return Finding(
            False,
            Text(
                f"标的来自{lot.basin}流域，项目在{project.basin}流域。",
                f"The lot comes from the basin {lot.basin}, the project lies in {project.basin}.",
            ),
            facts,
            Text(f"请选择{project.basin}流域的标的。", f"Choose a lot from the basin {project.basin}."),
        )
    facts = {"project_area": project.area, "lot_area": lot.area, "city": book.city}
    if project.area is None or lot.area is None:
        return _unknown("项目或标的所在区域", "the area of the project or of the lot", facts)
    here = {book.city, *book.areas} - {""}
    if _same(project.area, lot.area) or {project.area.casefold(), lot.area.casefold()} <= here:
        return Finding(True, Text("项目与标的在同一城市。", "Project and lot lie in one city."), facts)
    if here and (project.area.casefold() in here or lot.area.casefold() in here):
        return Finding(
            False,
            Text("项目与标的不在同一城市。", "Project and lot do not lie in one city."),
            facts,
            Text("请选择本市的标的。", "Choose a lot of the project's own city."),
        )
    return _unknown("两地是否属于同一城市的信息", "whether the two areas are of one city", facts)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _agriculture(flag: bool | None, sector: str | None, book: Rulebook, on: dt.date) -> bool | None:
    if flag is not None or sector is None:
        return flag
    return sector.casefold() in book.parameter("agriculture_sectors", on).value.split()


@_predicate
def same_sector(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R19: industry and agriculture apart; for air, thermal power (captive plants included) and others apart."""
    lot, project = case.lot, case.project
    if lot is None:
        return _no_lot()
    farm = (
        _agriculture(project.agriculture, project.sector, book, on),
        _agriculture(lot.agriculture, lot.sector, book, on),
    )
    # A works may run a captive power plant, so the sector alone never says that a right is not thermal.
    thermal = (project.thermal_power, lot.thermal_power)
    air = None if lot.pollutant is None else not lot.pollutant.is_water
    facts = {
        "project_agriculture": farm[0],
        "lot_agriculture": farm[1],
        "project_thermal_power": thermal[0],
        "lot_thermal_power": thermal[1],
        "air": air,
    }
    if None not in farm and farm[0] != farm[1]:
        return Finding(
            False,
            Text("工业与农业之间不得交易排污权。", "No trade between industry and agriculture."),
            facts,
            Text("请选择同类行业的标的。", "Choose a lot of the project's own kind of sector."),
        )
    if air and None not in thermal and thermal[0] != thermal[1]:
        return Finding(
            False,
            Text(
                "大气污染物排污权在火电与其他行业之间不得交易。",
                "Air rights are not traded between thermal power and other sectors.",
            ),
            facts,
            Text(
                "请选择火电行业的标的。" if thermal[0] else "请选择非火电行业的标的。",
                "Choose a lot from thermal power."
                if thermal[0]
                else "Choose a lot that is not from thermal power.",
            ),
        )
    if None in farm or air is None or (air and None in thermal):
        return _unknown("项目或标的的行业类别", "the kind of sector of the project or of the lot", facts)
    return Finding(True, Text("行业类别相容。", "The sectors may trade with each other."), facts)


@_predicate
def no_increase_where_missed(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R20: where the target was missed, a lot from elsewhere would raise the local total."""
    lot, project = case.lot, case.project
    if lot is None:
        return _no_lot()
    if lot.pollutant is None:
        return _unknown("标的的污染物", "the lot's pollutant", {})
    attained = project.water_attained if lot.pollutant.is_water else project.air_attained
    medium = Text("水环境", "water") if lot.pollutant.is_water else Text("大气环境", "air")
    facts = {"attained": attained, "project_area": project.area, "lot_area": lot.area}
    if attained:
        return Finding(
            True,
            Text(f"项目所在地{medium.zh}质量达标。", f"The project's area meets the {medium.en} target."),
            facts,
        )
    local = None if project.area is None or lot.area is None else _same(project.area, lot.area)
    if local:
        return Finding(
            True,
            Text(
                "标的来自项目所在地，不增加本地总量。",
                "The lot comes from the project's own area; the local total does not grow.",
            ),
            facts,
        )
    if attained is None:
        return _unknown(
            f"项目所在地{medium.zh}质量达标情况",
            f"whether the project's area meets the {medium.en} target",
            facts,
        )
    if local is None or (lot.area or "").casefold() == book.city != "":
        return _unknown("标的来源区域", "the area the lot comes from", facts)
    return Finding(
        False,
        Text(
            f"项目所在地{medium.zh}质量未达标，外来标的会增加本地总量。",
            f"The project's area misses the {medium.en} target; a lot from elsewhere raises the local total.",
        ),
        facts,
        Text("请选择来自项目所在地的标的。", "Choose a lot from the project's own area."),
    )


def ratios(case: EligibilityCase, book: Rulebook, on: dt.date) -> dict[Pollutant, str | None]:
    """The replacement ratio of each needed (or offered) pollutant; None where the attainment is unknown."""
    wanted = list(covered_needs(case, book, on))
    if case.lot is not None and case.lot.pollutant is not None:
        wanted = [case.lot.pollutant]
    found: dict[Pollutant, str | None] = {}
    for name in wanted:
        attained = case.project.water_attained if name.is_water else case.project.air_attained
        found[name] = (
            None
            if attained is None
            else book.parameter("ratio_attaining" if attained else "ratio_not_attaining", on).value
        )
    return found


@_predicate
def replacement_ratio(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R21: how much must be replaced for each tonne needed."""
    found = ratios(case, book, on)
    facts: dict[str, Any] = {"ratios": {name.value: ratio for name, ratio in found.items()}}
    if not found or None in found.values():
        return _unknown(
            "项目所在地环境质量达标情况", "whether the project's area meets its quality targets", facts
        )
    zh = "、".join(f"{name.label.zh} {ratio}:1" for name, ratio in found.items())
    en = ", ".join(f"{name.value} {ratio}:1" for name, ratio in found.items())
    return Finding(True, Text(f"替代比例：{zh}。", f"Replacement ratio: {en}."), facts)


@_predicate
def lot_is_free(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R23: nothing is laid on the right that is sold, and where the seller is described, it may sell."""
    lot, seller = case.lot, case.seller
    if lot is None and seller is None:
        return _no_lot()
    bars = [bar for part in (lot, seller) if part is not None for bar in _bars_on_sale(part)]
    facts = _stated(lot, seller)
    if any(bar.holds for bar in bars):
        found = list({bar.reason: bar for bar in bars if bar.holds}.values())
        remedies = list(dict.fromkeys(bar.remedy for bar in found))
        return Finding(
            False,
            Text("".join(bar.reason.zh for bar in found), " ".join(bar.reason.en for bar in found)),
            facts,
            Text("".join(text.zh for text in remedies), " ".join(text.en for text in remedies)),
        )
    if any(bar.holds is None for bar in bars):
        return _unknown(
            "标的是否冻结、抵押或出租的信息" if seller is None else "出让方和标的的情况",
            "whether the lot is frozen, mortgaged or leased"
            if seller is None
            else "what stands against the seller or its right",
            facts,
        )
    return Finding(
        True,
        Text("标的未被冻结、抵押或出租。", "The lot is not frozen, mortgaged or leased.")
        if seller is None
        else Text(
            "出让方已确权、未超标，排污权未被保全、抵押或出租。",
            "The seller's right is verified, it keeps its standard, and nothing is laid on the right.",
        ),
        facts,
    )


@dataclass(frozen=True, slots=True)
class _Bar:
    """One condition of R23: whether it holds against the sale (None: not known), and what ends it."""

    holds: bool | None
    reason: Text
    remedy: Text


_ENDED = Text(
    "解除冻结、抵押或收回出租后可以转让。", "It can be sold once the freeze, mortgage or lease has ended."
)
_FROZEN = Text("标的已冻结，不得转让。", "The lot is frozen and cannot be sold.")
_MORTGAGED = Text("标的已抵押，不得转让。", "The lot is mortgaged and cannot be sold.")
_LEASED = Text("标的已出租，不得转让。", "The lot is leased and cannot be sold.")


def _bars_on_sale(part: LotFacts | SellerFacts) -> list[_Bar]:
    if isinstance(part, LotFacts):
        return [
            _Bar(part.frozen, _FROZEN, _ENDED),
            _Bar(part.mortgaged, _MORTGAGED, _ENDED),
            _Bar(part.leased, _LEASED, _ENDED),
        ]
    return [
        _Bar(
            None if part.verified_right is None else not part.verified_right,
            Text("出让方没有经核定的排污权，不得出让。", "The seller has no verified right and cannot sell."),
            Text("排污权核定后可以出让。", "It may sell once its right has been verified."),
        ),
        _Bar(
            part.over_standard,
            Text(
                "出让方超标或超总量排放，不得出让。",
                "The seller discharges over its standard and cannot sell.",
            ),
            Text("整改达标后可以出让。", "It may sell once it keeps its standard again."),
        ),
        _Bar(part.under_preservation, _FROZEN, _ENDED),
        _Bar(part.mortgaged, _MORTGAGED, _ENDED),
        _Bar(part.leased, _LEASED, _ENDED),
    ]


def _stated(lot: LotFacts | None, seller: SellerFacts | None) -> dict[str, Any]:
    """The facts as the case states them."""
    stated: dict[str, Any] = {}
    if lot is not None:
        stated |= {"frozen": lot.frozen, "mortgaged": lot.mortgaged, "leased": lot.leased}
    if seller is not None:
        stated |= {
            "verified_right": seller.verified_right,
            "over_standard": seller.over_standard,
            "seller_mortgaged": seller.mortgaged,
            "seller_leased": seller.leased,
            "under_preservation": seller.under_preservation,
        }
    return stated


@_predicate
def buyer_in_good_standing(case: EligibilityCase, book: Rulebook, on: dt.date) -> Finding:
    """R24: nothing stands against the buyer."""
    if case.buyer is None:
        return Finding(
            None, Text("未给出受让方情况，无法判断。", "The buyer is not described; this cannot be judged.")
        )
    facts = {"penalties": case.buyer.penalties, "dishonest": case.buyer.dishonest}
    if case.buyer.dishonest:
        return Finding(
            False,
            Text("受让方在失信名单上。", "The buyer is on a dishonesty list."),
            facts,
            Text("移出失信名单后可以受让。", "The buyer may buy once it is off the list."),
        )
    if case.buyer.penalties:
        return Finding(
            False,
            Text("受让方有未结的处罚或责令改正。", "The buyer has an open penalty or an order to correct."),
            facts,
            Text("处罚执行完毕、整改验收后可以受让。", "The buyer may buy once the penalty is settled."),
        )
    if None in facts.values():
        return _unknown(
            "受让方处罚和失信情况", "whether penalties or a dishonesty listing stand against the buyer", facts
        )
    return Finding(True, Text("受让方没有受限情形。", "Nothing stands against the buyer."), facts)

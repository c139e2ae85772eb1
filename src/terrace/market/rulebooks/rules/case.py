"""The facts of a case. A fact that nobody stated is None and stays so: the rules answer "unknown", never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """The buyer's project. `needs_g`: new yearly quantity by pollutant, grams per year."""

    new: bool
    needs_g: Mapping[Pollutant, int]
    area: str | None = None
    basin: str | None = None
    sector: str | None = None
    thermal_power: bool | None = None
    agriculture: bool | None = None
    water_attained: bool | None = None
    air_attained: bool | None = None
    voluntary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFacts:
    """What is on sale and where it comes from."""

    pollutant: Pollutant | None = None
    area: str | None = None
    basin: str | None = None
    sector: str | None = None
    thermal_power: bool | None = None
    agriculture: bool | None = None
    frozen: bool | None = None
    mortgaged: bool | None = None
    leased: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerFacts:
    """What is known against the buyer: open penalties or ordered corrections; a dishonesty list."""

    penalties: bool | None = None
    dishonest: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerFacts:
    """What is known of the seller and its right (R23): verified, discharging over its standard, what is laid on it."""

    verified_right: bool | None = None
    over_standard: bool | None = None
    mortgaged: bool | None = None
    leased: bool | None = None
    under_preservation: bool | None = None


SELLER_FLAGS = ("verified_right", "over_standard", "mortgaged", "leased", "under_preservation")


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityCase:
    """One question: a project, and where it is about a purchase, the lot, the buyer and the seller."""

    project: ProjectFacts
    lot: LotFacts | None = None
    buyer: BuyerFacts | None = None
    seller: SellerFacts | None = None


class FieldInvalid(InputInvalid):
    """A field of a case that cannot be read."""

    code = "rulebooks.field_invalid"


def read_case(document: object) -> EligibilityCase:
    """Read a case from a JSON document. Raises FieldInvalid naming the field and what is expected."""
    top = _object(document, "")
    _known(top, "", ("project", "lot", "buyer", "seller"))
    project = _object(top.get("project"), "project")
    _known(
        project,
        "project",
        (
            "new",
            "area",
            "basin",
            "sector",
            "thermal_power",
            "agriculture",
            "attainment",
            "needs_t",
            "voluntary",
        ),
    )
    attainment = _object(
        {} if project.get("attainment") is None else project["attainment"], "project.attainment"
    )
    _known(attainment, "project.attainment", ("water", "air"))
    new = _flag(project, "project", "new")
    if new is None:
        raise _expected("project.new", None, "true 或 false", "true or false")
    needs = _object(project.get("needs_t"), "project.needs_t")
    _known(needs, "project.needs_t", tuple(Pollutant))
    return EligibilityCase(
        project=ProjectFacts(
            new=new,
            needs_g={Pollutant(name): _grams(needs[name], f"project.needs_t.{name}") for name in needs},
            area=_word(project, "project", "area"),
            basin=_word(project, "project", "basin"),
            sector=_word(project, "project", "sector"),
            thermal_power=_flag(project, "project", "thermal_power"),
            agriculture=_flag(project, "project", "agriculture"),
            water_attained=_flag(attainment, "project.attainment", "water"),
            air_attained=_flag(attainment, "project.attainment", "air"),
            voluntary=bool(_flag(project, "project", "voluntary")),
        ),
        lot=None if top.get("lot") is None else _lot(_object(top["lot"], "lot")),
        buyer=None if top.get("buyer") is None else _buyer(_object(top["buyer"], "buyer")),
        seller=None if top.get("seller") is None else _seller(_object(top["seller"], "seller")),
    )


def _lot(lot: Mapping[str, Any]) -> LotFacts:
    flags = ("thermal_power", "agriculture", "frozen", "mortgaged", "leased")
    _known(lot, "lot", ("pollutant", "area", "basin", "sector", *flags))
    pollutant = _word(lot, "lot", "pollutant")
    if pollutant is not None and pollutant.upper() not in tuple(Pollutant):
        names = ", ".join(Pollutant)
        raise _expected("lot.pollutant", pollutant, f"{names} 之一", f"one of {names}")
    return LotFacts(
        pollutant=None if pollutant is None else Pollutant(pollutant.upper()),
        area=_word(lot, "lot", "area"),
        basin=_word(lot, "lot", "basin"),
        sector=_word(lot, "lot", "sector"),
        **{name: _flag(lot, "lot", name) for name in flags},
    )


def _buyer(buyer: Mapping[str, Any]) -> BuyerFacts:
    _known(buyer, "buyer", ("penalties", "dishonest"))
    penalties = buyer.get("penalties")
    if isinstance(penalties, list) and all(isinstance(item, str) for item in penalties):
        against: bool | None = bool(penalties)
    elif isinstance(penalties, int) and not isinstance(penalties, bool) and penalties >= 0:
        against = penalties > 0
    elif penalties is None or isinstance(penalties, bool):
        against = penalties
    else:
        raise _expected(
            "buyer.penalties",
            penalties,
            "true、false、未结处罚件数或其清单",
            "true, false, the number of open penalties or their list",
        )
    return BuyerFacts(penalties=against, dishonest=_flag(buyer, "buyer", "dishonest"))


def _seller(seller: Mapping[str, Any]) -> SellerFacts:
    _known(seller, "seller", SELLER_FLAGS)
    return SellerFacts(**{name: _flag(seller, "seller", name) for name in SELLER_FLAGS})


def _expected(field: str, got: object, zh: str, en: str) -> FieldInvalid:
    shown = "null" if got is None else repr(str(got)[:40]) if not isinstance(got, bool) else str(got).lower()
    return FieldInvalid(where=Text(field or "文件", field or "the file"), got=shown, expected=Text(zh, en))


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _expected(field, value, "对象 {…}", "an object {…}")
    return value


def _known(value: Mapping[str, Any], field: str, names: tuple[str, ...]) -> None:
    for name in value:
        if name not in names:
            place = f"{field}.{name}" if field else str(name)
            raise _expected(
                place,
                name,
                f"已知字段之一({', '.join(names)})",
                f"one of the known fields {', '.join(names)}",
            )


def _flag(value: Mapping[str, Any], field: str, name: str) -> bool | None:
    flag = value.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise _expected(f"{field}.{name}", flag, "true 或 false", "true or false")
    return flag


def _word(value: Mapping[str, Any], field: str, name: str) -> str | None:
    word = value.get(name)
    if word is not None and (not isinstance(word, str) or not word.strip() or len(word) > 100):
        raise _expected(f"{field}.{name}", word, "一个名称(文字)", "a name (text)")
    return None if word is None else word.strip()


def _grams(value: object, field: str) -> int:
    if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal):
        raise _expected(field, value, '吨/年数，如 "0.1"', 'tonnes per year such as "0.1"')
    # The pollutant does not matter for reading; the quantity type carries one.
    return Quantity.from_tonnes(Pollutant.COD, value, where=Text(field, field)).grams_per_year


def tonnes(grams: int) -> str:
    """Exact tonnes without needless zeros: `0.1`, `10`, `0.099999`."""
    text = f"{grams // 1_000_000}.{grams % 1_000_000:06}".rstrip("0")
    return text.rstrip(".")


def case_as_document(case: EligibilityCase) -> dict[str, Any]:
    """The case as the JSON document that `read_case` reads: what a stored decision keeps as its facts."""
    project, lot, buyer = case.project, case.lot, case.buyer
    document: dict[str, Any] = {
        "project": {
            "new": project.new,
            "area": project.area,
            "basin": project.basin,
            "sector": project.sector,
            "thermal_power": project.thermal_power,
            "agriculture": project.agriculture,
            "attainment": {"water": project.water_attained, "air": project.air_attained},
            "needs_t": {name.value: tonnes(grams) for name, grams in project.needs_g.items()},
            "voluntary": project.voluntary,
        }
    }
    if lot is not None:
        document["lot"] = {
            "pollutant": None if lot.pollutant is None else lot.pollutant.value,
            **{
                name: getattr(lot, name)
                for name in (
                    "area",
                    "basin",
                    "sector",
                    "thermal_power",
                    "agriculture",
                    "frozen",
                    "mortgaged",
                    "leased",
                )
            },
        }
    if buyer is not None:
        document["buyer"] = {"penalties": buyer.penalties, "dishonest": buyer.dishonest}
    if case.seller is not None:
        document["seller"] = {name: getattr(case.seller, name) for name in SELLER_FLAGS}
    return document

"""Rules of the registry of rights: words, regions, terms, serial blocks, permit numbers. Pure."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text

CITY = "371500"
TERM_YEARS = 5  # R11, R12: "in principle five years"
RATIO_ONE = 100  # replacement ratios are kept in hundredths: 100 is 1:1, 120 is 1.2:1


class Worded(enum.StrEnum):
    """An enumeration whose members carry their words in both languages."""

    label: Text

    def __new__(cls, value: str, label: Text = Text("", "")) -> Worded:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs for a model field; pages use `label` so that both languages are shown."""
        return [(member.value, member.label.zh) for member in cls]


class Basin(Worded):
    """River basins of the city. Water rights stay in their basin (R18)."""

    TUHAI = "tuhai", Text("徒骇河流域", "Tuhai river basin")
    MAJIA = "majia", Text("马颊河流域", "Majia river basin")
    ZHANGWEI = "zhangwei", Text("漳卫河流域", "Zhangwei canal basin")


class Sector(Worded):
    """Trades of discharging units; agriculture and thermal power are separate markets (R19)."""

    PAPER = "paper", Text("造纸", "Paper")
    TEXTILE = "textile", Text("纺织印染", "Textile dyeing")
    FOOD = "food", Text("食品", "Food")
    GELATIN = "gelatin", Text("阿胶制品", "Donkey-hide gelatin")
    CHEMICAL = "chemical", Text("化工", "Chemical")
    CEMENT = "cement", Text("水泥建材", "Cement and building materials")
    SMELTING = "smelting", Text("有色金属冶炼", "Non-ferrous smelting")
    CARBON = "carbon", Text("碳素制品", "Carbon products")
    BEARING = "bearing", Text("轴承及表面处理", "Bearings and surface treatment")
    POWER = "power", Text("火电及热电联产", "Thermal power and co-generation")
    SEWAGE = "sewage", Text("污水集中处理", "Central sewage works")
    LIVESTOCK = "livestock", Text("畜禽养殖", "Livestock")
    OTHER = "other", Text("其他工业", "Other industry")


class RightSource(Worded):
    """Where a right comes from, as the register and the notice print it."""

    INITIAL = "INITIAL", Text("初始排污权核定", "Verified initial right")
    RESERVED_QUOTA = "RESERVED_QUOTA", Text("预留初始排污权", "Reserved initial quota")
    PAID_REDUCTION = "PAID_REDUCTION", Text("政府投资减排形成", "Reduction paid by government")
    BEYOND_INITIAL = "BEYOND_INITIAL", Text("超出初始排污权的减排量", "Reduction beyond the initial right")


class VerificationKind(Worded):
    INITIAL = "INITIAL", Text("初始排污权", "Initial right")
    SURPLUS = "SURPLUS", Text("富余排污权", "Surplus right")


class Measure(Worded):
    """Irreversible measures that can create a surplus (R22). NONE belongs to initial rights."""

    NONE = "NONE", Text("不适用", "Not applicable")
    CLOSURE = "CLOSURE", Text("淘汰、关闭产能", "Closing capacity")
    CLEANER = "CLEANER", Text("清洁生产改造", "Cleaner production")
    TREATMENT = "TREATMENT", Text("污染治理设施升级", "Treatment upgrade")


class VerificationState(Worded):
    APPLIED = "APPLIED", Text("分局初审中", "First review by the branch")
    REVIEWED = "REVIEWED", Text("市局终审中", "Final decision by the bureau")
    VERIFIED = "VERIFIED", Text("已核定", "Verified")
    REFUSED = "REFUSED", Text("未予核定", "Refused")


class NeedState(Worded):
    APPLIED = "APPLIED", Text("分局核对中", "Being checked by the branch")
    CONFIRMED = "CONFIRMED", Text("需求已确认", "Need confirmed")
    EXEMPT = "EXEMPT", Text("豁免,无需购买", "Exempt, nothing to buy")
    REFUSED = "REFUSED", Text("未予确认", "Not confirmed")


class ProjectKind(Worded):
    NEW = "NEW", Text("新建", "New")
    REBUILT = "REBUILT", Text("改建", "Rebuilt")
    ENLARGED = "ENLARGED", Text("扩建", "Enlarged")
    VOLUNTARY = "VOLUNTARY", Text("现有单位自愿购买", "Existing unit, voluntary")


class EiaStage(Worded):
    PREPARING = "PREPARING", Text("环评编制中", "EIA being prepared")
    FILED = "FILED", Text("环评已受理", "EIA filed")
    APPROVED = "APPROVED", Text("环评已批复", "EIA approved")


class HoldKind(Worded):
    """Why part of a parcel is frozen."""

    LISTING = "LISTING", Text("挂牌冻结", "Frozen for a listing")
    COURT = "COURT", Text("司法冻结", "Frozen by a court")
    MORTGAGE = "MORTGAGE", Text("抵押冻结", "Frozen by a mortgage")


class HoldState(Worded):
    ACTIVE = "ACTIVE", Text("冻结中", "Frozen")
    DELIVERED = "DELIVERED", Text("已交割", "Delivered")
    RELEASED = "RELEASED", Text("已解除", "Released")


class ConductKind(Worded):
    """What bars a buyer while it stands (R24)."""

    PENALTY = "PENALTY", Text("未结的处罚或责令改正", "Open penalty or ordered correction")
    SUPERVISION = "SUPERVISION", Text("挂牌督办", "Listed supervision")
    DISHONEST = "DISHONEST", Text("失信名单", "Dishonesty list")


class CourtPaper(Worded):
    """Papers of a court: what orders a freeze, and what lifts it."""

    COURT_ORDER = "court_order", Text("协助冻结文书", "Order to freeze")
    COURT_LIFT = "court_lift", Text("解除冻结文书", "Order to lift a freeze")


class MoveKind(Worded):
    """How a parcel came to be: the steps of the chain that a citizen reads."""

    ISSUE = "ISSUE", Text("核发", "Issued")
    INTAKE = "INTAKE", Text("收储", "Taken into the reserve")
    TRADE = "TRADE", Text("交易取得", "Acquired by trade")
    CONVEYANCE = "CONVEYANCE", Text("变更主体", "Change of holder")


PERMIT_NO = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}[0-9]{3}")


def permit_no_fault(permit_no: str, credit_code: str) -> Text | None:
    """What is wrong with a permit number of a firm, or None. Real form: the firm's 18-character code + 3 digits."""
    if not PERMIT_NO.fullmatch(permit_no):
        return Text(
            "许可证编号应为18位统一社会信用代码加3位数字。",
            "A permit number is the 18-character credit code and 3 digits.",
        )
    if permit_no[:18] != credit_code:
        return Text(
            "许可证编号的前18位与本单位统一社会信用代码不一致。",
            "The first 18 characters of the permit number are not this firm's credit code.",
        )
    return None


def region_of(pollutant: Pollutant, *, basin: str, city: str = CITY) -> str:
    """The region inside which a right may move freely (R18): the basin for water, the city for air.

    Raises InputInvalid when a water right names no known basin.
    """
    if not pollutant.is_water:
        return city
    if basin not in {b.value for b in Basin}:
        raise InputInvalid(
            where=Text("流域", "basin"),
            got=repr(basin),
            expected=Text("徒骇河、马颊河或漳卫河流域", "tuhai, majia or zhangwei"),
        )
    return basin


def term_end_of(term_start: dt.date, years: int) -> dt.date:
    """The last day of a term: the day before the same date `years` later (29 February ends on 28 February)."""
    try:
        anniversary = term_start.replace(year=term_start.year + years)
    except ValueError:
        return dt.date(term_start.year + years, 2, 28)
    return anniversary - dt.timedelta(days=1)


def required_g(need_g: int, ratio_hundredths: int) -> int:
    """Grams per year to buy for a need under a replacement ratio, rounded up to the gram (R21)."""
    return -(-need_g * ratio_hundredths // RATIO_ONE)


def ratio_text(ratio_hundredths: int) -> str:
    """`1:1`, `1.2:1`, `2:1`: how a notice prints the ratio."""
    whole, rest = divmod(ratio_hundredths, RATIO_ONE)
    return f"{whole}:1" if not rest else f"{whole}.{rest:02d}".rstrip("0") + ":1"


@dataclass(frozen=True, slots=True)
class Block:
    """A half-open block of the serial grams of one right: [start, end)."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def take(self, quantity_g: int) -> tuple[Block, Block]:
        """Cut `quantity_g` from the front: the cut block and what is left. Raises ValueError outside 0 < q <= size."""
        if not 0 < quantity_g <= self.size:
            raise ValueError("a block can only be cut inside itself")
        cut = self.start + quantity_g
        return Block(self.start, cut), Block(cut, self.end)

    def text(self, serial: str) -> str:
        """`371500-NOX-2023-000001/1-4048000`: serial of the right and first and last gram of the block."""
        return f"{serial}/{self.start + 1}-{self.end}"


@dataclass(frozen=True, slots=True)
class AreaRow:
    """One line of seeds/areas.csv."""

    code: str
    name: str
    name_en: str
    division_code: str
    is_zone: bool


def read_areas(rows: Iterable[dict[str, str]]) -> list[AreaRow]:
    """Check the lines of an areas file. Raises InputInvalid naming line and field."""
    areas: list[AreaRow] = []
    for number, row in enumerate(rows, start=2):
        code = (row.get("code") or "").strip()
        name = (row.get("name") or "").strip()
        if not re.fullmatch(r"[a-z]+", code):
            raise InputInvalid(
                where=Text(f"第{number}行 code", f"line {number}, code"),
                got=repr(code),
                expected=Text("小写拼音", "pinyin in small letters"),
            )
        if not name:
            raise InputInvalid(
                where=Text(f"第{number}行 name", f"line {number}, name"),
                got="''",
                expected=Text("区域名称", "the name of the area"),
            )
        if code in {a.code for a in areas}:
            raise InputInvalid(
                where=Text(f"第{number}行 code", f"line {number}, code"),
                got=repr(code),
                expected=Text("不重复的代码", "a code not used before"),
            )
        areas.append(
            AreaRow(
                code=code,
                name=name,
                name_en=(row.get("name_en") or "").strip(),
                division_code=(row.get("division_code") or "").strip(),
                is_zone=(row.get("kind") or "").strip() == "zone",
            )
        )
    return areas


class PaperKind(Worded):
    """Papers behind a verification (D1)."""

    UNIT_PERMIT = "UNIT_PERMIT", Text("排污许可证", "Discharge permit")
    MONITORING_DATA = "MONITORING_DATA", Text("监测数据", "Monitoring data")
    EIA_PAPER = "EIA_PAPER", Text("环评文件", "EIA")
    MEASURE_PROOF = "MEASURE_PROOF", Text("减排措施不可逆的证明", "Proof that the measure is irreversible")

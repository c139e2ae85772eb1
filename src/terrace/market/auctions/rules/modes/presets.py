"""The trading modes, place by place: Liaocheng and the systems whose rules we saw (domain E, R13, R16, R26, R28, R42)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.clearing import IfShort, Tie
from terrace.market.auctions.rules.fixed_price import OverCap
from terrace.market.auctions.rules.modes.mode import (
    Counts,
    Form,
    Mark,
    Mode,
    Nobody,
    Offered,
    OneBidder,
    Pays,
    Period,
    QuoteLimit,
    Source,
    Stage,
    Who,
)

MINUTE = dt.timedelta(minutes=1)
SEVENTY = Decimal("0.7")


class ModeUnknown(Refusal):
    """No preset has that name."""

    code = "auctions.mode_unknown"
    text = Text(
        "没有名为 {name} 的交易方式；可用：{known}。", "No trading mode is named {name}; there are: {known}."
    )
    http_status = 404


def _sourced(zh: str, en: str) -> Source:
    return Source(Mark.SOURCED, Text(zh, en))


def _proposed(zh: str, en: str) -> Source:
    return Source(Mark.PROPOSED, Text(zh, en))


OURS = _proposed("未见条款，平台建议值", "No clause was seen; proposed by the platform")
HEBEI = _sourced(
    "河北省衡水市政府储备化学需氧量排污权交易公告(2024-11-09)",
    "Hengshui notice on COD rights of the reserve (2024-11-09)",
)
NINGXIA = _sourced("宁排污出让告字[2025]10号", "Ningxia release notice [2025] no. 10")
WUYI = _sourced("武义县排污权竞价公告2021-7", "Wuyi notice 2021-7")
YIWU = _sourced("义乌市排污权竞价公告2020-1", "Yiwu notice 2020-1")
QUEBEC = _sourced("魁北克 Q-2, r. 46.1 第48至55条", "Québec Q-2, r. 46.1, ss. 48-55")
QUEBEC_MARGIN = _proposed(
    "魁北克第61.5条的三步写的是储备出售；竞价中抽签分配余数见加州报告，其余为平台建议",
    "The three steps of Québec's s. 61.5 are those of reserve sales; for auctions the draw for the rest is Californian, "
    "and the other steps are proposed",
)
EU = _sourced("欧盟第1031/2010号条例第7条", "Regulation (EU) 1031/2010, article 7")
GUANGDONG = _sourced(
    "广州碳排放权交易所公告2014-09、2015-12", "Guangzhou exchange notices of 2014-09 and 2015-12"
)
EPA = _sourced("美国42 USC 7651o(d)、环保署竞价页面", "42 USC 7651o(d) and the EPA auction pages")
HUNTER = _sourced("新南威尔士州环保署猎人河盐度交易说明", "NSW EPA, Hunter River salinity trading scheme")

# Several forms have no clause for a case that software must decide all the same.
_CHINESE_END: Mapping[str, Source] = {"nobody": OURS, "one_bidder": OURS}

_MODES = (
    Mode(
        name="liaocheng",
        form=Form.ASCENDING,
        title=Text("聊城：电子竞价(自由竞价加限时竞价)", "Liaocheng: e-bidding, free and timed period"),
        offered=Offered.WHOLE_LOT,
        who=Who.QUALIFIED_WITH_DEPOSIT,
        periods=(
            Period(Stage.FREE),
            Period(Stage.WAIT, 4 * MINUTE),
            Period(Stage.TIMED, 4 * MINUTE, restarts=True),
        ),
        quotes=QuoteLimit(None, Counts.HIGHEST),
        pays=Pays.OWN,
        tie=Tie.TIME,
        deposit="liaocheng",
        one_bidder=OneBidder.AGREEMENT_AT_FLOOR,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={"*": OURS},
    ),
    Mode(
        name="ningxia",
        form=Form.DESCENDING_FILL,
        title=Text(
            "宁夏：可分标的按价格由高到低成交", "Ningxia: a divisible lot filled from the highest price"
        ),
        offered=Offered.DIVISIBLE_LOT,
        who=Who.QUALIFIED_WITH_DEPOSIT,
        periods=(
            Period(Stage.FREE),
            Period(Stage.WAIT, 4 * MINUTE),
            Period(Stage.TIMED, 4 * MINUTE, restarts=True),
        ),
        increment_fen=50_000,
        quotes=QuoteLimit(None, Counts.HIGHEST),
        pays=Pays.OWN,
        tie=Tie.TIME,
        if_short=IfShort.SELL,
        deposit="ningxia",
        one_bidder=OneBidder.AGREEMENT_AT_FLOOR,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": NINGXIA,
            "periods": _proposed(
                "等待4分钟见公告；限时竞价倒计时长度未见，建议4分钟",
                "The wait of 4 minutes is printed; the length of the timed countdown was not seen, 4 minutes proposed",
            ),
            "deposit": _proposed("公告未印保证金数额", "The notice prints no deposit"),
            "if_short": OURS,
            **_CHINESE_END,
        },
    ),
    Mode(
        name="hengshui",
        form=Form.TOP_SHARE,
        title=Text("衡水：前70%成交，最高报价有效", "Hengshui: the first 70% win, the highest quote counts"),
        offered=Offered.OWN_NEED_OF_EACH,
        who=Who.QUALIFIED_WITH_DEPOSIT,
        periods=(Period(Stage.ROUND, 60 * MINUTE),),
        increment_fen=5_000,
        quotes=QuoteLimit(10, Counts.HIGHEST),
        pays=Pays.OWN,
        tie=Tie.TIME,
        share=SEVENTY,
        deposit="hengshui",
        one_bidder=OneBidder.AGREEMENT_AT_AVERAGE,
        average_days=10,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": HEBEI,
            "periods": _proposed("时长未见，按武义60分钟", "The length was not seen; Wuyi's 60 minutes"),
            "quotes": _proposed(
                "最高报价有效见公告；次数未见，按武义10次",
                "That the highest counts is printed; the number was not seen, Wuyi's ten",
            ),
            "nobody": OURS,
        },
    ),
    Mode(
        name="wuyi",
        form=Form.TOP_SHARE,
        title=Text("武义：前70%成交，最终报价有效", "Wuyi: the first 70% win, the final quote counts"),
        offered=Offered.OWN_NEED_OF_EACH,
        who=Who.QUALIFIED_WITH_DEPOSIT,
        periods=(Period(Stage.ROUND, 60 * MINUTE),),
        quotes=QuoteLimit(10, Counts.FINAL),
        pays=Pays.OWN,
        tie=Tie.TIME,
        share=SEVENTY,
        deposit="liaocheng",
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": WUYI,
            "who": OURS,
            "deposit": OURS,
            "one_bidder": _proposed(
                "公告未见；由 n=1 时取1名推出", "Not seen; follows from one winner where n = 1"
            ),
            "nobody": OURS,
        },
    ),
    Mode(
        name="yiwu",
        form=Form.TOP_SHARE,
        title=Text(
            "义乌：前70%成交，底价为收费标准的1.5倍",
            "Yiwu: the first 70% win, from 1.5 times the fee standard",
        ),
        offered=Offered.OWN_NEED_OF_EACH,
        who=Who.QUALIFIED_WITH_DEPOSIT,
        periods=(Period(Stage.ROUND, 60 * MINUTE),),
        quotes=QuoteLimit(10, Counts.FINAL),
        pays=Pays.OWN,
        tie=Tie.TIME,
        share=SEVENTY,
        floor_multiple=Decimal("1.5"),
        deposit="liaocheng",
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": YIWU,
            "who": OURS,
            "deposit": OURS,
            "one_bidder": _proposed(
                "公告未见；由 n=1 时取1名推出", "Not seen; follows from one winner where n = 1"
            ),
            "nobody": OURS,
        },
    ),
    Mode(
        name="one-bidder",
        form=Form.ONE_BIDDER,
        title=Text("只有一家合格：协议", "One qualified bidder: agreement"),
        offered=Offered.WHOLE_LOT,
        who=Who.ONLY_QUALIFIED_BIDDER,
        pays=Pays.AGREED,
        one_bidder=OneBidder.AGREEMENT_AT_FLOOR,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": _sourced(
                "佛山PW2018(SZ)GK0005：一家合格即协议成交",
                "Foshan PW2018(SZ)GK0005: one qualified, agreement",
            ),
            **_CHINESE_END,
        },
    ),
    Mode(
        name="take-listing",
        form=Form.TAKE_LISTING,
        title=Text("挂牌点选：按时间先后全部或部分摘牌", "Take-the-listing: whole or in part, by time"),
        offered=Offered.POSTED_BALANCE,
        who=Who.CONFIRMED_NEED,
        pays=Pays.POSTED,
        tie=Tie.TIME,
        over_need=OverCap.REFUSE,
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.STAYS_LISTED,
        sources={
            "*": _proposed(
                "河北有挂牌点选方式；细则未见，平台建议",
                "Hebei has this mode; its details were not seen, proposed by the platform",
            ),
        },
    ),
    Mode(
        name="agreement",
        form=Form.AGREEMENT,
        title=Text("协议转让：双方各两人确认", "Agreement: two persons of each side confirm"),
        offered=Offered.AGREED_QUANTITY,
        who=Who.BOTH_PARTIES_TWO_PERSONS,
        pays=Pays.AGREED,
        one_bidder=OneBidder.AGREEMENT_AT_FLOOR,
        nobody=Nobody.FAILED_OR_RELISTED,
        sources={
            "*": _proposed(
                "河北、福建有协议方式；双人确认为平台建议",
                "Hebei and Fujian have this mode; two persons on each side are proposed by the platform",
            ),
        },
    ),
    Mode(
        name="small-needs",
        form=Form.FIXED_PRICE,
        title=Text(
            "小额需求定价出让：按申请先后，以确认需求为限",
            "Small needs at a fixed price, by time, up to the need",
        ),
        offered=Offered.POSTED_BALANCE,
        who=Who.SMALL_NEED,
        pays=Pays.POSTED,
        tie=Tie.TIME,
        over_need=OverCap.CUT,
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.STAYS_LISTED,
        sources={
            "*": _proposed(
                "中卫市排污权储备和调控管理办法有小额简易方式；细则为平台建议",
                "The Zhongwei measures have a simple way for small needs; its details are proposed by the platform",
            ),
        },
    ),
    Mode(
        name="eu",
        form=Form.SEALED,
        title=Text(
            "欧盟式：统一价，需求不足即取消", "EU-like: uniform price, cancelled when demand is short"
        ),
        offered=Offered.LOTS_OF_UNITS,
        who=Who.ADMITTED_WITH_GUARANTEE,
        pays=Pays.LOWEST_ACCEPTED,
        tie=Tie.RANDOM,
        if_short=IfShort.CANCEL,
        lot=Decimal(500),
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.UNSOLD,
        sources={
            "*": EU,
            "lot": _sourced("欧洲能源交易所竞价设计：每手500", "EEX auction design: lots of 500"),
            "one_bidder": OURS,
            "nobody": OURS,
        },
    ),
    Mode(
        name="quebec",
        form=Form.SEALED,
        title=Text("魁北克式：统一价，限额与担保", "Québec-like: uniform price, limits and guarantee"),
        offered=Offered.LOTS_OF_UNITS,
        who=Who.ADMITTED_WITH_GUARANTEE,
        pays=Pays.LOWEST_ACCEPTED,
        tie=Tie.PRO_RATA,
        if_short=IfShort.SELL,
        lot=Decimal(1000),
        purchase_percent=Decimal(25),
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.UNSOLD,
        sources={
            "*": QUEBEC,
            "tie": QUEBEC_MARGIN,
            "lot": _sourced("西部气候倡议竞价：每手1,000", "WCI auctions: lots of 1,000"),
            "one_bidder": OURS,
            "nobody": OURS,
        },
    ),
    Mode(
        name="guangdong",
        form=Form.SEALED,
        title=Text(
            "广东碳配额式：统一价，时间优先，可部分售出",
            "Guangdong-like: uniform price, time, undersold allowed",
        ),
        offered=Offered.LOTS_OF_UNITS,
        who=Who.ADMITTED_WITH_GUARANTEE,
        pays=Pays.LOWEST_ACCEPTED,
        tie=Tie.TIME,
        if_short=IfShort.SELL,
        bid_minimum=Decimal(1000),
        purchase_percent=Decimal(50),
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.UNSOLD,
        sources={"*": GUANGDONG, "who": OURS, "one_bidder": OURS, "nobody": OURS},
    ),
    Mode(
        name="epa",
        form=Form.SEALED,
        title=Text(
            "美国酸雨计划式：各付己价，可部分售出", "EPA-like: each pays its own bid, undersold allowed"
        ),
        offered=Offered.LOTS_OF_UNITS,
        who=Who.ADMITTED_WITH_GUARANTEE,
        pays=Pays.OWN,
        tie=Tie.RANDOM,
        if_short=IfShort.SELL,
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.UNSOLD,
        sources={
            "*": EPA,
            "who": OURS,
            "tie": _proposed(
                "并列规则未见，建议按种子抽签", "The tie rule was not seen; a seeded draw is proposed"
            ),
            "one_bidder": OURS,
            "nobody": OURS,
        },
    ),
    Mode(
        name="hunter-river",
        form=Form.SEALED,
        title=Text("猎人河式：多单位维克里", "Hunter-River-like: multi-unit Vickrey"),
        offered=Offered.LOTS_OF_UNITS,
        who=Who.ADMITTED_WITH_GUARANTEE,
        pays=Pays.DISPLACED,
        tie=Tie.RANDOM,
        if_short=IfShort.SELL,
        one_bidder=OneBidder.SELLS,
        nobody=Nobody.UNSOLD,
        sources={
            "*": HUNTER,
            "who": OURS,
            "tie": _proposed(
                "并列规则未见，建议按种子抽签", "The tie rule was not seen; a seeded draw is proposed"
            ),
            "if_short": OURS,
            "one_bidder": OURS,
            "nobody": OURS,
        },
    ),
)

MODES: Mapping[str, Mode] = MappingProxyType({mode.name: mode for mode in _MODES})
SEALED_MODES = tuple(mode.name for mode in _MODES if mode.form is Form.SEALED)


def mode_of(name: str) -> Mode:
    """The preset of that name. Raises ModeUnknown, which lists the names."""
    try:
        return MODES[name.strip().lower()]
    except KeyError:
        raise ModeUnknown(name=name[:60], known=", ".join(MODES)) from None

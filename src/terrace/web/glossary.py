"""The words of the market with their plain meaning, in the order in which a newcomer meets them."""

from __future__ import annotations

from dataclasses import dataclass

from terrace.kernel.base.texts import Text


@dataclass(frozen=True, slots=True)
class Term:
    """One word: `anchor` is its place on the page, so that other pages can link to it."""

    anchor: str
    name: Text
    meaning: Text


GLOSSARY: tuple[Term, ...] = (
    Term("right", Text("排污权", "Discharge right"), Text(
        "经核定后，一家排污单位在一定年限内每年可以排放某种污染物的种类和数量。写入排污许可证后生效。",
        "The kind and yearly quantity of a pollutant that a unit may emit for a term of years, as verified. It takes effect in the discharge permit.")),
    Term("pollutants", Text("主要污染物", "Main pollutants"), Text(
        "本市交易的六种：化学需氧量、氨氮(水)，二氧化硫、氮氧化物、挥发性有机物、颗粒物(气)。",
        "Six are traded here: chemical oxygen demand and ammonia nitrogen (water); sulphur dioxide, nitrogen oxides, volatile organic compounds and particulate matter (air).")),
    Term("unit", Text("排污单位", "Discharging unit"), Text(
        "应当取得排污许可证的厂区。一家企业可以有几个排污单位。",
        "A site that needs a discharge permit. One firm may have several.")),
    Term("verification", Text("核定", "Verification"), Text(
        "分局初审、市生态环境局终审，确定一个排污单位有多少排污权，或者减下来多少可以出售。",
        "The county branch reviews and the city bureau decides how much right a unit has, or how much of a reduction it may sell.")),
    Term("need", Text("需求核定", "Need confirmation"), Text(
        "新建、改建、扩建项目需要多少排污权，由分局根据环评文件确认。报名前必须先有它。",
        "How much right a new, rebuilt or enlarged project needs; the branch confirms it from the environmental assessment. You need it before you can sign up.")),
    Term("reserve", Text("政府储备排污权", "Government reserve"), Text(
        "由储备机构持有的排污权，来自预留、回购、收回等，可以向需要的项目出让。",
        "Rights held by the reserve body, from reserved quota, buy-back or reclaim, released to projects that need them.")),
    Term("release", Text("出让 / 转让", "Release / transfer"), Text(
        "政府卖给企业叫出让；企业卖给企业叫转让。",
        "From the government to a firm: release. From firm to firm: transfer.")),
    Term("lot", Text("标的", "Lot"), Text(
        "一次挂牌出售的一份排污权：一种污染物、一个数量、一个年限。",
        "What one listing offers: one pollutant, one quantity, one term.")),
    Term("listing", Text("挂牌", "Listing"), Text(
        "公开出让的公告，写明数量、起始价、时间安排和竞买条件。",
        "The public offer: quantity, starting price, calendar and conditions.")),
    Term("basis", Text("计价口径", "Price basis"), Text(
        "“元/吨·年”要再乘年限；“元/吨(5年期)”是整个年限一次付清的单价。两者相差一个年限的倍数，不能直接比较。",
        "“CNY per tonne-year” is multiplied by the years; “CNY per tonne (5-year term)” is paid once for the whole term. They differ by the number of years and cannot be compared directly.")),
    Term("start", Text("起始价", "Starting price"), Text(
        "报价不得低于它。", "No quote may be below it.")),
    Term("increment", Text("加价幅度", "Increment"), Text(
        "每次报价至少要比当前最高价高出的数额，且须按它的整数倍加价。",
        "The least by which a quote must exceed the highest one; raises are whole multiples of it.")),
    Term("deposit", Text("保证金", "Deposit"), Text(
        "报名后从本单位账户交纳，到账才能参加竞价。成交后转为价款，未成交退还；违约则不退。",
        "Paid from the firm's own account after sign-up; no bidding without it. It becomes part of the price if you win and goes back if you do not; it is lost on default.")),
    Term("qualification", Text("资格审查", "Qualification"), Text(
        "交易机构按公告和规则审查能否参加，每一条都写明依据。",
        "The trading institution checks whether you may take part, naming the clause for each point.")),
    Term("free", Text("自由竞价期", "Free-bidding period"), Text(
        "在公告写明的时间内随时报价，次数不限。",
        "Quote at any time within the printed hours, as often as you like.")),
    Term("timed", Text("限时竞价期", "Timed-bidding period"), Text(
        "自由竞价后，如有两家以上报过价，进入倒计时；每出现一次有效报价，重新计时；计时走完无人报价即结束。",
        "After the free period, where at least two have quoted, a countdown runs; every accepted quote restarts it; it ends when nobody quotes before it runs out.")),
    Term("one", Text("协议出让", "Agreement"), Text(
        "只有一家合格竞买人时，不竞价，按不低于起始价的价格签订协议。",
        "With only one admitted bidder there is no auction: the price is agreed at or above the starting price.")),
    Term("publicity", Text("公示", "Publicity"), Text(
        "成交结果公开，期间任何人都可以提出异议。",
        "The result is published; anyone may object while it runs.")),
    Term("certificate", Text("鉴证书", "Transaction certificate"), Text(
        "签约付清后由交易机构出具，交易自此生效。编号可以在本平台核验。",
        "Issued by the trading institution after contract and payment; it makes the trade effective. Its number can be checked on this platform.")),
    Term("delivery", Text("交割与变更登记", "Delivery and change registration"), Text(
        "排污权从出让方转到受让方名下，再写入双方的排污许可证。",
        "The right moves from seller to buyer and is entered in the permits of both.")),
    Term("basin", Text("流域 / 区域", "Basin / region"), Text(
        "水污染物只能在同一流域内交易，大气污染物在本市范围内交易。",
        "Water pollutants trade within one basin, air pollutants within the city.")),
    Term("ratio", Text("替代比例", "Replacement ratio"), Text(
        "买多少抵一份需要。1:1 是等量替代，2:1 是买两份抵一份。",
        "How much you buy for what you need: 1:1 is equal, 2:1 is two for one.")),
    Term("exemption", Text("豁免", "Exemption"), Text(
        "排放量很小的项目不必购买，由分局统一核销。", "Projects with very small emissions need not buy; the branch writes them off.")),
    Term("workday", Text("工作日", "Working day"), Text(
        "按国务院公布的放假调休安排计算，调休上班的周末也算。起算当天不计。",
        "By the State Council's holiday arrangement, weekends worked in exchange included. The first day does not count.")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage on a buyer's way: what to do, what to bring, how long it takes, on what ground."""

    title: Text
    text: Text
    who: Text
    bring: tuple[Text, ...] = ()
    terms: tuple[str, ...] = ()


STAGES: tuple[Stage, ...] = (
    Stage(Text("开立账户", "Open an account"), Text(
        "用统一社会信用代码登记单位，经办人和审批人各用自己的账户登录；两人不能是同一人。",
        "Register the firm by its unified social credit code. Clerk and approver each have a sign-in of their own; they cannot be one person."),
        Text("企业申请，交易机构审核", "The firm applies, the trading institution reviews"),
        (Text("营业执照", "Business licence"), Text("法定代表人身份信息", "Identity of the legal representative"), Text("经办人授权委托书", "Letter of authority for the clerk"))),
    Stage(Text("确认需求", "Have your need confirmed"), Text(
        "填写项目的污染物和每年吨数。系统当场告诉您是必须购买、自愿、豁免还是不适用，以及依据哪一条。",
        "Enter the project's pollutants in tonnes a year. The page tells you at once whether you must buy, may buy, are exempt or not covered, and by which clause."),
        Text("企业填写，分局确认", "The firm fills in, the county branch confirms"),
        (Text("环评文件或排污许可证", "Environmental assessment or discharge permit"),), ("need", "exemption")),
    Stage(Text("报名", "Sign up for a lot"), Text(
        "在标的页面报名，分步填写，每步自动保存；提交前核对一遍。提交后得到受理编号。",
        "Sign up on the page of the lot, step by step; each step is saved. Check your answers, submit, and receive a number."),
        Text("经办人填写，审批人确认", "The clerk fills in, the approver confirms"),
        (Text("受让申请表", "Application form"), Text("承诺书", "Promise letter"), Text("营业执照", "Business licence"), Text("排污许可证或环评批复", "Discharge permit or assessment approval")), ("lot", "listing")),
    Stage(Text("资格审查，交保证金", "Qualify and pay the deposit"), Text(
        "审查通过后，从本单位账户按付款编号转账。到账时间以银行流水为准。",
        "Once qualified, transfer the deposit from the firm's own account with the printed reference. The bank statement decides when it arrived."),
        Text("交易机构审查，企业付款", "The trading institution checks, the firm pays"), (), ("qualification", "deposit")),
    Stage(Text("竞价", "Bid"), Text(
        "页面显示服务器时间、您的排位、下一口有效价。其他竞买人只显示代号。出价被接受后不能撤回。",
        "The page shows the server's time, your standing and the next valid price. Others appear under a mask. An accepted quote cannot be withdrawn."),
        Text("取得资格的企业", "Qualified firms"), (), ("start", "increment", "free", "timed", "one")),
    Stage(Text("成交、公示、签约、付款", "Award, publicity, contract, payment"), Text(
        "结果公示期间可以提出异议。期满无异议后双方签约，在期限内付清。未成交者退还保证金。",
        "Anyone may object while the result is published. After that both sign and the buyer pays in time. The others get their deposits back."),
        Text("双方与交易机构", "Both parties and the trading institution"), (), ("publicity",)),
    Stage(Text("领取鉴证书，变更许可证", "Certificate and permit change"), Text(
        "鉴证书带编号、二维码和电子签名，任何人都能核验。凭它办理许可证变更和环评审批。",
        "The certificate carries a number, a QR code and a signature that anybody can check. With it you change the permit and pass the assessment."),
        Text("交易机构、许可审批部门", "Trading institution, permit office"), (), ("certificate", "delivery")),
)  # fmt: skip


def term(anchor: str) -> Term:
    """The glossary's entry of that name."""
    return next(entry for entry in GLOSSARY if entry.anchor == anchor)

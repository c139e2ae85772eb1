"""The procedures of a public offer and of a firm's sign-up (D 3 to 9)."""

from __future__ import annotations

from dataclasses import replace

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.rules import Deadline, Procedure, State, Transition

NOTICE = "按出让公告载明的时间办理"
ACCEPT = "交易机构受理后冻结标的排污权"
MODE = "报名、资格审查和保证金截止后按合格竞买人数确定交易方式"
AFTER_AWARD = "成交后未签约、未付款或被宣告无效的，标的可以重新出让"
STOP = "公告期间因故中止或终止交易"
SIGNUP = "按出让公告报名，企业经办、审批分离"
DEPOSIT = "保证金须在公告载明的时间前到账，未到账不得参加竞价"

COURT = "R23 被司法冻结、查封的排污权不得转让"

_BEFORE_SALE = ("DRAFT", "ACCEPTED")

LISTING = Procedure(
    code="listings.listing",
    version=1,
    title=Text("挂牌出让", "Public offer"),
    initial="DRAFT",
    states=(
        State("DRAFT", Text("拟稿", "Draft"), Text("准备中", "In preparation")),
        State(
            "ACCEPTED", Text("已受理并冻结，待公告", "Accepted and frozen"), Text("准备中", "In preparation")
        ),
        State(
            "ANNOUNCED",
            Text("公告、报名与资格审查", "Notice, sign-up, qualification"),
            Text("公告中", "Announced"),
            deadline=Deadline("next_at", "fact", "open_quoting", NOTICE),
        ),
        State("BIDDING", Text("电子竞价", "Bidding"), Text("竞价中", "Bidding")),
        State("AGREEMENT", Text("协议出让", "Agreement"), Text("协议出让", "Agreement")),
        State("SOLD", Text("已成交", "Sold"), Text("已成交", "Sold"), final=True),
        State("FAILED", Text("未成交", "Not sold"), Text("未成交", "Not sold"), final=True),
        State("TERMINATED", Text("已终止", "Terminated"), Text("已终止", "Terminated"), final=True),
        State("WITHDRAWN", Text("出让方撤回", "Withdrawn"), Text("已撤回", "Withdrawn"), final=True),
    ),
    transitions=(
        Transition(
            "accept",
            ("DRAFT",),
            "ACCEPTED",
            ("EXCHANGE_MAKER",),
            Text("受理并冻结排污权", "Accept and freeze the right"),
            ACCEPT,
        ),
        Transition(
            "announce",
            ("ACCEPTED",),
            "ANNOUNCED",
            ("EXCHANGE_MAKER",),
            Text("发布公告", "Publish the notice"),
            NOTICE,
        ),
        Transition(
            "open_quoting",
            ("ANNOUNCED",),
            "ANNOUNCED",
            ("SYSTEM",),
            Text("开始自由报价", "Open quoting"),
            NOTICE,
            expected=False,
        ),
        Transition(
            "to_bidding", ("ANNOUNCED",), "BIDDING", ("SYSTEM",), Text("转电子竞价", "Go to bidding"), MODE
        ),
        Transition(
            "to_agreement",
            ("ANNOUNCED",),
            "AGREEMENT",
            ("SYSTEM",),
            Text("转协议出让", "Go to agreement"),
            MODE,
        ),
        Transition(
            "fail",
            ("ANNOUNCED", "BIDDING", "AGREEMENT"),
            "FAILED",
            ("SYSTEM", "EXCHANGE_MAKER", "EXCHANGE_CHECKER"),
            Text("未成交", "Not sold"),
            MODE,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "sell",
            ("BIDDING", "AGREEMENT"),
            "SOLD",
            ("SYSTEM", "EXCHANGE_MAKER", "EXCHANGE_CHECKER"),
            Text("成交", "Sold"),
            MODE,
            expected=False,
        ),
        Transition(
            "withdraw",
            _BEFORE_SALE,
            "WITHDRAWN",
            ("RESERVE_MAKER",),
            Text("出让方撤回", "Withdraw"),
            "公告发布前出让方可以撤回",
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "terminate",
            ("ANNOUNCED",),
            "TERMINATED",
            ("EXCHANGE_MAKER", "EXCHANGE_CHECKER"),
            Text("终止交易", "Terminate"),
            STOP,
            needs_reason=True,
            expected=False,
        ),
    ),
)

# Version 2: a sale that came to nothing after its award is written into the case as well, not on the offer alone.
LISTING_2 = replace(
    LISTING,
    version=2,
    transitions=(
        *LISTING.transitions,
        Transition(
            "sale_ended",
            ("SOLD",),
            "FAILED",
            ("SYSTEM",),
            Text("成交后未完成", "The sale came to nothing"),
            AFTER_AWARD,
            needs_reason=True,
            expected=False,
            after_end=True,
        ),
    ),
)

# Version 3: an offer that a court stopped while it was being sold may be ended, too, and ends by itself when the
# court lets go after quoting was broken off.
LISTING_3 = replace(
    LISTING_2,
    version=3,
    transitions=tuple(
        replace(
            t,
            sources=("ANNOUNCED", "BIDDING", "AGREEMENT"),
            roles=("EXCHANGE_MAKER", "EXCHANGE_CHECKER", "SYSTEM"),
        )
        if t.code == "terminate"
        else t
        for t in LISTING_2.transitions
    ),
)

SIGN_UP = Procedure(
    code="listings.signup",
    version=1,
    title=Text("报名", "Sign-up"),
    initial="DRAFT",
    states=(
        State(
            "DRAFT",
            Text("填写中", "Being filled in"),
            Text("填写中", "Being filled in"),
            deadline=Deadline("signup_until", "fact", "lapse", NOTICE),
        ),
        State(
            "CONFIRMING",
            Text("待本单位审批人确认", "Waiting for the firm's approver"),
            Text("待确认", "Waiting"),
            deadline=Deadline("signup_until", "fact", "lapse", NOTICE),
        ),
        State(
            "SUBMITTED",
            Text("待资格审查", "Waiting for qualification"),
            Text("已报名", "Signed up"),
            deadline=Deadline("qualification_until", "fact", "qualification_missed", NOTICE, proposed=True),
        ),
        State(
            "QUALIFIED",
            Text("待交保证金", "Waiting for the deposit"),
            Text("已通过", "Qualified"),
            deadline=Deadline("deposit_until", "fact", "deposit_missed", DEPOSIT),
        ),
        State("ADMITTED", Text("已取得竞买资格", "Admitted"), Text("已取得竞买资格", "Admitted"), final=True),
        State("REFUSED", Text("未通过", "Not qualified"), Text("未通过", "Not qualified"), final=True),
        State(
            "NOT_PAID",
            Text("保证金未按时到账", "Deposit not received"),
            Text("未取得竞买资格", "Not admitted"),
            final=True,
        ),
        State("LAPSED", Text("逾期未提交", "Lapsed"), Text("逾期未提交", "Lapsed"), final=True),
        State("WITHDRAWN", Text("已撤回", "Withdrawn"), Text("已撤回", "Withdrawn"), final=True),
    ),
    transitions=(
        Transition(
            "send",
            ("DRAFT",),
            "CONFIRMING",
            ("FIRM_CLERK@firm",),
            Text("送本单位审批人确认", "Send to the approver"),
            SIGNUP,
        ),
        Transition(
            "return_draft",
            ("CONFIRMING",),
            "DRAFT",
            ("FIRM_APPROVER@firm",),
            Text("退回经办人修改", "Back to the clerk"),
            SIGNUP,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "confirm",
            ("CONFIRMING",),
            "SUBMITTED",
            ("FIRM_APPROVER@firm",),
            Text("确认并提交报名", "Confirm and submit"),
            SIGNUP,
            other_person_than=("send",),
        ),
        Transition(
            "lapse",
            ("DRAFT", "CONFIRMING"),
            "LAPSED",
            ("SYSTEM",),
            Text("逾期作废", "Lapse"),
            NOTICE,
            expected=False,
        ),
        Transition(
            "qualify",
            ("SUBMITTED",),
            "QUALIFIED",
            ("EXCHANGE_MAKER",),
            Text("资格审查通过", "Qualify"),
            NOTICE,
        ),
        Transition(
            "refuse",
            ("SUBMITTED",),
            "REFUSED",
            ("EXCHANGE_MAKER",),
            Text("资格审查不通过", "Refuse"),
            NOTICE,
            needs_reason=True,
        ),
        Transition(
            "qualification_missed",
            ("SUBMITTED",),
            "REFUSED",
            ("SYSTEM",),
            Text("审查期限届满未通过", "Not qualified in time"),
            NOTICE,
            expected=False,
        ),
        Transition(
            "admit",
            ("QUALIFIED",),
            "ADMITTED",
            ("SYSTEM",),
            Text("保证金到账，取得竞买资格", "Deposit received, admitted"),
            DEPOSIT,
            expected=False,
        ),
        Transition(
            "deposit_missed",
            ("QUALIFIED",),
            "NOT_PAID",
            ("SYSTEM",),
            Text("保证金未按时到账", "Deposit not received in time"),
            DEPOSIT,
            expected=False,
        ),
        Transition(
            "withdraw",
            ("DRAFT", "CONFIRMING", "SUBMITTED", "QUALIFIED"),
            "WITHDRAWN",
            ("FIRM_CLERK@firm", "FIRM_APPROVER@firm"),
            Text("撤回报名", "Withdraw"),
            SIGNUP,
            expected=False,
        ),
        Transition(
            "end",
            ("DRAFT", "CONFIRMING", "SUBMITTED", "QUALIFIED"),
            "WITHDRAWN",
            ("SYSTEM",),
            Text("标的终止，报名结束", "The offer ended"),
            STOP,
            expected=False,
        ),
    ),
)

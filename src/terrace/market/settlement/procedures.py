"""The way of a trade from award to permit, and of a refund, as data (domain D, steps 11 to 19).

Amounts that no source gives are marked `proposed`; pages show them so. Deadlines of unit "fact" are
instants that the services write into the case, because they are printed in a notice or shared by
several states (the contract's three days run on while one party has signed).
"""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.procedures import Deadline, Procedure, State, Transition

TRADE = "market.trade"
REFUND = "market.refund"

PUBLICITY_WORKDAYS = 5
OBJECTION_WORKDAYS = 10
CONTRACT_WORKDAYS = 3
PAYMENT_WORKDAYS = 7
REFUND_WORKDAYS = 5
INCOME_WORKDAYS = 7
PERMIT_WORKDAYS = 15

CLAUSE_PUBLICITY = "DB62/T 4150-2020 结果公示（5个工作日，本市采用为建议值）"
CLAUSE_CONTRACT = "R29 成交通知后3个工作日内签订合同（佛山做法）"
CLAUSE_PAYMENT = "R29 合同签订后7个工作日内付款（佛山做法）"
CLAUSE_FORFEIT = "R27 竞得后不签约、签约后不付款的，保证金不予退还，上缴国库"
CLAUSE_SELLER = "R27 出让方违约"
CLAUSE_CERTIFICATE = "R30 交易自出具鉴证书之日起生效"
CLAUSE_PAYOUT = "R30 鉴证书出具后7个工作日内结清"
CLAUSE_INCOME = "财税〔2015〕61号 出让收入全额上缴国库"
CLAUSE_PERMIT = "R30 鉴证书出具后15个工作日内办理排污许可证变更"
CLAUSE_VOID = "R34 串通、操纵、骗取的，交易无效"
CLAUSE_REFUND = "未竞得人的保证金在5个工作日内原路退还（建议值）"

BEFORE_DELIVERY = (
    "awarded",
    "publicity",
    "contracting",
    "buyer_signed",
    "seller_signed",
    "paying",
    "buyer_overdue",
    "seller_overdue",
    "paid",
    "certified",
    "delivery_proposed",
)

trade = Procedure(
    code=TRADE,
    version=1,
    title=Text("排污权交易结算交割", "Settlement and delivery of a trade"),
    initial="awarded",
    states=(
        State(
            "awarded",
            Text("已成交，待发布成交公示", "Awarded; the result is to be publicised"),
            Text("已成交", "Awarded"),
            deadline=Deadline(1, "workdays", "publish_result", "成交当日发出通知（建议值）", proposed=True),
        ),
        State(
            "publicity",
            Text("成交结果公示", "Publicity of the result"),
            Text("公示中", "In publicity"),
            deadline=Deadline("publicity_until", "fact", "close_publicity", CLAUSE_PUBLICITY, proposed=True),
        ),
        State(
            "objected",
            Text("有异议，待交易机构处理", "Objection to be decided by the trading institution"),
            Text("公示中止，异议处理中", "Publicity suspended for an objection"),
            deadline=Deadline(
                OBJECTION_WORKDAYS, "workdays", "escalate", "异议10个工作日内处理（建议值）", proposed=True
            ),
        ),
        State(
            "escalated",
            Text("异议逾期，待市局处理", "Objection overdue; to be decided by the bureau"),
            Text("公示中止，异议处理中", "Publicity suspended for an objection"),
        ),
        State(
            "contracting",
            Text("待双方签订合同", "Contract to be signed by both"),
            Text("签订合同中", "Contract being signed"),
            deadline=Deadline("contract_due", "fact", "contract_overdue", CLAUSE_CONTRACT),
        ),
        State(
            "buyer_signed",
            Text("受让方已签，待出让方签署", "Buyer has signed; seller to sign"),
            Text("签订合同中", "Contract being signed"),
            deadline=Deadline("contract_due", "fact", "seller_sign_overdue", CLAUSE_CONTRACT),
        ),
        State(
            "seller_signed",
            Text("出让方已签，待受让方签署", "Seller has signed; buyer to sign"),
            Text("签订合同中", "Contract being signed"),
            deadline=Deadline("contract_due", "fact", "contract_overdue", CLAUSE_CONTRACT),
        ),
        State(
            "paying",
            Text("合同已签，待受让方付款", "Signed; the buyer is to pay"),
            Text("付款中", "Payment due"),
            deadline=Deadline(PAYMENT_WORKDAYS, "workdays", "payment_overdue", CLAUSE_PAYMENT),
        ),
        State(
            "buyer_overdue",
            Text("受让方逾期，待认定违约", "Buyer is overdue; default to be decided"),
            Text("受让方逾期", "Buyer overdue"),
        ),
        State(
            "seller_overdue",
            Text("出让方逾期，待认定违约", "Seller is overdue; default to be decided"),
            Text("出让方逾期", "Seller overdue"),
        ),
        State(
            "paid",
            Text("价款已付清，待出具鉴证书", "Paid in full; certificate to be issued"),
            Text("已付款", "Paid"),
            deadline=Deadline(
                2, "workdays", "remind_certificate", "付清后2个工作日内出具（建议值）", proposed=True
            ),
        ),
        State(
            "certified",
            Text("鉴证书已出具，待提出交割", "Certificate issued; delivery to be proposed"),
            Text("已出具鉴证书", "Certificate issued"),
            deadline=Deadline(
                1, "workdays", "remind_delivery", "出具鉴证书当日交割（建议值）", proposed=True
            ),
        ),
        State(
            "delivery_proposed",
            Text("待复核交割", "Delivery to be checked"),
            Text("已出具鉴证书", "Certificate issued"),
            deadline=Deadline(1, "workdays", "remind_check", "出具鉴证书当日交割（建议值）", proposed=True),
        ),
        State(
            "delivered",
            Text("已交割，待收入确认和许可证变更", "Delivered; income and permit to follow"),
            Text("已交割", "Delivered"),
            deadline=Deadline(INCOME_WORKDAYS, "workdays", "remind_income", CLAUSE_PAYOUT),
        ),
        State(
            "income_confirmed",
            Text("收入已确认，待许可证变更", "Income confirmed; permit to be changed"),
            Text("已交割", "Delivered"),
            deadline=Deadline("permit_due", "fact", "remind_permit", CLAUSE_PERMIT),
        ),
        State(
            "permit_changed",
            Text("许可证已变更，待收入确认", "Permit changed; income to be confirmed"),
            Text("已变更许可证", "Permit changed"),
            deadline=Deadline(INCOME_WORKDAYS, "workdays", "remind_income_after", CLAUSE_PAYOUT),
        ),
        State(
            "registered",
            Text("已办结（许可证已变更，收入已确认）", "Complete: permit changed and income confirmed"),
            Text("已完成", "Completed"),
            final=True,
        ),
        State(
            "buyer_defaulted",
            Text("受让方违约，保证金不予退还", "Buyer defaulted; deposit forfeited"),
            Text("受让方违约", "Buyer defaulted"),
            final=True,
        ),
        State(
            "seller_defaulted",
            Text("出让方违约，款项退还受让方", "Seller defaulted; the buyer is refunded"),
            Text("出让方违约", "Seller defaulted"),
            final=True,
        ),
        State(
            "voided",
            Text("交易终止，款项退还，排污权解冻", "Ended: money goes back, the right is unfrozen"),
            Text("交易终止", "Ended without delivery"),
            final=True,
        ),
    ),
    transitions=(
        Transition(
            "publish_result",
            ("awarded",),
            "publicity",
            ("EXCHANGE_MAKER", "SYSTEM"),
            Text("发布成交公示", "Publish the result"),
            CLAUSE_PUBLICITY,
        ),
        Transition(
            "object",
            ("publicity",),
            "objected",
            ("SYSTEM",),
            Text("提出异议", "Object"),
            CLAUSE_PUBLICITY,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "close_publicity",
            ("publicity",),
            "contracting",
            ("SYSTEM",),
            Text("公示期满", "Publicity ends"),
            CLAUSE_PUBLICITY,
        ),
        Transition(
            "escalate",
            ("objected",),
            "escalated",
            ("SYSTEM",),
            Text("异议逾期移送市局", "Overdue objection goes to the bureau"),
            CLAUSE_PUBLICITY,
        ),
        Transition(
            "reject_objection",
            ("objected", "escalated"),
            "publicity",
            ("EXCHANGE_CHECKER", "BUREAU_CHECKER"),
            Text("异议不成立，继续公示", "Reject the objection; publicity goes on"),
            CLAUSE_PUBLICITY,
            needs_reason=True,
        ),
        Transition(
            "uphold_objection",
            ("objected", "escalated"),
            "voided",
            ("EXCHANGE_CHECKER", "BUREAU_CHECKER"),
            Text("异议成立，交易终止", "Uphold the objection; the trade ends"),
            CLAUSE_VOID,
            needs_reason=True,
        ),
        Transition(
            "buyer_signs",
            ("contracting",),
            "buyer_signed",
            ("FIRM_APPROVER@buyer",),
            Text("受让方签署合同", "Buyer signs"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "seller_signs",
            ("contracting",),
            "seller_signed",
            ("RESERVE_CHECKER@seller", "FIRM_APPROVER@seller"),
            Text("出让方签署合同", "Seller signs"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "seller_signs_last",
            ("buyer_signed",),
            "paying",
            ("RESERVE_CHECKER@seller", "FIRM_APPROVER@seller"),
            Text("出让方签署合同", "Seller signs"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "buyer_signs_last",
            ("seller_signed",),
            "paying",
            ("FIRM_APPROVER@buyer",),
            Text("受让方签署合同", "Buyer signs"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "contract_overdue",
            ("contracting", "seller_signed"),
            "buyer_overdue",
            ("SYSTEM",),
            Text("受让方逾期未签", "Buyer did not sign in time"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "seller_sign_overdue",
            ("buyer_signed",),
            "seller_overdue",
            ("SYSTEM",),
            Text("出让方逾期未签", "Seller did not sign in time"),
            CLAUSE_CONTRACT,
        ),
        Transition(
            "pay",
            ("paying", "buyer_overdue"),
            "paid",
            ("SYSTEM",),
            Text("价款付清", "Paid in full"),
            CLAUSE_PAYMENT,
        ),
        Transition(
            "payment_overdue",
            ("paying",),
            "buyer_overdue",
            ("SYSTEM",),
            Text("逾期未付款", "Not paid in time"),
            CLAUSE_PAYMENT,
        ),
        Transition(
            "declare_buyer_default",
            ("buyer_overdue",),
            "buyer_defaulted",
            ("EXCHANGE_CHECKER",),
            Text("认定受让方违约", "Declare the buyer in default"),
            CLAUSE_FORFEIT,
            needs_reason=True,
        ),
        Transition(
            "declare_seller_default",
            ("seller_overdue",),
            "seller_defaulted",
            ("EXCHANGE_CHECKER",),
            Text("认定出让方违约", "Declare the seller in default"),
            CLAUSE_SELLER,
            needs_reason=True,
        ),
        Transition(
            "void",
            BEFORE_DELIVERY,
            "voided",
            ("EXCHANGE_CHECKER",),
            Text("终止交易", "End the trade"),
            CLAUSE_VOID,
            needs_reason=True,
            expected=False,
        ),
        Transition(
            "issue_certificate",
            ("paid",),
            "certified",
            ("EXCHANGE_MAKER",),
            Text("出具鉴证书", "Issue the certificate"),
            CLAUSE_CERTIFICATE,
        ),
        Transition(
            "remind_certificate",
            ("paid",),
            "paid",
            ("SYSTEM",),
            Text("催办：出具鉴证书", "Reminder: issue the certificate"),
            CLAUSE_CERTIFICATE,
        ),
        Transition(
            "propose_delivery",
            ("certified",),
            "delivery_proposed",
            ("EXCHANGE_MAKER",),
            Text("提出交割", "Propose delivery"),
            CLAUSE_CERTIFICATE,
        ),
        Transition(
            "remind_delivery",
            ("certified",),
            "certified",
            ("SYSTEM",),
            Text("催办：交割", "Reminder: delivery"),
            CLAUSE_CERTIFICATE,
        ),
        Transition(
            "return_delivery",
            ("delivery_proposed",),
            "certified",
            ("EXCHANGE_CHECKER",),
            Text("退回交割", "Send delivery back"),
            CLAUSE_CERTIFICATE,
            needs_reason=True,
            other_person_than=("propose_delivery",),
        ),
        Transition(
            "approve_delivery",
            ("delivery_proposed",),
            "delivered",
            ("EXCHANGE_CHECKER",),
            Text("复核并交割", "Check and deliver"),
            CLAUSE_CERTIFICATE,
            other_person_than=("propose_delivery",),
        ),
        Transition(
            "remind_check",
            ("delivery_proposed",),
            "delivery_proposed",
            ("SYSTEM",),
            Text("催办：复核交割", "Reminder: check the delivery"),
            CLAUSE_CERTIFICATE,
        ),
        Transition(
            "confirm_income",
            ("delivered",),
            "income_confirmed",
            ("FINANCE", "SYSTEM"),
            Text("确认收入到账", "Confirm the income"),
            CLAUSE_INCOME,
        ),
        Transition(
            "change_permit_first",
            ("delivered",),
            "permit_changed",
            ("PERMIT",),
            Text("办理许可证变更", "Change the permit"),
            CLAUSE_PERMIT,
        ),
        Transition(
            "remind_income",
            ("delivered",),
            "delivered",
            ("SYSTEM",),
            Text("催办：收入结算", "Reminder: income"),
            CLAUSE_PAYOUT,
        ),
        Transition(
            "change_permit",
            ("income_confirmed",),
            "registered",
            ("PERMIT",),
            Text("办理许可证变更", "Change the permit"),
            CLAUSE_PERMIT,
        ),
        Transition(
            "remind_permit",
            ("income_confirmed",),
            "income_confirmed",
            ("SYSTEM",),
            Text("催办：许可证变更", "Reminder: permit change"),
            CLAUSE_PERMIT,
        ),
        Transition(
            "confirm_income_last",
            ("permit_changed",),
            "registered",
            ("FINANCE", "SYSTEM"),
            Text("确认收入到账", "Confirm the income"),
            CLAUSE_INCOME,
        ),
        Transition(
            "remind_income_after",
            ("permit_changed",),
            "permit_changed",
            ("SYSTEM",),
            Text("催办：收入结算", "Reminder: income"),
            CLAUSE_PAYOUT,
        ),
    ),
)

refund = Procedure(
    code=REFUND,
    version=1,
    title=Text("退款", "Refund"),
    initial="due",
    states=(
        State(
            "due",
            Text("待申请退款", "To be asked for"),
            Text("待退款", "Refund due"),
            deadline=Deadline(REFUND_WORKDAYS, "workdays", "remind", CLAUSE_REFUND, proposed=True),
        ),
        State("asked", Text("待复核退款", "To be checked"), Text("退款复核中", "Refund being checked")),
        State(
            "approved",
            Text("已复核，待银行付款", "Approved; the bank is to pay"),
            Text("退款办理中", "Refund on its way"),
        ),
        State("paid", Text("已退款", "Refunded"), Text("已退款", "Refunded"), final=True),
    ),
    transitions=(
        Transition(
            "ask",
            ("due",),
            "asked",
            ("EXCHANGE_MAKER",),
            Text("申请退款", "Ask for the refund"),
            CLAUSE_REFUND,
        ),
        Transition(
            "remind", ("due",), "due", ("SYSTEM",), Text("催办：退款", "Reminder: refund"), CLAUSE_REFUND
        ),
        Transition(
            "approve",
            ("asked",),
            "approved",
            ("EXCHANGE_CHECKER",),
            Text("复核同意退款", "Approve the refund"),
            CLAUSE_REFUND,
            other_person_than=("ask",),
        ),
        Transition(
            "send_back",
            ("asked",),
            "due",
            ("EXCHANGE_CHECKER",),
            Text("退回", "Send back"),
            CLAUSE_REFUND,
            needs_reason=True,
            other_person_than=("ask",),
        ),
        Transition(
            "bank_paid",
            ("approved",),
            "paid",
            ("SYSTEM",),
            Text("银行已付款", "Paid by the bank"),
            CLAUSE_REFUND,
        ),
    ),
)

PROCEDURES = (trade, refund)

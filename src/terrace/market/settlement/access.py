"""Who may see and do what in settlement. The steps of a case are guarded by its procedure as well."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.models import Approval
from terrace.kernel.orgs.roles import Role
from terrace.market.settlement.models import (
    BankLine,
    Certificate,
    Objection,
    PaymentInstruction,
    Refund,
    StatementImport,
    Trade,
)

STAFF = (
    Role.EXCHANGE_MAKER,
    Role.EXCHANGE_CHECKER,
    Role.RESERVE_MAKER,
    Role.RESERVE_CHECKER,
    Role.FINANCE,
    Role.PERMIT,
    Role.BUREAU,
    Role.BUREAU_CHECKER,
    Role.AUDITOR,
    Role.MONITOR,
)
MONEY_READERS = (Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER, Role.FINANCE, Role.AUDITOR)
YES = Verdict(True)
ACCOUNT_CHANGE = "settlement.account.change"
CERTIFICATE_REISSUE = "settlement.certificate.reissue"


def may_see_trade(actor: Actor, trade: Trade) -> Verdict:
    """The two parties and the bodies that take part in the procedure; the public has its own page."""
    if actor.organisation_id is not None and actor.organisation_id in (trade.buyer_id, trade.seller_id):
        return YES
    return require_role(actor, *STAFF)


def get_trade_for(actor: Actor, number: str) -> Trade:
    """The trade with its parties and case. Raises NotFound, NotAllowed."""
    trade = (
        Trade.objects.select_related(
            "seller", "buyer", "case", "deposit", "parcel__right", "delivered_parcel"
        )
        .filter(number=number)
        .first()
    )
    if trade is None:
        raise NotFound(what=Text("该笔交易", "the trade"))
    may_see_trade(actor, trade).require()
    return trade


def may_list_trades(actor: Actor) -> Verdict:
    """Staff see all trades, a firm its own: anybody who acts for an organisation has a list."""
    if actor.organisation_id is not None:
        return YES
    return Verdict(False, Text("请先以单位身份登录。", "sign in for an organisation first."))


def may_import_statements(actor: Actor) -> Verdict:
    return require_role(actor, Role.EXCHANGE_MAKER)


def may_see_payments(actor: Actor) -> Verdict:
    return require_role(actor, *MONEY_READERS)


def get_statement_for(actor: Actor, statement_id: int) -> StatementImport:
    """An uploaded statement. Raises NotFound, NotAllowed."""
    may_see_payments(actor).require()
    statement = (
        StatementImport.objects.select_related("document", "uploaded_by").filter(pk=statement_id).first()
    )
    if statement is None:
        raise NotFound(what=Text("该流水文件", "the statement"))
    return statement


def may_see_instruction(actor: Actor, instruction: PaymentInstruction) -> Verdict:
    if actor.organisation_id is not None and actor.organisation_id in (
        instruction.payer_id,
        instruction.payee_id,
    ):
        return YES
    return may_see_payments(actor)


def get_instruction_for(actor: Actor, reference: str) -> PaymentInstruction:
    """A payment instruction by its code. Raises NotFound, NotAllowed."""
    instruction = (
        PaymentInstruction.objects.select_related("payer", "payee", "paid_line")
        .filter(reference=reference)
        .first()
    )
    if instruction is None:
        raise NotFound(what=Text("该缴款通知", "the payment instruction"))
    may_see_instruction(actor, instruction).require()
    return instruction


def get_refund_for(actor: Actor, number: str) -> Refund:
    """A refund by its number; the firm sees its own. Raises NotFound, NotAllowed."""
    refund = (
        Refund.objects.select_related("organisation", "case", "deposit", "bank_line", "trade", "instruction")
        .filter(number=number)
        .first()
    )
    if refund is None:
        raise NotFound(what=Text("该笔退款", "the refund"))
    if refund.organisation_id is None or actor.organisation_id != refund.organisation_id:
        may_see_payments(actor).require()
    return refund


def may_register_accounts(actor: Actor) -> Verdict:
    return require_role(actor, Role.EXCHANGE_MAKER)


def may_see_accounts(actor: Actor) -> Verdict:
    """The accounts of record: those who work with the money, and the auditor."""
    return require_role(actor, *MONEY_READERS)


def get_account_change_for(actor: Actor, approval_id: int) -> Approval:
    """A proposed change of an account of record. Raises NotAllowed, NotFound."""
    may_see_accounts(actor).require()
    found = (
        Approval.objects.select_related("organisation", "maker_person", "checker_person")
        .filter(pk=approval_id, act=ACCOUNT_CHANGE)
        .first()
    )
    if found is None:
        raise NotFound(what=Text("该账户变更", "the change of account"))
    return found


def may_ask_reissue(actor: Actor) -> Verdict:
    return require_role(actor, Role.EXCHANGE_MAKER)


def get_certificate_for(actor: Actor, number: str) -> Certificate:
    """A certificate as its case knows it: for those who may see the trade. Raises NotFound, NotAllowed."""
    found = Certificate.objects.select_related("trade__case").filter(number=number.strip().upper()).first()
    if found is None:
        raise NotFound(what=Text("该鉴证书", "the certificate"))
    may_see_trade(actor, found.trade).require()
    return found


def may_read_trade_document(actor: Actor, document: Document) -> Verdict:
    """Award notice, contract and certificate: those who may see the trade."""
    trade = Trade.objects.filter(number=document.subject_id).first()
    if trade is None:
        return Verdict(False, Text("该文件所属交易不存在", "the trade of this file does not exist"))
    return may_see_trade(actor, trade)


def may_read_statement_document(actor: Actor, _document: Document) -> Verdict:
    return may_see_payments(actor)


def trades_for(actor: Actor) -> QuerySet[Trade]:
    """The trades an actor may see, newest first. Parties and case come along: a page costs one query."""
    trades = Trade.objects.select_related("seller", "buyer", "case").order_by("-id")
    if actor.has_role(*STAFF):
        return trades
    return trades.filter(Q(buyer_id=actor.organisation_id) | Q(seller_id=actor.organisation_id))


def refunds_for(actor: Actor) -> QuerySet[Refund]:
    """The refunds an actor may see, the earliest due first."""
    found = Refund.objects.select_related("organisation", "bank_line", "case").order_by("due_at", "id")
    if may_see_payments(actor):
        return found
    return found.filter(organisation_id=actor.organisation_id or 0)


def instructions_for(actor: Actor) -> QuerySet[PaymentInstruction]:
    """The instructions an actor may see, newest first."""
    found = PaymentInstruction.objects.select_related("payer", "payee", "paid_line").order_by("-id")
    if may_see_payments(actor):
        return found
    return found.filter(Q(payer_id=actor.organisation_id) | Q(payee_id=actor.organisation_id))


def may_see_objections(actor: Actor) -> Verdict:
    """Names and contacts of those who object are for those who decide, and for the auditor."""
    return require_role(
        actor, Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER, Role.BUREAU, Role.BUREAU_CHECKER, Role.AUDITOR
    )


def get_objection_for(actor: Actor, objection_id: int) -> Objection:
    """An objection with its trade. Raises NotFound, NotAllowed."""
    may_see_objections(actor).require()
    objection = (
        Objection.objects.select_related("trade__buyer", "trade__seller", "trade__case")
        .filter(pk=objection_id)
        .first()
    )
    if objection is None:
        raise NotFound(what=Text("该异议", "the objection"))
    return objection


def get_suspense_line_for(actor: Actor, line_id: int) -> BankLine:
    """A payment that was in suspense at some time. Raises NotFound, NotAllowed."""
    may_see_payments(actor).require()
    line = BankLine.objects.select_related("statement").filter(pk=line_id).first()
    if line is None:
        raise NotFound(what=Text("该笔来款", "the payment"))
    return line

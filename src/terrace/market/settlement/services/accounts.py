"""The market's bank accounts of record: where firms pay, where income goes. A change needs two persons."""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.models import Approval, Organisation, OrganisationKind
from terrace.kernel.orgs.roles import Role
from terrace.market.settlement import access, queries
from terrace.market.settlement.models import AccountPurpose, SettlementAccount
from terrace.market.settlement.rules.statements import plain_account

ACT = access.ACCOUNT_CHANGE
SUBJECT = "settlement.account"
# Who may hold which account: the settlement account is the trading institution's, the treasury account the treasury's.
HOLDERS = {
    AccountPurpose.ESCROW: OrganisationKind.EXCHANGE,
    AccountPurpose.TREASURY: OrganisationKind.FINANCE,
}


class AccountUnchanged(Refusal):
    code = "settlement.account.unchanged"
    text = Text(
        "该账户就是现在登记的{account}，没有变化。",
        "This is the {account} on record already; nothing changes.",
    )


class HolderUnfit(Refusal):
    code = "settlement.account.holder_unfit"
    text = Text("“{holder}”不能作为{account}的开户单位。", "{holder} cannot hold the {account}.")
    hint = Text(
        "交易结算专户由交易机构开立，非税收入专户由财政部门开立。",
        "The trading institution holds the settlement account, the finance bureau the treasury account.",
    )


@act("settlement.account.propose")
def propose_account(
    *,
    actor: Actor,
    purpose: AccountPurpose,
    organisation_id: int,
    account_no: str,
    account_name: str,
    bank_name: str,
    now: dt.datetime,
) -> Approval:
    """Propose the settlement account (ESCROW, held by the trading institution) or the treasury account.

    It takes effect when a second person decides. Open instructions keep the account they name: money on its way is
    never redirected, and the old account stays open at the bank until they are paid. Raises NotAllowed, NotFound,
    HolderUnfit, InputInvalid, AccountUnchanged, AlreadyAsked, PersonUnknown.
    """
    access.may_register_accounts(actor).require()
    holder = Organisation.objects.filter(pk=organisation_id).first()
    if holder is None:
        raise NotFound(what=Text("开户单位", "the holder of the account"))
    if holder.kind != HOLDERS[purpose]:
        raise HolderUnfit(holder=holder.name, account=purpose.label)
    number = plain_account(account_no)
    if not number.isdigit() or not 8 <= len(number) <= 40:
        raise InputInvalid(
            where=Text("银行账号", "account number"),
            got=repr(account_no[:40]),
            expected=Text("8至40位数字", "8 to 40 digits"),
        )
    if not bank_name.strip():
        raise InputInvalid(
            where=Text("开户银行", "bank"), got="''", expected=Text("银行全称", "the full name of the bank")
        )
    payload: dict[str, Any] = {
        "purpose": purpose.value,
        "organisation_id": holder.pk,
        "account_no": number,
        "account_name": account_name.strip() or holder.name,
        "bank_name": bank_name.strip(),
        "city": holder.city,
    }
    current = queries.open_account(purpose, holder.city)
    if current is not None and all(
        getattr(current, name) == payload[name]
        for name in ("organisation_id", "account_no", "account_name", "bank_name")
    ):
        raise AccountUnchanged(account=purpose.label)
    approval = orgs.ask(
        actor=actor,
        act=ACT,
        subject_type=SUBJECT,
        subject_id=f"{holder.city}:{purpose.value}",
        payload=payload,
        checker_roles=[Role.EXCHANGE_CHECKER],
        summary=Text(
            f"{purpose.label.zh}改为{holder.name} {number}", f"{purpose.label.en}: {holder.name}, {number}"
        ),
        now=now,
    )
    record(
        actor=actor,
        act="settlement.account.propose",
        subject_type=SUBJECT,
        subject_id=approval.subject_id,
        at=now,
        facts=payload,
    )
    return approval


@act("settlement.account.decide")
def decide_account(
    *, actor: Actor, approval_id: int, approve: bool, reason: str, now: dt.datetime
) -> SettlementAccount | None:
    """The second person puts a proposed account into effect, or refuses. Raises NotFound and as orgs.decide."""
    if not Approval.objects.filter(pk=approval_id, act=ACT).exists():
        raise NotFound(what=Text("该账户变更", "the change of account"))
    approval = orgs.decide(actor=actor, approval_id=approval_id, approve=approve, reason=reason, now=now)
    account = None
    kept = 0
    if approve:
        payload = approval.payload
        old = queries.open_account(payload["purpose"], payload["city"])
        kept = queries.open_on_account(old).count() if old is not None else 0
        SettlementAccount.objects.filter(
            city=payload["city"], purpose=payload["purpose"], until__isnull=True
        ).update(until=now)
        account = SettlementAccount.objects.create(**payload, since=now)
    record(
        actor=actor,
        act="settlement.account.decide",
        subject_type=SUBJECT,
        subject_id=approval.subject_id,
        at=now,
        facts={"approved": approve, "open_instructions_keep_the_old": kept, **approval.payload},
        reason=reason.strip(),
    )
    return account


def account_facts(payload: dict[str, Any]) -> list[tuple[Text, Text]]:
    """A proposed account in words, for the pages of the second signature."""
    holder = Organisation.objects.filter(pk=payload["organisation_id"]).first()
    name = holder.name if holder is not None else "—"
    return [
        (Text("账户用途", "Purpose"), AccountPurpose(payload["purpose"]).label),
        (Text("开户单位", "Holder"), Text(name, (holder.name_en if holder is not None else "") or name)),
        (Text("账号", "Account number"), Text(payload["account_no"], payload["account_no"])),
        (Text("户名", "Name of the account"), Text(payload["account_name"], payload["account_name"])),
        (Text("开户银行", "Bank"), Text(payload["bank_name"], payload["bank_name"])),
    ]

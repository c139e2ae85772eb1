"""The market's bank accounts of record: where firms pay, where income goes. A change needs two persons."""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.models import Approval, Organisation
from terrace.kernel.orgs.roles import Role
from terrace.market.settlement import access
from terrace.market.settlement.models import AccountPurpose, SettlementAccount
from terrace.market.settlement.rules.statements import plain_account

ACT = "settlement.account.change"
SUBJECT = "settlement.account"


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

    It takes effect when a second person decides. Old instructions keep the account they name. Raises NotAllowed,
    NotFound, InputInvalid, AlreadyAsked, PersonUnknown.
    """
    access.may_register_accounts(actor).require()
    holder = Organisation.objects.filter(pk=organisation_id).first()
    if holder is None:
        raise NotFound(what=Text("开户单位", "the holder of the account"))
    number = plain_account(account_no)
    if not number.isdigit() or not 8 <= len(number) <= 40:
        raise InputInvalid(
            where=Text("银行账号", "account number"),
            got=repr(account_no[:40]),
            expected=Text("8至40位数字", "8 to 40 digits"),
        )
    payload: dict[str, Any] = {
        "purpose": purpose.value,
        "organisation_id": holder.pk,
        "account_no": number,
        "account_name": account_name.strip() or holder.name,
        "bank_name": bank_name.strip(),
        "city": holder.city,
    }
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
    """The second person puts a proposed account into effect, or refuses. Raises as orgs.decide."""
    approval = orgs.decide(actor=actor, approval_id=approval_id, approve=approve, reason=reason, now=now)
    account = None
    if approve:
        payload = approval.payload
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
        facts={"approved": approve, **approval.payload},
        reason=reason.strip(),
    )
    return account

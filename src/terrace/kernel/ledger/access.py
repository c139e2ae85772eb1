"""Who may look into the ledger: the auditor into all of it, an organisation into its own accounts."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger.models import Account, Entry, Transfer
from terrace.kernel.ledger.rules import TRANSFER_NUMBER_BASE
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role

OWNER_TYPE = "organisation"
OWN_ONLY = Text("只能查看本单位的账户。", "you may see the accounts of your own organisation only.")
SIGN_IN = Text("请先登录。", "sign in first.")


def may_see_everything(actor: Actor) -> Verdict:
    """The sums of all assets and every account: the auditor."""
    return require_role(actor, Role.AUDITOR)


def may_list_accounts(actor: Actor) -> Verdict:
    """The auditor sees all accounts, a member of an organisation those of that organisation."""
    if actor.has_role(Role.AUDITOR) or actor.organisation_id is not None:
        return Verdict(True)
    return Verdict(False, SIGN_IN if actor.user_id is None else OWN_ONLY)


def may_see_account(actor: Actor, account: Account) -> Verdict:
    if actor.has_role(Role.AUDITOR) or _owns(actor, account):
        return Verdict(True)
    return Verdict(False, SIGN_IN if actor.user_id is None else OWN_ONLY)


def _owns(actor: Actor, account: Account) -> bool:
    return (
        actor.organisation_id is not None
        and account.owner_type == OWNER_TYPE
        and account.owner_id == str(actor.organisation_id)
    )


def accounts_for(actor: Actor) -> QuerySet[Account]:
    """The accounts that `actor` may list. Raises NotAllowed."""
    may_list_accounts(actor).require()
    found = Account.objects.select_related("asset").order_by("asset__code", "id")
    if actor.has_role(Role.AUDITOR):
        return found
    return found.filter(owner_type=OWNER_TYPE, owner_id=str(actor.organisation_id))


def get_account_for(actor: Actor, account_id: int) -> Account:
    """The account with its asset; raises NotFound, NotAllowed."""
    account = Account.objects.select_related("asset").filter(pk=account_id).first()
    if account is None:
        raise NotFound(what=Text("该账户", "the account"))
    may_see_account(actor, account).require()
    return account


def get_entry_for(actor: Actor, entry_id: int) -> tuple[Entry, list[Transfer]]:
    """The entry and those of its transfers that `actor` may see; raises NotFound, NotAllowed.

    An entry can pay many firms at once: each of them sees its own lines only.
    """
    entry = Entry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise NotFound(what=Text("该分录", "the entry"))
    transfers = (
        Transfer.objects.filter(pk__gte=entry_id, pk__lt=entry_id + TRANSFER_NUMBER_BASE)
        .select_related("debit", "credit", "asset")
        .order_by("id")
    )
    if not actor.has_role(Role.AUDITOR):
        owner = str(actor.organisation_id)
        transfers = transfers.filter(
            Q(debit__owner_type=OWNER_TYPE, debit__owner_id=owner)
            | Q(credit__owner_type=OWNER_TYPE, credit__owner_id=owner)
        )
    seen = list(transfers)
    if not seen:
        Verdict(False, SIGN_IN if actor.user_id is None else OWN_ONLY).require()
    return entry, seen

"""The bank accounts of record: what is in use, a change by two persons, and what a change leaves as it is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.lists import PAGE_SIZE, page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.access import may_check
from terrace.kernel.orgs.forms import DecisionForm
from terrace.kernel.orgs.models import Approval, ApprovalState
from terrace.kernel.orgs.queries import list_organisations
from terrace.kernel.orgs.services import approval_state_text
from terrace.market.settlement import access, queries, services
from terrace.market.settlement.forms import AccountForm
from terrace.market.settlement.models import AccountPurpose, SettlementAccount
from terrace.market.settlement.views.shared import actor_of, posted, see_other

CHANGE_TONES = {"WAITING": "water", "APPROVED": "leaf", "REJECTED": "cinnabar", "WITHDRAWN": "quiet"}


def _holders() -> list[tuple[int, str]]:
    """Who can hold an account of record: the trading institution and the finance bureau."""
    kinds = [kind.value for kind in services.HOLDERS.values()]
    found = list_organisations(state="ACTIVE").filter(kind__in=kinds).order_by("id")
    return list(found.values_list("pk", "name"))


@require_http_methods(["GET", "HEAD", "POST"])
def accounts(request: HttpRequest) -> HttpResponse:
    """The accounts in use and before, changes that wait, open instructions on former accounts; the form of a change."""
    actor = actor_of(request)
    access.may_see_accounts(actor).require()
    may_propose = access.may_register_accounts(actor)
    if request.method == "POST":
        may_propose.require()
    form = AccountForm(posted(request)[0], holders=_holders() if may_propose else ())
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            approval = services.propose_account(
                actor=actor, now=clock.now(), **{**data, "purpose": AccountPurpose(data["purpose"])}
            )
        except Refusal as error:
            refusal = error
        else:
            return see_other(
                request,
                reverse("settlement:account_change", args=[approval.pk]),
                Text("已提出，待另一人复核。", "Proposed; another person decides."),
            )
    city = settings.TERRACE_CITY
    page = page_of(request, queries.accounts_of_record(city))
    return render(
        request,
        "settlement/accounts.html",
        {
            "page": page,
            "rows": [{"account": a, "purpose": AccountPurpose(a.purpose).label} for a in page],
            "waiting": Approval.objects.filter(act=access.ACCOUNT_CHANGE, state=ApprovalState.WAITING)
            .select_related("maker_person")
            .order_by("id"),
            "former": queries.open_on_former_accounts(city)[:PAGE_SIZE],
            "form": form,
            "refusal": refusal,
            "may_propose": bool(may_propose),
        },
        status=refusal.http_status if refusal else 422 if form.is_bound and not form.is_valid() else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, change_id: int) -> HttpResponse:
    """One proposed account beside the one in use, what stays with the old one, and the second signature."""
    actor = actor_of(request)
    found = access.get_account_change_for(actor, change_id)
    may = may_check(actor, found)
    if request.method == "POST":
        may.require()
    form = DecisionForm(posted(request)[0])
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.decide_account(
                actor=actor,
                approval_id=found.pk,
                approve=form.approves(),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as error:
            refusal = error
        else:
            done = (
                Text("新账户已启用。", "The new account is in use.")
                if form.approves()
                else Text("已退回，账户没有变化。", "Sent back; the account is as it was.")
            )
            return see_other(request, reverse("settlement:accounts"), done)
    waits = found.state == ApprovalState.WAITING
    current = queries.open_account(found.payload["purpose"], found.payload["city"]) if waits else None
    is_maker = actor.person_id is not None and actor.person_id == found.maker_person_id
    return render(
        request,
        "settlement/account_change.html",
        {
            "change": found,
            "state": approval_state_text(found.state),
            "tone": CHANGE_TONES[found.state],
            "facts": services.account_facts(found.payload),
            "current": _facts(current) if current is not None else [],
            "kept": queries.open_on_account(current).count() if current is not None else 0,
            "waits": waits,
            "is_maker": is_maker,
            "may_decide": waits and bool(may) and not is_maker,
            "why_not": may.reason,
            "form": form,
            "refusal": refusal,
        },
        status=refusal.http_status if refusal else 422 if form.is_bound and not form.is_valid() else 200,
    )


def _facts(account: SettlementAccount) -> list[tuple[Any, ...]]:
    return [
        (Text("开户单位", "Holder"), account.organisation.name),
        (Text("账号", "Account number"), account.account_no),
        (Text("户名", "Name of the account"), account.account_name),
        (Text("开户银行", "Bank"), account.bank_name),
    ]

"""My organisation: its people, letters and bank account; for whom I act; my language."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language as django_set_language

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotAllowed, Refusal
from terrace.kernel.base.texts import LANGUAGES, Text
from terrace.kernel.orgs import access, queries, rules, services
from terrace.kernel.orgs.forms import BankForm, EndForm, FactorForm, LetterForm, ReasonForm, RoleForm
from terrace.kernel.orgs.middleware import ACTING_FOR
from terrace.kernel.orgs.models import DelegationLetter, Organisation
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.views.shared import actor_in, key_of, see_other, see_other_path, standing_in


def _own(request: HttpRequest) -> Organisation:
    actor = actor_in(request)
    if actor.organisation_id is None:
        blocked = standing_in(request).blocked
        reasons = "；".join(
            f"{p.name} {services.state_text(p.state).zh} {p.state_reason}".strip() for p in blocked
        )
        raise NotAllowed(
            reason=Text(
                f"您目前没有可代表的单位。{reasons}",
                "there is no organisation that you can act for now. "
                + "; ".join(
                    f"{p.label().en}: {services.state_text(p.state).en} {p.state_reason}".strip()
                    for p in blocked
                ),
            )
        )
    return access.get_organisation_for(actor, actor.organisation_id)


@login_required
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Members, letters and the bank account of the organisation I act for; what else I can act for."""
    organisation = _own(request)
    actor, today = actor_in(request), clock.today()
    letters = [
        {
            "letter": letter,
            "scope": [rules.SCOPES[s] for s in letter.scope if s in rules.SCOPES],
            "state": _letter_state(letter, today),
        }
        for letter in queries.letters_of(organisation.pk)[:50]
    ]
    context = {
        "organisation": organisation,
        "state": services.state_text(organisation.state),
        "kind": rules.KIND_TEXTS[organisation.kind],
        "members": queries.members_of(organisation.pk, on=today),
        "today": today,
        "letters": letters,
        "is_firm": organisation.kind == "ENTERPRISE",
        "may_propose": access.may_propose_roles(actor, organisation),
        "may_give": access.may_give_letters(actor),
        "may_bank": access.may_change_bank(actor, organisation),
        "may_reset": actor.has_role(Role.ADMIN),
        "places": standing_in(request).places,
        "waiting": queries.asked_by(actor)[:20],
        "scope": None
        if actor.scope is None
        else [rules.SCOPES[s] for s in sorted(actor.scope) if s in rules.SCOPES],
    }
    return render(request, "orgs/mine.html", context)


def _letter_state(letter: DelegationLetter, today: dt.date) -> tuple[Text, str]:
    if letter.revoked_at is not None:
        return Text("已撤销", "revoked"), "quiet"
    if today < letter.valid_from:
        return Text("未生效", "not yet valid"), "water"
    if today > letter.valid_to:
        return Text("已到期", "expired"), "quiet"
    return Text("有效", "valid"), "leaf"


def _form_page(request: HttpRequest, form: forms.Form, refusal: Refusal | None, **words: Any) -> HttpResponse:
    wrong = refusal is not None or (form.is_bound and bool(form.errors))
    context = {"form": form, "refusal": refusal, "back_url": reverse("orgs:mine"), **words}
    return render(request, "orgs/form.html", context, status=422 if wrong else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def role_propose(request: HttpRequest, organisation_id: int | None = None) -> HttpResponse:
    """Propose a role for a person; a second person decides. Administrators name the organisation."""
    actor = actor_in(request)
    organisation = (
        _own(request) if organisation_id is None else access.get_organisation_for(actor, organisation_id)
    )
    access.may_propose_roles(actor, organisation).require()
    form = RoleForm(
        request.POST if request.method == "POST" else None,
        kind=organisation.kind,
        initial={"since": clock.today()},
    )
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            proposed = services.propose_role(
                actor=actor,
                organisation_id=organisation.pk,
                role=Role(form.cleaned_data["role"]),
                person=form.person(),
                since=form.cleaned_data["since"],
                until=form.cleaned_data["until"],
                now=clock.now(),
                key=key_of(request),
            )
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:approval", proposed.pk)
    return _form_page(
        request,
        form,
        refusal,
        title=Text("增加人员或角色", "Add a person or a role"),
        lead=Text(
            f"{organisation.name}：提交后须由另一人复核才生效。",
            f"{organisation.name_en or organisation.name}: it takes effect when a second person approves it.",
        ),
        action=Text("提交复核", "Submit for the second signature"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def role_end(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Propose the end of a role."""
    access.get_membership_for(actor_in(request), membership_id)
    form = EndForm(request.POST if request.method == "POST" else None, initial={"until": clock.today()})
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            proposed = services.propose_role_end(
                actor=actor_in(request),
                membership_id=membership_id,
                until=form.cleaned_data["until"],
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:approval", proposed.pk)
    return _form_page(
        request,
        form,
        refusal,
        title=Text("结束角色", "End a role"),
        lead=Text(
            "提交后须由另一人复核；角色到所填最后一日为止。",
            "A second person decides; the role counts to the end of the last day.",
        ),
        action=Text("提交复核", "Submit for the second signature"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bank(request: HttpRequest) -> HttpResponse:
    """Propose another bank account of the firm."""
    organisation = _own(request)
    access.may_change_bank(actor_in(request), organisation).require()
    form = BankForm(
        request.POST if request.method == "POST" else None, initial={"bank_name": organisation.bank_name}
    )
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            proposed = services.propose_bank_account(
                actor=actor_in(request), organisation_id=organisation.pk, now=clock.now(), **form.cleaned_data
            )
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:approval", proposed.pk)
    return _form_page(
        request,
        form,
        refusal,
        title=Text("变更结算账户", "Change the bank account"),
        lead=Text(
            "须由本单位另一名审批人复核后生效。", "It takes effect when the firm's approver approves it."
        ),
        action=Text("提交复核", "Submit for the second signature"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def letter_give(request: HttpRequest) -> HttpResponse:
    """Give a delegation letter."""
    access.may_give_letters(actor_in(request)).require()
    form = LetterForm(
        request.POST if request.method == "POST" else None, initial={"valid_from": clock.today()}
    )
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.give_letter(
                actor=actor_in(request),
                clerk=form.person(),
                scope=data["scope"],
                valid_from=data["valid_from"],
                valid_to=data["valid_to"],
                document_id=data["document_id"],
                document_digest=data["document_digest"],
                now=clock.now(),
                key=key_of(request),
            )
        except Refusal as refused:
            refusal = refused
        else:
            messages.success(
                request, Text("授权委托书已生效。", "The delegation letter is in force.").of(get_language())
            )
            return see_other("orgs:mine")
    return _form_page(
        request,
        form,
        refusal,
        title=Text("出具授权委托书", "Give a delegation letter"),
        lead=Text(
            "受托人在有效期内以本单位经办人身份办理所选事务；到期或撤销后立即失效。",
            "The person acts as your clerk in the acts chosen, on these days only; a revocation counts at once.",
        ),
        action=Text("签发", "Give the letter"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def letter_revoke(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Revoke a delegation letter."""
    access.may_give_letters(actor_in(request)).require()
    form = ReasonForm(request.POST if request.method == "POST" else None)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.revoke_letter(
                actor=actor_in(request),
                letter_id=letter_id,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:mine")
    return _form_page(
        request,
        form,
        refusal,
        title=Text("撤销授权委托书", "Revoke a delegation letter"),
        lead=Text(
            "撤销立即生效，不能恢复；已办理的事务不受影响。",
            "It counts at once and cannot be undone; what was done before stands.",
        ),
        action=Text("撤销", "Revoke"),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def factor_reset(request: HttpRequest) -> HttpResponse:
    """Propose to remove somebody's second factor."""
    actor = actor_in(request)
    access.require_role(actor, Role.ADMIN).require()
    form = FactorForm(request.POST if request.method == "POST" else None)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            proposed = services.propose_factor_reset(actor=actor, now=clock.now(), **form.cleaned_data)
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:approval", proposed.pk)
    return _form_page(
        request,
        form,
        refusal,
        title=Text("解除第二因素", "Remove a second factor"),
        lead=Text(
            "用于本人丢失手机和恢复代码的情形；核实身份后提出，由另一名管理员复核。",
            "For somebody who lost telephone and recovery codes; verify who asks, then the second administrator decides.",
        ),
        action=Text("提交复核", "Submit for the second signature"),
    )


@login_required
@require_POST
def act_for(request: HttpRequest) -> HttpResponse:
    """Choose the organisation that I act for."""
    wanted = request.POST.get("organisation_id", "")
    place = next(
        (p for p in standing_in(request).places if p.is_active and str(p.organisation_id) == wanted), None
    )
    if place is None:
        raise NotAllowed(reason=Text("您不能代表该单位办理业务。", "you cannot act for this organisation."))
    request.session[ACTING_FOR] = place.organisation_id
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = reverse("orgs:mine")
    return see_other_path(target)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language: the cookie by Django's own view, and for a user the language of mails as well."""
    language = request.POST.get("language", "")
    actor, user = actor_in(request), request.user
    if user.is_authenticated and language in LANGUAGES and language != user.language:
        services.choose_language(actor=actor, language=language, now=clock.now())
    response: HttpResponse = django_set_language(request)
    return response

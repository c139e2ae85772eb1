"""One-click sign-in as anybody of the demo city. Outside demo mode these addresses do not exist."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import queries, rules
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.views.shared import see_other_path

BACKEND = "terrace.kernel.orgs.adapters.SignInBackend"

WHAT_THEY_DO: dict[Role, Text] = {
    Role.RESERVE_MAKER: Text("登记储备，编制出让计划", "Takes rights in, drafts the release plan"),
    Role.RESERVE_CHECKER: Text("复核出让计划和交割", "Gives the second signature on plan and delivery"),
    Role.EXCHANGE_MAKER: Text(
        "发布公告，审核报名材料，主持竞价和成交", "Publishes notices, checks papers, runs bidding and award"
    ),
    Role.EXCHANGE_CHECKER: Text(
        "复核成交、退款，审核企业开户", "Second signature on awards and refunds; admits firms"
    ),
    Role.BUREAU: Text("终审核定，监督市场", "Final verification, supervises the market"),
    Role.BUREAU_CHECKER: Text("审核与账户冻结", "Checks, and freezes accounts"),
    Role.BRANCH: Text("初审核定，确认项目需求", "First review, confirms the need of projects"),
    Role.FINANCE: Text("确认收入缴库", "Confirms income to the treasury"),
    Role.PERMIT: Text("办理排污许可变更", "Changes the discharge permit"),
    Role.FIRM_CLERK: Text("报名、缴纳保证金、报价、签约", "Signs up, pays the deposit, bids, contracts"),
    Role.FIRM_APPROVER: Text("本企业事项的第二人签字", "The firm's second signature"),
    Role.AUDITOR: Text("查阅日志和账簿，逐笔追溯", "Reads journal and ledger, entry by entry"),
    Role.MONITOR: Text("监察市场异常", "Watches the market"),
    Role.ADMIN: Text("提出工作人员角色变更", "Proposes changes of staff roles"),
    Role.ADMIN_CHECKER: Text("复核工作人员角色变更", "Approves changes of staff roles"),
}


def _only_in_demo() -> None:
    if not settings.TERRACE_DEMO:
        raise Http404


@require_safe
def demo(request: HttpRequest) -> HttpResponse:
    """Every demo account by kind of organisation, and what its role does."""
    _only_in_demo()
    groups: dict[str, list[dict[str, object]]] = {}
    for membership in queries.demo_accounts():
        role = Role(membership.role)
        groups.setdefault(membership.organisation.kind, []).append(
            {"membership": membership, "role": role.label, "does": WHAT_THEY_DO[role]}
        )
    # The bodies that run the market first: with them a newcomer sees how a matter goes through.
    order = ["RESERVE_BODY", "EXCHANGE", "ENTERPRISE", *rules.ROLES_OF_KIND]
    context = {
        "groups": [
            {"kind": rules.KIND_TEXTS[kind], "accounts": groups[kind]}
            for kind in sorted(groups, key=order.index)
        ]
    }
    return render(request, "orgs/demo.html", context)


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """Become a demo user; only people of invented organisations can be chosen."""
    _only_in_demo()
    username = request.POST.get("username", "")
    membership = queries.demo_accounts().filter(user__username=username).first()
    if membership is None:
        raise Http404
    request.session.flush()
    login(request, membership.user, backend=BACKEND)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = settings.LOGIN_REDIRECT_URL
    return see_other_path(target)

"""The two rows of links in the page header: for everybody, and for those signed in by role."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role

FIRM = frozenset({Role.FIRM_CLERK, Role.FIRM_APPROVER})
RESERVE = frozenset({Role.RESERVE_MAKER, Role.RESERVE_CHECKER})
EXCHANGE = frozenset({Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER})
BUREAU = frozenset({Role.BUREAU, Role.BUREAU_CHECKER})
ADMINS = frozenset({Role.ADMIN, Role.ADMIN_CHECKER})
AUDIT = frozenset({Role.AUDITOR})
STAFF = (
    RESERVE | EXCHANGE | BUREAU | AUDIT | frozenset({Role.BRANCH, Role.FINANCE, Role.PERMIT, Role.MONITOR})
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One link. `roles` empty: for everybody, signed in or not."""

    label: Text
    url_name: str
    roles: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry resolved for one page: its address and whether the page stands under it."""

    label: Text
    url: str
    current: bool


PUBLIC: tuple[Entry, ...] = (
    Entry(Text("首页", "Home"), "web:home"),
    Entry(Text("挂牌标的", "Lots"), "listings:lots"),
    Entry(Text("成交结果", "Results"), "settlement:results"),
    Entry(Text("公告公示", "Notices"), "publication:list"),
    Entry(Text("价格", "Prices"), "web:prices"),
    Entry(Text("政府储备", "Reserve"), "web:reserve"),
    Entry(Text("规则", "Rules"), "rulebooks:list"),
    Entry(Text("怎样参加", "How to apply"), "web:how_to"),
)

SIGNED_IN: tuple[Entry, ...] = (
    Entry(Text("工作台", "Desk"), "web:desk"),
    Entry(Text("我的排污权", "My rights"), "rights:mine", FIRM),
    Entry(Text("项目与需求", "Projects and needs"), "rights:projects", FIRM),
    Entry(Text("我的报名", "My applications"), "listings:signups", FIRM),
    Entry(Text("储备管理", "The reserve"), "reserve:desk", RESERVE),
    Entry(Text("挂牌与资格审查", "Listings and qualification"), "listings:desk", EXCHANGE),
    Entry(Text("核定", "Verification"), "rights:verifications", BUREAU | {Role.BRANCH}),
    Entry(Text("行为记录", "Conduct"), "rights:conduct", BUREAU | {Role.BRANCH}),
    Entry(Text("司法冻结", "Court orders"), "rights:court_orders", BUREAU),
    Entry(Text("成交办理", "Trades"), "settlement:trades", FIRM | (STAFF - {Role.BRANCH})),
    Entry(Text("收付款", "Payments"), "settlement:payments", EXCHANGE | AUDIT | {Role.FINANCE}),
    Entry(Text("规则参数", "Parameters"), "rulebooks:parameters", BUREAU | AUDIT),
    Entry(Text("总账", "Ledger"), "ledger:totals", AUDIT),
    Entry(Text("日志", "Journal"), "audit:journal", AUDIT),
    Entry(Text("平台运行", "Operations"), "web:operator", ADMINS | AUDIT),
    Entry(Text("单位管理", "Organisations"), "orgs:organisations", EXCHANGE | BUREAU | ADMINS | AUDIT),
    Entry(Text("复核", "Approvals"), "orgs:approvals"),
    Entry(Text("本单位", "My organisation"), "orgs:mine"),
    Entry(Text("消息", "Inbox"), "notify:inbox"),
)


def links(entries: tuple[Entry, ...], actor: Actor | None, path: str) -> list[Link]:
    """The entries this actor may use, in order, as addresses."""
    found = []
    for entry in entries:
        if entry.roles and (actor is None or not actor.has_role(*entry.roles)):
            continue
        url = address(entry.url_name)
        found.append(Link(entry.label, url, path == url or (url != "/" and path.startswith(url))))
    return found


def address(url_name: str, *arguments: object) -> str:
    """The address of a page of another context."""
    return reverse(url_name, args=arguments)

"""Who may watch, who may bid. Auctions are public; only a qualified bidder's people quote."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from django.conf import settings

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.market.auctions.models import Agreement, Auction, Bidder, BidderState


def get_auction_for(actor: Actor, auction_id: int) -> Auction:
    """The auction; everybody may watch it. Raises NotFound."""
    auction = Auction.objects.filter(pk=auction_id).first()
    if auction is None:
        raise NotFound(what=Text("该竞价", "The auction"))
    return auction


def client_digest(environment: Mapping[str, str]) -> str:
    """A keyed digest of address and browser: enough to see that two bidders share a machine, not which one."""
    address = environment.get("HTTP_X_FORWARDED_FOR") or environment.get("REMOTE_ADDR", "")
    seen = f"{address}\n{environment.get('HTTP_USER_AGENT', '')}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), seen, hashlib.sha256).hexdigest()


def may_bid(actor: Actor, auction: Auction) -> Verdict:
    """Whether the actor's organisation is a bidder here; the database decides again with each quote."""
    if actor.user_id is None:
        return Verdict(False, Text("请先登录后报价。", "Sign in to quote."))
    if actor.organisation_id is None or not actor.has_role(Role.FIRM_CLERK, Role.FIRM_APPROVER):
        return Verdict(False, Text("只有企业可以报价。", "Only enterprises quote."))
    admitted = Bidder.objects.filter(
        auction=auction, organisation_id=actor.organisation_id, state=BidderState.ADMITTED
    )
    if not admitted.exists():
        return Verdict(
            False,
            Text(
                "贵单位不是本场竞价的合格竞买人。",
                "Your organisation is not a qualified bidder in this auction.",
            ),
        )
    return Verdict(True, Text("", ""))


def may_see_agreement(actor: Actor, agreement: Agreement) -> Verdict:
    """The two sides, the trading institution, and those who audit and watch."""
    if actor.has_role(Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER, Role.AUDITOR, Role.MONITOR):
        return Verdict(True)
    return Verdict(
        actor.organisation_id is not None
        and actor.organisation_id in (agreement.buyer_id, agreement.seller_id),
        Text(
            "只有协议双方、交易机构和审计可以查看。",
            "Only the two sides, the trading institution and auditors see it.",
        ),
    )


def get_agreement_for(actor: Actor, agreement_id: int) -> Agreement:
    """The agreement. Raises NotFound, NotAllowed."""
    agreement = Agreement.objects.select_related("buyer", "seller").filter(pk=agreement_id).first()
    if agreement is None:
        raise NotFound(what=Text("该协议", "the agreement"))
    may_see_agreement(actor, agreement).require()
    return agreement


def may_close(actor: Actor) -> Verdict:
    """Closing is done by the clock; only the system records it."""
    return Verdict(
        actor.is_system, Text("竞价由系统按时间自动结束。", "An auction is closed by the clock alone.")
    )

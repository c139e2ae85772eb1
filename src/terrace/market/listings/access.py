"""Who may see and do what with offers and sign-ups."""

from __future__ import annotations

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document
from terrace.kernel.orgs.roles import Role
from terrace.market.listings.models import Listing, Lot, SignUp
from terrace.market.rights.access import FIRM, YES, role_verdict

STAFF = (
    Role.EXCHANGE_MAKER,
    Role.EXCHANGE_CHECKER,
    Role.RESERVE_MAKER,
    Role.RESERVE_CHECKER,
    Role.BUREAU,
    Role.BUREAU_CHECKER,
    Role.AUDITOR,
    Role.MONITOR,
)
# Who reads applications: the institution that decides, the bureau that may give an opinion, the auditor.
# The reserve body is the seller and the branch has no part in qualification: they do not.
APPLICATION_READERS = (
    Role.EXCHANGE_MAKER,
    Role.EXCHANGE_CHECKER,
    Role.BUREAU,
    Role.BUREAU_CHECKER,
    Role.AUDITOR,
    Role.MONITOR,
)


def may_prepare(actor: Actor) -> Verdict:
    """Draft, accept, announce, suspend, terminate, relist."""
    return role_verdict(actor, Role.EXCHANGE_MAKER)


def may_see_desk(actor: Actor) -> Verdict:
    return role_verdict(actor, *APPLICATION_READERS)


def may_see_case(actor: Actor) -> Verdict:
    """The working page of an offer; the public reads the lot's page instead."""
    return role_verdict(actor, *STAFF)


def may_withdraw(actor: Actor, listing: Listing) -> Verdict:
    """Only the seller takes an offer back."""
    if not actor.has_role(Role.RESERVE_MAKER):
        return role_verdict(actor, Role.RESERVE_MAKER)
    if actor.organisation_id != listing.lot.seller_id:
        return Verdict(False, Text("只有出让方可以撤回。", "only the seller may withdraw it."))
    return YES


def may_see_listing(actor: Actor, listing: Listing) -> Verdict:
    """An announced offer is public; one in preparation is for the staff."""
    if listing.announced_at is not None or actor.has_role(*STAFF):
        return YES
    return Verdict(False, Text("公告尚未发布。", "the notice has not been published."))


def may_sign_up(actor: Actor) -> Verdict:
    """A firm's clerk, covered by the delegation letter where there is one."""
    verdict = role_verdict(actor, Role.FIRM_CLERK)
    if not verdict:
        return verdict
    if actor.organisation_id is None:
        return Verdict(False, Text("请先选择所代表的单位。", "choose the organisation you act for."))
    if not actor.covers("listings.signup.start"):
        return Verdict(
            False, Text("授权委托书未包含报名事项。", "the delegation letter does not cover sign-ups.")
        )
    return YES


def may_see_signup(actor: Actor, signup: SignUp) -> Verdict:
    """The firm itself; once submitted also those who decide or audit. Never another firm."""
    if actor.has_role(*FIRM) and actor.organisation_id == signup.organisation_id:
        return YES
    if signup.submitted_at is not None and actor.has_role(*APPLICATION_READERS):
        return YES
    return Verdict(False, Text("不是本单位的报名。", "not your organisation's application."))


def may_fill(actor: Actor, signup: SignUp) -> Verdict:
    verdict = may_sign_up(actor)
    if verdict and actor.organisation_id != signup.organisation_id:
        return Verdict(False, Text("不是本单位的报名。", "not your organisation's application."))
    return verdict


def may_confirm(actor: Actor, signup: SignUp) -> Verdict:
    """The firm's approver; that it is another person than the clerk is the procedure's rule."""
    if not actor.has_role(Role.FIRM_APPROVER):
        return role_verdict(actor, Role.FIRM_APPROVER)
    if actor.organisation_id != signup.organisation_id:
        return Verdict(False, Text("不是本单位的报名。", "not your organisation's application."))
    return YES


def may_withdraw_signup(actor: Actor, signup: SignUp) -> Verdict:
    if actor.has_role(*FIRM) and actor.organisation_id == signup.organisation_id:
        return YES
    return Verdict(False, Text("只有报名单位可以撤回。", "only the firm itself may withdraw it."))


def may_qualify(actor: Actor) -> Verdict:
    return role_verdict(actor, Role.EXCHANGE_MAKER)


def may_read_paper(actor: Actor, document: Document) -> Verdict:
    """Papers of a sign-up: whoever may see the sign-up."""
    signup = SignUp.objects.filter(pk=document.subject_id).first()
    if signup is None:
        return Verdict(False, Text("没有对应的报名。", "there is no such application."))
    return may_see_signup(actor, signup)


def get_lot_for(actor: Actor, lot_id: int) -> tuple[Lot, Listing]:
    """A lot with its newest offer that the actor may see. Raises NotFound."""
    listings = (
        Listing.objects.select_related("lot__parcel__right__area", "lot__seller", "lot__planned_lot__plan")
        .filter(lot_id=lot_id)
        .order_by("-round")
    )
    for listing in listings:
        if may_see_listing(actor, listing):
            return listing.lot, listing
    raise NotFound(what=Text("该标的", "the lot"))


def get_listing_for(actor: Actor, listing_id: int) -> Listing:
    """Raises NotFound."""
    listing = (
        Listing.objects.select_related("lot__parcel__right__area", "lot__seller", "lot__planned_lot__plan")
        .filter(pk=listing_id)
        .first()
    )
    if listing is None or not may_see_listing(actor, listing):
        raise NotFound(what=Text("该公告", "the listing"))
    return listing


def get_signup_for(actor: Actor, signup_id: int) -> SignUp:
    """Raises NotFound: that another firm has applied is not told."""
    signup = (
        SignUp.objects.select_related(
            "listing__lot__parcel__right__area", "listing__lot__seller", "organisation", "need__project__unit"
        )
        .filter(pk=signup_id)
        .first()
    )
    if signup is None or not may_see_signup(actor, signup):
        raise NotFound(what=Text("该报名", "the sign-up"))
    return signup

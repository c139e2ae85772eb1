"""Reads that span contexts: what a visitor sees first, the prices, the desk. No context below knows them.

Each function says its number of queries; it does not depend on the number of rows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Case as Chosen
from django.db.models import Count, DecimalField, QuerySet, Sum, When
from django.db.models.functions import Cast, TruncMonth

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity, half_up
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import queries as orgs
from terrace.kernel.orgs.models import Approval
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures.models import Case
from terrace.kernel.publication import queries as publication
from terrace.kernel.publication.models import Notice
from terrace.market.auctions.models import Auction
from terrace.market.listings import queries as listing_queries
from terrace.market.listings.models import Listing
from terrace.market.settlement import queries as settlement
from terrace.market.settlement.models import Trade
from terrace.web.models import SavedView
from terrace.web.navigation import address

DEALS_CHARTED = 300


def next_deadline(now: dt.datetime) -> dt.datetime | None:
    """The next instant at which a running case is due, or None. One query."""
    return (
        Case.objects.filter(closed_at__isnull=True, paused_at__isnull=True, deadline_at__gt=now)
        .order_by("deadline_at")
        .values_list("deadline_at", flat=True)
        .first()
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A lot on sale as the home page shows it: what, from which price, what can be done until when."""

    listing: Listing
    next_step: Text
    until: dt.datetime | None
    can_sign_up: bool
    auction_url: str = ""

    @property
    def pollutant(self) -> Pollutant:
        return Pollutant(self.listing.lot.pollutant)

    @property
    def url(self) -> str:
        return address("listings:lot", self.listing.lot_id)

    @property
    def amount_at_start(self) -> Money:
        return self.listing.start.amount(self.listing.lot.quantity)


def offers(now: dt.datetime, *, limit: int = 6) -> list[Offer]:
    """The listings on sale, those that can still be signed up for first. Two queries."""
    listings = list(listing_queries.public_listings()[:limit])
    auctions = dict(
        Auction.objects.filter(listing_id__in=[listing.pk for listing in listings]).values_list(
            "listing_id", "pk"
        )
    )
    found = [
        replace(_offer(listing, now), auction_url=_auction_url(auctions.get(listing.pk)))
        for listing in listings
    ]
    return sorted(found, key=lambda offer: (not offer.can_sign_up, offer.until is None, offer.until or now))


def _auction_url(auction_id: int | None) -> str:
    return address("auctions:auction", auction_id) if auction_id is not None else ""


def _offer(listing: Listing, now: dt.datetime) -> Offer:
    """The next instant that matters to a buyer, in words."""
    if listing.state == "SUSPENDED":
        return Offer(
            listing,
            Text("已中止，恢复时间另行公告", "Suspended; a notice will say when it goes on"),
            None,
            False,
        )
    if now < listing.signup_from:
        return Offer(listing, Text("报名开始", "Sign-up opens"), listing.signup_from, False)
    if now < listing.signup_until:
        return Offer(listing, Text("报名截止", "Sign-up closes"), listing.signup_until, True)
    if now < listing.quoting_from:
        return Offer(listing, Text("竞价开始", "Bidding opens"), listing.quoting_from, False)
    if now < listing.quoting_until and listing.state != "AGREEMENT":
        return Offer(listing, Text("自由竞价截止", "Free bidding closes"), listing.quoting_until, False)
    if listing.state == "AGREEMENT":
        return Offer(listing, Text("转为协议出让，办理中", "Being concluded by agreement"), None, False)
    return Offer(listing, Text("竞价进行中", "Bidding is under way"), None, False)


@dataclass(frozen=True, slots=True)
class Deal:
    """A trade as the price pages show it; `per_year` puts both bases on one scale."""

    trade: Trade

    @property
    def url(self) -> str:
        return address("settlement:result", self.trade.number)

    @property
    def price(self) -> Price:
        return Price(self.trade.price_fen_per_tonne, PriceBasis(self.trade.price_basis), self.trade.years)

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.trade.pollutant), self.trade.quantity_g)

    @property
    def yuan_per_tonne_year(self) -> Decimal:
        return yuan_per_tonne_year(self.price)


def yuan_per_tonne_year(price: Price) -> Decimal:
    """A unit price in yuan per tonne-year, rounded half up to the fen; a term price is divided by its years."""
    fen = price.fen_per_tonne
    if price.basis is PriceBasis.TERM:
        fen = half_up(fen, price.years)
    return Money(fen).yuan.quantize(Decimal("0.01"))


def deals_found(
    *, pollutant: str = "", since: dt.datetime | None = None, until: dt.datetime | None = None
) -> QuerySet[Trade]:
    """Trades whose result has been publicised and that were not ended without delivery, newest first."""
    trades = settlement.results().filter(outcome__in=("OPEN", "COMPLETED"))
    if pollutant:
        trades = trades.filter(pollutant=pollutant)
    if since is not None:
        trades = trades.filter(awarded_at__gte=since)
    if until is not None:
        trades = trades.filter(awarded_at__lt=until)
    return trades


def deals_for_chart(trades: QuerySet[Trade], limit: int = DEALS_CHARTED) -> list[Deal]:
    """The same without the parties, which a chart does not name. One query."""
    return [Deal(trade) for trade in trades.select_related(None)[:limit]]


@dataclass(frozen=True, slots=True)
class Month:
    """All deals of one pollutant in one month (Shanghai): how many, how much, the mean price weighted by quantity."""

    start: dt.datetime
    pollutant: Pollutant
    deals: int
    quantity: Quantity
    yuan_per_tonne_year: Decimal


def deals_by_month(trades: QuerySet[Trade]) -> list[Month]:
    """The deals summed up in the database, the newest month first. One query, whatever their number.

    Prices are put on one scale first: a price for the term is divided by its years. The mean is rounded half
    up to the fen, once, at the end.
    """
    whole = DecimalField(max_digits=40, decimal_places=10)
    per_year = Chosen(
        When(
            price_basis=PriceBasis.TERM.value,
            then=Cast("price_fen_per_tonne", whole) / Cast("years", whole),
        ),
        default=Cast("price_fen_per_tonne", whole),
        output_field=whole,
    )
    rows = (
        trades.select_related(None)
        .order_by()
        .annotate(month=TruncMonth("awarded_at", tzinfo=clock.SHANGHAI))
        .values("month", "pollutant")
        .annotate(
            deals=Count("pk"),
            grams=Sum("quantity_g"),
            worth=Sum(per_year * Cast("quantity_g", whole), output_field=whole),
        )
        .order_by("-month", "pollutant")
    )
    return [
        Month(
            start=row["month"],
            pollutant=Pollutant(row["pollutant"]),
            deals=row["deals"],
            quantity=Quantity(Pollutant(row["pollutant"]), row["grams"]),
            yuan_per_tonne_year=(row["worth"] / row["grams"] / 100).quantize(
                Decimal("0.01"), rounding=ROUND_HALF_UP
            ),
        )
        for row in rows
    ]


def notices(limit: int = 6) -> list[Notice]:
    """The newest notices. One query."""
    return publication.latest(limit)


@dataclass(frozen=True, slots=True)
class ApprovalItem:
    """A second signature on the desk: mine to give, or asked by me."""

    title: Text
    url: str
    since: dt.datetime
    maker: str
    who: Text


def approvals_for(actor: Actor, url_of: str, limit: int = 25) -> list[ApprovalItem]:
    """What waits for the actor's second signature, oldest first. One query."""
    return _approval_items(orgs.pending_for(actor), url_of, limit)


def approvals_asked_by(actor: Actor, url_of: str, limit: int = 25) -> list[ApprovalItem]:
    """What the actor submitted and another has to check. One query."""
    return _approval_items(orgs.asked_by(actor), url_of, limit)


def _approval_items(found: QuerySet[Approval], url_of: str, limit: int) -> list[ApprovalItem]:
    return [
        ApprovalItem(
            title=Text(approval.summary_zh, approval.summary_en),
            url=url_of.replace("/0/", f"/{approval.pk}/"),
            since=approval.asked_at,
            maker=approval.maker_person.name,
            who=Text(
                "、".join(Role(r).label.zh for r in approval.checker_roles),
                ", ".join(Role(r).label.en for r in approval.checker_roles),
            ),
        )
        for approval in found[:limit]
    ]


def saved_views(user_id: int, path: str) -> list[SavedView]:
    """The filters that a person keeps on one list, by name. One query."""
    return list(SavedView.objects.filter(user_id=user_id, path=path, removed_at=None).order_by("name", "pk"))

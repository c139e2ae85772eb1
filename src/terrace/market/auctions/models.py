"""Auctions of one lot: terms copied at opening, the one hot row, bidders behind masks, quotes for ever."""

from __future__ import annotations

import datetime as dt

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.quantity import Pollutant, Price, PriceBasis, Quantity
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import Phase, Terms


@pghistory.track()
class Auction(CityRow):
    """One ascending auction (E1). The terms are a copy: a later change of the listing cannot touch them."""

    listing_id = models.BigIntegerField(unique=True, db_comment="listings.Listing; one auction per offer")
    number = models.CharField(max_length=60, db_comment="number of the notice")
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    pollutant = models.CharField(max_length=8, choices=[(p.value, p.label.zh) for p in Pollutant])
    quantity_g = models.BigIntegerField(db_comment="grams per year")
    price_basis = models.CharField(max_length=10, choices=[(b.value, b.value) for b in PriceBasis])
    years = models.SmallIntegerField()
    start_price_fen = models.BigIntegerField(db_comment="fen per tonne on price_basis")
    increment_fen = models.BigIntegerField(db_comment="fen per tonne on price_basis")
    opens_at = models.DateTimeField()
    free_until = models.DateTimeField(db_comment="T1; a late quote may move it where no timed period follows")
    wait_seconds = models.IntegerField(default=240)
    window_seconds = models.IntegerField(default=240)
    timed_period = models.BooleanField(default=True)
    timed_quoters_min = models.SmallIntegerField(default=2)
    whole_steps = models.BooleanField(default=True)
    free_quoters_only = models.BooleanField(default=True)
    leader_may_raise = models.BooleanField(default=True)
    late_quote_seconds = models.IntegerField(null=True, blank=True)
    extensions_max = models.IntegerField(null=True, blank=True)
    confirm_factor = models.IntegerField(default=10)
    deposit_required = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_comment="platform time of the opening act")

    class Meta:
        db_table = "auctions_auction"
        constraints = [
            models.CheckConstraint(
                condition=Q(start_price_fen__gt=0, increment_fen__gt=0, quantity_g__gt=0, years__gte=1),
                name="auctions_positive",
            ),
            models.CheckConstraint(condition=Q(free_until__gt=F("opens_at")), name="auctions_free_period"),
            models.CheckConstraint(
                condition=Q(
                    wait_seconds__gte=0,
                    window_seconds__gt=0,
                    timed_quoters_min__gte=1,
                    confirm_factor__gte=2,
                    confirm_factor__lte=1000,
                ),
                name="auctions_periods",
            ),
            models.CheckConstraint(
                condition=Q(late_quote_seconds__isnull=True)
                | Q(late_quote_seconds__gt=0, timed_period=False),
                name="auctions_late_quote_without_timed",
            ),
        ]
        indexes = [models.Index(fields=["-opens_at", "-id"])]

    def __str__(self) -> str:
        return self.number

    @property
    def terms(self) -> Terms:
        """The terms as the pure rules read them."""
        late = self.late_quote_seconds
        return Terms(
            start_price_fen=self.start_price_fen,
            increment_fen=self.increment_fen,
            opens_at=self.opens_at,
            free_until=self.free_until,
            wait=dt.timedelta(seconds=self.wait_seconds),
            window=dt.timedelta(seconds=self.window_seconds),
            timed_period=self.timed_period,
            timed_quoters_min=self.timed_quoters_min,
            whole_steps=self.whole_steps,
            free_quoters_only=self.free_quoters_only,
            leader_may_raise=self.leader_may_raise,
            late_quote=None if late is None else dt.timedelta(seconds=late),
            extensions_max=self.extensions_max,
            confirm_factor=self.confirm_factor,
        )

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)

    def price(self, fen: int) -> Price:
        """`fen` as a price on the basis of this lot."""
        return Price(fen, PriceBasis(self.price_basis), self.years)


class BidderState(models.TextChoices):
    ADMITTED = "ADMITTED", "已入场"
    EXCLUDED = "EXCLUDED", "已取消资格"


@pghistory.track()
class Bidder(models.Model):
    """A qualified organisation in one auction, shown under `mask` until the close.

    `limit_fen` is the firm's own ceiling, set by its approver; `deposit_hold_id` the ledger hold of its deposit.
    """

    auction = models.ForeignKey(Auction, on_delete=models.PROTECT, related_name="bidders")
    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    mask = models.CharField(
        max_length=4, db_comment="drawn at random: says nothing about the order of sign-up"
    )
    state = models.CharField(max_length=10, choices=BidderState.choices, default=BidderState.ADMITTED)
    deposit_hold_id = models.BigIntegerField(null=True, blank=True)
    limit_fen = models.BigIntegerField(null=True, blank=True, db_comment="fen per tonne on the lot's basis")
    admitted_at = models.DateTimeField()

    class Meta:
        db_table = "auctions_bidder"
        constraints = [
            models.UniqueConstraint(fields=["auction", "organisation"], name="auctions_bidder_once"),
            models.UniqueConstraint(fields=["auction", "mask"], name="auctions_mask_once"),
            models.CheckConstraint(
                condition=Q(limit_fen__isnull=True) | Q(limit_fen__gt=0), name="auctions_limit_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.mask


class AuctionState(models.Model):
    """The one row that every quote locks. Written by `auction_place_bid()` and by closing.

    Not history-tracked: it is the fold of the bids, which are kept for ever; `queries.check_state` recomputes it.
    """

    auction = models.OneToOneField(
        Auction, on_delete=models.PROTECT, primary_key=True, related_name="state_row"
    )
    seq = models.IntegerField(default=0)
    best_fen = models.BigIntegerField(null=True)
    leader = models.ForeignKey(
        Bidder, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    free_quoters = ArrayField(
        models.BigIntegerField(), default=list, db_comment="bidder ids in the order of their first quote"
    )
    free_ends_at = models.DateTimeField()
    timed_ends_at = models.DateTimeField(null=True)
    extensions = models.IntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    event_seq = models.IntegerField(default=0)
    closed_at = models.DateTimeField(null=True, db_comment="when the result was recorded")

    class Meta:
        db_table = "auctions_state"
        constraints = [
            models.CheckConstraint(
                condition=Q(seq=0, best_fen__isnull=True, leader__isnull=True, last_at__isnull=True)
                | Q(seq__gt=0, best_fen__isnull=False, leader__isnull=False, last_at__isnull=False),
                name="auctions_leader_iff_bids",
            )
        ]

    def as_rules(self) -> ascending.State:
        """The row as the pure rules read it (bidders by id)."""
        return ascending.State(
            seq=self.seq,
            best_fen=self.best_fen,
            leader=None if self.leader_id is None else str(self.leader_id),
            free_quoters=tuple(str(bidder) for bidder in self.free_quoters),
            free_ends_at=self.free_ends_at,
            timed_ends_at=self.timed_ends_at,
            extensions=self.extensions,
            last_at=self.last_at,
        )


class Bid(models.Model):
    """An accepted quote. `seq` orders; append-only by trigger. Not history-tracked: it never changes."""

    auction = models.ForeignKey(
        Auction, on_delete=models.PROTECT, related_name="bids", db_index=False, db_constraint=False
    )
    seq = models.IntegerField()
    bidder = models.ForeignKey(
        Bidder, on_delete=models.PROTECT, related_name="bids", db_index=False, db_constraint=False
    )
    price_fen = models.BigIntegerField()
    confirmed = models.BooleanField()
    at = models.DateTimeField()
    phase = models.CharField(max_length=6, choices=[(p.value, p.value) for p in (Phase.FREE, Phase.TIMED)])
    ends_at = models.DateTimeField(db_comment="end of the auction as it stood after this bid")
    user_id = models.BigIntegerField(null=True)
    client = models.CharField(max_length=64, blank=True, db_comment="keyed digest of address and browser")
    key = models.CharField(max_length=100)

    class Meta:
        db_table = "auctions_bid"
        constraints = [
            models.UniqueConstraint(fields=["auction", "seq"], name="auctions_bid_seq"),
            models.UniqueConstraint(fields=["bidder", "key"], name="auctions_bid_key_once"),
            models.CheckConstraint(condition=Q(price_fen__gt=0, seq__gt=0), name="auctions_bid_positive"),
        ]


class RefusedQuote(models.Model):
    """A quote that was refused, with the reason. Append-only by trigger; not history-tracked: it never changes."""

    auction = models.ForeignKey(
        Auction, on_delete=models.PROTECT, related_name="refused", db_index=False, db_constraint=False
    )
    bidder = models.ForeignKey(
        Bidder, on_delete=models.PROTECT, related_name="refused", db_index=False, db_constraint=False
    )
    price_fen = models.BigIntegerField()
    confirmed = models.BooleanField()
    at = models.DateTimeField()
    why = models.CharField(max_length=30)
    minimum_fen = models.BigIntegerField(db_comment="the next valid price at that moment")
    user_id = models.BigIntegerField(null=True)
    client = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=100)

    class Meta:
        db_table = "auctions_refused"
        constraints = [models.UniqueConstraint(fields=["bidder", "key"], name="auctions_refused_key_once")]
        indexes = [models.Index(fields=["auction", "id"])]


class LiveEvent(models.Model):
    """What watchers saw, in order: public data only. Append-only by trigger; not history-tracked.

    `data` is text, exactly as it was sent; `seq` is the id that a browser names when it comes back.
    """

    auction = models.ForeignKey(
        Auction, on_delete=models.PROTECT, related_name="live_events", db_index=False, db_constraint=False
    )
    seq = models.IntegerField()
    kind = models.CharField(max_length=12)
    data = models.TextField()

    class Meta:
        db_table = "auctions_live_event"
        constraints = [models.UniqueConstraint(fields=["auction", "seq"], name="auctions_event_seq")]


class AuctionResult(models.Model):
    """How an auction ended, with the re-runnable bundle. Append-only by trigger; not history-tracked."""

    auction = models.OneToOneField(Auction, on_delete=models.PROTECT, related_name="result")
    sold = models.BooleanField()
    winner = models.ForeignKey(Bidder, on_delete=models.PROTECT, null=True, related_name="+")
    price_fen = models.BigIntegerField(null=True)
    ended_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    bundle = models.JSONField()
    bundle_sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "auctions_result"
        constraints = [
            models.CheckConstraint(
                condition=Q(sold=True, winner__isnull=False, price_fen__isnull=False)
                | Q(sold=False, winner__isnull=True, price_fen__isnull=True),
                name="auctions_sold_iff_winner",
            )
        ]


AGREEMENT_PRICED = ("PRICED", "AGREED", "CHECKING", "AWARDED")


@pghistory.track()
class Agreement(CityRow):
    """The sale to the only qualified bidder (E4): a price at or above the floor, both sides, a second person."""

    listing_id = models.BigIntegerField(unique=True, db_comment="listings.Listing; one agreement per offer")
    signup_id = models.BigIntegerField(db_comment="listings.SignUp of the buyer")
    number = models.CharField(max_length=60, db_comment="number of the notice")
    seller = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    buyer = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    pollutant = models.CharField(max_length=8, choices=[(p.value, p.label.zh) for p in Pollutant])
    quantity_g = models.BigIntegerField(db_comment="grams per year")
    price_basis = models.CharField(max_length=10, choices=[(b.value, b.value) for b in PriceBasis])
    years = models.SmallIntegerField()
    floor_fen = models.BigIntegerField(
        db_comment="fen per tonne on price_basis; the starting price or the best quote"
    )
    price_fen = models.BigIntegerField(null=True, db_comment="fen per tonne on price_basis")
    state = models.CharField(max_length=10, default="OFFERED")
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures.Case")
    approval_id = models.BigIntegerField(null=True, db_comment="orgs.Approval of the award")
    trade_number = models.CharField(max_length=60, blank=True)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "auctions_agreement"
        constraints = [
            models.CheckConstraint(
                condition=Q(price_fen__isnull=True) | Q(price_fen__gte=F("floor_fen")),
                name="auctions_agreement_floor",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=AGREEMENT_PRICED) | Q(price_fen__isnull=False),
                name="auctions_agreement_priced",
            ),
            models.CheckConstraint(
                condition=Q(state="AWARDED", ended_at__isnull=False) & ~Q(trade_number="")
                | Q(state="FAILED", ended_at__isnull=False, trade_number="")
                | ~Q(state__in=["AWARDED", "FAILED"]) & Q(ended_at__isnull=True, trade_number=""),
                name="auctions_agreement_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)

    def price(self, fen: int) -> Price:
        """`fen` as a price on the basis of this lot."""
        return Price(fen, PriceBasis(self.price_basis), self.years)

    @property
    def floor(self) -> Price:
        return self.price(self.floor_fen)

"""The auction API: the state as JSON, a quote with an idempotency key. Live events: `terrace.site.asgi`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Header, Router
from ninja.security import django_auth

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.market.auctions import access, queries, services
from terrace.market.auctions.schemas import (
    AuctionOut,
    BidIn,
    BidOut,
    ClockOut,
    PlacedOut,
    Problem,
    StandingOut,
    bid_answer,
)

RECENT_BIDS = 20
PRICE = Text("报价", "price")
router = Router(tags=["auctions"])


@router.post(
    "/{int:auction_id}/bids",
    response={201: BidOut, 401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem},
    auth=django_auth,
    url_name="auction_bids",
    summary="Quote in an auction",
)
def post_bid(
    request: HttpRequest,
    auction_id: int,
    body: BidIn,
    idempotency_key: str = Header("", alias="Idempotency-Key"),
) -> HttpResponse:
    """One quote for the signed-in user's organisation. 201 means durable."""
    placed = services.place_bid(
        actor=request.actor,  # type: ignore[attr-defined]  # ADR 0005
        auction_id=auction_id,
        price_fen=Money.from_yuan(body.price, where=PRICE).fen,
        key=idempotency_key,
        confirmed=body.confirm,
        client=access.client_digest(request.META),
    )
    answer = JsonResponse(bid_answer(placed), status=201)
    if placed.repeated:
        answer["Idempotency-Replayed"] = "true"
    return answer


@router.get(
    "/{int:auction_id}",
    response={200: AuctionOut, 404: Problem},
    url_name="auction",
    summary="An auction as it stands",
)
def get_auction(request: HttpRequest, auction_id: int) -> AuctionOut:
    """Terms, state, phase, the server's time, the last bids behind masks, and where the caller stands."""
    actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    auction = access.get_auction_for(actor, auction_id)
    public = queries.get_public_state(auction_id)
    if public is None:
        raise NotFound(what=Text("该竞价", "The auction"))
    mine = queries.my_standing(auction_id, actor.organisation_id)
    return AuctionOut(
        id=auction.pk,
        number=auction.number,
        title_zh=auction.title_zh,
        title_en=auction.title_en,
        price_basis=auction.price_basis,
        years=auction.years,
        quantity_g=auction.quantity_g,
        start_price_fen=auction.start_price_fen,
        increment_fen=auction.increment_fen,
        phase=public.phase.value,
        server_now=queries.instant(public.now),
        state=public.values,
        me=None
        if mine is None
        else StandingOut(
            mask=mine.mask,
            leading=mine.is_leading,
            own_best_fen=mine.own_best_fen,
            limit_fen=mine.limit_fen,
            may_enter_timed=mine.may_enter_timed,
        ),
        bids=[
            PlacedOut(
                seq=bid.seq,
                mask=bid.bidder.mask,
                price_fen=bid.price_fen,
                at=queries.instant(bid.at),
                phase=bid.phase,
            )
            for bid in queries.list_bids(auction_id)[:RECENT_BIDS]
        ],
    )


@router.get(
    "/{int:auction_id}/clock",
    response={200: ClockOut},
    url_name="auction_clock",
    summary="The platform's clock, for measuring latency",
)
def get_clock(request: HttpRequest, auction_id: int) -> HttpResponse:
    """The instant of the clock that decides; a page measures its round trip and its own clock's error by it."""
    response = JsonResponse({"server_now": queries.instant(clock.now())})
    response["Cache-Control"] = "no-store"
    return response

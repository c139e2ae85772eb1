"""A quote: one call of one SQL procedure, which locks, reads the clock, decides, records and waits for the disk.

It is the platform's only act that is not wrapped in `kernel.base.db.act`: the procedure commits by itself, so
that a bid costs one round trip and no bidder waits for another's disk (ADR 0006). Its journal is the stream of
the auction.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.utils import OperationalError

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import OutsideDelegation
from terrace.kernel.base.errors import KeyReused, NotFound, Refusal, ServiceBusy
from terrace.kernel.base.quantity import Price, PriceBasis
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.market.auctions.rules.ascending import Phase, Why

QUOTE_SQL = "CALL auction_quote(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL)"
NESTED_SQL = "SELECT answer FROM auction_place_bid(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
KEY_LENGTH_MAX = 100
_BUSY_SQLSTATES = {"40001", "40P01", "55P03", "57014"}


@dataclass(frozen=True, slots=True)
class PlacedBid:
    """The answer to an accepted quote; a repeat of the same key gets the same one with `repeated` set."""

    auction_id: int
    seq: int
    price_fen: int
    at: dt.datetime
    phase: Phase
    ends_at: dt.datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class SignInProof:
    """What a web process remembers of a session; the database looks at all of it again with the quote.

    The digests are the MD5 of the stored session and of the stored password hash: they tell change, no secret.
    """

    session_key: str
    session_digest: str
    password_digest: str
    membership_id: int


class ProofStale(Exception):
    """The sign-in has changed since it was remembered: nothing was done, read it anew."""


class BidRefused(Refusal):
    """Base of every refusal of a quote. Facts: `minimum` (label), `minimum_fen`, `at`."""

    code = "auction.bid.refused"
    text = Text("报价未被接受。", "The quote was not accepted.")


class BidderNotAdmitted(BidRefused):
    code = "auction.bid.not_admitted"
    text = Text(
        "贵单位不是本场竞价的合格竞买人。", "Your organisation is not a qualified bidder in this auction."
    )
    hint = Text(
        "须在报名截止前报名，并通过资格审核、缴纳保证金。",
        "Sign up before the deadline, pass the qualification and pay the deposit.",
    )
    http_status = 403


class BidderInactive(BidRefused):
    code = "auction.bid.organisation_inactive"
    text = Text(
        "贵单位的平台资格处于暂停、冻结或注销状态，不能报价。",
        "Your organisation is suspended, frozen or closed on the platform and cannot quote.",
    )
    hint = Text("请与交易机构联系。", "Contact the trading institution.")
    http_status = 403


class DepositMissing(BidRefused):
    code = "auction.bid.deposit_missing"
    text = Text("没有有效的保证金，不能报价。", "There is no deposit held for you, so you cannot quote.")
    hint = Text(
        "请从本单位账户缴纳保证金，到账匹配后再报价。",
        "Pay the deposit from your own account; you can quote once it has been matched.",
    )


class AuctionNotOpen(BidRefused):
    code = "auction.bid.not_open"
    text = Text("竞价尚未开始，报价未被接受。", "The auction has not opened; the quote was not accepted.")


class AuctionWaiting(BidRefused):
    code = "auction.bid.waiting"
    text = Text(
        "自由竞价已结束、限时竞价尚未开始，等待期内不接受报价。",
        "The free period is over and the timed period has not begun; no quote is accepted while waiting.",
    )
    hint = Text("请等待倒计时结束后报价。", "Quote when the countdown has ended.")


class AuctionClosed(BidRefused):
    code = "auction.bid.closed"
    text = Text("竞价已结束，报价未被接受。", "The auction is over; the quote was not accepted.")


class NotInFreePeriod(BidRefused):
    code = "auction.bid.not_in_free_period"
    text = Text(
        "自由竞价期内未报过价的竞买人不能进入限时竞价。",
        "A bidder who did not quote in the free period cannot enter the timed period.",
    )


class AlreadyLeading(BidRefused):
    code = "auction.bid.already_leading"
    text = Text(
        "当前最高价就是您的报价，无须加价。", "The best quote is already yours; there is nothing to raise."
    )


class BidTooHigh(BidRefused):
    code = "auction.bid.too_high"
    text = Text("报价超出平台可处理的范围。", "The quote is beyond what the platform can process.")
    http_status = 422


class BidTooLow(BidRefused):
    code = "auction.bid.too_low"
    text = Text("报价不得低于 {minimum}。", "The quote must be at least {minimum}.")
    hint = Text("请按页面显示的下一有效价报价。", "Use the next valid price shown on the page.")


class BidNotAStep(BidRefused):
    code = "auction.bid.not_a_step"
    text = Text(
        "报价须为起始价加上加价幅度({increment})的整数倍。",
        "The quote must be the starting price plus a whole number of increments ({increment}).",
    )
    hint = Text("下一有效价为 {minimum}。", "The next valid price is {minimum}.")


class OverOwnLimit(BidRefused):
    code = "auction.bid.over_own_limit"
    text = Text(
        "报价超过贵单位审批人设定的最高限价。", "The quote is above the ceiling set by your firm's approver."
    )
    hint = Text("如需提高限价，请由审批人办理。", "Ask the approver to raise the ceiling.")


class JumpNotConfirmed(BidRefused):
    code = "auction.bid.confirm_jump"
    text = Text(
        "报价远高于下一有效价 {minimum}，可能多输了位数，报价未被接受。",
        "The quote is far above the next valid price {minimum}, perhaps a digit too many; it was not accepted.",
    )
    hint = Text(
        "如确为本意，请勾选“确认大幅加价”后重新提交。",
        "If it is meant, tick “confirm the large raise” and send it again.",
    )


class KeyMissing(Refusal):
    code = "input.key_missing"
    text = Text(
        "缺少幂等键(1–{longest}个字符)。", "The idempotency key (1 to {longest} characters) is missing."
    )
    hint = Text(
        "请在请求头 Idempotency-Key 中提供，每次报价一个。",
        "Send one per quote in the header Idempotency-Key.",
    )
    http_status = 422


REFUSALS: dict[Why, type[BidRefused]] = {
    Why.NOT_ADMITTED: BidderNotAdmitted,
    Why.ORGANISATION_INACTIVE: BidderInactive,
    Why.DEPOSIT_MISSING: DepositMissing,
    Why.NOT_OPEN: AuctionNotOpen,
    Why.WAITING: AuctionWaiting,
    Why.CLOSED: AuctionClosed,
    Why.NOT_IN_FREE_PERIOD: NotInFreePeriod,
    Why.ALREADY_LEADING: AlreadyLeading,
    Why.TOO_HIGH: BidTooHigh,
    Why.TOO_LOW: BidTooLow,
    Why.NOT_A_STEP: BidNotAStep,
    Why.OVER_OWN_LIMIT: OverOwnLimit,
    Why.CONFIRM_JUMP: JumpNotConfirmed,
}


def place_bid(
    *,
    actor: Actor,
    auction_id: int,
    price_fen: int,
    key: str,
    confirmed: bool = False,
    client: str = "",
) -> PlacedBid:
    """Quote `price_fen` (fen per tonne on the lot's basis) for the actor's organisation. Durable when it returns.

    The database clock decides, read under the row lock of the auction. The same key never bids twice:
    a repeat gets the first answer, accepted or refused; with another price or confirmation, KeyReused.
    Checks the bidder's admission, its organisation, its deposit, its own ceiling, the period, the increment.
    Only an accepted quote of the timed period starts the window again (E1). Journal: stream `auction:<id>`.
    When the connection is lost on the way, nobody knows whether the quote stands: repeat it with its key.

    Raises a BidRefused (its `code` says why), NotFound, KeyMissing, KeyReused, ServiceBusy.
    """
    answer = quote(
        actor=actor,
        auction_id=auction_id,
        price_fen=price_fen,
        key=key,
        confirmed=confirmed,
        client=client,
        proof=None,
    )
    if isinstance(answer, Refusal):
        raise answer
    return answer


def quote(
    *,
    actor: Actor,
    auction_id: int,
    price_fen: int,
    key: str,
    confirmed: bool,
    client: str,
    proof: SignInProof | None,
) -> PlacedBid | Refusal:
    """`place_bid` for the short way: returns what the database answered, a refusal as well as an accepted quote.

    `proof`: the actor comes from a remembered session, which the database looks at again in the same round trip.

    Raises what was found before the database was asked (BidRefused, KeyMissing, OutsideDelegation), and
    ServiceBusy; ProofStale.
    """
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise KeyMissing(longest=KEY_LENGTH_MAX)
    if actor.organisation_id is None or not actor.has_role(Role.FIRM_CLERK, Role.FIRM_APPROVER):
        raise BidderNotAdmitted
    if not actor.covers("auction.bid.place"):
        raise OutsideDelegation
    if abs(price_fen) >= 2**62:
        raise BidTooHigh
    arguments: list[Any] = [
        auction_id,
        actor.organisation_id,
        price_fen,
        confirmed,
        key,
        actor.user_id,
        actor.person_id,
        actor.name,
        actor.via,
        client,
    ]
    if connection.in_atomic_block:
        # Inside somebody's transaction (tests) the quote becomes durable with it: nothing commits or waits here.
        assert proof is None
        sql = NESTED_SQL
    elif proof is None:
        sql, arguments = QUOTE_SQL, [None, None, None, None, *arguments]
    else:
        signed = [proof.session_key, proof.session_digest, proof.password_digest, proof.membership_id]
        sql, arguments = QUOTE_SQL, [*signed, *arguments]
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            row = cursor.fetchone()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) in _BUSY_SQLSTATES:
            raise ServiceBusy from error
        raise
    assert row is not None
    if row[0] is None:
        raise ProofStale
    answer = json.loads(row[0])  # Django leaves jsonb of raw statements as text
    if not answer["accepted"]:
        return _refusal(answer)
    return PlacedBid(
        auction_id=auction_id,
        seq=answer["seq"],
        price_fen=answer["price_fen"],
        at=dt.datetime.fromisoformat(answer["at"]),
        phase=Phase(answer["phase"]),
        ends_at=dt.datetime.fromisoformat(answer["ends_at"]),
        repeated=answer["repeated"],
    )


def _refusal(answer: dict[str, Any]) -> Refusal:
    if answer["why"] == "no_auction":
        return NotFound(what=Text("该竞价", "The auction"))
    if answer["why"] == "key_reused":
        return KeyReused()
    refused = REFUSALS[Why(answer["why"])]
    if "minimum_fen" not in answer:
        return refused()

    def label(fen: int) -> Text:
        return Price(fen, PriceBasis(answer["basis"]), answer["years"]).label()

    return refused(
        minimum=label(answer["minimum_fen"]),
        minimum_fen=answer["minimum_fen"],
        increment=label(answer["increment_fen"]),
        at=answer["at"],
    )

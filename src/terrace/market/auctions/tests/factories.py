"""Organisations and auctions for tests. Plain functions; everything has a default."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from django.db import transaction

from terrace.kernel.base import clock, credit_code
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.quantity import Pollutant, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import services as ledger
from terrace.kernel.ledger.services import Direct, Hold, Movement, Void
from terrace.kernel.orgs.models import (
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationState,
    Person,
    User,
)
from terrace.kernel.orgs.roles import Role
from terrace.market.auctions import services
from terrace.market.auctions.models import Auction, Bidder
from terrace.market.auctions.rules.ascending import Terms

START = 2_100_000  # 21,000 yuan per tonne for the five-year term (Ningxia notice)
STEP = 50_000
_numbers = itertools.count(1)


def organisation(name: str = "", state: str = OrganisationState.ACTIVE) -> Organisation:
    n = next(_numbers)
    code = credit_code.make("9", "1", "371500", f"{n:09d}")
    return Organisation.objects.create(
        credit_code=code,
        name=name or f"试验企业{n}",
        kind=OrganisationKind.ENTERPRISE,
        state=state,
        state_reason="" if state in (OrganisationState.ACTIVE, OrganisationState.APPLIED) else "试验",
    )


def actor_for(org: Organisation, *, user_id: int | None = 1) -> Actor:
    return Actor(
        user_id=user_id,
        person_id=user_id,
        organisation_id=org.pk,
        membership_id=None,
        roles=frozenset({Role.FIRM_CLERK}),
        name=f"{org.name}经办人",
    )


def terms(now: dt.datetime, **changes: Any) -> Terms:
    """In the free period at `now`, with ten minutes to go."""
    return Terms(
        **{
            "start_price_fen": START,
            "increment_fen": STEP,
            "opens_at": now - dt.timedelta(minutes=10),
            "free_until": now + dt.timedelta(minutes=10),
            **changes,
        }
    )


@transaction.atomic
def auction(now: dt.datetime | None = None, *, deposit_required: bool = False, **changes: Any) -> Auction:
    at = now or clock.now()
    n = next(_numbers)
    return services.create_auction(
        actor=SYSTEM,
        lot=services.LotOnOffer(
            listing_id=n,
            number=f"试竞〔2023〕{n}号",
            title=Text("氮氧化物排污权 4.048 吨/年", "NOx right, 4.048 t/yr"),
            quantity=Quantity(Pollutant.NOX, 4_048_000),
            price_basis=PriceBasis.TERM,
            years=5,
        ),
        terms=terms(at, **changes),
        deposit_required=deposit_required,
        now=at,
    )


@transaction.atomic
def bidder(auction: Auction, org: Organisation | None = None, **changes: Any) -> Bidder:
    return services.enter_bidder(
        actor=SYSTEM,
        auction_id=auction.pk,
        organisation_id=(org or organisation()).pk,
        deposit_hold_id=changes.pop("deposit_hold_id", None),
        now=clock.now(),
        **changes,
    )


def deposit_hold(fen: int = 1_000_000) -> int:
    """Money paid in and frozen as a deposit; the number of the hold."""
    money = ledger.money_asset()
    bank = ledger.account_of(
        owner_type="platform", owner_id="world", asset=money, kind="BANK", may_overdraw=True
    )
    firm = ledger.account_of(
        owner_type="organisation", owner_id=f"auction-test-{next(_numbers)}", asset=money, kind="HOLDER"
    )
    return _post(Direct(bank, firm, fen), Hold(firm, bank, fen))[1]


def give_back(hold_id: int) -> None:
    _post(Void(hold_id))


@transaction.atomic
def _post(*movements: Movement) -> tuple[int, ...]:
    return ledger.post_entry(
        key=f"auction-test:{next(_numbers)}",
        code="test.deposit",
        at=clock.now(),
        actor=SYSTEM,
        reason="test",
        subject_type="test",
        subject_id=1,
        transfers=movements,
    ).transfer_ids


def user_of(org: Organisation, role: Role = Role.FIRM_CLERK) -> User:
    """A person who may act for the organisation."""
    n = next(_numbers)
    person = Person.objects.create(name=f"试验人员{n}", identity_digest=f"{n:064d}")
    user = User.objects.create(username=f"auction-test-{n}", person=person)
    Membership.objects.create(user=user, organisation=org, role=role.value, since=dt.date(2020, 1, 1))
    return user

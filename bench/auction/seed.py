"""Bidders with a session and a held deposit, lots that are open for quoting. Prints what the clients need as JSON."""

from __future__ import annotations

import datetime as dt
import json
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django first
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from terrace.kernel.base import clock, credit_code  # noqa: E402
from terrace.kernel.base.actor import SYSTEM  # noqa: E402
from terrace.kernel.base.quantity import Pollutant, PriceBasis, Quantity  # noqa: E402
from terrace.kernel.base.texts import Text  # noqa: E402
from terrace.kernel.ledger import services as ledger  # noqa: E402
from terrace.kernel.ledger.services import Direct, Hold  # noqa: E402
from terrace.kernel.orgs.models import Membership, Organisation, Person, User  # noqa: E402
from terrace.market.auctions import services  # noqa: E402
from terrace.market.auctions.rules.ascending import Terms  # noqa: E402

DEPOSIT_FEN = 1_000_000


@transaction.atomic
def main(bidders: int, lots: int) -> None:
    now = clock.now()
    money = ledger.money_asset()
    bank = ledger.account_of(owner_type="bench", owner_id="bank", asset=money, kind="BANK", may_overdraw=True)
    people = []
    for n in range(bidders):
        org = Organisation.objects.create(
            credit_code=credit_code.make("9", "1", "371500", f"{n:09d}"),
            name=f"测速企业{n}",
            kind="ENTERPRISE",
            state="ACTIVE",
        )
        person = Person.objects.create(name=f"测速人员{n}", identity_digest=f"{n:064d}")
        user = User.objects.create(username=f"bench-{n}", person=person)
        Membership.objects.create(user=user, organisation=org, role="FIRM_CLERK", since=dt.date(2020, 1, 1))
        account = ledger.account_of(owner_type="organisation", owner_id=org.pk, asset=money, kind="HOLDER")
        posted = ledger.post_entry(
            key=f"bench:{n}",
            code="bench.deposit",
            at=now,
            actor=SYSTEM,
            reason="bench",
            subject_type="bench",
            subject_id=n,
            transfers=[Direct(bank, account, DEPOSIT_FEN), Hold(account, bank, DEPOSIT_FEN)],
        )
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        people.append((org, posted.transfer_ids[1], session.session_key))
    auctions = []
    for n in range(lots + 2):  # the first is the one lot of all, the last is watched
        auction = services.create_auction(
            actor=SYSTEM,
            lot=services.LotOnOffer(
                listing_id=1_000_000 + n,
                number=f"测速〔{n}〕",
                title=Text("测速", "bench"),
                quantity=Quantity(Pollutant.NOX, 4_048_000),
                price_basis=PriceBasis.TERM,
                years=5,
            ),
            terms=Terms(
                start_price_fen=2_100_000,
                increment_fen=50_000,
                opens_at=now - dt.timedelta(hours=1),
                free_until=now + dt.timedelta(days=1),
            ),
            deposit_required=True,
            now=now,
        )
        auctions.append(auction.pk)
        entering = people if n in (0, lots + 1) else [people[(n - 1) % bidders]]
        for org, hold, _ in entering:
            services.enter_bidder(
                actor=SYSTEM, auction_id=auction.pk, organisation_id=org.pk, deposit_hold_id=hold, now=now
            )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, price_fen bigint NOT NULL)")
        cursor.execute("GRANT ALL ON bench_bare, bench_bare_id_seq TO terrace_app")
    print(json.dumps({"sessions": [key for _, _, key in people], "auctions": auctions}))


main(int(sys.argv[1]), int(sys.argv[2]))

"""Real connections at the same time: a statement is booked once, a trade is delivered once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from terrace.kernel.base.errors import Refusal
from terrace.kernel.ledger import queries as ledger
from terrace.market.settlement import services
from terrace.market.settlement.models import BankLine, PaymentInstruction, Purpose
from terrace.market.settlement.services import money
from terrace.market.settlement.tests.factories import (
    NOW,
    make_actor,
    make_market,
    make_organisation,
    make_statement,
    paid,
)

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run the acts in threads with connections of their own, released together; the refusals' codes, "" for none."""
    start, codes = threading.Barrier(len(acts)), [""] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        try:
            start.wait(timeout=30)
            act()
        except Refusal as refusal:
            codes[place] = refusal.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return sorted(codes)


def test_two_confirmations_of_two_uploads_of_one_file_book_each_line_once() -> None:
    market = make_market()
    firm = make_organisation()
    instruction = services.request_payment(
        actor=market.maker,
        payer_id=firm.pk,
        payee="ESCROW",
        amount_fen=10_000,
        purpose=Purpose.DEPOSIT,
        subject_type="listing.signup",
        subject_id=1,
        due_at=NOW.replace(day=6),
        now=NOW,
    )
    content = make_statement(("2023-12-04", "S1", firm.bank_account_no, "n", "100.00", instruction.reference))
    other = make_actor(market.exchange, "EXCHANGE_MAKER")
    uploads = [
        (actor, services.upload_statement(actor=actor, content=content, filename="a.csv", now=NOW))
        for actor in (market.maker, other)
    ]
    codes = at_once(
        *(
            lambda actor=actor, upload=upload: services.confirm_statement(  # type: ignore[misc]
                actor=actor, statement_id=upload.pk, seen_digest=upload.findings_digest, now=NOW
            )
            for actor, upload in uploads
        )
    )
    assert codes == ["", "input.stale"]
    assert BankLine.objects.count() == 1
    instruction.refresh_from_db()
    assert instruction.state == "PAID"


def test_two_checkers_deliver_once() -> None:
    market = make_market()
    trade, now = paid(market)
    services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    services.propose_delivery(actor=market.maker, number=trade.number, now=now)
    checkers = (market.checker, make_actor(market.exchange, "EXCHANGE_CHECKER"))
    codes = at_once(
        *(
            lambda actor=actor: services.approve_delivery(actor=actor, number=trade.number, now=now)  # type: ignore[misc]
            for actor in checkers
        )
    )
    assert codes == ["", "procedure.transition_not_allowed"]
    assert PaymentInstruction.objects.filter(purpose=Purpose.TREASURY).count() == 1
    trade.refresh_from_db()
    assert trade.delivered_parcel is not None
    assert ledger.transfers_of(trade.delivered_parcel.ledger_entry_id).count() == 3
    assert ledger.verify() is None
    assert ledger.balance_of(money.treasury(market.finance.pk)).posted == trade.amount_fen

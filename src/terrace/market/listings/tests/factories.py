"""Offers and sign-ups for tests: the Ningxia calendar of 2025 and a sequential one of December 2023."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.documents.models import Document
from terrace.kernel.ledger import services as ledger
from terrace.kernel.ledger.rules import AccountKind, Direct, Hold
from terrace.kernel.orgs.models import User
from terrace.market.listings import rules, services
from terrace.market.listings.models import Listing, SignUp
from terrace.market.reserve.tests import factories as reserve
from terrace.market.rights.tests import factories as rights
from terrace.market.settlement.models import BankLine, PaymentInstruction, StatementImport
from terrace.market.settlement.tests import factories as settlement

NOW = rights.NOW  # Monday 4 December 2023, 10:00
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def at(
    month: int, day: int, hour: int = 9, minute: int = 0, second: int = 0, year: int = 2023
) -> dt.datetime:
    return clock.at_local(dt.date(year, month, day), hour, minute) + dt.timedelta(seconds=second)


SEQUENTIAL = rules.Calendar(
    notice_from=at(12, 4, 11),
    notice_until=at(12, 11, 9),
    signup_from=at(12, 4, 11),
    signup_until=at(12, 13, 17),
    qualification_until=at(12, 15, 17),
    deposit_until=at(12, 18, 17),
    quoting_from=at(12, 19, 9),
    quoting_until=at(12, 19, 11),
)
OVERLAPPING = rules.Calendar(
    notice_from=at(12, 4, 11),
    notice_until=at(12, 6, 9),
    signup_from=at(12, 6, 9),
    signup_until=at(12, 11, 9),
    qualification_until=at(12, 14, 9),
    deposit_until=at(12, 14, 9),
    quoting_from=at(12, 6, 9),
    quoting_until=at(12, 14, 10),
)


def market() -> rights.City:
    """A city with its bodies and the bank accounts of record."""
    town = rights.city()
    settlement.make_accounts(town.exchange_body, rights.orgs.organisation("FINANCE"))
    return town


def terms(calendar: rules.Calendar = SEQUENTIAL, **more: object) -> services.ListingTerms:
    given: dict[str, object] = {
        "project_name": "氮氧化物排污权出让",
        "allocation_text": "价高者得",
        "payment_text": "合同签订后5个工作日内一次付清",
        "contact": "交易机构 0635-0000000",
        "calendar": calendar,
    }
    return services.ListingTerms(**(given | more))  # type: ignore[arg-type]


def draft(town: rights.City, calendar: rules.Calendar = SEQUENTIAL, **more: object) -> Listing:
    return services.draft_listing(
        actor=town.exchange,
        planned_lot_id=reserve.listable_lot(town).pk,
        terms=terms(calendar, **more),
        now=NOW,
    )


def announced(town: rights.City, calendar: rules.Calendar = SEQUENTIAL) -> Listing:
    listing = draft(town, calendar)
    services.accept_listing(actor=town.exchange, listing_id=listing.pk, now=NOW)
    return services.announce_listing(actor=town.exchange, listing_id=listing.pk, now=calendar.notice_from)


def filled(town: rights.City, firm: rights.Firm, listing: Listing) -> SignUp:
    """A draft with everything that is asked for."""
    need = rights.confirmed_need(town, firm)
    opened = listing.signup_from
    signup = services.start_signup(actor=firm.clerk, listing_id=listing.pk, now=opened)
    signup = services.fill_signup(
        actor=firm.clerk,
        signup_id=signup.pk,
        version=signup.version,
        need_id=need.pk,
        quantity_g=listing.lot.quantity_g,
        now=opened,
    )
    for kind in rules.PAPERS_NEEDED:
        services.attach_paper(
            actor=firm.clerk,
            signup_id=signup.pk,
            kind=kind,
            content=PDF,
            filename=f"{kind.value.lower()}.pdf",
            media_type="application/pdf",
            now=opened,
        )
    signup.refresh_from_db()
    return signup


def submitted(
    town: rights.City, firm: rights.Firm, listing: Listing, now: dt.datetime | None = None
) -> SignUp:
    signup = filled(town, firm, listing)
    services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=listing.signup_from)
    return services.confirm_signup(
        actor=firm.approver, signup_id=signup.pk, now=now or listing.signup_from + dt.timedelta(hours=1)
    )


def pay(signup: SignUp, now: dt.datetime) -> None:
    """What the bank statement's import does for a deposit, without the file: money into escrow, a hold, the handlers."""
    instruction = PaymentInstruction.objects.get(pk=signup.deposit_instruction_id)
    with transaction.atomic():
        asset = ledger.money_asset()
        bank = ledger.account_of(
            owner_type="city", owner_id=signup.city, asset=asset, kind=AccountKind.BANK, may_overdraw=True
        )
        firm = ledger.account_of(
            owner_type="organisation", owner_id=signup.organisation_id, asset=asset, kind=AccountKind.HOLDER
        )
        escrow = ledger.account_of(
            owner_type="city", owner_id=signup.city, asset=asset, kind=AccountKind.ESCROW
        )
        posted = ledger.post_entry(
            key=f"test-pay:{instruction.pk}",
            code="test.pay",
            at=now,
            actor=SYSTEM,
            reason="",
            subject_type="payment",
            subject_id=instruction.pk,
            transfers=[
                Direct(bank, firm, instruction.amount_fen),
                Hold(firm, escrow, instruction.amount_fen),
            ],
        )
        statement = StatementImport.objects.create(
            document_id=Document.objects.values_list("pk", flat=True)[0],  # any stored paper
            filename="test.csv",
            file_digest="0" * 64,
            findings_digest="0" * 64,
            line_count=1,
            state="CONFIRMED",
            uploaded_by=User.objects.order_by("pk")[0],
            uploaded_at=now,
            confirmed_at=now,
        )
        instruction.paid_line = BankLine.objects.create(
            statement=statement,
            row_number=2,
            bank_serial=f"TEST-{instruction.pk}",
            booked_on=clock.local(now).date(),
            direction="IN",
            amount_fen=instruction.amount_fen,
            state="MATCHED",
            finding="MATCHED",
        )
        instruction.state = "PAID"
        instruction.paid_at = now
        instruction.hold_id = posted.transfer_ids[1]
        instruction.deposit_state = "HELD"
        instruction.save()
        services.deposit_paid(instruction, now)


def admitted(town: rights.City, firm: rights.Firm, listing: Listing) -> SignUp:
    """Signed up, qualified, deposit received."""
    signup = submitted(town, firm, listing)
    qualified_at = listing.signup_from + dt.timedelta(hours=2)
    signup = services.qualify_signup(
        actor=town.exchange, signup_id=signup.pk, accept=True, reason="", now=qualified_at
    )
    pay(signup, qualified_at + dt.timedelta(hours=1))
    signup.refresh_from_db()
    return signup

"""Rows for the pages of this tier, as the contexts below leave them: reserve, listings, trades."""

from __future__ import annotations

import datetime as dt
import itertools

from terrace.kernel.base import clock
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.orgs.tests.factories import organisation
from terrace.kernel.procedures.models import Case
from terrace.market.listings.models import Listing, Lot, SignUp
from terrace.market.reserve.models import Intake
from terrace.market.rights.models import Area, Parcel, Right
from terrace.market.settlement.models import PaymentInstruction, Trade
from terrace.market.settlement.procedures import TRADE

NOW = clock.at_local(dt.date(2023, 12, 18), 10)  # a Monday
_numbers = itertools.count(1)


def reserve_body() -> Organisation:
    return Organisation.objects.filter(kind="RESERVE_BODY").first() or organisation("RESERVE_BODY")


def parcel(pollutant: str = "NOX", grams: int = 4_048_000, holder: Organisation | None = None) -> Parcel:
    """A right issued from reserved quota, whole in one hand."""
    n = next(_numbers)
    area, _ = Area.objects.get_or_create(code="guanxian", defaults={"name": "冠县", "position": 1})
    water = Pollutant(pollutant).is_water
    right = Right.objects.create(
        serial=f"R-{n:05d}", pollutant=pollutant, quantity_g=grams, area=area, basin="tuhai" if water else "",
        region="tuhai" if water else "371500", sector="paper", paid=True, source="RESERVED_QUOTA",
        term_start=dt.date(2023, 12, 1), term_end=dt.date(2028, 11, 30), years=5, ledger_entry_id=n, issued_at=NOW,
    )  # fmt: skip
    return Parcel.objects.create(
        right=right, holder=holder or reserve_body(), quantity_g=grams, block_start=0, block_end=grams,
        move_kind="ISSUE",
        entry_key=f"test:{n}", ledger_entry_id=n, made_at=NOW,
    )  # fmt: skip


def intake(pollutant: str = "NOX", grams: int = 10_000_000) -> Intake:
    made = parcel(pollutant, grams)
    n = next(_numbers)
    return Intake.objects.create(
        number=f"SC-{n:04d}", kind="RESERVED_QUOTA", body=made.holder, pollutant=pollutant, quantity_g=grams,
        area=made.right.area, basin=made.right.basin, sector="paper", term_start=made.right.term_start, years=5,
        paper_no=f"聊环〔2023〕{n}号", grounds="预留", state="APPROVED", parcel=made, submitted_at=NOW, decided_at=NOW,
    )  # fmt: skip


def listing(pollutant: str = "NOX", grams: int = 4_048_000, now: dt.datetime = NOW) -> Listing:
    """A listing in its sign-up period."""
    n = next(_numbers)
    made = parcel(pollutant, grams)
    lot = Lot.objects.create(
        number=f"L-{n:04d}", name="测试标的", seller=made.holder, parcel=made, pollutant=pollutant,
        quantity_g=grams, state="LISTED", is_synthetic=True, created_at=now,
    )  # fmt: skip
    day = dt.timedelta(days=1)
    return Listing.objects.create(
        lot=lot, number=f"G-{n:04d}", project_name="测试标的", region_text="聊城市", source_text="政府储备", years=5,
        start_fen_per_tonne=2_100_000, increment_fen_per_tonne=50_000, price_basis="TERM", calendar_kind="CLOCK",
        notice_from=now - 2 * day, notice_until=now - day, signup_from=now - day, signup_until=now + 3 * day,
        qualification_until=now + 4 * day, deposit_until=now + 4 * day, quoting_from=now + 5 * day,
        quoting_until=now + 5 * day + dt.timedelta(hours=2), allocation_text="价高者得", deposit_fen=850_000,
        payment_text="付款", contact="交易机构", state="ANNOUNCED", rights_hold_id=n,
        created_at=now, accepted_at=now, announced_at=now - 2 * day,
    )  # fmt: skip


def trade(pollutant: str = "NOX", awarded_at: dt.datetime = NOW, basis: str = "TERM") -> Trade:
    n = next(_numbers)
    made = parcel(pollutant, 4_048_000)
    case = Case.objects.create(
        procedure_code=TRADE, procedure_version=1, state="awarded", subject_type="settlement.trade",
        subject_id=str(n), title_zh="成交", title_en="trade", url="/", state_since=awarded_at, opened_at=awarded_at,
    )  # fmt: skip
    return Trade.objects.create(
        number=f"T-{n:04d}", origin_type="listings.listing", origin_id=str(n), seller=made.holder,
        buyer=organisation(), parcel=made, rights_hold_id=n, case=case, pollutant=pollutant,
        region=made.right.region, source="RESERVED_QUOTA", quantity_g=4_048_000, price_fen_per_tonne=2_100_000,
        price_basis=basis, years=5, amount_fen=8_500_800, ratio_hundredths=100, term_start=made.right.term_start,
        term_end=made.right.term_end, awarded_at=awarded_at, publicised_at=awarded_at,
    )  # fmt: skip


def signup(of: Listing, firm: Organisation) -> SignUp:
    return SignUp.objects.create(listing=of, organisation=firm, created_at=NOW)


def payment_due(firm: Organisation) -> PaymentInstruction:
    n = next(_numbers)
    return PaymentInstruction.objects.create(
        reference=f"BZJ{n:06d}",
        purpose="DEPOSIT",
        payer=firm,
        payee_account_no="1601",
        payee_account_name="交易机构",
        amount_fen=850_000,
        subject_type="signup",
        subject_id=str(n),
        requested_at=NOW,
        due_at=NOW + dt.timedelta(days=2),
    )

"""The market of the demo city: what came into the reserve, the plan, three offers, and the firms that want them.

Quantities, prices and firms are invented (domain file I: no Shandong figure was found) and flagged synthetic.
"""

from __future__ import annotations

import csv
import datetime as dt
import io

from django.conf import settings

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.quantity import Money, Pollutant, PriceBasis
from terrace.market.auctions import services as auctions
from terrace.market.auctions.models import Auction
from terrace.market.listings import rules as listing_rules
from terrace.market.listings import services as listings
from terrace.market.listings.models import Listing, SignUp
from terrace.market.reserve import rules as reserve_rules
from terrace.market.reserve import services as reserve
from terrace.market.reserve.models import PlannedLot
from terrace.market.rights import rules as rights_rules
from terrace.market.rights import services as rights
from terrace.market.rights.models import DischargeUnit, NeedConfirmation
from terrace.market.settlement import queries as settlement_queries
from terrace.market.settlement import services as settlement
from terrace.market.settlement.models import PaymentInstruction, Purpose, StatementImport
from terrace.market.settlement.rules.words import AccountPurpose
from terrace.site import worker
from terrace.site.demo import papers
from terrace.site.demo.people import acting, at, organisation, rows
from terrace.site.demo.people import go_to as set_clock

TERM_START = dt.date(2024, 1, 1)
YEARS = 5

# name, pollutant, tonnes a year, floor in yuan per tonne-year, increment, basin, area of the source
LOTS = (
    ("氮氧化物政府储备排污权01号", Pollutant.NOX, "4.800", 1_500, 50, "", "dongchangfu"),
    ("化学需氧量政府储备排污权02号", Pollutant.COD, "2.600", 1_500, 50, "tuhai", "dongchangfu"),
    ("氨氮政府储备排污权03号", Pollutant.NH3N, "0.310", 4_000, 100, "tuhai", "dongchangfu"),
)

# firm, project, pollutant -> tonnes a year of new emission
NEEDS = {
    "buyer1": ("热处理二期生产线", {"NOX": "4.800", "SO2": "5.600"}),
    "buyer3": ("炭素煅烧扩建", {"NOX": "12.400"}),
    "buyer4": ("铜阳极炉改建", {"NOX": "4.800", "SO2": "6.900"}),
    "buyer9": ("精细化工中间体新建", {"NOX": "4.800", "COD": "2.600", "NH3N": "0.310", "VOCS": "5.500"}),
    "buyer5": ("枣制品车间新建", {"COD": "10.400", "NH3N": "0.310"}),
    "buyer2": ("筒子纱染色扩建", {"COD": "10.200"}),
}


def go_to(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2023) -> dt.datetime:
    """Move the clock and let everything pass that was due by then."""
    now = set_clock(month, day, hour, minute, year)
    worker.tick_once()
    return now


def grams(tonnes: str) -> int:
    whole, _, part = tonnes.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def build() -> None:
    """November and December 2023, day by day, up to the morning of 18 December."""
    areas()
    accounts_of_record()
    sites()
    plan = release_plan()
    needs()
    listings_made = offers(plan)
    sign_ups(listings_made)
    first_quotes()


def areas() -> None:
    now = go_to(11, 2)
    seeds = settings.REPOSITORY_ROOT / "seeds"
    with (seeds / "areas.csv").open(encoding="utf-8", newline="") as handle:
        rights.load_areas(actor=SYSTEM, areas=rights_rules.read_areas(csv.DictReader(handle)), now=now)
    with (seeds / "area_quality.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            rights.record_quality(
                actor=SYSTEM, area_code=row["area"], year=int(row["year"]), water_met=row["water_met"] == "yes",
                air_met=row["air_met"] == "yes", source=row["source"], is_synthetic=row["is_synthetic"] == "yes", now=now,
            )  # fmt: skip


def sites() -> None:
    now = go_to(11, 6)
    for row in rows("organisations.csv"):
        if row["kind"] == "ENTERPRISE":
            rights.add_unit(
                actor=acting(row["key"]), name="主厂区", permit_no=f"{row['credit_code']}001", area_code=row["area"],
                basin=rights_rules.Basin(row["basin"]), sector=rights_rules.Sector(row["sector"]),
                thermal_power=row["sector"] == "power", agriculture=row["sector"] == "livestock", now=now,
            )  # fmt: skip


def release_plan() -> list[PlannedLot]:
    """Intake of reserved quota by one person, approval by another; then the plan, likewise."""
    now = go_to(11, 22)
    parcels = []
    for place, (_, pollutant, tonnes, _, _, basin, area) in enumerate(LOTS, start=1):
        intake = reserve.register_intake(
            actor=acting("reserve"),
            intake=reserve.NewIntake(
                kind=reserve_rules.IntakeKind.RESERVED_QUOTA, pollutant=pollutant, quantity_g=2 * grams(tonnes), area_code=area,
                basin=basin, sector="other", term_start=TERM_START, years=YEARS, paper_no=f"演示储〔2023〕{place}号",
                grounds="预留初始排污权入库（演示数据）", is_synthetic=True,
            ),
            now=now,
        )  # fmt: skip
        done = reserve.decide_intake(
            actor=acting("reserve2"), intake_id=intake.pk, approve=True, reason="依据齐全", now=clock.now()
        )
        assert done.parcel is not None
        parcels.append(done.parcel)
    now = go_to(11, 27)
    plan = reserve.create_plan(
        actor=acting("reserve"), year=2023, title="2023年第一批政府储备排污权出让计划", grounds="保障新建项目环境要素（演示数据）",
        now=now, is_synthetic=True,
    )  # fmt: skip
    lots = [
        reserve.add_planned_lot(
            actor=acting("reserve"), plan_id=plan.pk,
            lot=reserve.NewLot(
                name=name, parcel_id=parcel.pk, quantity_g=grams(tonnes), years=YEARS, floor_fen_per_tonne=floor * 100,
                increment_fen_per_tonne=step * 100, price_basis=PriceBasis.PER_YEAR, deposit_percent=10,
            ),
            now=now,
        )
        for (name, _, tonnes, floor, step, _, _), parcel in zip(LOTS, parcels, strict=True)
    ]  # fmt: skip
    reserve.submit_plan(actor=acting("reserve"), plan_id=plan.pk, now=clock.now())
    now = go_to(11, 28, 15)
    reserve.decide_plan(actor=acting("reserve2"), plan_id=plan.pk, approve=True, reason="同意出让", now=now)
    return lots


def needs() -> None:
    """Firms state what their projects will emit; the branch of their area confirms. Two still wait."""
    for key, (project_name, emissions) in NEEDS.items():
        now = go_to(11, 29, 10)
        unit = DischargeUnit.objects.get(organisation=organisation(key))
        project = rights.create_project(
            actor=acting(key), unit_id=unit.pk, name=project_name, kind=rights_rules.ProjectKind.NEW,
            eia_stage=rights_rules.EiaStage.FILED, eia_no="", description="演示项目", now=now,
        )  # fmt: skip
        rights.apply_for_need(
            actor=acting(key),
            project_id=project.pk,
            emissions_g={Pollutant(p): grams(t) for p, t in emissions.items()},
            now=now,
        )
    now = go_to(12, 1, 10)
    for need in NeedConfirmation.objects.filter(state="APPLIED").select_related("project__unit__area"):
        rights.confirm_need(
            actor=acting(f"branch-{need.project.unit.area.code}"),
            need_id=need.pk,
            reason="材料齐全，予以确认",
            now=now,
        )
    now = go_to(12, 14, 10)
    waiting = (("buyer6", "文化纸机改造", "COD", "11.000"), ("seller2", "提标改造二期", "NH3N", "1.200"))
    for key, project_name, pollutant, tonnes in waiting:
        unit = DischargeUnit.objects.get(organisation=organisation(key))
        project = rights.create_project(
            actor=acting(key), unit_id=unit.pk, name=project_name, kind=rights_rules.ProjectKind.ENLARGED,
            eia_stage=rights_rules.EiaStage.PREPARING, eia_no="", description="演示项目", now=now,
        )  # fmt: skip
        rights.apply_for_need(
            actor=acting(key),
            project_id=project.pk,
            emissions_g={Pollutant(pollutant): grams(tonnes)},
            now=now,
        )


CALENDARS = (
    listing_rules.Calendar(
        notice_from=at(12, 4, 9), notice_until=at(12, 11, 17), signup_from=at(12, 4, 9), signup_until=at(12, 12, 17),
        qualification_until=at(12, 14, 17), deposit_until=at(12, 15, 17), quoting_from=at(12, 18, 9), quoting_until=at(12, 18, 10, 30),
    ),
    listing_rules.Calendar(
        notice_from=at(12, 11, 9), notice_until=at(12, 18, 17), signup_from=at(12, 11, 9), signup_until=at(12, 20, 17),
        qualification_until=at(12, 22, 17), deposit_until=at(12, 26, 17), quoting_from=at(12, 27, 9), quoting_until=at(12, 27, 10),
    ),
    listing_rules.Calendar(
        notice_from=at(12, 15, 9), notice_until=at(12, 22, 17), signup_from=at(12, 19, 9), signup_until=at(12, 26, 17),
        qualification_until=at(12, 28, 17), deposit_until=at(12, 29, 17), quoting_from=at(1, 4, 9, year=2024), quoting_until=at(1, 4, 10, year=2024),
    ),
)  # fmt: skip


def offers(lots: list[PlannedLot]) -> list[Listing]:
    """The trading institution drafts, accepts (which freezes the right) and announces each offer."""
    made: list[Listing] = []
    for lot, calendar in zip(lots, CALENDARS, strict=True):
        terms = listings.ListingTerms(
            project_name=lot.name, calendar=calendar,
            allocation_text="价高者得；同价者以系统受理在先者为准",
            payment_text="成交后签订合同，合同签订后7个工作日内付清；保证金可抵作价款",
            contact="山东省排污权交易平台（演示） 0635-0000000",
        )  # fmt: skip
        now = go_to(12, 1, 14)
        listing = listings.draft_listing(
            actor=acting("exchange"), planned_lot_id=lot.pk, terms=terms, now=now
        )
        listings.accept_listing(actor=acting("exchange"), listing_id=listing.pk, now=clock.now())
        made.append(listing)
    announce(made[0], go_to(12, 4, 9))
    return made


def announce(listing: Listing, now: dt.datetime) -> None:
    """Publish the notice of an offer; the publisher numbers it at once."""
    listings.announce_listing(actor=acting("exchange"), listing_id=listing.pk, now=now)
    worker.tick_once()


def sign_up(key: str, listing: Listing, pollutant: Pollutant, tonnes: str) -> SignUp:
    """A firm's clerk fills in an application with all its papers."""
    actor = acting(key)
    signup = listings.start_signup(actor=actor, listing_id=listing.pk, now=clock.now())
    need = NeedConfirmation.objects.get(project__unit__organisation=organisation(key), state="CONFIRMED")
    listings.fill_signup(
        actor=actor,
        signup_id=signup.pk,
        version=signup.version,
        need_id=need.pk,
        quantity_g=grams(tonnes),
        now=clock.now(),
    )
    for kind in listing_rules.PAPERS_NEEDED:
        listings.attach_paper(
            actor=actor, signup_id=signup.pk, kind=kind, content=papers.paper(kind.label.zh, organisation(key).name),
            filename=f"{kind.label.zh}.pdf", media_type="application/pdf", now=clock.now(),
        )  # fmt: skip
    signup.refresh_from_db()
    return signup


def submit(key: str, signup: SignUp) -> None:
    """The clerk sends, the firm's approver confirms."""
    listings.send_signup(actor=acting(key), signup_id=signup.pk, now=clock.now())
    listings.confirm_signup(actor=acting(f"{key}-approver"), signup_id=signup.pk, now=clock.now())


def sign_ups(offered: list[Listing]) -> None:
    """Lot 1: three firms up to the deposit. Lot 2: one waits for its papers to be checked, one for its approver."""
    nox, cod, ammonia = offered
    go_to(12, 7, 10)
    bidders = [(key, sign_up(key, nox, Pollutant.NOX, "4.800")) for key in ("buyer1", "buyer4", "buyer9")]
    for key, signup in bidders:
        submit(key, signup)
    announce(cod, go_to(12, 11, 9))
    go_to(12, 13, 10)
    for _, signup in bidders:
        listings.qualify_signup(
            actor=acting("exchange"),
            signup_id=signup.pk,
            accept=True,
            reason="材料齐全，符合受让条件",
            now=clock.now(),
        )
    deposits_arrive([key for key, _ in bidders])
    announce(ammonia, go_to(12, 15, 9))
    go_to(12, 15, 14)
    submit("buyer5", sign_up("buyer5", cod, Pollutant.COD, "2.600"))
    waiting = sign_up("buyer9", cod, Pollutant.COD, "2.600")
    listings.send_signup(actor=acting("buyer9"), signup_id=waiting.pk, now=clock.now())
    go_to(12, 18, 9, 5)


def deposits_arrive(keys: list[str]) -> None:
    """The bank's statement of 14 December brings the deposits; the exchange looks at it, then books it."""
    now = go_to(12, 14, 15)
    statement = io.StringIO()
    writer = csv.writer(statement)
    writer.writerow(["交易日期", "交易流水号", "对方账号", "对方户名", "收入金额", "附言"])
    for place, key in enumerate(keys, start=1):
        firm = organisation(key)
        asked = PaymentInstruction.objects.get(payer=firm, purpose=Purpose.DEPOSIT)
        amount = Money(asked.amount_fen).yuan_text()
        writer.writerow(
            [
                "2023-12-14",
                f"DEMO20231214{place:04d}",
                firm.bank_account_no,
                firm.name,
                amount,
                asked.reference,
            ]
        )
    uploaded = settlement.upload_statement(
        actor=acting("exchange"),
        content=statement.getvalue().encode("utf-8-sig"),
        filename="专户流水20231214.csv",
        now=now,
    )
    settlement.confirm_statement(
        actor=acting("exchange"),
        statement_id=uploaded.pk,
        seen_digest=seen_digest(uploaded.pk),
        now=clock.now(),
    )


def seen_digest(statement_id: int) -> str:
    """The digest of what the page of an uploaded statement shows."""
    return settlement_queries.review_statement(StatementImport.objects.get(pk=statement_id)).digest


def accounts_of_record() -> None:
    """The escrow account of the trading institution and the account of the treasury, by two persons."""
    holders = (
        (AccountPurpose.ESCROW, "exchange-body", "1601009900000001"),
        (AccountPurpose.TREASURY, "finance-body", "1601009900000002"),
    )
    for purpose, key, number in holders:
        holder = organisation(key)
        approval = settlement.propose_account(
            actor=acting("exchange"), purpose=purpose, organisation_id=holder.pk, account_no=number, account_name=holder.name,
            bank_name="演示银行聊城分行", now=go_to(11, 8),
        )  # fmt: skip
        settlement.decide_account(
            actor=acting("exchange2"),
            approval_id=approval.pk,
            approve=True,
            reason="核对开户材料无误",
            now=clock.now(),
        )


def first_quotes() -> None:
    """Two of the three bidders have quoted when the newcomer arrives."""
    auction = Auction.objects.get()
    go_to(12, 18, 9, 12)
    for key, yuan, mark in (("buyer4", 1_500, "a"), ("buyer1", 1_550, "b"), ("buyer4", 1_650, "c")):
        auctions.place_bid(actor=acting(key), auction_id=auction.pk, price_fen=yuan * 100, key=f"demo-{mark}")

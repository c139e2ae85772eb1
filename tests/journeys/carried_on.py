"""The demo city carried on until every kind of page has something to show; run as a program beside a running city.

`DATABASE_URL`, `TERRACE_DATA_DIR` and `DJANGO_SETTINGS_MODULE` name the city. Everything goes through the services, as
the people whose job it is. At the end the roles and addresses of the access matrix are printed as JSON, with samples of
this city for their parameters: {"roles": {"firm clerk": "buyer1", …}, "addresses": {"listings:lot": "/lots/1/", …}}.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import django


def statement_of(asked: list[Any], day: str) -> bytes:
    """The bank's statement in which what is asked for has been paid, and a sum that nobody can place."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["交易日期", "交易流水号", "对方账号", "对方户名", "金额", "附言"])
    for one in asked:
        fen = one.amount_fen if one.is_incoming else -one.amount_fen
        account = one.payer.bank_account_no if one.is_incoming else one.payee_account_no
        amount = f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
        writer.writerow([day, f"J{one.pk:08d}", account, "对方", amount, one.reference])
    writer.writerow([day, f"J-{day}-UNKNOWN", "6222999", "来历不明", "1234.00", "没有缴款码"])
    return text.getvalue().encode()


def bank_brings(purpose: str, day: str) -> None:
    from terrace.kernel.base import clock
    from terrace.market.settlement import services as settlement
    from terrace.market.settlement.models import PaymentInstruction
    from terrace.site.demo.market import seen_digest
    from terrace.site.demo.people import acting

    asked = list(PaymentInstruction.objects.filter(purpose=purpose, state="DUE").select_related("payer"))
    uploaded = settlement.upload_statement(
        actor=acting("exchange"), content=statement_of(asked, day), filename="流水.csv", now=clock.now()
    )
    settlement.confirm_statement(
        actor=acting("exchange"), statement_id=uploaded.pk, seen_digest=seen_digest(uploaded.pk), now=clock.now()
    )  # fmt: skip


def carry_on() -> None:
    """The first lot goes all the way to its certificate; then something of each kind that it does not bring."""
    from terrace.kernel.base import clock
    from terrace.kernel.base.actor import ANONYMOUS
    from terrace.kernel.base.quantity import Pollutant
    from terrace.kernel.orgs import services as orgs
    from terrace.market.listings import services as listings
    from terrace.market.listings.models import SignUp
    from terrace.market.rights import rules as rights_rules
    from terrace.market.rights import services as rights
    from terrace.market.rights.models import DischargeUnit, Parcel
    from terrace.market.rulebooks import services as rulebooks
    from terrace.market.settlement import services as settlement
    from terrace.market.settlement.models import Certificate, Trade
    from terrace.market.settlement.rules.words import ReissueCause
    from terrace.site.demo.market import go_to
    from terrace.site.demo.people import acting, organisation
    from terrace.web import services as web

    exchange = acting("exchange")
    go_to(12, 18, 10, 50)
    trade = Trade.objects.get()
    settlement.publish_result(actor=exchange, number=trade.number, now=clock.now())
    objection = settlement.raise_objection(
        actor=ANONYMOUS, number=trade.number, name="高远", contact="13800000000", organisation_name="", grounds="受让方项目信息有误",
        now=clock.now(),
    )  # fmt: skip
    settlement.decide_objection(
        actor=acting("exchange2"), objection_id=objection.pk, uphold=False, reason="经核对，项目信息无误", now=clock.now()
    )  # fmt: skip
    # The second lot keeps one bidder: an agreement.
    only = SignUp.objects.get(organisation=organisation("buyer5"))
    listings.qualify_signup(
        actor=exchange, signup_id=only.pk, accept=True, reason="符合条件", now=clock.now()
    )
    go_to(12, 25, 17, 1)
    trade.refresh_from_db()
    bank_brings("DEPOSIT", "2023-12-25")
    for signer in ("buyer4-approver", "reserve2"):
        settlement.sign_contract(
            actor=acting(signer), number=trade.number, contract_digest=trade.contract_digest, now=clock.now()
        )
    go_to(12, 27, 10, 30)
    bank_brings("PRICE", "2023-12-27")
    settlement.issue_certificate(actor=exchange, number=trade.number, now=clock.now())
    settlement.propose_delivery(actor=exchange, number=trade.number, now=clock.now())
    settlement.approve_delivery(actor=acting("exchange2"), number=trade.number, now=clock.now())
    settlement.ask_reissue(
        actor=exchange, number=Certificate.objects.get().number, cause=ReissueCause.LOST, reason="受让方来函", now=clock.now()
    )  # fmt: skip
    rights.apply_for_verification(
        actor=acting("buyer1"), unit_id=DischargeUnit.objects.get(organisation=organisation("buyer1")).pk,
        kind=rights_rules.VerificationKind.INITIAL, pollutant=Pollutant.NOX, claimed_g=3_000_000,
        measure=rights_rules.Measure.NONE, grounds="首次核定", paid=False, term_start=dt.date(2024, 1, 1), now=clock.now(),
    )  # fmt: skip
    rights.record_conduct(
        actor=acting("bureau"), organisation_id=organisation("buyer1").pk, kind=rights_rules.ConductKind.PENALTY,
        paper_no="聊环罚〔2023〕8号", since=dt.date(2023, 12, 20), now=clock.now(),
    )  # fmt: skip
    bought = Parcel.objects.filter(holder=organisation("buyer4")).get()
    rights.freeze_by_court(
        actor=acting("bureau"), parcel_id=bought.pk, quantity_g=1_000_000, ruling_no="（2023）鲁15执1号", now=clock.now()
    )  # fmt: skip
    rulebooks.propose_parameter(
        actor=acting("bureau"), rulebook="liaocheng-2023-trial", name="ratio_not_attaining", value="1.5",
        effective_from=dt.date(2024, 3, 1), clause="演示依据", reason="演示", key=None, now=clock.now(),
    )  # fmt: skip
    orgs.give_letter(
        actor=acting("buyer1-approver"), scope=["listings"], valid_from=dt.date(2023, 12, 27), valid_to=dt.date(2024, 6, 30),
        clerk=orgs.person_data(name="代办人", identity_number="11010519491231002X", username="buyer1-agent", email="agent@demo.example"),
        now=clock.now(),
    )  # fmt: skip
    web.save_view(
        actor=acting("buyer1"), path="/lots/", query="pollutant=NOX", name="氮氧化物", now=clock.now()
    )


def matrix() -> ModuleType:
    """The test of the access matrix: its addresses and its samples are used here."""
    path = Path(__file__).parents[1] / "architecture" / "test_access_matrix.py"
    spec = importlib.util.spec_from_file_location("access_matrix", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def addresses() -> dict[str, str]:
    """Every address of the matrix with samples of this city."""
    from django.urls import reverse

    from terrace.market.listings.models import Listing
    from terrace.market.listings.rules import PAPERS_NEEDED
    from terrace.market.rights.models import Right
    from terrace.market.settlement.models import Certificate, PaymentInstruction, Refund, Trade

    known = matrix()
    samples = {name: find() for name, find in known.SAMPLES.items()}
    right = Right.objects.order_by("pk")[0]
    samples |= {"pollutant": right.pollutant, "region": right.region, "kind": PAPERS_NEEDED[0].value}
    first = {
        "listings:listing": Listing.objects.order_by("pk")[0].number,
        "settlement:refund": Refund.objects.order_by("pk")[0].number,
        "settlement:payment": PaymentInstruction.objects.order_by("pk")[0].reference,
    }
    certificate, trade = Certificate.objects.get().number, Trade.objects.get().number
    found = {}
    for name, parameters in known.addresses():
        if name.startswith(known.LIBRARY):
            continue
        arguments = known.keyword_arguments(name, parameters, samples)
        if "number" in arguments and name in first:
            arguments["number"] = first[name]
        elif "number" in arguments and name.startswith("settlement:"):
            is_paper = "certificate" in name or name == "settlement:reissue"
            arguments["number"] = certificate if is_paper else trade
        if "reference" in arguments:
            arguments["reference"] = first["settlement:payment"]
        found[name] = reverse(name, kwargs=arguments)
    return found


if __name__ == "__main__":
    django.setup()
    carry_on()
    json.dump({"roles": matrix().ROLES, "addresses": addresses()}, sys.stdout)

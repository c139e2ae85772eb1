"""Pages of the reserve body: desk, intakes, release plans. The public figures are pages of `web`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import PAGE_SIZE, page_of
from terrace.kernel.base.quantity import Pollutant, PriceBasis
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.queries import options_for
from terrace.market.reserve import access, queries, rules, services
from terrace.market.reserve.forms import IntakeForm, LotForm, PlanForm
from terrace.market.rights.forms import PaperForm, ReasonForm
from terrace.market.rights.queries import paper_rows
from terrace.market.rights.rules import Basin, Sector, ratio_text

FORM_METHODS = require_http_methods(["GET", "HEAD", "POST"])
TONES = {"APPROVED": "leaf", "REJECTED": "cinnabar", "RELEASED": "leaf"}


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    return actor


def see_other(name: str, *args: object) -> HttpResponseRedirect:
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def _key(request: HttpRequest) -> str | None:
    return request.POST.get("idempotency_key") or None


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _actions(case: Case | None, actor: Actor) -> list[dict[str, Any]]:
    if case is None:
        return []
    return [
        {"code": option.code, "label": option.label, "needs_reason": option.needs_reason}
        for option in options_for(case, actor)
        if option.allowed
    ]


def _tone(state: str) -> str:
    return TONES.get(state, "water")


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """Figures, what waits for the second person, plans, parcels."""
    actor = actor_of(request)
    access.may_see_desk(actor).require()
    parcels = page_of(request, queries.parcels_of_reserve())
    intakes = [
        {
            "row": row,
            "kind": rules.IntakeKind(row.kind).label,
            "state": rules.IntakeState(row.state).label,
            "tone": _tone(row.state),
        }
        for row in queries.list_intakes()[:PAGE_SIZE]
    ]
    plans = [
        {
            "row": plan,
            "lots": len(plan.lots.all()),
            "state": rules.PlanState(plan.state).label,
            "tone": _tone(plan.state),
        }
        for plan in queries.list_plans()[:PAGE_SIZE]
    ]
    return render(
        request,
        "reserve/desk.html",
        {
            "figures": queries.figures(),
            "intakes": intakes,
            "plans": plans,
            "page": parcels,
            "may_prepare": bool(access.may_prepare(actor)),
        },
    )


@FORM_METHODS
def new_intake(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    access.may_prepare(actor).require()
    form = IntakeForm(_data(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = services.register_intake(
                actor=actor,
                intake=services.NewIntake(
                    kind=rules.IntakeKind(data["kind"]),
                    quantity_g=data["quantity_g"] or 0,
                    paper_no=data["paper_no"],
                    grounds=data["grounds"],
                    pollutant=Pollutant(data["pollutant"]) if data["pollutant"] else None,
                    area_code=data["area_code"],
                    basin=data["basin"],
                    sector=data["sector"],
                    thermal_power=data["thermal_power"],
                    agriculture=data["agriculture"],
                    term_start=data["term_start"],
                    from_parcel_id=data["from_parcel_id"],
                    compensation_fen=data["compensation_fen"] or 0,
                ),
                now=clock.now(),
                key=_key(request),
            )
            return see_other("reserve:intake", made.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "reserve/form.html",
        {
            "form": form,
            "refusal": refusal,
            "heading": Text("登记入库", "Register an intake"),
            "lead": Text(
                "由另一人复核后才记入储备账户。",
                "It enters the reserve's account after another person approves it.",
            ),
            "submit": Text("提交复核", "Submit for approval"),
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def intake(request: HttpRequest, intake_id: int) -> HttpResponse:
    """The case page of an intake; the second person decides here."""
    actor = actor_of(request)
    found = access.get_intake_for(actor, intake_id)
    form = ReasonForm(_data(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            taken = request.POST.get("action")
            if taken not in ("approve", "reject"):
                raise NotFound(what=Text("该步骤", "this step"))
            services.decide_intake(
                actor=actor,
                intake_id=found.pk,
                approve=taken == "approve",
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
            return see_other("reserve:intake", found.pk)
        except Refusal as raised:
            refusal = raised
    facts: list[tuple[Any, ...]] = [
        (Text("入库方式", "Kind"), rules.IntakeKind(found.kind).label),
        (Text("污染物", "Pollutant"), found.quantity.pollutant.label),
        (Text("数量", "Quantity"), found.quantity.label()),
        (Text("区域", "Area"), Text(found.area.name, found.area.name_en)),
        (Text("流域", "Basin"), Basin(found.basin).label if found.basin else "—"),
        (Text("行业", "Sector"), Sector(found.sector).label),
        (
            Text("期限", "Term"),
            Text(f"{found.term_start}起{found.years}年", f"{found.years} years from {found.term_start}"),
        ),
        (Text("依据文号", "Decision"), found.paper_no),
        (Text("理由", "Grounds"), found.grounds),
    ]
    if found.from_parcel is not None:
        facts.append(
            (
                Text("原持有单位", "Former holder"),
                found.from_parcel.holder.name,
                reverse("rights:parcel", args=[found.from_parcel.pk]),
            )
        )
    if found.decision_reason:
        facts.append((Text("复核意见", "Answer"), found.decision_reason))
    if found.parcel is not None:
        facts.append(
            (
                Text("入库份额", "Parcel"),
                found.parcel.right.serial,
                reverse("rights:parcel", args=[found.parcel.pk]),
            )
        )
    case = Case.objects.filter(pk=found.case_id or 0).first()
    return render(
        request,
        "reserve/intake.html",
        {
            "intake": found,
            "facts": facts,
            "state": rules.IntakeState(found.state).label,
            "tone": _tone(found.state),
            "case": case,
            "actions": _actions(case, actor),
            "form": form,
            "refusal": refusal,
            "papers": paper_rows("intake", found.pk, rules.PaperKind),
            "may_attach": found.state == rules.IntakeState.SUBMITTED
            and bool(access.may_prepare(actor))
            and found.body_id == actor.organisation_id,
            "consequence": [
                (
                    Text("记入储备账户", "Enters the reserve's account"),
                    Text(
                        f"{found.quantity.pollutant.label.zh} {found.quantity.label().zh}",
                        f"{found.quantity.pollutant.value} {found.quantity.label().en}",
                    ),
                )
            ],
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def intake_paper(request: HttpRequest, intake_id: int) -> HttpResponse:
    """Add a paper to an intake that waits."""
    actor = actor_of(request)
    found = access.get_intake_for(actor, intake_id)
    access.may_prepare(actor).require()
    files = request.FILES if request.method == "POST" else None
    form = PaperForm(_data(request), files, words=rules.PaperKind)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            services.attach_intake_paper(
                actor=actor,
                intake_id=found.pk,
                kind=rules.PaperKind(form.cleaned_data["kind"]),
                content=upload.file,
                filename=upload.name,
                media_type=upload.content_type or "",
                now=clock.now(),
            )
            return see_other("reserve:intake", found.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "reserve/form.html",
        {
            "form": form,
            "refusal": refusal,
            "heading": Text("上传材料", "Add a paper"),
            "lead": Text("复核前可以增加或替换。", "Until the check papers may be added or replaced."),
            "submit": Text("上传", "Upload"),
            "upload": True,
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def new_plan(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    access.may_prepare(actor).require()
    form = PlanForm(_data(request), initial={"year": clock.today().year})
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_plan(
                actor=actor,
                year=form.cleaned_data["year"],
                title=form.cleaned_data["title"],
                grounds=form.cleaned_data["grounds"],
                now=clock.now(),
                key=_key(request),
            )
            return see_other("reserve:plan", made.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "reserve/form.html",
        {
            "form": form,
            "refusal": refusal,
            "heading": Text("编制出让计划", "Write a release plan"),
            "lead": Text("先建立计划，再逐个加入标的。", "First the plan, then its lots one by one."),
            "submit": Text("建立计划", "Create"),
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A release plan with its lots, the steps I may take, and (in a draft) the form for one more lot."""
    actor = actor_of(request)
    found = access.get_plan_for(actor, plan_id)
    drafting = found.state == rules.PlanState.DRAFT and bool(access.may_prepare(actor))
    adding = request.method == "POST" and request.POST.get("action") == "add_lot"
    lot_form = LotForm(request.POST if adding else None, body_id=found.body_id) if drafting else None
    form = ReasonForm(request.POST if request.method == "POST" and not adding else None)
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            if _take_plan_step(request, actor, found.pk, lot_form if adding else None, form):
                return see_other("reserve:plan", found.pk)
        except Refusal as raised:
            refusal = raised
    lots = [
        {
            "lot": lot,
            "ratio": ratio_text(lot.ratio_hundredths),
            "mode": rules.Mode(lot.mode).label,
            "state": rules.LotState(lot.state).label,
            "tone": _tone(lot.state),
            "amount": lot.floor.amount(lot.quantity),
        }
        for lot in queries.lots_of(found.pk)
    ]
    case = Case.objects.filter(pk=found.case_id or 0).first()
    facts: list[tuple[Any, ...]] = [
        (Text("年度", "Year"), str(found.year)),
        (Text("储备机构", "Reserve body"), found.body.name),
        (Text("编制说明", "Explanation"), found.grounds or "—"),
    ]
    if found.decision_reason:
        facts.append((Text("复核意见", "Answer"), found.decision_reason))
    return render(
        request,
        "reserve/plan.html",
        {
            "plan": found,
            "facts": facts,
            "lots": lots,
            "state": rules.PlanState(found.state).label,
            "tone": _tone(found.state),
            "case": case,
            "actions": _actions(case, actor),
            "drafting": drafting,
            "lot_form": lot_form,
            "form": form,
            "refusal": refusal,
            "adding": adding,
        },
        status=422 if request.method == "POST" else 200,
    )


def _take_plan_step(
    request: HttpRequest, actor: Actor, plan_id: int, lot_form: LotForm | None, form: ReasonForm
) -> bool:
    """Do what the pressed button says; False when the form must be shown again."""
    taken, now = request.POST.get("action"), clock.now()
    if taken == "add_lot":
        if lot_form is None or not lot_form.is_valid():
            return False
        services.add_planned_lot(
            actor=actor, plan_id=plan_id, lot=_new_lot(lot_form.cleaned_data), now=now, key=_key(request)
        )
    elif taken == "submit":
        services.submit_plan(actor=actor, plan_id=plan_id, now=now)
    elif taken == "reopen":
        services.reopen_plan(actor=actor, plan_id=plan_id, now=now)
    elif taken in ("approve", "reject") and form.is_valid():
        services.decide_plan(
            actor=actor,
            plan_id=plan_id,
            approve=taken == "approve",
            reason=form.cleaned_data["reason"],
            now=now,
        )
    else:
        raise NotFound(what=Text("该步骤", "this step"))
    return True


def _new_lot(data: dict[str, Any]) -> services.NewLot:
    return services.NewLot(
        name=data["name"],
        parcel_id=data["parcel_id"],
        quantity_g=data["quantity_g"] or 0,
        years=data["years"],
        floor_fen_per_tonne=data["floor_fen"] or 0,
        increment_fen_per_tonne=data["increment_fen"] or 0,
        price_basis=PriceBasis(data["price_basis"]),
        mode=rules.Mode(data["mode"]),
        ratio_hundredths=int(Decimal(data["ratio"]) * 100),
        buyer_conditions=data["buyer_conditions"],
        deposit_rule=rules.DepositRule(data["deposit_rule"]),
        deposit_percent=data["deposit_percent"] or 0,
        deposit_fixed_fen=data["deposit_fixed_fen"] or 0,
    )


@require_POST
def remove_lot(request: HttpRequest, planned_lot_id: int) -> HttpResponse:
    """Take a lot out of a draft."""
    changed = services.remove_planned_lot(
        actor=actor_of(request), planned_lot_id=planned_lot_id, now=clock.now()
    )
    return see_other("reserve:plan", changed.pk)

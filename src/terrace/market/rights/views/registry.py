"""Pages of rights: what a firm holds and claims, its projects, the cases of branch and bureau, the public chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import page_of
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.queries import options_for
from terrace.market.rights import access, queries, rules, services
from terrace.market.rights.forms import (
    DecisionForm,
    NeedForm,
    PaperForm,
    ProjectForm,
    ReasonForm,
    UnitForm,
    VerificationForm,
)
from terrace.market.rulebooks.models import EligibilityDecision

FORM_METHODS = require_http_methods(["GET", "HEAD", "POST"])


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    return actor


def see_other(name: str, *args: object) -> HttpResponseRedirect:
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def key_of(request: HttpRequest) -> str | None:
    return request.POST.get("idempotency_key") or None


def actions_for(case_id: int | None, actor: Actor) -> list[dict[str, Any]]:
    """The steps of a case that the actor may take, as buttons; the page says elsewhere why others are missing."""
    case = Case.objects.filter(pk=case_id or 0).first() if case_id is not None else None
    if case is None or actor.user_id is None:
        return []
    return [
        {
            "code": option.code,
            "label": option.label,
            "needs_reason": option.needs_reason,
            "clause": option.clause,
        }
        for option in options_for(case, actor)
        if option.allowed
    ]


def tone_of(state: str) -> str:
    """The colour of a state's chip."""
    if state in ("VERIFIED", "CONFIRMED", "APPROVED", "ADMITTED", "SOLD", "EXEMPT", "RELEASED"):
        return "leaf"
    if state in ("REFUSED", "REJECTED", "FAILED", "TERMINATED", "NOT_PAID", "LAPSED", "SUSPENDED"):
        return "cinnabar"
    return "water"


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """What my organisation holds: totals, parcels, sites."""
    actor = actor_of(request)
    access.role_verdict(actor, *access.FIRM, *access.RESERVE).require()
    assert actor.organisation_id is not None
    return render(
        request,
        "rights/mine.html",
        {
            "holdings": queries.holdings(actor.organisation_id),
            "page": page_of(request, queries.list_parcels(actor.organisation_id)),
            "units": queries.list_units(actor.organisation_id),
            "is_firm": actor.has_role(*access.FIRM),
        },
    )


def _form_page(
    request: HttpRequest,
    template: str,
    form: Form,
    run: Callable[[dict[str, Any]], HttpResponse],
    **context: Any,
) -> HttpResponse:
    """Show a form; when it is sent and sound call one service and go on. A refusal shows it again as typed."""
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            return run(form.cleaned_data)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        template,
        {"form": form, "refusal": refusal, **context},
        status=422 if request.method == "POST" else 200,
    )


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


@FORM_METHODS
def new_unit(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    access.may_act_for_firm(actor, actor.organisation_id).require()

    def run(data: dict[str, Any]) -> HttpResponse:
        unit = services.add_unit(
            actor=actor,
            name=data["name"].strip(),
            permit_no=data["permit_no"].strip().upper(),
            area_code=data["area_code"],
            basin=rules.Basin(data["basin"]),
            sector=rules.Sector(data["sector"]),
            thermal_power=data["thermal_power"],
            agriculture=data["agriculture"],
            now=clock.now(),
            key=key_of(request),
        )
        return see_other("rights:unit", unit.pk)

    return _form_page(
        request,
        "rights/form.html",
        UnitForm(_data(request)),
        run,
        heading=Text("登记排污单位", "Register a site"),
        lead=Text("排污权和许可证都按排污单位(厂区)登记。", "Rights and permits are registered by site."),
        back=reverse("rights:mine"),
        submit=Text("登记", "Register"),
    )


@require_safe
def unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """A site, what it holds, and every line of its permit."""
    found = access.get_unit_for(actor_of(request), unit_id)
    facts = [
        (Text("单位", "Organisation"), found.organisation.name),
        (Text("许可证编号", "Permit number"), found.permit_no or Text("尚未登记", "not yet registered")),
        (Text("县(市、区)", "County or zone"), Text(found.area.name, found.area.name_en)),
        (Text("流域", "Basin"), rules.Basin(found.basin).label),
        (Text("行业", "Sector"), rules.Sector(found.sector).label),
        (
            Text("类别", "Category"),
            Text("火电", "Thermal power")
            if found.thermal_power
            else Text("农业源", "Agriculture")
            if found.agriculture
            else Text("一般工业", "Industry"),
        ),
    ]
    lines = [
        {
            "line": line,
            "pollutant": Pollutant(line.pollutant),
            "increase": line.change_g > 0,
            "change": Quantity(Pollutant(line.pollutant), abs(line.change_g)),
            "total": Quantity(Pollutant(line.pollutant), line.total_g),
        }
        for line in queries.list_permit_entries(found.pk)
    ]
    return render(request, "rights/unit.html", {"unit": found, "facts": facts, "lines": lines})


@require_safe
def verifications(request: HttpRequest) -> HttpResponse:
    """Verifications that the actor may see; the same page for firm, branch and bureau."""
    actor = actor_of(request)
    access.may_list_cases(actor).require()
    page = page_of(request, queries.list_verifications(actor, _state(request, rules.VerificationState)))
    rows = [
        {
            "row": row,
            "quantity": Quantity(Pollutant(row.pollutant), row.claimed_g),
            "state": rules.VerificationState(row.state).label,
            "kind": rules.VerificationKind(row.kind).label,
            "tone": tone_of(row.state),
        }
        for row in page
    ]
    return render(
        request,
        "rights/verifications.html",
        {"page": page, "rows": rows, "is_firm": actor.has_role(*access.FIRM)},
    )


def _state(request: HttpRequest, words: type[rules.Worded]) -> str:
    wanted = request.GET.get("state", "")
    return wanted if wanted in {w.value for w in words} else ""


@FORM_METHODS
def new_verification(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    access.may_act_for_firm(actor, actor.organisation_id).require()
    assert actor.organisation_id is not None

    def run(data: dict[str, Any]) -> HttpResponse:
        made = services.apply_for_verification(
            actor=actor,
            unit_id=data["unit_id"],
            kind=rules.VerificationKind(data["kind"]),
            pollutant=Pollutant(data["pollutant"]),
            claimed_g=data["claimed_g"] or 0,
            measure=rules.Measure(data["measure"]),
            parcel_id=data["parcel_id"],
            grounds=data["grounds"],
            paid=data["paid"],
            term_start=data["term_start"],
            now=clock.now(),
            key=key_of(request),
        )
        return see_other("rights:verification", made.pk)

    return _form_page(
        request,
        "rights/form.html",
        VerificationForm(_data(request), organisation_id=actor.organisation_id),
        run,
        heading=Text("申请核定排污权", "Apply for verification"),
        lead=Text(
            "先由县(市、区)分局初审，再由市局终审；核定后登记入账。",
            "The county branch reviews first, the city bureau decides; what is verified is registered.",
        ),
        back=reverse("rights:verifications"),
        submit=Text("提交申请", "Submit"),
    )


@FORM_METHODS
def verification(request: HttpRequest, verification_id: int) -> HttpResponse:
    """The case page: facts left, the procedure right, the steps I may take as buttons."""
    actor = actor_of(request)
    found = access.get_verification_for(actor, verification_id)
    actions = actions_for(found.case_id, actor)
    deciding = any(action["code"] == "verify" for action in actions)
    form = (DecisionForm if deciding else ReasonForm)(_data(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        taken = request.POST.get("action", "")
        reason = form.cleaned_data["reason"]
        try:
            if taken in ("review", "refuse_review"):
                services.review_verification(
                    actor=actor,
                    verification_id=found.pk,
                    accept=taken == "review",
                    reason=reason,
                    now=clock.now(),
                )
            elif taken in ("verify", "refuse_decision"):
                services.decide_verification(
                    actor=actor,
                    verification_id=found.pk,
                    accept=taken == "verify",
                    verified_g=form.cleaned_data.get("verified_g"),
                    reason=reason,
                    now=clock.now(),
                )
            else:
                raise NotFound(what=Text("该步骤", "this step"))
            return see_other("rights:verification", found.pk)
        except Refusal as raised:
            refusal = raised
    pollutant = Pollutant(found.pollutant)
    facts: list[tuple[Any, ...]] = [
        (Text("单位", "Organisation"), found.unit.organisation.name),
        (Text("排污单位", "Site"), found.unit.name, reverse("rights:unit", args=[found.unit_id])),
        (Text("类型", "Claim"), rules.VerificationKind(found.kind).label),
        (Text("污染物", "Pollutant"), pollutant.label),
        (Text("申请数量", "Claimed"), Quantity(pollutant, found.claimed_g).label()),
        (Text("减排措施", "Measure"), rules.Measure(found.measure).label),
        (
            Text("期限", "Term"),
            Text(f"{found.term_start}起{found.years}年", f"{found.years} years from {found.term_start}"),
        ),
        (Text("取得方式", "Paid or free"), Text("有偿", "Paid") if found.paid else Text("无偿", "Free")),
        (Text("核算说明", "How it was worked out"), found.grounds),
    ]
    if found.verified_g is not None:
        facts.append((Text("核定数量", "Verified"), Quantity(pollutant, found.verified_g).label()))
    if found.decision_reason:
        facts.append((Text("决定理由", "Reason of the decision"), found.decision_reason))
    right = getattr(found, "right", None)
    if right is not None:
        root = right.parcels.order_by("pk").first()
        facts.append(
            (
                Text("排污权编号", "Serial of the right"),
                right.serial,
                reverse("rights:parcel", args=[root.pk]),
            )
        )
    return _case_page(
        request,
        "rights/case.html",
        heading=Text("排污权核定", "Verification of a right"),
        number=found.number,
        state=rules.VerificationState(found.state),
        facts=facts,
        case_id=found.case_id,
        actions=actions,
        form=form,
        refusal=refusal,
        papers=queries.paper_rows("verification", found.pk, rules.PaperKind),
        paper_url=reverse("rights:verification_paper", args=[found.pk])
        if found.state == rules.VerificationState.APPLIED
        and access.may_act_for_firm(actor, found.unit.organisation_id)
        else "",
        back=reverse("rights:verifications"),
    )


def _case_page(
    request: HttpRequest, template: str, *, state: rules.Worded, case_id: int | None, **context: Any
) -> HttpResponse:
    return render(
        request,
        template,
        {
            "state": state.label,
            "tone": tone_of(state.value),
            "case": Case.objects.filter(pk=case_id or 0).first(),
            **context,
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def verification_paper(request: HttpRequest, verification_id: int) -> HttpResponse:
    """Add a paper to a verification."""
    actor = actor_of(request)
    found = access.get_verification_for(actor, verification_id)
    access.may_act_for_firm(actor, found.unit.organisation_id).require()

    def run(data: dict[str, Any]) -> HttpResponse:
        services.attach_verification_paper(
            actor=actor,
            verification_id=found.pk,
            kind=rules.PaperKind(data["kind"]),
            content=data["file"].file,
            filename=data["file"].name,
            media_type=data["file"].content_type or "",
            now=clock.now(),
        )
        return see_other("rights:verification", found.pk)

    files = request.FILES if request.method == "POST" else None
    return _form_page(
        request,
        "rights/form.html",
        PaperForm(_data(request), files, words=rules.PaperKind),
        run,
        heading=Text("上传材料", "Add a paper"),
        lead=Text("初审前可以增加或替换。", "Until the first review papers may be added or replaced."),
        back=reverse("rights:verification", args=[found.pk]),
        submit=Text("上传", "Upload"),
        upload=True,
    )


@require_safe
def parcel(request: HttpRequest, parcel_id: int) -> HttpResponse:
    """The life of a right from its issue to permits and holders: readable by everybody."""
    found = access.get_parcel_for(actor_of(request), parcel_id)
    right = found.right
    facts = [
        (Text("污染物", "Pollutant"), Pollutant(right.pollutant).label),
        (Text("核发数量", "Issued"), Quantity(Pollutant(right.pollutant), right.quantity_g).label()),
        (Text("来源", "Source"), rules.RightSource(right.source).label),
        (Text("区域", "Area"), Text(right.area.name, right.area.name_en)),
        (
            Text("可流转范围", "May move within"),
            rules.Basin(right.basin).label if right.basin else Text("全市", "the whole city"),
        ),
        (Text("行业", "Sector"), rules.Sector(right.sector).label),
        (
            Text("期限", "Term"),
            Text(
                f"{right.term_start} 至 {right.term_end}（{right.years}年）",
                f"{right.term_start} to {right.term_end} ({right.years} years)",
            ),
        ),
        (Text("取得方式", "Paid or free"), Text("有偿", "Paid") if right.paid else Text("无偿", "Free")),
    ]
    links = [
        {
            "link": link,
            "level": min(link.depth, 6),
            "holds": [
                {
                    "label": rules.HoldKind(hold.kind).label,
                    "state": rules.HoldState(hold.state).label,
                    "quantity": Quantity(Pollutant(right.pollutant), hold.quantity_g),
                    "active": hold.state == "ACTIVE",
                }
                for hold in link.holds
            ],
        }
        for link in queries.lineage(found)
    ]
    return render(
        request,
        "rights/parcel.html",
        {
            "parcel": found,
            "right": right,
            "facts": facts,
            "links": links,
            "may_freeze": bool(access.may_freeze_by_court(actor_of(request))) and found.free_g > 0,
        },
    )


@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """A firm's projects with their needs; for the branch and others the needs to be checked."""
    actor = actor_of(request)
    access.may_list_cases(actor).require()
    needs = page_of(request, queries.list_needs(actor, _state(request, rules.NeedState)))
    rows = [
        {
            "need": need,
            "state": rules.NeedState(need.state).label,
            "tone": tone_of(need.state),
            "lines": [_line(line) for line in need.lines.all()],
        }
        for need in needs
    ]
    is_firm = actor.has_role(*access.FIRM)
    own = queries.list_projects(actor.organisation_id) if is_firm and actor.organisation_id else []
    return render(
        request, "rights/projects.html", {"page": needs, "rows": rows, "projects": own, "is_firm": is_firm}
    )


def _line(line: Any) -> dict[str, Any]:
    pollutant = Pollutant(line.pollutant)
    return {
        "pollutant": pollutant,
        "emission": Quantity(pollutant, line.emission_g),
        "required": Quantity(pollutant, line.required_g),
        "bought": Quantity(pollutant, line.bought_g),
        "left": Quantity(pollutant, line.left_g),
    }


@FORM_METHODS
def new_project(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    access.may_act_for_firm(actor, actor.organisation_id).require()
    assert actor.organisation_id is not None

    def run(data: dict[str, Any]) -> HttpResponse:
        made = services.create_project(
            actor=actor,
            unit_id=data["unit_id"],
            name=data["name"].strip(),
            kind=rules.ProjectKind(data["kind"]),
            eia_stage=rules.EiaStage(data["eia_stage"]),
            eia_no=data["eia_no"],
            description=data["description"],
            now=clock.now(),
            key=key_of(request),
        )
        return see_other("rights:project", made.pk)

    return _form_page(
        request,
        "rights/form.html",
        ProjectForm(_data(request), organisation_id=actor.organisation_id),
        run,
        heading=Text("登记项目", "Register a project"),
        lead=Text("登记后即可申请核对需要购买的排污权。", "Then the need to buy rights can be checked."),
        back=reverse("rights:projects"),
        submit=Text("登记", "Register"),
    )


@FORM_METHODS
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    """A project, its needs, and the form that asks the branch for a check."""
    actor = actor_of(request)
    found = access.get_project_for(actor, project_id)

    def run(data: dict[str, Any]) -> HttpResponse:
        need = services.apply_for_need(
            actor=actor,
            project_id=found.pk,
            emissions_g=form.emissions(),
            now=clock.now(),
            key=key_of(request),
        )
        return see_other("rights:need", need.pk)

    form = NeedForm(_data(request))
    facts = [
        (Text("排污单位", "Site"), found.unit.name, reverse("rights:unit", args=[found.unit_id])),
        (Text("项目性质", "Kind"), rules.ProjectKind(found.kind).label),
        (Text("环评阶段", "EIA"), rules.EiaStage(found.eia_stage).label),
        (Text("环评批复文号", "EIA approval"), found.eia_no or "—"),
        (Text("项目概况", "Description"), found.description or "—"),
    ]
    needs = [
        {"need": need, "state": rules.NeedState(need.state).label, "tone": tone_of(need.state)}
        for need in found.needs.order_by("-pk")
    ]
    return _form_page(
        request,
        "rights/project.html",
        form,
        run,
        project=found,
        facts=facts,
        needs=needs,
        may_apply=bool(access.may_act_for_firm(actor, found.unit.organisation_id)),
    )


@FORM_METHODS
def need(request: HttpRequest, need_id: int) -> HttpResponse:
    """The case page of a need check; once decided it explains the rulebook's answer."""
    actor = actor_of(request)
    found = access.get_need_for(actor, need_id)
    form = ReasonForm(_data(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            if request.POST.get("action") == "refuse":
                services.refuse_need(actor=actor, need_id=found.pk, reason=reason, now=clock.now())
            elif request.POST.get("action") == "confirm":
                services.confirm_need(actor=actor, need_id=found.pk, reason=reason, now=clock.now())
            else:
                raise NotFound(what=Text("该步骤", "this step"))
            return see_other("rights:need", found.pk)
        except Refusal as raised:
            refusal = raised
    lines = list(found.lines.all())
    decision = EligibilityDecision.objects.filter(pk=found.decision_record_id or 0).first()
    preview = None
    if decision is None and found.state == rules.NeedState.APPLIED:
        preview = services.preview_need(found, clock.now()).as_dict()
    facts: list[tuple[Any, ...]] = [
        (Text("单位", "Organisation"), found.project.unit.organisation.name),
        (Text("项目", "Project"), found.project.name, reverse("rights:project", args=[found.project_id])),
        (Text("环评阶段", "EIA"), rules.EiaStage(found.project.eia_stage).label),
        (Text("排污单位", "Site"), found.project.unit.name),
        (Text("替代比例", "Replacement ratio"), rules.ratio_text(found.ratio_hundredths)),
    ]
    if found.decision_reason:
        facts.append((Text("意见", "Remark"), found.decision_reason))
    # The rulebook decides between “confirm” and “exempt”: one button carries both.
    actions = [action for action in actions_for(found.case_id, actor) if action["code"] != "exempt"]
    return _case_page(
        request,
        "rights/case.html",
        heading=Text("项目需求核对", "Check of a project's need"),
        number=found.number,
        state=rules.NeedState(found.state),
        facts=facts,
        case_id=found.case_id,
        actions=actions,
        form=form,
        refusal=refusal,
        lines=[_line(line) for line in lines],
        decision=decision.result if decision is not None else preview,
        is_preview=preview is not None,
        back=reverse("rights:projects"),
    )

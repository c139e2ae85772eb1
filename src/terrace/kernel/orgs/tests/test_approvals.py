"""The second person: asked once, decided once, by another human with the right role."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.errors import NotAllowed, NotFound, SamePerson
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, queries, services
from terrace.kernel.orgs.models import Approval, ApprovalState, User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db

PAYLOAD = {"quantity_g": 4_048_000, "term": 5}


def asked(maker: Actor, subject: object = 1, **changes: Any) -> Approval:
    arguments: dict[str, Any] = {
        "act": "reserve.plan.approve",
        "subject_type": "release_plan",
        "subject_id": subject,
        "payload": PAYLOAD,
        "checker_roles": [Role.RESERVE_CHECKER],
        "summary": Text("2023年第4季度出让计划", "Release plan of Q4 2023"),
        "now": clock.now(),
    }
    return services.ask(actor=maker, **(arguments | changes))


def decided(
    checker: Actor, approval: Approval, approve: bool = True, reason: str = "", **more: Any
) -> Approval:
    return services.decide(
        actor=checker, approval_id=approval.pk, approve=approve, reason=reason, now=clock.now(), **more
    )


def test_another_person_with_the_role_approves() -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER))
    checker = make.actor(Role.RESERVE_CHECKER)
    assert decided(checker, approval).state == ApprovalState.APPROVED
    approval.refresh_from_db()
    assert approval.checker_person_id == checker.person_id


def test_the_same_person_is_refused_even_under_a_second_sign_in() -> None:
    body = make.organisation("RESERVE_BODY")
    maker = make.actor(Role.RESERVE_MAKER, of=body)
    person = User.objects.get(pk=maker.user_id).person
    other_sign_in = make.actor(Role.RESERVE_CHECKER, of=body, of_user=make.user(person))
    assert other_sign_in.user_id != maker.user_id
    with pytest.raises(SamePerson) as refused:
        decided(other_sign_in, asked(maker))
    assert refused.value.code == "approval.same_person"


def test_the_database_itself_refuses_one_person_on_both_sides() -> None:
    maker = make.actor(Role.RESERVE_MAKER)
    approval = asked(maker)
    with pytest.raises(IntegrityError, match="orgs_two_persons"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(
            state="APPROVED",
            decided_at=clock.now(),
            checker_user_id=maker.user_id,
            checker_person_id=maker.person_id,
        )


def test_a_decision_stands() -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER))
    checker = make.actor(Role.RESERVE_CHECKER)
    decided(checker, approval)
    with pytest.raises(services.AlreadyDecided) as refused:
        decided(make.actor(Role.RESERVE_CHECKER), approval, approve=False, reason="再想想")
    assert refused.value.code == "approval.already_decided"
    assert "已同意" in refused.value.message("zh")
    for change in ({"state": "REJECTED", "reason": "x"}, {"reason": "x"}):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Approval.objects.filter(pk=approval.pk).update(**change)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).delete()


@pytest.mark.parametrize(
    "change", [{"payload": {"quantity_g": 1}}, {"checker_roles": ["FIRM_CLERK"]}, {"act": "other.act.name"}]
)
def test_what_was_asked_cannot_be_rewritten(change: dict[str, Any]) -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(**change)


@pytest.mark.parametrize("role", [r for r in Role if r != Role.RESERVE_CHECKER])
def test_other_roles_are_refused(role: Role) -> None:
    with pytest.raises(NotAllowed) as refused:
        decided(make.actor(role), asked(make.actor(Role.RESERVE_MAKER)))
    assert "储备机构复核" in refused.value.message("zh")


def test_a_firms_approver_decides_for_that_firm_alone() -> None:
    firm = make.organisation()
    clerk = make.actor(Role.FIRM_CLERK, of=firm)
    approval = asked(clerk, checker_roles=[Role.FIRM_APPROVER])
    stranger = make.actor(Role.FIRM_APPROVER)
    with pytest.raises(NotAllowed, match="其他单位"):
        decided(stranger, approval)
    assert list(queries.pending_for(stranger)) == []
    approver = make.actor(Role.FIRM_APPROVER, of=firm)
    assert list(queries.pending_for(approver)) == [approval]
    assert decided(approver, approval).state == ApprovalState.APPROVED


def test_a_changed_payload_is_not_approved() -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER))
    checker = make.actor(Role.RESERVE_CHECKER)
    with pytest.raises(services.PayloadChanged) as refused:
        decided(checker, approval, payload={**PAYLOAD, "term": 4})
    assert refused.value.code == "approval.payload_changed"
    assert decided(checker, approval, payload=dict(reversed(PAYLOAD.items()))).state == "APPROVED"


def test_sending_back_needs_a_reason() -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER))
    checker = make.actor(Role.RESERVE_CHECKER)
    with pytest.raises(services.ReasonMissing) as refused:
        decided(checker, approval, approve=False, reason="  ")
    assert refused.value.code == "orgs.reason_missing"
    assert decided(checker, approval, approve=False, reason="数量有误").reason == "数量有误"


def test_asking_twice_gives_the_same_request_and_another_content_is_refused() -> None:
    maker = make.actor(Role.RESERVE_MAKER)
    first = asked(maker)
    assert asked(maker) == first
    with pytest.raises(services.AlreadyAsked) as refused:
        asked(maker, payload={"quantity_g": 1})
    assert refused.value.code == "approval.already_asked"
    with pytest.raises(services.AlreadyAsked):
        asked(make.actor(Role.RESERVE_MAKER))
    decided(make.actor(Role.RESERVE_CHECKER), first, approve=False, reason="重报")
    assert asked(maker, payload={"quantity_g": 1}).state == ApprovalState.WAITING


def test_the_system_and_a_sign_in_without_a_person_take_no_part() -> None:
    with pytest.raises(services.PersonUnknown) as refused:
        asked(SYSTEM)
    assert refused.value.code == "approval.person_unknown"
    with pytest.raises(services.PersonUnknown):
        decided(SYSTEM, asked(make.actor(Role.RESERVE_MAKER)))


def test_an_unknown_request_is_not_found() -> None:
    checker = make.actor(Role.RESERVE_CHECKER)
    with pytest.raises(NotFound):
        services.decide(actor=checker, approval_id=0, approve=True, reason="", now=clock.now())
    with pytest.raises(NotFound):
        access.get_approval_for(checker, 0)


def test_only_the_maker_withdraws() -> None:
    maker = make.actor(Role.RESERVE_MAKER)
    approval = asked(maker)
    checker = make.actor(Role.RESERVE_CHECKER)
    with pytest.raises(NotAllowed, match="经办人本人"):
        services.withdraw(actor=checker, approval_id=approval.pk, reason="", now=clock.now())
    withdrawn = services.withdraw(actor=maker, approval_id=approval.pk, reason="填错", now=clock.now())
    assert (withdrawn.state, withdrawn.checker_person_id) == (ApprovalState.WITHDRAWN, None)
    with pytest.raises(services.AlreadyDecided):
        services.withdraw(actor=maker, approval_id=approval.pk, reason="", now=clock.now())
    with pytest.raises(services.AlreadyDecided, match="已撤回"):
        decided(checker, approval)


def test_what_waits_is_shown_to_those_who_can_decide_it_oldest_first() -> None:
    maker = make.actor(Role.RESERVE_MAKER)
    later = asked(maker, subject=2)
    first = asked(maker, subject=1, now=clock.now() - dt.timedelta(days=1))
    checker = make.actor(Role.RESERVE_CHECKER)
    assert list(queries.pending_for(checker)) == [first, later]
    assert list(queries.pending_for(maker)) == []
    assert list(queries.asked_by(maker)) == [first, later]
    assert list(queries.pending_for(make.actor(Role.EXCHANGE_CHECKER))) == []
    assert list(queries.pending_for(SYSTEM)) == []
    decided(checker, first)
    assert list(queries.decided_with(checker)) == [first]
    assert list(queries.decided_with(maker)) == [first]
    found = queries.approval_of("reserve.plan.approve", "release_plan", 1)
    assert found == first


def test_contexts_say_how_their_acts_are_shown() -> None:
    approval = asked(make.actor(Role.RESERVE_MAKER), act="test.shown.approve")
    assert services.decision_for("test.shown.approve").label.zh == "test.shown.approve"
    services.on_decision(
        "test.shown.approve",
        label=Text("核准测试", "Approve the test"),
        url=lambda a: f"/test/{a.subject_id}/",
    )
    shown = services.decision_for("test.shown.approve")
    assert shown.url is not None
    assert (shown.label.en, shown.url(approval)) == ("Approve the test", "/test/1/")

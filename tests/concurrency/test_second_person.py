"""Two people at the same moment: one decision stands, one grant is made, one application waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS
from terrace.kernel.base.errors import Refusal
from terrace.kernel.orgs import services
from terrace.kernel.orgs.models import AccountApplication, Approval, Membership, Organisation
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """Run the acts at the same moment, each on a connection of its own; the answer or the refusal's code."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=20)
            return act()
        except Refusal as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_one_of_many_decisions_stands() -> None:
    firm = make.organisation()
    approval = services.propose_role(
        actor=make.actor(Role.FIRM_CLERK, of=firm),
        organisation_id=firm.pk,
        role=Role.FIRM_CLERK,
        person=make.person_data("孙丽"),
        since=clock.today(),
        now=clock.now(),
    )
    approvers = [make.actor(Role.FIRM_APPROVER, of=firm) for _ in range(MANY)]

    def deciding(n: int) -> Callable[[], Any]:
        return lambda: services.decide_proposal(
            actor=approvers[n], approval_id=approval.pk, approve=n % 2 == 0, reason="意见", now=clock.now()
        )

    answers = together([deciding(n) for n in range(MANY)])
    decided = [a for a in answers if isinstance(a, Approval)]
    assert len(decided) == 1
    assert answers.count("approval.already_decided") == MANY - 1
    granted = Membership.objects.filter(organisation=firm, user__person__name="孙丽").count()
    assert granted == (1 if decided[0].state == "APPROVED" else 0)


def test_opposed_roles_granted_at_the_same_moment_leave_one() -> None:
    firm = make.organisation()
    person = make.person_data("孙丽")
    maker = make.actor(Role.FIRM_CLERK, of=firm)
    waiting = [
        services.propose_role(
            actor=maker,
            organisation_id=firm.pk,
            role=role,
            person=person,
            since=clock.today(),
            now=clock.now(),
        )
        for role in (Role.FIRM_CLERK, Role.FIRM_APPROVER)
    ]
    approvers = [make.actor(Role.FIRM_APPROVER, of=firm) for _ in waiting]

    def granting(n: int) -> Callable[[], Any]:
        return lambda: services.decide_proposal(
            actor=approvers[n], approval_id=waiting[n].pk, approve=True, reason="", now=clock.now()
        )

    answers = together([granting(0), granting(1)])
    assert answers.count("orgs.roles_conflict") == 1, answers
    assert Membership.objects.filter(organisation=firm, user__person__name="孙丽").count() == 1


def test_one_of_many_applications_of_a_firm_waits() -> None:
    account = make.account_data()
    people = [(make.person_data(f"经办{n}"), make.person_data(f"审批{n}")) for n in range(MANY)]

    def applying(n: int) -> Callable[[], Any]:
        return lambda: services.apply_for_account(
            actor=ANONYMOUS, account=account, clerk=people[n][0], approver=people[n][1], now=clock.now()
        )

    answers = together([applying(n) for n in range(MANY)])
    assert sum(isinstance(a, AccountApplication) for a in answers) == 1
    assert answers.count("orgs.application_waiting") == MANY - 1
    assert Organisation.objects.filter(credit_code=account.credit_code).count() == 1


def test_the_same_form_sent_many_times_makes_one_application() -> None:
    same = {
        "account": make.account_data(),
        "clerk": make.person_data("王敏"),
        "approver": make.person_data("赵刚"),
        "key": "the-same-form",
    }
    answers = together(
        [lambda: services.apply_for_account(actor=ANONYMOUS, now=clock.now(), **same)] * MANY  # type: ignore[arg-type]  # a bundle of arguments
    )
    assert len({a.pk for a in answers}) == 1

"""Roles and bank accounts change by two people; delegation letters are given and revoked."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import IntegrityError, transaction

from terrace.kernel.audit.queries import entries_of
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import KeyReused, NotAllowed, NotFound, SamePerson
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, queries, services
from terrace.kernel.orgs.models import Approval, DelegationLetter, Membership, Organisation, Person, User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tasks import send_invitation
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


def propose(actor: Actor, firm: Organisation, role: Role = Role.FIRM_CLERK, **changes: Any) -> Approval:
    arguments: dict[str, Any] = {
        "person": make.person_data("孙丽"),
        "since": clock.today(),
        "now": clock.now(),
        "role": role,
        "organisation_id": firm.pk,
    }
    return services.propose_role(actor=actor, **(arguments | changes))


def decide(actor: Actor, approval: Approval, approve: bool = True, reason: str = "") -> Approval:
    return services.decide_proposal(
        actor=actor, approval_id=approval.pk, approve=approve, reason=reason, now=clock.now()
    )


def data_of(user: User, number: str) -> services.PersonData:
    """Make the person of `user` known by a real identity number, and state the same person again."""
    assert user.person is not None
    Person.objects.filter(pk=user.person.pk).update(identity_digest=services.identity_digest(number))
    return make.person_data(user.person.name, number)


def test_a_clerk_proposes_and_the_firms_approver_grants() -> None:
    firm = make.organisation()
    clerk, approver = make.actor(Role.FIRM_CLERK, of=firm), make.actor(Role.FIRM_APPROVER, of=firm)
    approval = propose(clerk, firm)
    assert not Membership.objects.filter(user__person__name="孙丽").exists()
    decide(approver, approval)
    user = User.objects.get(person__name="孙丽")
    assert access.actor_of(user).roles == {"FIRM_CLERK"}
    entry = entries_of("approval", approval.pk)[0]
    assert (entry.act, entry.facts["after"]["role"]) == ("orgs.approval.decide", "FIRM_CLERK")
    assert user.password.startswith("!")


def test_sent_back_means_nothing_changes() -> None:
    firm = make.organisation()
    approval = propose(make.actor(Role.FIRM_CLERK, of=firm), firm)
    decide(make.actor(Role.FIRM_APPROVER, of=firm), approval, approve=False, reason="人员不符")
    assert not User.objects.filter(person__name="孙丽").exists()


def test_nobody_grants_what_they_proposed() -> None:
    firm = make.organisation()
    approver = make.actor(Role.FIRM_APPROVER, of=firm)
    approval = propose(approver, firm)
    with pytest.raises(SamePerson):
        decide(approver, approval)
    assert decide(make.actor(Role.FIRM_APPROVER, of=firm), approval).state == "APPROVED"


def test_staff_roles_are_given_by_two_administrators() -> None:
    body = make.organisation("RESERVE_BODY")
    approval = propose(make.actor(Role.ADMIN), body, Role.RESERVE_CHECKER)
    assert approval.checker_roles == ["ADMIN_CHECKER"]
    with pytest.raises(NotAllowed):
        decide(make.actor(Role.RESERVE_CHECKER, of=body), approval)
    decide(make.actor(Role.ADMIN_CHECKER), approval)
    assert Membership.objects.filter(
        organisation=body, role="RESERVE_CHECKER", user__person__name="孙丽"
    ).exists()


@pytest.mark.parametrize(
    "role", [r for r in Role if r not in (Role.ADMIN, Role.FIRM_CLERK, Role.FIRM_APPROVER)]
)
def test_others_propose_no_roles(role: Role) -> None:
    with pytest.raises(NotAllowed):
        propose(make.actor(role), make.organisation())


def test_a_firm_does_not_manage_another_firms_people() -> None:
    with pytest.raises(NotAllowed):
        propose(make.actor(Role.FIRM_APPROVER), make.organisation())
    with pytest.raises(NotFound):
        propose(make.actor(Role.ADMIN), Organisation(pk=0))


def test_maker_and_checker_of_one_duty_are_never_one_human() -> None:
    firm = make.organisation()
    clerk_user = make.member(firm, Role.FIRM_CLERK)
    known = data_of(clerk_user, make.identity_number())
    approver = make.actor(Role.FIRM_APPROVER, of=firm)
    with pytest.raises(services.RolesConflict, match="企业经办人"):
        propose(approver, firm, Role.FIRM_APPROVER, person=known)
    # A second sign-in of the same human changes nothing.
    make.user(clerk_user.person)
    with pytest.raises(services.RolesConflict):
        propose(approver, firm, Role.FIRM_APPROVER, person=known)
    # In another firm the same human may well be the approver.
    other = make.organisation()
    assert propose(make.actor(Role.FIRM_APPROVER, of=other), other, Role.FIRM_APPROVER, person=known)


def test_a_conflict_that_arose_after_the_proposal_stops_the_grant() -> None:
    firm = make.organisation()
    user = make.user()
    known = data_of(user, make.identity_number())
    approval = propose(make.actor(Role.FIRM_CLERK, of=firm), firm, Role.FIRM_APPROVER, person=known)
    make.member(firm, Role.FIRM_CLERK, of_user=user)
    with pytest.raises(services.RolesConflict):
        decide(make.actor(Role.FIRM_APPROVER, of=firm), approval)
    approval.refresh_from_db()
    assert approval.state == "WAITING"


def test_a_role_that_ended_yesterday_conflicts_no_more_and_one_that_ends_today_does() -> None:
    firm, user, today = make.organisation(), make.user(), clock.today()
    known = data_of(user, make.identity_number())
    membership = Membership.objects.create(
        user=user, organisation=firm, role="FIRM_CLERK", since=dt.date(2023, 1, 1), until=today
    )
    clerk = make.actor(Role.FIRM_CLERK, of=firm)
    with pytest.raises(services.RolesConflict):
        propose(clerk, firm, Role.FIRM_APPROVER, person=known)
    membership.until = today - dt.timedelta(days=1)
    membership.save()
    assert propose(clerk, firm, Role.FIRM_APPROVER, person=known)


def test_roles_must_fit_be_new_and_have_a_possible_period() -> None:
    firm = make.organisation()
    clerk = make.actor(Role.FIRM_CLERK, of=firm)
    with pytest.raises(services.RoleDoesNotFit):
        propose(clerk, firm, Role.AUDITOR)
    held = data_of(make.member(firm, Role.FIRM_CLERK), make.identity_number())
    with pytest.raises(services.RoleHeld) as refused:
        propose(clerk, firm, Role.FIRM_CLERK, person=held)
    assert refused.value.code == "orgs.role_held"
    today = clock.today()
    with pytest.raises(services.PeriodInvalid) as period:
        propose(clerk, firm, since=today, until=today - dt.timedelta(days=1))
    assert period.value.code == "orgs.period_invalid"
    assert propose(clerk, firm, since=today, until=today)


def test_a_repeated_proposal_is_one_proposal() -> None:
    firm = make.organisation()
    clerk = make.actor(Role.FIRM_CLERK, of=firm)
    same = {"person": make.person_data("孙丽"), "key": "k1"}
    assert propose(clerk, firm, **same) == propose(clerk, firm, **same)
    with pytest.raises(KeyReused):
        propose(clerk, firm, Role.FIRM_APPROVER, **same)


def test_a_role_ends_with_a_day_by_two_people() -> None:
    firm = make.organisation()
    user = make.member(firm, Role.FIRM_CLERK)
    membership = Membership.objects.get(user=user)
    approver, today = make.actor(Role.FIRM_APPROVER, of=firm), clock.today()
    yesterday = today - dt.timedelta(days=1)

    def end(until: dt.date, reason: str = "离职") -> Approval:
        return services.propose_role_end(
            actor=approver, membership_id=membership.pk, until=until, reason=reason, now=clock.now()
        )

    with pytest.raises(services.PeriodInvalid):
        end(yesterday - dt.timedelta(days=1))
    with pytest.raises(services.ReasonMissing):
        end(today, " ")
    approval = end(yesterday)
    assert access.actor_of(user).roles
    decide(make.actor(Role.FIRM_APPROVER, of=firm), approval)
    assert not access.actor_of(user).roles
    assert list(queries.members_of(firm.pk, on=today).filter(user=user)) == []
    with pytest.raises(NotFound):
        services.propose_role_end(actor=approver, membership_id=0, until=today, reason="x", now=clock.now())


def test_the_bank_account_changes_by_two_people_of_the_firm() -> None:
    firm = make.organisation()
    clerk, approver = make.actor(Role.FIRM_CLERK, of=firm), make.actor(Role.FIRM_APPROVER, of=firm)

    def change(actor: Actor) -> Approval:
        return services.propose_bank_account(
            actor=actor,
            organisation_id=firm.pk,
            bank_name="冠县银行",
            bank_account_no="6222999",
            now=clock.now(),
        )

    with pytest.raises(NotAllowed):
        change(make.actor(Role.FIRM_CLERK))
    with pytest.raises(NotAllowed):
        change(make.actor(Role.EXCHANGE_CHECKER))
    approval = change(clerk)
    firm.refresh_from_db()
    assert firm.bank_account_no != "6222999"
    decide(approver, approval)
    firm.refresh_from_db()
    assert (firm.bank_name, firm.bank_account_no) == ("冠县银行", "6222999")
    assert entries_of("approval", approval.pk)[0].facts["after"]["bank_account_no"] == "6222999"


def test_acts_of_other_contexts_are_not_decided_here() -> None:
    maker, checker = make.actor(Role.RESERVE_MAKER), make.actor(Role.RESERVE_CHECKER)
    approval = services.ask(
        actor=maker,
        act="reserve.plan.approve",
        subject_type="release_plan",
        subject_id=1,
        payload={},
        checker_roles=[Role.RESERVE_CHECKER],
        summary=Text("计划", "plan"),
        now=clock.now(),
    )
    assert not services.own_waiting(approval)
    with pytest.raises(NotAllowed, match="自己的页面"):
        decide(checker, approval)
    approval.refresh_from_db()
    assert approval.state == "WAITING"


def give(actor: Actor, **changes: Any) -> DelegationLetter:
    today = clock.today()
    arguments: dict[str, Any] = {
        "clerk": make.person_data("周涛"),
        "scope": ["listings", "auctions"],
        "valid_from": today,
        "valid_to": today + dt.timedelta(days=90),
        "now": clock.now(),
        "document_id": "doc-1",
        "document_digest": "a" * 64,
    }
    return services.give_letter(actor=actor, **(arguments | changes))


def test_an_approver_gives_and_revokes_a_letter() -> None:
    approver = make.actor(Role.FIRM_APPROVER)
    letter = give(approver)
    clerk = access.actor_of(letter.clerk)
    assert (clerk.organisation_id, clerk.roles, clerk.scope) == (
        approver.organisation_id,
        {"FIRM_CLERK"},
        {"listings", "auctions"},
    )
    assert approver.organisation_id is not None
    assert list(queries.letters_of(approver.organisation_id)) == [letter]
    with pytest.raises(services.ReasonMissing):
        services.revoke_letter(actor=approver, letter_id=letter.pk, reason="", now=clock.now())
    services.revoke_letter(actor=approver, letter_id=letter.pk, reason="项目结束", now=clock.now())
    assert access.actor_of(letter.clerk).roles == frozenset()
    with pytest.raises(services.AlreadyDecided, match="已撤销"):
        services.revoke_letter(actor=approver, letter_id=letter.pk, reason="再次", now=clock.now())
    assert [e.act for e in entries_of("delegation_letter", letter.pk)] == [
        "orgs.letter.revoke",
        "orgs.letter.give",
    ]


def test_a_letter_is_revoked_by_its_own_firm_only() -> None:
    letter = give(make.actor(Role.FIRM_APPROVER))
    with pytest.raises(NotFound):
        services.revoke_letter(
            actor=make.actor(Role.FIRM_APPROVER), letter_id=letter.pk, reason="x", now=clock.now()
        )
    clerk_there = make.actor(Role.FIRM_CLERK, of=letter.organisation)
    with pytest.raises(NotAllowed):
        services.revoke_letter(actor=clerk_there, letter_id=letter.pk, reason="x", now=clock.now())


def test_letters_are_for_other_people_known_acts_and_possible_days() -> None:
    firm = make.organisation()
    user = make.member(firm, Role.FIRM_APPROVER)
    own = data_of(user, make.identity_number())
    approver = access.actor_of(user)
    with pytest.raises(SamePerson):
        give(approver, clerk=own)
    colleague = data_of(make.member(firm, Role.FIRM_APPROVER), make.identity_number())
    with pytest.raises(services.RolesConflict):
        give(approver, clerk=colleague)
    for scope in ([], ["ledger"]):
        with pytest.raises(services.ScopeUnknown) as refused:
            give(approver, scope=scope)
        assert refused.value.code == "orgs.scope_unknown"
    today = clock.today()
    yesterday = today - dt.timedelta(days=1)
    for first, last in ((today, yesterday), (yesterday - dt.timedelta(days=9), yesterday)):
        with pytest.raises(services.PeriodInvalid):
            give(approver, valid_from=first, valid_to=last)
    assert give(approver, valid_from=yesterday, valid_to=today)
    with pytest.raises(NotAllowed):
        give(make.actor(Role.FIRM_CLERK))


def test_who_holds_a_letter_cannot_become_the_approver() -> None:
    firm = make.organisation()
    number = make.identity_number()
    approver = make.actor(Role.FIRM_APPROVER, of=firm)
    give(approver, clerk=make.person_data("周涛", number, "zhoutao"))
    with pytest.raises(services.RolesConflict):
        propose(approver, firm, Role.FIRM_APPROVER, person=make.person_data("周涛", number, "zhoutao"))


def test_a_repeated_letter_is_one_letter() -> None:
    approver = make.actor(Role.FIRM_APPROVER)
    same = {"clerk": make.person_data("周涛"), "key": "k1"}
    assert give(approver, **same) == give(approver, **same)


def test_the_database_keeps_letters_possible() -> None:
    letter = give(make.actor(Role.FIRM_APPROVER))
    for change, name in (
        ({"valid_to": letter.valid_from - dt.timedelta(days=1)}, "orgs_letter_period"),
        ({"scope": []}, "orgs_letter_scope"),
        ({"revoked_at": clock.now()}, "orgs_letter_revoked"),
        ({"clerk": letter.given_by}, "orgs_letter_two_users"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            DelegationLetter.objects.filter(pk=letter.pk).update(**change)


def test_the_invitation_carries_a_link_that_sets_the_password_once(client: Any) -> None:
    firm = make.organisation()
    decide(make.actor(Role.FIRM_APPROVER, of=firm), propose(make.actor(Role.FIRM_CLERK, of=firm), firm))
    user = User.objects.get(person__name="孙丽")
    send_invitation(user_id=user.pk)
    assert user.username in mail.outbox[0].body
    user.set_password(make.PASSWORD)
    user.save()
    send_invitation(user_id=user.pk)
    assert len(mail.outbox) == 1


def test_the_language_of_a_user_is_kept() -> None:
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    services.choose_language(actor=access.actor_of(user), language="en", now=clock.now())
    user.refresh_from_db()
    assert user.language == "en"
    services.choose_language(actor=access.actor_of(user), language="tlh", now=clock.now())
    user.refresh_from_db()
    assert user.language == "en"
    from terrace.kernel.base.actor import ANONYMOUS

    with pytest.raises(NotAllowed):
        services.choose_language(actor=ANONYMOUS, language="en", now=clock.now())


def test_a_lost_second_factor_is_removed_by_two_administrators() -> None:
    user = make.member(make.organisation(), Role.FIRM_APPROVER)
    Authenticator.objects.create(user=user, type="totp", data={})
    admin = make.actor(Role.ADMIN)

    def propose(actor: Actor, username: str = user.username, reason: str = "手机遗失") -> Approval:
        return services.propose_factor_reset(actor=actor, username=username, reason=reason, now=clock.now())

    with pytest.raises(NotAllowed):
        propose(make.actor(Role.EXCHANGE_CHECKER))
    with pytest.raises(NotFound):
        propose(admin, username="nobody")
    with pytest.raises(services.ReasonMissing):
        propose(admin, reason=" ")
    approval = propose(admin)
    assert access.standing_of(user).has_second_factor
    with pytest.raises(NotAllowed):
        decide(make.actor(Role.ADMIN), approval)
    decide(make.actor(Role.ADMIN_CHECKER), approval)
    assert not access.standing_of(user).has_second_factor
    assert entries_of("approval", approval.pk)[0].facts["before"] == {"factors": ["totp"]}

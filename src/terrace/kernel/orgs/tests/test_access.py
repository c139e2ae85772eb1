"""Who somebody is today, and who may do what."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, SYSTEM, Verdict
from terrace.kernel.base.db import OutsideDelegation, act
from terrace.kernel.base.errors import NotAllowed, NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, rules
from terrace.kernel.orgs.models import DelegationLetter, Membership, Organisation, User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


def letter(
    firm: Organisation, clerk: User, first: dt.date, last: dt.date, scope: list[str]
) -> DelegationLetter:
    return DelegationLetter.objects.create(
        organisation=firm,
        given_by=make.member(firm, Role.FIRM_APPROVER),
        clerk=clerk,
        scope=scope,
        valid_from=first,
        valid_to=last,
        given_at=clock.now(),
    )


def test_an_actor_carries_person_organisation_area_and_all_roles_there() -> None:
    platform = make.organisation("PLATFORM")
    user = make.member(platform, Role.ADMIN, Role.MONITOR)
    actor = access.actor_of(user)
    assert (actor.user_id, actor.person_id, actor.organisation_id) == (user.pk, user.person_id, platform.pk)
    assert actor.roles == {"ADMIN", "MONITOR"}
    assert (actor.area, actor.name) == ("guanxian", user.person and user.person.name)


def test_nobody_is_anonymous_and_an_inactive_sign_in_is_nobody() -> None:
    assert access.actor_of(AnonymousUser()) == ANONYMOUS
    user = make.member(make.organisation(), Role.FIRM_CLERK)
    user.is_active = False
    assert access.actor_of(user) == ANONYMOUS
    assert access.standing_of(User()) == access.Standing()


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [(0, None, True), (1, None, False), (-5, 0, True), (-5, -1, False), (0, 0, True), (-5, 5, True)],
)
def test_a_membership_counts_from_its_first_to_its_last_day_in_shanghai(
    since: int, until: int | None, counts: bool
) -> None:
    # 23:30 in Shanghai is still 15:30 UTC of the same day; half an hour later the next day has begun.
    clock.set_now(clock.at_local(dt.date(2023, 12, 4), 23, 30))
    day = dt.date(2023, 12, 4)
    user = make.user()
    Membership.objects.create(
        user=user,
        organisation=make.organisation(),
        role=Role.FIRM_CLERK,
        since=day + dt.timedelta(days=since),
        until=None if until is None else day + dt.timedelta(days=until),
    )
    assert bool(access.actor_of(user).roles) is counts


def test_the_day_changes_at_midnight_in_shanghai() -> None:
    user = make.user()
    Membership.objects.create(
        user=user,
        organisation=make.organisation(),
        role=Role.FIRM_CLERK,
        since=dt.date(2023, 12, 4),
        until=dt.date(2023, 12, 4),
    )
    for hour, minute, day, counts in (
        (23, 59, 3, False),
        (0, 0, 4, True),
        (23, 59, 4, True),
        (0, 0, 5, False),
    ):
        clock.set_now(clock.at_local(dt.date(2023, 12, day), hour, minute))
        assert bool(access.actor_of(user).roles) is counts, (day, hour)


@pytest.mark.parametrize(
    ("first", "last", "counts"), [(0, 0, True), (1, 5, False), (-5, -1, False), (-5, 5, True)]
)
def test_a_letter_gives_the_clerks_role_within_its_days_and_scope(
    first: int, last: int, counts: bool
) -> None:
    today = clock.today()
    firm, clerk = make.organisation(), make.user()
    given = letter(
        firm, clerk, today + dt.timedelta(first), today + dt.timedelta(last), ["listings", "auctions"]
    )
    actor = access.actor_of(clerk)
    assert (actor.roles == {"FIRM_CLERK"}) is counts
    assert rules.letter_valid_on(given.valid_from, given.valid_to, False, today) is counts
    if counts:
        assert (actor.organisation_id, actor.membership_id) == (firm.pk, None)
        assert actor.scope == {"listings", "auctions"}
        given.revoked_at, given.revoked_by, given.revoke_reason = clock.now(), given.given_by, "到期前撤销"
        given.save()
        assert access.actor_of(clerk).roles == frozenset()


def test_acts_outside_the_letter_are_refused_before_anything_happens() -> None:
    today = clock.today()
    clerk = make.user()
    letter(make.organisation(), clerk, today, today, ["listings"])
    actor = access.actor_of(clerk)
    done: list[str] = []

    def acting(name: str) -> None:
        act(name)(lambda *, actor: done.append(name))(actor=actor)

    acting("listing.signup.submit")
    acting("listings.signup.submit")
    acting("orgs.user.language")
    with pytest.raises(OutsideDelegation) as refused:
        acting("auction.bid.place")
    assert refused.value.code == "access.outside_delegation"
    assert done == ["listing.signup.submit", "listings.signup.submit", "orgs.user.language"]


def test_a_member_with_a_letter_beside_is_not_limited_by_it() -> None:
    today = clock.today()
    firm = make.organisation()
    clerk = make.member(firm, Role.FIRM_CLERK)
    letter(firm, clerk, today, today, ["listings"])
    assert access.actor_of(clerk).scope is None


@pytest.mark.parametrize("state", ["APPLIED", "SUSPENDED", "FROZEN", "CLOSED"])
def test_only_an_active_organisation_acts(state: str) -> None:
    blocked = make.organisation(state=state, reason="未按期付款")
    user = make.member(blocked, Role.FIRM_CLERK)
    actor = access.actor_of(user, blocked.pk)
    assert (actor.user_id, actor.organisation_id, actor.roles) == (user.pk, None, frozenset())
    assert [p.state_reason for p in access.standing_of(user).blocked] == ["未按期付款"]
    active = make.organisation()
    make.member(active, Role.FIRM_APPROVER, of_user=user)
    assert access.actor_of(user, blocked.pk).organisation_id == active.pk


def test_one_user_in_two_organisations_acts_for_the_one_chosen() -> None:
    first, second, foreign = make.organisation(), make.organisation(), make.organisation()
    user = make.member(first, Role.FIRM_CLERK)
    make.member(second, Role.FIRM_APPROVER, of_user=user)
    assert access.actor_of(user).organisation_id == first.pk
    chosen = access.actor_of(user, second.pk)
    assert (chosen.organisation_id, chosen.roles) == (second.pk, {"FIRM_APPROVER"})
    assert access.actor_of(user, foreign.pk).organisation_id == first.pk


def test_who_somebody_is_takes_one_query_however_many_places() -> None:
    user = make.user()
    for _ in range(3):
        make.member(make.organisation(), Role.FIRM_CLERK, of_user=user)
    with CaptureQueriesContext(connection) as queries:
        access.actor_of(user)
    assert len(queries) == 1


def test_a_verdict_is_an_answer_with_a_reason() -> None:
    Verdict(True).require()
    assert Verdict(True)
    with pytest.raises(NotAllowed, match="因为"):
        Verdict(False, Text("因为", "because")).require()
    assert "sign in" in access.require_role(ANONYMOUS, Role.AUDITOR).reason.en
    assert "审计" in access.require_role(SYSTEM, Role.AUDITOR).reason.zh


STEPS = sorted(rules.STATE_STEPS)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("role", list(Role))
def test_steps_of_an_account_by_role(step: str, role: Role) -> None:
    firm = make.organisation()
    actor = make.actor(role)
    allowed = {
        "suspend": {"EXCHANGE_CHECKER", "BUREAU_CHECKER"},
        "resume": {"EXCHANGE_CHECKER", "BUREAU_CHECKER"},
        "freeze": {"BUREAU_CHECKER"},
        "unfreeze": {"BUREAU_CHECKER"},
        "close": {"EXCHANGE_CHECKER"},
    }[step]
    assert bool(access.may_change_state(actor, firm, step)) is (role in allowed)


def test_bodies_of_the_city_are_not_suspended_like_firms() -> None:
    verdict = access.may_change_state(
        make.actor(Role.EXCHANGE_CHECKER), make.organisation("BUREAU"), "suspend"
    )
    assert not verdict
    assert "企业账户" in verdict.reason.zh


def test_an_organisation_is_seen_by_its_own_people_and_by_those_who_watch() -> None:
    firm = make.organisation()
    for actor in (
        make.actor(Role.FIRM_CLERK, of=firm),
        make.actor(Role.EXCHANGE_MAKER),
        make.actor(Role.AUDITOR),
    ):
        assert access.get_organisation_for(actor, firm.pk) == firm
    with pytest.raises(NotAllowed):
        access.get_organisation_for(make.actor(Role.FIRM_CLERK), firm.pk)
    with pytest.raises(NotFound):
        access.get_organisation_for(make.actor(Role.AUDITOR), 0)


@pytest.mark.parametrize(
    ("roles", "needed"),
    [
        (["FIRM_CLERK"], False),
        (["FIRM_APPROVER"], True),
        (["AUDITOR"], True),
        ([], False),
        (["BRANCH"], True),
    ],
)
def test_whose_sign_in_needs_a_second_factor(roles: list[str], needed: bool) -> None:
    assert access.needs_second_factor(roles) is needed

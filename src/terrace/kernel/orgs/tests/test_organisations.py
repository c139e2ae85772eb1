"""An enterprise applies, is admitted or sent back; accounts are suspended, frozen and closed with reasons."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import IntegrityError, transaction

from terrace.kernel.audit.queries import entries_of
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, SYSTEM
from terrace.kernel.base.errors import KeyReused, NotAllowed, NotFound, SamePerson
from terrace.kernel.orgs import access, queries, services, tasks
from terrace.kernel.orgs.models import AccountApplication, Membership, Organisation, Person, User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


def apply(**changes: object) -> AccountApplication:
    arguments: dict[str, object] = {
        "actor": ANONYMOUS,
        "account": make.account_data(),
        "clerk": make.person_data("王敏"),
        "approver": make.person_data("赵刚"),
        "now": clock.now(),
    }
    return services.apply_for_account(**(arguments | changes))  # type: ignore[arg-type]


def decide(application: AccountApplication, approve: bool = True, reason: str = "") -> AccountApplication:
    return services.decide_application(
        actor=make.actor(Role.EXCHANGE_CHECKER),
        application_id=application.pk,
        approve=approve,
        reason=reason,
        now=clock.now(),
    )


def test_an_admitted_firm_gets_its_clerk_its_approver_and_their_invitations() -> None:
    clerk, approver = make.person_data("王敏"), make.person_data("赵刚")
    application = apply(clerk=clerk, approver=approver)
    assert application.organisation.state == "APPLIED"
    assert list(queries.waiting_applications()) == [application]
    decided = decide(application)
    assert (decided.state, decided.organisation.state) == ("APPROVED", "ACTIVE")
    users = {m.role: m.user for m in Membership.objects.filter(organisation=decided.organisation)}
    assert users["FIRM_CLERK"].username == clerk.username
    assert access.actor_of(users["FIRM_APPROVER"]).roles == {"FIRM_APPROVER"}
    assert not users["FIRM_CLERK"].has_usable_password()
    acts = [e.act for e in entries_of("organisation", decided.organisation_id)]
    assert acts == ["orgs.account.decide", "orgs.account.apply"]
    from procrastinate.contrib.django.models import ProcrastinateJob

    invited = ProcrastinateJob.objects.filter(task_name="orgs.invite").values_list("args__user_id", flat=True)
    assert set(invited) == {u.pk for u in users.values()}


def test_identity_numbers_are_nowhere_in_what_is_kept() -> None:
    number = make.identity_number()
    application = apply(clerk=make.person_data("王敏", number))
    assert number not in str(application.content)
    assert application.content["clerk"]["identity_digest"] == services.identity_digest(f" {number.lower()} ")


def test_a_wrong_credit_code_is_refused_with_what_is_wrong() -> None:
    code = make.credit()
    wrong = code[:17] + ("0" if code[17] != "0" else "1")
    with pytest.raises(services.CreditCodeInvalid) as refused:
        apply(account=make.account_data(wrong))
    assert refused.value.code == "orgs.credit_code_invalid"
    assert "校验码" in refused.value.message("zh")
    assert not Organisation.objects.exists()


def test_a_code_applies_once_at_a_time_and_not_again_once_admitted() -> None:
    account = make.account_data()
    first = apply(account=account)
    with pytest.raises(services.ApplicationWaiting) as waiting:
        apply(account=account)
    assert waiting.value.code == "orgs.application_waiting"
    assert first.number in waiting.value.message("en")
    decide(first)
    with pytest.raises(services.AlreadyRegistered) as registered:
        apply(account=account)
    assert registered.value.code == "orgs.already_registered"


def test_a_firm_sent_back_applies_again_with_corrected_facts() -> None:
    account = make.account_data()
    sent_back = decide(apply(account=account), approve=False, reason="地址与执照不符")
    assert (sent_back.state, sent_back.organisation.state) == ("REJECTED", "APPLIED")
    again = apply(account=dataclasses.replace(account, address="冠县测试路2号"))
    assert again.organisation_id == sent_back.organisation_id
    again.organisation.refresh_from_db()
    assert again.organisation.address == "冠县测试路2号"
    assert again.number != sent_back.number


def test_a_repeated_form_makes_one_application_and_other_content_is_refused() -> None:
    same = {
        "account": make.account_data(),
        "clerk": make.person_data("王敏"),
        "approver": make.person_data("赵刚"),
        "key": "form-1",
    }
    assert apply(**same) == apply(**same)
    assert AccountApplication.objects.count() == 1
    with pytest.raises(KeyReused):
        apply(**(same | {"clerk": make.person_data("孙丽")}))


def test_clerk_and_approver_are_two_people() -> None:
    number = make.identity_number()
    with pytest.raises(SamePerson):
        apply(clerk=make.person_data("王敏", number), approver=make.person_data("王敏", number))


def test_a_sign_in_name_or_an_identity_of_somebody_else_is_refused() -> None:
    known = make.user(username="wangmin")
    with pytest.raises(services.UsernameTaken) as taken:
        apply(clerk=make.person_data("王敏", username="WangMin"))
    assert taken.value.code == "orgs.username_taken"
    number = make.identity_number()
    assert known.person is not None
    Person.objects.filter(pk=known.person.pk).update(
        name="王敏", identity_digest=services.identity_digest(number)
    )
    with pytest.raises(services.PersonMismatch) as mismatch:
        apply(clerk=make.person_data("王小敏", number))
    assert mismatch.value.code == "orgs.person_mismatch"


def test_a_known_human_keeps_the_sign_in_for_a_second_firm() -> None:
    number = make.identity_number()
    first = decide(apply(clerk=make.person_data("王敏", number, "wangmin")))
    second = decide(apply(clerk=make.person_data("王敏", number, "another")))
    user = User.objects.get(username="wangmin")
    assert {p.organisation_id for p in access.standing_of(user).places} == {
        first.organisation_id,
        second.organisation_id,
    }
    assert not User.objects.filter(username="another").exists()


@pytest.mark.parametrize("number", ["123", "110105194912310021"])
def test_a_wrong_identity_number_is_refused(number: str) -> None:
    with pytest.raises(services.IdentityInvalid) as refused:
        make.person_data("王敏", number)
    assert refused.value.code == "orgs.identity_invalid"
    assert number not in refused.value.message("zh")


def test_the_answer_and_a_change_of_state_are_mailed_to_the_firm_in_both_languages() -> None:
    from django.core import mail
    from procrastinate.contrib.django.models import ProcrastinateJob

    sent_back = decide(apply(), approve=False, reason="地址与执照不符")
    admitted = decide(apply())
    for application in (sent_back, admitted):
        assert ProcrastinateJob.objects.filter(
            task_name="orgs.answer", args__application_id=application.pk
        ).exists()
        tasks.send_answer(application_id=application.pk)
    firm = step("suspend", admitted.organisation, Role.EXCHANGE_CHECKER, "未按期付款")
    assert ProcrastinateJob.objects.filter(task_name="orgs.state", args__organisation_id=firm.pk).exists()
    tasks.send_state(organisation_id=firm.pk)
    back, yes, state = mail.outbox
    assert "地址与执照不符" in back.body
    assert "/orgs/apply/" in back.body
    assert sent_back.number in back.subject
    assert "has been admitted" in yes.body
    assert "未按期付款" in state.body
    assert "suspended" in state.body
    nobody = make.organisation()
    tasks.send_state(organisation_id=nobody.pk)
    assert len(mail.outbox) == 3


def test_sending_back_needs_a_reason_and_a_decision_stands() -> None:
    application = apply()
    with pytest.raises(services.ReasonMissing):
        decide(application, approve=False)
    decide(application)
    with pytest.raises(services.AlreadyDecided):
        decide(application)
    with pytest.raises(NotFound):
        decide(AccountApplication(pk=0))


@pytest.mark.parametrize("role", [r for r in Role if r != Role.EXCHANGE_CHECKER])
def test_only_the_exchanges_checker_admits(role: Role) -> None:
    application = apply()
    with pytest.raises(NotAllowed):
        services.decide_application(
            actor=make.actor(role), application_id=application.pk, approve=True, reason="", now=clock.now()
        )


def step(
    name: str, firm: Organisation, role: Role = Role.BUREAU_CHECKER, reason: str = "法院文书"
) -> Organisation:
    return services.STEPS[name](
        actor=make.actor(role), organisation_id=firm.pk, reason=reason, now=clock.now()
    )


def test_the_life_of_an_account_is_journalled_with_before_after_and_reason() -> None:
    firm = make.organisation()
    for name, role, state in (
        ("suspend", Role.EXCHANGE_CHECKER, "SUSPENDED"),
        ("resume", Role.EXCHANGE_CHECKER, "ACTIVE"),
        ("freeze", Role.BUREAU_CHECKER, "FROZEN"),
        ("unfreeze", Role.BUREAU_CHECKER, "ACTIVE"),
        ("close", Role.EXCHANGE_CHECKER, "CLOSED"),
    ):
        assert step(name, firm, role).state == state
    newest = entries_of("organisation", firm.pk)[0]
    assert newest.act == "orgs.organisation.close"
    assert newest.facts == {"before": {"state": "ACTIVE"}, "after": {"state": "CLOSED"}}
    assert newest.reason == "法院文书"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("suspend", "SUSPENDED"),
        ("suspend", "CLOSED"),
        ("resume", "ACTIVE"),
        ("unfreeze", "SUSPENDED"),
        ("freeze", "CLOSED"),
    ],
)
def test_steps_from_the_wrong_state_are_refused(name: str, state: str) -> None:
    firm = make.organisation(state=state, reason="已有原因")
    with pytest.raises(services.WrongState) as refused:
        step(name, firm)
    assert refused.value.code == "orgs.wrong_state"


def test_a_step_needs_a_reason_a_known_firm_and_the_role() -> None:
    firm = make.organisation()
    with pytest.raises(services.ReasonMissing):
        step("suspend", firm, reason=" ")
    with pytest.raises(NotAllowed):
        step("suspend", firm, Role.FIRM_APPROVER)
    with pytest.raises(NotFound):
        step("suspend", Organisation(pk=0))
    with pytest.raises(IntegrityError, match="orgs_state_has_reason"), transaction.atomic():
        Organisation.objects.filter(pk=firm.pk).update(state="FROZEN", state_reason="")


def test_setting_up_the_platform_is_for_the_command_line_only() -> None:
    facts: dict[str, object] = {
        "credit_code": make.credit(),
        "name": "市储备中心",
        "name_en": "Reserve body",
        "kind": "RESERVE_BODY",
        "now": clock.now(),
    }
    body = services.found_organisation(actor=SYSTEM, area="kaifaqu", **facts)  # type: ignore[arg-type]
    assert (body.state, body.area) == ("ACTIVE", "kaifaqu")
    with pytest.raises(services.AlreadyRegistered):
        services.found_organisation(actor=SYSTEM, **facts)  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        services.found_organisation(actor=make.actor(Role.ADMIN), **facts)  # type: ignore[arg-type]


def found(body: Organisation, role: Role, username: str, identity: str, name: str = "刘洋") -> User:
    return services.found_member(
        actor=SYSTEM,
        organisation_id=body.pk,
        role=role,
        username=username,
        name=name,
        identity=identity,
        password=make.PASSWORD,
        now=clock.now(),
    )


def test_first_members_are_found_once_and_keep_the_two_person_rule() -> None:
    body = make.organisation("RESERVE_BODY")
    user = found(body, Role.RESERVE_MAKER, "reserve", "demo:reserve")
    assert found(body, Role.RESERVE_MAKER, "reserve", "demo:reserve") == user
    assert user.check_password(make.PASSWORD)
    assert Membership.objects.filter(user=user).count() == 1
    with pytest.raises(services.RolesConflict) as refused:
        found(body, Role.RESERVE_CHECKER, "reserve", "demo:reserve")
    assert refused.value.code == "orgs.roles_conflict"
    with pytest.raises(services.RoleDoesNotFit) as misfit:
        found(body, Role.AUDITOR, "reserve9", "demo:reserve9")
    assert misfit.value.code == "orgs.role_does_not_fit"
    with pytest.raises(services.UsernameTaken):
        found(body, Role.RESERVE_CHECKER, "reserve", "demo:reserve2", "陈静")
    with pytest.raises(NotFound):
        found(Organisation(pk=0), Role.RESERVE_MAKER, "x", "demo:x")


def test_lists_of_organisations_by_state_kind_and_words() -> None:
    firm = make.organisation(name="冠县测试化工")
    make.organisation("BUREAU", name="市生态环境局")
    assert list(queries.list_organisations(words="测试化工")) == [firm]
    assert list(queries.list_organisations(words=firm.credit_code[:18])) == [firm]
    assert list(queries.list_organisations(kind="ENTERPRISE", state="ACTIVE")) == [firm]
    assert list(queries.list_organisations(state="CLOSED")) == []
    assert queries.list_organisations(state="NONSENSE").count() == 2
    assert queries.organisation_names([firm.pk]) == {firm.pk: ("冠县测试化工", "冠县测试化工")}

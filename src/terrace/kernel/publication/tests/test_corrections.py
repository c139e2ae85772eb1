"""A correction is a new notice by whoever may, and the old one points to it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.base.errors import InputInvalid, KeyReused, NotAllowed, NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Membership, User
from terrace.kernel.procedures.tests.factories import organisation
from terrace.kernel.publication import access, services
from terrace.kernel.publication.models import Notice, Pending
from terrace.kernel.publication.tests import factories as make

pytestmark = pytest.mark.django_db
WORDS = Text("数量更正为4.084吨/年。", "The quantity is 4.084 t/yr.")


def actor(*roles: str, organisation_id: int | None = 7) -> Actor:
    return Actor(5, 5, organisation_id, None, frozenset(roles), name="经办人")


def published(by: Actor | None = None) -> Notice:
    make.announcement(**({"actor": by} if by else {}))
    services.publish_pending(now=clock.now())
    return Notice.objects.latest("sequence")


def correct(who: Actor, sequence: int, text: Text = WORDS, key: str | None = None) -> object:
    return services.correct_notice(actor=who, sequence=sequence, text=text, key=key, now=clock.now())


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (actor("EXCHANGE_MAKER"), True),
        (actor("EXCHANGE_CHECKER", organisation_id=9), True),
        (actor("RESERVE_MAKER"), True),
        (actor("RESERVE_MAKER", organisation_id=9), False),
        (actor("FIRM_CLERK"), False),
        (ANONYMOUS, False),
    ],
)
def test_who_may_correct(who: Actor, allowed: bool) -> None:
    notice = published(by=actor("RESERVE_MAKER"))
    assert access.may_correct(who, notice).allowed is allowed
    if not allowed:
        with pytest.raises(NotAllowed):
            correct(who, notice.sequence)


def test_a_repeat_is_one_correction_and_other_words_are_refused() -> None:
    notice = published()
    who = actor("EXCHANGE_MAKER")
    assert correct(who, notice.sequence, key="k") == correct(who, notice.sequence, key="k")
    assert Pending.objects.count() == 1
    with pytest.raises(KeyReused):
        correct(who, notice.sequence, Text("别的", "other"), key="k")


@pytest.mark.parametrize("text", [Text(" ", "right"), Text("正确", "")])
def test_both_languages_are_needed(text: Text) -> None:
    notice = published()
    with pytest.raises(InputInvalid):
        correct(actor("EXCHANGE_MAKER"), notice.sequence, text)


def test_an_unknown_notice_cannot_be_corrected() -> None:
    with pytest.raises(NotFound):
        correct(actor("EXCHANGE_MAKER"), 77)


def test_the_page_publishes_a_correction(client: Client) -> None:
    notice = published()
    user = User.objects.create(username="exchange")
    address = reverse("publication:correct", args=[notice.sequence])
    assert client.get(address).status_code == 302
    client.force_login(user)
    assert client.get(address).status_code == 403
    Membership.objects.create(
        user=user, organisation=organisation("EXCHANGE"), role="EXCHANGE_MAKER", since=dt.date(2023, 1, 1)
    )
    assert client.get(address).status_code == 200
    kept = client.post(address, {"text_zh": "数量有误", "text_en": ""})
    assert kept.status_code == 422
    assert "数量有误" in kept.content.decode()
    done = client.post(address, {"text_zh": WORDS.zh, "text_en": WORDS.en, "idempotency_key": "a"})
    assert (done.status_code, done["Location"]) == (303, notice.url)
    assert services.publish_pending(now=clock.now()) == [2]
    new = Notice.objects.get(sequence=2)
    assert new.corrects == notice
    assert WORDS.zh in new.html_zh
    assert WORDS.en in new.html_en
    assert "已被更正" in client.get(notice.url).content.decode()
    assert "更正公告" in client.get(new.url).content.decode()

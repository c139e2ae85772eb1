"""The inbox page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from terrace.kernel.notify.models import Message
from terrace.kernel.notify.tests.test_services import member, organisation, tell

pytestmark = pytest.mark.django_db


def test_strangers_are_sent_to_the_sign_in(client: Client) -> None:
    assert client.get(reverse("notify:inbox")).status_code == 302


def test_reading_and_marking(client: Client) -> None:
    firm = organisation()
    user = member(firm, "FIRM_CLERK")
    client.force_login(user)
    assert "没有消息" in client.get(reverse("notify:inbox")).content.decode()
    tell(organisation_ids=[firm.pk])
    tell(organisation_ids=[firm.pk])
    assert "保证金已到账" in client.get(reverse("notify:inbox")).content.decode()
    first = Message.objects.earliest("pk")
    answer = client.post(reverse("notify:inbox"), {"id": [first.pk, "x"]})
    assert answer.status_code == 303
    assert Message.objects.filter(read_at=None).count() == 1
    client.post(reverse("notify:inbox"), {"all": "1"})
    assert Message.objects.filter(read_at=None).count() == 0


def test_following_a_message_marks_it_read_and_foreign_ones_are_not_found(client: Client) -> None:
    firm = organisation()
    client.force_login(member(firm, "FIRM_CLERK"))
    stranger = member(organisation(), "FIRM_CLERK")
    tell(organisation_ids=[firm.pk], user_ids=[stranger.pk])
    own, foreign = Message.objects.exclude(user=stranger).get(), Message.objects.get(user=stranger)
    answer = client.get(reverse("notify:follow", args=[own.pk]))
    assert (answer.status_code, answer["Location"]) == (303, "/desk/")
    own.refresh_from_db()
    assert own.read_at is not None
    assert client.get(reverse("notify:follow", args=[foreign.pk])).status_code == 404


def test_the_number_of_queries_is_fixed(client: Client) -> None:
    firm = organisation()
    client.force_login(member(firm, "FIRM_CLERK"))
    made = []
    for _ in range(2):
        tell(organisation_ids=[firm.pk])
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("notify:inbox"))
        made.append(len(queries))
    assert made[0] == made[1]

"""What the public sees: the list and its twins, the notice as it was shown, the feeds."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from terrace.kernel.base import clock
from terrace.kernel.base.texts import Text
from terrace.kernel.publication import rules, services
from terrace.kernel.publication.models import Notice
from terrace.kernel.publication.tests import factories as make

pytestmark = pytest.mark.django_db


def publish(count: int, **more: object) -> None:
    for _ in range(count):
        make.announcement(**more)
    services.publish_pending(now=clock.now())


def test_an_empty_list_says_what_would_appear(client: Client) -> None:
    page = client.get(reverse("publication:list"))
    assert page.status_code == 200
    assert "没有符合条件的公告" in page.content.decode()


def test_the_list_filters_and_pages(client: Client) -> None:
    publish(26)
    publish(1, title=Text("更正公告", "Correction"), number="聊排交〔2023〕9号")
    first = client.get(reverse("publication:list")).content.decode()
    assert "更正公告" in first
    assert "第1页，共2页" in first
    found = client.get(reverse("publication:list"), {"words": "9号"}).content.decode()
    assert "更正公告" in found
    assert "成交公告</a>" not in found
    today = clock.today().isoformat()
    assert (
        client.get(reverse("publication:list_json"), {"since": today, "kind": "award"}).json()["count"] == 27
    )
    assert client.get(reverse("publication:list_json"), {"since": "2999-01-01"}).json()["count"] == 0
    assert (
        client.get(reverse("publication:list_json"), {"since": "nonsense", "kind": "x"}).json()["count"] == 27
    )


def test_the_number_of_queries_is_fixed(client: Client) -> None:
    made = []
    for _ in range(2):
        publish(2)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("publication:list"))
        made.append(len(queries))
    assert made[0] == made[1]


def test_the_csv_twin_has_every_row_and_no_formula(client: Client) -> None:
    publish(1, title=Text("=1+1", "=1+1"))
    publish(1)
    response = client.get(reverse("publication:list_csv"))
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["sequence"] for row in rows] == ["2", "1"]
    assert rows[1]["title_zh"] == "'=1+1"


@pytest.mark.parametrize(("language", "title"), [("zh-hans", "成交公告"), ("en", "Award notice")])
def test_the_notice_shows_the_archived_text(client: Client, language: str, title: str) -> None:
    publish(1)
    page = client.get(
        reverse("publication:notice", args=[1]), headers={"accept-language": language}
    ).content.decode()
    notice = Notice.objects.get()
    assert title in page
    assert (notice.html_zh if language == "zh-hans" else notice.html_en) in page
    assert notice.digest in page


def test_a_corrected_notice_points_to_its_correction_and_back(client: Client) -> None:
    publish(1)
    publish(1, corrects=Notice.objects.get(), title=Text("更正公告", "Correction"))
    assert "已被更正" in client.get(reverse("publication:notice", args=[1])).content.decode()
    assert "本公告更正" in client.get(reverse("publication:notice", args=[2])).content.decode()


def test_an_unknown_notice_is_not_found(client: Client) -> None:
    assert client.get(reverse("publication:notice", args=[7])).status_code == 404
    assert client.get(reverse("publication:notice_json", args=[10**30])).status_code == 404


def test_a_reader_of_the_feed_misses_nothing_and_can_recompute_every_digest(client: Client) -> None:
    publish(5)
    after, previous, seen = 0, rules.GENESIS, []
    while True:
        answer = client.get(reverse("publication:feed"), {"after": after, "limit": 2}).json()
        for item in answer["items"]:
            body = {k: v for k, v in item.items() if k not in ("digest", "previous_digest", "url")}
            assert rules.notice_digest(body, previous) == item["digest"]
            previous = item["digest"]
            seen.append(item["sequence"])
        after = answer["next_after"]
        if not answer["has_more"]:
            break
    assert seen == [1, 2, 3, 4, 5]
    assert client.get(reverse("publication:feed"), {"after": "x", "limit": "0"}).json()["next_after"] == 1


def test_the_json_of_one_notice_is_masked(client: Client) -> None:
    publish(1)
    body = json.dumps(client.get(reverse("publication:notice_json", args=[1])).json(), ensure_ascii=False)
    assert "张**" in body
    assert "张三丰" not in body
    assert "甲公司" not in body


def test_the_atom_feed_can_be_read(client: Client) -> None:
    publish(3)
    for query, expected in (({}, 3), ({"after": "2"}, 1)):
        tree = ElementTree.fromstring(client.get(reverse("publication:feed_atom"), query).content)
        assert len(tree.findall("{http://www.w3.org/2005/Atom}entry")) == expected

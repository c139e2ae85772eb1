"""Announcements for tests, rendered by a template of their own."""

from __future__ import annotations

from typing import Any

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.texts import Text
from terrace.kernel.publication import services
from terrace.kernel.publication.models import Announcement
from terrace.kernel.publication.rules import NoticeKind

KIND = NoticeKind("award", Text("成交公告", "Award"), {"contact": "initials", "bids[].bidder": "bidder"})
TEMPLATES = {
    "notice.html": "<h2>{{ title }}</h2><p>{{ content.contact }}</p>"
    "{% for bid in content.bids %}<p>{{ bid.bidder }}: {{ bid.price }}</p>{% endfor %}"
    "{% if corrects %}<p>corrects {{ corrects.sequence }}</p>{% endif %}",
    "broken.html": "{% include 'no-such-file.html' %}",
}


def announcement(**more: Any) -> Announcement:
    values: dict[str, Any] = {
        "actor": SYSTEM,
        "kind": "award",
        "title": Text("成交公告", "Award notice"),
        "content": {"contact": "张三丰", "bids": [{"bidder": "甲公司", "price": "1.00"}]},
        "template": "notice.html",
        "subject_type": "lot",
        "subject_id": 1,
        "now": clock.now(),
    }
    return services.announce(**{**values, **more})

"""What people keep for themselves on the pages of this tier."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pghistory
from django.db import models
from django.db.models import Q

from terrace.kernel.base.db import CityRow

NAME_MAX = 40
QUERY_MAX = 2_000
PLACE = ("page", "before", "from")  # where in a list somebody stands is no filter


def plain_query(query: str) -> str:
    """The filters of an address as they are kept: no empty ones, no place in the list, in the order given."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name not in PLACE])


@pghistory.track()
class SavedView(CityRow):
    """The filters of one list under a name that one person gave them. Removed ones stay, with when."""

    user = models.ForeignKey("orgs.User", on_delete=models.PROTECT, related_name="+")
    path = models.CharField(max_length=200, db_comment="address of the list, without filters")
    name = models.CharField(max_length=NAME_MAX)
    query = models.CharField(max_length=QUERY_MAX, db_comment="the filters as they stand in the address")
    saved_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "path", "name"],
                condition=Q(removed_at__isnull=True),
                name="web_view_name_once",
            ),
            models.CheckConstraint(condition=Q(path__startswith="/") & ~Q(name=""), name="web_view_named"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

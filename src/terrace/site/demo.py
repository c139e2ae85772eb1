"""The demo city, built through the services only, so that it is always a legal history."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base import clock

DEMO_START = dt.datetime(2023, 12, 18, 9, 30, tzinfo=clock.SHANGHAI)


def build_once() -> bool:
    """Build the demo city unless it stands; returns whether anything was built."""
    from terrace.kernel.orgs.models import Organisation

    if Organisation.objects.exists():
        return False
    clock.set_now(DEMO_START)
    return True

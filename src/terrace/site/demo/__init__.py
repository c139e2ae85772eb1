"""The demo city Liaocheng, December 2023: built once, through the services only, so it is always a legal history.

Each part moves the platform's clock to the day on which its acts happened and calls the same services
that the pages call, as the people whose job it is.
"""

from __future__ import annotations

from terrace.kernel.base import clock
from terrace.site.demo import market, people


def build_once() -> bool:
    """Build the demo city unless it stands; returns whether anything was built."""
    from terrace.kernel.orgs.models import Organisation

    if Organisation.objects.exists():
        return False
    people.build()
    market.build()
    clock.set_now(people.at(12, 18, 9, 30))
    return True

"""What the rulebook of today would say to a firm that looks at a lot; nothing is stored."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.clock import local
from terrace.kernel.base.quantity import Pollutant
from terrace.market.listings.models import Listing
from terrace.market.rights import queries as rights_queries
from terrace.market.rights import services as rights
from terrace.market.rights.models import NeedConfirmation
from terrace.market.rulebooks.rules import Decision


def preview_eligibility(
    listing: Listing, organisation_id: int, now: dt.datetime
) -> tuple[NeedConfirmation, Decision] | None:
    """The decision for the firm's first open need of this pollutant; None when it has no confirmed need."""
    need = rights_queries.confirmed_needs(organisation_id, listing.lot.pollutant).first()
    if need is None:
        return None
    on = local(now).date()
    case = rights.eligibility_case(
        project=need.project,
        needs_g={Pollutant(line.pollutant): line.emission_g for line in need.lines.all()},
        on=on,
        parcel=listing.lot.parcel,
    )
    return need, rights.decide_case(case, on)

"""The acts of the registry of rights, and the parts that reserve, settlement and listings call in their acts."""

from terrace.market.rights.rules import region_of
from terrace.market.rights.services.areas import load_areas, record_quality
from terrace.market.rights.services.conduct import ConductEnded, end_conduct, record_conduct
from terrace.market.rights.services.court import freeze_by_court, lift_court_freeze
from terrace.market.rights.services.eligibility import decide_case, eligibility_case
from terrace.market.rights.services.needs import (
    apply_for_need,
    confirm_need,
    create_project,
    preview_need,
    refuse_need,
    use_need,
)
from terrace.market.rights.services.numbers import next_number
from terrace.market.rights.services.papers import attach_verification_paper
from terrace.market.rights.services.parcels import (
    ParcelShort,
    freeze_parcel,
    issue_right,
    lock_parcel,
    move_parcel,
    release_hold,
)
from terrace.market.rights.services.permits import write_permit
from terrace.market.rights.services.signals import on_court_freeze, on_court_lift
from terrace.market.rights.services.units import add_unit, set_permit_no
from terrace.market.rights.services.verifications import (
    apply_for_verification,
    decide_verification,
    review_verification,
)

__all__ = [
    "ConductEnded",
    "ParcelShort",
    "add_unit",
    "apply_for_need",
    "apply_for_verification",
    "attach_verification_paper",
    "confirm_need",
    "create_project",
    "decide_case",
    "decide_verification",
    "eligibility_case",
    "end_conduct",
    "freeze_by_court",
    "freeze_parcel",
    "issue_right",
    "lift_court_freeze",
    "load_areas",
    "lock_parcel",
    "move_parcel",
    "next_number",
    "on_court_freeze",
    "on_court_lift",
    "preview_need",
    "record_conduct",
    "record_quality",
    "refuse_need",
    "region_of",
    "release_hold",
    "review_verification",
    "set_permit_no",
    "use_need",
    "write_permit",
]

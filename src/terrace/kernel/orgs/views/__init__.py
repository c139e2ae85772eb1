"""Pages of organisations: application, my organisation, second signatures, the list, demo sign-in."""

from terrace.kernel.orgs.views.apply import apply, apply_check, apply_receipt, apply_step
from terrace.kernel.orgs.views.approvals import approval, approvals, withdraw
from terrace.kernel.orgs.views.demo import demo, demo_sign_in
from terrace.kernel.orgs.views.mine import (
    act_for,
    bank,
    factor_reset,
    letter_give,
    letter_revoke,
    mine,
    role_end,
    role_propose,
    set_language,
)
from terrace.kernel.orgs.views.organisations import (
    application_decide,
    organisation,
    organisation_step,
    organisations,
)

__all__ = [
    "act_for",
    "application_decide",
    "apply",
    "apply_check",
    "apply_receipt",
    "apply_step",
    "approval",
    "approvals",
    "bank",
    "demo",
    "demo_sign_in",
    "factor_reset",
    "letter_give",
    "letter_revoke",
    "mine",
    "organisation",
    "organisation_step",
    "organisations",
    "role_end",
    "role_propose",
    "set_language",
    "withdraw",
]

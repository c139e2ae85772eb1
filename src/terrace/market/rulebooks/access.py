"""Who sees stored decisions, who proposes and who approves parameters. Rulebooks themselves are public."""

from __future__ import annotations

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role
from terrace.market.rulebooks.models import EligibilityDecision, RulebookParameter

SEES_DECISIONS = (
    Role.BUREAU,
    Role.BUREAU_CHECKER,
    Role.BRANCH,
    Role.EXCHANGE_MAKER,
    Role.EXCHANGE_CHECKER,
    Role.RESERVE_MAKER,
    Role.RESERVE_CHECKER,
    Role.AUDITOR,
    Role.MONITOR,
)


def may_see_decision(actor: Actor, decision: EligibilityDecision) -> Verdict:
    """The organisation it is about, and the bodies that work with it."""
    if actor.organisation_id is not None and actor.organisation_id == decision.organisation_id:
        return Verdict(True)
    return require_role(actor, *SEES_DECISIONS)


def get_decision_for(actor: Actor, decision_id: int) -> EligibilityDecision:
    """The decision; raises NotFound, NotAllowed."""
    decision = EligibilityDecision.objects.select_related("organisation").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound(what=Text("该判定", "the decision"))
    may_see_decision(actor, decision).require()
    return decision


def may_propose_parameter(actor: Actor) -> Verdict:
    return require_role(actor, Role.BUREAU)


def may_decide_parameter(actor: Actor) -> Verdict:
    return require_role(actor, Role.BUREAU_CHECKER)


def may_see_parameter(actor: Actor) -> Verdict:
    return require_role(actor, Role.BUREAU, Role.BUREAU_CHECKER, Role.BRANCH, Role.AUDITOR, Role.MONITOR)


def get_parameter_for(actor: Actor, parameter_id: int) -> RulebookParameter:
    """A change with its approval; raises NotFound, NotAllowed."""
    may_see_parameter(actor).require()
    parameter = RulebookParameter.objects.select_related("approval").filter(pk=parameter_id).first()
    if parameter is None:
        raise NotFound(what=Text("该参数变更", "the change"))
    return parameter

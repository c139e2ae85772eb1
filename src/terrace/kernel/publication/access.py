"""Who may correct a notice. Reading notices is for everybody."""

from __future__ import annotations

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.kernel.publication.models import Notice

ISSUERS = (Role.RESERVE_MAKER, Role.RESERVE_CHECKER, Role.BUREAU, Role.BUREAU_CHECKER)


def may_correct(actor: Actor, notice: Notice) -> Verdict:
    """The trading institution, which issues all notices, and the body whose act announced this one."""
    if actor.has_role(Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER):
        return Verdict(True)
    announced_by = notice.announcement.announced_by_organisation_id
    if announced_by is not None and announced_by == actor.organisation_id and actor.has_role(*ISSUERS):
        return Verdict(True)
    return Verdict(
        False,
        Text(
            "仅交易机构或公告发布单位可以更正",
            "only the trading institution or the issuing body may correct it",
        ),
    )

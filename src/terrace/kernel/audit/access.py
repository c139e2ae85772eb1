"""Who may read the journal."""

from __future__ import annotations

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text

AUDITOR = "AUDITOR"  # orgs.roles stands above this context


def may_read_journal(actor: Actor) -> Verdict:
    """The auditor reads everything; nobody else reads the whole journal."""
    if actor.has_role(AUDITOR):
        return Verdict(True)
    if actor.user_id is None:
        return Verdict(False, Text("请先登录。", "sign in first."))
    return Verdict(
        False,
        Text(
            "全量日志仅供审计人员查阅；与您有关的办理记录请在各业务页面查看。",
            "the whole journal is for auditors; what concerns you stands on the page of each matter.",
        ),
    )


def get_entry_for(actor: Actor, entry_id: int) -> JournalEntry:
    """One entry; raises NotAllowed, NotFound."""
    may_read_journal(actor).require()
    entry = JournalEntry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise NotFound(what=Text("该日志", "the entry"))
    return entry

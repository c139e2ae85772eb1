"""What stands on record against an organisation and bars it from buying (R24)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.market.rights import access, rules
from terrace.market.rights.models import ConductRecord


@act("rights.conduct.record")
def record_conduct(
    *,
    actor: Actor,
    organisation_id: int,
    kind: rules.ConductKind,
    paper_no: str,
    since: dt.date,
    now: dt.datetime,
) -> ConductRecord:
    """The bureau enters a penalty, supervision or listing. A repeat returns the first. Raises NotAllowed."""
    access.may_record_conduct(actor).require()
    entry, made = ConductRecord.objects.get_or_create(
        organisation_id=organisation_id,
        kind=kind.value,
        paper_no=paper_no,
        defaults={"since": since, "recorded_at": now},
    )
    record(
        actor=actor,
        act="rights.conduct.record",
        subject_type="organisation",
        subject_id=organisation_id,
        at=now,
        facts={"kind": kind, "paper_no": paper_no, "since": since, "new": made},
    )
    return entry


@act("rights.conduct.end")
def end_conduct(
    *, actor: Actor, conduct_id: int, until: dt.date, reason: str, now: dt.datetime
) -> ConductRecord:
    """It no longer counts after `until`. Raises NotAllowed, NotFound."""
    access.may_record_conduct(actor).require()
    entry = ConductRecord.objects.select_for_update().filter(pk=conduct_id).first()
    if entry is None:
        raise NotFound(what=Text("该记录", "the record"))
    entry.until = until
    entry.save(update_fields=["until"])
    record(
        actor=actor,
        act="rights.conduct.end",
        subject_type="organisation",
        subject_id=entry.organisation_id,
        at=now,
        facts={"kind": entry.kind, "paper_no": entry.paper_no, "until": until},
        reason=reason,
    )
    return entry

"""What stands on record against an organisation and bars it from buying (R24)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.notify.services import tell
from terrace.kernel.orgs.models import Organisation
from terrace.market.rights import access, rules
from terrace.market.rights.models import ConductRecord


class ConductEnded(Refusal):
    code = "rights.conduct.ended"
    text = Text("该记录已于{until}终止。", "This record ended on {until} already.")
    hint = Text("请刷新页面。", "Reload the page.")


@act("rights.conduct.record")
def record_conduct(
    *,
    actor: Actor,
    organisation_id: int,
    kind: rules.ConductKind,
    paper_no: str,
    since: dt.date,
    now: dt.datetime,
    issuer: str = "",
) -> ConductRecord:
    """Bureau or branch enters a penalty, supervision or listing; the firm is told. A repeat returns the first.

    It bars the firm from `since` on (also back in time: sales that are closed stay). Raises NotAllowed, NotFound,
    InputInvalid.
    """
    access.may_record_conduct(actor, organisation_id).require()
    if not Organisation.objects.filter(pk=organisation_id).exists():
        raise NotFound(what=Text("该单位", "the organisation"))
    paper_no = paper_no.strip()
    if not paper_no:
        raise InputInvalid(
            where=Text("文书编号", "number of the paper"),
            got="''",
            expected=Text("处罚决定书等文书的编号", "the number of the decision"),
        )
    if since > local(now).date():
        raise InputInvalid(
            where=Text("起始日", "first day"),
            got=since.isoformat(),
            expected=Text("不晚于今天的日期", "a day not after today"),
        )
    entry, made = ConductRecord.objects.get_or_create(
        organisation_id=organisation_id,
        kind=kind.value,
        paper_no=paper_no,
        defaults={"since": since, "issuer": issuer.strip(), "recorded_at": now},
    )
    if made:
        _tell(
            entry,
            Text(f"登记了一条行为记录：{kind.label.zh}", f"A record was entered: {kind.label.en}"),
            Text(
                f"文书{paper_no}，自{since}起。记录终止前，贵单位不能报名购买排污权。如有异议，请联系市生态环境局。",
                f"Paper {paper_no}, from {since}. Until it ends your firm cannot sign up to buy rights. "
                "If it is wrong, contact the ecology bureau.",
            ),
            now,
        )
    record(
        actor=actor,
        act="rights.conduct.record",
        subject_type="organisation",
        subject_id=organisation_id,
        at=now,
        facts={"kind": kind, "paper_no": paper_no, "issuer": entry.issuer, "since": since, "new": made},
    )
    return entry


@act("rights.conduct.end")
def end_conduct(
    *, actor: Actor, conduct_id: int, until: dt.date, reason: str, now: dt.datetime
) -> ConductRecord:
    """It no longer counts after `until`; the firm is told. Raises NotFound, NotAllowed, ConductEnded, InputInvalid."""
    entry = ConductRecord.objects.select_for_update().filter(pk=conduct_id).first()
    if entry is None:
        raise NotFound(what=Text("该记录", "the record"))
    access.may_record_conduct(actor, entry.organisation_id).require()
    if entry.until is not None:
        raise ConductEnded(until=entry.until.isoformat())
    if until < entry.since:
        raise InputInvalid(
            where=Text("最后一日", "last day"),
            got=until.isoformat(),
            expected=Text(f"不早于{entry.since}", f"not before {entry.since}"),
        )
    if not reason.strip():
        raise InputInvalid(
            where=Text("理由", "reason"), got="''", expected=Text("终止的理由", "why the record ends")
        )
    entry.until = until
    entry.end_reason = reason.strip()[:300]
    entry.save(update_fields=["until", "end_reason"])
    label = rules.ConductKind(entry.kind).label
    _tell(
        entry,
        Text(f"行为记录已终止：{label.zh}", f"A record has ended: {label.en}"),
        Text(f"文书{entry.paper_no}，计至{until}。", f"Paper {entry.paper_no}, counted until {until}."),
        now,
    )
    record(
        actor=actor,
        act="rights.conduct.end",
        subject_type="organisation",
        subject_id=entry.organisation_id,
        at=now,
        facts={"kind": entry.kind, "paper_no": entry.paper_no, "until": until},
        reason=reason.strip(),
    )
    return entry


def _tell(entry: ConductRecord, subject: Text, body: Text, now: dt.datetime) -> None:
    tell(
        subject=subject,
        body=body,
        url=f"/rights/conduct/{entry.pk}/",
        now=now,
        organisation_ids=[entry.organisation_id],
    )

"""Papers of an intake: added by the maker while it waits for the second person."""

from __future__ import annotations

import datetime as dt
from typing import BinaryIO

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.documents.models import Document
from terrace.market.reserve import access, rules
from terrace.market.reserve.models import Intake
from terrace.market.rights.queries import papers_of


class IntakeDecided(Refusal):
    code = "reserve.intake.decided"
    text = Text("该入库已办结，不能再增加材料。", "The intake is decided; no paper can be added.")


@act("reserve.intake.attach")
def attach_intake_paper(
    *,
    actor: Actor,
    intake_id: int,
    kind: rules.PaperKind,
    content: bytes | BinaryIO,
    filename: str,
    media_type: str,
    now: dt.datetime,
) -> Document:
    """Add a paper to an intake, or replace the one of its kind. Raises NotAllowed, NotFound, IntakeDecided and what
    documents.store raises."""
    access.may_prepare(actor).require()
    intake = Intake.objects.select_for_update().filter(pk=intake_id).first()
    if intake is None or intake.body_id != actor.organisation_id:
        raise NotFound(what=Text("该入库记录", "the intake"))
    if intake.state != rules.IntakeState.SUBMITTED:
        raise IntakeDecided
    document = documents.store(
        actor=actor,
        content=content,
        filename=filename,
        media_type=media_type,
        kind=kind.value,
        subject_type="intake",
        subject_id=intake.pk,
        organisation_id=intake.body_id,
        now=now,
        replaces=papers_of("intake", intake.pk).get(kind.value),
    )
    record(
        actor=actor,
        act="reserve.intake.attach",
        subject_type="intake",
        subject_id=intake.pk,
        at=now,
        facts={"kind": kind, "document": document.pk, "digest": document.digest},
    )
    return document

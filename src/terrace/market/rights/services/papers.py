"""Papers of a verification: added by the firm while the branch has not reviewed it yet."""

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
from terrace.market.rights import access, rules
from terrace.market.rights.models import Verification
from terrace.market.rights.queries import papers_of


class PapersClosed(Refusal):
    code = "rights.verification.papers_closed"
    text = Text("初审后不能再增加或替换材料。", "Papers cannot be added or replaced after the first review.")


@act("rights.verification.attach")
def attach_verification_paper(
    *,
    actor: Actor,
    verification_id: int,
    kind: rules.PaperKind,
    content: bytes | BinaryIO,
    filename: str,
    media_type: str,
    now: dt.datetime,
) -> Document:
    """Add a paper to a verification, or replace the one of its kind. Raises NotAllowed, NotFound, PapersClosed and
    what documents.store raises."""
    verification = (
        Verification.objects.select_for_update(of=("self",))
        .select_related("unit")
        .filter(pk=verification_id)
        .first()
    )
    if verification is None:
        raise NotFound(what=Text("该核定申请", "the verification"))
    access.may_act_for_firm(actor, verification.unit.organisation_id).require()
    if verification.state != rules.VerificationState.APPLIED:
        raise PapersClosed
    document = documents.store(
        actor=actor,
        content=content,
        filename=filename,
        media_type=media_type,
        kind=kind.value,
        subject_type="verification",
        subject_id=verification.pk,
        organisation_id=verification.unit.organisation_id,
        now=now,
        replaces=papers_of("verification", verification.pk).get(kind.value),
    )
    record(
        actor=actor,
        act="rights.verification.attach",
        subject_type="verification",
        subject_id=verification.pk,
        at=now,
        facts={"kind": kind, "document": document.pk, "digest": document.digest},
    )
    return document

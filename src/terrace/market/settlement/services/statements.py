"""The bank statement in two steps: upload shows what each line would do, confirmation by the same person books it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal, Stale
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.ledger import services as ledger
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures import services as procedures
from terrace.market.settlement import access, queries
from terrace.market.settlement.models import (
    BankLine,
    DepositState,
    ImportState,
    InstructionState,
    LineState,
    PaymentInstruction,
    Purpose,
    Refund,
    RefundCause,
    StatementImport,
    Trade,
)
from terrace.market.settlement.rules import statements as rules
from terrace.market.settlement.services import money
from terrace.market.settlement.services.payments import tell_paid
from terrace.market.settlement.services.refunds import open_refund

SUBJECT = "settlement.statement"
LINE_SUBJECT = "settlement.bank_line"


class StatementDiscarded(Refusal):
    code = "settlement.statement.discarded"
    text = Text("该流水已放弃，不能入账。", "This statement was discarded and cannot be booked.")
    hint = Text("请重新上传。", "Upload it again.")


class StatementBooked(Refusal):
    code = "settlement.statement.booked"
    text = Text("该流水已入账，不能放弃。", "This statement is booked and cannot be discarded.")


class LineNotInSuspense(Refusal):
    code = "settlement.line.not_in_suspense"
    text = Text("该笔来款不在待查中：{state}。", "This payment is not in suspense: {state}.")
    hint = Text("请刷新页面。", "Reload the page.")


class LineDoesNotFit(Refusal):
    code = "settlement.line.does_not_fit"
    text = Text("不能认领：{finding}（{why}）。", "It cannot be assigned: {finding} ({why}).")
    hint = Text("可以将该笔来款原路退回。", "The payment can be sent back to where it came from.")


class ReasonNeeded(Refusal):
    code = "settlement.reason_needed"
    text = Text("请填写理由。", "Write the reason.")
    http_status = 422


@act("settlement.statement.upload")
def upload_statement(
    *, actor: Actor, content: bytes, filename: str, now: dt.datetime, key: str | None = None
) -> StatementImport:
    """Keep a statement file and judge its lines; nothing is booked. Raises NotAllowed, NotAStatement and the file refusals."""
    access.may_import_statements(actor).require()
    digest = digest_of([filename, hashlib.sha256(content).hexdigest()])
    if answer := first_answer(actor=actor, act="settlement.statement.upload", key=key, request_digest=digest):
        return StatementImport.objects.get(pk=answer)
    assert actor.user_id is not None
    city = _city(actor)
    review = queries.review_file(content, filename, city)
    document = documents.store(
        actor=actor,
        content=content,
        filename=filename,
        kind="settlement.statement",
        subject_type=SUBJECT,
        subject_id=hashlib.sha256(content).hexdigest()[:60],
        organisation_id=actor.organisation_id,
        now=now,
    )
    statement = StatementImport.objects.create(
        city=city,
        document=document,
        filename=document.filename,
        file_digest=document.digest,
        findings_digest=review.digest,
        line_count=len(review.judged),
        uploaded_by_id=actor.user_id,
        uploaded_at=now,
        **_counts(review),
    )
    record(
        actor=actor,
        act="settlement.statement.upload",
        subject_type=SUBJECT,
        subject_id=statement.pk,
        at=now,
        facts={"file": document.digest, "lines": len(review.judged), **_counts(review)},
        key=key,
        request_digest=digest,
        result=statement.pk,
    )
    return statement


@act("settlement.statement.confirm")
def confirm_statement(
    *, actor: Actor, statement_id: int, seen_digest: str, now: dt.datetime
) -> StatementImport:
    """Book an uploaded statement exactly as it was shown: matched lines pay their instructions, others go to suspense.

    Only by the person who uploaded it. A second confirmation changes nothing. Raises NotAllowed, NotFound,
    StatementDiscarded, Stale (the books have moved since; nothing was written, look again).
    """
    statement = _lock_statement(actor, statement_id)
    if statement.state == ImportState.CONFIRMED:
        return statement
    if statement.state == ImportState.DISCARDED:
        raise StatementDiscarded
    before = queries.review_statement(statement)
    _lock_cases_of([j.asked.instruction_id for j in before.judged if j.asked is not None])
    review = queries.review_statement(statement)
    if review.digest != seen_digest:
        raise Stale
    for judged in review.judged:
        if judged.finding is rules.Finding.MATCHED:
            _book_matched(actor, statement, judged, now)
    suspended = [j for j in review.judged if j.finding in rules.BOOKED_TO_SUSPENSE and _comes_in(j)]
    _book_suspense(actor, statement, suspended, now)
    for name, count in _counts(review).items():
        setattr(statement, name, count)
    statement.findings_digest = review.digest
    statement.state = ImportState.CONFIRMED
    statement.confirmed_at = now
    statement.save()
    record(
        actor=actor,
        act="settlement.statement.confirm",
        subject_type=SUBJECT,
        subject_id=statement.pk,
        at=now,
        facts={"findings": review.digest, **_counts(review)},
    )
    return statement


@act("settlement.statement.discard")
def discard_statement(*, actor: Actor, statement_id: int, now: dt.datetime) -> StatementImport:
    """Drop an uploaded statement without booking. Repeating is harmless. Raises NotAllowed, NotFound, StatementBooked."""
    statement = _lock_statement(actor, statement_id)
    if statement.state == ImportState.CONFIRMED:
        raise StatementBooked
    if statement.state == ImportState.CHECKED:
        statement.state = ImportState.DISCARDED
        statement.save(update_fields=["state"])
        record(
            actor=actor,
            act="settlement.statement.discard",
            subject_type=SUBJECT,
            subject_id=statement.pk,
            at=now,
        )
    return statement


@act("settlement.line.assign")
def assign_line(
    *, actor: Actor, line_id: int, reference: str, reason: str, now: dt.datetime
) -> PaymentInstruction:
    """Say by hand which instruction a payment in suspense belongs to; amount and, for deposits, account must fit.

    Raises NotAllowed, NotFound, ReasonNeeded, LineNotInSuspense, LineDoesNotFit.
    """
    access.may_import_statements(actor).require()
    if not reason.strip():
        raise ReasonNeeded
    instruction_id = (
        PaymentInstruction.objects.filter(reference=reference.strip().upper())
        .values_list("id", flat=True)
        .first()
    )
    if instruction_id is None:
        raise NotFound(what=Text("该缴款码", "this reference code"))
    _lock_cases_of([instruction_id])
    line = _lock_suspense(line_id)
    instruction = _lock_instruction(instruction_id)
    judged = rules.compare(queries.line_of(line), queries.asked_of(instruction))
    # The price may come from another account of the firm when the maker has proof; a deposit may not (R26).
    forgiven = judged.finding is rules.Finding.OTHER_ACCOUNT and instruction.purpose == Purpose.PRICE
    if judged.finding is not rules.Finding.MATCHED and not forgiven:
        raise LineDoesNotFit(finding=judged.finding.label, why=judged.why)
    line.state = LineState.ASSIGNED
    line.assigned_reason = reason.strip()[:300]
    line.save(update_fields=["state", "assigned_reason"])
    _pay(actor, instruction, line, money.suspense(line.city), now)
    record(
        actor=actor,
        act="settlement.line.assign",
        subject_type=LINE_SUBJECT,
        subject_id=line.pk,
        at=now,
        facts={"reference": instruction.reference, "amount_fen": line.amount_fen},
        reason=reason.strip(),
    )
    return instruction


@act("settlement.line.return")
def return_line(*, actor: Actor, line_id: int, reason: str, now: dt.datetime) -> Refund:
    """Send a payment that belongs to nobody back to the account it came from; a second person approves it.

    Raises NotAllowed, NotFound, ReasonNeeded, LineNotInSuspense.
    """
    access.may_import_statements(actor).require()
    if not reason.strip():
        raise ReasonNeeded
    line = _lock_suspense(line_id)
    line.state = LineState.RETURNING
    line.save(update_fields=["state"])
    refund = open_refund(actor=actor, cause=RefundCause.UNASSIGNED, bank_line=line, now=now)
    record(
        actor=actor,
        act="settlement.line.return",
        subject_type=LINE_SUBJECT,
        subject_id=line.pk,
        at=now,
        facts={"refund": refund.number, "amount_fen": line.amount_fen},
        reason=reason.strip(),
    )
    return refund


def _city(actor: Actor) -> str:
    return Organisation.objects.values_list("city", flat=True).get(pk=actor.organisation_id or 0)


def _comes_in(judged: rules.Judged) -> bool:
    return judged.line.direction == "IN"


def _counts(review: queries.StatementReview) -> dict[str, int]:
    finding = rules.Finding
    return {
        "matched_count": review.count(finding.MATCHED),
        "suspense_count": review.count(*rules.BOOKED_TO_SUSPENSE),
        "repeated_count": review.count(finding.REPEATED, finding.REPEATED_IN_FILE),
        "refused_count": review.count(finding.MALFORMED, finding.UNKNOWN_SPENDING),
    }


def _lock_statement(actor: Actor, statement_id: int) -> StatementImport:
    access.may_import_statements(actor).require()
    statement = (
        StatementImport.objects.select_for_update(of=("self",))
        .select_related("document")
        .filter(pk=statement_id)
        .first()
    )
    if statement is None:
        raise NotFound(what=Text("该流水文件", "the statement"))
    if statement.uploaded_by_id != actor.user_id:
        raise NotAllowed(
            reason=Text("须由上传该流水的同一经办人确认", "only the person who uploaded it confirms it")
        )
    return statement


def _lock_cases_of(instruction_ids: Sequence[int]) -> None:
    """Lock the cases that payment will move, then the instructions, each in the order of ids."""
    subjects = PaymentInstruction.objects.filter(pk__in=instruction_ids).values_list(
        "subject_type", "subject_id"
    )
    trades = [number for kind, number in subjects if kind == "settlement.trade"]
    refunds = [number for kind, number in subjects if kind == "settlement.refund"]
    case_ids = {
        *Trade.objects.filter(number__in=trades).values_list("case_id", flat=True),
        *Refund.objects.filter(number__in=refunds).values_list("case_id", flat=True),
    }
    for case_id in sorted(case_ids):
        procedures.lock_case(case_id)
    list(
        PaymentInstruction.objects.select_for_update(of=("self",))
        .filter(pk__in=instruction_ids)
        .order_by("id")
        .values_list("id")
    )


def _lock_instruction(instruction_id: int) -> PaymentInstruction:
    return (
        PaymentInstruction.objects.select_for_update(of=("self",))
        .select_related("payer", "payee")
        .get(pk=instruction_id)
    )


def _lock_suspense(line_id: int) -> BankLine:
    line = BankLine.objects.select_for_update().filter(pk=line_id).first()
    if line is None:
        raise NotFound(what=Text("该笔来款", "the payment"))
    if line.state != LineState.SUSPENSE:
        raise LineNotInSuspense(state=LineState(line.state).label)
    return line


def _new_line(statement: StatementImport, judged: rules.Judged, state: LineState) -> BankLine:
    line = judged.line
    assert line.booked_on is not None
    return BankLine(
        city=statement.city,
        statement=statement,
        row_number=line.row,
        bank_serial=line.bank_serial,
        booked_on=line.booked_on,
        direction=line.direction,
        other_account_no=line.other_account,
        other_name=line.other_name,
        amount_fen=line.amount_fen,
        remark=line.remark,
        state=state,
        finding=judged.finding.value,
    )


def _book_matched(actor: Actor, statement: StatementImport, judged: rules.Judged, now: dt.datetime) -> None:
    assert judged.asked is not None
    line = _new_line(statement, judged, LineState.MATCHED)
    line.save(force_insert=True)
    _pay(actor, _lock_instruction(judged.asked.instruction_id), line, money.bank(line.city), now)


def _book_suspense(
    actor: Actor, statement: StatementImport, items: Sequence[rules.Judged], now: dt.datetime
) -> None:
    if not items:
        return
    lines = BankLine.objects.bulk_create(_new_line(statement, j, LineState.SUSPENSE) for j in items)
    bank, suspense = money.bank(statement.city), money.suspense(statement.city)
    ledger.post_batch(
        actor=actor,
        entries=[
            ledger.NewEntry(
                key=f"settlement:line:{line.pk}:suspense",
                code="settlement.suspense",
                at=now,
                subject_type=LINE_SUBJECT,
                subject_id=line.pk,
                transfers=(ledger.Direct(bank, suspense, line.amount_fen),),
                reason=line.finding,
            )
            for line in lines
        ],
    )


def _pay(
    actor: Actor, instruction: PaymentInstruction, line: BankLine, source: int, now: dt.datetime
) -> None:
    """Book one payment of a locked instruction from `source` (bank or suspense) and run what follows from it.

    Incoming: bank → the firm's money account; a deposit is held at once in the same entry. Outgoing: what was
    set aside for it leaves to the bank.
    """
    amount, city = instruction.amount_fen, instruction.city
    transfers: list[ledger.Movement]
    if instruction.purpose == Purpose.DEPOSIT:
        firm = money.firm(instruction.payer_id)
        transfers = [ledger.Direct(source, firm, amount), ledger.Hold(firm, money.escrow(city), amount)]
    elif instruction.purpose == Purpose.PRICE:
        transfers = [ledger.Direct(source, money.firm(instruction.payer_id), amount)]
    elif instruction.purpose == Purpose.TREASURY:
        assert instruction.payee_id is not None
        transfers = [ledger.Direct(money.treasury(instruction.payee_id), money.bank(city), amount)]
    else:
        assert instruction.hold_id is not None
        transfers = [ledger.Post(instruction.hold_id)]
    posted = money.post(
        actor=actor,
        key=f"instruction:{instruction.pk}:paid",
        code=f"paid.{instruction.purpose.lower()}",
        at=now,
        reason=f"{instruction.reference} {Money(amount).label().zh}",
        subject_type=instruction.subject_type,
        subject_id=instruction.subject_id,
        transfers=transfers,
    )
    instruction.state = InstructionState.PAID
    instruction.paid_at = now
    instruction.paid_line = line
    if instruction.purpose == Purpose.DEPOSIT:
        instruction.hold_id = posted.transfer_ids[1]
        instruction.deposit_state = DepositState.HELD
    instruction.save(update_fields=["state", "paid_at", "paid_line", "hold_id", "deposit_state"])
    tell_paid(instruction, now)

"""The ledger for the auditor and for owners: sums, accounts, statements, entries; each with CSV and JSON twins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import access, queries
from terrace.kernel.ledger.forms import AccountFilter, StatementFilter
from terrace.kernel.ledger.models import Account, Entry, Transfer
from terrace.kernel.ledger.queries import StatementLine, asset_label, plain_amount, unit_label
from terrace.kernel.ledger.rules import AccountKind, Phase
from terrace.kernel.orgs.models import Organisation

PAGE_SIZE = 25
EXPORT_PAGE_SIZE = 500
ID_MAX = 2**63 - 1


# --- sums of assets -----------------------------------------------------------------------------------------


@require_safe
def totals(request: HttpRequest) -> HttpResponse:
    """What there is of each asset, and the hash over the heads of all chains."""
    access.may_see_everything(_actor(request)).require()
    page = Paginator(queries.totals(), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [_total_row(total) for total in page]
    return render(request, "ledger/totals.html", {"page": page, "rows": rows, "digest": queries.digest()})


@require_safe
def totals_json(request: HttpRequest) -> HttpResponse:
    access.may_see_everything(_actor(request)).require()
    digest = queries.digest()
    return _json(
        {
            "items": [_total_data(total) for total in queries.totals()],
            "digest": {"accounts": digest.accounts, "sha256": digest.sha256},
        }
    )


@require_safe
def totals_csv(request: HttpRequest) -> StreamingHttpResponse:
    access.may_see_everything(_actor(request)).require()
    return _csv("ledger-totals", (_total_data(total) for total in queries.totals()))


def _total_data(total: queries.AssetTotals) -> dict[str, Any]:
    return {
        "asset": total.asset.code,
        "unit": total.asset.unit,
        "accounts": total.accounts,
        "in_hands": total.in_hands,
        "issued": total.issued,
        "held": total.held,
        "difference": total.difference,
    }


def _total_row(total: queries.AssetTotals) -> dict[str, Any]:
    return {
        "total": total,
        "label": asset_label(total.asset),
        "unit": unit_label(total.asset),
        **{
            name: plain_amount(getattr(total, name), total.asset)
            for name in ("in_hands", "issued", "held", "difference")
        },
        "url": f"{reverse('ledger:accounts')}?asset={total.asset.pk}",
    }


# --- accounts -----------------------------------------------------------------------------------------------


@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The accounts that the actor may see, by asset. A fixed number of queries."""
    found, form = _accounts(request)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    names = _owner_names(page)
    rows = [_account_row(a, names) for a in page]
    all_of_them = bool(access.may_see_everything(_actor(request)))
    return render(
        request,
        "ledger/accounts.html",
        {"page": page, "rows": rows, "form": form, "all_of_them": all_of_them},
    )


@require_safe
def accounts_json(request: HttpRequest) -> HttpResponse:
    page = Paginator(_accounts(request)[0], EXPORT_PAGE_SIZE).get_page(request.GET.get("page"))
    return _json(
        {
            "count": page.paginator.count,
            "page": page.number,
            "pages": page.paginator.num_pages,
            "items": [_account_data(request, a) for a in page],
        }
    )


@require_safe
def accounts_csv(request: HttpRequest) -> StreamingHttpResponse:
    found = _accounts(request)[0]
    return _csv("ledger-accounts", (_account_data(request, a) for a in found.iterator(chunk_size=500)))


def _accounts(request: HttpRequest) -> tuple[Any, AccountFilter]:
    found = access.accounts_for(_actor(request))
    form = AccountFilter(request.GET)
    return form.apply(found), form


def _account_data(request: HttpRequest, account: Account) -> dict[str, Any]:
    return {
        "id": account.pk,
        "owner_type": account.owner_type,
        "owner_id": account.owner_id,
        "kind": account.kind,
        "asset": account.asset.code,
        "unit": account.asset.unit,
        "posted": account.posted,
        "held": account.held,
        "available": account.available,
        "transfers": account.version,
        "url": request.build_absolute_uri(reverse("ledger:account", args=[account.pk])),
    }


def _account_row(account: Account, names: dict[str, Text]) -> dict[str, Any]:
    return {
        "account": account,
        "owner": _owner(account, names),
        "kind": _kind(account),
        "asset": asset_label(account.asset),
        "unit": unit_label(account.asset),
        **{
            name: plain_amount(getattr(account, name), account.asset)
            for name in ("posted", "held", "available")
        },
        "url": reverse("ledger:account", args=[account.pk]),
    }


# --- one account --------------------------------------------------------------------------------------------


@require_safe
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """The statement: every transfer that touched the account, newest first, each linked to its entry."""
    found, form, lines, more = _statement(request, account_id, PAGE_SIZE)
    others = Account.objects.in_bulk({line.other_account_id for line in lines})
    names = _owner_names([found, *others.values()])
    rows = [
        {
            "line": line,
            "phase": Phase(line.phase).label,
            "other": _owner(others[line.other_account_id], names),
            "change": plain_amount(line.change, found.asset) if line.change else "",
            "frozen": plain_amount(line.amount, found.asset) if not line.change else "",
            "after": plain_amount(line.posted_after, found.asset),
            "url": reverse("ledger:entry", args=[line.entry_id]),
        }
        for line in lines
    ]
    return render(
        request,
        "ledger/account.html",
        {
            "row": _account_row(found, names),
            "account": found,
            "rows": rows,
            "form": form,
            "next_before": lines[-1].transfer_id if more else None,
            "holds": [
                {
                    "hold": hold,
                    "amount": plain_amount(hold.amount, found.asset),
                    "url": reverse("ledger:entry", args=[hold.entry_id]),
                }
                for hold in queries.open_holds(found.pk)[:PAGE_SIZE]
            ],
        },
    )


@require_safe
def account_json(request: HttpRequest, account_id: int) -> HttpResponse:
    """The account and a part of its statement; follow `next_before` with `?before=`."""
    found, _form, lines, more = _statement(request, account_id, EXPORT_PAGE_SIZE)
    return _json(
        {
            "account": _account_data(request, found),
            "items": [_line_data(request, line) for line in lines],
            "next_before": lines[-1].transfer_id if more else None,
        }
    )


@require_safe
def account_csv(request: HttpRequest, account_id: int) -> StreamingHttpResponse:
    """The whole statement that the filters leave."""
    found = access.get_account_for(_actor(request), account_id)
    form = StatementFilter(request.GET)

    def lines() -> Iterator[dict[str, Any]]:
        before = None
        while True:
            part = queries.lines_of(
                form.apply(Transfer.objects.all()), found.pk, before=before, limit=EXPORT_PAGE_SIZE
            )
            yield from (_line_data(request, line) for line in part)
            if len(part) < EXPORT_PAGE_SIZE:
                return
            before = part[-1].transfer_id

    return _csv(f"ledger-account-{found.pk}", lines())


def _statement(
    request: HttpRequest, account_id: int, size: int
) -> tuple[Account, StatementFilter, list[StatementLine], bool]:
    found = access.get_account_for(_actor(request), _number(account_id))
    form = StatementFilter(request.GET)
    before = request.GET.get("before", "")
    start = int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None
    lines = queries.lines_of(form.apply(Transfer.objects.all()), found.pk, before=start, limit=size + 1)
    return found, form, lines[:size], len(lines) > size


def _line_data(request: HttpRequest, line: StatementLine) -> dict[str, Any]:
    return {
        "version": line.version,
        "at": local(line.entry.at).isoformat(timespec="seconds"),
        "code": line.entry.code,
        "phase": line.phase,
        "change": line.change,
        "amount": line.amount,
        "posted_after": line.posted_after,
        "other_account": line.other_account_id,
        "transfer": line.transfer_id,
        "hold_of": line.hold_of_id,
        "entry": line.entry_id,
        "subject": f"{line.entry.subject_type}:{line.entry.subject_id}",
        "reason": line.entry.reason,
        "url": request.build_absolute_uri(reverse("ledger:entry", args=[line.entry_id])),
    }


# --- one entry ----------------------------------------------------------------------------------------------


@require_safe
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One business act in the ledger: who, when, why, and its transfers."""
    actor = _actor(request)
    found, transfers = access.get_entry_for(actor, _number(entry_id))
    names = _owner_names([side for t in transfers for side in (t.debit, t.credit)])
    rows = [
        {
            "transfer": t,
            "phase": Phase(t.phase).label,
            "unit": unit_label(t.asset),
            "asset": asset_label(t.asset),
            "amount": plain_amount(t.amount, t.asset),
            **{
                side: {
                    "owner": _owner(getattr(t, side), names),
                    "kind": _kind(getattr(t, side)),
                    "url": reverse("ledger:account", args=[getattr(t, f"{side}_id")])
                    if access.may_see_account(actor, getattr(t, side))
                    else "",
                }
                for side in ("debit", "credit")
            },
            "hold_url": reverse("ledger:entry", args=[queries.entry_of_transfer(t.hold_of_id)])
            if t.hold_of_id
            else "",
        }
        for t in transfers
    ]
    return render(
        request,
        "ledger/entry.html",
        {
            "entry": found,
            "rows": rows,
            "hidden": found.transfer_count - len(rows),
            "subject_url": queries.subject_url(found.subject_type, found.subject_id),
            "digest": bytes(found.request_digest).hex(),
            "accounts_url": reverse("ledger:accounts"),
        },
    )


@require_safe
def entry_json(request: HttpRequest, entry_id: int) -> HttpResponse:
    found, transfers = access.get_entry_for(_actor(request), _number(entry_id))
    return _json({**_entry_data(found), "transfers": [_transfer_data(t) for t in transfers]})


@require_safe
def entry_csv(request: HttpRequest, entry_id: int) -> StreamingHttpResponse:
    found, transfers = access.get_entry_for(_actor(request), _number(entry_id))
    return _csv(f"ledger-entry-{found.pk}", (_transfer_data(t) for t in transfers))


def _entry_data(found: Entry) -> dict[str, Any]:
    return {
        "id": found.pk,
        "number": found.number,
        "key": found.key,
        "code": found.code,
        "at": local(found.at).isoformat(timespec="seconds"),
        "recorded_at": local(found.recorded_at).isoformat(timespec="microseconds"),
        "subject_type": found.subject_type,
        "subject_id": found.subject_id,
        "reason": found.reason,
        "transfer_count": found.transfer_count,
        "request_digest": bytes(found.request_digest).hex(),
    }


def _transfer_data(t: Transfer) -> dict[str, Any]:
    return {
        "id": t.pk,
        "phase": t.phase,
        "debit": t.debit_id,
        "credit": t.credit_id,
        "asset": t.asset.code,
        "unit": t.asset.unit,
        "amount": t.amount,
        "hold_of": t.hold_of_id,
        "debit_hash": bytes(t.debit_hash).hex(),
        "credit_hash": bytes(t.credit_hash).hex() if t.credit_hash is not None else None,
    }


# --- shared -------------------------------------------------------------------------------------------------


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    return actor


def _number(value: int) -> int:
    """A number from the address; one that no bigint holds is simply not there."""
    return value if value <= ID_MAX - 10_000 else 0


def _kind(account: Account) -> Text:
    return AccountKind(account.kind).label


def _owner_names(accounts: Iterable[Account]) -> dict[str, Text]:
    """The names of the organisations among the owners. One query."""
    numbers = {a.owner_id for a in accounts if a.owner_type == access.OWNER_TYPE and a.owner_id.isdecimal()}
    if not numbers:
        return {}
    found = Organisation.objects.filter(pk__in=[int(n) for n in numbers if len(n) < 19])
    return {str(o.pk): Text(o.name, o.name_en or o.name) for o in found}


def _owner(account: Account, names: dict[str, Text]) -> Text:
    plain = f"{account.owner_type} {account.owner_id}"
    if account.owner_type != access.OWNER_TYPE:
        return Text(plain, plain)
    return names.get(account.owner_id, Text(plain, plain))


def _json(value: dict[str, Any]) -> JsonResponse:
    return JsonResponse(value, json_dumps_params={"ensure_ascii": False})


def _csv(name: str, rows: Iterable[dict[str, Any]]) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        first = True
        for row in rows:
            if first:
                yield "\ufeff" + _csv_line(list(row))
                first = False
            yield _csv_line(list(row.values()))

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _csv_line(cells: Sequence[Any]) -> str:
    """One line; a text that a spreadsheet would run as a formula gets a quote before it, numbers do not."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
        for cell in cells
    )
    return buffer.getvalue()

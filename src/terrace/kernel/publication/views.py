"""The public notices: list, page, and the feeds that outside programs follow."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.clock import local
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import as_json, page_as_json, page_of, stream_csv
from terrace.kernel.base.texts import Text
from terrace.kernel.publication import queries, services
from terrace.kernel.publication.access import may_correct
from terrace.kernel.publication.forms import CorrectionForm, NoticeFilter
from terrace.kernel.publication.models import Notice
from terrace.kernel.publication.procedures import kinds

FEED_MAX = 200
COLUMNS = ("sequence", "kind", "number", "title_zh", "title_en", "published_at", "corrects", "digest", "url")
DIGEST_COLUMNS = (
    "day",
    "taken_at",
    "accounts",
    "ledger_sha256",
    "journal_streams",
    "journal_sha256",
    "previous_sha256",
    "sha256",
)


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The list, newest first. Two queries whatever its length."""
    form = NoticeFilter(request.GET)
    page = page_of(request, queries.list_notices(**form.chosen()))  # type: ignore[arg-type]  # typed by the form
    labels = {kind.code: kind.label for kind in kinds()}
    rows = [{"notice": n, "kind_label": labels.get(n.kind, Text(n.kind, n.kind))} for n in page]
    return render(request, "publication/list.html", {"form": form, "page": page, "rows": rows})


@require_safe
def notices_json(request: HttpRequest) -> HttpResponse:
    """The same list for programs, page by page."""
    found = queries.list_notices(**NoticeFilter(request.GET).chosen())  # type: ignore[arg-type]  # typed by the form
    return page_as_json(request, found, lambda notice: _row(request, notice))


@require_safe
def notices_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same list as a spreadsheet: every row that the filters leave."""
    found = queries.list_notices(**NoticeFilter(request.GET).chosen())  # type: ignore[arg-type]  # typed by the form
    rows = (_row(request, notice) for notice in found.iterator(chunk_size=500))
    return stream_csv("notices.csv", COLUMNS, rows)


@require_safe
def notice(request: HttpRequest, sequence: int) -> HttpResponse:
    """One notice, exactly as it was shown on its day."""
    found = _get(sequence)
    corrections = queries.corrections_of(found)
    label = next((kind.label for kind in kinds() if kind.code == found.kind), Text(found.kind, found.kind))
    return render(
        request,
        "publication/notice.html",
        {
            "notice": found,
            "html": found.html.of(get_language()),
            "corrections": corrections,
            "kind_label": label,
            "may_correct": may_correct(request.actor, found).allowed,  # type: ignore[attr-defined]  # middleware of orgs
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, sequence: int) -> HttpResponse:
    """Write a correction. It is published within seconds; the old notice then points to it."""
    actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    found = _get(sequence)
    may_correct(actor, found).require()
    form = CorrectionForm(request.POST or None)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.correct_notice(
                actor=actor,
                sequence=sequence,
                text=form.text(),
                key=request.POST.get("idempotency_key") or None,
                now=clock.now(),
            )
        except Refusal as error:
            refusal = error
        else:
            words = Text(
                "更正公告已提交，几秒内发布。", "The correction is submitted and appears within seconds."
            )
            messages.success(request, words.of(get_language()))
            response = HttpResponseRedirect(found.url)
            response.status_code = 303
            return response
    status = refusal.http_status if refusal else 422 if form.errors else 200
    return render(
        request,
        "publication/correct.html",
        {"form": form, "notice": found, "refusal": refusal},
        status=status,
    )


@require_safe
def notice_json(request: HttpRequest, sequence: int) -> HttpResponse:
    """One notice with everything its digest covers."""
    return as_json(_full(request, _get(sequence)))


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """Notices after a cursor, oldest first: `?after=17`. Follow `next_after`; numbers have no gaps."""
    after = _whole(request.GET.get("after"), 0)
    limit = min(max(_whole(request.GET.get("limit"), 100), 1), FEED_MAX)
    found = queries.feed_after(after, limit + 1)
    items = found[:limit]
    return as_json(
        {
            "items": [_full(request, n) for n in items],
            "next_after": items[-1].sequence if items else after,
            "has_more": len(found) > limit,
        }
    )


@require_safe
def feed_atom(request: HttpRequest) -> HttpResponse:
    """The newest notices, or with `?after=` those that follow, for feed readers."""
    language = get_language()
    after = request.GET.get("after")
    found = queries.feed_after(_whole(after, 0), FEED_MAX) if after else queries.latest(50)
    title = Text("梯田 · 公告", "Terrace: notices").of(language)
    generator = Atom1Feed(
        title=title,
        link=request.build_absolute_uri("/notices/"),
        description=title,
        language="en" if (language or "").startswith("en") else "zh-Hans",
        feed_url=request.build_absolute_uri(),
    )
    for item in found:
        generator.add_item(
            title=item.title.of(language),
            link=request.build_absolute_uri(item.url),
            description=" ".join(part for part in (item.number, f"SHA-256 {item.digest}") if part),
            unique_id=request.build_absolute_uri(item.url),
            pubdate=item.published_at,
            updateddate=item.published_at,
            categories=[item.kind],
        )
    response = HttpResponse(content_type="application/atom+xml; charset=utf-8")
    generator.write(response, "utf-8")
    return response


def _get(sequence: int) -> Notice:
    found = queries.get_notice(sequence)
    if found is None:
        raise NotFound(what=Text("公告", "The notice"))
    return found


def _row(request: HttpRequest, found: Notice) -> dict[str, Any]:
    return {
        "sequence": found.sequence,
        "kind": found.kind,
        "number": found.number,
        "title_zh": found.title_zh,
        "title_en": found.title_en,
        "published_at": local(found.published_at).isoformat(timespec="seconds"),
        "corrects": found.corrects_sequence,
        "digest": found.digest,
        "url": request.build_absolute_uri(found.url),
    }


def _full(request: HttpRequest, found: Notice) -> dict[str, Any]:
    return {
        **found.shown(),
        "digest": found.digest,
        "previous_digest": found.previous_digest,
        "url": request.build_absolute_uri(found.url),
    }


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else default


@require_safe
def digests(request: HttpRequest) -> HttpResponse:
    """What ledger and journal hashed to at the end of each day: keep a copy, and the past cannot be rewritten unseen."""
    return render(request, "publication/digests.html", {"page": page_of(request, queries.digests())})


@require_safe
def digests_json(request: HttpRequest) -> HttpResponse:
    """All published digests, the oldest first, in one file: what `terrace verify --digests FILE` reads."""
    return as_json({"items": [queries.digest_row(row) for row in queries.digests().order_by("day")]})


@require_safe
def digests_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same as a spreadsheet."""
    rows = queries.digests().order_by("day").iterator(chunk_size=500)
    return stream_csv("digests.csv", DIGEST_COLUMNS, (queries.digest_row(row) for row in rows))

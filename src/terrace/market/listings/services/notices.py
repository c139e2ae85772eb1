"""What a notice prints: every field of domain D in both languages, as plain values for the archive."""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel.base.clock import WEEKDAYS_ZH, local
from terrace.kernel.base.quantity import Price
from terrace.kernel.base.texts import Text
from terrace.market.listings import rules
from terrace.market.listings.models import Listing
from terrace.market.rights.models import Right
from terrace.market.rights.rules import Basin, ratio_text
from terrace.market.rights.services.numbers import next_in_series


def next_notice_number(now: dt.datetime, city: str) -> str:
    """Part: the next number of a notice of offer in the city's year."""
    year, position = next_in_series(series="GG", now=now, city=city)
    return f"聊排污出让告字[{year}]{position}号"


def region_text(right: Right) -> Text:
    """Where the right comes from and may be used: area, and the basin for water."""
    if right.basin:
        basin = Basin(right.basin).label
        return Text(f"{right.area.name}({basin.zh})", f"{right.area.name_en} ({basin.en})")
    return Text(f"{right.area.name}(全市)", f"{right.area.name_en} (whole city)")


def plan_document(plan: rules.WorkdayPlan) -> dict[str, int]:
    """A calendar in working days as it is stored."""
    return {
        "notice": plan.notice,
        "signup": plan.signup,
        "qualification": plan.qualification,
        "deposit": plan.deposit,
        "quoting_hours": plan.quoting_hours,
    }


def price_pair(price: Price) -> dict[str, str]:
    """A price in both languages, always with its basis."""
    label = price.label()
    return {"zh": label.zh, "en": label.en}


def instant_texts(at: dt.datetime) -> dict[str, str]:
    """An instant for the archive: ISO 8601 and the words of both languages."""
    there = local(at)
    return {
        "iso": there.isoformat(),
        "zh": f"{there.year}年{there.month}月{there.day}日(周{WEEKDAYS_ZH[there.weekday()]}) {there:%H:%M}",
        "en": f"{there:%a} {there.day} {there:%b %Y}, {there:%H:%M}",
    }


def timed_text(listing: Listing) -> Text:
    """The timed-bidding rule in words."""
    wait, window = _length(listing.wait_seconds), _length(listing.window_seconds)
    return Text(
        f"自由报价期内有{listing.timed_min_quoters}名及以上竞买人报价的，报价截止后等待{wait.zh}进入限时竞价；"
        f"限时竞价每次有效报价后重新计时{window.zh}，期满无新报价即结束，价高者得。",
        f"If at least {listing.timed_min_quoters} bidders quoted, timed bidding starts {wait.en} after quoting ends; "
        f"every accepted quote restarts a countdown of {window.en}; it ends when a countdown passes without a quote, "
        f"and the highest quote wins.",
    )


def _length(seconds: int) -> Text:
    minutes, rest = divmod(seconds, 60)
    if rest:
        return Text(f"{seconds}秒", f"{seconds} seconds")
    return Text(f"{minutes}分钟", f"{minutes} minutes" if minutes != 1 else "1 minute")


def content_of(listing: Listing) -> dict[str, Any]:
    """The notice's fields as JSON values: what is archived is what was shown."""
    lot = listing.lot
    quantity = lot.quantity
    timed = timed_text(listing)
    region = region_text(lot.parcel.right)
    return {
        "number": listing.number,
        "round": listing.round,
        "project_name": listing.project_name,
        "lot": lot.number,
        "seller": lot.seller.name,
        "region": {"zh": listing.region_text, "en": region.en},
        "source": listing.source_text,
        "pollutant": {"zh": quantity.pollutant.label.zh, "en": quantity.pollutant.label.en},
        "quantity": {"zh": quantity.label().zh, "en": quantity.label().en},
        "years": listing.years,
        "ratio": ratio_text(listing.ratio_hundredths),
        "start_price": price_pair(listing.start),
        "start_price_reason": listing.price_reason,
        "increment": price_pair(listing.increment),
        "start_amount": {
            "zh": listing.start.amount(quantity).label().zh,
            "en": listing.start.amount(quantity).label().en,
        },
        "calendar_kind": listing.calendar_kind,
        "calendar": {name: instant_texts(at) for name, at in listing.calendar.items()},
        "timed": {"zh": timed.zh, "en": timed.en},
        "wait_seconds": listing.wait_seconds,
        "window_seconds": listing.window_seconds,
        "allocation": listing.allocation_text,
        "buyer_conditions": listing.buyer_conditions,
        "deposit": {"zh": listing.deposit.label().zh, "en": listing.deposit.label().en},
        "deposit_rule": listing.deposit_text,
        "payment": listing.payment_text,
        "contact": listing.contact,
        "is_synthetic": lot.is_synthetic,
    }

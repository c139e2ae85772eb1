"""What the worker does every second: record the results of auctions that have ended."""

from __future__ import annotations

import logging

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import Refusal
from terrace.market.auctions import queries, services

logger = logging.getLogger("terrace.auctions")


def tick() -> int:
    """Close what is due, one transaction each; returns how many. A refusal is logged and tried again next time."""
    now = clock.now()
    closed = 0
    for auction_id in queries.list_due(now):
        try:
            services.close_auction(actor=SYSTEM, auction_id=auction_id, now=now)
            closed += 1
        except Refusal as refusal:
            logger.warning("auction %s not closed: %s", auction_id, refusal)
    return closed

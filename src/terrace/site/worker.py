"""The worker: procrastinate runs the jobs; a ticker beside it passes deadlines, closes auctions, publishes.

Every tick is a service that can be killed and run again. Two workers may run: each tick locks what it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, close_old_connections, connection

TICK_SECONDS = 1.0
HEARTBEAT_SECONDS = 10
RESCUE_SECONDS = 30  # jobs of a worker that has been silent for so long are given to another
logger = logging.getLogger("terrace.worker")


def ticks() -> list[tuple[str, Callable[[], object]]]:
    """What is done every second, in this order."""
    from terrace.kernel.base import clock
    from terrace.kernel.procedures.services import pass_deadlines
    from terrace.kernel.publication.services import publish_due_digest, publish_pending
    from terrace.market.auctions.tasks import tick as close_auctions

    return [
        ("auctions", close_auctions),
        ("deadlines", lambda: pass_deadlines(now=clock.now())),
        ("publish", lambda: publish_pending(now=clock.now())),
        ("digest", lambda: publish_due_digest(now=clock.now())),
    ]


def tick_once() -> None:
    """Run every tick; a failure is logged and does not keep the others from running."""
    for name, tick in ticks():
        try:
            tick()
        except OperationalError:
            logger.warning("tick %s: the database is away", name)
            connection.close()
            return
        except Exception:
            logger.exception("tick %s failed", name)


def run(*, once: bool = False) -> int:
    """Run until SIGTERM (or once); returns the exit code."""
    from procrastinate.contrib.django import app

    if once:
        tick_once()
        asyncio.run(_work(app, wait=False))
        return 0
    stop = threading.Event()
    ticker = threading.Thread(target=_tick_until, args=(stop,), name="ticker", daemon=True)
    ticker.start()
    try:
        asyncio.run(_work(app, wait=True))
    finally:
        stop.set()
        ticker.join(timeout=5)
    return 0


async def _work(app: Any, *, wait: bool) -> None:
    with_connector = app.with_connector(app.connector.get_worker_connector())
    async with with_connector.open_async():
        await _rescue_jobs(with_connector)
        rescuer = asyncio.create_task(_rescue_until_cancelled(with_connector))
        task = asyncio.create_task(
            with_connector.run_worker_async(
                wait=wait,
                concurrency=2,
                fetch_job_polling_interval=2,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                delete_jobs="successful",
            )
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(RuntimeError):
                loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        rescuer.cancel()


async def _rescue_until_cancelled(app: Any) -> None:
    while True:
        await asyncio.sleep(RESCUE_SECONDS)
        try:
            await _rescue_jobs(app)
        except Exception:
            logger.exception("the jobs of a dead worker could not be looked for")


async def _rescue_jobs(app: Any) -> None:
    """Put the jobs of workers that were killed back into the queue; every job may be run twice."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=RESCUE_SECONDS):
        logger.warning("job %s (%s) lost its worker and runs again", job.id, job.task_name)
        await app.job_manager.retry_job(job)


def _tick_until(stop: threading.Event) -> None:
    while not stop.is_set():
        started = time.monotonic()
        tick_once()
        close_old_connections()
        stop.wait(max(0.05, TICK_SECONDS - (time.monotonic() - started)))

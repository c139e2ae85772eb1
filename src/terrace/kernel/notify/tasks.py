"""The mail job: a thin wrapper, tried again with growing waits (nearly three hours in all)."""

from django.db import close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from terrace.kernel.base import clock
from terrace.kernel.notify import services


@app.task(
    name=services.SEND_TASK,
    queue=services.QUEUE,
    retry=RetryStrategy(max_attempts=8, exponential_wait=3),
)
def send_mail(message_id: int) -> None:
    close_old_connections()  # the worker's thread outlives a restart of the database
    try:
        services.send_mail(message_id=message_id, now=clock.now())
    finally:
        close_old_connections()

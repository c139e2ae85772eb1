"""The scan job: a thin wrapper, tried again every minute until the scanner decides."""

from django.db import close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from terrace.kernel.base import clock
from terrace.kernel.documents import services


@app.task(name=services.SCAN_TASK, queue=services.QUEUE, retry=RetryStrategy(wait=60))
def scan(document_id: int) -> None:
    close_old_connections()  # the worker's thread outlives a restart of the database
    try:
        services.scan_document(document_id=document_id, now=clock.now())
    finally:
        close_old_connections()

"""Clients that call one statement again and again, each in a transaction of its own, for a fixed time.

Up to four processes share the connections; a connection never has more than one call under way.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

PROCESSES_MAX = 4

# What a client sends: the statement and a function that makes the arguments of its n-th call.
Job = tuple[str, Callable[[random.Random, str, int], Sequence[Any]]]


def rate(url: str, job: Job, clients: int, seconds: float, tag: str) -> float:
    """Calls per second over all clients, durable (every call is committed)."""
    processes = min(clients, PROCESSES_MAX)
    shares = [clients // processes + (n < clients % processes) for n in range(processes)]
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(processes + 1)
    counts = context.Array("q", processes)
    workers = [
        context.Process(target=_process, args=(url, job, share, seconds, f"{tag}:{n}", gate, counts, n))
        for n, share in enumerate(shares)
    ]
    for worker in workers:
        worker.start()
    gate.wait(60)
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a client of {tag} failed")
    return sum(counts) / seconds


def _process(
    url: str, job: Job, clients: int, seconds: float, tag: str, gate: Any, counts: Any, place: int
) -> None:
    done = [0] * clients
    faults: list[BaseException] = []
    start = threading.Event()
    ready = threading.Barrier(clients + 1)

    def client(n: int) -> None:
        statement, arguments = job
        pick = random.Random(f"{tag}:{n}")
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                cursor = connection.cursor()
                for warm in range(5):
                    cursor.execute(statement, arguments(pick, f"{tag}:{n}", -1 - warm), prepare=True)
                ready.wait(60)
                start.wait()
                end = time.perf_counter() + seconds
                number = 0
                while time.perf_counter() < end:
                    cursor.execute(statement, arguments(pick, f"{tag}:{n}", number), prepare=True)
                    number += 1
                done[n] = number
        except BaseException as fault:  # noqa: BLE001 - told to the parent below
            faults.append(fault)
            ready.abort()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        ready.wait(60)
    finally:
        gate.wait(60)
        start.set()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    counts[place] = sum(done)


def batch_rate(url: str, job: Job, size: int, seconds: float, tag: str) -> float:
    """Transfers per second of one client that sends batches of `size`; making the arguments is not counted."""
    statement, arguments = job
    pick = random.Random(tag)
    spent, calls = 0.0, 0
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.cursor()
        for warm in range(6):
            cursor.execute(statement, arguments(pick, f"{tag}:w{warm}", size), prepare=True)
        while spent < seconds:
            given = arguments(pick, f"{tag}:{calls}", size)
            before = time.perf_counter()
            cursor.execute(statement, given, prepare=True)
            spent += time.perf_counter() - before
            calls += 1
    return calls * size / spent

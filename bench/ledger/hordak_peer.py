"""django-hordak's transfers per second, run by the Python of its own venv: hordak_peer.py URL CLIENTS SECONDS.

A transfer is a Transaction with two Legs, as `Account.transfer_to` makes it; one commit each.
Prints one JSON object with the version and the rate.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNTS = 500


def configure(url: str) -> None:
    import django
    from django.conf import settings

    parts = urlsplit(url)
    settings.configure(
        SECRET_KEY="only-for-this-benchmark",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        HORDAK_INTERNAL_CURRENCY="CNY",
        HORDAK_CURRENCIES=["CNY"],
        CURRENCIES=["CNY"],
        DEFAULT_CURRENCY="CNY",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username or "",
                "PASSWORD": parts.password or "",
                "HOST": parts.hostname or parse_qs(parts.query).get("host", [""])[0],
                "PORT": str(parts.port or ""),
            }
        },
    )
    django.setup()


def client(url: str, seconds: float, seed: int, gate: Any, counts: Any) -> None:
    configure(url)
    from django.db import transaction
    from hordak.models import Account
    from moneyed import Money

    accounts = list(Account.objects.all()[:ACCOUNTS])
    pick = random.Random(seed)
    gate.wait(60)
    end, done = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        giver, taker = pick.sample(accounts, 2)
        with transaction.atomic():
            giver.transfer_to(taker, Money("0.05", "CNY"))
        done += 1
    counts[seed] = done


def prepare(url: str) -> None:
    configure(url)
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    for n in range(Account.objects.count(), ACCOUNTS):
        Account.objects.create(name=f"account {n}", code=f"{n:03d}", type="AS", currencies=["CNY"])


def main() -> None:
    url, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=prepare, args=(url,))
    maker.start()
    maker.join()
    gate, counts = context.Barrier(clients), context.Array("q", clients)
    workers = [context.Process(target=client, args=(url, seconds, n, gate, counts)) for n in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"version": version("django-hordak"), "rate": sum(counts) / seconds}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

"""Production refuses default keys, missing TLS settings, demo users and a shifted clock."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.contrib.auth.hashers import make_password

from terrace.kernel.base import clock
from terrace.kernel.orgs.models import Organisation, OrganisationKind, User
from terrace.site import checks

GOOD = {
    "TERRACE_SECRET_KEY": "q8Zr0-Vd3_mK7xT1pL9wB5nY2cJ6hF4gS8aE0uR3iO7kD1vX5tN9",
    "DATABASE_URL": "postgresql://terrace@db.example/terrace",
    "TERRACE_IDENTITY_KEY": "w7Yq1-Uc2_lJ6wS0oK8vA4mX1bI5gE3fR7zD9tQ2hN6jC0uW4sM8",
    "TERRACE_HOSTS": "pwq.example.cn",
    "TERRACE_TLS": "proxy",
    "TERRACE_SMTP_HOST": "mail.example.cn",
    "TERRACE_MAIL_FROM": "no-reply@example.cn",
}


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TERRACE_", "DATABASE_URL", "DJANGO_"))}
    code = "import django; django.setup(); from django.conf import settings; print(settings.DEBUG, settings.SESSION_COOKIE_SECURE)"
    return subprocess.run(
        [sys.executable, "-c", code], env={**clean, "DJANGO_SETTINGS_MODULE": "terrace.site.settings.prod", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_complete_settings_start() -> None:
    done = start(GOOD)
    assert done.stdout.strip() == "False True", done.stderr


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_each_missing_setting_is_named(missing: str) -> None:
    done = start({k: v for k, v in GOOD.items() if k != missing})
    assert done.returncode != 0
    assert missing in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TERRACE_SECRET_KEY", "django-insecure-" + "x1y2z3w4v5" * 5, "default or too simple"),
        ("TERRACE_SECRET_KEY", "a" * 60, "default or too simple"),
        ("TERRACE_SECRET_KEY", "short", "default or too simple"),
        ("TERRACE_HOSTS", "*", "must name hosts"),
        ("TERRACE_TLS", "no", "must be 'proxy'"),
        ("DATABASE_URL", "mysql://x/y", "must start with postgresql://"),
    ],
)
def test_weak_settings_are_refused(name: str, value: str, says: str) -> None:
    done = start({**GOOD, name: value})
    assert done.returncode != 0
    assert says in done.stderr


@pytest.mark.django_db
def test_a_clean_database_is_fit_for_production() -> None:
    User.objects.create(username="real", password=make_password("long-and-own-password"))
    checks.refuse_demo_leftovers()


@pytest.mark.django_db
def test_the_demo_password_is_refused() -> None:
    User.objects.create(username="buyer1", password=make_password(checks.DEMO_PASSWORD))
    with pytest.raises(checks.NotFitForProduction, match="buyer1"):
        checks.refuse_demo_leftovers()


@pytest.mark.django_db
def test_synthetic_firms_are_refused() -> None:
    Organisation.objects.create(
        credit_code="91371500MA3DEMO01X"[:18].replace("O", "0"),
        name="x",
        kind=OrganisationKind.ENTERPRISE,
        is_synthetic=True,
    )
    with pytest.raises(checks.NotFitForProduction, match="synthetic"):
        checks.refuse_demo_leftovers()


@pytest.mark.django_db
def test_a_shifted_clock_is_refused() -> None:
    import datetime as dt

    clock.set_now(dt.datetime(2023, 12, 18, 9, 30, tzinfo=clock.SHANGHAI))
    with pytest.raises(checks.NotFitForProduction, match="clock"):
        checks.refuse_demo_leftovers()

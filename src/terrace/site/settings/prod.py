"""Production. Refuses to start with default keys, demo users or missing TLS settings (checks.py says which)."""

import os

from django.core.exceptions import ImproperlyConfigured

from terrace.site.logs import configuration
from terrace.site.settings.base import *  # noqa: F403

TERRACE_DEMO = False
DEBUG = False


def required(name: str, why: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"production needs {name}: {why}")
    return value


SECRET_KEY = required("TERRACE_SECRET_KEY", "a random text of at least 50 characters")
if (
    len(SECRET_KEY) < 50
    or len(set(SECRET_KEY)) < 10
    or SECRET_KEY.startswith(("only-for-tests", "django-insecure"))
):
    raise ImproperlyConfigured(
        "TERRACE_SECRET_KEY is a default or too simple: use at least 50 random characters"
    )
# Identity digests must stay comparable for ever: this key is never changed, so it is not SECRET_KEY.
TERRACE_IDENTITY_KEY = required(
    "TERRACE_IDENTITY_KEY", "a random text of at least 50 characters, kept for ever"
)
if len(TERRACE_IDENTITY_KEY) < 50 or TERRACE_IDENTITY_KEY.startswith("only-for-tests"):
    raise ImproperlyConfigured("TERRACE_IDENTITY_KEY is too short: use at least 50 random characters")
required("DATABASE_URL", "the PostgreSQL server, postgresql://user:password@host/terrace")
ALLOWED_HOSTS = [
    h.strip()
    for h in required("TERRACE_HOSTS", "the host names, separated by commas").split(",")
    if h.strip()
]
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("TERRACE_HOSTS must name hosts; * accepts any")
if required("TERRACE_TLS", "say 'proxy' when a reverse proxy ends TLS in front of Terrace") != "proxy":
    raise ImproperlyConfigured(
        "TERRACE_TLS must be 'proxy': Terrace serves plain HTTP to a TLS proxy on the same host"
    )
TERRACE_PUBLIC_URL = f"https://{ALLOWED_HOSTS[0]}"
CSRF_TRUSTED_ORIGINS = [f"https://{h}" for h in ALLOWED_HOSTS]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
EMAIL_HOST = required("TERRACE_SMTP_HOST", "the mail server for notices")
DEFAULT_FROM_EMAIL = required("TERRACE_MAIL_FROM", "the sender address of notices")
LOGGING = configuration(as_json=True, level="INFO")

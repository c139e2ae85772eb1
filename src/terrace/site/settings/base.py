"""Settings shared by every way of running Terrace. What differs stands in demo.py, prod.py and test.py."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from terrace.site.logs import configuration

SOURCE_ROOT = Path(__file__).resolve().parents[2]
REPOSITORY_ROOT = SOURCE_ROOT.parents[1]
LOG_AS_JSON = os.environ.get("TERRACE_LOG", "") == "json"
DATA_DIR = Path(os.environ.get("TERRACE_DATA_DIR") or REPOSITORY_ROOT / ".terrace").expanduser().resolve()

TERRACE_DEMO = False
TERRACE_CITY = "371500"
LOCK_TIMEOUT_MS = 5_000


def database_from_url(url: str) -> dict[str, object]:
    """Django's database dictionary from postgresql://user:password@host:port/name?option=value."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must start with postgresql://")
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", "") or unquote(parts.hostname or ""))
    session = f"{options.pop('options', '')} -c lock_timeout={LOCK_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "terrace",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "") or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**options, "connect_timeout": 5, "options": session.strip()},
    }


DATABASES = {"default": database_from_url(os.environ.get("DATABASE_URL") or "postgresql:///terrace")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "terrace.web",  # first: its templates stand before those of libraries
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "pgtrigger",
    "pghistory",
    "procrastinate.contrib.django",
    "terrace.kernel.orgs",  # before allauth: its pages wear our templates
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "django_htmx",
    "terrace.kernel.base",
    "terrace.kernel.audit",
    "terrace.market.settlement",
    "terrace.kernel.documents",
    "terrace.kernel.procedures",
    "terrace.kernel.notify",
    "terrace.kernel.publication",
    "terrace.market.rulebooks",
    "terrace.market.rights",
    "terrace.market.reserve",
    "terrace.market.listings",
    "terrace.kernel.ledger",
    "terrace.market.auctions",
]

MIDDLEWARE = [
    "terrace.site.logs.request_log",
    "terrace.web.middleware.PageMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "terrace.kernel.orgs.middleware.ActorMiddleware",
    "terrace.kernel.orgs.middleware.SignInRulesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "terrace.site.urls"
WSGI_APPLICATION = "terrace.site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": [
                "terrace.web.templatetags.words",
                "terrace.web.templatetags.figures",
                "terrace.web.templatetags.components",
            ],
        },
    }
]

AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "terrace.kernel.orgs.adapters.SignInBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"
LOGOUT_REDIRECT_URL = "/"

# Accounts are given by the platform (orgs), never by signing up; the e-mail address is for invitations.
ACCOUNT_ADAPTER = "terrace.kernel.orgs.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # the reset form mails nobody whom we do not know
# Axes locks a sign-in name after five wrong passwords; allauth's own limit stands behind it and also
# counts wrong one-time codes.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,10/300s/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the gate (site/gate.py) writes X-Forwarded-For
MFA_ADAPTER = "terrace.kernel.orgs.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {"add_webauthn": "terrace.kernel.orgs.forms.PasskeyForm"}
MFA_TOTP_ISSUER = "Terrace"
MFA_TOTP_TOLERANCE = 1  # clocks of telephones may be off by half a minute
MFA_ALLOW_UNVERIFIED_EMAIL = True
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "terrace.kernel.orgs.adapters.sign_in_name"
AXES_CLIENT_IP_CALLABLE = "terrace.kernel.orgs.adapters.client_ip"
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_HTTP_RESPONSE_CODE = 429
SESSION_COOKIE_AGE = 12 * 3600
TERRACE_STAFF_IDLE_MINUTES = 30
TERRACE_PUBLIC_URL = os.environ.get("TERRACE_PUBLIC_URL") or "http://127.0.0.1:8000"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
NODE_MODULES = REPOSITORY_ROOT / "node_modules"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "terrace.web.finders.VendorFinder",
]
WHITENOISE_USE_FINDERS = True  # no collectstatic needed; the finders list a few dozen files

CSRF_FAILURE_VIEW = "terrace.web.errors.csrf_failure"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

PGHISTORY_APPEND_ONLY = True
LOGGING = configuration(as_json=LOG_AS_JSON, level=os.environ.get("TERRACE_LOG_LEVEL", "WARNING"))
TERRACE_DOCUMENT_DIR = DATA_DIR / "documents"
TERRACE_VIRUS_SCAN = os.environ.get("TERRACE_VIRUS_SCAN", "").split()  # e.g. clamdscan --no-summary --fdpass

# The Chinese font of papers (PDF) and, in production, the key that signs them: a PKCS#12 file and its passphrase file.
TERRACE_FONT_DIR = os.environ.get("TERRACE_FONT_DIR") or str(
    REPOSITORY_ROOT / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
)
TERRACE_SIGNER_P12 = os.environ.get("TERRACE_SIGNER_P12", "")
TERRACE_SIGNER_PASSPHRASE_FILE = os.environ.get("TERRACE_SIGNER_PASSPHRASE_FILE", "")

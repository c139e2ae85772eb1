"""Tests: demo mode, fast password hashing, mail in memory. The database comes from tests/conftest.py."""

import os
import tempfile
from pathlib import Path

from terrace.site.settings.base import *  # noqa: F403
from terrace.site.settings.base import AUTHENTICATION_BACKENDS, DATABASES, database_from_url

TERRACE_DEMO = True
DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "only-for-tests-" + "x" * 40
TERRACE_IDENTITY_KEY = "only-for-tests-identity"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests may sign somebody in by the library's own backend; it differs only in how many queries a request takes.
AUTHENTICATION_BACKENDS = [*AUTHENTICATION_BACKENDS, "allauth.account.auth_backends.AuthenticationBackend"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if url := os.environ.get("TERRACE_TEST_DATABASE_URL"):
    DATABASES["default"] = database_from_url(url)
DATABASES["default"]["CONN_MAX_AGE"] = 0
TERRACE_DOCUMENT_DIR = Path(tempfile.gettempdir()) / f"terrace-test-documents-{os.getpid()}"

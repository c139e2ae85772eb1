"""The demo city: made-up users with a known password, console mail, a clock that can be shifted."""

from terrace.site.secrets import local_secret
from terrace.site.settings.base import *  # noqa: F403
from terrace.site.settings.base import DATA_DIR

TERRACE_DEMO = True
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
SECRET_KEY = local_secret(DATA_DIR, "django-secret-key")
TERRACE_IDENTITY_KEY = local_secret(DATA_DIR, "identity-key")
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # passkeys on http://localhost
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
PASSWORD_HASHERS = ["terrace.site.secrets.DemoPasswordHasher"]

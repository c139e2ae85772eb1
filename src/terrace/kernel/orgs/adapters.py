"""How the sign-in library (django-allauth) behaves here: no sign-up, secrets of second factors encrypted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.db.models import F, Func, JSONField
from django.http import HttpRequest

from terrace.kernel.orgs.models import User


class SignInBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Reads a signed-in user and who that user is today in one query, as every request asks for both."""

    def get_user(self, user_id: int) -> User | None:
        standing = Func(F("pk"), function="orgs_standing", output_field=JSONField())
        user = User.objects.annotate(standing_read=standing).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts come from an admitted application or from a colleague's proposal, never from a sign-up page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """One-time-code keys and recovery seeds are unreadable to somebody who has only the database."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()


def _cipher() -> Fernet:
    # Derived from the key that never changes: after a change of SECRET_KEY everybody could not sign in.
    digest = hashlib.sha256(b"second factor" + settings.TERRACE_IDENTITY_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def client_ip(request: HttpRequest) -> str:
    """The address that the gate saw: what lock-outs are counted by."""
    return str(get_client_ip(request) or "")


def sign_in_name(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str | None:
    """The name that a sign-in was tried with, in small letters, as sign-in names do not tell case apart.

    One spelling for counting and for checking: otherwise a lock-out can be walked around by capitals.
    """
    name = (credentials or {}).get("username")
    if name is None and request is not None:
        name = request.POST.get("login")
    return str(name).strip().lower() if name is not None else None

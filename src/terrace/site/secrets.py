"""Keys that a demo makes for itself, once, in its data folder (mode 0600). Production brings its own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.contrib.auth.hashers import PBKDF2PasswordHasher


def local_secret(data_dir: Path, name: str) -> str:
    """Read the secret `name`, or make it on first use. Safe when two processes start together."""
    folder = data_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_urlsafe(64))
    return path.read_text().strip()


class DemoPasswordHasher(PBKDF2PasswordHasher):
    """The demo's password is printed in the terminal; hashing it slowly would only delay the first start."""

    iterations = 1_000

"""Every test of this context knows one kind of notice and two templates."""

from __future__ import annotations

import pytest

from terrace.kernel.publication import procedures
from terrace.kernel.publication.tests import factories as make


@pytest.fixture(autouse=True)
def kind_and_templates(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "_kinds", {})
    procedures.register_kind(make.KIND)
    procedures.register_kind(procedures.CORRECTION)
    engine = settings.TEMPLATES[0]  # type: ignore[attr-defined]
    loaders = [
        ("django.template.loaders.locmem.Loader", make.TEMPLATES),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [  # type: ignore[attr-defined]
        {**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}
    ]

"""The papers that the demo's firms hand in: one page each, saying openly that it is a demonstration."""

from __future__ import annotations

import functools
from pathlib import Path

import typst
from django.conf import settings

PAGE = """
#set page(paper: "a5", margin: 2cm)
#set text(font: "Noto Sans SC", size: 11pt, lang: "zh")
#align(center)[#text(size: 18pt, weight: "bold")[{title}]]
#v(1cm)
{firm}

本页为演示材料，不具有任何效力。 This page is a demonstration and has no effect.
"""


@functools.cache
def paper(title: str, firm: str) -> bytes:
    """A PDF of one page with `title`, handed in by `firm`."""
    fonts = settings.REPOSITORY_ROOT / "node_modules" / "@expo-google-fonts" / "noto-sans-sc" / "400Regular"
    made: object = typst.compile(  # type: ignore[misc]  # the stub leaves its type variable open
        PAGE.format(title=title, firm=firm).encode(), font_paths=[Path(fonts)], ignore_system_fonts=True
    )
    assert isinstance(made, bytes)
    return made

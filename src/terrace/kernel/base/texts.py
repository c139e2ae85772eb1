"""A text in the platform's two languages, kept together so that neither can be forgotten (ADR 0002)."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("zh-hans", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One message, Chinese and English. `{name}` places are filled by :meth:`fill`."""

    zh: str
    en: str

    def of(self, language: str | None) -> str:
        """The text in `language`; everything that does not start with "en" reads Chinese."""
        return self.en if (language or "").lower().startswith("en") else self.zh

    def fill(self, **values: object) -> Text:
        """Both languages with their places filled."""
        return Text(self.zh.format(**values), self.en.format(**values))

    def __str__(self) -> str:
        return self.zh

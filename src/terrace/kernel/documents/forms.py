"""The form field for a file: says what is allowed before anything is sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.texts import Text
from terrace.kernel.documents import rules
from terrace.kernel.documents.procedures import kind_of


class DocumentField(forms.FileField):
    """A file of one document kind. The content is judged by `documents.services.store`, not here."""

    def __init__(self, *, kind: str, label: Text, help_text: Text | None = None, **more: Any) -> None:
        limits = kind_of(kind)
        words = ", ".join(t.word for t in limits.types)
        size = rules.size_label(limits.size_bytes_max)
        allowed = Text(f"{words}；不超过 {size}", f"{words}; at most {size}")
        language = get_language()
        hint = f"{help_text.of(language)} {allowed.of(language)}" if help_text else allowed.of(language)
        accept = ",".join(ext for t in limits.types for ext in t.extensions)
        super().__init__(
            label=label.of(language),
            help_text=hint,
            widget=forms.ClearableFileInput(attrs={"accept": accept}),
            **more,
        )
        self.kind = kind

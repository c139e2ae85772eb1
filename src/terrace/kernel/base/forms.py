"""What the forms of every context share: texts in the language of the page, and days as the browser sends them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import get_language

from terrace.kernel.base.texts import Text

_spoken = lazy(lambda zh, en: Text(zh, en).of(get_language()), str)


def both(zh: str, en: str) -> Any:
    """A label, help or message that is read in the language of the page when it is shown."""
    return _spoken(zh, en)


class DayField(forms.DateField):
    """A day, typed or picked: the browser sends year-month-day."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

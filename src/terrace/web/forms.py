"""Input of the pages of this tier."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.clock import SHANGHAI
from terrace.kernel.base.texts import Text


def _say(zh: str, en: str) -> str:
    return Text(zh, en).of(get_language())


class ClockForm(forms.Form):
    """A wall-clock time in Shanghai."""

    at = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # passed through unchanged
        field = self.fields["at"]
        field.label = _say("调到", "Move to")
        field.help_text = _say(
            "北京时间，例如 2023-12-18 17:00", "Beijing time, for example 2023-12-18 17:00"
        )
        field.error_messages["invalid"] = _say(
            "请按示例填写日期和时间", "write date and time as in the example"
        )

    def clean_at(self) -> dt.datetime:
        value: dt.datetime = self.cleaned_data["at"]
        return value.replace(tzinfo=SHANGHAI).astimezone(dt.UTC)

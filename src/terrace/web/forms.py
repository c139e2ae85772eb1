"""Input of the pages of this tier."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.clock import SHANGHAI, at_local
from terrace.kernel.base.quantity import Pollutant
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


class PriceFilterForm(forms.Form):
    """The filters of the price list. Wrong values are shown at their field and filter nothing."""

    pollutant = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # passed through unchanged
        language = get_language()
        self.fields["pollutant"].label = _say("污染物", "Pollutant")
        self.fields["since"].label = _say("成交日起", "Awarded from")
        self.fields["until"].label = _say("成交日止", "Awarded until")
        choices = [("", _say("全部", "all")), *((p.value, p.label.of(language)) for p in Pollutant)]
        self.fields["pollutant"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField

    def criteria(self) -> dict[str, Any]:
        """The filters as `queries.deals` takes them; the last day is included."""
        if not self.is_valid():
            return {}
        data = self.cleaned_data
        found: dict[str, Any] = {"pollutant": data["pollutant"]}
        if data["since"]:
            found["since"] = at_local(data["since"])
        if data["until"]:
            found["until"] = at_local(data["until"] + dt.timedelta(days=1))
        return found

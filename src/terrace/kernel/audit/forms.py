"""The filters of the journal, kept in its address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import get_language

from terrace.kernel.base.texts import Text

_spoken = lazy(lambda zh, en: Text(zh, en).of(get_language()), str)


def both(zh: str, en: str) -> Any:
    """A text that is read in the language of the page when it is shown."""
    return _spoken(zh, en)


class _Day(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class JournalFilter(forms.Form):
    act = forms.CharField(
        label=both("行为(可只写开头)", "Act (or its beginning)"), required=False, max_length=80
    )
    subject_type = forms.CharField(label=both("对象类型", "Kind of subject"), required=False, max_length=60)
    subject_id = forms.CharField(label=both("对象编号", "Subject"), required=False, max_length=60)
    organisation = forms.IntegerField(label=both("单位编号", "Organisation no."), required=False, min_value=1)
    day_from = _Day(label=both("自", "From"), required=False)
    day_to = _Day(label=both("至(含)", "To, included"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("day_from"), cleaned.get("day_to")
        if first and last and last < first:
            self.add_error("day_to", both("截止日早于起始日。", "the last day is before the first."))
        return cleaned

"""The filters of the journal, kept in its address."""

from __future__ import annotations

from typing import Any

from django import forms

from terrace.kernel.base.forms import DayField, both


class JournalFilter(forms.Form):
    act = forms.CharField(
        label=both("行为(可只写开头)", "Act (or its beginning)"), required=False, max_length=80
    )
    subject_type = forms.CharField(label=both("对象类型", "Kind of subject"), required=False, max_length=60)
    subject_id = forms.CharField(label=both("对象编号", "Subject"), required=False, max_length=60)
    organisation = forms.IntegerField(label=both("单位编号", "Organisation no."), required=False, min_value=1)
    day_from = DayField(label=both("自", "From"), required=False)
    day_to = DayField(label=both("至(含)", "To, included"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("day_from"), cleaned.get("day_to")
        if first and last and last < first:
            self.add_error("day_to", both("截止日早于起始日。", "the last day is before the first."))
        return cleaned

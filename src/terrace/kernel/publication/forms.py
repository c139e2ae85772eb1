"""The filters of the list of notices, kept in its address."""

from __future__ import annotations

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.texts import Text
from terrace.kernel.publication.procedures import kinds


class NoticeFilter(forms.Form):
    """Kind, first and last day, words of the title or number. A value that cannot be read filters nothing."""

    kind = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    words = forms.CharField(required=False, max_length=60)

    labels = {
        "kind": Text("公告类型", "Kind"),
        "since": Text("自", "From"),
        "until": Text("至", "To"),
        "words": Text("标题或文号", "Title or number"),
    }

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a QueryDict
        language = get_language()
        for name, label in self.labels.items():
            self.fields[name].label = label.of(language)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", Text("全部", "All").of(language))] + [
            (kind.code, kind.label.of(language)) for kind in kinds()
        ]

    def chosen(self) -> dict[str, object]:
        """The readable filters, as `queries.list_notices` takes them."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}

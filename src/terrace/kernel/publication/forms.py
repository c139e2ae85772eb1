"""The filters of the list of notices, kept in its address."""

from __future__ import annotations

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.texts import Text
from terrace.kernel.publication.procedures import kinds


class NoticeFilter(forms.Form):
    """Kind, first and last day, words of the title or number. A value that cannot be read filters nothing."""

    kind = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
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


class CorrectionForm(forms.Form):
    """What was wrong and what is right, in both languages."""

    text_zh = forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), max_length=4_000)
    text_en = forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), max_length=4_000)

    labels = {
        "text_zh": Text("更正内容(中文)", "Correction (Chinese)"),
        "text_en": Text("更正内容(英文)", "Correction (English)"),
    }
    help_texts = {
        "text_zh": Text(
            "写明原公告何处有误、正确内容是什么，例如：“原公告中数量‘4.048 吨/年’更正为‘4.084 吨/年’，其他内容不变。”",
            "In Chinese: what the notice said, what is right, and that the rest stands.",
        ),
        "text_en": Text("与中文内容一致。", "The same in English."),
    }

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a QueryDict
        language = get_language()
        for name, field in self.fields.items():
            field.label = self.labels[name].of(language)
            field.help_text = self.help_texts[name].of(language)

    def text(self) -> Text:
        return Text(self.cleaned_data["text_zh"], self.cleaned_data["text_en"])

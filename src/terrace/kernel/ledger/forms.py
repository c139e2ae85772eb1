"""The filters of accounts and statements, kept in the address. A value that cannot be read filters nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import get_language

from terrace.kernel.base.clock import at_local
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger.models import Account, Asset, Transfer
from terrace.kernel.ledger.queries import asset_label
from terrace.kernel.ledger.rules import AccountKind, Phase

ALL = Text("全部", "All")


class _Filter(forms.Form):
    labels: dict[str, Text] = {}

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for name, label in self.labels.items():
            self.fields[name].label = label.of(get_language())
        self.offer()
        self.full_clean()

    def offer(self) -> None:
        """Fill the choices, in the language of the request."""

    def chosen(self, name: str) -> Any:
        """The value of one filter; None when it is absent or cannot be read."""
        return self.cleaned_data.get(name) or None

    def choices(self, name: str, choices: list[tuple[str, Text]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        language = get_language()
        field.choices = [("", ALL.of(language)), *((value, label.of(language)) for value, label in choices)]


class AccountFilter(_Filter):
    asset = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(required=False)
    owner = forms.CharField(required=False, max_length=60)

    labels = {
        "asset": Text("资产", "Asset"),
        "kind": Text("账户类别", "Kind"),
        "owner": Text("所有者编号", "Owner's number"),
    }

    def offer(self) -> None:
        self.choices("asset", [(str(a.pk), asset_label(a)) for a in Asset.objects.order_by("code")[:500]])
        self.choices("kind", [(k.value, k.label) for k in AccountKind])

    def apply(self, accounts: QuerySet[Account]) -> QuerySet[Account]:
        """Only the accounts that the filters leave."""
        if asset := self.chosen("asset"):
            accounts = accounts.filter(asset_id=int(asset))
        if kind := self.chosen("kind"):
            accounts = accounts.filter(kind=kind)
        if owner := self.chosen("owner"):
            accounts = accounts.filter(owner_id=owner)
        return accounts


class StatementFilter(_Filter):
    phase = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    code = forms.CharField(required=False, max_length=60)

    labels = {
        "phase": Text("方式", "Phase"),
        "since": Text("自", "From"),
        "until": Text("至", "To"),
        "code": Text("业务代码(开头)", "Code (beginning)"),
    }

    def offer(self) -> None:
        self.choices("phase", [(p.value, p.label) for p in Phase])

    def apply(self, transfers: QuerySet[Transfer]) -> QuerySet[Transfer]:
        """Only the transfers that the filters leave; days are days in Shanghai."""
        condition = Q()
        if phase := self.chosen("phase"):
            condition &= Q(phase=phase)
        if since := self.chosen("since"):
            condition &= Q(entry__at__gte=at_local(since))
        if until := self.chosen("until"):
            condition &= Q(entry__at__lt=at_local(until + dt.timedelta(days=1)))
        if code := self.chosen("code"):
            condition &= Q(entry__code__startswith=code)
        return transfers.filter(condition)

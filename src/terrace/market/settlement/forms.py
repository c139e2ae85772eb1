"""Input of the pages of settlement. Labels in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language

from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.rights.rules import Worded
from terrace.market.settlement.rules.words import AccountPurpose, InstructionState, Purpose, ReissueCause

ALL = Text("全部", "All")


class SpokenForm(forms.Form):
    """A form whose labels and help are texts in both languages."""

    labels: ClassVar[dict[str, Text]] = {}
    helps: ClassVar[dict[str, Text]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language()
        for name, label in self.labels.items():
            self.fields[name].label = label.of(language)
        for name, text in self.helps.items():
            self.fields[name].help_text = text.of(language)


def _choices(words: Iterable[Worded | Pollutant]) -> list[tuple[str, str]]:
    language = get_language()
    return [("", ALL.of(language))] + [(word.value, word.label.of(language)) for word in words]


class ResultFilter(SpokenForm):
    """Pollutant and year; a value that cannot be read filters nothing."""

    pollutant = forms.ChoiceField(required=False)
    year = forms.IntegerField(required=False, min_value=2000, max_value=2100)
    labels = {"pollutant": Text("污染物", "Pollutant"), "year": Text("成交年份", "Year of the award")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["pollutant"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = _choices(list(Pollutant))

    def chosen(self) -> dict[str, Any]:
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}


class InstructionFilter(SpokenForm):
    """Purpose, state and a reference code."""

    purpose = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False)
    reference = forms.CharField(required=False, max_length=16)
    labels = {
        "purpose": Text("款项", "Purpose"),
        "state": Text("状态", "State"),
        "reference": Text("缴款码", "Reference code"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        purpose, state = self.fields["purpose"], self.fields["state"]
        assert isinstance(purpose, forms.ChoiceField)
        assert isinstance(state, forms.ChoiceField)
        purpose.choices = _choices(Purpose)
        state.choices = _choices(InstructionState)

    def chosen(self) -> dict[str, str]:
        self.full_clean()
        found = {name: str(value).strip() for name, value in self.cleaned_data.items() if value}
        if "reference" in found:
            found["reference"] = found["reference"].upper()
        return found


class ReasonForm(SpokenForm):
    """A reason, where a step needs one; the service says when it is missing."""

    reason = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    labels = {"reason": Text("理由", "Reason")}


class SignForm(SpokenForm):
    """The digest of the contract that was read, and a box that says so."""

    contract_digest = forms.CharField(widget=forms.HiddenInput())
    read = forms.BooleanField()
    labels = {
        "read": Text(
            "我已阅读合同全文，代表本单位签署",
            "I have read the whole contract and sign it for my organisation",
        )
    }


class ObjectionForm(SpokenForm):
    """Who objects, how to reach them, and why."""

    name = forms.CharField(max_length=80)
    contact = forms.CharField(max_length=120)
    organisation_name = forms.CharField(max_length=200, required=False)
    grounds = forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 6}))
    labels = {
        "name": Text("姓名", "Name"),
        "contact": Text("电话或邮箱", "Telephone or e-mail"),
        "organisation_name": Text("单位", "Organisation"),
        "grounds": Text("异议理由和依据", "Grounds and evidence"),
    }
    helps = {
        "name": Text("须实名。姓名和联系方式不公开。", "Your real name. Name and contact are not published."),
    }


class StatementForm(SpokenForm):
    """A bank statement as a file."""

    file = forms.FileField(allow_empty_file=True)
    labels = {"file": Text("银行流水文件", "Bank statement")}
    helps = {
        "file": Text(
            "网银导出的CSV或Excel（.xlsx），须有日期、流水号、对方账号、金额、附言列。",
            "CSV or Excel (.xlsx) from online banking, with date, serial number, other account, amount and remark.",
        )
    }


class AssignForm(SpokenForm):
    """Which instruction a payment in suspense belongs to, and why."""

    reference = forms.CharField(max_length=16)
    reason = forms.CharField(max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    labels = {
        "reference": Text("缴款码", "Reference code"),
        "reason": Text("认领依据", "Why it belongs there"),
    }


class CheckForm(SpokenForm):
    """A certificate's number, or its file."""

    number = forms.CharField(required=False, max_length=40)
    file = forms.FileField(required=False, allow_empty_file=True)
    labels = {
        "number": Text("鉴证书编号", "Number of the certificate"),
        "file": Text("或上传鉴证书文件（PDF）", "Or the certificate's file (PDF)"),
    }
    helps = {
        "number": Text("如 PQJZ-371500-2023-0001", "For example PQJZ-371500-2023-0001"),
        "file": Text("文件只用于核验，不保存。", "The file is only checked, not kept."),
    }


class ReissueForm(SpokenForm):
    """Why a certificate is issued again."""

    cause = forms.ChoiceField()
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 3}))
    labels = {
        "cause": Text("事由", "Cause"),
        "reason": Text("说明（申请单位、来函编号等）", "Explanation (who asked, number of the letter)"),
    }
    helps = {"reason": Text("记入日志，不公开。", "Kept in the journal, not published.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cause = self.fields["cause"]
        assert isinstance(cause, forms.ChoiceField)
        cause.choices = [(word.value, word.label.of(get_language())) for word in ReissueCause]


class AccountForm(SpokenForm):
    """A new bank account of record."""

    purpose = forms.ChoiceField()
    organisation_id = forms.TypedChoiceField(coerce=int)
    account_no = forms.CharField(max_length=60)
    account_name = forms.CharField(max_length=200, required=False)
    bank_name = forms.CharField(max_length=200)
    labels = {
        "purpose": Text("账户用途", "Purpose"),
        "organisation_id": Text("开户单位", "Holder"),
        "account_no": Text("银行账号", "Account number"),
        "account_name": Text("户名", "Name of the account"),
        "bank_name": Text("开户银行", "Bank"),
    }
    helps = {
        "account_no": Text("8至40位数字，可以带空格。", "8 to 40 digits; spaces do no harm."),
        "account_name": Text("不填就用单位名称。", "Left empty it is the holder's name."),
        "bank_name": Text("写到支行，例如“某银行聊城分行”。", "With its branch."),
    }

    def __init__(self, *args: Any, holders: Iterable[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language()
        purpose, holder = self.fields["purpose"], self.fields["organisation_id"]
        assert isinstance(purpose, forms.ChoiceField)
        assert isinstance(holder, forms.ChoiceField)
        purpose.choices = [(word.value, word.label.of(language)) for word in AccountPurpose]
        holder.choices = list(holders)

"""What people type about organisations and people, turned into typed values. Texts in the page's language."""

from __future__ import annotations

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import get_language

from terrace.kernel.base import credit_code
from terrace.kernel.base.forms import DayField, both
from terrace.kernel.orgs import queries, rules
from terrace.kernel.orgs.models import OrganisationKind, OrganisationState
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.services import AccountData, PersonData, person_data, state_text


class FirmForm(forms.Form):
    """The firm as its business licence says."""

    credit_code = forms.CharField(
        label=both("统一社会信用代码", "Unified social credit code"),
        help_text=both(
            "营业执照上的18位代码，含校验码。",
            "18 characters, printed on the business licence; the last one is a check character.",
        ),
        max_length=30,
    )
    name = forms.CharField(label=both("企业名称(与执照一致)", "Name, as on the licence"), max_length=200)
    name_en = forms.CharField(label=both("英文名称", "Name in English"), max_length=200, required=False)
    legal_representative = forms.CharField(label=both("法定代表人", "Legal representative"), max_length=80)
    area = forms.ChoiceField(
        label=both("管辖分局", "County branch in charge"),
        help_text=both(
            "排污口所在县(市、区)的生态环境分局。", "The branch of the county where the outlet stands."
        ),
    )
    address = forms.CharField(label=both("生产经营地址", "Address of the plant"), max_length=300)
    phone = forms.CharField(
        label=both("联系电话", "Telephone"),
        max_length=40,
        validators=[
            RegexValidator(
                r"^[0-9+() -]{7,40}$",
                both("只能包含数字、空格、括号和短横线。", "digits, spaces, brackets and hyphens only."),
            )
        ],
    )
    email = forms.EmailField(label=both("单位邮箱", "E-mail of the firm"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["area"].choices = [("", both("请选择", "Choose"))] + [  # type: ignore[attr-defined]  # ChoiceField
            (area, both(zh, en)) for area, zh, en in queries.branch_areas()
        ]

    def clean_credit_code(self) -> str:
        check = credit_code.check(self.cleaned_data["credit_code"])
        if not check.valid:
            raise ValidationError(check.reason.of(get_language()))
        return check.code


class BankForm(forms.Form):
    """The firm's own account: deposits are accepted from it only and go back to it only."""

    bank_name = forms.CharField(
        label=both("开户银行", "Bank"),
        help_text=both("写到支行，如“某某银行聊城支行”。", "With the branch."),
        max_length=120,
    )
    bank_account_no = forms.CharField(
        label=both("银行账号", "Account number"),
        help_text=both(
            "须为本企业对公账户：保证金只收自此账户，也只退回此账户。",
            "The firm's own account: deposits are taken from it only and returned to it only.",
        ),
        max_length=40,
    )

    def clean_bank_account_no(self) -> str:
        plain = str(self.cleaned_data["bank_account_no"]).replace(" ", "")
        if not (plain.isascii() and plain.isdigit() and 8 <= len(plain) <= 30):
            raise ValidationError(both("银行账号应为8至30位数字。", "an account number has 8 to 30 digits."))
        return plain


class PersonForm(forms.Form):
    """A human with a sign-in. The identity number goes into a digest at once and is not kept."""

    name = forms.CharField(label=both("姓名", "Name"), max_length=80)
    identity_number = forms.CharField(
        label=both("身份证号", "Identity number"),
        help_text=both(
            "用于辨认是否同一人；平台只保存不可逆的摘要，不保存号码。",
            "Used to know the same person again; only a one-way digest is kept, never the number.",
        ),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
    )
    username = forms.CharField(
        label=both("登录名", "Sign-in name"),
        help_text=both(
            "4至30位字母、数字或 - _ . @；已有账号的人员请填其现有登录名。",
            "4 to 30 letters, digits or - _ . @; for somebody who has a sign-in, its name.",
        ),
        min_length=4,
        max_length=30,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=both("个人邮箱", "E-mail"),
        help_text=both("设置密码的链接发到这里。", "The link for the password goes here."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        number = cleaned.get("identity_number")
        if number and (fault := rules.identity_fault(number)) is not None:
            self.add_error("identity_number", fault.of(get_language()))
        return cleaned

    def person(self) -> PersonData:
        """The person as the services take it. Call it on a valid form."""
        data = self.cleaned_data
        return person_data(
            name=data["name"],
            identity_number=data["identity_number"],
            username=data["username"],
            email=data["email"],
        )


def account_data(firm: dict[str, Any], bank: dict[str, Any]) -> AccountData:
    """The account applied for, from two valid forms."""
    return AccountData(**firm, **bank)


class RoleForm(PersonForm):
    """Who shall have which role from when."""

    role = forms.ChoiceField(label=both("角色", "Role"))
    since = DayField(label=both("起始日", "From"))
    until = DayField(
        label=both("截止日", "Last day"),
        help_text=both("长期任职的留空。", "Leave empty for no end."),
        required=False,
    )
    field_order = ("role",)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [  # type: ignore[attr-defined]  # ChoiceField
            (r.value, both(r.label.zh, r.label.en)) for r in Role if rules.fits(r, kind)
        ]


class LetterForm(PersonForm):
    """授权委托书: who may act for the firm, in what, on which days."""

    scope = forms.MultipleChoiceField(
        label=both("授权事务", "Acts covered"),
        choices=[(key, both(text.zh, text.en)) for key, text in rules.SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    valid_from = DayField(label=both("起始日", "From"))
    valid_to = DayField(label=both("截止日(含当日)", "Last day"))
    document_id = forms.CharField(
        label=both("委托书文件编号", "Number of the signed letter"),
        help_text=both("已上传的签字盖章件。", "Of the signed and sealed paper that was uploaded."),
        max_length=60,
        required=False,
    )
    document_digest = forms.CharField(
        label=both("文件摘要(SHA-256)", "Digest of the file (SHA-256)"),
        max_length=64,
        required=False,
        validators=[
            RegexValidator(
                r"^[0-9a-f]{64}$", both("应为64位十六进制小写。", "64 lower-case hexadecimal digits.")
            )
        ],
    )


class EndForm(forms.Form):
    until = DayField(label=both("最后一日", "Last day"))
    reason = forms.CharField(label=both("理由", "Reason"), max_length=500)


class PasskeyForm(AddWebAuthnForm):
    """Registration of a passkey, with its name asked for in the page's language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = both("名称(便于您辨认)", "Name, for you to know it by")


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=both("理由", "Reason"),
        help_text=both("会告知对方并记入日志。", "It is told to the other side and kept in the journal."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class FactorForm(ReasonForm):
    """Whose second factor is to be removed, and why."""

    username = forms.CharField(label=both("登录名", "Sign-in name"), max_length=150)
    field_order = ("username",)


class DecisionForm(forms.Form):
    """The second signature: yes, or no with a reason."""

    decision = forms.ChoiceField(
        label=both("决定", "Decision"),
        choices=[("approve", both("同意", "Approve")), ("reject", both("退回", "Send back"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=both("意见", "Remarks"),
        help_text=both("退回时必填。", "Needed when you send it back."),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def approves(self) -> bool:
        return bool(self.cleaned_data["decision"] == "approve")


class OrganisationFilter(forms.Form):
    """Filters of the list of organisations, kept in its address."""

    words = forms.CharField(label=both("名称或代码", "Name or code"), required=False)
    state = forms.ChoiceField(label=both("状态", "State"), required=False)
    kind = forms.ChoiceField(label=both("类别", "Kind"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = ("", both("全部", "All"))
        self.fields["state"].choices = [everything] + [  # type: ignore[attr-defined]  # ChoiceField
            (s.value, both(state_text(s).zh, state_text(s).en)) for s in OrganisationState
        ]
        self.fields["kind"].choices = [everything] + [  # type: ignore[attr-defined]  # ChoiceField
            (k.value, both(rules.KIND_TEXTS[k].zh, rules.KIND_TEXTS[k].en)) for k in OrganisationKind
        ]

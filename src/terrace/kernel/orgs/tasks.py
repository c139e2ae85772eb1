"""Jobs of organisations: the invitation that lets a new user set a first password."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from procrastinate.contrib.django import app

from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import AccountApplication, Organisation, User
from terrace.kernel.orgs.services import state_text

SUBJECT = Text("梯田：请设置您的登录密码", "Terrace: set your password")
BODY = Text(
    "{name}，您好：\n\n您的登录名为 {username}。请打开以下链接设置密码(3日内有效)：\n{link}\n\n"
    "链接过期后，可在登录页选择“忘记密码”重新获取。\n",
    "Dear {name},\n\nyour sign-in name is {username}. Open this link to set your password (valid for 3 days):\n"
    "{link}\n\nAfter that choose “Forgot your password?” on the sign-in page.\n",
)


@app.task(name="orgs.invite", queue="mail")
def send_invitation(*, user_id: int) -> None:
    """Mail the link for the first password; a user who has one by now gets none."""
    user = User.objects.select_related("person").get(pk=user_id)
    if user.has_usable_password() or not user.email:
        return
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": key.partition("-")[0], "key": key.partition("-")[2]},
    )
    link = settings.TERRACE_PUBLIC_URL.rstrip("/") + path
    send_mail(
        SUBJECT.of(user.language),
        BODY.of(user.language).format(name=user.display_name(), username=user.username, link=link),
        None,
        [user.email],
    )


ANSWER_SUBJECT = Text("梯田：开户申请{number}的审核结果", "Terrace: your application {number}")
ADMITTED = Text(
    "{name}：\n\n贵单位的开户申请{number}已通过。经办人和审批人将分别收到设置密码的邮件；"
    "已有账号的人员请直接登录，在“本单位”页切换单位。\n{link}\n",
    "{name},\n\nyour application {number} has been admitted. The clerk and the approver each get a mail to set a "
    "password; whoever has a sign-in already uses it and changes the organisation under “My organisation”.\n{link}\n",
)
SENT_BACK = Text(
    "{name}：\n\n贵单位的开户申请{number}已退回，理由：{reason}\n\n更正后可重新申请：{link}\n",
    "{name},\n\nyour application {number} was sent back. The reason: {reason}\n\nCorrect it and apply again: {link}\n",
)
STATE_SUBJECT = Text("梯田：贵单位账户状态变更", "Terrace: the state of your account has changed")
STATE_BODY = Text(
    "{name}：\n\n贵单位账户现为“{state}”，理由：{reason}\n\n详情请登录查看：{link}\n",
    "{name},\n\nyour account is now: {state}. The reason: {reason}\n\nSign in to see more: {link}\n",
)


def _both(text: Text, **values: object) -> str:
    """A mail to a firm carries both languages: nobody knows who opens it."""
    spoken = {k: v if isinstance(v, Text) else Text(str(v), str(v)) for k, v in values.items()}
    zh = text.zh.format(**{k: v.zh for k, v in spoken.items()})
    en = text.en.format(**{k: v.en for k, v in spoken.items()})
    return f"{zh}\n---\n\n{en}"


def _address(name: str) -> str:
    return str(settings.TERRACE_PUBLIC_URL).rstrip("/") + reverse(name)


@app.task(name="orgs.answer", queue="mail")
def send_answer(*, application_id: int) -> None:
    """Mail the exchange's answer to the address that the firm gave."""
    application = AccountApplication.objects.select_related("organisation").get(pk=application_id)
    admitted = application.state == "APPROVED"
    send_mail(
        ANSWER_SUBJECT.zh.format(number=application.number),
        _both(
            ADMITTED if admitted else SENT_BACK,
            name=application.content["name"],
            number=application.number,
            reason=application.reason,
            link=_address("account_login" if admitted else "orgs:apply"),
        ),
        None,
        [application.content["email"]],
    )


@app.task(name="orgs.state", queue="mail")
def send_state(*, organisation_id: int) -> None:
    """Tell a firm by mail that its account was suspended, resumed, frozen, unfrozen or closed, and why."""
    organisation = Organisation.objects.get(pk=organisation_id)
    if not organisation.email:
        return
    send_mail(
        STATE_SUBJECT.zh,
        _both(
            STATE_BODY,
            name=organisation.name,
            state=state_text(organisation.state),
            reason=organisation.state_reason,
            link=_address("account_login"),
        ),
        None,
        [organisation.email],
    )

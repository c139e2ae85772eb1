"""Jobs of organisations: the invitation that lets a new user set a first password."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from procrastinate.contrib.django import app

from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import User

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

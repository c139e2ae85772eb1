"""People and their sign-ins: knowing the same human again without keeping the identity number."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from procrastinate.contrib.django import app as jobs

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, Refusal
from terrace.kernel.base.texts import LANGUAGES, Text
from terrace.kernel.orgs import rules
from terrace.kernel.orgs.models import Person, User


class IdentityInvalid(Refusal):
    code = "orgs.identity_invalid"
    text = Text("{who}的身份证号有误：{fault}。", "The identity number of {who} is wrong: {fault}.")
    hint = Text(
        "请对照证件核对。平台只保存不可逆的摘要。",
        "Compare with the card. The platform keeps only a one-way digest of it.",
    )
    http_status = 422


class PersonMismatch(Refusal):
    code = "orgs.person_mismatch"
    text = Text("该身份证号已登记在另一姓名之下。", "This identity number is registered under another name.")
    hint = Text(
        "请核对姓名与证件；确有更名的，请联系交易机构。",
        "Compare name and card; after a change of name contact the trading institution.",
    )


class UsernameTaken(Refusal):
    code = "orgs.username_taken"
    text = Text("登录名“{username}”已被使用。", "The sign-in name “{username}” is taken.")
    hint = Text("请换一个登录名。", "Choose another sign-in name.")


def identity_digest(number: str) -> str:
    """The keyed digest by which the same human is known again (HMAC-SHA-256; the number itself is not kept)."""
    plain = unicodedata.normalize("NFKC", number).strip().upper()
    return hmac.new(settings.TERRACE_IDENTITY_KEY.encode(), plain.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class PersonData:
    """A human and the sign-in wanted. `identity_digest` comes from `person_data`, never from outside."""

    name: str
    identity_digest: str
    username: str
    email: str

    def as_json(self) -> dict[str, str]:
        return {
            "name": self.name,
            "identity_digest": self.identity_digest,
            "username": self.username,
            "email": self.email,
        }


def person_data(*, name: str, identity_number: str, username: str, email: str) -> PersonData:
    """Check an identity number and turn it into its digest at once. Raises IdentityInvalid."""
    plain = unicodedata.normalize("NFKC", identity_number).strip().upper()
    fault = rules.identity_fault(plain)
    if fault is not None:
        raise IdentityInvalid(who=name, fault=fault)
    return PersonData(name.strip(), identity_digest(plain), username.strip(), email.strip())


def check_free(data: PersonData) -> None:
    """Part: refuse data that clashes with somebody known already. Raises PersonMismatch, UsernameTaken."""
    person = Person.objects.filter(identity_digest=data.identity_digest).first()
    if person is not None and person.name != data.name:
        raise PersonMismatch
    taken = User.objects.filter(username__iexact=data.username).first()
    if taken is not None and (person is None or taken.person_id != person.pk):
        raise UsernameTaken(username=data.username)


def sign_in_for(data: PersonData, *, language: str = "zh-hans") -> tuple[User, bool]:
    """Part: the sign-in of a human, made if there is none yet; True when it was made.

    A human who has a sign-in keeps it: the same person in a second firm signs in as before and changes
    place there. A new sign-in has no password; the invitation sets it.
    Raises PersonMismatch, UsernameTaken.
    """
    check_free(data)
    person, _ = Person.objects.get_or_create(
        identity_digest=data.identity_digest, defaults={"name": data.name}
    )
    existing = User.objects.filter(person=person, is_active=True).order_by("id").first()
    if existing is not None:
        return existing, False
    user = User(username=data.username, email=data.email, person=person, language=language)
    user.set_unusable_password()
    user.save()
    return user, True


def invite(user: User) -> None:
    """Part: queue the mail with the link that sets the first password; sent only if the act commits."""
    jobs.configure_task("orgs.invite", lock=f"orgs.invite:{user.pk}").defer(user_id=user.pk)


@act("orgs.user.language")
def choose_language(*, actor: Actor, language: str, now: dt.datetime) -> None:
    """Keep the language in which a user reads pages and mails. Raises NotAllowed for nobody."""
    if actor.user_id is None:
        raise NotAllowed(reason=Text("请先登录。", "sign in first."))
    if language not in LANGUAGES:
        return
    User.objects.filter(pk=actor.user_id).update(language=language)
    record(
        actor=actor,
        act="orgs.user.language",
        subject_type="user",
        subject_id=actor.user_id,
        at=now,
        facts={"language": language},
    )

"""Texts in the page's language: `{% t %}`, `|lang`, and the terms of roles and pollutants."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.translation import get_language

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role

register = template.Library()


def in_language(value: Any) -> Any:
    """A Text in the active language; anything else as it is; None as nothing."""
    if isinstance(value, Text):
        return value.of(get_language())
    return "" if value is None else value


@register.simple_tag(name="t")
def t(zh: str, en: str, **values: Any) -> str:
    """`{% t "共{n}条" "{n} items" n=count %}`: the text of the active language, values escaped."""
    chosen = in_language(Text(zh, en))
    if not values:
        return conditional_escape(chosen)
    return format_html(conditional_escape(chosen), **{k: in_language(v) for k, v in values.items()})


@register.filter
def lang(value: Any) -> Any:
    """`{{ text|lang }}`: a Text object in the active language."""
    return in_language(value)


@register.filter
def role_label(value: str) -> str:
    """`{{ "FINANCE"|role_label }}`; SYSTEM is the platform itself."""
    if value == "SYSTEM":
        return str(in_language(Text("系统自动", "The platform itself")))
    try:
        return str(in_language(Role(value).label))
    except ValueError:
        return value


@register.filter
def pollutant(value: Any) -> str:
    """`{{ "NOX"|pollutant }}`: 氮氧化物 / Nitrogen oxides (NOx)."""
    try:
        return str(in_language(Pollutant(str(value)).label))
    except ValueError:
        return str(value)


@register.filter
def message_of(refusal: Refusal) -> str:
    """What a refusal says, in the active language."""
    return refusal.message(get_language())


@register.filter
def advice_of(refusal: Refusal) -> str:
    """What to do after a refusal, in the active language (may be empty)."""
    return refusal.advice(get_language())

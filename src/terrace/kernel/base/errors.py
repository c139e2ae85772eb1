"""Refusals: what the platform will not do, each with a stable code, two languages and, where law decides, a clause.

A refusal is defined beside the function that raises it:

    class BidTooLow(Refusal):
        code = "auction.bid.too_low"
        text = Text("出价须不低于{minimum}。", "The bid must be at least {minimum}.")
        hint = Text("请按页面显示的下一有效价出价。", "Use the next valid price shown on the page.")

    raise BidTooLow(minimum=price.label())

The class registers itself: `all_refusals()` is the catalogue that docs, API and tests are held against.
A database error is never turned into a business refusal (it becomes `ServiceBusy` or stays an error).
"""

from __future__ import annotations

from typing import Any, ClassVar

from terrace.kernel.base.texts import Text

_catalogue: dict[str, type[Refusal]] = {}


class Refusal(Exception):
    """Base of every refusal. `facts` are the values the texts use and the API returns."""

    code: ClassVar[str] = ""
    text: ClassVar[Text]
    hint: ClassVar[Text] = Text("", "")
    clause: str = ""
    http_status: ClassVar[int] = 409

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("code"):
            raise TypeError(f"{cls.__name__} needs a code of its own")
        other = _catalogue.get(cls.code)
        if other is not None and other.__qualname__ != cls.__qualname__:
            raise TypeError(f"{cls.__name__} and {other.__name__} share the code {cls.code}")
        _catalogue[cls.code] = cls

    def __init__(self, *, clause: str = "", **facts: object) -> None:
        if clause:
            self.clause = clause
        self.facts = facts
        super().__init__(self.message("zh-hans"))

    def message(self, language: str | None = None) -> str:
        """The refusal in one language, places filled with the facts (a missing fact shows its name)."""
        return self.text.of(language).format_map(_Facts(self.facts, language))

    def advice(self, language: str | None = None) -> str:
        """What to do next, or an empty text."""
        return self.hint.of(language).format_map(_Facts(self.facts, language))


class _Facts(dict[str, object]):
    def __init__(self, facts: dict[str, object], language: str | None) -> None:
        super().__init__({k: v.of(language) if isinstance(v, Text) else v for k, v in facts.items()})

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def all_refusals() -> dict[str, type[Refusal]]:
    """Every refusal that has been imported, by code."""
    return dict(sorted(_catalogue.items()))


class InputInvalid(Refusal):
    """A value that cannot be read at all: names where it stands and what is expected."""

    code = "input.invalid"
    text = Text(
        "{where}：{got} 无法识别，应为{expected}。", "{where}: cannot read {got}; expected {expected}."
    )
    http_status = 422


class NotAllowed(Refusal):
    """The actor may not do this; `reason` says why in both languages."""

    code = "access.denied"
    text = Text("您不能执行此操作：{reason}", "You may not do this: {reason}")
    http_status = 403


class NotFound(Refusal):
    code = "access.not_found"
    text = Text("没有找到{what}，或您无权查看。", "{what} was not found, or you may not see it.")
    http_status = 404


class SamePerson(Refusal):
    code = "approval.same_person"
    text = Text("经办人与复核人不能是同一人。", "The same person cannot be both maker and checker.")
    hint = Text("请由另一位有复核权限的人员办理。", "Ask another person with the checker role.")
    http_status = 403


class Stale(Refusal):
    """The page that was sent back is older than the record: nothing was changed."""

    code = "input.stale"
    text = Text(
        "该记录已被他人更新，您的内容没有保存。",
        "This record has changed since you opened the page; nothing was saved.",
    )
    hint = Text("请刷新页面，核对后重新提交。", "Reload the page, compare, and send again.")


class KeyReused(Refusal):
    code = "input.key_reused"
    text = Text(
        "这份表单（同一请求编号）已经用过，这次内容与第一次不同，未执行。请重新打开页面再办。",
        "This form (the same request key) was used already with other content; nothing was done. Open the page afresh.",
    )
    http_status = 422


class ServiceBusy(Refusal):
    """The database could not serve the request in time; nothing was done and it may be repeated."""

    code = "service.busy"
    text = Text("系统繁忙，请求未执行。", "The system is busy; nothing was done.")
    hint = Text("请稍后重试，重复提交不会重复生效。", "Try again in a moment; repeating the request is safe.")
    http_status = 503

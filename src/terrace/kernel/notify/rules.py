"""What a message says as a mail. Pure."""

from __future__ import annotations

from terrace.kernel.base.texts import Text

SIGNATURE = Text(
    "此邮件由梯田排污权交易平台自动发出，请勿回复。",
    "Sent automatically by Terrace, the emission-rights market platform; please do not reply.",
)
OPEN_LINE = Text("在平台查看：{url}", "Open on the platform: {url}")


def mail_subject(subject: Text, language: str) -> str:
    """One line, whatever the subject holds: a line break in it would forge mail headers."""
    return " ".join(subject.of(language).split())


def mail_body(body: Text, url: str, language: str) -> str:
    """The body, the address of the page and our signature, in one language."""
    parts = [body.of(language).strip()]
    if url:
        parts.append(OPEN_LINE.of(language).format(url=url))
    parts.append("--\n" + SIGNATURE.of(language))
    return "\n\n".join(parts) + "\n"


def message_id(message: int, host: str) -> str:
    """The same mail has the same identity, so a mail server can drop a second copy."""
    return f"<terrace-message-{message}@{host}>"

"""Papers as PDF/A-3: Typst templates, the bundled Chinese font, a QR code, attached facts.

System fonts are ignored on purpose: a paper looks the same on a machine without any Chinese font. PDF/A makes
the compiler refuse a character that the font lacks, so that no paper ever shows an empty box.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import segno
import typst
from django.conf import settings

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "settlement"
FONT_WEIGHTS = ("400Regular", "700Bold")
INK = "#1d2733"


class FontMissing(Refusal):
    code = "settlement.paper.font_missing"
    text = Text(
        "没有找到中文字体，不能生成PDF。", "The Chinese font is not installed, so no PDF can be made."
    )
    hint = Text("请运行 make setup 安装前端文件。", "Run `make setup` to install the front-end files.")
    http_status = 503


class PaperNotMade(Refusal):
    """Mostly a character that the font lacks."""

    code = "settlement.paper.not_made"
    text = Text("PDF没有生成：{reason}", "The PDF was not made: {reason}")
    hint = Text("请核对单位名称等文字中的生僻字。", "Look for rare characters in names and texts.")


def font_folders() -> list[Path]:
    """The folders of the two weights. Raises FontMissing."""
    folders = [Path(settings.TERRACE_FONT_DIR) / weight for weight in FONT_WEIGHTS]
    if not all(any(folder.glob("*.ttf")) for folder in folders):
        raise FontMissing
    return folders


def qr_svg(content: str) -> str:
    """A QR code as SVG, error correction M (readable with 15% of it damaged)."""
    buffer = io.BytesIO()
    segno.make(content, error="m").save(buffer, kind="svg", border=0, dark=INK, xmldecl=False)
    return buffer.getvalue().decode()


def render(template: str, data: dict[str, Any], *, at: dt.datetime, facts: str = "{}") -> bytes:
    """The PDF of one template (certificate, contract, award). Same input, same bytes.

    `data` is what is printed; `facts` the JSON text attached to a certificate. Raises FontMissing, PaperNotMade.
    """
    try:
        made = typst.compile(
            str(TEMPLATES / f"{template}.typ"),
            root=str(TEMPLATES),
            font_paths=[str(folder) for folder in font_folders()],
            ignore_system_fonts=True,
            sys_inputs={
                "data": json.dumps(data, ensure_ascii=False),
                "facts": facts,
                "qr": qr_svg(data["check_url"]),
            },
            pdf_standards=["a-3b"],
            timestamp=at.replace(microsecond=0),
        )
    except typst.TypstError as error:
        raise PaperNotMade(reason=str(error)[:200]) from error
    return bytes(made)

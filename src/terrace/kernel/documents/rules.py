"""What a file really is, by its content, and whether its kind allows it. Pure."""

from __future__ import annotations

import enum
import io
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

MEGABYTE = 1024 * 1024
SIZE_MAX_BYTES = 20 * MEGABYTE
UNPACKED_MAX_BYTES = 300 * MEGABYTE
FILENAME_MAX = 120


class FileType(enum.StrEnum):
    """The types the platform accepts."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    CSV = "text/csv"
    TXT = "text/plain"

    @property
    def extensions(self) -> tuple[str, ...]:
        return _EXTENSIONS[self]

    @property
    def word(self) -> str:
        return self.name


_EXTENSIONS = {
    FileType.PDF: (".pdf",),
    FileType.PNG: (".png",),
    FileType.JPEG: (".jpg", ".jpeg"),
    FileType.XLSX: (".xlsx",),
    FileType.DOCX: (".docx",),
    FileType.CSV: (".csv",),
    FileType.TXT: (".txt",),
}


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What a document is for, and what follows: size, types, who may see it, how long it is kept."""

    code: str
    label: Text
    size_bytes_max: int = SIZE_MAX_BYTES
    types: tuple[FileType, ...] = tuple(FileType)
    is_public: bool = False
    retain_years: int | None = None  # None: for good


class FileEmpty(Refusal):
    code = "document.file_empty"
    text = Text("文件“{filename}”是空的。", "The file “{filename}” is empty.")
    hint = Text("请选择有内容的文件重新上传。", "Choose a file with content and upload again.")
    http_status = 422


class FileTooLarge(Refusal):
    code = "document.file_too_large"
    text = Text(
        "文件“{filename}”超过{limit}的上限，未保存。",
        "The file “{filename}” is larger than the limit of {limit}; it was not saved.",
    )
    hint = Text("请压缩图片或拆分文件后重新上传。", "Reduce the pictures or split the file and upload again.")
    http_status = 413


class FileTypeNotAllowed(Refusal):
    """The content is not of an allowed type, or not what the name says."""

    code = "document.file_type_not_allowed"
    text = Text(
        "文件“{filename}”不能接受：{why}。可上传：{allowed}。",
        "The file “{filename}” cannot be accepted: {why}. Allowed: {allowed}.",
    )
    hint = Text("请另存为允许的格式后重新上传。", "Save it in an allowed format and upload again.")
    http_status = 415


class FileTruncated(Refusal):
    """The end of the file is missing: the upload was cut off or the file is damaged."""

    code = "document.file_truncated"
    text = Text(
        "文件“{filename}”不完整，可能在传输中被截断。",
        "The file “{filename}” is incomplete; it may have been cut off on the way.",
    )
    hint = Text(
        "请打开原文件确认无误后重新上传。", "Open the original to make sure it is whole and upload again."
    )
    http_status = 422


def size_label(size_bytes: int) -> str:
    """`1.4 MB`, `380 KB`, `12 B`: as shown beside a file."""
    if size_bytes >= MEGABYTE:
        return f"{size_bytes / MEGABYTE:.1f} MB"
    if size_bytes >= 1024:
        return f"{size_bytes // 1024} KB"
    return f"{size_bytes} B"


def clean_filename(filename: str) -> str:
    """The last part of the name, without control characters, quotes and path signs, at most 120 characters."""
    name = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*;')
    name = name.strip(" .") or "file"
    path = PurePosixPath(name)
    return path.stem[: FILENAME_MAX - len(path.suffix)] + path.suffix[:20]


def accept(content: bytes, filename: str, kind: DocumentKind) -> FileType:
    """The type of a file that its kind allows. Raises FileEmpty, FileTooLarge, FileTypeNotAllowed, FileTruncated."""
    if not content:
        raise FileEmpty(filename=filename)
    if len(content) > kind.size_bytes_max:
        raise FileTooLarge(filename=filename, limit=size_label(kind.size_bytes_max))
    found = detect(content, filename)
    allowed = ", ".join(t.word for t in kind.types)
    if found is None:
        why = Text("内容不是可识别的格式", "its content is of no known format")
    elif found not in kind.types:
        why = Text(f"内容为 {found.word}", f"its content is {found.word}")
    elif not filename.lower().endswith(found.extensions):
        why = Text(
            f"内容为 {found.word}，与文件名后缀不符",
            f"its content is {found.word}, which its name does not say",
        )
    else:
        return found
    raise FileTypeNotAllowed(filename=filename, why=why, allowed=allowed)


def detect(content: bytes, filename: str) -> FileType | None:
    """The type by content; the name only tells CSV from plain text. Raises FileTruncated; None when unknown."""
    if b"%PDF-" in content[:1024]:
        return _whole(FileType.PDF, b"%%EOF" in content[-2048:], filename)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _whole(FileType.PNG, b"IEND" in content[-64:], filename)
    if content.startswith(b"\xff\xd8\xff"):
        return _whole(FileType.JPEG, b"\xff\xd9" in content[-1024:], filename)
    if content.startswith(b"PK\x03\x04"):
        return _office(content, filename)
    if _is_text(content):
        return FileType.CSV if filename.lower().endswith(".csv") else FileType.TXT
    return None


def _whole(found: FileType, complete: bool, filename: str) -> FileType:
    if not complete:
        raise FileTruncated(filename=filename)
    return found


def _office(content: bytes, filename: str) -> FileType | None:
    """Workbooks and documents are zip files with known parts; macros and unpacking bombs are none of them."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {entry.filename for entry in archive.infolist()}
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, RuntimeError, ValueError):  # an unknown compression is a RuntimeError
        raise FileTruncated(filename=filename) from None
    if "[Content_Types].xml" not in names or unpacked > UNPACKED_MAX_BYTES:
        return None
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return None
    if "xl/workbook.xml" in names:
        return FileType.XLSX
    if "word/document.xml" in names:
        return FileType.DOCX
    return None


def _is_text(content: bytes) -> bool:
    """UTF-8 or GB18030 (what Chinese spreadsheets write) without control characters."""
    if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in content):
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False

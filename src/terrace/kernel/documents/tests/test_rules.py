"""A file is what its content says."""

from __future__ import annotations

import io
import zipfile

import pytest

from terrace.kernel.base.texts import Text
from terrace.kernel.documents.rules import (
    DocumentKind,
    FileEmpty,
    FileTooLarge,
    FileTruncated,
    FileType,
    FileTypeNotAllowed,
    accept,
    clean_filename,
    size_label,
)

ANY = DocumentKind("any", Text("任何", "any"))
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0....\xff\xd9"


def office(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", *names):
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "filename", "found"),
    [
        (PDF, "许可证.pdf", FileType.PDF),
        (PNG, "scan.PNG", FileType.PNG),
        (JPEG, "scan.jpeg", FileType.JPEG),
        (office("xl/workbook.xml"), "表.xlsx", FileType.XLSX),
        (office("word/document.xml"), "函.docx", FileType.DOCX),
        ("企业,吨\n".encode(), "a.csv", FileType.CSV),
        ("企业,吨\n".encode("gb18030"), "a.csv", FileType.CSV),
        ("说明".encode(), "a.txt", FileType.TXT),
    ],
)
def test_the_type_is_found_in_the_content(content: bytes, filename: str, found: FileType) -> None:
    assert accept(content, filename, ANY) is found


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (PDF, "照片.png"),
        (b"MZ\x90\x00\x03", "a.pdf"),
        (b"<html><script>alert(1)</script>", "a.html"),
        (office("xl/workbook.xml", "xl/vbaProject.bin"), "a.xlsx"),
        (office("something.xml"), "a.docx"),
        (b"\x00\x01\x02", "a.txt"),
    ],
)
def test_what_is_not_allowed_or_wrongly_named_is_refused(content: bytes, filename: str) -> None:
    with pytest.raises(FileTypeNotAllowed) as refused:
        accept(content, filename, ANY)
    assert refused.value.code == "document.file_type_not_allowed"


def test_a_kind_narrows_the_types() -> None:
    only_pdf = DocumentKind("p", Text("许可证", "permit"), types=(FileType.PDF,))
    assert accept(PDF, "a.pdf", only_pdf) is FileType.PDF
    with pytest.raises(FileTypeNotAllowed, match="PNG"):
        accept(PNG, "a.png", only_pdf)


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"%PDF-1.7 cut", "a.pdf"),
        (PNG[:-8], "a.png"),
        (JPEG[:-2], "a.jpg"),
        (office("xl/workbook.xml")[:60], "a.xlsx"),
    ],
    ids=[
        "pdf",
        "png",
        "jpeg",
        "xlsx",
    ],  # an Excel file carries the time: as an id it would differ between workers
)
def test_a_cut_off_file_is_refused(content: bytes, filename: str) -> None:
    with pytest.raises(FileTruncated) as refused:
        accept(content, filename, ANY)
    assert refused.value.code == "document.file_truncated"


def test_both_sides_of_the_size_limit() -> None:
    small = DocumentKind("s", Text("小", "small"), size_bytes_max=len(PDF))
    assert accept(PDF, "a.pdf", small) is FileType.PDF
    with pytest.raises(FileTooLarge) as refused:
        accept(PDF + b"\n", "a.pdf", small)
    assert refused.value.code == "document.file_too_large"
    with pytest.raises(FileEmpty) as empty:
        accept(b"", "a.pdf", small)
    assert empty.value.code == "document.file_empty"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\表格\\排污 许可证.pdf", "排污 许可证.pdf"),
        ('a"b\r\nc.pdf', "abc.pdf"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_filename_is_only_a_name(given: str, kept: str) -> None:
    assert clean_filename(given) == kept


def test_sizes_in_words() -> None:
    assert [size_label(n) for n in (12, 2048, 1_500_000)] == ["12 B", "2 KB", "1.4 MB"]

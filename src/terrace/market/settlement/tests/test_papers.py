"""Certificates as files: fonts inside, text that can be read, a signature that notices every change."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pypdf
import pytest
from django.conf import settings as django_settings

from terrace.kernel.documents.queries import read_content
from terrace.market.settlement import services
from terrace.market.settlement.models import Certificate
from terrace.market.settlement.rules import certificates
from terrace.market.settlement.services import papers, signing
from terrace.market.settlement.tests.factories import delivered, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued() -> tuple[Certificate, bytes]:
    delivered(make_market())
    certificate = Certificate.objects.get()
    return certificate, read_content(certificate.document)


def test_the_certificate_reads_as_chinese_and_carries_its_facts(issued: tuple[Certificate, bytes]) -> None:
    certificate, content = issued
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert len(reader.pages) == 1
    text = re.sub(r"\s", "", reader.pages[0].extract_text())
    for words in (
        "排污权交易鉴证书",
        "测试清源化工有限公司",
        "4.048吨/年",
        "85,008.00元",
        "人民币捌万伍仟零捌元整",
    ):
        assert words in text
    assert certificate.facts_digest in text
    facts = json.loads(reader.attachments["certificate.json"][0])
    assert facts == certificate.facts
    assert certificates.digest_of(facts) == certificate.facts_digest
    assert facts["amount_yuan"] == "85008.00"


def test_award_notice_and_contract_are_papers_of_the_same_kind(issued: tuple[Certificate, bytes]) -> None:
    trade = issued[0].trade
    assert trade.award_document is not None
    assert trade.contract_document is not None
    award = pypdf.PdfReader(io.BytesIO(read_content(trade.award_document)))
    contract = pypdf.PdfReader(io.BytesIO(read_content(trade.contract_document)))
    assert "成交通知书" in re.sub(r"\s", "", award.pages[0].extract_text())
    whole = "".join(page.extract_text() for page in contract.pages)
    assert "59,505.60" in whole
    assert "25,502.40" in whole


def fonts_of(content: bytes) -> dict[str, bool]:
    """The fonts of the first page by name, and whether their outlines lie in the file."""
    page = pypdf.PdfReader(io.BytesIO(content)).pages[0]
    found = {}
    for reference in page["/Resources"]["/Font"].values():
        font = reference.get_object()["/DescendantFonts"][0].get_object()
        descriptor = font["/FontDescriptor"].get_object()
        found[str(font["/BaseFont"])] = any(key in descriptor for key in ("/FontFile2", "/FontFile3"))
    return found


def test_the_chinese_font_is_inside_and_the_page_is_not_empty(
    issued: tuple[Certificate, bytes], tmp_path: Path
) -> None:
    fonts = fonts_of(issued[1])
    assert fonts
    assert all("NotoSansSC" in name and embedded for name, embedded in fonts.items())
    if shutil.which("pdftoppm") and shutil.which("pdffonts"):  # poppler agrees, where it is installed
        path = tmp_path / "c.pdf"
        path.write_bytes(issued[1])
        listed = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout
        assert all("NotoSansSC" in row for row in listed.splitlines()[2:] if row.strip())
        subprocess.run(["pdftoppm", "-r", "50", "-png", str(path), str(tmp_path / "p")], check=True)
        assert next(tmp_path.glob("p*.png")).stat().st_size > 20_000


def test_a_whole_file_is_valid_and_trusted_by_the_right_certificate_only(
    issued: tuple[Certificate, bytes], tmp_path: Path, settings: object
) -> None:
    _, content = issued
    assert certificates.check_file(content).valid
    assert certificates.check_file(content).trusted is None
    check = certificates.check_file(content, signing.certificate_pem())
    assert (check.valid, check.trusted) == (True, True)
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    other = certificates.check_file(content, signing.certificate_pem())
    assert (other.valid, other.trusted) == (False, False)
    with pytest.raises(ValueError):
        certificates.check_file(content, b"no certificate")


def test_a_changed_byte_anywhere_is_noticed(issued: tuple[Certificate, bytes]) -> None:
    """Also inside the signature's own place: its padding and the unsigned parts of its envelope."""
    _, content = issued
    found = re.search(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)", content)
    assert found is not None
    gap, resume = int(found[2]), int(found[3])
    chance = random.Random(7)
    places = chance.sample(range(len(content) - 1), 25) + chance.sample(range(gap, resume), 40)
    places += [gap + 6, gap + 7, gap + 83, gap + 1197, resume - 3]
    for place in places:
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        try:
            assert not certificates.check_file(changed).valid, place
        except certificates.Unreadable:
            continue


def test_additions_missing_signatures_and_other_files(issued: tuple[Certificate, bytes]) -> None:
    _, content = issued
    writer = pypdf.PdfWriter(io.BytesIO(content), incremental=True)
    writer.add_blank_page()
    buffer = io.BytesIO()
    writer.write(buffer)
    assert not certificates.check_file(buffer.getvalue()).valid
    plain = pypdf.PdfWriter()
    plain.add_blank_page(100, 100)
    buffer = io.BytesIO()
    plain.write(buffer)
    unsigned = certificates.check_file(buffer.getvalue())
    assert (unsigned.valid, unsigned.findings[0].text.zh) == (False, "文件没有数字签名")
    for nonsense in (b"", b"hello", b"%PDF-1.7\n"):
        with pytest.raises(certificates.Unreadable):
            certificates.check_file(nonsense)


def test_the_contract_is_signed_but_is_no_certificate(issued: tuple[Certificate, bytes]) -> None:
    document = issued[0].trade.contract_document
    assert document is not None
    check = certificates.check_file(read_content(document))
    assert not check.valid
    assert [f.code for f in check.findings if f.passed is False] == ["facts"]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process that knows neither database nor settings."""
    environment = {
        k: v for k, v in os.environ.items() if "DATABASE" not in k and k != "DJANGO_SETTINGS_MODULE"
    }
    environment["PYTHONPATH"] = str(django_settings.SOURCE_ROOT.parent)
    return subprocess.run(
        [sys.executable, "-m", "terrace", "verify-certificate", *arguments],
        capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, check=False,
    )  # fmt: skip


def test_the_command_checks_offline_with_the_promised_exit_codes(
    issued: tuple[Certificate, bytes], tmp_path: Path
) -> None:
    certificate, content = issued
    (tmp_path / "good.pdf").write_bytes(content)
    (tmp_path / "bad.pdf").write_bytes(content.replace(b"Typst", b"Typsu", 1))
    (tmp_path / "text.pdf").write_bytes(b"hello")
    (tmp_path / "trust.pem").write_bytes(signing.certificate_pem())
    (tmp_path / "wrong.pem").write_bytes(b"hello")
    started = time.process_time()
    good = run("good.pdf", "--trust", "trust.pem", "--json", cwd=tmp_path)
    assert time.process_time() - started < 2
    data = json.loads(good.stdout)
    assert (good.returncode, data["status"], data["trusted"]) == (0, "valid", True)
    assert (data["number"], data["file_sha256"]) == (certificate.number, certificate.file_digest)
    readable = run("good.pdf", cwd=tmp_path)
    assert readable.returncode == 0
    assert "有效" in readable.stdout
    assert "85008.00" in readable.stdout
    bad = run("bad.pdf", "--lang", "en", cwd=tmp_path)
    assert (bad.returncode, "INVALID" in bad.stdout) == (1, True)
    for arguments in (("text.pdf",), ("none.pdf",), ("good.pdf", "--trust", "wrong.pem")):
        refused = run(*arguments, cwd=tmp_path)
        assert refused.returncode == 2
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "Traceback" not in refused.stderr


def test_production_refuses_to_sign_without_a_key_of_its_own(settings: object, tmp_path: Path) -> None:
    settings.TERRACE_DEMO = False  # type: ignore[attr-defined]
    with pytest.raises(services.SignerMissing) as missing:
        signing.signer()
    assert missing.value.code == "settlement.signer.missing"
    (tmp_path / "key.p12").write_bytes(b"nonsense")
    (tmp_path / "phrase").write_text("x")
    settings.TERRACE_SIGNER_P12 = str(tmp_path / "key.p12")  # type: ignore[attr-defined]
    settings.TERRACE_SIGNER_PASSPHRASE_FILE = str(tmp_path / "none")  # type: ignore[attr-defined]
    with pytest.raises(services.SignerUnusable) as unusable:
        signing.signer()
    assert unusable.value.code == "settlement.signer.unusable"
    settings.TERRACE_SIGNER_PASSPHRASE_FILE = str(tmp_path / "phrase")  # type: ignore[attr-defined]
    with pytest.raises(services.SignerUnusable):
        signing.signer()


def test_the_demo_key_is_made_once_and_kept_private(settings: object, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    first = signing.certificate_pem()
    assert signing.certificate_pem() == first
    files = list((tmp_path / "secrets").iterdir())
    assert {f.name for f in files} == {signing.DEMO_FILE, signing.DEMO_PHRASE_FILE}
    assert all(f.stat().st_mode & 0o077 == 0 for f in files)


def test_without_the_font_no_paper_is_made(settings: object, tmp_path: Path) -> None:
    settings.TERRACE_FONT_DIR = str(tmp_path)  # type: ignore[attr-defined]
    with pytest.raises(services.FontMissing) as refusal:
        papers.render("award", {"check_url": "x"}, at=None)  # type: ignore[arg-type]
    assert refusal.value.code == "settlement.paper.font_missing"


def test_a_character_that_the_font_lacks_is_refused_and_not_printed_as_a_box(
    issued: tuple[Certificate, bytes],
) -> None:
    trade = issued[0].trade
    trade.buyer.name = "𐎠公司"
    from terrace.market.settlement.services import content

    with pytest.raises(services.PaperNotMade) as refusal:
        papers.render("contract", content.contract(trade), at=trade.awarded_at)
    assert refusal.value.code == "settlement.paper.not_made"

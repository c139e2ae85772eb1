"""The digital signature under papers. Production brings its own PKCS#12 file; a demo makes a key of its own, once."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID
from django.conf import settings
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

DEMO_FILE = "certificate-signer.p12"
DEMO_PHRASE_FILE = "certificate-signer.phrase"
DEMO_NAME = "Terrace demonstration signer 演示签名（非官方）"


class SignerMissing(Refusal):
    code = "settlement.signer.missing"
    text = Text(
        "尚未配置鉴证书签名证书，不能签发。",
        "No signing certificate is configured, so nothing can be issued.",
    )
    hint = Text(
        "请设置 TERRACE_SIGNER_P12 和 TERRACE_SIGNER_PASSPHRASE_FILE。",
        "Set TERRACE_SIGNER_P12 and TERRACE_SIGNER_PASSPHRASE_FILE.",
    )
    http_status = 503


class SignerUnusable(Refusal):
    code = "settlement.signer.unusable"
    text = Text("签名证书文件不能读取：{reason}", "The signing certificate cannot be read: {reason}")
    hint = Text("请核对PKCS#12文件和口令文件。", "Check the PKCS#12 file and the passphrase file.")
    http_status = 503


@dataclass(frozen=True, slots=True)
class Signed:
    content: bytes
    signer: str
    """Distinguished name of the certificate that signed."""


def signer() -> Any:
    """The signer in use (a pyHanko SimpleSigner, whose types are loose). Raises SignerMissing (production without settings), SignerUnusable."""
    path, passphrase = _files()
    try:
        phrase = passphrase.read_text().strip().encode()
        load: Any = signers.SimpleSigner.load_pkcs12
        loaded = load(str(path), passphrase=phrase)
    except OSError as error:
        raise SignerUnusable(reason=error.strerror or type(error).__name__) from error
    if loaded is None:
        raise SignerUnusable(reason="PKCS#12")
    return loaded


def certificate_pem() -> bytes:
    """The signer's certificate as PEM: what `terrace verify-certificate --trust` takes."""
    certificate = x509.load_der_x509_certificate(signer().signing_cert.dump())
    return certificate.public_bytes(Encoding.PEM)


def sign(content: bytes, *, reason: str, location: str) -> Signed:
    """The PDF with one signature over the whole file, certified: no change at all is allowed afterwards.

    Raises SignerMissing, SignerUnusable.
    """
    who = signer()
    metadata = signers.PdfSignatureMetadata(
        field_name="Terrace",
        md_algorithm="sha256",
        reason=reason,
        location=location,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        subfilter=SigSeedSubFilter.PADES,
    )
    output = signers.PdfSigner(metadata, signer=who).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)))
    return Signed(output.getvalue(), str(who.subject_name))


def _files() -> tuple[Path, Path]:
    if settings.TERRACE_SIGNER_P12:
        return Path(settings.TERRACE_SIGNER_P12), Path(settings.TERRACE_SIGNER_PASSPHRASE_FILE)
    if not settings.TERRACE_DEMO:
        raise SignerMissing
    folder = Path(settings.DATA_DIR) / "secrets"
    path, passphrase = folder / DEMO_FILE, folder / DEMO_PHRASE_FILE
    if not path.exists():
        _make_demo_key(folder, path, passphrase)
    return path, passphrase


def _make_demo_key(folder: Path, path: Path, passphrase: Path) -> None:
    """A self-signed key for the demo. Safe when two processes start together: the first finished file stays."""
    folder.mkdir(parents=True, exist_ok=True)
    phrase = _write_once(passphrase, secrets.token_urlsafe(32).encode()).strip()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Terrace 梯田（演示）"),
            x509.NameAttribute(NameOID.COMMON_NAME, DEMO_NAME),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2045, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    _write_once(
        path,
        pkcs12.serialize_key_and_certificates(
            b"terrace", key, certificate, None, BestAvailableEncryption(phrase)
        ),
    )


def _write_once(path: Path, content: bytes) -> bytes:
    """Write a new file (mode 0600) in one piece, or keep the one that another process has written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_bytes()

"""What a certificate states, and the check of a file: without a database, without a network.

The signed PDF carries its facts as the attachment `certificate.json`; their digest is printed on the paper and
stands in the QR code, the digest of the whole file is kept by the platform.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from terrace.kernel.base.texts import Text

SCHEMA = "terrace.certificate/1"
ATTACHMENT = "certificate.json"
FACT_KEYS = (
    "schema",
    "number",
    "trade_number",
    "issued_at",
    "seller",
    "buyer",
    "pollutant",
    "quantity_t_per_year",
)
FILE_BYTES_MAX = 20 * 2**20
# The two lawful encodings of "SHA-256" in a signature's envelope: with and without the empty parameters.
SHA256_ENCODED = (
    bytes.fromhex("300d06096086480165030402010500"),
    bytes.fromhex("300b0609608648016503040201"),
)


def canonical(facts: dict[str, Any]) -> str:
    """The one text of the facts: keys sorted, no spaces, plain UTF-8."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_of(facts: dict[str, Any]) -> str:
    """SHA-256 of the canonical text, hexadecimal."""
    return hashlib.sha256(canonical(facts).encode()).hexdigest()


class Unreadable(Exception):
    """The file is no PDF, or too damaged or too large to be read. `reason` says which."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    code: str
    passed: bool | None
    text: Text


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome: valid when every finding passed; None (signer not checked) does not spoil it."""

    findings: tuple[Finding, ...]
    file_digest: str
    facts_digest: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    signer: str = ""
    signer_fingerprint: str = ""
    signed_at: str = ""

    @property
    def valid(self) -> bool:
        return all(finding.passed is not False for finding in self.findings)

    @property
    def trusted(self) -> bool | None:
        return next((f.passed for f in self.findings if f.code == "signer"), None)

    @property
    def number(self) -> str:
        return str(self.facts.get("number", ""))


def check_file(content: bytes, trust_pem: bytes | None = None) -> Check:
    """Whether a certificate is exactly the file that was signed. Raises Unreadable; a bad trust file is ValueError.

    Checked: one signature; it covers the whole file; the content is unmodified; the attached facts are there and
    whole; with `trust_pem`, that the signer is that certificate or was issued by it.
    """
    if len(content) > FILE_BYTES_MAX:
        raise Unreadable(Text("文件超过20 MB", "the file is larger than 20 MB"))
    if not content.lstrip()[:5].startswith(b"%PDF-"):
        raise Unreadable(Text("不是PDF文件", "not a PDF file"))
    # pyHanko costs most of a second of imports (its time stamping brings an HTTP client): only a PDF pays it.
    from pyhanko.keys import load_certs_from_pemder_data
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.general import SigningError

    roots = None
    if trust_pem is not None:
        roots = list(load_certs_from_pemder_data(trust_pem))
        if not roots:
            raise ValueError("no certificate in the trust file")
    digest = hashlib.sha256(content).hexdigest()
    try:
        reader = PdfFileReader(io.BytesIO(content), strict=False)
        signatures = list(reader.embedded_regular_signatures)
    except (
        PdfError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OSError,
        RecursionError,
    ) as error:
        raise Unreadable(Text("PDF文件已损坏，无法读取", "the PDF is damaged and cannot be read")) from error
    if len(signatures) != 1:
        finding = Finding(
            "signature",
            False,
            Text(
                "文件没有数字签名" if not signatures else "文件有多个签名，不是平台签发的原件",
                "the file has no signature"
                if not signatures
                else "the file has several signatures: not an original",
            ),
        )
        return Check((finding,), digest)
    try:
        return _checked(reader, signatures[0], roots, digest, content)
    except (PdfError, SigningError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        text = Text(
            f"签名无法核验：{type(error).__name__}",
            f"the signature cannot be checked: {type(error).__name__}",
        )
        return Check((Finding("signature", False, text),), digest)


def _plain_container(signature: Any, content: bytes) -> bool:
    """Whether the signature's own place in the file holds the signature and nothing else.

    A PDF signature cannot cover the bytes that hold it: its padding and the unsigned parts of its envelope could be
    written over unseen. Here they must be exactly what signing leaves: hex in one case, zeros, one algorithm.
    """
    from asn1crypto.cms import ContentInfo

    start, length, resume, _rest = (int(number) for number in signature.byte_range)
    envelope = signature.signed_data
    padded = bytes(signature.pkcs7_content)
    der = padded[: _der_length(padded)]
    gap = content[start + length : resume]
    if gap[:1] + gap[-1:] != b"<>" or gap[1:-1] not in (padded.hex().encode(), padded.hex().upper().encode()):
        return False
    if padded[len(der) :].strip(b"\0") or ContentInfo.load(der, strict=True).dump(force=True) != der:
        return False
    signer_info = envelope["signer_infos"][0]
    algorithms = [*envelope["digest_algorithms"], signer_info["digest_algorithm"]]
    return (
        envelope["version"].native == signer_info["version"].native == "v1"
        and len(algorithms) == 2
        and all(algorithm.dump() in SHA256_ENCODED for algorithm in algorithms)
        and envelope["encap_content_info"]["content_type"].native == "data"
        and not signer_info["unsigned_attrs"].native
        and not envelope["crls"].native
    )


def _der_length(der: bytes) -> int:
    """The length of the DER value at the start, header included."""
    first = der[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(der[2 : 2 + count], "big")


def _checked(reader: Any, signature: Any, roots: list[Any] | None, digest: str, content: bytes) -> Check:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    certificate = signature.signer_cert
    # Without a trust file the signer's own certificate is taken as given: integrity is proved, identity is not.
    context = ValidationContext(
        trust_roots=roots or [certificate], allow_fetching=False, revocation_mode="soft-fail"
    )
    status = validate_pdf_signature(signature, context)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and _plain_container(signature, content)
    facts = _facts(reader)
    findings = (
        Finding("signature", True, Text("有一个数字签名", "there is one digital signature")),
        Finding(
            "coverage",
            whole,
            Text("签名覆盖整个文件", "the signature covers the whole file")
            if whole
            else Text("签名后追加过内容", "something was added after signing"),
        ),
        Finding(
            "unmodified",
            bool(status.intact and status.valid),
            Text("签名后内容未改动", "nothing was changed after signing")
            if status.intact and status.valid
            else Text("签名后内容被改动", "the content was changed after signing"),
        ),
        Finding(
            "facts",
            facts is not None,
            Text("附有完整的鉴证事实", "the facts are attached and whole")
            if facts is not None
            else Text("没有附带鉴证事实", "the attached facts are missing"),
        ),
        _signer_finding(roots, bool(status.trusted)),
    )
    signed_at = status.signer_reported_dt
    return Check(
        findings=findings,
        file_digest=digest,
        facts_digest="" if facts is None else digest_of(facts),
        facts=facts or {},
        signer=str(certificate.subject.human_friendly),
        signer_fingerprint=certificate.sha256.hex(),
        signed_at=signed_at.isoformat(timespec="seconds") if signed_at else "",
    )


def _signer_finding(roots: list[Any] | None, trusted: bool) -> Finding:
    if roots is None:
        return Finding(
            "signer",
            None,
            Text(
                "未核验签名人身份（请用 --trust 指定平台公布的证书）",
                "the signer's identity was not checked (name the published certificate with --trust)",
            ),
        )
    if trusted:
        return Finding("signer", True, Text("签名人为受信任的签发机构", "the signer is trusted"))
    return Finding(
        "signer", False, Text("签名人不是受信任的签发机构", "the signer is not the trusted issuer")
    )


def _facts(reader: Any) -> dict[str, Any] | None:
    """The attached facts; None when they are missing or not whole."""
    from pyhanko.pdf_utils.embed import EmbeddedFileObject  # noqa: F401 - registers the stream type

    try:
        names = reader.root["/Names"]["/EmbeddedFiles"]
    except KeyError:
        return None
    flat = _name_pairs(names)
    if ATTACHMENT not in flat:
        return None
    try:
        facts = json.loads(flat[ATTACHMENT]["/EF"]["/F"].data)
    except (KeyError, ValueError):
        return None
    if not isinstance(facts, dict) or any(key not in facts for key in FACT_KEYS) or facts["schema"] != SCHEMA:
        return None
    return facts


def _name_pairs(node: Any) -> dict[str, Any]:
    """A PDF name tree as a dictionary."""
    pairs: dict[str, Any] = {}
    names = node.get("/Names", [])
    for place in range(0, len(names) - 1, 2):
        pairs[str(names[place])] = names[place + 1]
    for kid in node.get("/Kids", []):
        pairs |= _name_pairs(kid)
    return pairs

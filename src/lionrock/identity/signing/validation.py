"""Checking the signatures of a PDF, offline and without our database.

Pure: bytes and CA certificates in, one report per signature out. Nothing is fetched. Beyond what
PAdES asks, three things are demanded of our own documents: the statement in /Reason must hash the
very bytes that came before the signature; nothing may follow the last signature; and the reserved
space holds the one spelling of the CMS that we write, so that no bit of the file is free to change.

Not for: revocation, time-stamps, qualified trust lists. A certificate is checked at the time that
the signer states (B-B); that the time is true follows from the receipt in the evidence log.
Source: ETSI EN 319 102-1 (validation), ISO 32000-2 s12.8.1 (ByteRange).
"""

from __future__ import annotations

import io
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from lionrock.identity.signing.domain import (
    SIGNATURES_MAX,
    SignatureReport,
    read_reason,
    sha256_hex,
)
from lionrock.identity.signing.pdf import PDF_BYTES_MAX, UNREADABLE

T = TypeVar("T")
CA_CERTIFICATES_MAX = 16
_VERSION_1 = bytes.fromhex("020101")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_SHA_256 = bytes.fromhex("300d06096086480165030402010500")
_ECDSA_WITH_SHA_256 = bytes.fromhex("300a06082a8648ce3d040302")


def validate_pdf(pdf: bytes, ca_certificates: Sequence[str | bytes]) -> list[SignatureReport]:
    """Return a report for each signature, in signing order; [] when there is none.

    `ca_certificates` are the trusted roots as PEM; ValueError when they are none. Bytes that cannot
    be read give one report that is not valid and says so. Callers ask
    `reports and all(r.is_valid for r in reports)`.
    """
    if len(pdf) > PDF_BYTES_MAX:
        return [_unreadable("", f"The file is larger than {PDF_BYTES_MAX} bytes.")]
    roots = _read_roots(ca_certificates)
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if reader.encrypted:
            return [_unreadable("", "The file is encrypted.")]
        embedded = list(reader.embedded_signatures)
    except UNREADABLE as error:
        return [_unreadable("", f"Not a readable PDF: {error}"[:200])]
    if len(embedded) > SIGNATURES_MAX:
        return [_unreadable("", f"There are more than {SIGNATURES_MAX} signatures.")]
    reports: list[SignatureReport] = []
    covered_to = 0
    for place, signature in enumerate(embedded):
        is_last = place == len(embedded) - 1
        try:
            report, covered_to = _drive(_report(pdf, signature, roots, covered_to, is_last=is_last))
        except UNREADABLE as error:
            report = _unreadable(str(signature.field_name), f"Not checkable: {error}"[:200])
        reports.append(report)
    return reports


async def _report(
    pdf: bytes,
    signature: Any,
    roots: list[Any],
    covered_to: int,
    *,
    is_last: bool,
) -> tuple[SignatureReport, int]:
    """Check one signature; `covered_to` is where the signature before it ended (0 for none)."""
    signed_at = signature.self_reported_timestamp
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=_moment(signed_at))
    status = await async_validate_pdf_signature(signature, context)
    statement = read_reason(str(signature.sig_object.get("/Reason", "")))
    begins, gap_at, gap_to, ends = _covered(signature)
    problems: list[str] = []
    is_intact = bool(status.intact and status.valid) and begins == 0
    if not is_intact:
        problems.append("The signed bytes were changed.")
    elif not _is_canonical(pdf[gap_at:gap_to], signature):
        is_intact = False
        problems.append("The space of the signature holds something else.")
    if not status.trusted:
        problems.append("The certificate does not lead to a trusted CA.")
    is_bound = statement is not None and _is_bound(pdf, statement, covered_to, gap_at)
    if not is_bound:
        problems.append("The statement is not about the bytes before the signature.")
    is_closed = ends == len(pdf) if is_last else ends < len(pdf)
    is_closed = is_closed and _only_signatures_follow(status, is_last=is_last)
    if not is_closed:
        problems.append("Something was added after the signature.")
    certificate = signature.signer_cert
    report = SignatureReport(
        field_name=str(signature.field_name),
        signer=str(certificate.subject.native.get("common_name", "")),
        subject_id=statement.subject_id if statement else "",
        kind=statement.kind.value if statement else "",
        certificate_serial=f"{certificate.serial_number:x}",
        approval_id=statement.approval_id if statement else "",
        mandate_id=statement.mandate_id if statement else "",
        document_sha256=statement.document_sha256 if statement else "",
        signed_at=signed_at,
        is_intact=is_intact,
        is_trusted=bool(status.trusted) and _names_subject(certificate, statement),
        is_bound=is_bound,
        is_closed=is_closed,
        problem=" ".join(problems),
    )
    return report, ends


def _covered(signature: Any) -> tuple[int, int, int, int]:
    """Return begin, begin and end of the gap, and end of what the ByteRange covers."""
    begins, before, gap_to, after = (int(number) for number in signature.byte_range)
    return begins, begins + before, gap_to, gap_to + after


def _is_canonical(gap: bytes, signature: Any) -> bool:
    """Say whether the gap is <upper-case hex> of the one CMS with these contents, then zeros only.

    The CMS is rebuilt from what is protected (certificate, signed attributes, signature value).
    Otherwise versions, algorithm lists and the spelling of names could be changed unnoticed.
    """
    expected = _cms(signature)
    content = expected + bytes(len(gap) // 2 - 1 - len(expected))
    return gap == b"<" + content.hex().upper().encode() + b">"


def _cms(signature: Any) -> bytes:
    """Encode SignedData with one signer in DER (RFC 5652 s5.1, s5.3; RFC 5754 s2.2)."""
    certificate, info = signature.signer_cert, signature.signer_info
    serial_number = certificate["tbs_certificate"]["serial_number"].dump()
    signer_info = _der(
        0x30,
        _VERSION_1,
        _der(0x30, certificate.issuer.dump(), serial_number),
        _SHA_256,
        _der(0xA0, info["signed_attrs"].contents),
        _ECDSA_WITH_SHA_256,
        _der(0x04, info["signature"].native),
    )
    signed_data = _der(
        0x30,
        _VERSION_1,
        _der(0x31, _SHA_256),
        _der(0x30, _DATA),
        _der(0xA0, certificate.dump()),
        _der(0x31, signer_info),
    )
    return _der(0x30, _SIGNED_DATA, _der(0xA0, signed_data))


def _der(tag: int, *parts: bytes) -> bytes:
    """Encode one value in DER: tag, shortest length, content (X.690 s8.1, s10.1)."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _is_bound(pdf: bytes, statement: Any, covered_to: int, gap_at: int) -> bool:
    size = statement.document_bytes
    if size >= gap_at or (covered_to and size != covered_to):
        return False
    return bool(sha256_hex(pdf[:size]) == statement.document_sha256)


def _only_signatures_follow(status: Any, *, is_last: bool) -> bool:
    if is_last:
        is_whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        return bool(is_whole and status.modification_level == ModificationLevel.NONE)
    is_revision = status.coverage == SignatureCoverageLevel.ENTIRE_REVISION
    level = status.modification_level
    is_signing = level is not None and level <= ModificationLevel.FORM_FILLING
    return bool(is_revision and is_signing and status.docmdp_ok)


def _names_subject(certificate: Any, statement: Any) -> bool:
    """The certificate must be the stated subject's own, or anybody's seal could state anything."""
    if statement is None:
        return False
    return bool(certificate.subject.native.get("user_id") == statement.subject_id)


def _read_roots(ca_certificates: Sequence[str | bytes]) -> list[Any]:
    if len(ca_certificates) > CA_CERTIFICATES_MAX:
        raise ValueError(f"at most {CA_CERTIFICATES_MAX} CA certificates are taken")
    roots: list[Any] = []
    for item in ca_certificates:
        text = item.encode() if isinstance(item, str) else item
        roots.extend(load_certs_from_pemder_data(text))
    return roots


def _moment(signed_at: datetime | None) -> datetime:
    if signed_at is None or signed_at.tzinfo is None:
        raise ValueError("the signature states no time")
    return signed_at


def _unreadable(field_name: str, problem: str) -> SignatureReport:
    return SignatureReport(
        field_name=field_name, signer="", subject_id="", kind="", certificate_serial="",
        approval_id="", mandate_id="", document_sha256="", signed_at=None, is_intact=False,
        is_trusted=False, is_bound=False, is_closed=False, problem=problem,
    )  # fmt: skip


def _drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, with or without an event loop around us.

    pyHanko's validation is async for the sake of fetching, which is off: it ends at the first step.
    """
    try:
        work.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    work.close()
    raise AssertionError("validation without fetching does not wait")

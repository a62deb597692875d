"""Checking the signatures of a PDF, offline and without our database.

Pure: bytes and CA certificates in, one report per signature out. Nothing is fetched. Beyond what
PAdES asks, three things are demanded of our own documents: the statement in /Reason must hash the
very bytes that came before the signature; nothing may follow the last signature but what levels
LT and LTA add; and the reserved space holds the one spelling of the CMS that we write
(cms_shape.py), so that up to the last signature or document time-stamp no bit is free to change.

A certificate is checked at the time of its time-stamp, or, at level B-B, at the time that the
signer states; that this time is true follows from the receipt in the evidence log. Revocation is
read from the lists in the document. Not for: qualified trust lists, other cities' authorities.
Source: ETSI EN 319 102-1 (validation), ISO 32000-2 s12.8.1 (ByteRange).
"""

from __future__ import annotations

import io
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from asn1crypto.cms import ContentInfo
from asn1crypto.crl import CertificateList
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from lionrock.identity.signing.cms_shape import (
    attached_time_stamp,
    rebuilt_signature,
    rebuilt_token,
)
from lionrock.identity.signing.domain import (
    SIGNATURES_MAX,
    Level,
    SignatureReport,
    read_reason,
    sha256_hex,
)
from lionrock.identity.signing.pdf import PDF_BYTES_MAX, UNREADABLE

T = TypeVar("T")
CA_CERTIFICATES_MAX = 16
REVOCATION_LISTS_MAX = 16


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """A PDF as it is checked: bytes, roots, and what long-term validation left in it."""

    pdf: bytes
    roots: list[Any]
    held: list[Any]
    lists: list[Any]
    time_stamps: list[Any]


def validate_pdf(pdf: bytes, ca_certificates: Sequence[str | bytes]) -> list[SignatureReport]:
    """Return a report for each signature, in signing order; [] when there is none.

    `ca_certificates` are the trusted roots as PEM; ValueError when they are none. Bytes that cannot
    be read give one report that is not valid and says so. Callers ask
    `reports and all(r.is_valid for r in reports)`.
    """
    if len(pdf) > PDF_BYTES_MAX:
        return [_unreadable("", f"The file is larger than {PDF_BYTES_MAX} bytes.")]
    roots = read_roots(ca_certificates)
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if reader.encrypted:
            return [_unreadable("", "The file is encrypted.")]
        embedded = list(reader.embedded_regular_signatures)
        document = _read(pdf, reader, roots)
    except UNREADABLE as error:
        return [_unreadable("", f"Not a readable PDF: {error}"[:200])]
    if max(len(embedded), len(document.time_stamps)) > SIGNATURES_MAX:
        return [_unreadable("", f"There are more than {SIGNATURES_MAX} signatures.")]
    reports: list[SignatureReport] = []
    covered_to = 0
    for place, signature in enumerate(embedded):
        is_last = place == len(embedded) - 1
        try:
            work = _report(document, signature, covered_to, is_last=is_last)
            report, covered_to = run_to_end(work)
        except UNREADABLE as error:
            report = _unreadable(str(signature.field_name), f"Not checkable: {error}"[:200])
        reports.append(report)
    return reports


async def _report(
    document: _Document, signature: Any, covered_to: int, *, is_last: bool
) -> tuple[SignatureReport, int]:
    """Check one signature; `covered_to` is where the signature before it ended (0 for none)."""
    pdf = document.pdf
    token = attached_time_stamp(signature.signer_info)
    stamped_at = None if token is None else _time_of(token)
    signed_at = signature.self_reported_timestamp
    context = _context(document, stamped_at or _moment(signed_at))
    status = await async_validate_pdf_signature(signature, context)
    statement = read_reason(str(signature.sig_object.get("/Reason", "")))
    begins, gap_at, gap_to, ends = _covered(signature)
    problems: list[str] = []
    is_intact = bool(status.intact and status.valid) and begins == 0
    if not is_intact:
        problems.append("The signed bytes were changed.")
    elif not _is_canonical(pdf[gap_at:gap_to], rebuilt_signature(
        signature.signed_data, signature.signer_cert
    )):  # fmt: skip
        is_intact = False
        problems.append("The space of the signature holds something else.")
    is_timed = token is None or _holds(status.timestamp_validity)
    if not is_timed:
        problems.append("The time-stamp is not valid.")
    if not status.trusted:
        problems.append(
            "The certificate had been revoked." if status.revoked
            else "The certificate does not lead to a trusted CA."
        )  # fmt: skip
    is_bound = statement is not None and _is_bound(pdf, statement, covered_to, gap_at)
    if not is_bound:
        problems.append("The statement is not about the bytes before the signature.")
    is_closed = _is_closed(document, status, ends, is_last=is_last)
    level = await _level(document, signature, stamped_at) if is_timed else Level.B
    if level is None:
        is_closed, level = False, Level.LT
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
        is_trusted=bool(status.trusted) and is_timed and _names_subject(certificate, statement),
        is_bound=is_bound,
        is_closed=is_closed,
        problem=" ".join(problems),
        level=level.value,
        timestamped_at=stamped_at if is_timed else None,
    )
    return report, ends


def _read(pdf: bytes, reader: Any, roots: list[Any]) -> _Document:
    """Read what long-term validation left in the document: certificates, lists, time-stamps."""
    store = DocumentSecurityStore.read_dss(reader) if "/DSS" in reader.root else None
    held = [] if store is None else list(store.load_certs())
    entries = [] if store is None else list(store.crls)
    if len(held) + len(entries) > 2 * REVOCATION_LISTS_MAX:
        raise ValueError("the document security store holds too much")
    lists = [CertificateList.load(entry.get_object().data) for entry in entries]
    return _Document(
        pdf=pdf, roots=roots, held=held, lists=lists,
        time_stamps=list(reader.embedded_timestamp_signatures),
    )  # fmt: skip


def _context(document: _Document, moment: datetime) -> Any:
    return ValidationContext(
        trust_roots=document.roots, other_certs=document.held, crls=document.lists,
        allow_fetching=False, moment=moment,
    )  # fmt: skip


async def _level(
    document: _Document, signature: Any, stamped_at: datetime | None
) -> Level | None:
    """Say which level a signature has; None when a document time-stamp over it is not valid."""
    if stamped_at is None:
        return Level.B
    issuer = signature.signer_cert.issuer
    if not any(listed.issuer == issuer for listed in document.lists):
        return Level.T
    ends = _covered(signature)[3]
    level = Level.LT
    for stamp in document.time_stamps:
        begins, gap_at, gap_to, stamp_ends = _covered(stamp)
        if stamp_ends < ends:
            continue
        token = ContentInfo.load(bytes(stamp.pkcs7_content))
        status = await async_validate_pdf_timestamp(
            stamp, _context(document, _time_of(token)), skip_diff=True
        )
        gap = document.pdf[gap_at:gap_to]
        if begins or not _holds(status) or not _is_canonical(gap, rebuilt_token(token)):
            return None
        level = Level.LTA
    return level


def _time_of(token: Any) -> datetime:
    info = token["content"]["encap_content_info"]["content"].parsed
    stated: datetime = info["gen_time"].native
    return stated


def _holds(status: Any) -> bool:
    return bool(status is not None and status.intact and status.valid and status.trusted)


def _covered(signature: Any) -> tuple[int, int, int, int]:
    """Return begin, begin and end of the gap, and end of what the ByteRange covers."""
    begins, before, gap_to, after = (int(number) for number in signature.byte_range)
    return begins, begins + before, gap_to, gap_to + after


def _is_canonical(gap: bytes, expected: bytes) -> bool:
    """Say whether the gap is <upper-case hex> of the one CMS with these contents, then zeros only.

    `expected` is rebuilt from what is protected (certificate, signed attributes, signature value).
    Otherwise versions, algorithm lists and the spelling of names could be changed unnoticed.
    """
    content = expected + bytes(len(gap) // 2 - 1 - len(expected))
    return gap == b"<" + content.hex().upper().encode() + b">"


def _is_bound(pdf: bytes, statement: Any, covered_to: int, gap_at: int) -> bool:
    """The statement must hash a whole earlier state of the file, not before the last signature."""
    size = statement.document_bytes
    if not covered_to <= size < gap_at or not pdf[:size].rstrip(b"\r\n").endswith(b"%%EOF"):
        return False
    return bool(sha256_hex(pdf[:size]) == statement.document_sha256)


def _is_closed(document: _Document, status: Any, ends: int, *, is_last: bool) -> bool:
    """Nothing may follow but signatures, and after the last one what levels LT and LTA add."""
    level = status.modification_level
    if is_last and ends == len(document.pdf):
        is_whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        return bool(is_whole and level == ModificationLevel.NONE)
    if ends >= len(document.pdf) or level is None or not status.docmdp_ok:
        return False
    is_revision = status.coverage == SignatureCoverageLevel.ENTIRE_REVISION
    if not is_last:
        return bool(is_revision and level <= ModificationLevel.FORM_FILLING)
    is_ended = _ends_once(document.pdf)
    is_over = not document.time_stamps or _covered(document.time_stamps[-1])[3] == len(document.pdf)
    is_lasting = ModificationLevel.NONE < level <= ModificationLevel.LTA_UPDATES
    return bool(is_revision and is_ended and is_over and is_lasting)


def _ends_once(pdf: bytes) -> bool:
    """Say whether the file ends with its newest cross-reference section, and with that only.

    A copy of its own end behind the end would change nothing that a parser reads.
    """
    _, _, stated = pdf.rpartition(b"startxref")
    words = stated.split()
    if len(words) != 2 or words[1] != b"%%EOF" or not words[0].isdigit():
        return False
    end = pdf[int(words[0]) :]
    return end.count(b"startxref") == 1 and end.count(b"%%EOF") == 1


def _names_subject(certificate: Any, statement: Any) -> bool:
    """The certificate must be the stated subject's own, or anybody's seal could state anything."""
    if statement is None:
        return False
    return bool(certificate.subject.native.get("user_id") == statement.subject_id)


def read_roots(ca_certificates: Sequence[str | bytes]) -> list[Any]:
    """Read trusted roots (PEM) as asn1crypto certificates; ValueError when they are none."""
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


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
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

"""The checker: a process of its own that parses what strangers send, within limits, and ends.

It gets one document and the CA's certificates and list on standard input and writes findings on
standard output (MessagePack). It has no database, no keys and no network; the operating system ends
it when it takes too much memory or time. Started by `service.py`; `examine` is also what its tests
call. Source: ETSI EN 319 102-1 s5.
"""

from __future__ import annotations

import io
import resource
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from asn1crypto.crl import CertificateList
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from lionrock.identity.signing.domain import (
    SIGNATURES_MAX,
    SignatureReport,
    read_reason,
    sha256_hex,
)
from lionrock.identity.signing.pdf import UNREADABLE
from lionrock.identity.signing.validation import read_roots, run_to_end, validate_pdf
from lionrock.identity.signing.verification.domain import (
    Examined,
    Finding,
    VerificationRefusal,
)
from lionrock.identity.signing.xades import XmlFinding, check_signed_xml
from lionrock.kernel.errors import Refused

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
CPU_S_MAX = 10
# RFC 5652 s5.4: the signature covers the attributes as a SET, not as the tagged [0].
_SET = 0x31


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker is given: a document, trusted roots (PEM), the CA's present list (DER)."""

    document: bytes
    roots: tuple[str, ...]
    revocation_list: bytes
    now: datetime


def examine(question: Question) -> Examined:
    """Check every signature of a document; a refusal when it cannot be read."""
    document = question.document
    if document.startswith(b"%PDF-"):
        return _examine_pdf(question)
    if document.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _examine_xml(question)
    return _refused(VerificationRefusal.NOT_A_DOCUMENT)


def _examine_pdf(question: Question) -> Examined:
    try:
        reader = PdfFileReader(io.BytesIO(question.document), strict=True)
        if reader.encrypted:
            return _refused(VerificationRefusal.ENCRYPTED)
        embedded = list(reader.embedded_regular_signatures)
        if len(embedded) > SIGNATURES_MAX:
            return _refused(VerificationRefusal.TOO_COSTLY)
        strict = {r.field_name: r for r in validate_pdf(question.document, question.roots)}
        findings = [_finding(question, s, strict) for s in embedded]
    except MemoryError:
        return _refused(VerificationRefusal.TOO_COSTLY)
    except UNREADABLE:
        return _refused(VerificationRefusal.MALFORMED)
    return Examined(format="pdf", findings=tuple(findings))


def _examine_xml(question: Question) -> Examined:
    lists = [CertificateList.load(question.revocation_list)]
    try:
        found = run_to_end(
            check_signed_xml(
                question.document, read_roots(question.roots), lists, question.now
            )
        )
    except MemoryError:
        return _refused(VerificationRefusal.TOO_COSTLY)
    if isinstance(found, Refused):
        return _refused(VerificationRefusal.MALFORMED)
    findings = () if found is None else (_xml_finding(found),)
    return Examined(format="xml", findings=findings)


def _xml_finding(found: XmlFinding) -> Finding:
    names: dict[str, str] = {}
    if found.certificate is not None:
        names = {
            attribute.rfc4514_attribute_name: str(attribute.value)
            for attribute in found.certificate.subject
        }
    is_intact = not {"changed", "structure"} & set(found.problems)
    serial = "" if found.certificate is None else f"{found.certificate.serial_number:x}"
    return Finding(
        name="signature", signer=names.get("CN", ""), organisation=names.get("O", ""),
        subject_id=names.get("UID", ""), certificate_serial=serial, signed_at=found.signed_at,
        timestamped_at=found.timestamped_at, level="B-T" if found.timestamped_at else "B-B",
        is_intact=is_intact, is_trusted=found.is_trusted, is_revoked=found.is_revoked,
        is_closed=is_intact, signed_hash=found.signed_hash, problems=found.problems,
    )  # fmt: skip


def _finding(
    question: Question, signature: Any, strict: dict[str, SignatureReport]
) -> Finding:
    """Check one signature; ours (with a statement) also against the shape that we write."""
    certificate = signature.signer_cert
    name = str(signature.field_name)
    report = strict.get(name)
    statement = read_reason(str(signature.sig_object.get("/Reason", "")))
    moment = report.timestamped_at if report else None
    claimed = signature.self_reported_timestamp
    status = run_to_end(_status(question, signature, moment or claimed or question.now))
    is_intact = bool(status.intact and status.valid)
    is_closed = bool(status.docmdp_ok) and _is_allowed(status.modification_level)
    problems: list[str] = []
    if not is_intact:
        problems.append("changed")
    if status.revoked:
        problems.append("revoked")
    elif not status.trusted:
        problems.append("not_trusted")
    if not is_closed:
        problems.append("added_to")
    if statement is not None and report is not None and not report.is_valid and not problems:
        problems.append("not_as_written")
    native = certificate.subject.native
    attributes = signature.signer_info["signed_attrs"].untag().dump()
    return Finding(
        name=name, signer=str(native.get("common_name", "")),
        organisation=str(native.get("organization_name", "")),
        subject_id=str(native.get("user_id", "")),
        certificate_serial=f"{certificate.serial_number:x}", signed_at=claimed,
        timestamped_at=moment, level=report.level if report else "B-B",
        is_intact=is_intact, is_trusted=bool(status.trusted), is_revoked=bool(status.revoked),
        is_closed=is_closed, signed_hash=sha256_hex(_as_set(attributes)),
        approval_id=statement.approval_id if statement else "",
        document_sha256=statement.document_sha256 if statement else "",
        problems=tuple(problems),
    )  # fmt: skip


async def _status(question: Question, signature: Any, moment: datetime) -> Any:
    context = ValidationContext(
        trust_roots=read_roots(question.roots), allow_fetching=False, moment=moment,
        crls=[CertificateList.load(question.revocation_list)], retroactive_revinfo=True,
    )  # fmt: skip
    return await async_validate_pdf_signature(signature, context)


def _is_allowed(level: Any) -> bool:
    return level is not None and bool(level <= ModificationLevel.FORM_FILLING)


def _as_set(attributes: bytes) -> bytes:
    return bytes((_SET,)) + attributes[1:]


def _refused(refusal: VerificationRefusal) -> Examined:
    return Examined(refusal=refusal.value)


def main(arguments: Sequence[str] = ()) -> None:
    """Read a question, answer it, end."""
    assert not arguments, "everything comes on standard input"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.msgpack.encode(examine(question)))


if __name__ == "__main__":
    main()

"""One PAdES signature as an incremental update of a PDF.

The bytes handed in stay as they are and become the prefix of the result: what was shown to the
person is what the signature covers. Active content (scripts, launch and submit actions,
attachments, XFA forms) is refused: a document that can change its own look is not what was seen.

Not for: who may sign (domain.py), what levels LT and LTA add afterwards (levels.py).
Source: ISO 32000-2 s12.8 (signatures), ETSI EN 319 142-1 baselines B-B and B-T, RFC 5035
(signing-certificate-v2).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.text import TextBoxStyle
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from lionrock.identity.signing.domain import SIGNATURES_MAX, SigningRefusal, Statement
from lionrock.identity.signing.levels import Lasting, make_lasting
from lionrock.identity.signing.timestamps import CityTimeStamper
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import Key

PDF_BYTES_MAX = 5 * 1024 * 1024
OBJECTS_MAX = 20_000
STAMP_LINE_LENGTH_MAX = 60
SIGNATURE_DER_BYTES_MAX = 72  # two integers of at most 33 octets (RFC 3279 s2.2.3)
# What pyHanko and asn1crypto raise on bytes that are no PDF, or no longer the one they were. They
# parse untrusted input, so a damaged structure can surface as any of these.
UNREADABLE = (
    PdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError,
    ArithmeticError, RecursionError, NotImplementedError, zlib.error, EOFError,
)  # fmt: skip
_ACTIVE_NAMES = frozenset({
    "/JavaScript", "/JS", "/OpenAction", "/AA", "/Launch", "/SubmitForm", "/ImportData",
    "/EmbeddedFile", "/EmbeddedFiles", "/XFA", "/RichMedia", "/Movie", "/Rendition",
})  # fmt: skip


class Appearance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signature shows on paper: page from 0, box in points, up to four lines of ASCII."""

    page: int
    left: int
    bottom: int
    right: int
    top: int
    lines: tuple[str, ...]


def check_pdf(pdf: bytes) -> Refused | None:
    """Refuse what must not be signed: PDF_TOO_LARGE, _MALFORMED, _ENCRYPTED, _ACTIVE_CONTENT."""
    if len(pdf) > PDF_BYTES_MAX:
        return Refused(SigningRefusal.PDF_TOO_LARGE, f"At most {PDF_BYTES_MAX} bytes are taken.")
    if not pdf.startswith(b"%PDF-"):
        return Refused(SigningRefusal.PDF_MALFORMED, "It does not begin with %PDF-.")
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if reader.encrypted:
            return Refused(SigningRefusal.PDF_ENCRYPTED)
        if len(reader.embedded_regular_signatures) >= SIGNATURES_MAX:
            return Refused(SigningRefusal.SIGNATURES_TOO_MANY)
        active = next(_active_names(reader), None)
    except UNREADABLE as error:
        return Refused(SigningRefusal.PDF_MALFORMED, str(error)[:200])
    if active is not None:
        return Refused(SigningRefusal.PDF_ACTIVE_CONTENT, f"It holds {active}.")
    return None


async def add_signature(
    pdf: bytes,
    statement: Statement,
    *,
    key: Key,
    certificate: x509.Certificate,
    signed_at: datetime,
    field_name: str,
    signer_name: str,
    place: str,
    appearance: Appearance | None = None,
    lasting: Lasting | None = None,
) -> bytes:
    """Return the PDF with one more signature (ETSI.CAdES.detached, SHA-256, ECDSA P-256).

    `pdf` must have passed check_pdf; the result begins with exactly its bytes. Without `lasting`
    the level is B-B. Nothing here waits: it is async because pyHanko is.
    """
    assert len(pdf) == statement.document_bytes, "the statement is about these bytes"
    assert signed_at.tzinfo is not None, "instants are timezone-aware"
    metadata = PdfSignatureMetadata(
        field_name=field_name,
        md_algorithm="sha256",
        reason=statement.reason(),
        name=signer_name,
        location=place,
        subfilter=SigSeedSubFilter.PADES,
    )
    pdf_signer = PdfSigner(
        metadata,
        KeySigner(key, certificate),
        timestamper=None if lasting is None else CityTimeStamper(lasting.time_stamper),
        stamp_style=_stamp_style(appearance),
        new_field_spec=_field(field_name, appearance),
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=True)
    session = pdf_signer.init_signing_session(writer)
    # pyHanko would ask the operating system; the date in the signature is the kernel's wire time.
    session.system_time = signed_at
    reserved = await session.estimate_signature_container_size(None)
    document = session.prepare_tbs_document(None, reserved)
    prepared, output = document.digest_tbs_document()
    await document.perform_signature(
        prepared.document_digest, PdfCMSSignedAttributes(signing_time=signed_at)
    )
    signed = bytes(output.getvalue())
    if lasting is not None:
        signed = await make_lasting(signed, certificate, lasting)
    assert signed.startswith(pdf), "a signature is an incremental update"
    return signed


class KeySigner(Signer):  # type: ignore[misc]  # pyHanko ships no types
    """A port's key as pyHanko signs with it; the private half is never exported."""

    def __init__(self, key: Key, certificate: x509.Certificate) -> None:
        der = certificate.public_bytes(serialization.Encoding.DER)
        super().__init__(
            signing_cert=next(iter(load_certs_from_pemder_data(der))),
            # Only the signer's own certificate travels in the CMS: signing-certificate-v2 binds it,
            # while an extra certificate could be changed without breaking the signature.
            cert_registry=SimpleCertificateStore(),
        )
        self._key = key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """Return an ECDSA signature with SHA-256 (DER); a dry run asks only for the size."""
        assert digest_algorithm == "sha256", "asked for in the metadata"
        if dry_run:
            return bytes(SIGNATURE_DER_BYTES_MAX)
        assert isinstance(self._key.private, ec.EllipticCurvePrivateKey), "signers hold P-256 pairs"
        return self._key.private.sign(data, ec.ECDSA(hashes.SHA256()))


def _field(field_name: str, appearance: Appearance | None) -> Any:
    if appearance is None:
        return SigFieldSpec(sig_field_name=field_name)
    box = (appearance.left, appearance.bottom, appearance.right, appearance.top)
    return SigFieldSpec(sig_field_name=field_name, on_page=appearance.page, box=box)


def _stamp_style(appearance: Appearance | None) -> Any:
    if appearance is None:
        return None
    lines = [line[:STAMP_LINE_LENGTH_MAX] for line in appearance.lines]
    assert all(line.isascii() for line in lines), "the stamp's font has Latin letters only"
    # A percent sign would be read as a place for a value.
    text = "\n".join(line.replace("%", "%%") for line in lines)
    return TextStampStyle(
        stamp_text=text, border_width=0, text_box_style=TextBoxStyle(font_size=7, leading=9)
    )


def _active_names(reader: PdfFileReader) -> Iterator[str]:
    """Walk everything reachable from the trailer and yield names of active content."""
    pending: list[Any] = [reader.trailer_view]
    seen: set[Any] = set()
    while pending:
        item = pending.pop()
        if isinstance(item, generic.IndirectObject):
            if item.reference in seen:
                continue
            seen.add(item.reference)
            item = item.get_object()
        if len(seen) > OBJECTS_MAX:
            raise ValueError(f"it has more than {OBJECTS_MAX} objects")
        yield from (name for name in _names_in(item) if name in _ACTIVE_NAMES)
        pending.extend(_members(item))


def _names_in(item: Any) -> list[str]:
    """The names that an object itself states: a dictionary's keys, or a name as a value."""
    if isinstance(item, generic.DictionaryObject):
        return [str(name) for name in item]
    return [str(item)] if isinstance(item, generic.NameObject) else []


def _members(item: Any) -> list[Any]:
    """What an object holds, references not followed."""
    if isinstance(item, generic.DictionaryObject):
        return [item.raw_get(name) for name in item]
    if isinstance(item, generic.ArrayObject):
        return [item.raw_get(place) for place in range(len(item))]
    return []

"""What the levels LT and LTA add to a signed PDF, each as an incremental update of its own.

LT: the document security store with the certificates and the CA's revocation list, so that a later
verifier needs nobody. LTA: a document time-stamp over everything, the store among it.
Not for: the signature and its own time-stamp (pdf.py), checking (validation.py).
Source: ETSI EN 319 142-1 s5.4.2 (DSS), s5.4.3 (document time-stamp), s6.3 (levels).
Invariant: the bytes handed in stay the prefix of the result.
"""

from __future__ import annotations

import io

import msgspec
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore

from lionrock.identity.signing.domain import Level
from lionrock.identity.signing.timestamps import CityTimeStamper, TimeStampMaker


class Lasting(msgspec.Struct, frozen=True, kw_only=True):
    """What a level above B-B needs; `revocation_list` is the CA's present CRL (DER)."""

    level: Level
    time_stamper: TimeStampMaker
    ca: x509.Certificate
    revocation_list: bytes


async def make_lasting(pdf: bytes, signer: x509.Certificate, lasting: Lasting) -> bytes:
    """Return a PDF signed at B-T raised to the level asked for (B-T: as it is)."""
    if lasting.level in (Level.B, Level.T):
        return pdf
    held = [_asn1(c) for c in (signer, lasting.ca, lasting.time_stamper.certificate)]
    stream = io.BytesIO(pdf)
    # No entry per signature (VRI): ETSI EN 319 142-1 makes it optional, and it adds nothing here.
    DocumentSecurityStore.add_dss(
        stream, None, certs=held,
        crls=[asn1_crl.CertificateList.load(lasting.revocation_list)],
    )  # fmt: skip
    stored = stream.getvalue()
    assert stored.startswith(pdf), "the store is an incremental update"
    if lasting.level is Level.LT:
        return stored
    number = len(PdfFileReader(io.BytesIO(stored)).embedded_timestamp_signatures) + 1
    stamper = PdfTimeStamper(
        CityTimeStamper(lasting.time_stamper), field_name=f"time-stamp-{number}"
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(stored), strict=True)
    output = await stamper.async_timestamp_pdf(writer, "sha256")
    stamped = bytes(output.getvalue())
    assert stamped.startswith(stored), "the time-stamp is an incremental update"
    return stamped


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))

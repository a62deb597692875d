"""What the city's CA says of revoked certificates: the list (CRL) and single answers (OCSP).

Both are made from the same rows at the moment of asking, signed by the CA itself, so that a
revocation is public at once; `next update` only bounds how long a verifier may keep an answer.
Not for: deciding to revoke (service.py), checking (validation.py).

Source: RFC 5280 s5 (CRL), RFC 6960 (OCSP), RFC 5019 (its light profile).
Invariants: nothing is ever taken off the list (RFC 5280 allows removal only after expiry); an
answer for a serial number that this CA never issued is "unknown", never "good".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from lionrock.kernel.jose_keys import Key

LIST_LIFE = timedelta(days=7)
ANSWER_LIFE = timedelta(hours=1)
OCSP_REQUEST_BYTES_MAX = 4 * 1024
REASONS = {
    "key_compromise": x509.ReasonFlags.key_compromise,
    "affiliation_changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
}


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """One revoked certificate: serial number in hexadecimal, when (wire time), why."""

    serial: str
    revoked_at: datetime
    reason: str


def build_list(
    revoked: Iterable[Revoked], *, ca: x509.Certificate, ca_key: Key, now: datetime
) -> bytes:
    """Return the revocation list as DER; its number is the second it was made in."""
    assert isinstance(ca_key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    this_update = now.replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(this_update)
        .next_update(this_update + LIST_LIFE)
        .add_extension(x509.CRLNumber(int(this_update.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.private.public_key()),
            critical=False,
        )
    )
    for row in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(int(row.serial, 16))
            .revocation_date(row.revoked_at)
            .add_extension(x509.CRLReason(REASONS[row.reason]), critical=False)
        )
        builder = builder.add_revoked_certificate(entry.build())
    made = builder.sign(ca_key.private, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def read_question(request: bytes, ca: x509.Certificate) -> str | None:
    """Return the serial (hexadecimal) that an OCSP request asks about; None when it is not ours.

    One certificate a request (RFC 5019 s2.1.1), issued by this CA.
    """
    if len(request) > OCSP_REQUEST_BYTES_MAX:
        return None
    try:
        asked = ocsp.load_der_ocsp_request(request)
        algorithm = asked.hash_algorithm
        expected = (_name_hash(ca, algorithm), _key_hash(ca, algorithm))
        if (asked.issuer_name_hash, asked.issuer_key_hash) != expected:
            return None
        return f"{asked.serial_number:x}"
    except (ValueError, TypeError, NotImplementedError):
        return None


def malformed_answer() -> bytes:
    """Return the unsigned answer "malformedRequest" (RFC 6960 s2.3)."""
    made = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    return made.public_bytes(serialization.Encoding.DER)


def unauthorized_answer() -> bytes:
    """Return the unsigned answer "unauthorized": we never issued that one (RFC 5019 s2.2.3)."""
    made = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    return made.public_bytes(serialization.Encoding.DER)


def build_answer(
    certificate: x509.Certificate,
    revoked: Revoked | None,
    *,
    ca: x509.Certificate,
    ca_key: Key,
    now: datetime,
) -> bytes:
    """Return a signed OCSP answer for one certificate of this CA, as DER."""
    assert isinstance(ca_key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    this_update = now.replace(microsecond=0)
    status = ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate, issuer=ca, algorithm=hashes.SHA256(), cert_status=status,
        this_update=this_update, next_update=this_update + ANSWER_LIFE,
        revocation_time=None if revoked is None else revoked.revoked_at,
        revocation_reason=None if revoked is None else REASONS[revoked.reason],
    )  # fmt: skip
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, ca)
    made = builder.sign(ca_key.private, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def _name_hash(ca: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    return _digest(ca.subject.public_bytes(), algorithm)


def _key_hash(ca: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    point = ca.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return _digest(point, algorithm)


def _digest(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()

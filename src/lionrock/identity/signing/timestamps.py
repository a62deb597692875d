"""The city's own time-stamp authority (simulated): requests in, tokens out, nothing remembered.

A token says that a digest existed at an instant of the wire clock, to the second. It says nothing
of who had it. Not for: receipts and the log's stamps (evidence).

Source: RFC 3161 (time-stamp protocol), RFC 5816 (signing-certificate-v2), ETSI EN 319 422 (profile:
SHA-256 or stronger, accuracy of a second or better).
Invariants: the nonce comes back as it came; no serial number comes twice (128 random bits); a
request that is not exactly understood gets a rejection with its reason, never a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.sign.timestamps import TimeStamper

from lionrock.identity.signing.cms_shape import der, issuer_and_serial_of, time_stamp_token
from lionrock.kernel import secrets
from lionrock.kernel.jose_keys import Key

REQUEST_BYTES_MAX = 4 * 1024
NONCE_BYTES_MAX = 32
ACCURACY_S = 1
# Our own policy under the arc of UUIDs (X.667): "simulated clock, for testing only".
POLICY = "2.25.233147982037523886377247388914097617473"
_DIGEST_BYTES: Mapping[str, int] = {"sha256": 32, "sha384": 48, "sha512": 64}
_SERIAL_BYTES = 16
# What asn1crypto raises on bytes that are not the structure they should be.
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)


class TimeStampMaker(msgspec.Struct, frozen=True, kw_only=True):
    """The authority's key and certificate, and the instant that its tokens state."""

    key: Key
    certificate: x509.Certificate
    now: datetime

    def stamp(self, digest: bytes, algorithm: str, *, nonce: int | None = None,
              wants_certificate: bool = True) -> bytes:  # fmt: skip
        """Return a time-stamp token (DER) for a digest made with `algorithm` (sha256 and up)."""
        assert len(digest) == _DIGEST_BYTES[algorithm], "the digest is of its algorithm"
        info = tsp.TSTInfo({
            "version": "v1", "policy": POLICY, "message_imprint": _imprint(digest, algorithm),
            "serial_number": _serial_number(), "gen_time": self.now.replace(microsecond=0),
            "accuracy": tsp.Accuracy({"seconds": ACCURACY_S}), "ordering": False,
        })  # fmt: skip
        if nonce is not None:
            info["nonce"] = nonce
        content = info.dump()
        encoded = self.certificate.public_bytes(serialization.Encoding.DER)
        certificate = asn1_x509.Certificate.load(encoded)
        attributes = _signed_attributes(content, encoded)
        assert isinstance(self.key.private, ec.EllipticCurvePrivateKey), "a P-256 pair"
        signature = self.key.private.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        return time_stamp_token(
            content, certificate if wants_certificate else None,
            issuer_and_serial_of(certificate), attributes.contents, signature,
        )  # fmt: skip


def answer(request: bytes, maker: TimeStampMaker) -> bytes:
    """Return the TimeStampResp (DER) to the bytes of a TimeStampReq.

    Rejections by failure info (RFC 3161 s2.4.2): bad_data_format, bad_request (oversized, other
    version), bad_alg, unaccepted_policy, unaccepted_extensions.
    """
    if len(request) > REQUEST_BYTES_MAX:
        return _rejection("bad_request", f"At most {REQUEST_BYTES_MAX} bytes are taken.")
    try:
        asked = tsp.TimeStampReq.load(request, strict=True)
        problem = _problem(asked)
        if problem is not None:
            return _rejection(*problem)
        imprint = asked["message_imprint"]
        token = maker.stamp(
            imprint["hashed_message"].native, imprint["hash_algorithm"]["algorithm"].native,
            nonce=asked["nonce"].native, wants_certificate=bool(asked["cert_req"].native),
        )  # fmt: skip
    except _MALFORMED:
        return _rejection("bad_data_format", "It is not a DER-encoded TimeStampReq.")
    return der(0x30, tsp.PKIStatusInfo({"status": "granted"}).dump(), token)


class CityTimeStamper(TimeStamper):  # type: ignore[misc]  # pyHanko ships no types
    """The authority as pyHanko asks it, without a network between."""

    def __init__(self, maker: TimeStampMaker) -> None:
        super().__init__(include_nonce=False)
        self._maker = maker

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> Any:
        """Return a token as asn1crypto ContentInfo."""
        return cms.ContentInfo.load(self._maker.stamp(message_digest, md_algorithm))


def _problem(asked: Any) -> tuple[str, str] | None:
    """Say what is wrong with a well-formed request: failure info and sentence."""
    # Everything is read before anything is answered: asn1crypto parses lazily.
    values = asked.native
    if asked["version"].native != "v1":
        return "bad_request", "Only version 1 is known."
    imprint = values["message_imprint"]
    expected = _DIGEST_BYTES.get(imprint["hash_algorithm"]["algorithm"])
    if expected is None:
        return "bad_alg", f"Taken: {', '.join(_DIGEST_BYTES)}."
    if len(imprint["hashed_message"]) != expected:
        return "bad_data_format", "The digest is not as long as its algorithm makes it."
    if values["req_policy"] not in (None, POLICY):
        return "unaccepted_policy", f"The only policy is {POLICY}."
    if values["extensions"]:
        return "unaccepted_extensions", "No extension is taken."
    nonce = values["nonce"]
    if nonce is not None and abs(nonce).bit_length() > 8 * NONCE_BYTES_MAX:
        return "bad_request", f"A nonce has at most {NONCE_BYTES_MAX} bytes."
    return None


def _rejection(failure: str, text: str) -> bytes:
    status = tsp.PKIStatusInfo({
        "status": "rejection", "status_string": [text],
        "fail_info": tsp.PKIFailureInfo({failure}),
    })  # fmt: skip
    return der(0x30, status.dump())


def _imprint(digest: bytes, algorithm: str) -> Any:
    return tsp.MessageImprint({
        "hash_algorithm": algos.DigestAlgorithm({"algorithm": algorithm}),
        "hashed_message": digest,
    })  # fmt: skip


def _signed_attributes(content: bytes, certificate_der: bytes) -> Any:
    certificate_id = tsp.ESSCertIDv2({"cert_hash": _sha256(certificate_der)})
    signing_certificate = tsp.SigningCertificateV2({"certs": [certificate_id]})
    return cms.CMSAttributes([
        cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
        cms.CMSAttribute({
            "type": "message_digest", "values": [core.OctetString(_sha256(content))],
        }),
        cms.CMSAttribute({"type": "signing_certificate_v2", "values": [signing_certificate]}),
    ])  # fmt: skip


def _sha256(content: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize()


def _serial_number() -> int:
    return int.from_bytes(secrets.octets(_SERIAL_BYTES), "big") + 1

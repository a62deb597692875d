"""Digests, certificates and what a service gives back for them: a signature or a CMS."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


class Malformed(Exception):
    """Something received is not of the form the wire style has."""


def digest_of(document: bytes) -> str:
    """The base64 SHA-256 digest that goes into hashCode or docDigest."""
    return base64.b64encode(hashlib.sha256(document).digest()).decode()


def load_certificate(text: str) -> x509.Certificate:
    """Read a certificate from PEM or from base64 of DER."""
    if "-----BEGIN" in text:
        return x509.load_pem_x509_certificate(text.encode())
    return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))


def verify_digest(certificate: x509.Certificate, signature: bytes, digest: str) -> None:
    """Check an RSA signature of a document by its digest; raise InvalidSignature if it fails."""
    _verify(certificate, signature, base64.b64decode(digest, validate=True), prehashed=True)


def verify_pdf(certificate: x509.Certificate, signature: bytes, digest: str) -> None:
    """Check the result for a PDF digest: a bare signature or a detached CMS signature."""
    if not signature.startswith(b"\x30"):
        verify_digest(certificate, signature, digest)
        return
    try:
        attributes, value = _signer_parts(signature)
    except (Malformed, IndexError):  # a bare signature may begin with any byte
        verify_digest(certificate, signature, digest)
        return
    stated = _message_digest(attributes)
    if not hmac.compare_digest(stated, base64.b64decode(digest, validate=True)):
        raise InvalidSignature("the CMS signature is of another digest")
    _verify(certificate, value, b"\x31" + attributes[1:], prehashed=False)


def _verify(
    certificate: x509.Certificate, signature: bytes, data: bytes, *, prehashed: bool
) -> None:
    """Check a SHA-256 signature with the certificate's RSA or elliptic curve key."""
    algorithm = utils.Prehashed(hashes.SHA256()) if prehashed else hashes.SHA256()
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(algorithm))
    else:
        raise Malformed("the certificate has a key of an unknown kind")


def _elements(der: bytes) -> list[tuple[int, bytes, bytes]]:
    """Tag, value and whole encoding of the DER elements that follow one another."""
    found = []
    at = 0
    while at < len(der):
        length, head = der[at + 1], 2
        if length & 0x80:
            count = length & 0x7F
            if count == 0:
                raise Malformed("an indefinite length is not DER")
            length, head = int.from_bytes(der[at + 2 : at + 2 + count], "big"), 2 + count
        end = at + head + length
        if end > len(der):
            raise Malformed("a DER element runs past its end")
        found.append((der[at], der[at + head : end], der[at:end]))
        at = end
    return found


def _signer_parts(cms: bytes) -> tuple[bytes, bytes]:
    """The encoded signed attributes and the signature of the only signer."""
    content_info = _elements(_elements(cms)[0][1])
    signed_data = _elements(_elements(content_info[1][1])[0][1])
    signers = _elements(signed_data[-1][1])
    if len(signers) != 1:
        raise Malformed("a CMS signature here has one signer")
    parts = _elements(signers[0][1])
    attributes = [whole for tag, _, whole in parts if tag == 0xA0]
    values = [value for tag, value, _ in parts if tag == 0x04]
    if len(attributes) != 1 or len(values) != 1:
        raise Malformed("the CMS signature has no signed attributes")
    return attributes[0], values[0]


def _message_digest(attributes: bytes) -> bytes:
    """The message digest among signed attributes."""
    message_digest = bytes.fromhex("06092a864886f70d010904")
    for _, attribute, _ in _elements(_elements(attributes)[0][1]):
        name, values = _elements(attribute)
        if name[2] == message_digest:
            return _elements(values[1])[0][1]
    raise Malformed("the CMS signature states no message digest")

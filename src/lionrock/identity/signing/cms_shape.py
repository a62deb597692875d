"""The one spelling of the CMS objects that we write: DER, one signer, one certificate.

A CMS leaves much to the writer (versions, algorithm lists, order, extra certificates) that no
signature covers. We write one spelling, and validation rebuilds it from what is covered: so no bit
of a signed file is free. Not for: parsing, cryptography.
Source: RFC 5652 s5.1 and s5.3 (SignedData), RFC 5754 s2.2 (SHA-256), X.690 s10.1 (DER),
RFC 3161 s2.4.2 (time-stamp token), RFC 5126 s6.1.1 (signature-time-stamp attribute).
"""

from __future__ import annotations

from typing import Any

_VERSION_1 = bytes.fromhex("020101")
_VERSION_3 = bytes.fromhex("020103")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
_SIGNATURE_TIME_STAMP = bytes.fromhex("060b2a864886f70d010910020e")
_SHA_256 = bytes.fromhex("300d06096086480165030402010500")
_ECDSA_WITH_SHA_256 = bytes.fromhex("300a06082a8648ce3d040302")


def detached_signature(
    certificate: Any, signed_attributes: bytes, signature: bytes, time_stamp: bytes | None = None
) -> bytes:
    """Encode a signature over content kept elsewhere (a PDF's ByteRange).

    `certificate` is an asn1crypto certificate, `signed_attributes` the content octets of their SET,
    `time_stamp` a token (DER) for the one unsigned attribute of level T.
    """
    unsigned = b""
    if time_stamp is not None:
        attribute = der(0x30, _SIGNATURE_TIME_STAMP, der(0x31, time_stamp))
        unsigned = der(0xA1, attribute)
    info = _signer(certificate, signed_attributes, signature, unsigned)
    return _signed(_VERSION_1, der(0x30, _DATA), certificate, info)


def time_stamp_token(
    stamped: bytes, certificate: Any | None, issuer_and_serial: bytes,
    signed_attributes: bytes, signature: bytes,
) -> bytes:
    """Encode a time-stamp token; `certificate` None when the asker did not want it (certReq)."""
    content = der(0x30, _TST_INFO, der(0xA0, der(0x04, stamped)))
    info = der(
        0x30, _VERSION_1, issuer_and_serial, _SHA_256, der(0xA0, signed_attributes),
        _ECDSA_WITH_SHA_256, der(0x04, signature),
    )  # fmt: skip
    return _signed(_VERSION_3, content, certificate, info)


def issuer_and_serial_of(certificate: Any) -> bytes:
    """Encode IssuerAndSerialNumber of an asn1crypto certificate."""
    serial_number = certificate["tbs_certificate"]["serial_number"].dump()
    return der(0x30, certificate.issuer.dump(), serial_number)


def rebuilt_signature(signed_data: Any, certificate: Any) -> bytes:
    """Return the one spelling of a PDF signature with these covered parts.

    `signed_data` is what was parsed (asn1crypto SignedData). ValueError when it holds an unsigned
    attribute of another kind than one signature time-stamp.
    """
    info = signed_data["signer_infos"][0]
    token = attached_time_stamp(info)
    time_stamp = None if token is None else rebuilt_token(token)
    return detached_signature(
        certificate, info["signed_attrs"].contents, info["signature"].native, time_stamp
    )


def rebuilt_token(token: Any) -> bytes:
    """Return the one spelling of a time-stamp token (asn1crypto ContentInfo) with its parts."""
    signed_data = token["content"]
    info = signed_data["signer_infos"][0]
    certificate = signed_data["certificates"][0].chosen
    return time_stamp_token(
        signed_data["encap_content_info"]["content"].contents,
        certificate,
        issuer_and_serial_of(certificate),
        info["signed_attrs"].contents,
        info["signature"].native,
    )


def attached_time_stamp(signer: Any) -> Any | None:
    """Return the token of a signer info's one unsigned attribute; None when it has none.

    ValueError for any other unsigned attribute: nothing covers it.
    """
    attributes = signer["unsigned_attrs"]
    if attributes.native is None or len(attributes) == 0:
        return None
    if len(attributes) != 1 or attributes[0]["type"].native != "signature_time_stamp_token":
        raise ValueError("an unsigned attribute is not a signature time-stamp")
    values = attributes[0]["values"]
    if len(values) != 1:
        raise ValueError("there is more than one signature time-stamp")
    return values[0]


def _signed(version: bytes, content: bytes, certificate: Any | None, signer: bytes) -> bytes:
    held = b"" if certificate is None else der(0xA0, certificate.dump())
    signed_data = der(
        0x30, version, der(0x31, _SHA_256), content, held, der(0x31, signer)
    )
    return der(0x30, _SIGNED_DATA, der(0xA0, signed_data))


def _signer(
    certificate: Any, signed_attributes: bytes, signature: bytes, unsigned: bytes
) -> bytes:
    return der(
        0x30, _VERSION_1, issuer_and_serial_of(certificate), _SHA_256,
        der(0xA0, signed_attributes), _ECDSA_WITH_SHA_256, der(0x04, signature), unsigned,
    )  # fmt: skip


def der(tag: int, *parts: bytes) -> bytes:
    """Encode one value in DER: tag, shortest length, content octets (X.690 s8.1, s10.1)."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content

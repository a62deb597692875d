"""Signed and encrypted JSON objects in compact form: strict on the way in, plain on the way out.

`verify_jws` refuses, in this order: size, spelling (base64url, JSON with a name twice), every
`crit` (we understand no extension), an algorithm outside the caller's list, another `typ`, an
unknown key, a wrong signature, claims that are not an object. Keys inside headers are never
followed: `jku`, `x5u` and `jwk` are data (a DPoP proof's key is read with `read_unverified` and
passed back in).

Not for: meaning of claims (iss, aud, exp belong to the caller), HMAC, RSA, `none`.
Source: RFC 7515, RFC 7516, RFC 7518 s4.6, RFC 8725 (best practice), RFC 9864 (Ed25519).
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refused
from lionrock.kernel.jose_keys import (
    JoseRefusal,
    Key,
    KeyKind,
    generate_encryption_key,
    generate_key,
    key_from_jwk,
    key_from_pkcs8,
    sign_bytes,
    thumbprint,
    trusted_key,
    verify_bytes,
)

__all__ = [
    "JOSE_ERRORS", "JWE_CHARACTERS_MAX", "JWS_CHARACTERS_MAX", "JoseRefusal", "Key", "KeyKind",
    "Unverified", "Verified", "decrypt_jwe", "encrypt_jwe", "generate_encryption_key",
    "generate_key", "key_from_jwk", "key_from_pkcs8", "read_unverified", "sign_jws",
    "strict_json_object", "thumbprint", "trusted_key", "verify_jws",
]  # fmt: skip

JWS_HEADER_CHARACTERS_MAX = 8 * 1024
JWS_PAYLOAD_CHARACTERS_MAX = 1024 * 1024
JWS_SIGNATURE_CHARACTERS_MAX = 128
JWS_CHARACTERS_MAX = JWS_PAYLOAD_CHARACTERS_MAX + JWS_HEADER_CHARACTERS_MAX + 256
JWE_HEADER_CHARACTERS_MAX = 4 * 1024
JWE_CIPHERTEXT_CHARACTERS_MAX = 4 * 1024 * 1024
JWE_CHARACTERS_MAX = JWE_CIPHERTEXT_CHARACTERS_MAX + JWE_HEADER_CHARACTERS_MAX + 256
JSON_DEPTH_MAX = 32
# Read again within one request: assertions and proofs, not documents.
KEPT_CHARACTERS_MAX = 4 * 1024
KEPT_MAX = 64

SIGNING_ALGORITHMS = ("ES256", "Ed25519")
KEY_AGREEMENT = "ECDH-ES"
CONTENT_ENCRYPTION = "A256GCM"

JOSE_ERRORS: ErrorTable = {
    JoseRefusal.TOO_LARGE: ErrorRow(
        413, "The signed or encrypted object is larger than is taken here. Send less.", "RFC 8725"
    ),
    JoseRefusal.MALFORMED: ErrorRow(
        400, "That is no compact JWS or JWE. Check base64url and the JSON header.", "RFC 7515 s7.1"
    ),
    JoseRefusal.CRITICAL_HEADER: ErrorRow(
        400, "The header marks an extension as critical; none is understood.", "RFC 7515 s4.1.11"
    ),
    JoseRefusal.ALGORITHM: ErrorRow(
        400, "The algorithm is not allowed here. Use ES256.", "RFC 8725 s3.1"
    ),
    JoseRefusal.TYPE: ErrorRow(
        400, "The typ header names another kind of token than expected here.", "RFC 8725 s3.11"
    ),
    JoseRefusal.KEY_UNKNOWN: ErrorRow(
        400, "No registered key has that kid. Register the key or use the registered one.",
        "RFC 7515 s4.1.4",
    ),
    JoseRefusal.KEY_MALFORMED: ErrorRow(
        400, "The JWK is no P-256 or Ed25519 public key.", "RFC 7517 s4"
    ),
    JoseRefusal.KEY_PRIVATE: ErrorRow(
        400, "The JWK holds a private key, which is no longer a secret. Replace that key.",
        "RFC 9449 s4.3",
    ),
    JoseRefusal.KEY_USE: ErrorRow(
        400, "The key says of itself that it is for something else.", "RFC 7517 s4.2"
    ),
    JoseRefusal.SIGNATURE: ErrorRow(
        400, "The signature does not fit the content and the key.", "RFC 7515 s5.2"
    ),
    JoseRefusal.CLAIMS_MALFORMED: ErrorRow(
        400, "The signed content is no JSON object with each name once.", "RFC 7519 s4"
    ),
    JoseRefusal.DECRYPTION: ErrorRow(
        400, "The content cannot be decrypted with the expected key.", "RFC 7516 s5.2"
    ),
}  # fmt: skip


class Verified(msgspec.Struct, frozen=True):
    """A JWS whose signature holds; `claims` is {} when the caller asked for raw content."""

    header: dict[str, Any]
    payload: bytes
    claims: dict[str, Any]
    key: Key


class Unverified(msgspec.Struct, frozen=True):
    """Header and claims of a JWS that nobody checked yet: only for finding the key."""

    header: dict[str, Any]
    claims: dict[str, Any]


class _Parts(msgspec.Struct, frozen=True):
    """A JWS taken apart; `claims` is None when the payload is no JSON object. Never changed."""

    header: dict[str, Any]
    payload: bytes
    claims: dict[str, Any] | None
    signature: bytes
    signed: bytes


class _JwsRegistry(jws.JWSRegistry):
    max_header_length = JWS_HEADER_CHARACTERS_MAX
    max_payload_length = JWS_PAYLOAD_CHARACTERS_MAX
    max_signature_length = JWS_SIGNATURE_CHARACTERS_MAX


class _JweRegistry(jwe.JWERegistry):
    max_protected_header_length = JWE_HEADER_CHARACTERS_MAX
    max_ciphertext_length = JWE_CIPHERTEXT_CHARACTERS_MAX


# Unknown header members are ignored, not refused (RFC 7515 s4); `crit` is refused before.
_JWS = _JwsRegistry(algorithms=list(SIGNING_ALGORITHMS), strict_check_header=False)
_JWE = _JweRegistry(algorithms=[KEY_AGREEMENT, CONTENT_ENCRYPTION], strict_check_header=False)


def sign_jws(
    key: Key,
    payload: bytes | Mapping[str, Any],
    *,
    typ: str,
    headers: Mapping[str, Any] | None = None,
) -> str:
    """Sign bytes or claims as a compact JWS with the key's own algorithm.

    The header holds alg, typ, kid and `headers`; with a `jwk` among them kid is left out (DPoP).
    ValueError for a public key, an encryption key or more than `JWS_PAYLOAD_CHARACTERS_MAX`.
    """
    if key.private is None or key.use != "sig" or key.alg not in SIGNING_ALGORITHMS:
        raise ValueError("this key cannot sign a JWS")
    extra = dict(headers or {})
    if {"alg", "typ", "crit", "b64"} & extra.keys():
        raise ValueError("alg and typ are set here; crit and b64 are not supported")
    header: dict[str, Any] = {"alg": key.alg, "typ": typ}
    if "jwk" not in extra:
        header["kid"] = key.kid
    header |= extra
    content = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    if len(content) * 4 // 3 > JWS_PAYLOAD_CHARACTERS_MAX:
        raise ValueError("the payload is larger than a reader takes")
    if not extra:
        # The library's way costs more than the signature; a header without more is always the same.
        signed = f"{_header_segment(key.alg, typ, key.kid)}.{_segment(content)}"
        return f"{signed}.{_segment(sign_bytes(key, signed.encode('ascii')))}"
    return jws.serialize_compact(header, content, key.jose, registry=_JWS)


@lru_cache(maxsize=KEPT_MAX)
def _header_segment(alg: str, typ: str, kid: str) -> str:
    header = {"alg": alg, "typ": typ, "kid": kid}
    return _segment(json.dumps(header, separators=(",", ":")).encode("ascii"))


def _segment(content: bytes) -> str:
    """Base64url without padding (RFC 7515 s2)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def read_unverified(token: str) -> Unverified | Refused:
    """Read header and claims without checking the signature, only to find the key."""
    parts = _read(token)
    if isinstance(parts, Refused):
        return parts
    if parts.claims is None:
        return Refused(JoseRefusal.CLAIMS_MALFORMED)
    return Unverified(header=dict(parts.header), claims=dict(parts.claims))


def verify_jws(
    token: str,
    keys: Key | Sequence[Key],
    *,
    typ: str | tuple[str, ...],
    algs: Sequence[str] = ("ES256",),
    raw: bool = False,
) -> Verified | Refused:
    """Check a compact JWS against one key, or against the key of a set that its kid names.

    `typ`: the accepted type or types, compared as media types; "" accepts an absent one. `raw`: the
    payload is bytes, otherwise it must be a JSON object. Outcomes: members of `JoseRefusal`.
    """
    assert algs, "an empty allow-list would accept nothing"
    assert set(algs) <= set(SIGNING_ALGORITHMS), "the allow-list names asymmetric algorithms only"
    parts = _read(token, raw=raw)
    if isinstance(parts, Refused):
        return parts
    header = parts.header
    if header.get("alg") not in algs:
        return Refused(JoseRefusal.ALGORITHM, f"accepted: {', '.join(algs)}")
    if not _is_type(header, (typ,) if isinstance(typ, str) else typ):
        return Refused(JoseRefusal.TYPE)
    key = _pick(header, keys)
    if isinstance(key, Refused):
        return key
    if header["alg"] != key.alg:
        return Refused(JoseRefusal.ALGORITHM, "the algorithm does not fit the key")
    if not verify_bytes(key, parts.signature, parts.signed):
        return Refused(JoseRefusal.SIGNATURE)
    claims = {} if raw else parts.claims
    if claims is None:
        return Refused(JoseRefusal.CLAIMS_MALFORMED)
    return Verified(header=dict(header), payload=parts.payload, claims=dict(claims), key=key)


def encrypt_jwe(
    plaintext: bytes, recipient: Key | Mapping[str, Any], headers: Mapping[str, Any] | None = None
) -> str:
    """Encrypt to a P-256 encryption key (ECDH-ES, A256GCM); the key may be one session's.

    `recipient` is a Key or public JWK with use "enc" (RFC 7518 s4.6). ValueError for another key or
    for more than a reader takes.
    """
    key = recipient if isinstance(recipient, Key) else trusted_key(recipient)
    if key.use != "enc" or key.alg != "ES256":
        raise ValueError("the recipient's key must be P-256 with use enc")
    if len(plaintext) * 4 // 3 > JWE_CIPHERTEXT_CHARACTERS_MAX:
        raise ValueError("the plaintext is larger than a reader takes")
    extra = dict(headers or {})
    if {"alg", "enc", "zip", "crit", "epk"} & extra.keys():
        raise ValueError("alg, enc and epk are set here; zip and crit are not supported")
    header = {"alg": KEY_AGREEMENT, "enc": CONTENT_ENCRYPTION, "kid": key.kid} | extra
    return jwe.encrypt_compact(header, plaintext, key.public_only().jose, registry=_JWE)


def decrypt_jwe(token: str, key: Key) -> bytes | Refused:
    """Decrypt a compact JWE sent to `key`; every failure of cryptography is the same DECRYPTION.

    Refused before any key is used: size, spelling, crit, zip (a decompression bomb), another
    algorithm pair, another kid.
    """
    if key.private is None or key.use != "enc":
        raise ValueError("this key cannot decrypt")
    if len(token) > JWE_CHARACTERS_MAX:
        return Refused(JoseRefusal.TOO_LARGE)
    segments = token.split(".")
    if len(segments) != 5 or segments[1] != "" or len(segments[0]) > JWE_HEADER_CHARACTERS_MAX:
        return Refused(JoseRefusal.MALFORMED)
    header = _header(segments[0])
    if isinstance(header, Refused):
        return header
    if (header.get("alg"), header.get("enc")) != (KEY_AGREEMENT, CONTENT_ENCRYPTION):
        return Refused(JoseRefusal.ALGORITHM, f"accepted: {KEY_AGREEMENT}, {CONTENT_ENCRYPTION}")
    if "zip" in header:
        return Refused(JoseRefusal.ALGORITHM, "compressed content is not taken")
    if header.get("kid", key.kid) != key.kid:
        return Refused(JoseRefusal.KEY_UNKNOWN)
    try:
        plaintext = jwe.decrypt_compact(token, key.jose, registry=_JWE).plaintext
    except (JoseError, ValueError, TypeError, KeyError):
        return Refused(JoseRefusal.DECRYPTION)
    assert plaintext is not None, "a decrypted object has its plaintext"
    return plaintext


def strict_json_object(data: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None when it is none, names a member twice, holds NaN or nests deep.

    A name given twice lets two readers see two different contents (RFC 8725 s2.4, RFC 7519 s4).
    """
    try:
        text = data.decode("utf-8", "strict")
        value = _STRICT_JSON.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not _is_shallow(value):
        return None
    return value


def _read(token: str, *, raw: bool = False) -> _Parts | Refused:
    """Take a compact JWS apart. One request reads the same one several times, so a few are kept."""
    if len(token) <= KEPT_CHARACTERS_MAX:
        return _read_kept(token)
    return _split_jws(token, raw=raw)


def _split_jws(token: str, *, raw: bool = False) -> _Parts | Refused:
    if len(token) > JWS_CHARACTERS_MAX:
        return Refused(JoseRefusal.TOO_LARGE)
    segments = token.split(".")
    if len(segments) != 3 or not token.isascii():
        return Refused(JoseRefusal.MALFORMED, "a compact JWS has three parts")
    limits = (
        JWS_HEADER_CHARACTERS_MAX, JWS_PAYLOAD_CHARACTERS_MAX, JWS_SIGNATURE_CHARACTERS_MAX
    )  # fmt: skip
    if any(len(part) > limit for part, limit in zip(segments, limits, strict=True)):
        return Refused(JoseRefusal.TOO_LARGE)
    header = _header(segments[0])
    if isinstance(header, Refused):
        return header
    payload, signature = _decode(segments[1]), _decode(segments[2])
    if payload is None or not signature:
        return Refused(JoseRefusal.MALFORMED, "payload or signature is no base64url")
    return _Parts(
        header=header, payload=payload, claims=None if raw else strict_json_object(payload),
        signature=signature, signed=token[: -len(segments[2]) - 1].encode("ascii"),
    )  # fmt: skip


_read_kept = lru_cache(maxsize=KEPT_MAX)(_split_jws)


def _header(segment: str) -> dict[str, Any] | Refused:
    data = _decode(segment)
    header = strict_json_object(data) if data is not None else None
    if header is None:
        return Refused(JoseRefusal.MALFORMED, "the header is no base64url of a JSON object")
    # `b64` changes what is signed and must be critical (RFC 7797 s6), so it counts as an extension.
    if "crit" in header or "b64" in header:
        return Refused(JoseRefusal.CRITICAL_HEADER)
    strings = ("alg", "typ", "kid", "cty", "enc")
    if not all(isinstance(header.get(name, ""), str) for name in strings):
        return Refused(JoseRefusal.MALFORMED, "alg, typ, kid, cty and enc are strings")
    return header


def _decode(segment: str) -> bytes | None:
    try:
        return urlsafe_b64decode(segment.encode("ascii"))
    except (binascii.Error, ValueError):
        return None


def _is_type(header: Mapping[str, Any], accepted: Sequence[str]) -> bool:
    """Compare typ as RFC 7515 s4.1.9 says: without case, "application/" left out."""
    present = header.get("typ", "").lower().removeprefix("application/")
    return any(present == name.lower().removeprefix("application/") for name in accepted)


def _pick(header: Mapping[str, Any], keys: Key | Sequence[Key]) -> Key | Refused:
    """One key: a kid, when given, must be its. A set: the kid must be given and name one of it."""
    kid = header.get("kid")
    if isinstance(keys, Key):
        candidates = [keys] if kid in (None, keys.kid) else []
    else:
        candidates = [key for key in keys if key.kid == kid]
    if len(candidates) != 1:
        return Refused(JoseRefusal.KEY_UNKNOWN)
    if candidates[0].use != "sig":
        return Refused(JoseRefusal.KEY_USE)
    return candidates[0]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is given twice")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_STRICT_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _is_shallow(value: Any) -> bool:
    level, depth = [value], 0
    while level and depth <= JSON_DEPTH_MAX:
        depth += 1
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return depth <= JSON_DEPTH_MAX

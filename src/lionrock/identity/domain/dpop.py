"""Proofs of possession (DPoP): the twelve checks of RFC 9449 s4.3 that need no memory.

The proof's own key is in its header; `jkt` is that key's thumbprint, to which tokens and codes are
bound. Uniqueness of `jti` (s11.1) is the service's, and whether a nonce is wanted (s8): nonces need
no memory, each is an HMAC over the window of time in which it was given out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lionrock.identity.domain.assertions import is_numeric_date
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import (
    JoseRefusal,
    Key,
    Unverified,
    key_from_jwk,
    read_unverified,
    verify_jws,
)

PROOF_TYPE = "dpop+jwt"
PROOF_CHARACTERS_MAX = 4096
PROOF_ALGORITHMS = ("ES256", "Ed25519")
PROOF_AGE_S_MAX = 60
PROOF_AHEAD_S_MAX = 60
# A nonce is taken in its own window of time and in both beside it: two to four minutes.
NONCE_WINDOW_S = 120
JTI_LENGTH_MAX = 256
TARGETS_KEPT_MAX = 512
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof whose signature and claims hold. `jkt` names the key (RFC 7638)."""

    jkt: str
    jti: str
    iat_s: int
    nonce: str | None = None


def check_proof(
    proof: str, *, method: str, url: str, now_s: int, access_token: str | None = None
) -> Proof | Refused:
    """Check one proof for a request (RFC 9449 s4.3). At a resource, `ath` binds the access token.

    `url` is the address as the server knows itself, never as the Host header claims.
    """
    if len(proof) > PROOF_CHARACTERS_MAX:
        return Refused(IdentityRefusal.DPOP_MALFORMED, "It is too long.")
    seen = read_unverified(proof)
    if not isinstance(seen, Unverified):
        return Refused(_JOSE_REFUSALS.get(seen.refusal, IdentityRefusal.DPOP_MALFORMED))
    key = _proof_key(seen.header)
    if isinstance(key, Refused):
        return key
    verified = verify_jws(proof, key, typ=PROOF_TYPE, algs=PROOF_ALGORITHMS)
    if isinstance(verified, Refused):
        return Refused(
            _JOSE_REFUSALS.get(verified.refusal, IdentityRefusal.DPOP_MALFORMED), verified.detail
        )
    claims = verified.claims
    problem = (
        _check_jti(claims)
        or _check_target(claims, method, url)
        or _check_times(claims, now_s)
        or _check_token_hash(claims, access_token)
    )
    if problem is not None:
        return problem
    # A nonce that is no text is none: where one is wanted it is refused as missing.
    nonce = claims.get("nonce")
    return Proof(
        jkt=key_thumbprint(key), jti=claims["jti"], iat_s=int(claims["iat"]),
        nonce=nonce if isinstance(nonce, str) else None,
    )  # fmt: skip


def claims_nonce(proof: str) -> bool:
    """Say whether an unchecked proof has a nonce, of whatever worth."""
    seen = read_unverified(proof) if len(proof) <= PROOF_CHARACTERS_MAX else None
    return isinstance(seen, Unverified) and isinstance(seen.claims.get("nonce"), str)


def nonce_of(key: bytes, window: int) -> str:
    """Return the nonce of a window of time (its number since the epoch), base64url of 16 octets."""
    mac = hmac.new(key, f"dpop nonce {window}".encode(), hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def key_thumbprint(key: Key) -> str:
    """The RFC 7638 thumbprint, whatever kid the JWK names itself: kid is the sender's to choose."""
    return key.thumbprint


def token_hash(access_token: str) -> str:
    """Return `ath`: base64url of the SHA-256 of the token's ASCII (RFC 9449 s4.2)."""
    digest = hashlib.sha256(access_token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=TARGETS_KEPT_MAX)
def normal_target(url: str) -> str | None:
    """Return a URL in the one spelling in which `htu` is compared, or None when it is none.

    Query and fragment are dropped (s4.3 point 9); scheme and host in lower case, default port left
    out, escapes of unreserved characters undone, dot segments removed (RFC 3986 s6.2.2, s6.2.3).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = parts.hostname.lower()
    if ":" in host:
        host = f"[{host}]"
    shown_port = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    path = _without_dots(_PERCENT.sub(_normal_escape, parts.path)) or "/"
    return f"{scheme}://{host}{shown_port}{path}"


_JOSE_REFUSALS: Mapping[Refusal, IdentityRefusal] = {
    JoseRefusal.TYPE: IdentityRefusal.DPOP_TYPE,
    JoseRefusal.ALGORITHM: IdentityRefusal.DPOP_ALGORITHM,
    # Within PROOF_CHARACTERS_MAX only a signature can be too long: an RSA one.
    JoseRefusal.TOO_LARGE: IdentityRefusal.DPOP_ALGORITHM,
    JoseRefusal.SIGNATURE: IdentityRefusal.DPOP_SIGNATURE,
    JoseRefusal.KEY_UNKNOWN: IdentityRefusal.DPOP_KEY,
    JoseRefusal.KEY_USE: IdentityRefusal.DPOP_KEY,
}


def _proof_key(header: Mapping[str, Any]) -> Key | Refused:
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        return Refused(IdentityRefusal.DPOP_KEY, "The header has no jwk.")
    key = key_from_jwk(jwk)
    if isinstance(key, Refused):
        return Refused(IdentityRefusal.DPOP_KEY, key.detail)
    return key


def _check_jti(claims: Mapping[str, Any]) -> Refused | None:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_LENGTH_MAX:
        return Refused(IdentityRefusal.DPOP_JTI)
    return None


def _check_target(claims: Mapping[str, Any], method: str, url: str) -> Refused | None:
    if claims.get("htm") != method:
        return Refused(IdentityRefusal.DPOP_METHOD, f"Expected htm {method}.")
    target = claims.get("htu")
    expected = normal_target(url)
    assert expected is not None, "the server's own address is a URL"
    if not isinstance(target, str) or normal_target(target) != expected:
        return Refused(IdentityRefusal.DPOP_TARGET, f"Expected htu {expected}")
    return None


def _check_times(claims: Mapping[str, Any], now_s: int) -> Refused | None:
    issued_at = claims.get("iat")
    if not is_numeric_date(issued_at):
        return Refused(IdentityRefusal.DPOP_TIME, "iat must be a number.")
    assert isinstance(issued_at, int | float), "is_numeric_date said so"
    if not now_s - PROOF_AGE_S_MAX <= issued_at <= now_s + PROOF_AHEAD_S_MAX:
        return Refused(IdentityRefusal.DPOP_TIME, f"iat is not within {PROOF_AGE_S_MAX} s of now.")
    # Not claims of a proof, but who writes them means them (RFC 7519 s4.1.4, s4.1.5).
    expires_at, not_before = claims.get("exp", now_s + 1), claims.get("nbf", now_s)
    if not is_numeric_date(expires_at) or not is_numeric_date(not_before):
        return Refused(IdentityRefusal.DPOP_TIME, "exp and nbf must be numbers.")
    if expires_at <= now_s - PROOF_AGE_S_MAX or not_before > now_s + PROOF_AHEAD_S_MAX:
        return Refused(IdentityRefusal.DPOP_TIME, "exp is past or nbf lies in the future.")
    return None


def _check_token_hash(claims: Mapping[str, Any], access_token: str | None) -> Refused | None:
    if access_token is None:
        return None
    if claims.get("ath") != token_hash(access_token):
        return Refused(IdentityRefusal.DPOP_TOKEN_HASH)
    return None


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return character if character in _UNRESERVED else match.group(0).upper()


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986 s5.2.4) from an absolute path."""
    kept: list[str] = []
    segments = path.split("/")
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
            continue
        if is_last:
            kept.append("")
    return "/".join(kept)

"""Client authentication by private_key_jwt, as FAPI 2.0 narrows it.

`aud` is the issuer, as one string, and nothing else: an assertion made for another server, or for
one endpoint, is worth nothing here. `jti` uniqueness is the service's (it needs memory).
Source: RFC 7523 s3; FAPI 2.0 Security Profile s5.3.2.1 (aud; skew 10 s to 60 s); RFC 7519 s4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import (
    JoseRefusal,
    Key,
    Unverified,
    read_unverified,
    verify_jws,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_CHARACTERS_MAX = 4096
ASSERTION_LIFE_S_MAX = 600
# FAPI 2.0 s5.3.2.1 wants 10 s ahead accepted and more than 60 s refused.
CLOCK_AHEAD_S_MAX = 30
CLOCK_BEHIND_S_MAX = 10
JTI_LENGTH_MAX = 256
SIGNING_ALGORITHMS = ("ES256", "Ed25519")


class ClientAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """A checked assertion; `expires_at_s` bounds how long its jti must be remembered."""

    client_id: str
    jti: str
    expires_at_s: int


def claimed_client(assertion: str) -> str | Refused:
    """Return the client that an unchecked assertion speaks for, only to find its keys.

    `iss` and `sub` must both be there and be the same (RFC 7523 s3, points 1 and 2).
    """
    if len(assertion) > ASSERTION_CHARACTERS_MAX:
        return Refused(IdentityRefusal.CLIENT_ASSERTION_MALFORMED, "It is too long.")
    seen = read_unverified(assertion)
    if not isinstance(seen, Unverified):
        return Refused(_JOSE_REFUSALS.get(seen.refusal, _MALFORMED), seen.detail)
    issuer, subject = seen.claims.get("iss"), seen.claims.get("sub")
    if not isinstance(issuer, str) or not issuer or issuer != subject:
        return Refused(IdentityRefusal.CLIENT_ASSERTION_ISSUER)
    return issuer


def claimed_key(assertion: str) -> object:
    """Return the kid that an unchecked assertion names, only to learn a key not seen before."""
    seen = read_unverified(assertion) if len(assertion) <= ASSERTION_CHARACTERS_MAX else None
    return seen.header.get("kid") if isinstance(seen, Unverified) else None


def check_assertion(
    assertion: str, keys: Sequence[Key], *, client_id: str, issuer: str, now_s: int
) -> ClientAssertion | Refused:
    """Check signature and claims of a client assertion against the client's registered keys."""
    verified = verify_jws(
        assertion,
        keys[0] if len(keys) == 1 else keys,
        typ=("", "JWT", "client-authentication+jwt"),
        algs=SIGNING_ALGORITHMS,
    )
    if isinstance(verified, Refused):
        return Refused(_JOSE_REFUSALS.get(verified.refusal, _MALFORMED), verified.detail)
    claims = verified.claims
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return Refused(IdentityRefusal.CLIENT_ASSERTION_ISSUER)
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience != issuer:
        return Refused(IdentityRefusal.CLIENT_ASSERTION_AUDIENCE)
    expires_at_s = _check_times(claims, now_s)
    if isinstance(expires_at_s, Refused):
        return expires_at_s
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_LENGTH_MAX:
        return Refused(IdentityRefusal.CLIENT_ASSERTION_JTI)
    return ClientAssertion(client_id=client_id, jti=jti, expires_at_s=expires_at_s)


_MALFORMED = IdentityRefusal.CLIENT_ASSERTION_MALFORMED
_JOSE_REFUSALS: Mapping[Refusal, IdentityRefusal] = {
    JoseRefusal.ALGORITHM: IdentityRefusal.CLIENT_ASSERTION_ALGORITHM,
    # Within ASSERTION_CHARACTERS_MAX only a signature can be too long: an RSA one.
    JoseRefusal.TOO_LARGE: IdentityRefusal.CLIENT_ASSERTION_ALGORITHM,
    JoseRefusal.SIGNATURE: IdentityRefusal.CLIENT_ASSERTION_SIGNATURE,
    JoseRefusal.KEY_UNKNOWN: IdentityRefusal.CLIENT_ASSERTION_SIGNATURE,
    JoseRefusal.KEY_USE: IdentityRefusal.CLIENT_ASSERTION_SIGNATURE,
}


def _check_times(claims: Mapping[str, Any], now_s: int) -> int | Refused:
    """Return `exp` in whole seconds; exp is required, nbf and iat count when present."""
    refusal = IdentityRefusal.CLIENT_ASSERTION_TIME
    expires_at = claims.get("exp")
    if not is_numeric_date(expires_at):
        return Refused(refusal, "exp must be a number.", field="exp")
    assert isinstance(expires_at, int | float), "is_numeric_date said so"
    if expires_at <= now_s - CLOCK_BEHIND_S_MAX:
        return Refused(refusal, "exp is past.", field="exp")
    if expires_at > now_s + ASSERTION_LIFE_S_MAX:
        return Refused(refusal, f"exp is more than {ASSERTION_LIFE_S_MAX} s ahead.", field="exp")
    for name in ("nbf", "iat"):
        instant = claims.get(name)
        if instant is None and name not in claims:
            continue
        if not is_numeric_date(instant):
            return Refused(refusal, f"{name} must be a number.", field=name)
        assert isinstance(instant, int | float), "is_numeric_date said so"
        if instant > now_s + CLOCK_AHEAD_S_MAX:
            return Refused(refusal, f"{name} lies in the future.", field=name)
    return int(expires_at) + 1


def is_numeric_date(value: object) -> bool:
    """Say whether a claim is a NumericDate (RFC 7519 s2): a finite, non-negative number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < 2**53

"""Signed request objects: an authorization request that its client cannot deny (RFC 9101).

Once a signed object is sent, its claims are the request and nothing beside it counts. It is signed
by a registered key of the client, is meant for this server, and lives an hour at most.
Not for: encrypted objects (TLS and the push keep them from the browser already), and objects by
reference (nothing is ever fetched for a request).
Source: RFC 9101 s4, s5, s6, s10; FAPI 2.0 Message Signing s5.3.1; RFC 8725 s3.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from lionrock.identity.domain.assertions import SIGNING_ALGORITHMS, is_numeric_date
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import JoseRefusal, Key, verify_jws

REQUEST_OBJECT_TYPES = ("oauth-authz-req+jwt", "JWT", "")
REQUEST_OBJECT_CHARACTERS_MAX = 32 * 1024
LIFE_S_MAX = 3600
# FAPI 2.0 s5.3.2.1 wants 10 s ahead accepted and more than 60 s refused.
CLOCK_AHEAD_S_MAX = 30
CLOCK_BEHIND_S_MAX = 10
JTI_LENGTH_MAX = 256
# Parameters that are JSON themselves stand in an object as JSON, not as text (RFC 9101 s4).
_JSON_PARAMETERS = frozenset({"claims", "authorization_details"})


class RequestObjectRefusal(Refusal):
    """Why a request object was not taken."""

    MALFORMED = "identity.request_object_malformed"
    ALGORITHM = "identity.request_object_algorithm"
    TYPE = "identity.request_object_type"
    SIGNATURE = "identity.request_object_signature"
    ISSUER = "identity.request_object_issuer"
    AUDIENCE = "identity.request_object_audience"
    TIME = "identity.request_object_time"
    JTI = "identity.request_object_jti"
    REPLAYED = "identity.request_object_replayed"
    PARAMETER = "identity.request_object_parameter"


class RequestObject(msgspec.Struct, frozen=True, kw_only=True):
    """A checked object. `jti` is to be remembered until `expires_at_s`, when there is one."""

    claims: dict[str, Any]
    jti: str | None
    expires_at_s: int


def check_request_object(
    token: str,
    keys: Sequence[Key],
    *,
    client_id: str,
    issuer: str,
    now_s: int,
    required: Collection[str] = ("exp", "nbf"),
) -> RequestObject | Refused:
    """Check signature, issuer, audience and times of a client's request object.

    `required` names the claims that must be there; CIBA wants more of them than PAR.
    """
    if len(token) > REQUEST_OBJECT_CHARACTERS_MAX:
        return Refused(RequestObjectRefusal.MALFORMED, "It is too long.")
    verified = verify_jws(
        token, keys[0] if len(keys) == 1 else keys, typ=REQUEST_OBJECT_TYPES,
        algs=SIGNING_ALGORITHMS,
    )  # fmt: skip
    if isinstance(verified, Refused):
        refusal = _JOSE_REFUSALS.get(verified.refusal, RequestObjectRefusal.MALFORMED)
        return Refused(refusal, verified.detail)
    claims = verified.claims
    problem = _check_parties(claims, client_id, issuer)
    if problem is None:
        problem = _check_times(claims, required, now_s)
    if problem is not None:
        return problem
    jti = claims.get("jti")
    is_text = isinstance(jti, str) and 1 <= len(jti) <= JTI_LENGTH_MAX
    if not is_text and ("jti" in required or "jti" in claims):
        return Refused(RequestObjectRefusal.JTI, field="jti")
    expires_at_s = int(claims.get("exp", now_s + LIFE_S_MAX)) + 1
    return RequestObject(claims=claims, jti=jti, expires_at_s=expires_at_s)


def read_parameters(
    claims: Mapping[str, Any], names: Collection[str], *, client_id: str
) -> dict[str, str] | Refused:
    """Read request parameters out of an object as a form would carry them; others are ignored.

    PARAMETER names one that is no text (or number), an object inside the object, or another
    client's id (RFC 9101 s4, s5).
    """
    refusal = RequestObjectRefusal.PARAMETER
    for name in ("request", "request_uri"):
        if name in claims:
            return Refused(refusal, "It must not stand in a request object.", field=name)
    if claims.get("client_id", client_id) != client_id:
        return Refused(refusal, "It is not the client that signed.", field="client_id")
    found: dict[str, str] = {}
    for name in names:
        if name not in claims:
            continue
        text = _as_text(name, claims[name])
        if text is None:
            return Refused(refusal, "It is of another type than expected.", field=name)
        found[name] = text
    return found


_JOSE_REFUSALS: Mapping[Refusal, RequestObjectRefusal] = {
    JoseRefusal.ALGORITHM: RequestObjectRefusal.ALGORITHM,
    # Within REQUEST_OBJECT_CHARACTERS_MAX only a signature can be too long: an RSA one.
    JoseRefusal.TOO_LARGE: RequestObjectRefusal.ALGORITHM,
    JoseRefusal.TYPE: RequestObjectRefusal.TYPE,
    JoseRefusal.SIGNATURE: RequestObjectRefusal.SIGNATURE,
    JoseRefusal.KEY_UNKNOWN: RequestObjectRefusal.SIGNATURE,
    JoseRefusal.KEY_USE: RequestObjectRefusal.SIGNATURE,
}


def _check_parties(claims: Mapping[str, Any], client_id: str, issuer: str) -> Refused | None:
    if claims.get("iss") != client_id:
        return Refused(RequestObjectRefusal.ISSUER, field="iss")
    # With such a sub the object could be shown as a client assertion (RFC 9101 s10.8).
    if claims.get("sub") == client_id:
        return Refused(RequestObjectRefusal.ISSUER, "sub must not be the client.", field="sub")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if issuer not in audiences:
        return Refused(RequestObjectRefusal.AUDIENCE, field="aud")
    return None


def _check_times(
    claims: Mapping[str, Any], required: Collection[str], now_s: int
) -> Refused | None:
    """exp and nbf bound an hour; nbf is not older than that, nor ahead of our clock."""
    refusal = RequestObjectRefusal.TIME
    for name in ("exp", "nbf", "iat"):
        if name not in claims and name not in required:
            continue
        if not is_numeric_date(claims.get(name)):
            return Refused(refusal, f"{name} must be a number.", field=name)
    expires_at, begins_at = claims.get("exp", now_s + 1), claims.get("nbf", now_s)
    if expires_at <= now_s - CLOCK_BEHIND_S_MAX:
        return Refused(refusal, "exp is past.", field="exp")
    if expires_at > begins_at + LIFE_S_MAX:
        return Refused(refusal, f"exp is more than {LIFE_S_MAX} s after nbf.", field="exp")
    if begins_at < now_s - LIFE_S_MAX:
        return Refused(refusal, f"nbf is more than {LIFE_S_MAX} s back.", field="nbf")
    for name in ("nbf", "iat"):
        if claims.get(name, now_s) > now_s + CLOCK_AHEAD_S_MAX:
            return Refused(refusal, f"{name} lies in the future.", field=name)
    return None


def _as_text(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict | list) and name in _JSON_PARAMETERS:
        return json.dumps(value, separators=(",", ":"))
    return None

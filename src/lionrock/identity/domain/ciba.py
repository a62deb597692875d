"""Requests over the back channel: a service asks a person on the phone, with no browser between.

One set of checks for parameters that come as a form or in a signed request object. Who is meant
(`login_hint`) is looked up later and never told: an unknown person gives a request that nobody
answers (service/ciba.py).
Source: OpenID Connect CIBA Core 1.0 s7 and s10; FAPI-CIBA s5.2; RFC 9449 s10 (dpop_jkt).
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.identity.domain.assurance import read_acr_values
from lionrock.identity.domain.clients import CibaMode, Client
from lionrock.identity.domain.details import Detail, read_details
from lionrock.identity.domain.scopes import OPENID, read_scope
from lionrock.identity.domain.words import is_safe_line
from lionrock.kernel.errors import Refusal, Refused

BINDING_MESSAGE_LENGTH_MAX = 64
NOTIFICATION_TOKEN_LENGTH_MAX = 1024
# 22 characters of base64 hold 128 bits, the least that CIBA Core s7.1 allows.
NOTIFICATION_TOKEN_LENGTH_MIN = 22
LOGIN_HINT_LENGTH_MAX = 254
SLOWER_S = 5
EXPIRY_DIGITS_MAX = 9
AUTH_REQ_ID_CLAIM = "urn:openid:params:jwt:claim:auth_req_id"
REFRESH_HASH_CLAIM = "urn:openid:params:jwt:claim:rt_hash"
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")

CibaState = Literal["pending", "approved", "rejected", "expired"]


class CibaRefusal(Refusal):
    """What the back-channel endpoint, and the token endpoint for its grant, refuse."""

    MODE_MISSING = "identity.ciba_mode_missing"
    SIGNED_REQUEST_REQUIRED = "identity.ciba_signed_request_required"
    PROOF_REQUIRED = "identity.ciba_proof_required"
    OBJECT_ALGORITHM = "identity.ciba_object_algorithm"
    OBJECT_MIXED = "identity.ciba_object_mixed"
    HINTS = "identity.ciba_hints"
    HINT_TOKEN = "identity.ciba_hint_token"  # noqa: S105 - a code, not a secret
    ID_TOKEN_HINT = "identity.ciba_id_token_hint"  # noqa: S105 - a code, not a secret
    PERSON_UNKNOWN = "identity.ciba_person_unknown"
    SCOPE_OPENID = "identity.ciba_scope_openid"
    BINDING_MESSAGE = "identity.ciba_binding_message"
    REQUESTED_EXPIRY = "identity.ciba_requested_expiry"
    USER_CODE = "identity.ciba_user_code"
    NOTIFICATION_TOKEN = "identity.ciba_notification_token"  # noqa: S105 - a code
    RESOURCE = "identity.ciba_resource"
    ID_MISSING = "identity.ciba_id_missing"
    ID_UNKNOWN = "identity.ciba_id_unknown"
    ID_USED = "identity.ciba_id_used"
    KEY_MISMATCH = "identity.ciba_key_mismatch"
    PUSHED = "identity.ciba_pushed"
    PENDING = "identity.ciba_pending"
    TOO_FAST = "identity.ciba_too_fast"
    EXPIRED = "identity.ciba_expired"
    DENIED = "identity.ciba_denied"
    LEVEL = "identity.ciba_level"
    NOT_GRANTED = "identity.ciba_not_granted"


class CibaForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the endpoint; unknown parameters are ignored (CIBA Core s7.1)."""

    client_assertion: str | None = None
    client_assertion_type: str | None = None
    client_id: str | None = None
    request: str | None = None
    scope: str | None = None
    login_hint: str | None = None
    login_hint_token: str | None = None
    id_token_hint: str | None = None
    binding_message: str | None = None
    acr_values: str | None = None
    requested_expiry: str | None = None
    user_code: str | None = None
    client_notification_token: str | None = None
    authorization_details: str | None = None
    resource: str | None = None
    ui_locales: str | None = None


# What a signed request object must say of itself (CIBA Core s7.1.1), beside iss and aud.
OBJECT_CLAIMS = ("exp", "iat", "nbf", "jti")
OBJECT_ALGORITHMS = ("ES256", "Ed25519")
# What a signed request object may say; outside it only the client's authentication stays.
PARAMETERS = frozenset(CibaForm.__struct_fields__) - {
    "client_assertion", "client_assertion_type", "client_id", "request",
}  # fmt: skip


class CibaLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's settings: how long a question may live, how often it may be asked after."""

    life_s: int
    life_s_max: int
    interval_s: int
    life_s_min: int = 10


class CibaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check."""

    client_id: str
    mode: CibaMode
    scopes: tuple[str, ...]
    details: tuple[Detail, ...]
    life_s: int
    login_hint: str | None = None
    id_token_hint: str | None = None
    binding_message: str | None = None
    acr_values: tuple[str, ...] = ()
    notification_token: str | None = None
    jkt: str | None = None
    ui_locales: str = ""


class CibaRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A request on record; without an approval nobody was asked."""

    id: str
    request_hash: bytes
    client_id: str
    mode: CibaMode
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    details: tuple[Detail, ...]
    jkt: str | None
    subject_key: bytes
    person_id: str | None
    approval_id: str | None
    interval_s: int
    started_at: datetime
    expires_at: datetime
    polled_at: datetime | None = None
    used_at: datetime | None = None
    sealed: bytes | None = None
    delivery: bytes | None = None
    noticed_at: datetime | None = None


def check_form(
    form: CibaForm, client: Client, limits: CibaLimits, *, mode: CibaMode, proof_jkt: str | None
) -> CibaRequest | Refused:
    """Check every parameter of an authenticated client's request (CIBA Core s7.1, s7.2)."""
    problem = _check_hints(form) or _check_extras(form) or _check_message(form)
    if problem is not None:
        return problem
    scopes = read_scope(form.scope, client.scopes)
    if isinstance(scopes, Refused):
        return scopes
    if OPENID not in scopes:
        return Refused(CibaRefusal.SCOPE_OPENID, field="scope")
    acr_values = read_acr_values(form.acr_values)
    if isinstance(acr_values, Refused):
        return acr_values
    details = read_details(form.authorization_details, client.policy.authorization_details_types)
    if isinstance(details, Refused):
        return details
    life_s = _read_expiry(form.requested_expiry, limits)
    if isinstance(life_s, Refused):
        return life_s
    if mode != "poll" and not is_notification_token(form.client_notification_token):
        return Refused(CibaRefusal.NOTIFICATION_TOKEN, field="client_notification_token")
    return CibaRequest(
        client_id=client.id, mode=mode, scopes=scopes, details=details, life_s=life_s,
        login_hint=form.login_hint,
        id_token_hint=form.id_token_hint, binding_message=form.binding_message,
        acr_values=acr_values, jkt=proof_jkt, ui_locales=(form.ui_locales or "")[:100],
        notification_token=form.client_notification_token if mode != "poll" else None,
    )  # fmt: skip


def check_mixed(form: CibaForm) -> Refused | None:
    """Refuse a parameter beside a signed request object: all stand inside (CIBA Core s7.1.1)."""
    outside = sorted(name for name in PARAMETERS if getattr(form, name) is not None)
    return Refused(CibaRefusal.OBJECT_MIXED, field=outside[0]) if outside else None


def push_claims(auth_req_id: str, access_token: str, refresh_token: str | None) -> dict[str, str]:
    """Return what binds a pushed id_token to its request and to the tokens (CIBA Core s10.3.1)."""
    claims = {AUTH_REQ_ID_CLAIM: auth_req_id, "at_hash": half_hash(access_token)}
    if refresh_token is not None:
        claims[REFRESH_HASH_CLAIM] = half_hash(refresh_token)
    return claims


def half_hash(token: str) -> str:
    """Return the left half of SHA-256 in base64url (OIDC Core s3.1.3.6, for ES256)."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")


def is_notification_token(token: str | None) -> bool:
    """Say whether a token is a bearer token of 128 bits or more (CIBA Core s7.1, RFC 6750 s2.1)."""
    if token is None:
        return False
    if not NOTIFICATION_TOKEN_LENGTH_MIN <= len(token) <= NOTIFICATION_TOKEN_LENGTH_MAX:
        return False
    return _TOKEN68.fullmatch(token) is not None


def _check_hints(form: CibaForm) -> Refused | None:
    """Exactly one way to say who is meant."""
    hints = (form.login_hint, form.login_hint_token, form.id_token_hint)
    if sum(hint is not None for hint in hints) != 1:
        return Refused(CibaRefusal.HINTS, field="login_hint")
    if form.login_hint_token is not None:
        return Refused(CibaRefusal.HINT_TOKEN, field="login_hint_token")
    if form.login_hint is not None and not 1 <= len(form.login_hint) <= LOGIN_HINT_LENGTH_MAX:
        return Refused(CibaRefusal.HINTS, f"1 to {LOGIN_HINT_LENGTH_MAX} characters.", "login_hint")
    return None


def _check_extras(form: CibaForm) -> Refused | None:
    """A secret that nobody would check, and a narrowing that nobody would keep, are not ignored."""
    if form.user_code is not None:
        return Refused(CibaRefusal.USER_CODE, field="user_code")
    if form.resource is not None:
        return Refused(CibaRefusal.RESOURCE, field="resource")
    return None


def _check_message(form: CibaForm) -> Refused | None:
    message = form.binding_message
    if message is None or is_safe_line(message, BINDING_MESSAGE_LENGTH_MAX):
        return None
    return Refused(
        CibaRefusal.BINDING_MESSAGE,
        f"1 to {BINDING_MESSAGE_LENGTH_MAX} printable characters on one line.", "binding_message",
    )  # fmt: skip


def _read_expiry(text: str | None, limits: CibaLimits) -> int | Refused:
    """Return the life in seconds; a wish beyond the bounds is met as nearly as they allow."""
    if text is None:
        return limits.life_s
    if not (text.isascii() and text.isdigit()) or len(text) > EXPIRY_DIGITS_MAX or int(text) < 1:
        return Refused(CibaRefusal.REQUESTED_EXPIRY, field="requested_expiry")
    return max(limits.life_s_min, min(int(text), limits.life_s_max))

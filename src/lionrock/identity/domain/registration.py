"""What a client says of itself when it registers (RFC 7591), and which of it is acceptable.

Strict: one way of client authentication, bound tokens, pushed requests, exact addresses, names that
cannot deceive. A member that is not known here is ignored and not registered (RFC 7591 s2); one
that asks for less than the server's profile is refused, never bent.
Source: RFC 7591 s2, RFC 7592 s2.2, OIDC Registration s2, RFC 9126 s6, RFC 9449 s5.2, CIBA Core s4.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lionrock.identity.domain.clients import (
    AUTHORIZATION_CODE,
    CIBA,
    GRANT_TYPES,
    RESPONSE_MODES,
    CibaMode,
    Client,
    ClientPolicy,
)
from lionrock.identity.domain.policy import RESPONSE_ALGORITHM
from lionrock.identity.domain.requests import REDIRECT_URI_LENGTH_MAX
from lionrock.identity.domain.scopes import RESERVED_SCOPES, SCOPES, read_scope
from lionrock.identity.domain.words import is_safe_line
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, key_from_jwk, thumbprint

NAME_LENGTH_MAX = 80
KEYS_MAX = 5
REDIRECT_URIS_MAX = 10
DEFAULT_SCOPE = "openid profile"
# What nobody gets by registering: duties of the operator's own staff.
REGISTRABLE_SCOPES = frozenset(SCOPES) - RESERVED_SCOPES
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
# Letters of one look: another alphabet has letters that pass for these (UTS 39 s5).
_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC")
_UNSAFE_IN_NAMES = frozenset("<>&\"`\\{}")
# Members that only the server states (RFC 7592 s2.2).
SERVER_MEMBERS = frozenset(
    {"registration_access_token", "registration_client_uri", "client_secret_expires_at",
     "client_id_issued_at"}
)  # fmt: skip


class RegistrationRefusal(Refusal):
    """Why a registration was not taken."""

    OFF = "identity.registration_off"
    TOKEN = "identity.registration_token"  # noqa: S105 - a code, not a secret
    LIMITED = "identity.registration_limited"
    MALFORMED = "identity.registration_malformed"
    METADATA = "identity.registration_metadata"
    REDIRECT_URI = "identity.registration_redirect_uri"
    STATEMENT = "identity.registration_statement"
    KEYS_UNREACHABLE = "identity.registration_keys_unreachable"


class ClientMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The members of RFC 7591 s2 and its extensions that mean something here."""

    client_name: str = ""
    client_name_hant: str = msgspec.field(default="", name="client_name#zh-Hant")
    client_name_hans: str = msgspec.field(default="", name="client_name#zh-Hans")
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    response_types: tuple[str, ...] | None = None
    scope: str = DEFAULT_SCOPE
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""
    subject_type: str = "pairwise"
    sector_identifier_uri: str = ""
    token_endpoint_auth_method: str = "private_key_jwt"  # noqa: S105 - a method's name
    token_endpoint_auth_signing_alg: str = ""
    dpop_bound_access_tokens: bool = True
    require_pushed_authorization_requests: bool = True
    require_signed_request_object: bool = False
    request_object_signing_alg: str = ""
    id_token_signed_response_alg: str = RESPONSE_ALGORITHM
    id_token_encrypted_response_alg: str = ""
    id_token_encrypted_response_enc: str = ""
    userinfo_signed_response_alg: str = ""
    userinfo_encrypted_response_alg: str = ""
    userinfo_encrypted_response_enc: str = ""
    authorization_signed_response_alg: str = RESPONSE_ALGORITHM
    authorization_encrypted_response_alg: str = ""
    authorization_encrypted_response_enc: str = ""
    backchannel_token_delivery_mode: CibaMode | None = None
    backchannel_client_notification_endpoint: str = ""
    backchannel_authentication_request_signing_alg: str = ""
    backchannel_user_code_parameter: bool = False
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    post_logout_redirect_uris: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    response_modes: tuple[str, ...] = tuple(sorted(RESPONSE_MODES))
    require_signed_response: bool = False
    require_code_binding: bool = False
    require_dpop_nonce: bool = False
    software_statement: str = ""


def check_metadata(metadata: ClientMetadata, *, allows_loopback: bool) -> Refused | None:
    """Check everything that needs no other party; the refusal's field is the member's name.

    `allows_loopback`: plain http on this machine, for the sandbox.
    """
    if metadata.software_statement:
        return Refused(RegistrationRefusal.STATEMENT, field="software_statement")
    for check in (_check_names, _check_fixed, _check_grants):
        problem = check(metadata)
        if problem is not None:
            return _refused(*problem)
    for uri in metadata.redirect_uris:
        reason = redirect_uri_problem(uri, allows_loopback=allows_loopback)
        if reason:
            return Refused(RegistrationRefusal.REDIRECT_URI, reason, field="redirect_uris")
    problem = _check_logout(metadata, allows_loopback=allows_loopback)
    if problem is not None:
        return _refused(*problem)
    if (metadata.jwks is None) == (not metadata.jwks_uri):
        return _refused("jwks", "Send jwks or jwks_uri, one of them.")
    if metadata.jwks_uri:
        reason = redirect_uri_problem(metadata.jwks_uri, allows_loopback=allows_loopback)
        return _refused("jwks_uri", reason) if reason else None
    return None


def read_key_set(jwks: Mapping[str, Any]) -> tuple[dict[str, Any], ...] | Refused:
    """Read registered keys strictly (RFC 7517 s5): public, of our kinds, one kid each.

    Only what makes the key is kept: x5u, x5c and the like never reach a verifier.
    """
    members = jwks.get("keys")
    if not isinstance(members, list) or not 1 <= len(members) <= KEYS_MAX:
        return _refused("jwks", f"keys is a list of 1 to {KEYS_MAX} public keys.")
    keys: list[Key] = []
    for member in members:
        key = key_from_jwk(member) if isinstance(member, dict) else None
        if key is None:
            return _refused("jwks", "A key is a JSON object.")
        if isinstance(key, Refused):
            return _refused("jwks", key.detail)
        keys.append(key)
    problem = _key_set_problem(keys)
    return _refused("jwks", problem) if problem else tuple(key.public_jwk for key in keys)


def usable_keys(members: Sequence[Any]) -> tuple[dict[str, Any], ...] | None:
    """Read a fetched key set: what is no key of ours is passed over; None when nothing is left.

    Somebody else's document may hold keys for other servers; but of two with one kid neither can be
    trusted to be meant.
    """
    keys = []
    for member in members:
        key = key_from_jwk(member) if isinstance(member, dict) else None
        if isinstance(key, Key):
            keys.append(key)
    keys = keys[:KEYS_MAX]
    return None if _key_set_problem(keys) else tuple(key.public_jwk for key in keys)


def client_of(
    metadata: ClientMetadata,
    *,
    client_id: str,
    keys: tuple[dict[str, Any], ...],
    may_hint_login: bool,
) -> Client | Refused:
    """Make the client that checked metadata describe.

    Its sector is itself: somebody else's address in redirect_uris must not bring the pseudonyms of
    that somebody (OIDC Core s8.1 leaves the sector to the server).
    """
    scopes = read_scope(metadata.scope or DEFAULT_SCOPE, REGISTRABLE_SCOPES)
    if isinstance(scopes, Refused):
        return _refused("scope", f"Known: {' '.join(sorted(REGISTRABLE_SCOPES))}.")
    name = metadata.client_name
    hant, hans = metadata.client_name_hant or name, metadata.client_name_hans or name
    policy = ClientPolicy(
        grant_types=frozenset(metadata.grant_types), may_hint_login=may_hint_login,
        response_modes=frozenset(metadata.response_modes),
        ciba_mode=metadata.backchannel_token_delivery_mode,
        ciba_notification_uri=metadata.backchannel_client_notification_endpoint,
        ciba_request_signing_alg=metadata.backchannel_authentication_request_signing_alg,
        authorization_details_types=frozenset(metadata.authorization_details_types),
        **{member: getattr(metadata, member) for member in _SAME_IN_POLICY},
    )  # fmt: skip
    return Client(
        id=client_id, names=Text(name, hant, hans), organisation_id="", sector=client_id,
        redirect_uris=metadata.redirect_uris, scopes=frozenset(scopes), keys=keys, policy=policy,
        jwks_uri=metadata.jwks_uri,
    )  # fmt: skip


_SAME_IN_POLICY = (
    "require_signed_request_object", "require_signed_response", "require_code_binding",
    "require_dpop_nonce", "id_token_encrypted_response_alg", "id_token_encrypted_response_enc",
    "userinfo_signed_response_alg", "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc", "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc", "backchannel_logout_uri", "post_logout_redirect_uris",
)  # fmt: skip


def redirect_uri_problem(uri: str, *, allows_loopback: bool) -> str:
    """Say what is wrong with an address that we shall send people (or ourselves) to; "" if nothing.

    Absolute https, one spelling, no credentials, fragment or wildcard (RFC 6749 s3.1.2, RFC 9700
    s2.1); http only on a loopback address, and only where that is allowed (RFC 8252 s7.3).
    """
    is_plain = uri.isascii() and uri.isprintable() and not set(uri) & set(" \\#*<>\"'`{}|^")
    if not is_plain or len(uri) > REDIRECT_URI_LENGTH_MAX:
        return f"At most {REDIRECT_URI_LENGTH_MAX} plain characters, no fragment, no wildcard."
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "It is no address."
    host = (parts.hostname or "").lower()
    if not host or "@" in parts.netloc or port == 0 or "/../" in f"{parts.path}/":
        return "An absolute address without credentials or dot segments."
    if parts.scheme == "https":
        return ""
    if parts.scheme == "http" and allows_loopback and host in LOOPBACK_HOSTS:
        return ""
    return "https (in the sandbox also http on a loopback address)."


def name_problem(name: str) -> str:
    """Say why a name could deceive whoever reads it on a phone; "" when it cannot."""
    if not is_safe_line(name, NAME_LENGTH_MAX) or set(name) & _UNSAFE_IN_NAMES:
        return f"1 to {NAME_LENGTH_MAX} visible characters without markup."
    if unicodedata.normalize("NFKC", name) != name:
        return "Plain letters, no look-alike forms."
    for letter in name:
        script = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
        if unicodedata.category(letter)[0] == "M":
            return "No combining marks."
        if letter.isalpha() and script not in _SCRIPTS:
            return "Latin, Chinese, Japanese or Korean letters only: others look like them."
    return ""


def _check_names(metadata: ClientMetadata) -> tuple[str, str] | None:
    names = {
        "client_name": metadata.client_name,
        "client_name#zh-Hant": metadata.client_name_hant or metadata.client_name,
        "client_name#zh-Hans": metadata.client_name_hans or metadata.client_name,
    }
    for member, name in names.items():
        problem = name_problem(name)
        if problem:
            return member, problem
    return None


def _check_fixed(metadata: ClientMetadata) -> tuple[str, str] | None:
    """Members of which one value only is served."""
    signing = ("", "ES256", "Ed25519")
    expected: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("token_endpoint_auth_method", ("private_key_jwt",)),
        ("token_endpoint_auth_signing_alg", signing),
        ("request_object_signing_alg", signing),
        ("subject_type", ("pairwise",)),
        ("sector_identifier_uri", ("",)),
        ("dpop_bound_access_tokens", (True,)),
        ("require_pushed_authorization_requests", (True,)),
        ("id_token_signed_response_alg", (RESPONSE_ALGORITHM,)),
        ("authorization_signed_response_alg", (RESPONSE_ALGORITHM,)),
        ("backchannel_user_code_parameter", (False,)),
    )
    for member, values in expected:
        if getattr(metadata, member) not in values:
            known = ", ".join(str(value) for value in values if value != "")
            return member, f"Served here: {known or 'nothing'}."
    return None


def _check_grants(metadata: ClientMetadata) -> tuple[str, str] | None:
    grants = metadata.grant_types
    if not grants or len(set(grants)) != len(grants) or not set(grants) <= GRANT_TYPES:
        return "grant_types", f"Known: {', '.join(sorted(GRANT_TYPES))}."
    has_code = AUTHORIZATION_CODE in grants
    responses = metadata.response_types
    if responses is not None and responses != (("code",) if has_code else ()):
        return "response_types", "code, together with grant_types authorization_code."
    if len(set(metadata.redirect_uris)) != len(metadata.redirect_uris):
        return "redirect_uris", "Name each address once."
    if not int(has_code) <= len(metadata.redirect_uris) <= REDIRECT_URIS_MAX:
        return "redirect_uris", f"{int(has_code)} to {REDIRECT_URIS_MAX} addresses."
    if (CIBA in grants) != (metadata.backchannel_token_delivery_mode is not None):
        return "backchannel_token_delivery_mode", f"It goes together with grant type {CIBA}."
    return None


def _check_logout(metadata: ClientMetadata, *, allows_loopback: bool) -> tuple[str, str] | None:
    """Where log-outs lead and are told: like redirect addresses (RP-Initiated Logout s3.1)."""
    if len(metadata.post_logout_redirect_uris) > REDIRECT_URIS_MAX:
        return "post_logout_redirect_uris", f"At most {REDIRECT_URIS_MAX} addresses."
    addresses = [("post_logout_redirect_uris", uri) for uri in metadata.post_logout_redirect_uris]
    if metadata.backchannel_logout_uri:
        addresses.append(("backchannel_logout_uri", metadata.backchannel_logout_uri))
    for member, uri in addresses:
        reason = redirect_uri_problem(uri, allows_loopback=allows_loopback)
        if reason:
            return member, reason
    return None


def _key_set_problem(keys: Sequence[Key]) -> str:
    if not any(key.use == "sig" for key in keys):
        return "At least one key must be for signing."
    if len({key.kid for key in keys}) != len(keys):
        return "Give each key a kid of its own."
    if len({thumbprint(key.bare_jwk) for key in keys}) != len(keys):
        return "The same key is there twice."
    return ""


def _refused(field: str, detail: str) -> Refused:
    return Refused(RegistrationRefusal.METADATA, f"{field}: {detail}", field=field)

"""Grants: from the pushed request over sign-in and code to the access token, and who bears it.

Access tokens are opaque: 256 random bits, kept as a hash. A self-contained JWT would save one
indexed read at a resource; but mandates are read at each use anyway, revocation bites at once, and
a token that says nothing leaks nothing. Source: RFC 6749 s1.4, RFC 9700 s2.2, RFC 9449 s6.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.assurance import Authentication
from lionrock.identity.domain.claims import ClaimsRequest
from lionrock.identity.domain.clients import ClientPolicy
from lionrock.identity.domain.management import GrantAction
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.parties import StaffRole
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import AuthorizationRequest, is_right_verifier
from lionrock.kernel.errors import Refused
from lionrock.kernel.ring import stamped_slot

DIGEST_BYTES = 32
COMPANY_URN = "urn:lionrock:company:"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type name


class PushedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pushed request on record; `used_at` is set when a sign-in completes, not when seen."""

    request_hash: bytes
    request: AuthorizationRequest
    expires_at: datetime
    used_at: datetime | None = None


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One browser's attempt. Without a person it is a decoy: nobody holds that identifier."""

    id: str
    request_hash: bytes
    client_id: str
    browser_hash: bytes
    subject_key: bytes
    person_id: str | None
    approval_id: str | None
    number: str
    started_at: datetime
    expires_at: datetime
    finished_at: datetime | None = None
    is_approved: bool = False
    # How it ended, sealed for its browser (Vault.seal_answer).
    answer: bytes | None = None
    # Nobody was named: the phone that scans says who. An app link must bring this browser back.
    by_scan: bool = False
    awaits_return: bool = False

    @property
    def is_open_to_scan(self) -> bool:
        """Whether its page shows a code that no phone has scanned yet."""
        return self.by_scan and self.approval_id is None and self.finished_at is None


class CodeGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization code stands for."""

    code_hash: bytes
    person_id: str
    grant_id: str
    request: AuthorizationRequest
    signed_in_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token stands for; bound to the key with thumbprint `jkt`.

    Without a person it is the client's own (RFC 6749 s4.4).
    """

    token_hash: bytes
    grant_id: str
    client_id: str
    person_id: str | None
    company_id: str | None
    mandate_id: str | None
    scopes: tuple[str, ...]
    jkt: str
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    details: tuple[dict[str, Any], ...] = ()
    claims: tuple[str, ...] = ()


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person let a client do, on record for longer than one access token lives.

    `consent_ids`: the consents of the exchange that its details name; it stands and falls with each
    of them. `signed_in_at` is of the newest sign-in that made or changed it.
    """

    id: str
    client_id: str
    person_id: str
    company_id: str | None = None
    mandate_id: str | None = None
    scopes: tuple[str, ...]
    details: tuple[dict[str, Any], ...] = ()
    claims: ClaimsRequest | None = None
    consent_ids: tuple[str, ...] = ()
    signed_in_at: datetime
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class TokenBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What tokens are issued on: the person's decision, however it was asked for (code, CIBA).

    `action`: what grant management does to the grant of that id. `refresh_token`: the one to give
    again with the token (set when refreshing; then the grant on record is left as it is).
    `auth_req_id`: of a pushed back-channel answer; its id_token names it and the tokens beside it.
    `token_details`: what this one token is narrowed to, when that is less than `details`.
    `company_id`: of the company that the person chose to act for.
    `kept_s`: what is asked on the token may outlive it, so the grant is on record for so long.
    `authentication`: how the person was authenticated, where the caller knows it already.
    """

    grant_id: str
    person_id: str
    scopes: tuple[str, ...]
    signed_in_at: datetime
    nonce: str | None = None
    details: tuple[dict[str, Any], ...] = ()
    token_details: tuple[dict[str, Any], ...] | None = None
    claims: ClaimsRequest | None = None
    action: GrantAction | None = None
    refresh_token: str | None = None
    auth_req_id: str | None = None
    company_id: str | None = None
    authentication: Authentication | None = None
    kept_s: int | None = None


class ClientPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """A client that calls a resource in its own name."""

    client_id: str
    scopes: frozenset[str]
    client_policy: ClientPolicy = ClientPolicy()


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls a resource: the token's subject, the person behind it, and what both may.

    `subject` is pairwise for the client's sector: of the company when `company_id` is set, else of
    the person; `actor_subject` is then the person's, `agent_subjects` those of the agent firms that
    the person acts through, outwards. `mandate` was in force when it was checked.
    """

    subject: str
    actor_person_id: str
    company_id: str | None
    client_id: str
    scopes: frozenset[str]
    staff_roles: frozenset[StaffRole]
    actor_subject: str | None = None
    agent_subjects: tuple[str, ...] = ()
    mandate: Mandate | None = None
    client_policy: ClientPolicy = ClientPolicy()
    grant_id: str = ""
    details: tuple[dict[str, Any], ...] = ()
    claims: tuple[str, ...] = ()


def secret_hash(value: str) -> bytes:
    """SHA-256 of a random secret: enough for 256 random bits, and it can be looked up.

    Of a secret that names its slot (kernel.ring) the slot follows as one more octet.
    """
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
    slot = stamped_slot(value)
    return digest if slot is None else digest + bytes([slot])


def hashed_slot(hashed: bytes) -> int | None:
    """Return the slot in a `secret_hash`; None when the secret named none."""
    return hashed[DIGEST_BYTES] if len(hashed) == DIGEST_BYTES + 1 else None


def check_code(
    code: CodeGrant, *, redirect_uri: str | None, verifier: str | None, jkt: str, now: datetime
) -> Refused | None:
    """Check a held code at the token endpoint (RFC 6749 s4.1.3, RFC 7636 s4.6, RFC 9449 s10).

    Expired, then redirect_uri, then the verifier, then the key it was bound to when pushed.
    """
    if now >= code.expires_at:
        return Refused(IdentityRefusal.CODE_EXPIRED)
    if redirect_uri != code.request.redirect_uri:
        return Refused(IdentityRefusal.CODE_REDIRECT_URI, field="redirect_uri")
    if not is_right_verifier(verifier, code.request.code_challenge):
        return Refused(IdentityRefusal.CODE_VERIFIER, field="code_verifier")
    if code.request.dpop_jkt not in (None, jkt):
        return Refused(IdentityRefusal.DPOP_KEY_MISMATCH)
    return None


def is_live(token: AccessToken, now: datetime) -> bool:
    """Say whether a token may be used at a wire instant."""
    return token.revoked_at is None and now < token.expires_at


def exchange_company(resource: str | None, audience: str | None, company: str | None) -> str | None:
    """Return the company id that an exchange names, by URN or parameter; None when unclear."""
    named = {
        value.removeprefix(COMPANY_URN) if value.startswith(COMPANY_URN) else ""
        for value in (resource, audience)
        if value is not None
    }
    if company is not None:
        named.add(company.removeprefix(COMPANY_URN))
    if len(named) != 1:
        return None
    return named.pop() or None

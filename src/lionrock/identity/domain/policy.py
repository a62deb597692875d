"""The one check of what a client's policy demands, before any handler of the server runs.

Each endpoint says in a `Presented` what the request came with; `check_controls` compares it with
the client's policy and names the first control that is missing. A handler never looks at the policy
to let something pass. `check_policy` finds a policy that cannot be kept, when it is registered.
Source: FAPI 2.0 Security Profile s5.3.2; FAPI 2.0 Message Signing s5.3, s5.4; RFC 9700 s2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from lionrock.identity.domain.assertions import SIGNING_ALGORITHMS
from lionrock.identity.domain.ciba import CibaRefusal
from lionrock.identity.domain.clients import (
    CIBA,
    GRANT_TYPES,
    PLAIN_RESPONSE_MODES,
    RESPONSE_MODES,
    SIGNED_RESPONSE_MODES,
    ClientPolicy,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT

RESPONSE_ALGORITHM = "ES256"
NOTIFICATION_URI_LENGTH_MAX = 512
_NOTIFICATION_URI = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:127\.0\.0\.1|localhost|\[::1\]))(?::[0-9]{1,5})?"
    r"(?:/[!-\"$-~]*)?"
)


class PolicyRefusal(Refusal):
    """Which control of a client's policy a request lacks."""

    SIGNED_REQUEST_REQUIRED = "identity.signed_request_required"
    RESPONSE_MODE_NOT_ALLOWED = "identity.response_mode_not_allowed"
    SIGNED_RESPONSE_REQUIRED = "identity.signed_response_required"
    CODE_BINDING_REQUIRED = "identity.code_binding_required"
    DPOP_NONCE_REQUIRED = "identity.dpop_nonce_required"


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """The controls that one request came with.

    `grant_type` at the token endpoint only; `asks_person`: it begins an authorization (PAR, CIBA),
    so that what the policy says of requests applies; `response_mode`, `binds_code` at PAR only.
    `has_proof`, `has_proof_nonce`: a DPoP proof, and a nonce in it. `is_back_channel`: at CIBA.
    """

    grant_type: str | None = None
    asks_person: bool = False
    is_request_signed: bool = False
    response_mode: str | None = None
    binds_code: bool | None = None
    has_proof: bool = False
    has_proof_nonce: bool = False
    is_back_channel: bool = False


def check_controls(policy: ClientPolicy, presented: Presented) -> Refused | None:
    """Return the refusal of the first control that the policy demands and the request lacks."""
    grant_type = presented.grant_type
    if grant_type is not None and grant_type not in policy.grant_types:
        return Refused(IdentityRefusal.GRANT_TYPE_NOT_ALLOWED, field="grant_type")
    if policy.require_dpop_nonce and presented.has_proof and not presented.has_proof_nonce:
        return Refused(PolicyRefusal.DPOP_NONCE_REQUIRED)
    if not presented.asks_person:
        return None
    if policy.require_signed_request_object and not presented.is_request_signed:
        return Refused(PolicyRefusal.SIGNED_REQUEST_REQUIRED, field="request")
    if policy.require_code_binding and presented.binds_code is False:
        return Refused(PolicyRefusal.CODE_BINDING_REQUIRED, field="dpop_jkt")
    if presented.is_back_channel:
        return _check_back_channel(policy, presented)
    return _check_response_mode(policy, presented.response_mode)


def _check_response_mode(policy: ClientPolicy, mode: str | None) -> Refused | None:
    """A mode that nobody knows is the request's own fault and refused there."""
    if mode not in RESPONSE_MODES:
        return None
    if policy.require_signed_response and mode not in SIGNED_RESPONSE_MODES:
        return Refused(PolicyRefusal.SIGNED_RESPONSE_REQUIRED, field="response_mode")
    if mode not in policy.response_modes:
        return Refused(PolicyRefusal.RESPONSE_MODE_NOT_ALLOWED, field="response_mode")
    return None


def _check_back_channel(policy: ClientPolicy, presented: Presented) -> Refused | None:
    """Tokens that are pushed are bound to the key whose possession the request proves, as nothing
    else is asked of the client afterwards."""
    if policy.ciba_mode is None:
        return Refused(CibaRefusal.MODE_MISSING)
    if policy.ciba_request_signing_alg and not presented.is_request_signed:
        return Refused(CibaRefusal.SIGNED_REQUEST_REQUIRED, field="request")
    if policy.ciba_mode == "push" and not presented.has_proof:
        return Refused(CibaRefusal.PROOF_REQUIRED)
    return None


Problem = tuple[str, str]
_Answer = Literal["userinfo", "id_token", "authorization"]


def check_policy(policy: ClientPolicy, *, keys: Sequence[Mapping[str, str]]) -> Problem | None:
    """Return (field, what is wrong) of a policy that could not be kept; None when it can.

    Source: RFC 7591 s2, OIDC Registration s2.
    """
    if not policy.grant_types or not policy.grant_types <= GRANT_TYPES:
        return "grant_types", f"Known: {', '.join(sorted(GRANT_TYPES))}."
    if not policy.response_modes or not policy.response_modes <= RESPONSE_MODES:
        return "response_modes", f"Known: {', '.join(sorted(RESPONSE_MODES))}."
    if policy.require_signed_response and policy.response_modes <= PLAIN_RESPONSE_MODES:
        return "response_modes", "A signed response is required, but no such mode is allowed."
    if policy.userinfo_signed_response_alg not in ("", RESPONSE_ALGORITHM):
        return "userinfo_signed_response_alg", f"Known: {RESPONSE_ALGORITHM}."
    if policy.userinfo_encrypted_response_alg and not policy.userinfo_signed_response_alg:
        return "userinfo_signed_response_alg", "What is encrypted is signed first: ES256."
    answers: tuple[_Answer, ...] = ("userinfo", "id_token", "authorization")
    for answer in answers:
        has_key = any(key.get("use") == "enc" for key in keys)
        problem = _check_encryption(policy, answer, has_encryption_key=has_key)
        if problem is not None:
            return problem
    return _check_ciba(policy)


def _check_ciba(policy: ClientPolicy) -> Problem | None:
    """A mode that tells the client needs an address to tell, and TLS to it (CIBA Core s4)."""
    uri, algorithm = policy.ciba_notification_uri, policy.ciba_request_signing_alg
    if algorithm not in ("", *SIGNING_ALGORITHMS):
        return "ciba_request_signing_alg", f"Known: {', '.join(SIGNING_ALGORITHMS)}."
    if policy.ciba_mode is None:
        return None
    if CIBA not in policy.grant_types:
        return "grant_types", f"With ciba_mode, {CIBA} must be among them."
    if policy.ciba_mode == "poll":
        return None
    if len(uri) > NOTIFICATION_URI_LENGTH_MAX or not _NOTIFICATION_URI.fullmatch(uri):
        return "ciba_notification_uri", "An https address (http on a loopback address only)."
    return None


def is_encrypted(policy: ClientPolicy, answer: _Answer) -> bool:
    """Say whether a kind of answer goes to this client encrypted."""
    return bool(getattr(policy, f"{answer}_encrypted_response_alg"))


def _check_encryption(
    policy: ClientPolicy, answer: _Answer, *, has_encryption_key: bool
) -> Problem | None:
    algorithm = getattr(policy, f"{answer}_encrypted_response_alg")
    encoding = getattr(policy, f"{answer}_encrypted_response_enc")
    if algorithm not in ("", KEY_AGREEMENT):
        return f"{answer}_encrypted_response_alg", f"Known: {KEY_AGREEMENT}."
    if encoding != (CONTENT_ENCRYPTION if algorithm else ""):
        expected = f"{KEY_AGREEMENT} with {CONTENT_ENCRYPTION}"
        return f"{answer}_encrypted_response_enc", f"Known: {expected}, both or neither."
    if algorithm and not has_encryption_key:
        return f"{answer}_encrypted_response_alg", "No registered key is for encryption."
    return None

"""Authorization server metadata and keys.

One document under both names (RFC 8414 s3, OIDC Discovery s4). It promises only what is enforced.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.domain.assertions import SIGNING_ALGORITHMS
from lionrock.identity.domain.assurance import ACR_VALUES
from lionrock.identity.domain.ciba import OBJECT_ALGORITHMS
from lionrock.identity.domain.clients import GRANT_TYPES, RESPONSE_MODES
from lionrock.identity.domain.details import TYPES
from lionrock.identity.domain.dpop import PROOF_ALGORITHMS
from lionrock.identity.domain.management import ACTIONS
from lionrock.identity.domain.policy import RESPONSE_ALGORITHM
from lionrock.identity.domain.scopes import SCOPES
from lionrock.identity.domain.verified import DOCUMENT, RECORD, TRUST_FRAMEWORK, VERIFIED_CLAIMS
from lionrock.identity.forms.domain import ADDRESS_PROOF, EVIDENCE, REGISTRY
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.registration import REGISTRATION_PATH
from lionrock.kernel.http import Call, Route, reply
from lionrock.kernel.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT

AUTHORIZE_PATH = "/identity/authorize"
PAR_PATH = "/identity/par"
CIBA_PATH = "/identity/bc-authorize"
TOKEN_PATH = "/identity/token"  # noqa: S105 - a path
USERINFO_PATH = "/identity/userinfo"
INTROSPECTION_PATH = "/identity/introspect"
REVOCATION_PATH = "/identity/revoke"
GRANTS_PATH = "/identity/grants"
JWKS_PATH = "/identity/jwks"
LOGOUT_PATH = "/identity/logout"
CACHE = {"cache-control": "public, max-age=300"}
# How answers are signed, and encrypted for clients that registered so (OIDC Discovery s3, JARM s4).
_ANSWERS = {
    f"{answer}_{what}_values_supported": [value]
    for answer in ("id_token", "userinfo", "authorization")
    for what, value in (
        ("signing_alg", RESPONSE_ALGORITHM), ("encryption_alg", KEY_AGREEMENT),
        ("encryption_enc", CONTENT_ENCRYPTION),
    )
}  # fmt: skip


def metadata(issuer: str) -> dict[str, Any]:
    """Return the metadata of the authorization server at `issuer`."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}{AUTHORIZE_PATH}",
        "pushed_authorization_request_endpoint": f"{issuer}{PAR_PATH}",
        "require_pushed_authorization_requests": True,
        "token_endpoint": f"{issuer}{TOKEN_PATH}",
        "userinfo_endpoint": f"{issuer}{USERINFO_PATH}",
        "jwks_uri": f"{issuer}{JWKS_PATH}",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": sorted(RESPONSE_MODES),
        "grant_types_supported": sorted(GRANT_TYPES),
        "authorization_details_types_supported": list(TYPES),
        "grant_management_actions_supported": list(ACTIONS),
        "grant_management_endpoint": f"{issuer}{GRANTS_PATH}",
        "introspection_endpoint": f"{issuer}{INTROSPECTION_PATH}",
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "introspection_signing_alg_values_supported": [RESPONSE_ALGORITHM],
        "revocation_endpoint": f"{issuer}{REVOCATION_PATH}",
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "backchannel_authentication_endpoint": f"{issuer}{CIBA_PATH}",
        "backchannel_token_delivery_modes_supported": ["poll", "ping", "push"],
        "backchannel_authentication_request_signing_alg_values_supported": list(
            OBJECT_ALGORITHMS
        ),
        "backchannel_user_code_parameter_supported": False,
        "subject_types_supported": ["pairwise"],
        **_ANSWERS,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "end_session_endpoint": f"{issuer}{LOGOUT_PATH}",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "require_signed_request_object": False,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": list(ACR_VALUES),
        "ui_locales_supported": ["en", "zh-Hant", "zh-Hans"],
        "verified_claims_supported": True,
        "trust_frameworks_supported": [TRUST_FRAMEWORK],
        "evidence_supported": [RECORD, DOCUMENT],
        "electronic_records_supported": list(EVIDENCE[REGISTRY]),
        "documents_supported": list(EVIDENCE[ADDRESS_PROOF]),
        "claims_in_verified_claims_supported": list(VERIFIED_CLAIMS),
        "claims_supported": [
            "sub", "auth_time", "acr", "amr", "name", "email", "email_verified", "phone_number",
            "phone_number_verified", "act", "company", "mandate",
        ],
    }  # fmt: skip


async def reply_metadata(call: Call[Identity, None]) -> Response:
    """Answer with the metadata."""
    shown = metadata(call.room.issuer)
    if call.room.registrations.mode != "off":
        shown["registration_endpoint"] = f"{call.room.issuer}{REGISTRATION_PATH}"
    return reply(shown, headers=CACHE)


async def reply_jwks(call: Call[Identity, None]) -> Response:
    """Answer with the public keys that sign id_tokens."""
    keys = [key.public_jwk for key in call.room.answers.keys.published()]
    return reply({"keys": keys}, headers=CACHE)


ROUTES = (
    Route(
        method="GET", path="/.well-known/openid-configuration", name="openid_configuration",
        summary="Metadata of the authorization server (OpenID Connect name)",
        steps=(reply_metadata,), replies={200: None}, clause="OIDC Discovery s4", mode="none",
        query=None,
    ),
    Route(
        method="GET", path="/.well-known/oauth-authorization-server",
        name="oauth_authorization_server", summary="Metadata of the authorization server",
        steps=(reply_metadata,), replies={200: None}, clause="RFC 8414 s3", mode="none",
        query=None,
    ),
    Route(
        method="GET", path=JWKS_PATH, name="jwks", summary="Keys of the authorization server",
        steps=(reply_jwks,), replies={200: None}, clause="RFC 7517 s5", mode="none", query=None,
    ),
)  # fmt: skip

"""Clients: registered services, and the policy that each must keep.

The policy is data, checked in one place (`domain/policy.py`) before any handler. A new control is a
field here with a safe default: a client registered before it existed keeps what it had.
Source: RFC 7591 s2 (metadata names), RFC 9101 s10.5, JARM s3, FAPI 2.0 Security Profile s5.3.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lionrock.kernel.i18n import Text

AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type
CIBA = "urn:openid:params:grant-type:ciba"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type
GRANT_TYPES = frozenset(
    {AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE, CIBA, REFRESH_TOKEN}
)
# How the tokens of a back-channel request reach the client (CIBA Core s5).
CibaMode = Literal["poll", "ping", "push"]
# How an answer may travel to the client; "jwt" is "query.jwt" for response_type code (JARM s2.3.4).
PLAIN_RESPONSE_MODES = frozenset({"query"})
SIGNED_RESPONSE_MODES = frozenset({"jwt", "query.jwt"})
RESPONSE_MODES = PLAIN_RESPONSE_MODES | SIGNED_RESPONSE_MODES


class ClientPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may do and which controls it must show. Stored as one JSON object.

    `may_hint_login`: its `login_hint` sends the person's question straight to the phone.
    `backchannel_logout_uri`, `post_logout_redirect_uris`: where log-outs are told and lead to.
    `test_company_id`: under test, so only that company's officers can sign in to it.
    `require_signed_request_object`: parameters come in a signed request object only.
    `response_modes`: the modes it may ask for; `require_signed_response`: of them only JARM's.
    `require_code_binding`: a push binds the code to a key, by a proof or by dpop_jkt.
    `require_dpop_nonce`: each DPoP proof carries a nonce of this server.
    `refresh_is_key_bound`: a refresh takes the key of the sign-in (RFC 9449 s5 leaves it to the
    client's authentication); `authorization_details_types`: the types it may ask for (RFC 9396);
    `may_introspect`: a resource server, told of tokens with its own scopes (RFC 7662).
    `userinfo_*`, `id_token_*`, `authorization_*`: how answers to it are signed and encrypted ("" is
    not at all); an id_token and a JARM answer are always signed with ES256.
    `ciba_mode`: how it is answered over the back channel (None: it may not ask there);
    `ciba_notification_uri`: where, for ping and push; `ciba_request_signing_alg`: of the signed
    request object that it must send there ("" is none needed).
    """

    grant_types: frozenset[str] = frozenset({AUTHORIZATION_CODE, TOKEN_EXCHANGE})
    may_hint_login: bool = False
    test_company_id: str | None = None
    require_signed_request_object: bool = False
    response_modes: frozenset[str] = RESPONSE_MODES
    require_signed_response: bool = False
    require_code_binding: bool = False
    require_dpop_nonce: bool = False
    refresh_is_key_bound: bool = False
    authorization_details_types: frozenset[str] = frozenset()
    # Whether its forms may ask for the identity number.
    may_ask_identity_number: bool = False
    may_introspect: bool = False
    userinfo_signed_response_alg: str = ""
    userinfo_encrypted_response_alg: str = ""
    userinfo_encrypted_response_enc: str = ""
    id_token_encrypted_response_alg: str = ""
    id_token_encrypted_response_enc: str = ""
    authorization_encrypted_response_alg: str = ""
    authorization_encrypted_response_enc: str = ""
    backchannel_logout_uri: str = ""
    post_logout_redirect_uris: tuple[str, ...] = ()
    ciba_mode: CibaMode | None = None
    ciba_notification_uri: str = ""
    ciba_request_signing_alg: str = ""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A registered service. `sector` makes its pairwise subjects (OIDC Core s8.1).

    `keys` are those that it registered, or those that were last fetched from its `jwks_uri`.
    """

    id: str
    names: Text
    organisation_id: str
    sector: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    keys: tuple[dict[str, str], ...]
    is_active: bool = True
    policy: ClientPolicy = ClientPolicy()
    jwks_uri: str = ""

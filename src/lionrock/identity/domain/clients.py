"""Clients: registered services, and the policy that each must keep.

The policy is data, checked in one place (`domain/policy.py`) before any handler. A new control is a
field here with a safe default: a client registered before it existed keeps what it had.
Source: RFC 7591 s2 (metadata names), FAPI 2.0 Security Profile s5.3.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.i18n import Text

AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type


class ClientPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may do and which controls it must show. Stored as one JSON object.

    `may_hint_login`: its `login_hint` sends the person's question straight to the phone.
    """

    grant_types: frozenset[str] = frozenset({AUTHORIZATION_CODE, TOKEN_EXCHANGE})
    may_hint_login: bool = False


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A registered service. `sector` makes its pairwise subjects (OIDC Core s8.1)."""

    id: str
    names: Text
    organisation_id: str
    sector: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    keys: tuple[dict[str, str], ...]
    is_active: bool = True
    policy: ClientPolicy = ClientPolicy()

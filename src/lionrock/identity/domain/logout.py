"""Logging out: what a service may ask for, and the token that tells the others.

A session is one browser at this server. It gives no authority: each sign-in is approved anew. It is
the circle of sign-ins that end together when the person logs out at one of them.
Source: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.kernel.errors import Refusal, Refused

SESSION_LIFE_S = 12 * 3600
LOGOUT_TOKEN_LIFE_S = 120
LOGOUT_TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a media type
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
STATE_LENGTH_MAX = 2048
HINT_LENGTH_MAX = 8192


class LogoutRefusal(Refusal):
    """Why a log-out request is not followed."""

    LOGOUT_HINT = "identity.logout_hint"
    LOGOUT_CLIENT = "identity.logout_client"
    LOGOUT_REDIRECT = "identity.logout_redirect"
    LOGOUT_STATE = "identity.logout_state"
    LOGOUT_FORGED = "identity.logout_forged"


class LogoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came through the browser; every member may be missing."""

    id_token_hint: str = ""
    client_id: str = ""
    post_logout_redirect_uri: str = ""
    state: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in of a client that takes part in log-outs. `id` is the client's `sid`."""

    id: str
    browser_hash: bytes
    client_id: str
    person_id: str
    grant_id: str
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


def takes_part(client: Client) -> bool:
    """Say whether a client registered anything for log-outs; others leave no session behind."""
    return bool(client.policy.backchannel_logout_uri or client.policy.post_logout_redirect_uris)


def check_request(request: LogoutRequest, client: Client | None) -> Refused | None:
    """Check where the browser may be sent afterwards; exact strings (RP-Initiated Logout s3).

    A redirect needs a known client: anybody can send a browser here, and nobody may use us to send
    it on.
    """
    if len(request.state) > STATE_LENGTH_MAX:
        return Refused(LogoutRefusal.LOGOUT_STATE, field="state")
    if not request.post_logout_redirect_uri:
        return None
    if client is None:
        return Refused(LogoutRefusal.LOGOUT_CLIENT, field="client_id")
    if request.post_logout_redirect_uri not in client.policy.post_logout_redirect_uris:
        return Refused(LogoutRefusal.LOGOUT_REDIRECT, field="post_logout_redirect_uri")
    return None


def redirect_address(request: LogoutRequest) -> str | None:
    """Return the checked address with the state, or None when there is none."""
    if not request.post_logout_redirect_uri:
        return None
    if not request.state:
        return request.post_logout_redirect_uri
    joint = "&" if "?" in request.post_logout_redirect_uri else "?"
    return f"{request.post_logout_redirect_uri}{joint}{urlencode({'state': request.state})}"


def logout_claims(
    session: Session, *, issuer: str, subject: str, jti: str, now_s: int
) -> dict[str, Any]:
    """Return the claims of a logout token; it never has a nonce (Back-Channel Logout s2.4)."""
    return {
        "iss": issuer, "sub": subject, "aud": session.client_id, "iat": now_s,
        "exp": now_s + LOGOUT_TOKEN_LIFE_S, "jti": jti, "sid": session.id,
        "events": {LOGOUT_EVENT: {}},
    }  # fmt: skip

"""What the token endpoint is sent and answers with.

Source: RFC 6749 s4.1.3 and s5.1, RFC 8693 s2, RFC 9449 s5, RFC 9396 s7, Grant Management s5.
"""

from __future__ import annotations

from typing import Any

import msgspec


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the token endpoint; unknown parameters are ignored (RFC 6749 s3.2)."""

    client_assertion: str | None = None
    client_assertion_type: str | None = None
    client_id: str | None = None
    grant_type: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    subject_token: str | None = None
    subject_token_type: str | None = None
    requested_token_type: str | None = None
    actor_token: str | None = None
    resource: str | None = None
    audience: str | None = None
    company: str | None = None
    refresh_token: str | None = None
    auth_req_id: str | None = None
    scope: str | None = None
    authorization_details: str | None = None


class TokenReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of the token endpoint (RFC 6749 s5.1, RFC 8693 s2.2.1, RFC 9449 s5, RFC 9396 s7).

    `grant_id` when the grant is on record (Grant Management s5.4).
    """

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    id_token: str | None = None
    issued_token_type: str | None = None
    refresh_token: str | None = None
    authorization_details: tuple[dict[str, Any], ...] = ()
    grant_id: str | None = None

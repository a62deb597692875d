"""How each refusal of refresh, details, claims and grant management looks on the wire.

Source of the OAuth codes: RFC 6749 s5.2, RFC 9396 s5, Grant Management for OAuth 2.0 s5.
"""

from __future__ import annotations

from lionrock.identity.domain.grant_refusals import GrantRefusal as G
from lionrock.kernel.errors import ErrorRow, ErrorTable

GRANT_ERRORS: ErrorTable = {
    G.REFRESH_MISSING: ErrorRow(400, "Send refresh_token.", "RFC 6749 s6", "invalid_request"),
    G.REFRESH_UNKNOWN: ErrorRow(
        400, "This client has no such refresh token. Sign in again.", "RFC 6749 s5.2",
        "invalid_grant",
    ),
    G.REFRESH_EXPIRED: ErrorRow(
        400, "The refresh token has expired. Sign in again.", "RFC 6749 s5.2", "invalid_grant"
    ),
    G.REFRESH_REUSED: ErrorRow(
        400,
        "This refresh token was replaced; its use again revoked the grant. Sign in again.",
        "RFC 9700 s4.14.2", "invalid_grant",
    ),
    G.GRANT_REVOKED: ErrorRow(
        400, "The grant was revoked. Sign in again.", "RFC 6749 s5.2", "invalid_grant"
    ),
    G.DETAILS: ErrorRow(
        400, "authorization_details: send objects of supported types with their own fields only.",
        "RFC 9396 s5", "invalid_authorization_details",
    ),
    G.CLAIMS: ErrorRow(
        400, "claims: send an object with the members userinfo and id_token.",
        "OIDC Core s5.5", "invalid_request",
    ),
    G.GRANT_ACTION: ErrorRow(
        400, "grant_management_action is create (without grant_id), merge or replace (with it).",
        "Grant Management s5.1", "invalid_request",
    ),
    G.GRANT_ID: ErrorRow(
        400,
        "This client has no such grant of this person in force. Create a new one.",
        "Grant Management s5.3",
        "invalid_grant_id",
    ),
    G.GRANT_UNKNOWN: ErrorRow(404, "This client has no such grant.", "Grant Management s6.5"),
    G.GRANT_COMPANY: ErrorRow(
        400,
        "Merging keeps whom a grant is for, and another company (or none) was chosen. Replace the "
        "grant, or create one.", "RFC 6749 s5.2", "invalid_grant",
    ),
    G.TOKEN_PARAMETER: ErrorRow(
        400, "Send token.", "RFC 7662 s2.1, RFC 7009 s2.1", "invalid_request"
    ),
    G.CLIENT_TOKEN: ErrorRow(
        403, "This takes a token of the client's own, from client_credentials.",
        "RFC 6749 s4.4", "insufficient_scope",
    ),
}  # fmt: skip

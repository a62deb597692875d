"""How each refusal of a log-out looks: on a page, for no address is safe to send a browser to."""

from __future__ import annotations

from lionrock.identity.domain.logout import LogoutRefusal
from lionrock.kernel.errors import ErrorRow, ErrorTable

_CLAUSE = "RP-Initiated Logout s2"
LOGOUT_ERRORS: ErrorTable = {
    LogoutRefusal.LOGOUT_HINT: ErrorRow(
        400, "id_token_hint is no id_token of this server. Log out at the service again.", _CLAUSE,
        "invalid_request",
    ),
    LogoutRefusal.LOGOUT_CLIENT: ErrorRow(
        400, "The request does not say for which client it is, or names two.", _CLAUSE,
        "invalid_request",
    ),
    LogoutRefusal.LOGOUT_REDIRECT: ErrorRow(
        400, "post_logout_redirect_uri is not registered for this client, to the letter.",
        "RP-Initiated Logout s3", "invalid_request",
    ),
    LogoutRefusal.LOGOUT_STATE: ErrorRow(
        400, "state is too long.", _CLAUSE, "invalid_request"
    ),
    LogoutRefusal.LOGOUT_FORGED: ErrorRow(
        403, "This form is not from your own page here. Begin to log out again.", "RFC 9700 s4.7",
        "invalid_request",
    ),
}  # fmt: skip

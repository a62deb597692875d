"""How each refusal of the back channel looks on the wire: status, OAuth code, sentence, source."""

from __future__ import annotations

from lionrock.identity.domain.ciba import CibaRefusal as C
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal

# (status, OAuth code, sentence, clause)
_ROWS: dict[Refusal, tuple[int, str, str, str]] = {
    C.MODE_MISSING: (
        400, "unauthorized_client",
        "This client is not registered for CIBA. Ask the operator for a ciba_mode.",
        "CIBA Core s13",
    ),
    C.SIGNED_REQUEST_REQUIRED: (
        400, "invalid_request",
        "The client's policy demands a signed request object: send it in request.",
        "CIBA Core s7.1.1",
    ),
    C.PROOF_REQUIRED: (
        400, "invalid_dpop_proof", "A push client sends a DPoP proof here: it binds the tokens.",
        "RFC 9449 s10",
    ),
    C.OBJECT_ALGORITHM: (
        400, "invalid_request_object",
        "Sign the request object with the algorithm that the client registered.",
        "CIBA Core s4",
    ),
    C.OBJECT_MIXED: (
        400, "invalid_request", "With a request object, every parameter stands inside it.",
        "CIBA Core s7.1.1",
    ),
    C.HINTS: (400, "invalid_request", "Send exactly one of the hints.", "CIBA Core s7.1"),
    C.HINT_TOKEN: (
        400, "invalid_request", "login_hint_token is not taken; send login_hint or id_token_hint.",
        "CIBA Core s7.1",
    ),
    C.ID_TOKEN_HINT: (
        400, "invalid_request", "id_token_hint is no id_token of this server for this client.",
        "CIBA Core s7.1",
    ),
    C.PERSON_UNKNOWN: (
        400, "unknown_user_id", "Nobody of that id_token can be asked. Use login_hint.",
        "CIBA Core s13",
    ),
    C.SCOPE_OPENID: (400, "invalid_scope", "The scope must hold openid.", "CIBA Core s7.1"),
    C.BINDING_MESSAGE: (
        400, "invalid_binding_message",
        "The phone cannot show this binding message. Send up to 64 plain characters.",
        "CIBA Core s13",
    ),
    C.REQUESTED_EXPIRY: (
        400, "invalid_request", "requested_expiry is a whole number of seconds.", "CIBA Core s7.1",
    ),
    C.USER_CODE: (
        400, "invalid_request", "user_code is not taken: a device key answers.", "CIBA Core s7.1",
    ),
    C.NOTIFICATION_TOKEN: (
        400, "invalid_request",
        "client_notification_token: a bearer token of 22 to 1024 characters, of 128 bits or more.",
        "CIBA Core s7.1",
    ),
    C.RESOURCE: (
        400, "invalid_target", "A token is for this city's resources; leave resource out.",
        "RFC 8707 s2",
    ),
    C.ID_MISSING: (400, "invalid_request", "Send auth_req_id.", "CIBA Core s10.1"),
    C.ID_UNKNOWN: (
        400, "invalid_grant", "This client has no such auth_req_id. Ask anew.", "CIBA Core s11",
    ),
    C.ID_USED: (
        400, "invalid_grant",
        "The auth_req_id has brought its tokens already. Ask anew.", "CIBA Core s11",
    ),
    C.KEY_MISMATCH: (
        400, "invalid_grant",
        "The proof is by another key than the request was bound to. Use that key.",
        "RFC 9449 s10",
    ),
    C.PUSHED: (
        400, "unauthorized_client", "The client's tokens are pushed to it; it cannot ask for them.",
        "CIBA Core s11",
    ),
    C.PENDING: (
        400, "authorization_pending", "The person has not answered. Ask again after the interval.",
        "CIBA Core s11",
    ),
    C.TOO_FAST: (
        400, "slow_down", "Not answered, and asked too soon: the interval grew by five seconds.",
        "CIBA Core s11",
    ),
    C.EXPIRED: (400, "expired_token", "The auth_req_id has expired. Ask anew.", "CIBA Core s11"),
    C.DENIED: (400, "access_denied", "The person said no.", "CIBA Core s11"),
    C.LEVEL: (
        400, "access_denied", "The person agreed, but by weaker means than acr_values asked for.",
        "CIBA Core s7.1",
    ),
    C.NOT_GRANTED: (
        400, "access_denied", "The person agreed, but cannot give all that was asked for.",
        "RFC 9396 s5",
    ),
}  # fmt: skip

CIBA_ERRORS: ErrorTable = {
    refusal: ErrorRow(status, title, clause, oauth)
    for refusal, (status, oauth, title, clause) in _ROWS.items()
}
CIBA_ROUTE_ERRORS: ErrorTable = {**ERRORS, **GRANT_ERRORS, **CIBA_ERRORS}

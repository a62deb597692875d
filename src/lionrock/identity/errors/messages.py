"""How refusals about messages look on the wire: policy, nonces, request objects, registration.

Source of the OAuth codes: RFC 6749 s4.1.2.1, RFC 9101 s10.5, RFC 9126 s2.3, RFC 9449 s8.
"""

from __future__ import annotations

from lionrock.identity.domain.policy import PolicyRefusal as P
from lionrock.identity.domain.registration import RegistrationRefusal as G
from lionrock.identity.domain.request_objects import RequestObjectRefusal as O
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal

POLICY_ERRORS: ErrorTable = {
    P.SIGNED_REQUEST_REQUIRED: ErrorRow(
        400, "The client's policy demands a signed request object: send the parameters in request.",
        "RFC 9101 s10.5", "invalid_request",
    ),
    P.RESPONSE_MODE_NOT_ALLOWED: ErrorRow(
        400, "The client's policy does not allow this response_mode. Leave it out.",
        "OAuth 2.0 Multiple Response Types s2.1", "invalid_request",
    ),
    P.SIGNED_RESPONSE_REQUIRED: ErrorRow(
        400, "The client's policy demands a signed response: send response_mode=jwt.",
        "FAPI 2.0 Message Signing s5.4", "invalid_request",
    ),
    P.CODE_BINDING_REQUIRED: ErrorRow(
        400, "The client's policy demands that the code is bound to a key: push a DPoP proof or "
        "dpop_jkt.",
        "RFC 9449 s10", "invalid_request",
    ),
    P.DPOP_NONCE_REQUIRED: ErrorRow(
        400, "The DPoP proof needs a current nonce: use the one in the DPoP-Nonce header.",
        "RFC 9449 s8", "use_dpop_nonce",
    ),
}  # fmt: skip

_OBJECT: dict[Refusal, tuple[str, str]] = {
    O.MALFORMED: ("request is no signed JWT.", "RFC 9101 s6"),
    O.ALGORITHM: ("Sign the request object with ES256.", "FAPI 2.0 s5.4.1"),
    O.TYPE: ("The request object's typ must be oauth-authz-req+jwt.", "RFC 9101 s10.8"),
    O.SIGNATURE: (
        "The request object was not signed by a registered key of the client.", "RFC 9101 s6.2",
    ),
    O.ISSUER: ("iss of the request object must be the client_id.", "RFC 9101 s4"),
    O.AUDIENCE: ("aud of the request object must hold the issuer.", "RFC 9101 s4"),
    O.TIME: (
        "The request object needs nbf and exp, an hour apart at most, around now.",
        "FAPI 2.0 Message Signing s5.3.1",
    ),
    O.JTI: ("jti of the request object is a text of 1 to 256 characters.", "RFC 7519 s4.1.7"),
    O.REPLAYED: ("This request object was used before. Make a new one.", "RFC 9101 s10.2"),
    O.PARAMETER: ("A parameter in the request object cannot be used. Leave it out.", "RFC 9101 s4"),
}
REQUEST_OBJECT_ERRORS: ErrorTable = {
    refusal: ErrorRow(400, title, clause, "invalid_request_object")
    for refusal, (title, clause) in _OBJECT.items()
}
REGISTRATION_ERRORS: ErrorTable = {
    G.OFF: ErrorRow(
        403, "Clients do not register themselves here. Ask the operator.", "RFC 7591 s3",
        "access_denied",
    ),
    G.TOKEN: ErrorRow(
        401, "Send the token of this registration (or an initial access token) as a bearer token.",
        "RFC 7592 s2", "invalid_token",
    ),
    G.LIMITED: ErrorRow(
        429, "Too many registrations. Wait an hour, or ask the operator.", "RFC 7591 s5",
        "temporarily_unavailable",
    ),
    G.MALFORMED: ErrorRow(
        400, "The body is a JSON object with each member once.", "RFC 7591 s3.1",
        "invalid_client_metadata",
    ),
    G.METADATA: ErrorRow(
        400,
        "The metadata is not acceptable. Mend the member that is named.",
        "RFC 7591 s3.2.2", "invalid_client_metadata",
    ),
    G.REDIRECT_URI: ErrorRow(
        400,
        "An address to send people to is not acceptable. Mend the one that is named.",
        "RFC 7591 s3.2.2",
        "invalid_redirect_uri",
    ),
    G.STATEMENT: ErrorRow(
        400, "Software statements are not taken. Send plain metadata.", "RFC 7591 s3.2.2",
        "unapproved_software_statement",
    ),
    G.KEYS_UNREACHABLE: ErrorRow(
        400,
        "The keys at jwks_uri could not be fetched. Serve a JWK Set there, then try again.",
        "RFC 7591 s2",
        "invalid_client_metadata",
    ),
}  # fmt: skip

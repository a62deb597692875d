"""How refusals about messages look on the wire: controls of a policy, nonces.

Source of the OAuth codes: RFC 6749 s4.1.2.1, RFC 9101 s10.5, RFC 9126 s2.3, RFC 9449 s8.
"""

from __future__ import annotations

from lionrock.identity.domain.policy import PolicyRefusal as P
from lionrock.kernel.errors import ErrorRow, ErrorTable

POLICY_ERRORS: ErrorTable = {
    P.SIGNED_REQUEST_REQUIRED: ErrorRow(
        400, "The client's policy demands a signed request object: send the parameters in request.",
        "RFC 9101 s10.5", "invalid_request",
    ),
    P.RESPONSE_MODE_NOT_ALLOWED: ErrorRow(
        400, "The client's policy does not allow this response_mode.",
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

"""How each refusal of a passkey looks on the wire."""

from __future__ import annotations

from lionrock.identity.domain.webauthn import PasskeyRefusal
from lionrock.identity.errors import ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable

_REGISTRATION = "WebAuthn L2 s7.1"
_AUTHENTICATION = "WebAuthn L2 s7.2"
P = PasskeyRefusal

PASSKEY_ERRORS: ErrorTable = {
    P.MALFORMED: ErrorRow(
        400, "The browser's answer cannot be read. Try again with another browser.",
        _AUTHENTICATION,
    ),
    P.TYPE: ErrorRow(
        400, "The answer is to another kind of question. Load the page again.", _AUTHENTICATION
    ),
    P.CHALLENGE: ErrorRow(
        403, "The question was answered before, or too late. Try again.", _AUTHENTICATION
    ),
    P.ORIGIN: ErrorRow(
        403, "The passkey was used on another site than this one. Look at the address.",
        _AUTHENTICATION,
    ),
    P.CROSS_ORIGIN: ErrorRow(
        403, "The passkey was used inside another site's page. Open this one by itself.",
        _AUTHENTICATION,
    ),
    P.RELYING_PARTY: ErrorRow(
        403, "The passkey belongs to another site. Choose the one for this site.", _AUTHENTICATION
    ),
    P.USER_PRESENCE: ErrorRow(
        403,
        "The passkey was used without its holder. Try again and touch or unlock it.",
        _AUTHENTICATION,
    ),
    P.USER_VERIFICATION: ErrorRow(
        403, "The passkey must verify its holder: finger, face or PIN.", _AUTHENTICATION
    ),
    P.BACKUP_FLAGS: ErrorRow(
        400, "The passkey's own flags contradict each other. Use another passkey.", _AUTHENTICATION
    ),
    P.ALGORITHM: ErrorRow(
        400, "The passkey must sign with ES256. Use another passkey.", _REGISTRATION
    ),
    P.SIGNATURE: ErrorRow(
        403,
        "The passkey's signature is not valid. Try again, or use another passkey.", _AUTHENTICATION
    ),
    P.COUNTER: ErrorRow(
        403, "This passkey looks copied. Take it out of use and enrol another one.",
        _AUTHENTICATION,
    ),
    P.CREDENTIAL: ErrorRow(
        403, "This passkey is not in use here, or not yours. Choose another one.", _AUTHENTICATION
    ),
    P.SESSION: ErrorRow(401, "Sign in with your passkey first."),
    P.FORGED: ErrorRow(403, "This call was not made by the authenticator's own page.", "RFC 9700"),
}
AUTHENTICATOR_ERRORS: ErrorTable = {**ERRORS, **PASSKEY_ERRORS}

"""How each refusal of verification looks on the wire."""

from __future__ import annotations

from lionrock.identity.signing.verification.domain import VerificationRefusal
from lionrock.kernel.errors import ErrorRow, ErrorTable

VERIFICATION_ERRORS: ErrorTable = {
    VerificationRefusal.NOT_SENT: ErrorRow(
        422, "No document was sent. Choose a file first."
    ),
    VerificationRefusal.NOT_A_DOCUMENT: ErrorRow(
        422, "The file is neither a PDF nor XML. Send the signed document itself."
    ),
    VerificationRefusal.ENCRYPTED: ErrorRow(
        422, "The PDF is encrypted. Send it without a password."
    ),
    VerificationRefusal.MALFORMED: ErrorRow(
        422, "The file is damaged: its structure cannot be read.", "ISO 32000-2 s7"
    ),
    VerificationRefusal.TOO_COSTLY: ErrorRow(
        422, "The file would take too much time or memory to check, so it was not checked."
    ),
    VerificationRefusal.BUSY: ErrorRow(
        503, "Too many documents are being checked. Try again in a moment."
    ),
    VerificationRefusal.COMPANY: ErrorRow(
        422, "No company has that business registration number."
    ),
}

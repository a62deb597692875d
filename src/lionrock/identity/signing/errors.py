"""How each refusal of signing looks on the wire; the routes that sign put these rows in theirs."""

from __future__ import annotations

from lionrock.identity.signing.domain import SigningRefusal
from lionrock.kernel.errors import ErrorRow, ErrorTable

_PADES = "ETSI EN 319 142-1"
_APPROVAL = "eIDAS-style sole control: the key signs only what an approval released"

SIGNING_ERRORS: ErrorTable = {
    SigningRefusal.PDF_TOO_LARGE: ErrorRow(
        413, "The PDF is too large to be signed. Send a smaller one."
    ),
    SigningRefusal.PDF_MALFORMED: ErrorRow(
        422, "The file is not a well-formed PDF. Export it again from its source.", "ISO 32000-2 s7"
    ),
    SigningRefusal.PDF_ENCRYPTED: ErrorRow(
        422, "An encrypted PDF cannot be signed here. Send it without a password."
    ),
    SigningRefusal.PDF_ACTIVE_CONTENT: ErrorRow(
        422,
        "The PDF holds active content, so what was seen could change. Send a plain one.",
        "ISO 32000-2 s12.6",
    ),
    SigningRefusal.XML_MALFORMED: ErrorRow(
        422, "The file is not well-formed XML. Export it again from its source.", "XML 1.0 s2.1"
    ),
    SigningRefusal.XML_ACTIVE: ErrorRow(
        422, "The XML holds a document type or something outside its root. Send a plain one.",
        "XML Signature 1.1 s8.1",
    ),
    SigningRefusal.SIGNATURES_TOO_MANY: ErrorRow(
        409, "The document holds as many signatures as a document may hold."
    ),
    SigningRefusal.SIGNATURE_BROKEN: ErrorRow(
        409, "A signature in the document is not valid. Start from the unsigned document.", _PADES
    ),
    SigningRefusal.CHAIN_ORDER: ErrorRow(
        409, "Somebody else must sign first. The detail says who."
    ),
    SigningRefusal.CHAIN_COMPLETE: ErrorRow(
        409, "Everybody who had to sign has signed this document."
    ),
    SigningRefusal.SIGNING_APPROVAL_UNKNOWN: ErrorRow(
        404, "There is no such approval. Ask for a new one."
    ),
    SigningRefusal.SIGNING_APPROVAL_MISSING: ErrorRow(
        409, "The approval was not given. Approve on the phone first, or ask again.", _APPROVAL
    ),
    SigningRefusal.SIGNING_APPROVAL_OTHER_DEED: ErrorRow(
        403, "The approval was given for something else than this signature.", _APPROVAL
    ),
    SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER: ErrorRow(
        403, "The approval was given by somebody else than the signer.", _APPROVAL
    ),
    SigningRefusal.SIGNING_APPROVAL_OTHER_DOCUMENT: ErrorRow(
        409, "Another document was shown on the phone. Ask for approval of this one.", _APPROVAL
    ),
    SigningRefusal.SIGNING_APPROVAL_USED: ErrorRow(
        409, "The approval has released its one signature already.", _APPROVAL
    ),
    SigningRefusal.SIGNING_MANDATE: ErrorRow(
        403, "No mandate in force lets this person sign for the company. Ask a director for one."
    ),
    SigningRefusal.SIGNING_MANDATE_JOINT: ErrorRow(
        403, "The mandate is a joint one: more officers must approve together."
    ),
    SigningRefusal.CERTIFICATE_UNKNOWN: ErrorRow(
        404, "This CA never issued such a certificate. Compare the serial number.", "RFC 5280 s5"
    ),
}

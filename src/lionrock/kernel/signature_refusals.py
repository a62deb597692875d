"""Every way in which a signed HTTP message is refused, each with its own code and sentence.

Status 400 says that the message is malformed, 403 that it is well formed and not accepted (401
would owe the caller a WWW-Authenticate challenge, for which RFC 9421 defines no scheme).
Source: RFC 9421 s3.2 (what a verifier must require), RFC 9530 s2.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class SignatureRefusal(Refusal):
    """Why a signed request or response was refused."""

    MISSING = "signature.missing"
    MALFORMED = "signature.malformed"
    SEVERAL = "signature.several"
    LABELS_DIFFER = "signature.labels_differ"
    COMPONENT_UNKNOWN = "signature.component_unknown"
    COMPONENT_REPEATED = "signature.component_repeated"
    COMPONENT_NOT_COVERED = "signature.component_not_covered"
    FIELD_ABSENT = "signature.field_absent"
    FIELD_MALFORMED = "signature.field_malformed"
    PARAMETER_MISSING = "signature.parameter_missing"
    PARAMETER_MALFORMED = "signature.parameter_malformed"
    TAG_WRONG = "signature.tag_wrong"
    ALGORITHM_WRONG = "signature.algorithm_wrong"
    CREATED_TOO_OLD = "signature.created_too_old"
    CREATED_IN_FUTURE = "signature.created_in_future"
    EXPIRED = "signature.expired"
    LIFETIME_TOO_LONG = "signature.lifetime_too_long"
    KEY_UNKNOWN = "signature.key_unknown"
    WRONG = "signature.wrong"
    REPLAYED = "signature.replayed"
    DIGEST_MISSING = "signature.digest_missing"
    DIGEST_MALFORMED = "signature.digest_malformed"
    DIGEST_WRONG = "signature.digest_wrong"
    CONTENT_TYPE_MISSING = "signature.content_type_missing"


_R = SignatureRefusal
SIGNATURE_ERRORS: ErrorTable = {
    _R.MISSING: ErrorRow(
        400, "The message is not signed. Send Signature-Input and Signature.", "RFC 9421 s4"
    ),
    _R.MALFORMED: ErrorRow(
        400, "Signature-Input or Signature does not parse as a structured field.", "RFC 9421 s4"
    ),
    _R.SEVERAL: ErrorRow(400, "Send exactly one signature.", "RFC 9421 s4.3"),
    _R.LABELS_DIFFER: ErrorRow(
        400, "Signature-Input and Signature must use the same label.", "RFC 9421 s4.2"
    ),
    _R.COMPONENT_UNKNOWN: ErrorRow(
        400, "A covered component is not understood here.", "RFC 9421 s2.2"
    ),
    _R.COMPONENT_REPEATED: ErrorRow(
        400, "A component is covered twice; cover each once.", "RFC 9421 s2.5"
    ),
    _R.COMPONENT_NOT_COVERED: ErrorRow(
        400, "A required component is not covered by the signature. Cover it.", "RFC 9421 s3.2.1"
    ),
    _R.FIELD_ABSENT: ErrorRow(
        400, "The signature covers a field that the message does not have.", "RFC 9421 s2.1"
    ),
    _R.FIELD_MALFORMED: ErrorRow(
        400, "A covered field holds characters other than printable ASCII.", "RFC 9421 s2.5"
    ),
    _R.PARAMETER_MISSING: ErrorRow(
        400, "The signature needs created, expires, nonce, keyid and tag.", "RFC 9421 s2.3"
    ),
    _R.PARAMETER_MALFORMED: ErrorRow(
        400, "A signature parameter has another type or length than expected.", "RFC 9421 s2.3"
    ),
    _R.TAG_WRONG: ErrorRow(
        403, 'The signature is for another application; use tag="lionrock".', "RFC 9421 s7.3.7"
    ),
    _R.ALGORITHM_WRONG: ErrorRow(
        403, "The alg parameter does not fit the registered key. Leave it out.", "RFC 9421 s7.3.6"
    ),
    _R.CREATED_TOO_OLD: ErrorRow(
        403, "The signature is older than 60 s. Check the clock and sign again.", "RFC 9421 s7.2.3"
    ),
    _R.CREATED_IN_FUTURE: ErrorRow(
        403, "The signature is dated more than 60 s ahead. Check the clock.", "RFC 9421 s2.3"
    ),
    _R.EXPIRED: ErrorRow(403, "The signature has expired. Sign again.", "RFC 9421 s3.2.1"),
    _R.LIFETIME_TOO_LONG: ErrorRow(
        403, "expires lies before created or more than 300 s after it.", "RFC 9421 s2.3"
    ),
    _R.KEY_UNKNOWN: ErrorRow(
        403, "No registered key has that keyid. Use <organisation>#<kid>.", "RFC 9421 s3.2"
    ),
    _R.WRONG: ErrorRow(
        403, "The signature does not fit the message and the registered key.", "RFC 9421 s3.2"
    ),
    _R.REPLAYED: ErrorRow(
        403, "This nonce was used before. Sign each request with a new one.", "RFC 9421 s7.2.2"
    ),
    _R.DIGEST_MISSING: ErrorRow(
        400, "Send Content-Digest with sha-256, also for empty content.", "RFC 9530 s2"
    ),
    _R.DIGEST_MALFORMED: ErrorRow(
        400, "Content-Digest does not parse, or a digest has the wrong length.", "RFC 9530 s2"
    ),
    _R.DIGEST_WRONG: ErrorRow(
        400, "The content is not the one that Content-Digest names.", "RFC 9530 s2"
    ),
    _R.CONTENT_TYPE_MISSING: ErrorRow(
        400, "Content needs a Content-Type, covered by the signature.", "RFC 9421 s7.5.6"
    ),
}

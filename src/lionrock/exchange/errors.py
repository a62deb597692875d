"""How each refusal of the exchange looks over HTTP: one table for the hub and for the gateways.

Status 403 where the consent does not reach, 409 where its state has moved on, 429 for frequency,
502 and 503 where another party is at fault. A foreign owner's consent is 404 like an unknown one.
"""

from __future__ import annotations

from lionrock.exchange.domain.refusals import ExchangeRefusal as R
from lionrock.kernel.errors import ErrorRow, ErrorTable

_GATEWAY = "RFC 9421 s3.2"

EXCHANGE_ERRORS: ErrorTable = {
    R.CONSENT_UNKNOWN: ErrorRow(404, "You have no consent with this id."),
    R.PRODUCT_UNKNOWN: ErrorRow(
        400, "There is no such product in that version. The list is at /exchange/v1/products."
    ),
    R.PRODUCT_NOT_OFFERED: ErrorRow(400, "That provider does not offer this product."),
    R.FIELD_UNKNOWN: ErrorRow(400, "The product has no such field. Use those of its schema."),
    R.FIELDS_EMPTY: ErrorRow(400, "Name at least one field."),
    R.FIELDS_REPEATED: ErrorRow(400, "A field is named twice. Name each once."),
    R.PURPOSE_UNKNOWN: ErrorRow(400, "The purpose is not on the list of purpose codes."),
    R.PURPOSE_NOT_ALLOWED: ErrorRow(400, "This product cannot be asked for with that purpose."),
    R.LEGAL_BASIS_UNKNOWN: ErrorRow(400, "The legal basis is not on the list."),
    R.VALIDITY_OUT_OF_RANGE: ErrorRow(400, "A consent lasts from a minute to 366 days."),
    R.RETENTION_OUT_OF_RANGE: ErrorRow(400, "The time after which data are deleted is too long."),
    R.FREQUENCY_OUT_OF_RANGE: ErrorRow(400, "The frequency is outside what a consent can say."),
    R.DATA_PERIOD_WRONG: ErrorRow(400, "The period of the data ends before it begins."),
    R.LANGUAGE_UNKNOWN: ErrorRow(400, "Use en, zh-Hant or zh-Hans."),
    R.OWNER_KIND_WRONG: ErrorRow(400, "This product belongs to another kind of owner."),
    R.OWNER_UNKNOWN: ErrorRow(400, "The owner is not known here."),
    R.MEMBER_UNKNOWN: ErrorRow(400, "The provider or consumer is no active member."),
    R.CONSUMER_NOT_HOSTED: ErrorRow(
        400, "The platform does not hold this consumer's key, so it cannot fetch for it."
    ),
    R.PARTIES_SAME: ErrorRow(400, "Provider and consumer are one organisation."),
    R.APPROVAL_REFUSED: ErrorRow(409, "The approval could not be asked for."),
    R.JURISDICTION_UNKNOWN: ErrorRow(400, "The jurisdiction is not on the list."),
    R.JURISDICTION_NOT_ALLOWED: ErrorRow(
        403, "Data may leave Hong Kong only under a filed contract, and there is none."
    ),
    R.OFFICERS_TOO_FEW: ErrorRow(
        409, "The company has too few officers with a mandate for its data."
    ),
    R.REVISIONS_TOO_MANY: ErrorRow(
        409, "The consent was changed too often. Revoke it and agree to a new one."
    ),
    R.AMENDMENT_EMPTY: ErrorRow(400, "The amendment changes nothing."),
    R.AMENDMENT_PENDING: ErrorRow(
        409, "Another amendment of this consent waits for its officers. Wait for their decision."
    ),
    R.TRANSITION_ILLEGAL: ErrorRow(409, "The consent is in a state from which this cannot follow."),
    R.CONSENT_FORGED: ErrorRow(403, "The consent is not signed by the platform.", "RFC 7515 s5.2"),
    R.CONSENT_MALFORMED: ErrorRow(400, "The consent is signed but has another shape."),
    R.CONSENT_OTHER_PROVIDER: ErrorRow(403, "The consent names another provider."),
    R.CONSENT_OTHER_CONSUMER: ErrorRow(403, "The consent names another consumer than the caller."),
    R.CONSENT_NOT_ACTIVE: ErrorRow(409, "The consent is not active."),
    R.CONSENT_NOT_STARTED: ErrorRow(409, "The consent has not begun yet."),
    R.CONSENT_EXPIRED: ErrorRow(409, "The consent has ended. Ask the owner for a new one."),
    R.CONSENT_REVOKED: ErrorRow(409, "The owner has revoked the consent. Delete what you hold."),
    R.CONSENT_PAUSED: ErrorRow(
        409, "The owner has paused the consent. Ask again when it is active."
    ),
    R.CONSENT_SUPERSEDED: ErrorRow(409, "There is a later revision of this consent. Use that."),
    R.MANDATE_ENDED: ErrorRow(
        409, "The officer's mandate for the company has ended. Ask another officer for consent."
    ),
    R.MANDATE_MISSING: ErrorRow(
        403, "You have no mandate for this company's data. Ask an officer who has one."
    ),
    R.PRODUCT_NOT_CONSENTED: ErrorRow(403, "The consent is for another product or version."),
    R.FIELD_NOT_CONSENTED: ErrorRow(403, "The consent does not name this field."),
    R.PURPOSE_NOT_CONSENTED: ErrorRow(403, "The consent is for another purpose."),
    R.DATA_PERIOD_NOT_CONSENTED: ErrorRow(403, "The days asked for go beyond the consent."),
    R.FREQUENCY_EXCEEDED: ErrorRow(429, "The consent has been used as often as it allows."),
    R.REQUEST_ID_REUSED: ErrorRow(409, "This request id was used before. Use a new one."),
    R.REQUEST_TOO_LARGE: ErrorRow(413, "The request is larger than a gateway takes."),
    R.REQUEST_MALFORMED: ErrorRow(400, "The request does not fit the documented shape."),
    R.REQUEST_SIGNATURE_WRONG: ErrorRow(403, "The request's signature was refused.", _GATEWAY),
    R.REQUEST_REPLAYED: ErrorRow(
        403, "This signature was used before. Sign each request anew.", "RFC 9421 s7.2.2"
    ),
    R.SESSION_KEY_WRONG: ErrorRow(
        400, "The session's key must be a public P-256 key with use enc.", "RFC 7518 s6.2"
    ),
    R.SESSION_KEY_REUSED: ErrorRow(
        409, "This session key came with another request before. Make one for each fetch.",
    ),
    R.CONSUMER_BUSY: ErrorRow(
        429, "Too many of your requests wait here. Come again as Retry-After says.", "RFC 6585 s4"
    ),
    R.CALLER_UNKNOWN: ErrorRow(403, "The caller is no active member.", _GATEWAY),
    R.LEASE_REFUSED: ErrorRow(409, "The platform does not confirm this consent."),
    R.LEASE_UNAVAILABLE: ErrorRow(
        503, "The platform did not confirm the consent in time. Repeat the same request."
    ),
    R.LEASE_RUN_OUT: ErrorRow(
        503, "The confirmation ran out before the answer began. Repeat the same request."
    ),
    R.RECORD_UNKNOWN: ErrorRow(404, "The provider holds no record of this owner."),
    R.PROVIDER_UNREACHABLE: ErrorRow(503, "The provider does not answer. Try again shortly."),
    R.PROVIDER_REFUSED: ErrorRow(502, "The provider refused. The detail has its reason."),
    R.ANSWER_TOO_LARGE: ErrorRow(502, "The provider's answer is larger than is taken."),
    R.ANSWER_SIGNATURE_WRONG: ErrorRow(
        502, "The answer is not signed by the provider for this request.", "RFC 9421 s2.4"
    ),
    R.ANSWER_MALFORMED: ErrorRow(502, "The answer does not fit the documented shape."),
    R.ANSWER_NOT_FOR_US: ErrorRow(
        502, "The answer is not encrypted to this session's key.", "RFC 7516 s5.2"
    ),
    R.ANSWER_OTHER_REQUEST: ErrorRow(502, "The answer names another request or consent."),
    R.DELIVERY_SIGNATURE_WRONG: ErrorRow(
        502, "The data are not signed by the provider.", "RFC 7515 s5.2"
    ),
    R.DELIVERY_OTHER_REQUEST: ErrorRow(502, "The data were signed for another request."),
    R.DELIVERY_EXTRA_FIELD: ErrorRow(
        502, "The provider sent a field that was not consented; all of it was refused."
    ),
    R.DELIVERY_FIELD_MISSING: ErrorRow(502, "The provider left out a field that was asked for."),
    R.DELIVERY_MALFORMED: ErrorRow(502, "The data do not fit the product's schema."),
    R.DELIVERY_OUTSIDE_PERIOD: ErrorRow(
        502, "The provider sent data from outside the consented days; all of it was refused."
    ),
    R.DELIVERY_ERASED: ErrorRow(410, "The data were deleted at the end of their retention."),
}

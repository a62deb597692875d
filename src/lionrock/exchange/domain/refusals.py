"""Every expected way in which the exchange says no, as one closed enum.

The value is the stable code on the wire, at the hub and in a provider's gateway alike, so that a
consumer reads one vocabulary whoever refused. What each looks like over HTTP is one table for both
(errors.py).
"""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class ExchangeRefusal(Refusal):
    """Why a consent was not made, a fetch not answered, or an answer not believed."""

    # Asking for a consent.
    CONSENT_UNKNOWN = "exchange.consent_unknown"
    PRODUCT_UNKNOWN = "exchange.product_unknown"
    PRODUCT_NOT_OFFERED = "exchange.product_not_offered"
    FIELD_UNKNOWN = "exchange.field_unknown"
    FIELDS_EMPTY = "exchange.fields_empty"
    FIELDS_REPEATED = "exchange.fields_repeated"
    PURPOSE_UNKNOWN = "exchange.purpose_unknown"
    PURPOSE_NOT_ALLOWED = "exchange.purpose_not_allowed"
    LEGAL_BASIS_UNKNOWN = "exchange.legal_basis_unknown"
    VALIDITY_OUT_OF_RANGE = "exchange.validity_out_of_range"
    RETENTION_OUT_OF_RANGE = "exchange.retention_out_of_range"
    FREQUENCY_OUT_OF_RANGE = "exchange.frequency_out_of_range"
    DATA_PERIOD_WRONG = "exchange.data_period_wrong"
    LANGUAGE_UNKNOWN = "exchange.language_unknown"
    OWNER_KIND_WRONG = "exchange.owner_kind_wrong"
    OWNER_UNKNOWN = "exchange.owner_unknown"
    MEMBER_UNKNOWN = "exchange.member_unknown"
    CONSUMER_NOT_HOSTED = "exchange.consumer_not_hosted"
    PARTIES_SAME = "exchange.parties_same"
    APPROVAL_REFUSED = "exchange.approval_refused"
    JURISDICTION_UNKNOWN = "exchange.jurisdiction_unknown"
    JURISDICTION_NOT_ALLOWED = "exchange.jurisdiction_not_allowed"
    OFFICERS_TOO_FEW = "exchange.officers_too_few"
    AMENDMENT_EMPTY = "exchange.amendment_empty"
    REVISIONS_TOO_MANY = "exchange.revisions_too_many"
    AMENDMENT_PENDING = "exchange.amendment_pending"
    TRANSITION_ILLEGAL = "exchange.transition_illegal"

    # Using a consent.
    CONSENT_FORGED = "exchange.consent_forged"
    CONSENT_MALFORMED = "exchange.consent_malformed"
    CONSENT_OTHER_PROVIDER = "exchange.consent_other_provider"
    CONSENT_OTHER_CONSUMER = "exchange.consent_other_consumer"
    CONSENT_NOT_ACTIVE = "exchange.consent_not_active"
    CONSENT_NOT_STARTED = "exchange.consent_not_started"
    CONSENT_EXPIRED = "exchange.consent_expired"
    CONSENT_REVOKED = "exchange.consent_revoked"
    CONSENT_PAUSED = "exchange.consent_paused"
    CONSENT_SUPERSEDED = "exchange.consent_superseded"
    MANDATE_ENDED = "exchange.mandate_ended"
    MANDATE_MISSING = "exchange.mandate_missing"
    PRODUCT_NOT_CONSENTED = "exchange.product_not_consented"
    FIELD_NOT_CONSENTED = "exchange.field_not_consented"
    PURPOSE_NOT_CONSENTED = "exchange.purpose_not_consented"
    DATA_PERIOD_NOT_CONSENTED = "exchange.data_period_not_consented"
    FREQUENCY_EXCEEDED = "exchange.frequency_exceeded"
    REQUEST_ID_REUSED = "exchange.request_id_reused"

    # A provider's gateway about the request itself.
    REQUEST_TOO_LARGE = "exchange.request_too_large"
    REQUEST_MALFORMED = "exchange.request_malformed"
    REQUEST_SIGNATURE_WRONG = "exchange.request_signature_wrong"
    REQUEST_REPLAYED = "exchange.request_replayed"
    SESSION_KEY_WRONG = "exchange.session_key_wrong"
    SESSION_KEY_REUSED = "exchange.session_key_reused"
    CONSUMER_BUSY = "exchange.consumer_busy"
    CALLER_UNKNOWN = "exchange.caller_unknown"
    LEASE_REFUSED = "exchange.lease_refused"
    LEASE_UNAVAILABLE = "exchange.lease_unavailable"
    LEASE_RUN_OUT = "exchange.lease_run_out"
    RECORD_UNKNOWN = "exchange.record_unknown"

    # A consumer about the provider's answer.
    PROVIDER_UNREACHABLE = "exchange.provider_unreachable"
    PROVIDER_REFUSED = "exchange.provider_refused"
    ANSWER_TOO_LARGE = "exchange.answer_too_large"
    ANSWER_SIGNATURE_WRONG = "exchange.answer_signature_wrong"
    ANSWER_MALFORMED = "exchange.answer_malformed"
    ANSWER_NOT_FOR_US = "exchange.answer_not_for_us"
    ANSWER_OTHER_REQUEST = "exchange.answer_other_request"
    DELIVERY_SIGNATURE_WRONG = "exchange.delivery_signature_wrong"
    DELIVERY_OTHER_REQUEST = "exchange.delivery_other_request"
    DELIVERY_EXTRA_FIELD = "exchange.delivery_extra_field"
    DELIVERY_FIELD_MISSING = "exchange.delivery_field_missing"
    DELIVERY_MALFORMED = "exchange.delivery_malformed"
    DELIVERY_OUTSIDE_PERIOD = "exchange.delivery_outside_period"
    DELIVERY_ERASED = "exchange.delivery_erased"

"""The closed enum of what identity refuses; http/errors.py gives each status and sentence."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class IdentityRefusal(Refusal):
    """Every expected outcome of this pillar that is not success."""

    # Client authentication: private_key_jwt (RFC 7523, FAPI 2.0 s5.3.2.1).
    CLIENT_ASSERTION_MISSING = "identity.client_assertion_missing"
    CLIENT_ASSERTION_MALFORMED = "identity.client_assertion_malformed"
    CLIENT_ASSERTION_ALGORITHM = "identity.client_assertion_algorithm"
    CLIENT_ASSERTION_SIGNATURE = "identity.client_assertion_signature"
    CLIENT_ASSERTION_ISSUER = "identity.client_assertion_issuer"
    CLIENT_ASSERTION_AUDIENCE = "identity.client_assertion_audience"
    CLIENT_ASSERTION_TIME = "identity.client_assertion_time"
    CLIENT_ASSERTION_JTI = "identity.client_assertion_jti"
    CLIENT_ASSERTION_REPLAYED = "identity.client_assertion_replayed"
    CLIENT_UNKNOWN = "identity.client_unknown"
    CLIENT_MISMATCH = "identity.client_mismatch"

    # Proof of possession (RFC 9449).
    DPOP_MISSING = "identity.dpop_missing"
    DPOP_SEVERAL = "identity.dpop_several"
    DPOP_MALFORMED = "identity.dpop_malformed"
    DPOP_TYPE = "identity.dpop_type"
    DPOP_ALGORITHM = "identity.dpop_algorithm"
    DPOP_KEY = "identity.dpop_key"
    DPOP_SIGNATURE = "identity.dpop_signature"
    DPOP_JTI = "identity.dpop_jti"
    DPOP_METHOD = "identity.dpop_method"
    DPOP_TARGET = "identity.dpop_target"
    DPOP_TIME = "identity.dpop_time"
    DPOP_TOKEN_HASH = "identity.dpop_token_hash"  # noqa: S105 - a code, not a secret
    DPOP_KEY_MISMATCH = "identity.dpop_key_mismatch"
    DPOP_REPLAYED = "identity.dpop_replayed"
    DPOP_JKT_MISMATCH = "identity.dpop_jkt_mismatch"

    # Pushed authorization requests (RFC 9126, RFC 6749 s4.1.1, RFC 7636).
    REQUEST_URI_PUSHED = "identity.request_uri_pushed"
    REDIRECT_URI_MISSING = "identity.redirect_uri_missing"
    REDIRECT_URI_UNREGISTERED = "identity.redirect_uri_unregistered"
    RESPONSE_TYPE_MISSING = "identity.response_type_missing"
    RESPONSE_TYPE = "identity.response_type"
    RESPONSE_MODE = "identity.response_mode"
    PKCE_MISSING = "identity.pkce_missing"
    PKCE_METHOD = "identity.pkce_method"
    SCOPE = "identity.scope"
    PROMPT = "identity.prompt"
    ACR_UNMET = "identity.acr_unmet"
    MAX_AGE = "identity.max_age"
    PARAMETER_LENGTH = "identity.parameter_length"

    # The authorization endpoint and its pages.
    REQUEST_NOT_PUSHED = "identity.request_not_pushed"
    REQUEST_UNKNOWN = "identity.request_unknown"
    REQUEST_EXPIRED = "identity.request_expired"
    REQUEST_USED = "identity.request_used"
    SIGN_IN_UNKNOWN = "identity.sign_in_unknown"
    SIGN_IN_FORGED = "identity.sign_in_forged"
    SIGN_IN_FINISHED = "identity.sign_in_finished"

    # The token endpoint (RFC 6749 s5.2, RFC 8693).
    GRANT_TYPE = "identity.grant_type"
    GRANT_TYPE_NOT_ALLOWED = "identity.grant_type_not_allowed"
    CODE_MISSING = "identity.code_missing"
    CODE_UNKNOWN = "identity.code_unknown"
    CODE_USED = "identity.code_used"
    CODE_EXPIRED = "identity.code_expired"
    CODE_REDIRECT_URI = "identity.code_redirect_uri"
    CODE_VERIFIER = "identity.code_verifier"
    SUBJECT_TOKEN = "identity.subject_token"  # noqa: S105 - a code, not a secret
    SUBJECT_TOKEN_TYPE = "identity.subject_token_type"  # noqa: S105 - a code, not a secret
    EXCHANGE_TARGET = "identity.exchange_target"
    EXCHANGE_CHAIN = "identity.exchange_chain"

    # Access tokens at resources (RFC 9449 s7, RFC 6750 s3.1).
    TOKEN_MISSING = "identity.token_missing"  # noqa: S105 - a code, not a secret
    TOKEN_SCHEME = "identity.token_scheme"  # noqa: S105 - a code, not a secret
    TOKEN_WITHOUT_PERSON = "identity.token_without_person"  # noqa: S105 - a code, not a secret
    TOKEN_INVALID = "identity.token_invalid"  # noqa: S105 - a code, not a secret
    SCOPE_MISSING = "identity.scope_missing"
    STAFF_ROLE_MISSING = "identity.staff_role_missing"
    STEP_UP = "identity.step_up"

    # Approvals and devices.
    APPROVAL_TEMPLATE = "identity.approval_template"
    APPROVAL_FIELDS = "identity.approval_fields"
    APPROVAL_FIELD_UNSAFE = "identity.approval_field_unsafe"
    APPROVAL_REFERENCE = "identity.approval_reference"
    APPROVAL_LANGUAGE = "identity.approval_language"
    APPROVAL_PERSONS = "identity.approval_persons"
    APPROVAL_QUORUM = "identity.approval_quorum"
    APPROVAL_LIFETIME = "identity.approval_lifetime"
    APPROVALS_PENDING = "identity.approvals_pending"
    APPROVAL_UNKNOWN = "identity.approval_unknown"
    APPROVAL_DECIDED = "identity.approval_decided"
    APPROVAL_EXPIRED = "identity.approval_expired"
    APPROVAL_ANSWERED = "identity.approval_answered"
    ANSWER_MALFORMED = "identity.answer_malformed"
    ANSWER_SIGNATURE = "identity.answer_signature"
    ANSWER_WORDS = "identity.answer_words"
    ANSWER_TIME = "identity.answer_time"
    NUMBER_MISSING = "identity.number_missing"
    NUMBER_WRONG = "identity.number_wrong"
    DEVICE_UNKNOWN = "identity.device_unknown"
    DEVICE_SIGNATURE = "identity.device_signature"
    DEVICE_REPLAYED = "identity.device_replayed"
    DEVICE_KEY = "identity.device_key"
    DEVICE_KEY_TAKEN = "identity.device_key_taken"
    ENROLMENT_CODE = "identity.enrolment_code"
    DEVICES_MAX = "identity.devices_max"
    DEVICE_WAITING = "identity.device_waiting"
    DEVICE_OWN_NOTICE = "identity.device_own_notice"
    QUIET_SIGN_IN = "identity.quiet_sign_in"

    # Persons, companies, mandates.
    PERSON_UNKNOWN = "identity.person_unknown"
    PERSON_EXISTS = "identity.person_exists"
    COMPANY_UNKNOWN = "identity.company_unknown"
    COMPANY_EXISTS = "identity.company_exists"
    COMPANY_INACTIVE = "identity.company_inactive"
    IDENTITY_NUMBER = "identity.identity_number"
    PHONE_NUMBER = "identity.phone_number"
    EMAIL_ADDRESS = "identity.email_address"
    HANDLE = "identity.handle"
    BUSINESS_NUMBER = "identity.business_number"
    MANDATE_MISSING = "identity.mandate_missing"
    MANDATE_SCOPE = "identity.mandate_scope"
    MANDATE_AMOUNT = "identity.mandate_amount"
    MANDATE_DRAFT = "identity.mandate_draft"
    MANDATE_UNKNOWN = "identity.mandate_unknown"
    CLIENT_DRAFT = "identity.client_draft"
    CLIENT_EXISTS = "identity.client_exists"
    STAFF_ROLE = "identity.staff_role"


class RelyingPartyRefusal(Refusal):
    """Why a relying party did not believe an answer (identity/relying_party.py)."""

    METADATA = "relying_party.metadata"
    PUSH = "relying_party.push"
    ISSUER_MIXED = "relying_party.issuer_mixed"
    STATE = "relying_party.state"
    DENIED = "relying_party.denied"
    TOKEN = "relying_party.token"  # noqa: S105 - a code, not a secret
    ID_TOKEN = "relying_party.id_token"  # noqa: S105 - a code, not a secret
    USERINFO = "relying_party.userinfo"

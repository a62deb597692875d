"""How each refusal of identity looks on the wire: status, sentence, source, OAuth error code.

Rows are listed in the order of the enum. The sentence says what to do next and holds no secrets.
Source of the OAuth codes: RFC 6749 s4.1.2.1 and s5.2, RFC 9126 s2.3, RFC 9449 s5 and s7.1, RFC 8693
s2.2.2, RFC 6750 s3.1.
"""

from __future__ import annotations

from lionrock.identity.domain.refusals import IdentityRefusal as R
from lionrock.identity.domain.refusals import RelyingPartyRefusal as P
from lionrock.identity.errors.messages import POLICY_ERRORS, REQUEST_OBJECT_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal

_CLIENT: dict[Refusal, tuple[str, str]] = {
    R.CLIENT_ASSERTION_MISSING: (
        "Send client_assertion and client_assertion_type; no other client authentication is taken.",
        "FAPI 2.0 s5.3.2.1",
    ),
    R.CLIENT_ASSERTION_MALFORMED: ("The client assertion is no JWT.", "RFC 7523 s3"),
    R.CLIENT_ASSERTION_ALGORITHM: ("Sign the client assertion with ES256.", "FAPI 2.0 s5.4.1"),
    R.CLIENT_ASSERTION_SIGNATURE: (
        "The client assertion was not signed by a registered key of the client.", "RFC 7523 s3",
    ),
    R.CLIENT_ASSERTION_ISSUER: (
        "iss and sub of the client assertion must both be the client_id.", "RFC 7523 s3",
    ),
    R.CLIENT_ASSERTION_AUDIENCE: (
        "aud of the client assertion must be the issuer, as one string.", "FAPI 2.0 s5.3.2.1",
    ),
    R.CLIENT_ASSERTION_TIME: (
        "The client assertion is outside its time. Check the clock and make a new one.",
        "RFC 7523 s3",
    ),
    R.CLIENT_ASSERTION_JTI: ("Give each client assertion a jti.", "RFC 7523 s3"),
    R.CLIENT_ASSERTION_REPLAYED: (
        "This client assertion was used before. Make a new one for each request.", "RFC 7523 s3",
    ),
    R.CLIENT_UNKNOWN: ("No active client has this id. Register it first.", "RFC 6749 s5.2"),
    R.CLIENT_MISMATCH: (
        "client_id is not the assertion's client. Leave it out or correct it.", "RFC 7521 s4.2",
    ),
}  # fmt: skip
_DPOP: dict[Refusal, tuple[str, str]] = {
    R.DPOP_MISSING: ("Send a DPoP proof in the DPoP header.", "RFC 9449 s5"),
    R.DPOP_SEVERAL: ("Send one DPoP header only.", "RFC 9449 s4.3 (1)"),
    R.DPOP_MALFORMED: ("The DPoP proof is no JWT.", "RFC 9449 s4.3 (2)"),
    R.DPOP_TYPE: ("The proof's typ must be dpop+jwt.", "RFC 9449 s4.3 (4)"),
    R.DPOP_ALGORITHM: ("Sign the proof with ES256.", "RFC 9449 s4.3 (5)"),
    R.DPOP_KEY: ("The proof's jwk must be a public P-256 or Ed25519 key.", "RFC 9449 s4.3 (7)"),
    R.DPOP_SIGNATURE: ("The proof's signature does not fit its jwk.", "RFC 9449 s4.3 (6)"),
    R.DPOP_JTI: ("The proof needs a jti of 1 to 256 characters.", "RFC 9449 s4.3 (3)"),
    R.DPOP_METHOD: ("htm must be the method of this request.", "RFC 9449 s4.3 (8)"),
    R.DPOP_TARGET: ("htu must be the address of this request.", "RFC 9449 s4.3 (9)"),
    R.DPOP_TIME: ("iat must be within a minute of now. Check the clock.", "RFC 9449 s4.3 (11)"),
    R.DPOP_TOKEN_HASH: ("ath must be the hash of the access token.", "RFC 9449 s4.3 (12)"),
    R.DPOP_REPLAYED: ("This proof was used before. Make one for each request.", "RFC 9449 s11.1"),
    R.DPOP_JKT_MISMATCH: ("dpop_jkt is not the thumbprint of the proof's key.", "RFC 9449 s10.1"),
}
# (status, OAuth code, sentence, clause)
_OAUTH: dict[Refusal, tuple[int, str, str, str]] = {
    R.DPOP_KEY_MISMATCH: (
        400, "invalid_grant", "The proof is by another key than this was bound to.", "RFC 9449 s10",
    ),
    R.REQUEST_URI_PUSHED: (
        400, "invalid_request", "request_uri must not be pushed.", "RFC 9126 s2.1 (2)",
    ),
    R.REDIRECT_URI_MISSING: (
        400, "invalid_request", "Send redirect_uri.", "FAPI 2.0 s5.3.2.2",
    ),
    R.REDIRECT_URI_UNREGISTERED: (
        400, "invalid_request", "redirect_uri is not registered, letter for letter.",
        "RFC 9700 s2.1",
    ),
    R.RESPONSE_TYPE_MISSING: (
        400, "invalid_request", "Send response_type=code.", "RFC 6749 s4.1.2.1",
    ),
    R.RESPONSE_TYPE: (
        400, "unsupported_response_type", "Only response_type=code is taken.",
        "FAPI 2.0 s5.3.2.2",
    ),
    R.RESPONSE_MODE: (
        400, "invalid_request", "response_mode is query (or left out), jwt or query.jwt.",
        "OAuth 2.0 Multiple Response Types s2.1",
    ),
    R.PKCE_MISSING: (400, "invalid_request", "Send code_challenge (S256).", "RFC 7636 s4.4.1"),
    R.PKCE_METHOD: (
        400, "invalid_request", "code_challenge_method must be S256.", "FAPI 2.0 s5.3.2.2",
    ),
    R.SCOPE: (400, "invalid_scope", "Ask for scopes that are registered.", "RFC 6749 s3.3"),
    R.PROMPT: (400, "invalid_request", "prompt is not a known value.", "OIDC Core s3.1.2.1"),
    R.PARAMETER_LENGTH: (400, "invalid_request", "A parameter is too long.", "RFC 6749 s4.1.1"),
    R.ACR_UNMET: (
        400, "unmet_authentication_requirements",
        "acr_values: name a level of acr_values_supported in the server's metadata.",
        "OIDC Core Unmet Authentication Requirements s2",
    ),
    R.MAX_AGE: (
        400, "invalid_request", "max_age is a whole number of seconds.", "OIDC Core s3.1.2.1",
    ),
    R.GRANT_TYPE: (
        400, "unsupported_grant_type",
        "Use a grant type of grant_types_supported in the server's metadata.", "RFC 6749 s5.2",
    ),
    R.GRANT_TYPE_NOT_ALLOWED: (
        400, "unauthorized_client", "The client's policy does not allow this grant type.",
        "RFC 6749 s5.2",
    ),
    R.CODE_MISSING: (400, "invalid_request", "Send code.", "RFC 6749 s4.1.3"),
    R.CODE_UNKNOWN: (400, "invalid_grant", "This client has no such code.", "RFC 6749 s5.2"),
    R.CODE_USED: (
        400, "invalid_grant", "The code was used before; its tokens were revoked. Sign in again.",
        "RFC 6749 s4.1.2",
    ),
    R.CODE_EXPIRED: (
        400, "invalid_grant", "The code has expired. Sign in again.", "FAPI 2.0 s5.3.2.1",
    ),
    R.CODE_REDIRECT_URI: (
        400, "invalid_grant", "redirect_uri differs from the one pushed.", "RFC 6749 s4.1.3",
    ),
    R.CODE_VERIFIER: (
        400, "invalid_grant", "code_verifier does not fit the challenge.", "RFC 7636 s4.6",
    ),
    R.SUBJECT_TOKEN: (
        400, "invalid_request", "subject_token is no live token of this client.", "RFC 8693 s2.2.2",
    ),
    R.SUBJECT_TOKEN_TYPE: (
        400, "invalid_request", "Only access tokens are exchanged, for access tokens.",
        "RFC 8693 s2.1",
    ),
    R.EXCHANGE_TARGET: (
        400, "invalid_target", "Name one company that the person may act for now.",
        "RFC 8693 s2.2.2",
    ),
    R.EXCHANGE_CHAIN: (
        400, "invalid_request",
        "The subject token's own authority has ended. Start from the person's.",
        "RFC 8693 s1.1",
    ),
    R.TOKEN_MISSING: (401, "", "Send Authorization: DPoP and the access token.", "RFC 9449 s7.1"),
    R.TOKEN_SCHEME: (
        401, "invalid_token", "The token is bound to a key: use the scheme DPoP, once.",
        "RFC 9449 s7.2",
    ),
    R.TOKEN_INVALID: (
        401, "invalid_token", "The access token is unknown, expired or revoked. Get a new one.",
        "RFC 6750 s3.1",
    ),
    R.TOKEN_WITHOUT_PERSON: (
        403, "insufficient_scope",
        "This resource is for persons: sign somebody in; a client's own token is not enough.",
        "RFC 6750 s3.1",
    ),
    R.SCOPE_MISSING: (
        403, "insufficient_scope", "The access token lacks the scope of this endpoint.",
        "RFC 6750 s3.1",
    ),
    R.STEP_UP: (
        401, "insufficient_user_authentication",
        "This takes a stronger or fresher sign-in: send acr_values and max_age as shown.",
        "RFC 9470 s3",
    ),
    R.STAFF_ROLE_MISSING: (403, "access_denied", "This takes a staff role you do not hold.", ""),
}  # fmt: skip
_PLAIN: dict[Refusal, tuple[int, str]] = {
    R.REQUEST_NOT_PUSHED: (400, "The service must push its request first, then send request_uri."),
    R.REQUEST_UNKNOWN: (400, "This sign-in request is not known. Go back to the service."),
    R.REQUEST_EXPIRED: (400, "This sign-in request has expired. Go back to the service."),
    R.REQUEST_USED: (400, "This sign-in request was completed before. Go back to the service."),
    R.SIGN_IN_UNKNOWN: (404, "This browser has no such sign-in. Go back to the service."),
    R.SIGN_IN_FORGED: (403, "This form was not opened in this browser. Open the page again."),
    R.SIGN_IN_FINISHED: (409, "This sign-in has ended. Go back to the service."),
    R.APPROVAL_TEMPLATE: (400, "There is no approval template of that name."),
    R.APPROVAL_FIELDS: (400, "The fields are not those of the template."),
    R.APPROVAL_FIELD_UNSAFE: (400, "A text is empty, too long, or holds control characters."),
    R.APPROVAL_REFERENCE: (400, "kind is a short name, reference the id of a thing."),
    R.APPROVAL_LANGUAGE: (400, "The language must be en, zh-Hant or zh-Hans."),
    R.APPROVAL_PERSONS: (400, "Name the persons to ask, each once."),
    R.APPROVAL_QUORUM: (400, "The quorum does not fit the persons and their mandates."),
    R.APPROVAL_LIFETIME: (400, "An approval lives from ten seconds to thirty days."),
    R.APPROVALS_PENDING: (429, "This person has too many open approvals. Wait for answers."),
    R.APPROVAL_UNKNOWN: (404, "You are not asked for such an approval."),
    R.APPROVAL_DECIDED: (409, "This approval was decided already."),
    R.APPROVAL_EXPIRED: (409, "This approval has expired. Start again at the service."),
    R.APPROVAL_ANSWERED: (409, "You have answered this approval already."),
    R.ANSWER_MALFORMED: (400, "The answer must hold approval_id, words_hash, decision and iat."),
    R.ANSWER_SIGNATURE: (403, "The answer was not signed by this device's key."),
    R.ANSWER_WORDS: (409, "The answer is for other words than were asked. Fetch it again."),
    R.ANSWER_TIME: (400, "The answer's iat is not within minutes of now. Check the clock."),
    R.NUMBER_MISSING: (400, "Enter the number that the service's page shows."),
    R.NUMBER_WRONG: (403, "That is not the number on the service's page. Look again."),
    R.DEVICE_UNKNOWN: (403, "No device in use has this id. Enrol it again."),
    R.DEVICE_SIGNATURE: (403, "The signature by the device's key does not hold."),
    R.DEVICE_REPLAYED: (403, "This signed request was used before. Sign each with a new nonce."),
    R.DEVICE_KEY: (400, "The device's key must be a public P-256 key."),
    R.DEVICE_KEY_TAKEN: (409, "This key was enrolled before. Make a new one."),
    R.DEVICES_MAX: (
        409, "You have as many devices as a person may have. Take one out of use first."
    ),
    R.DEVICE_WAITING: (
        403, "This device is new. Until its waiting period ends it can only sign in."
    ),
    R.DEVICE_OWN_NOTICE: (
        403, "Another of your devices must answer this, not the one it is about."
    ),
    R.QUIET_SIGN_IN: (
        404, "No sign-in that waits for you shows this code. Look at its page again."
    ),
    R.ENROLMENT_CODE: (403, "The enrolment code is unknown, used or expired. Ask for a new one."),
    R.PERSON_UNKNOWN: (404, "There is no such person."),
    R.PERSON_EXISTS: (409, "Another person holds this identifier."),
    R.COMPANY_UNKNOWN: (404, "There is no such company."),
    R.COMPANY_EXISTS: (409, "A company with this number is on record."),
    R.COMPANY_INACTIVE: (403, "The company has ceased; nobody can act for it."),
    R.IDENTITY_NUMBER: (400, "That is no identity card number such as A123456(3)."),
    R.PHONE_NUMBER: (400, "That is no phone number such as +852 5123 4567."),
    R.EMAIL_ADDRESS: (400, "That is no e-mail address."),
    R.HANDLE: (400, "A handle has 2 to 31 lower-case letters, digits and hyphens."),
    R.BUSINESS_NUMBER: (400, "A business registration number has eight digits."),
    R.MANDATE_MISSING: (403, "No mandate of this person for the company is in force."),
    R.MANDATE_SCOPE: (403, "The person's mandate does not cover this deed."),
    R.MANDATE_AMOUNT: (403, "The amount is above the limit of the person's mandate."),
    R.MANDATE_DRAFT: (400, "The mandate asked for does not hold together."),
    R.MANDATE_UNKNOWN: (404, "The company has no such mandate in force."),
    R.CLIENT_DRAFT: (400, "The client's registration is not acceptable."),
    R.CLIENT_EXISTS: (409, "A client with this id is registered."),
    R.STAFF_ROLE: (400, "There is no such staff role, or it is not held."),
}

ERRORS: ErrorTable = {
    **{
        refusal: ErrorRow(401, title, clause, "invalid_client")
        for refusal, (title, clause) in _CLIENT.items()
    },
    **{
        refusal: ErrorRow(400, title, clause, "invalid_dpop_proof")
        for refusal, (title, clause) in _DPOP.items()
    },
    **{
        refusal: ErrorRow(status, title, clause, oauth)
        for refusal, (status, oauth, title, clause) in _OAUTH.items()
    },
    **{refusal: ErrorRow(status, title) for refusal, (status, title) in _PLAIN.items()},
    **POLICY_ERRORS,
    **REQUEST_OBJECT_ERRORS,
}

RELYING_PARTY_ERRORS: ErrorTable = {
    P.METADATA: ErrorRow(
        502, "The sign-in server's metadata is not usable. Check the issuer.", "RFC 8414 s3.3"
    ),
    P.PUSH: ErrorRow(502, "The sign-in server refused the request.", "RFC 9126 s2.3"),
    P.ISSUER_MIXED: ErrorRow(
        400, "The answer is by another server than was asked. Sign in again.", "RFC 9207 s2.4"
    ),
    P.STATE: ErrorRow(
        400, "The answer is not for this browser's sign-in. Sign in again.", "RFC 9700 s4.7"
    ),
    P.DENIED: ErrorRow(403, "The sign-in was refused or ran out of time.", "RFC 6749 s4.1.2.1"),
    P.TOKEN: ErrorRow(502, "The sign-in server gave no token.", "RFC 6749 s5.2"),
    P.ID_TOKEN: ErrorRow(502, "The id_token does not hold. Sign in again.", "OIDC Core s3.1.3.7"),
    P.USERINFO: ErrorRow(502, "The claims are missing or not the subject's.", "OIDC Core s5.3.2"),
}

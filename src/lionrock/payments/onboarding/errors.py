"""How each refusal of participant onboarding looks on the wire."""

from __future__ import annotations

from lionrock.directory.api import SIGNED_CALL_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.payments.http.errors import ERRORS as PAYMENT_ERRORS
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal

_R = OnboardingRefusal
ONBOARDING_ERRORS: ErrorTable = {
    _R.MALFORMED: ErrorRow(
        422, "The application is not as documented. Mend the field that is named."
    ),
    _R.KEY_MALFORMED: ErrorRow(422, "A key is no public JWK named by its thumbprint.", "RFC 7638"),
    _R.KEY_PRIVATE: ErrorRow(
        422, "A key was sent with its private part. Treat it as lost and make a new one.",
        "RFC 7517 s9.2",
    ),
    _R.KEY_NOT_ES256: ErrorRow(
        422, "Participants sign with ES256. Send a P-256 key.", "RFC 7518 s3.4"
    ),
    _R.KEY_KNOWN: ErrorRow(
        409, "The key is, or was, another organisation's or stands there already. Make a new one."
    ),
    _R.KEY_SIGNS: ErrorRow(
        409, "Sign this with the key that stays, so that it is seen to work.", "NIST SP 800-57"
    ),
    _R.KEY_LAST: ErrorRow(409, "It is your only key. Have another one added first."),
    _R.ENDPOINT_REFUSED: ErrorRow(422, "The end point is none that may be called.", "RFC 6890"),
    _R.ORGANISATION_TAKEN: ErrorRow(
        409, "The organisation stands in the directory, or has an application on its way."
    ),
    _R.CODE_TAKEN: ErrorRow(409, "The clearing code is another participant's or candidate's."),
    _R.TOO_MANY_WAIT: ErrorRow(
        429, "Too many applications wait for their review. Come again later.", "RFC 6585 s4"
    ),
    _R.UNKNOWN: ErrorRow(404, "There is no application of yours with this id."),
    _R.STATE: ErrorRow(409, "The application is not at that step. Read it again."),
    _R.STALE: ErrorRow(409, "The application has changed since you saw it. Read it again."),
    _R.OWN: ErrorRow(
        403, "Who asked does not review. Another operator must.", "NIST SP 800-57 (dual control)"
    ),
    _R.REVIEWED: ErrorRow(
        409, "You have spoken at this step. The second pair of eyes must be somebody else's.",
        "NIST SP 800-57 (dual control)",
    ),
    _R.REASONS: ErrorRow(422, "Say why, in one line."),
    _R.LIMITS: ErrorRow(422, "Limits are positive amounts in the currencies applied for."),
    _R.CHANGE_PENDING: ErrorRow(409, "A change waits for the operators. One at a time."),
    _R.ENDPOINT_UNTESTED: ErrorRow(
        409, "The new end point has not passed its test yet. When it answers there, the participant"
        " asks for the same change again: that tests it anew. Then it can be agreed to.",
        "RFC 9421 s3.2",
    ),
    _R.CHANGE_UNKNOWN: ErrorRow(404, "There is no change of that id which waits."),
    _R.TESTS_MISSING: ErrorRow(
        409, "The last run of each test must have passed with the keys and end point in force."
    ),
    _R.CASE_UNKNOWN: ErrorRow(422, "There is no test of that name."),
    _R.RUN_UNDER_WAY: ErrorRow(409, "The test is under way. Wait for its end."),
    _R.RUN_UNKNOWN: ErrorRow(
        404, "There is no test run of yours with this id, or it is over for long and deleted."
    ),
    _R.RUNS_EXHAUSTED: ErrorRow(
        429, "You have run as many tests as you may in a day.", "RFC 6585 s4"
    ),
    _R.LANE_DIFFERS: ErrorRow(
        400, "The message does not name the test lane. From and to whom, the header must say.",
        "ISO 20022 head.001 Fr, To",
    ),
    _R.MESSAGE_UNASKED: ErrorRow(
        409, "No test under way expects this message. Start the test, then send what it says."
    ),
    _R.MESSAGES_EXHAUSTED: ErrorRow(
        429, "The test has had as many messages as it takes.", "RFC 6585 s4"
    ),
    _R.BUSY_ON_PURPOSE: ErrorRow(
        503, "This test answers the first try so, on purpose. Send the same message again."
    ),
}
ONBOARDING_ROUTE_ERRORS: ErrorTable = {
    **SIGNED_CALL_ERRORS, **PAYMENT_ERRORS, **ONBOARDING_ERRORS,
}

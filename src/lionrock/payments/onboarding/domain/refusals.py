"""Why participant onboarding says no. The value is the stable code."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class OnboardingRefusal(Refusal):
    """Expected outcomes that are not success."""

    MALFORMED = "payments.candidate_malformed"
    KEY_MALFORMED = "payments.candidate_key_malformed"
    KEY_PRIVATE = "payments.candidate_key_private"
    KEY_NOT_ES256 = "payments.candidate_key_not_es256"
    KEY_KNOWN = "payments.candidate_key_known"
    KEY_SIGNS = "payments.candidate_key_signs"
    KEY_LAST = "payments.candidate_key_last"
    ENDPOINT_REFUSED = "payments.candidate_endpoint_refused"
    ORGANISATION_TAKEN = "payments.candidate_organisation_taken"
    CODE_TAKEN = "payments.candidate_code_taken"
    TOO_MANY_WAIT = "payments.candidates_too_many"
    UNKNOWN = "payments.candidate_unknown"
    STATE = "payments.candidate_state"
    STALE = "payments.candidate_stale"
    OWN = "payments.candidate_own"
    REVIEWED = "payments.candidate_reviewed"
    REASONS = "payments.candidate_reasons"
    LIMITS = "payments.candidate_limits"
    CHANGE_PENDING = "payments.candidate_change_pending"
    ENDPOINT_UNTESTED = "payments.candidate_endpoint_untested"
    CHANGE_UNKNOWN = "payments.candidate_change_unknown"
    TESTS_MISSING = "payments.candidate_tests_missing"
    CASE_UNKNOWN = "payments.test_case_unknown"
    RUN_UNDER_WAY = "payments.test_under_way"
    RUN_UNKNOWN = "payments.test_run_unknown"
    RUNS_EXHAUSTED = "payments.test_runs_exhausted"
    LANE_DIFFERS = "payments.test_lane_differs"
    MESSAGE_UNASKED = "payments.test_message_unasked"
    MESSAGES_EXHAUSTED = "payments.test_messages_exhausted"
    BUSY_ON_PURPOSE = "payments.test_busy"

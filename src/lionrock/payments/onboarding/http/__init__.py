"""The endpoints of participant onboarding; every call is signed by the candidate (RFC 9421)."""

from __future__ import annotations

from typing import Any

from lionrock.kernel.http import Route, Step
from lionrock.payments.onboarding.domain.application import Application
from lionrock.payments.onboarding.errors import ONBOARDING_ROUTE_ERRORS
from lionrock.payments.onboarding.http import onboarding, replies
from lionrock.payments.onboarding.http.calls import (
    ApplyCall,
    CandidateCall,
    check_applicant,
    check_candidate,
    load_held_candidate,
)
from lionrock.payments.service.courier import MEDIA_TYPE

BASE = "/payments/v1/onboarding"
_ONE = f"{BASE}/{{candidate_id}}"
_COMMON: dict[str, Any] = {
    "errors": ONBOARDING_ROUTE_ERRORS, "scope": "member", "clause": "RFC 9421",
}
BODY_BYTES_MAX = 64 * 1024


def routes() -> tuple[Route, ...]:
    """All rows of this room."""
    return (
        Route(
            method="POST", path=BASE, name="apply_as_participant",
            summary="Ask to join as a participant, signed by a key of the application.",
            steps=(check_applicant, onboarding.save_application), call=ApplyCall,
            body=Application, replies={201: replies.CandidateReply}, **_COMMON,
        ),
        _row("GET", _ONE, "get_candidate", "Read one's own application: step, words, tests.",
             onboarding.reply_candidate),
        _row("PUT", _ONE, "mend_application", "Replace an application not yet agreed to.",
             onboarding.save_mended, body=Application),
        _row("POST", f"{_ONE}/withdrawal", "withdraw_application", "End one's application.",
             onboarding.save_withdrawal, **_EMPTY),
        _row("POST", f"{_ONE}/runs", "run_participant_tests",
             "Begin runs of tests in the test lane, where no money moves.",
             onboarding.save_runs, body=onboarding.RunsBody, replies={202: replies.RunsReply}),
        _row("GET", f"{_ONE}/runs/{{run_id}}", "get_test_run",
             "Read a run with all that was sent and received.", onboarding.reply_run,
             replies={200: replies.EvidenceReply}),
        _row("POST", f"{_ONE}/go-live", "ask_participant_go_live",
             "Ask to be live, when every test passed with what is in force.",
             onboarding.save_go_live, **_EMPTY),
        _row("POST", f"{_ONE}/keys", "ask_key_addition",
             "Ask for a further signing key beside those in force.", onboarding.save_key,
             body=onboarding.KeyBody, **_ACCEPTED),
        _row("POST", f"{_ONE}/key-retirements", "ask_key_retirement",
             "Ask for a key to be retired, signed by one that stays.",
             onboarding.save_retirement, body=onboarding.RetirementBody, **_ACCEPTED),
        _row("POST", f"{_ONE}/endpoint", "ask_endpoint_change",
             "Ask for another end point; it is tried first, and again when asked again.",
             onboarding.save_endpoint, body=onboarding.EndpointBody, **_ACCEPTED),
        _row("POST", f"{_ONE}/messages", "post_test_message",
             "Send one ISO 20022 message in the test lane, where no money moves.",
             onboarding.save_test_message, body_kind="raw", body_bytes_max=BODY_BYTES_MAX,
             body_media_types=(MEDIA_TYPE,), replies={202: None}, reply_media_type=MEDIA_TYPE,
             family="iso20022", render_refusal=onboarding.render_test_refusal),
    )  # fmt: skip


_EMPTY: dict[str, Any] = {"body_kind": "raw", "body_bytes_max": 0}
_ACCEPTED: dict[str, Any] = {"replies": {202: replies.CandidateReply}}


def _row(
    method: Any, path: str, name: str, summary: str, step: Step, **more: Any
) -> Route:
    steps: tuple[Step, ...] = (check_candidate, step)
    if method != "GET":
        steps = (check_candidate, load_held_candidate, step)
    return Route(
        method=method, path=path, name=name, summary=summary, steps=steps, call=CandidateCall,
        **{"replies": {200: replies.CandidateReply}, **_COMMON, **more},
    )

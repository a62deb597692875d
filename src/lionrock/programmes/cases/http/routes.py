"""The route table of cases. Applicants need the scope `programmes`, staff the scope `staff`."""

from __future__ import annotations

from typing import Any

from lionrock.identity.api import Identity, PrincipalCall
from lionrock.kernel.http import Route, RouteTable
from lionrock.programmes.cases.errors import CASE_ERRORS
from lionrock.programmes.cases.http import steps
from lionrock.programmes.cases.http.bodies import (
    AssessmentBody,
    ClaimBody,
    DecisionBody,
    SignatureBody,
    StartBody,
)
from lionrock.programmes.cases.http.replies import (
    AskedReply,
    CaseReply,
    CasesReply,
    PayoutReply,
    RegisterReply,
)
from lionrock.programmes.cases.service import Cases

_CASES = "/programmes/v1/cases"
_STAFF = "/programmes/v1/staff/cases"
_TOKEN = "RFC 9449 s7"  # noqa: S105 - a clause, not a secret


def table(room: Cases, identity: Identity) -> RouteTable:
    """Return the routes of cases; `identity` checks the access tokens."""
    return RouteTable(
        pillar="programmes",
        room=room,
        routes=(*_applicant(identity), *_staff(identity), *_public()),
    )


def _applicant(identity: Identity) -> tuple[Route, ...]:
    common: dict[str, Any] = {
        "call": PrincipalCall, "errors": CASE_ERRORS, "scope": "programmes", "clause": _TOKEN,
    }  # fmt: skip
    check = identity.check_access_token
    return (
        Route(
            method="POST", path=_CASES, name="start_case",
            summary="Begin a case: judge the facts, set the application.",
            steps=(check, steps.save_draft), body=StartBody, replies={201: CaseReply}, **common,
        ),
        Route(
            method="GET", path=_CASES, name="cases", summary="List the company's cases.",
            steps=(check, steps.reply_cases), replies={200: CasesReply}, **common,
        ),
        Route(
            method="GET", path=f"{_CASES}/{{case_id}}", name="case",
            summary="Show a case of the company.", steps=(check, steps.reply_case),
            replies={200: CaseReply}, **common,
        ),
        Route(
            method="GET", path=f"{_CASES}/{{case_id}}/documents/{{kind}}", name="case_document",
            summary="Fetch the newest version of the application or the agreement.",
            steps=(check, steps.reply_document), replies={200: None},
            reply_media_type="application/pdf", **common,
        ),
        Route(
            method="POST", path=f"{_CASES}/{{case_id}}/signatures", name="ask_signature",
            summary="Ask on the phone for a signature of the applicant's side.",
            steps=(check, steps.save_signature_request), body=SignatureBody,
            replies={201: AskedReply}, **common,
        ),
        Route(
            method="POST", path=f"{_CASES}/{{case_id}}/submission", name="submit_case",
            summary="Submit the signed application.", steps=(check, steps.save_submission),
            replies={200: CaseReply}, **common,
        ),
        Route(
            method="POST", path=f"{_CASES}/{{case_id}}/withdrawal", name="withdraw_case",
            summary="Withdraw a case that is not decided.", steps=(check, steps.save_withdrawal),
            replies={200: CaseReply}, **common,
        ),
        Route(
            method="POST", path=f"{_CASES}/{{case_id}}/payouts", name="claim_payout",
            summary="Claim a milestone's payout.", steps=(check, steps.save_claim),
            body=ClaimBody, replies={201: PayoutReply}, **common,
        ),
    )  # fmt: skip


def _staff(identity: Identity) -> tuple[Route, ...]:
    common: dict[str, Any] = {
        "call": PrincipalCall, "errors": CASE_ERRORS, "scope": "staff", "clause": _TOKEN,
    }  # fmt: skip
    check = identity.check_access_token
    return (
        Route(
            method="GET", path=_STAFF, name="staff_cases", query=("lang", "desk"),
            summary="List submitted cases by desk: assessment, committee, agreement, payouts.",
            steps=(check, steps.reply_staff_cases), replies={200: CasesReply}, **common,
        ),
        Route(
            method="GET", path=f"{_STAFF}/{{case_id}}", name="staff_case",
            summary="Show a submitted case to staff.", steps=(check, steps.reply_staff_case),
            replies={200: CaseReply}, **common,
        ),
        Route(
            method="GET", path=f"{_STAFF}/{{case_id}}/documents/{{kind}}",
            name="staff_case_document", summary="Fetch a submitted case's document.",
            steps=(check, steps.reply_staff_document), replies={200: None},
            reply_media_type="application/pdf", **common,
        ),
        Route(
            method="POST", path=f"{_STAFF}/{{case_id}}/assessments", name="assess_case",
            summary="Assess a case, or declare a conflict of interest.",
            steps=(check, steps.save_assessment), body=AssessmentBody,
            replies={200: CaseReply}, **common,
        ),
        Route(
            method="POST", path=f"{_STAFF}/{{case_id}}/decision", name="decide_case",
            summary="Decide a case for the committee; an approval is then committed in the ledger.",
            steps=(check, steps.save_decision), body=DecisionBody,
            replies={200: CaseReply, 202: CaseReply}, **common,
        ),
        Route(
            method="POST", path=f"{_STAFF}/{{case_id}}/seal", name="seal_agreement",
            summary="Ask on the phone for the office's seal on the agreement.",
            steps=(check, steps.save_office_seal_request), replies={201: AskedReply}, **common,
        ),
        Route(
            method="POST", path=f"{_STAFF}/{{case_id}}/payouts/{{payout_id}}/release",
            name="release_payout", summary="Release a claimed payout to the switch.",
            steps=(check, steps.save_release), replies={202: PayoutReply}, **common,
        ),
    )  # fmt: skip


def _public() -> tuple[Route, ...]:
    common: dict[str, Any] = {"errors": CASE_ERRORS, "query": ("lang", "after")}
    return (
        Route(
            method="GET", path="/programmes/v1/awards", name="awards",
            summary="The public register of awards, a page at a time.",
            steps=(steps.reply_register,), replies={200: RegisterReply}, **common,
        ),
        Route(
            method="GET", path="/programmes/v1/awards.csv", name="awards_csv",
            summary="The public register of awards as CSV.",
            steps=(steps.reply_register_csv,), replies={200: None},
            reply_media_type="text/csv", clause="RFC 4180", **common,
        ),
    )  # fmt: skip

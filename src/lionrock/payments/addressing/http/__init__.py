"""The endpoints of addressing: rows for the route table of payments.

All are signed (RFC 9421). The room of the calls is payments' own, whose `addressing` they use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import (
    SIGNED_CALL_ERRORS,
    SignedCall,
    check_signed_call,
)
from lionrock.kernel.errors import ErrorTable
from lionrock.kernel.http import Route
from lionrock.kernel.http.table import Step
from lionrock.payments.addressing.domain.answers import Found
from lionrock.payments.addressing.http import (
    callers,
    claims,
    comparison,
    entries,
    lookups,
    questions,
)
from lionrock.payments.addressing.service.payees import Payee, Verified

_PROXIES = "/payments/v1/proxies"
_CLAIMS = f"{_PROXIES}/claims"
_COMPARISON = f"{_PROXIES}/comparison"
BATCH_BYTES_MAX = 512 * 1024
HIGH_RISK_BYTES_MAX = 512 * 1024
QUESTIONS_BYTES_MAX = 64 * 1024


def routes(load_participant: Step, call: Any, errors: ErrorTable) -> tuple[Route, ...]:
    """The rows of addressing; `load_participant` is payments' step, `call` the call it sets."""
    assert errors.keys() >= SIGNED_CALL_ERRORS.keys(), "signed calls are refused in these words"
    member: Mapping[str, Any] = {"errors": errors, "scope": "member", "clause": "RFC 9421"}
    signed = (check_signed_call, load_participant)
    return (
        *_register_rows(signed, call, member), *_asking_rows(signed, call, member),
        *_claim_rows(signed, call, member), *_comparison_rows(signed, call, member),
    )


def _register_rows(signed: Any, call: Any, member: Mapping[str, Any]) -> tuple[Route, ...]:
    return (
        Route(
            method="POST", path=_PROXIES, name="register_proxy",
            summary="Register a mobile number, e-mail, FPS id or HKID for a customer's account.",
            steps=(*signed, entries.save_registration), call=call,
            body=entries.RegistrationBody, replies={201: entries.RegistrationReply}, **member,
        ),
        Route(
            method="POST", path=f"{_PROXIES}/batches", name="register_proxies",
            summary="Register up to 1,000 proxies; each is answered for itself.",
            steps=(*signed, entries.save_batch), call=call, body=entries.BatchBody,
            body_bytes_max=BATCH_BYTES_MAX, replies={200: entries.BatchReply}, **member,
        ),
        Route(
            method="POST", path=f"{_PROXIES}/removals", name="remove_proxy",
            summary="Withdraw a registration of one's own.",
            steps=(*signed, entries.save_removal), call=call, body=entries.RemovalBody,
            replies={204: None}, **member,
        ),
        Route(
            method="POST", path="/payments/v1/account-closures", name="close_account",
            summary="Withdraw all proxies of an account that is closed.",
            steps=(*signed, entries.save_closure), call=call, body=entries.ClosureBody,
            replies={200: entries.ClosureReply}, **member,
        ),
        Route(
            method="GET", path=f"{_PROXIES}/notices", name="list_proxy_notices",
            summary="Read what happened to one's proxies: replaced by another bank, claimed.",
            steps=(*signed, entries.reply_notices), call=call, query=("after",),
            replies={200: entries.NoticesReply}, **member,
        ),
        Route(
            method="POST", path=f"{_PROXIES}/high-risk", name="list_high_risk_proxies",
            summary="List proxies as high risk, or take them off the list (operator).",
            steps=(check_signed_call, entries.save_high_risk), call=SignedCall,
            body=entries.HighRiskBody, body_bytes_max=HIGH_RISK_BYTES_MAX,
            replies={200: entries.HighRiskReply}, **member,
        ),
    )  # fmt: skip


def _asking_rows(signed: Any, call: Any, member: Mapping[str, Any]) -> tuple[Route, ...]:
    return (
        Route(
            method="POST", path=f"{_PROXIES}/lookups", name="look_up_proxy",
            summary="Ask whose proxy it is: bank, masked name, and a warning if it has one.",
            steps=(
                callers.load_caller, callers.check_caller_signature, callers.check_participant,
                lookups.check_question, lookups.save_question, lookups.reply_registration,
            ),
            call=lookups.LookupCall, body=lookups.LookupBody, replies={200: Found},
            mode="none", **member,
        ),
        Route(
            method="POST", path=f"{_PROXIES}/identity-lookups", name="look_up_identity",
            summary="Ask where an institution pays a person known by an identity card number.",
            steps=(*signed, lookups.reply_identity), call=call,
            body=lookups.IdentityLookupBody, replies={200: Found}, **member,
        ),
        Route(
            method="POST", path="/payments/v1/payee-verifications", name="verify_payee",
            summary="Ask whether an account or proxy is in the name that the payer was given.",
            steps=(check_signed_call, callers.check_enrolled, lookups.reply_verified),
            call=lookups.PayeeCall, body=Payee, replies={200: Verified},
            mode="beats", **member,
        ),
        Route(
            method="POST", path="/payments/v1/payee-questions", name="ask_about_payees",
            summary="Ask about many payees at once: whose proxy, and is it in that name?",
            steps=(
                callers.load_caller, callers.check_caller_signature, callers.check_participant,
                questions.save_questions, questions.reply_answers,
            ),
            call=questions.QuestionsCall, body=questions.QuestionsBody,
            body_bytes_max=QUESTIONS_BYTES_MAX, replies={200: questions.AnswersReply},
            mode="none", **member,
        ),
    )  # fmt: skip


def _claim_rows(signed: Any, call: Any, member: Mapping[str, Any]) -> tuple[Route, ...]:
    return (
        Route(
            method="POST", path=_CLAIMS, name="open_proxy_claim",
            summary="Claim a proxy that another participant has: portability or ownership.",
            steps=(*signed, claims.save_claim), call=call, body=claims.ClaimBody,
            replies={201: claims.ClaimReply}, **member,
        ),
        Route(
            method="GET", path=_CLAIMS, name="list_proxy_claims",
            summary="Read the claims that one is a party of.",
            steps=(*signed, claims.reply_claims), call=call, query=("after",),
            replies={200: claims.ClaimsReply}, **member,
        ),
        Route(
            method="GET", path=f"{_CLAIMS}/{{claim_id}}", name="get_proxy_claim",
            summary="Read how a claim stands.",
            steps=(*signed, claims.reply_claim), call=call,
            replies={200: claims.ClaimReply}, **member,
        ),
        Route(
            method="POST", path=f"{_CLAIMS}/{{claim_id}}/actions", name="act_on_proxy_claim",
            summary="Acknowledge, confirm or cancel a claim as its donor; cancel or complete it "
            "as its claimer.",
            steps=(*signed, claims.save_action), call=call, body=claims.ActionBody,
            replies={200: claims.ClaimReply}, **member,
        ),
    )  # fmt: skip


def _comparison_rows(signed: Any, call: Any, member: Mapping[str, Any]) -> tuple[Route, ...]:
    return (
        Route(
            method="GET", path=_COMPARISON, name="compare_proxies",
            summary="Read the digests of one's own register, to compare it with one's books.",
            steps=(*signed, comparison.reply_digest), call=call,
            replies={200: comparison.DigestReply}, **member,
        ),
        Route(
            method="GET", path=f"{_COMPARISON}/{{bucket}}", name="compare_proxy_bucket",
            summary="Read the fingerprints of one bucket of one's own register.",
            steps=(*signed, comparison.reply_fingerprints), call=call, query=("after",),
            replies={200: comparison.FingerprintsReply}, **member,
        ),
        Route(
            method="POST", path=f"{_COMPARISON}/entries", name="read_compared_proxies",
            summary="Read entries of one's own register by their fingerprints.",
            steps=(*signed, comparison.reply_entries), call=call, body=comparison.EntriesBody,
            replies={200: comparison.EntriesReply}, **member,
        ),
    )  # fmt: skip

"""The endpoints of payment links and fee intents; members' calls are signed (RFC 9421)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import check_signed_call
from lionrock.kernel.http import Route
from lionrock.payments.http.messages import load_participant
from lionrock.payments.links.errors import LINK_ROUTE_ERRORS
from lionrock.payments.links.http import intents, links

_MEMBER: Mapping[str, Any] = {"errors": LINK_ROUTE_ERRORS, "scope": "member", "clause": "RFC 9421"}
BASE = "/payments/v1/links"
INTENTS = "/payments/v1/intents"
_INTENT = f"{INTENTS}/{{intent_id}}"
_REFUND = "/payments/v1/refunds/{refund_id}"


def routes() -> tuple[Route, ...]:
    """All rows of this room."""
    return (*_links(), *_intents())


def _links() -> tuple[Route, ...]:
    return (
        Route(
            method="POST", path=BASE, name="create_payment_link",
            summary="Make a payment link: its address, for the payer's bank app.",
            steps=(check_signed_call, links.save_link), call=links.CreateCall,
            body=links.LinkBody, replies={201: links.LinkReply}, **_MEMBER,
        ),
        Route(
            method="POST", path=f"{BASE}/requests", name="fetch_payment_request",
            summary="Fetch the signed payment request of a link, as the payer's bank.",
            steps=(check_signed_call, load_participant, links.save_request),
            call=links.FetchCall, body=links.FetchBody, replies={201: None},
            reply_media_type=links.REQUEST_MEDIA_TYPE, **_MEMBER,
        ),
        Route(
            method="GET", path=f"{BASE}/{{link_id}}", name="get_payment_link",
            summary="Read how a payment link of one's own stands.",
            steps=(check_signed_call, links.reply_link), call=links.OwnCall,
            replies={200: links.LinkReply}, **_MEMBER,
        ),
        Route(
            method="POST", path=f"{BASE}/{{link_id}}/cancellation", name="cancel_payment_link",
            summary="Call a payment link of one's own off.",
            steps=(check_signed_call, links.save_cancellation), call=links.OwnCall,
            replies={200: links.LinkReply}, **_MEMBER,
        ),
    )  # fmt: skip


def _intents() -> tuple[Route, ...]:
    own: Mapping[str, Any] = {"call": intents.OwnIntentCall, **_MEMBER}
    return (
        Route(
            method="POST", path=INTENTS, name="create_payment_intent",
            summary="Ask for a fee: a link, a payment code and a number for the bill.",
            steps=(check_signed_call, intents.save_intent), call=intents.IntentCall,
            body=intents.IntentBody, replies={201: intents.IntentReply}, **_MEMBER,
        ),
        Route(
            method="GET", path=_INTENT, name="get_payment_intent",
            summary="Read a fee of one's own with its refunds.",
            steps=(check_signed_call, intents.reply_intent), replies={200: intents.IntentReply},
            **own,
        ),
        Route(
            method="POST", path=f"{_INTENT}/cancellation", name="cancel_payment_intent",
            summary="Call a fee of one's own off.",
            steps=(check_signed_call, intents.save_intent_cancellation),
            replies={200: intents.IntentReply}, **own,
        ),
        Route(
            method="GET", path=f"{_INTENT}/receipt", name="get_fee_receipt",
            summary="Read the signed receipt of a paid fee.",
            steps=(check_signed_call, intents.reply_receipt), replies={200: None},
            reply_media_type=intents.RECEIPT_MEDIA_TYPE, **own,
        ),
        Route(
            method="GET", path=f"{_INTENT}/receipt.pdf", name="get_fee_receipt_document",
            summary="Read the receipt of a paid fee as PDF, in English and Chinese.",
            steps=(check_signed_call, intents.reply_receipt_document), replies={200: None},
            reply_media_type=intents.DOCUMENT_MEDIA_TYPE, **own,
        ),
        Route(
            method="POST", path=f"{_INTENT}/refunds", name="ask_fee_refund",
            summary="Give a fee back, partly or whole; above the limit officers are asked.",
            steps=(check_signed_call, intents.save_refund), call=intents.RefundCall,
            body=intents.RefundBody, replies={201: intents.RefundReply}, **_MEMBER,
        ),
        Route(
            method="GET", path=_REFUND, name="get_fee_refund",
            summary="Read how a refund of one's own stands.",
            steps=(check_signed_call, intents.reply_refund), call=intents.OwnRefundCall,
            replies={200: intents.RefundReply}, **_MEMBER,
        ),
        Route(
            method="POST", path=f"{_REFUND}/withdrawal", name="withdraw_fee_refund",
            summary="Call a refund off that waits for its officers.",
            steps=(check_signed_call, intents.save_refund_withdrawal), call=intents.OwnRefundCall,
            replies={200: intents.RefundReply}, **_MEMBER,
        ),
        Route(
            method="GET", path=f"{INTENTS}/reports/{{day}}", name="get_fee_report",
            summary="Read a day's reconciliation: fees against settled payments, both ways.",
            steps=(check_signed_call, intents.reply_report), replies={200: intents.ReportReply},
            **own,
        ),
    )  # fmt: skip

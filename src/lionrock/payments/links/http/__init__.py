"""The endpoints of payment links and fee intents; members' calls are signed (RFC 9421)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import check_signed_call
from lionrock.kernel.http import Route
from lionrock.payments.http.messages import load_participant
from lionrock.payments.links.errors import LINK_ROUTE_ERRORS
from lionrock.payments.links.http import links

_MEMBER: Mapping[str, Any] = {"errors": LINK_ROUTE_ERRORS, "scope": "member", "clause": "RFC 9421"}
BASE = "/payments/v1/links"


def routes() -> tuple[Route, ...]:
    """All rows of this room."""
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

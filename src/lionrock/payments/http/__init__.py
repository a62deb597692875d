"""The endpoints of payments. Members' calls are signed (RFC 9421); messages are ISO 20022."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import check_signed_call
from lionrock.kernel.http import Route, RouteTable
from lionrock.payments.http import messages, proxies
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.qr import http as qr
from lionrock.payments.service import MEDIA_TYPE, MESSAGES_PATH, Payments
from lionrock.payments.settlement import http as settlement

__all__ = ["ERRORS", "table"]

_MEMBER: Mapping[str, Any] = {"errors": ERRORS, "scope": "member", "clause": "RFC 9421"}


def table(room: Payments) -> RouteTable:
    """The rows of payments."""
    return RouteTable(pillar="payments", room=room, routes=(
        Route(
            method="POST", path=MESSAGES_PATH, name="post_payment_message",
            summary="Send one ISO 20022 message (pacs.008, pacs.002, pacs.028 or admi.002).",
            steps=(
                check_signed_call, messages.load_participant, messages.check_media_type,
                messages.load_message, messages.save_message,
            ),
            call=messages.MessageCall, body_kind="raw", body_bytes_max=messages.BODY_BYTES_MAX,
            replies={202: None}, reply_media_type=MEDIA_TYPE, family="iso20022",
            render_refusal=messages.render_message_refusal, **_MEMBER,
        ),
        Route(
            method="POST", path="/payments/v1/proxies", name="register_proxy",
            summary="Register a mobile number or e-mail for a customer's account.",
            steps=(check_signed_call, messages.load_participant, proxies.save_registration),
            call=proxies.RegistrationCall, body=proxies.RegistrationBody,
            replies={201: proxies.RegistrationReply}, **_MEMBER,
        ),
        Route(
            method="POST", path="/payments/v1/proxies/lookups", name="look_up_proxy",
            summary="Ask whose proxy it is: bank and masked name.",
            steps=(check_signed_call, messages.load_participant, proxies.reply_proxy),
            call=proxies.ProxyCall, body=proxies.ProxyBody,
            replies={200: proxies.LookupReply}, **_MEMBER,
        ),
        Route(
            method="POST", path="/payments/v1/proxies/removals", name="remove_proxy",
            summary="Remove a registration of one's own.",
            steps=(check_signed_call, messages.load_participant, proxies.save_removal),
            call=proxies.ProxyCall, body=proxies.ProxyBody, replies={204: None}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/payments/{payment_id}", name="get_payment",
            summary="Read how a payment of one's own stands.",
            steps=(check_signed_call, proxies.load_payment, proxies.reply_payment),
            call=proxies.PaymentCall, replies={200: proxies.PaymentReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/schemas/{name}", name="get_payment_schema",
            summary="Read one of the message usage schemas (XML Schema).",
            steps=(proxies.reply_schema,), replies={200: None},
            reply_media_type=MEDIA_TYPE, errors=ERRORS, mode="none",
        ),
        *qr.ROUTES,
        *settlement.routes(),
    ))  # fmt: skip

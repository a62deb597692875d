"""The endpoints of payments. Members' calls are signed (RFC 9421); messages are ISO 20022."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import check_signed_call
from lionrock.kernel.http import Route, RouteTable
from lionrock.payments.addressing import http as addressing
from lionrock.payments.addressing.http import callers
from lionrock.payments.debits import http as debits
from lionrock.payments.domain.bundles import BUNDLE_BYTES_MAX, BUNDLE_TYPE
from lionrock.payments.files import http as files
from lionrock.payments.http import messages, payments
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.links import http as links
from lionrock.payments.onboarding import http as onboarding
from lionrock.payments.qr import http as qr
from lionrock.payments.recalls import http as recalls
from lionrock.payments.requests import http as requests
from lionrock.payments.service.courier import BUNDLES_PATH, MEDIA_TYPE, MESSAGES_PATH
from lionrock.payments.service.payments import Payments
from lionrock.payments.settlement import http as settlement
from lionrock.payments.wallets import http as wallets

__all__ = ["ERRORS", "table"]

_MEMBER: Mapping[str, Any] = {"errors": ERRORS, "scope": "member", "clause": "RFC 9421"}


def table(room: Payments) -> RouteTable:
    """The rows of payments."""
    return RouteTable(pillar="payments", room=room, routes=(
        Route(
            method="POST", path=MESSAGES_PATH, name="post_payment_message",
            summary="Send one ISO 20022 message; which ones, the schemas say.",
            steps=(
                callers.load_caller, callers.check_caller_signature, callers.check_participant,
                messages.load_sender,
                messages.check_media_type, messages.load_message, messages.save_message,
            ),
            mode="none",
            call=messages.MessageCall, body_kind="raw", body_bytes_max=messages.BODY_BYTES_MAX,
            replies={202: None}, reply_media_type=MEDIA_TYPE, family="iso20022",
            render_refusal=messages.render_message_refusal, **_MEMBER,
        ),
        Route(
            method="POST", path=BUNDLES_PATH, name="post_payment_messages",
            summary="Send many ISO 20022 messages at once; each is answered for itself.",
            steps=(
                callers.load_caller, callers.check_caller_signature, callers.check_participant,
                messages.load_sender,
                messages.check_bundle_type, messages.load_bundle, messages.save_bundle,
            ),
            mode="none",
            call=messages.BundleCall, body_kind="raw", body_bytes_max=BUNDLE_BYTES_MAX,
            replies={200: None}, reply_media_type=BUNDLE_TYPE, family="iso20022",
            render_refusal=messages.render_message_refusal, **_MEMBER,
        ),
        *addressing.routes(messages.load_participant, messages.ParticipantCall, ERRORS),
        Route(
            method="GET", path="/payments/v1/payments/{payment_id}", name="get_payment",
            summary="Read how a payment of one's own stands.",
            steps=(check_signed_call, payments.load_payment, payments.reply_payment),
            call=payments.PaymentCall, replies={200: payments.PaymentReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/schemas/{name}", name="get_payment_schema",
            summary="Read one of the message usage schemas (XML Schema).",
            steps=(payments.reply_schema,), replies={200: None},
            reply_media_type=MEDIA_TYPE, errors=ERRORS, mode="none",
        ),
        *qr.ROUTES,
        *links.routes(),
        *onboarding.routes(),
        *settlement.routes(),
        *files.routes(),
        *wallets.ROUTES,
        *debits.routes(),
        *recalls.routes(),
        *requests.routes(),
    ))  # fmt: skip

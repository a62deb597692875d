"""The state of a payment, for those it concerns, and the schemas of messages."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, reply
from lionrock.payments.addressing.domain.names import mask_name
from lionrock.payments.domain.payments import Payment
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.schemas import schema_text
from lionrock.payments.service.payments import Payments


class PaymentReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a payment stands; `status` as in pacs.002, amounts as decimal strings."""

    id: str
    state: str
    status: str
    amount: str
    currency: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    creditor_masked_name: str
    creditor_agent: str
    settlement_date: str
    created_at: str
    finished_at: str | None
    reason_code: str
    reason_text: str
    messages: list[MessageReply]


class MessageReply(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a payment."""

    direction: str
    definition: str
    message_id: str
    organisation: str
    sha256: str
    recorded_at: str
    delivered_at: str | None


class PaymentCall(SignedCall[Payments, None]):
    """A question about one payment."""

    payment: Payment


async def load_payment(call: PaymentCall) -> Refused | None:
    """Load the payment if the caller is its initiator, one of its participants or the operator."""
    found = await call.room.visible_payment(
        call.db, call.path_params["payment_id"], call.caller.id
    )
    if isinstance(found, Refused):
        return found
    call.payment = found
    return None


async def reply_payment(call: PaymentCall) -> Response:
    """Answer with state, outcome and the list of messages."""
    payment = call.payment
    rows = await call.room.message_rows(call.db, payment.id)
    return reply(PaymentReply(
        id=payment.id, state=payment.state, status=payment.status,
        amount=payment.amount.wire(), currency=payment.amount.currency,
        end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
        uetr=payment.uetr, creditor_masked_name=mask_name(payment.parties.creditor.name),
        creditor_agent=payment.parties.creditor.member,
        settlement_date=payment.settlement_date.isoformat(),
        created_at=payment.created_at.isoformat(),
        finished_at=payment.finished_at.isoformat() if payment.finished_at else None,
        reason_code=payment.reason_code, reason_text=payment.reason_text,
        messages=[
            MessageReply(
                direction=row.direction, definition=row.definition, message_id=row.message_id,
                organisation=row.organisation_id, sha256=row.digest.hex(),
                recorded_at=row.recorded_at.isoformat(),
                delivered_at=row.delivered_at.isoformat() if row.delivered_at else None,
            )
            for row in rows
        ],
    ))


async def reply_schema(call: Call[Payments, None]) -> Refused | Response:
    """Answer with a usage schema."""
    text = schema_text(call.path_params["name"])
    if text is None:
        return Refused(PaymentRefusal.SCHEMA_NOT_FOUND)
    return Response(text, media_type="application/xml")

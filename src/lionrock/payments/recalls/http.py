"""GET /payments/v1/recalls/{recall_id}: how an investigation of one's own stands, signed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, check_signed_call
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.money import format_minor
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.http.messages import load_participant
from lionrock.payments.recalls.domain import Recall
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant


class RecallReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a recall stands; `returned` is what came back so far, a decimal string."""

    recall_id: str
    state: str
    payment_id: str
    reason_code: str
    currency: str
    amount: str
    returned: str
    created_at: str
    answer_due_at: str | None
    ended_at: str | None


class RecallCall(SignedCall[Payments, None]):
    """A question about one recall."""

    participant: Participant | None = None
    recall: Recall


def routes() -> tuple[Route, ...]:
    """The rows of returns and recalls."""
    return (
        Route(
            method="GET", path="/payments/v1/recalls/{recall_id}", name="get_recall",
            summary="Read how a recall of one's own stands, by its CxlId.",
            steps=(check_signed_call, load_participant, load_recall, reply_recall),
            call=RecallCall, replies={200: RecallReply}, errors=ERRORS, scope="member",
            clause="RFC 9421",
        ),
    )


async def load_recall(call: RecallCall) -> Refused | None:
    """Load the recall if the caller made it."""
    found = await call.room.recalls.recall(
        call.db, call.path_params["recall_id"], call.caller.id
    )
    if isinstance(found, Refused):
        return found
    call.recall = found
    return None


async def reply_recall(call: RecallCall) -> Response:
    """Answer with state, reason and what came back."""
    recall = call.recall
    amount = recall.request.amount
    returned = await call.room.recalls.returned(call.db, recall)
    return reply(RecallReply(
        recall_id=recall.recall_id, state=recall.state, payment_id=recall.payment_id,
        reason_code=recall.reason_code, currency=amount.currency, amount=amount.wire(),
        returned=format_minor(returned, amount.currency), created_at=recall.created_at.isoformat(),
        answer_due_at=recall.answer_due_at.isoformat() if recall.answer_due_at else None,
        ended_at=recall.ended_at.isoformat() if recall.ended_at else None,
    ))

"""GET /payments/v1/requests/{request_id}: a request to pay as its two banks may read it, signed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, check_signed_call
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.http.messages import load_participant
from lionrock.payments.requests.domain import Request
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant


class RequestReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands; `amount` is what is to be paid, a decimal string."""

    request_id: str
    state: str
    currency: str
    amount: str
    asked_amount: str
    may_change_amount: bool
    creditor_agent: str
    expires_at: str
    ended_at: str | None
    payment_id: str | None
    reason_code: str


class RequestCall(SignedCall[Payments, None]):
    """A question about one request."""

    participant: Participant | None = None
    found: Request


def routes() -> tuple[Route, ...]:
    """The rows of requests to pay."""
    return (
        Route(
            method="GET", path="/payments/v1/requests/{request_id}", name="get_payment_request",
            summary="Read how a request to pay stands, by its PmtInfId.",
            steps=(check_signed_call, load_participant, load_request, reply_request),
            call=RequestCall, replies={200: RequestReply}, errors=ERRORS, scope="member",
            clause="RFC 9421",
        ),
    )


async def load_request(call: RequestCall) -> Refused | None:
    """Load the request if the caller is one of its two banks."""
    found = await call.room.requests.request(
        call.db, call.path_params["request_id"], call.caller.id
    )
    if isinstance(found, Refused):
        return found
    call.found = found
    return None


async def reply_request(call: RequestCall) -> Response:
    """Answer with state, amounts and the payment."""
    request = call.found
    return reply(RequestReply(
        request_id=call.path_params["request_id"], state=request.state,
        currency=request.amount.currency, amount=request.amount.wire(),
        asked_amount=request.asked.amount.wire(),
        may_change_amount=request.asked.may_change_amount,
        creditor_agent=request.asked.creditor.member,
        expires_at=request.expires_at.isoformat(),
        ended_at=request.ended_at.isoformat() if request.ended_at else None,
        payment_id=request.payment_id, reason_code=request.reason_code,
    ))

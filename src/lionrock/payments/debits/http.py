"""GET /payments/v1/mandates/{mandate_id}: an authorisation as its two banks may read it, signed."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, check_signed_call
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.money import Money, format_minor
from lionrock.payments.debits.domain import Mandate
from lionrock.payments.domain.iso20022 import MandateTerms
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.http.messages import load_participant
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant

COLLECTIONS_SHOWN_MAX = 100


class TermsReply(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed; amounts as decimal strings in `currency`."""

    occurrence: str
    period: str
    collections_per_period: int
    first_date: str
    final_date: str | None
    currency: str
    max_amount: str
    period_max_amount: str | None


class CollectionReply(msgspec.Struct, frozen=True, kw_only=True):
    """One collection; `state` is under_way, settled or rejected."""

    payment_id: str
    end_to_end_id: str
    sequence: str
    collection_date: str
    amount: str
    state: str


class MandateReply(msgspec.Struct, frozen=True, kw_only=True):
    """How an authorisation stands."""

    mandate_id: str
    state: str
    request_id: str
    reason_code: str
    creditor_agent: str
    debtor_agent: str
    terms: TermsReply
    proposed_terms: TermsReply | None
    answer_due_at: str | None
    ended_at: str | None
    collections: list[CollectionReply]


class MandateCall(SignedCall[Payments, None]):
    """A question about one authorisation."""

    participant: Participant | None = None
    mandate: Mandate


def routes() -> tuple[Route, ...]:
    """The rows of direct debits."""
    return (
        Route(
            method="GET", path="/payments/v1/mandates/{mandate_id}", name="get_mandate",
            summary="Read a direct-debit authorisation of one's own, with its last collections.",
            steps=(check_signed_call, load_participant, load_mandate, reply_mandate),
            call=MandateCall, replies={200: MandateReply}, errors=ERRORS, scope="member",
            clause="RFC 9421",
        ),
    )


async def load_mandate(call: MandateCall) -> Refused | None:
    """Load the authorisation if the caller is one of its two banks."""
    found = await call.room.debits.mandate(
        call.db, call.path_params["mandate_id"], call.caller.id
    )
    if isinstance(found, Refused):
        return found
    call.mandate = found
    return None


async def reply_mandate(call: MandateCall) -> Response:
    """Answer with state, terms and the newest collections."""
    mandate = call.mandate
    currency = mandate.terms.max_amount.currency
    rows = await call.room.debits.collections(call.db, mandate, COLLECTIONS_SHOWN_MAX)
    proposed = mandate.proposed_terms
    return reply(MandateReply(
        mandate_id=mandate.wire_id, state=mandate.state, request_id=mandate.request_id,
        reason_code=mandate.reason_code, creditor_agent=mandate.parties.creditor.member,
        debtor_agent=mandate.parties.debtor.member, terms=_terms(mandate.terms),
        proposed_terms=_terms(proposed) if proposed is not None else None,
        answer_due_at=mandate.answer_due_at.isoformat() if mandate.answer_due_at else None,
        ended_at=mandate.ended_at.isoformat() if mandate.ended_at else None,
        collections=[
            CollectionReply(
                payment_id=each.payment_id, end_to_end_id=each.end_to_end_id,
                sequence=each.sequence, collection_date=each.collection_date.isoformat(),
                amount=format_minor(each.amount_minor, currency), state=each.state,
            )
            for each in rows
        ],
    ))


def _terms(terms: MandateTerms) -> TermsReply:
    return TermsReply(
        occurrence=terms.occurrence, period=terms.period,
        collections_per_period=terms.collections_per_period,
        first_date=terms.first_date.isoformat(),
        final_date=terms.final_date.isoformat() if terms.final_date else None,
        currency=terms.max_amount.currency, max_amount=terms.max_amount.wire(),
        period_max_amount=_wire(terms.period_max_amount),
    )


def _wire(amount: Money | None) -> str | None:
    return amount.wire() if amount is not None else None

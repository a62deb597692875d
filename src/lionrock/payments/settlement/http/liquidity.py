"""Positions, thresholds and repos over HTTP, signed by participants."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.http.application import PartyUnreachable
from lionrock.kernel.money import CURRENCY_DECIMALS, Money
from lionrock.ledger.api import Unavailable
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http.messages import ParticipantCall
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.payments import Payments
from lionrock.payments.settlement.domain import Liquidity
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.store.members import Participant


class PositionReply(msgspec.Struct, frozen=True, kw_only=True):
    """Money at the switch in one currency; amounts are decimal strings."""

    currency: str
    balance: str
    reserved: str
    available: str
    is_alerted: bool


class PositionsReply(msgspec.Struct, frozen=True):
    """One's positions, by currency."""

    positions: list[PositionReply]


class ThresholdBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert begins below `low` and ends at `clear` or above."""

    currency: str
    low: str
    clear: str


class RepoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much to borrow; `end_to_end_id` names the repo for its borrower, once."""

    amount: str
    currency: str
    end_to_end_id: str


class LiquidityReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a liquidity transfer stands; the central institution is simulated."""

    id: str
    kind: str
    amount: str
    currency: str
    end_to_end_id: str
    transaction_id: str
    state: str
    reason_code: str
    reason_text: str
    created_at: str
    finished_at: str | None
    simulated: bool = True


class PositionsCall(SignedCall[Payments, None]):
    """A question about one's own positions."""

    participant: Participant


class ThresholdCall(SignedCall[Payments, ThresholdBody]):
    """A new threshold."""

    participant: Participant


class RepoCall(SignedCall[Payments, RepoBody]):
    """A wish to borrow."""

    participant: Participant


class LiquidityCall(ParticipantCall):
    """A question about one liquidity transfer."""


async def load_member(call: PositionsCall) -> Refused | None:
    """Only participants may call; in a transaction of its own."""
    found = await call.kernel.database.read(
        lambda db: call.room.participant(db, call.caller.id)
    )
    if found is None or ROLE not in call.caller.roles:
        return Refused(PaymentRefusal.NOT_A_PARTICIPANT)
    call.participant = found
    return None


async def reply_positions(call: PositionsCall) -> Response:
    """Answer with what the ledger says now."""
    try:
        found = await call.room.settlement.positions(call.participant)
    except Unavailable as error:
        raise PartyUnreachable("ledger") from error
    return sign_reply(call, reply(PositionsReply([
        PositionReply(
            currency=each.balance.currency, balance=each.balance.wire(),
            reserved=each.reserved.wire(), available=each.available.wire(),
            is_alerted=each.is_alerted,
        )
        for each in found
    ])))


async def save_threshold(call: ThresholdCall) -> Refused | Response:
    """Set the threshold, in place of the one before."""
    body = call.body
    low, clear = _money(body.low, body.currency), _money(body.clear, body.currency)
    if low is None or clear is None:
        return Refused(SettlementRefusal.THRESHOLD_MALFORMED)
    done = await call.room.settlement.alerts.set_threshold(
        call.db, call.participant, low, clear
    )
    if isinstance(done, Refused):
        return done
    return sign_reply(call, reply(ThresholdBody(body.currency, low.wire(), clear.wire())))


async def save_repo(call: RepoCall) -> Refused | Response:
    """Take the wish; the job carries it out."""
    body = call.body
    amount = _money(body.amount, body.currency)
    if amount is None:
        return Refused(PaymentRefusal.AMOUNT_OUT_OF_RANGE, field="amount")
    lent = await call.room.settlement.liquidity.borrow(
        call.db, call.participant, amount, body.end_to_end_id
    )
    if isinstance(lent, Refused):
        return lent
    return sign_reply(call, reply(_reply_of(lent), 202))


async def reply_liquidity(call: LiquidityCall) -> Refused | Response:
    """Answer with one of the caller's liquidity transfers."""
    assert call.participant is not None, "an earlier step loaded it"
    found = await call.room.settlement.liquidity_transfer(
        call.db, call.participant, call.path_params["transaction_id"]
    )
    return found if isinstance(found, Refused) else sign_reply(call, reply(_reply_of(found)))


def _money(text: str, currency: str) -> Money | None:
    if currency not in CURRENCY_DECIMALS:
        return None
    try:
        return Money.parse(text, currency)
    except ValueError:
        return None


def _reply_of(transfer: Liquidity) -> LiquidityReply:
    return LiquidityReply(
        id=transfer.id, kind=transfer.kind, amount=transfer.amount.wire(),
        currency=transfer.amount.currency, end_to_end_id=transfer.end_to_end_id,
        transaction_id=transfer.transaction_id, state=transfer.state,
        reason_code=transfer.reason_code, reason_text=transfer.reason_text,
        created_at=transfer.created_at.isoformat(),
        finished_at=transfer.finished_at.isoformat() if transfer.finished_at else None,
    )

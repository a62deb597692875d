"""A payment in the ledger: the transfers that hold, pay and give back, and what results say of it.

The ledger decides. An answer and a time-out, or two answers, may come to it at once from different
processes: it carries out the first, and whoever comes second learns here how the payment ended.
Source: TigerBeetle's two-phase transfers and result names (ledger room).
Pure. Not for: calling the ledger (switch, together, driving).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

from lionrock.ledger.api import (
    AMOUNT_MAX,
    TransferDraft,
    TransferFlags,
    TransferResult,
)
from lionrock.payments.domain import reasons
from lionrock.payments.domain.payments import (
    LEDGER_OF_CURRENCY,
    PAYMENT_TRANSFER_CODE,
    Payment,
)

DONE_BEFORE = (TransferResult.OK, TransferResult.EXISTS)
# Money held for a message that was never taken in the end lapses, on the business clock: long after
# each payment that was taken has ended, also where the switch was away for hours.
HOLD_S = 24 * 3_600
# A repeat finds its hold for so long.
SAID_AGO_MAX = timedelta(minutes=10)
_REASON_OF_LEDGER = {
    TransferResult.EXCEEDS_CREDITS: reasons.FUNDS_INSUFFICIENT,
    TransferResult.EXCEEDS_DEBITS: reasons.FUNDS_INSUFFICIENT,
    TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED: reasons.ACCOUNT_CLOSED,
}
_ENDED_BEFORE = frozenset({
    TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
    TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
    TransferResult.PENDING_TRANSFER_EXPIRED,
})


def hold_of(payment: Payment) -> TransferDraft:
    """The pending transfer that reserves a payment's money for the creditor's bank."""
    return TransferDraft(
        id=payment.hold_id,
        debit_account_id=payment.debit_account_id,
        credit_account_id=payment.credit_account_id,
        amount=payment.amount.amount_minor,
        ledger=LEDGER_OF_CURRENCY[payment.amount.currency],
        code=PAYMENT_TRANSFER_CODE,
        flags=TransferFlags.PENDING,
        timeout=HOLD_S if is_held_first(payment) else 0,
    )


def hold_id_of(
    payment: Payment, said_at: datetime, now: datetime, credit_account_id: int
) -> int:
    """The id of the hold for what a participant's message says: the same for its repeat.

    Of the message's own time, so that ids grow, and of a hash of who says what about which account.
    A time that is not about `now` (business time) does not count: no sender sets where ids stand.
    """
    said_at = min(max(said_at, now - SAID_AGO_MAX), now)
    digest = hashlib.sha256(b"\x1f".join((
        b"lionrock-hold", payment.initiator_id.encode(), payment.transaction_id.encode(),
        payment.order_digest, credit_account_id.to_bytes(16, "big"),
    ))).digest()
    said_ms = int(said_at.timestamp() * 1_000) & (1 << 48) - 1
    return said_ms << 80 | int.from_bytes(digest[:10], "big") | 1


def is_held_first(payment: Payment) -> bool:
    """Whether its money may be held before its row is written: a transfer by message, at once."""
    return (
        payment.kind == "transfer" and payment.service_class == "C1"
        and bool(payment.original_message_id)
    )


def end_of(payment: Payment) -> TransferDraft:
    """The transfer that posts or voids a payment's hold, as was decided."""
    assert payment.outcome in {"accept", "reject"}, "an outcome was decided"
    is_accepted = payment.outcome == "accept"
    return TransferDraft(
        id=payment.post_id if is_accepted else payment.void_id,
        pending_id=payment.hold_id,
        # A post of AMOUNT_MAX posts all of the hold, a void takes no amount.
        amount=AMOUNT_MAX if is_accepted else 0,
        flags=(
            TransferFlags.POST_PENDING_TRANSFER if is_accepted
            else TransferFlags.VOID_PENDING_TRANSFER
        ),
    )


def reason_of_ledger(result: TransferResult) -> str:
    """The reason code for a hold that the ledger refused.

    `id_already_failed` (a repeat after a crash) no longer says why it failed.
    """
    return _REASON_OF_LEDGER.get(result, reasons.SETTLEMENT_FAILED)


def ended_as(payment: Payment, result: TransferResult) -> Payment:
    """An answered payment with the outcome that the ledger has carried out, given what it said to
    `end_of`: its own, or the one that came before it.

    AssertionError where the ledger says anything else, for a hold ends in no other way.
    """
    if result in DONE_BEFORE:
        return payment
    if result not in _ENDED_BEFORE:
        raise AssertionError(f"{payment.id}: the ledger says {result} to its own hold")
    if result is TransferResult.PENDING_TRANSFER_ALREADY_POSTED:
        return msgspec.structs.replace(payment, outcome="accept", reason_code="", reason_text="")
    if payment.outcome == "reject":
        return payment
    code = reasons.SETTLEMENT_FAILED
    return msgspec.structs.replace(
        payment, outcome="reject", reason_code=code, reason_text=reasons.REASON_TEXTS[code]
    )

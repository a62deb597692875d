"""Recalls: a bank asks for a payment back; what may be answered, and when a return may be made.

    waiting -> asked -> pending -> accepted -> returned
    waiting -> cancelled          the payment was not sent yet, or came to nothing
    asked, pending -> accepted | refused | returned;  accepted -> refused (nothing came)

`waiting`: the payment is still under way; its outcome decides what becomes of the recall. `asked`:
the credited bank has it. A return while a recall is open answers it, whichever message was first.
Pure. Source: ISO 20022 camt.056, camt.029, pacs.004; ExternalPaymentCancellationRejection1Code.
Invariants: TRANSITIONS is the only table of moves; the returns of a payment, also those under way,
are never more than the payment.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import CancellationRequest, PaymentReturn
from lionrock.payments.domain.payments import DEFINITION_OF_KIND, Payment, Subject
from lionrock.payments.recalls.errors import RecallRefusal

RecallState = Literal[
    "waiting", "asked", "pending", "accepted", "returned", "refused", "cancelled"
]
ReturnState = Literal["under_way", "settled", "rejected"]
TRANSITIONS: dict[RecallState, frozenset[RecallState]] = {
    "waiting": frozenset({"asked", "cancelled", "refused"}),
    "asked": frozenset({"pending", "accepted", "refused", "returned"}),
    "pending": frozenset({"accepted", "refused", "returned"}),
    "accepted": frozenset({"returned", "refused"}),
    "returned": frozenset(),
    "refused": frozenset(),
    "cancelled": frozenset(),
}
OPEN_STATES: frozenset[RecallState] = frozenset({"waiting", "asked", "pending", "accepted"})

ALREADY_RETURNED = "ARDT"
NO_ANSWER = "NOAS"
NO_ORIGINAL = "NOOR"
AGENT_REFUSES = "AGNT"
UNDER_RECALL = "ARPL"
REASONS: dict[str, str] = {
    ALREADY_RETURNED: "The payment was given back already.",
    NO_ANSWER: "The other bank did not answer in time.",
    NO_ORIGINAL: "The payment was rejected; there is nothing to give back.",
    AGENT_REFUSES: "The time in which this payment could be given back is over.",
    UNDER_RECALL: "Another recall of this payment waits for its answer.",
}


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """A recall as stored; `recall_id` is the asker's name for it."""

    id: str
    state: RecallState
    payment_id: str
    organisation_id: str
    recall_id: str
    request_digest: bytes
    request: CancellationRequest
    asked_organisation_id: str
    sent_message_id: str
    created_at: datetime
    answer_due_at: datetime | None = None
    ended_at: datetime | None = None
    reason_code: str = ""

    @property
    def wire_id(self) -> str:
        """CxlId towards the asked bank: the 32 hex digits of its id."""
        return self.id.rpartition("_")[2]

    @property
    def is_open(self) -> bool:
        """Whether it waits for something."""
        return self.state in OPEN_STATES

    @property
    def subject(self) -> Subject:
        """It as what a message or a receipt is about."""
        references = {"recall_id": self.id, "payment_id": self.payment_id}
        return Subject(id=self.id, references=references)


def may_move(before: RecallState, after: RecallState) -> bool:
    """Say whether a recall may go from one state to another."""
    return after in TRANSITIONS[before]


def check_repeats(
    payment: Payment, known: str, said: CancellationRequest | PaymentReturn
) -> Refused | None:
    """A message about a payment repeats what the message that the sender knows said."""
    theirs = (
        said.original_message_id, said.original_definition, said.end_to_end_id,
        said.transaction_id,
    )
    ours = (
        known, DEFINITION_OF_KIND[payment.kind], payment.end_to_end_id, payment.transaction_id,
    )
    names = ("OrgnlMsgId", "OrgnlMsgNmId", "OrgnlEndToEndId", "OrgnlTxId")
    for name, given, kept in zip(names, theirs, ours, strict=True):
        if given != kept:
            return Refused(RecallRefusal.ORIGINAL_DIFFERS, f"{name} is not what was sent.", name)
    amount = said.original_amount if isinstance(said, PaymentReturn) else said.amount
    if amount != payment.amount:
        return Refused(RecallRefusal.ORIGINAL_DIFFERS, "The amount is not what was sent.")
    return None


def check_return(
    original: Payment, returned: PaymentReturn, before_minor: int, now: datetime, days_max: int
) -> Refused | None:
    """A settled payment goes back in time, in its currency, and never more than there was.

    `before_minor` is the sum of its returns that were not rejected.
    """
    if original.kind == "return":
        return Refused(RecallRefusal.RETURN_OF_RETURN)
    if original.state != "settled" or original.finished_at is None:
        return Refused(RecallRefusal.NOT_SETTLED, f"It is {original.state}.")
    if returned.amount.currency != original.amount.currency:
        return Refused(RecallRefusal.CURRENCY_DIFFERS, field="RtrdIntrBkSttlmAmt")
    if now >= original.finished_at + timedelta(days=days_max):
        return Refused(RecallRefusal.RETURN_LATE, f"{days_max} days are over.")
    rest = original.amount.amount_minor - before_minor
    if returned.amount.amount_minor > rest:
        return Refused(
            RecallRefusal.RETURN_ABOVE_REST, f"At most {rest} minor units are left.",
            "RtrdIntrBkSttlmAmt",
        )
    return None


def reason_against_recall(
    payment: Payment, returned_minor: int, now: datetime, days_max: int
) -> str:
    """The reason code for which a recall is refused without asking, "" when the bank is asked."""
    if payment.state == "rejected":
        return NO_ORIGINAL
    if returned_minor >= payment.amount.amount_minor:
        return ALREADY_RETURNED
    if payment.finished_at is not None and now >= payment.finished_at + timedelta(days=days_max):
        return AGENT_REFUSES
    return ""

"""Requests to pay: their life, and which transfer may pay one.

    asked -> accepted -> paying -> paid
    asked -> paying                      paying at once is accepting
    asked -> refused;  asked, accepted -> cancelled | expired;  paying -> accepted (payment failed)

The payment is a credit transfer of its own that names the request; one at a time, one in all.
Pure. Source: ISO 20022 pain.013, pain.014; ExternalStatusReason1Code (those of requests to pay).
Invariants: TRANSITIONS is the only table of moves; the amount is the one asked for, or accepted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import PaymentRequest, RequestReport
from lionrock.payments.domain.payments import Payment, Subject
from lionrock.payments.requests.errors import RequestRefusal

RequestState = Literal[
    "asked", "accepted", "paying", "paid", "refused", "cancelled", "expired"
]
TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    "asked": frozenset({"accepted", "paying", "refused", "cancelled", "expired"}),
    "accepted": frozenset({"paying", "cancelled", "expired"}),
    "paying": frozenset({"paid", "accepted", "expired"}),
    "paid": frozenset(),
    "refused": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
END_STATES: frozenset[RequestState] = frozenset({"paid", "refused", "cancelled", "expired"})
EXPIRY_DAYS_MAX = 90

UNKNOWN = "IRNR"
ALREADY_PAID = "APAR"
ALREADY_EXPIRED = "AEXR"
ALREADY_REFUSED = "ARFR"
WITHDRAWN = "ARJR"
AMOUNT_WRONG = "AM09"
CURRENCY_WRONG = "AM03"
CREDITOR_WRONG = "AC03"
# For a withdrawal that comes too late (ExternalPaymentCancellationRejection1Code).
PAYMENT_SENT = "PATE"
REASONS: dict[str, str] = {
    UNKNOWN: "There is no request to pay of this identifier for this debtor's bank.",
    ALREADY_PAID: "The request to pay is paid, or being paid.",
    ALREADY_EXPIRED: "The request to pay has expired.",
    ALREADY_REFUSED: "The debtor has refused the request to pay.",
    WITHDRAWN: "The creditor has withdrawn the request to pay.",
    AMOUNT_WRONG: "The request to pay asks for another amount.",
    CURRENCY_WRONG: "The request to pay asks for another currency.",
    CREDITOR_WRONG: "The request to pay names another creditor's account.",
    PAYMENT_SENT: "The payment is on its way, or made.",
}
_REASON_OF_STATE: dict[RequestState, str] = {
    "paying": ALREADY_PAID, "paid": ALREADY_PAID, "refused": ALREADY_REFUSED,
    "cancelled": WITHDRAWN, "expired": ALREADY_EXPIRED,
}
WITHDRAWAL_REASON_OF_STATE: dict[RequestState, str] = {
    "paying": PAYMENT_SENT, "paid": PAYMENT_SENT, "refused": ALREADY_REFUSED,
    "expired": ALREADY_EXPIRED,
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as stored; `asked` is what the creditor's bank said, with its own names."""

    id: str
    state: RequestState
    creditor_organisation_id: str
    debtor_organisation_id: str
    request_id: str
    request_digest: bytes
    asked: PaymentRequest
    asked_message_id: str
    sent_message_id: str
    created_at: datetime
    expires_at: datetime
    accepted_minor: int | None = None
    ended_at: datetime | None = None
    payment_id: str | None = None
    reason_code: str = ""

    @property
    def wire_id(self) -> str:
        """PmtInfId towards the debtor's bank, RmtId in the transfer: the 32 hex digits."""
        return self.id.rpartition("_")[2]

    @property
    def amount(self) -> Money:
        """What is to be paid: the accepted amount, before that the one asked for."""
        if self.accepted_minor is None:
            return self.asked.amount
        return Money(self.accepted_minor, self.asked.amount.currency)

    @property
    def subject(self) -> Subject:
        """It as what a message or a receipt is about."""
        return Subject(id=self.id, references={"request_id": self.id})


def may_move(before: RequestState, after: RequestState) -> bool:
    """Say whether a request may go from one state to another."""
    return after in TRANSITIONS[before]


def check_expiry(request: PaymentRequest, now: datetime) -> Refused | None:
    """A request expires in the future, not too far, and not before it is due."""
    latest = now + timedelta(days=EXPIRY_DAYS_MAX)
    if now < request.expires_at <= latest and request.due_at <= request.expires_at:
        return None
    return Refused(RequestRefusal.EXPIRY_WRONG, field="XpryDt")


def check_acceptance(request: Request, report: RequestReport) -> Refused | None:
    """The debtor accepts the amount asked for, or another one where that is allowed."""
    accepted = report.accepted_amount
    assert accepted is not None, "ACCP has an amount"
    asked = request.asked.amount
    if accepted.currency != asked.currency:
        return Refused(RequestRefusal.AMOUNT_DIFFERS, "The currency stays.", "AccptdAmt")
    if accepted != asked and not request.asked.may_change_amount:
        return Refused(RequestRefusal.AMOUNT_DIFFERS, field="AccptdAmt")
    return None


def reason_against_payment(request: Request | None, payment: Payment, now: datetime) -> str:
    """The reason code for which a transfer may not pay a request, "" when it may."""
    if request is None or request.debtor_organisation_id != payment.debtor_organisation_id:
        return UNKNOWN
    if request.state in _REASON_OF_STATE:
        return _REASON_OF_STATE[request.state]
    if now >= request.expires_at:
        return ALREADY_EXPIRED
    creditor = request.asked.creditor
    paid_to = payment.parties.creditor
    if (paid_to.account, paid_to.member) != (creditor.account, creditor.member):
        return CREDITOR_WRONG
    if payment.amount.currency != request.amount.currency:
        return CURRENCY_WRONG
    is_free = request.state == "asked" and request.asked.may_change_amount
    return "" if is_free or payment.amount == request.amount else AMOUNT_WRONG

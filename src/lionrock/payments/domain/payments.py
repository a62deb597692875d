"""One payment through the switch: its states, its identifiers, what an answer does to it.

    accepted -> held -> sent -> answered -> settled | rejected
    accepted -> rejected                       (the ledger refused the hold, or it cannot be routed)
    held -> answered                           (recalled before it was sent, or nobody to ask)

A payment is a credit transfer, a direct debit or a return: they differ in who orders it, who is
asked and in which message (KINDS), and in nothing else. The outcome is that of the asked bank's
report or of the time-out, whichever the ledger carries out first; `answered` says which one it is
to carry out. What a bank says afterwards is "late" if it says otherwise: it is told the outcome.

Pure. Not for: messages (iso20022), money (the ledger is the only truth of what is settled).
Source: ISO 20022 pacs.008/003/004/002; UETR is a version 4 UUID (RFC 9562 s5.4).
Invariants: TRANSITIONS is the only table of moves; settled means posted, rejected not debited.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import (
    ACCEPTED_STATUSES,
    PartyAccount,
    Proxy,
    Status,
    StatusReport,
)
from lionrock.payments.domain.iso20022.debits import DIRECT_DEBIT, Sequence
from lionrock.payments.domain.iso20022.rejects import MESSAGE_REJECT
from lionrock.payments.domain.iso20022.reports import STATUS_REPORT
from lionrock.payments.domain.iso20022.returns import PAYMENT_RETURN
from lionrock.payments.domain.iso20022.transfers import (
    CREDIT_TRANSFER,
    PayeeVerification,
    ServiceClass,
)
from lionrock.payments.domain.refusals import PaymentRefusal

State = Literal["accepted", "held", "sent", "answered", "settled", "rejected"]
Outcome = Literal["", "accept", "reject"]
PaymentKind = Literal["transfer", "debit", "return"]

TRANSITIONS: dict[State, frozenset[State]] = {
    "accepted": frozenset({"held", "rejected"}),
    "held": frozenset({"sent", "answered"}),
    "sent": frozenset({"answered"}),
    "answered": frozenset({"settled", "rejected"}),
    "settled": frozenset(),
    "rejected": frozenset(),
}
FINAL_STATES: frozenset[State] = frozenset({"settled", "rejected"})
# The switch's own clearing code in the headers of messages.
SWITCH_MEMBER = "LRSWITCH"
# Ledger of each currency: its number in ISO 4217. One transfer never mixes two.
LEDGER_OF_CURRENCY = {"HKD": 344, "CNY": 156}
# Codes of ours in the ledger: what an account or transfer is for.
SETTLEMENT_ACCOUNT_CODE = 2001
RESERVE_ACCOUNT_CODE = 2002
PAYMENT_TRANSFER_CODE = 2101
FUNDING_TRANSFER_CODE = 2102
# Hong Kong has had no daylight saving time since 1979: the settlement date is at UTC+8.
HONG_KONG = timezone(timedelta(hours=8))
# The message in which each kind of payment is ordered, and in which the other bank is asked.
DEFINITION_OF_KIND: dict[PaymentKind, str] = {
    "transfer": CREDIT_TRANSFER, "debit": DIRECT_DEBIT, "return": PAYMENT_RETURN,
}

# The messages by which an asked bank can decide.
ANSWERS = frozenset({STATUS_REPORT, MESSAGE_REJECT})


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What a direct debit says beyond a transfer; `mandate_id` as in messages (MndtId)."""

    mandate_id: str
    sequence: Sequence
    collection_date: date


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What a return says of its original; `message_id` is the one that the receiver knows it by."""

    payment_id: str
    message_id: str
    definition: str
    transaction_id: str
    uetr: str
    amount: Money
    reason_code: str
    reason_text: str


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment says about people; kept sealed."""

    debtor: PartyAccount
    creditor: PartyAccount
    proxy: Proxy | None = None
    remittance: str = ""
    request_id: str = ""
    payee_verification: PayeeVerification | msgspec.UnsetType = msgspec.UNSET
    collection: Collection | None = None
    returned: Returned | None = None


MESSAGE_RECEIVED = "payments.message_received"
PAYMENT_ACCEPTED = "payments.payment_accepted"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is about: a payment, or a thing of a sub-room. `references` are ids only.

    `received_as` is the kind of the receipt that holds the message by which it came, "" when a
    later receipt does; `digests` is what else that receipt holds.
    """

    id: str
    references: dict[str, str]
    payment_id: str | None = None
    received_as: str = MESSAGE_RECEIVED
    digests: dict[str, str] = {}


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as stored. Organisations are directory ids, "" where the switch itself stands."""

    id: str
    state: State
    initiator_id: str
    reference: str
    references: dict[str, str]
    debtor_organisation_id: str
    creditor_organisation_id: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    parties: Parties
    debit_account_id: int
    credit_account_id: int
    hold_id: int
    post_id: int
    void_id: int
    settlement_date: date
    created_at: datetime
    order_digest: bytes
    outcome: Outcome = ""
    reason_code: str = ""
    reason_text: str = ""
    deadline_at: datetime | None = None
    finished_at: datetime | None = None
    original_message_id: str = ""
    sent_message_id: str = ""
    kind: PaymentKind = "transfer"
    service_class: ServiceClass = "C1"
    release_at: datetime | None = None
    is_recalled: bool = False

    @property
    def subject(self) -> Subject:
        """It as what a message or a receipt is about."""
        references = {**self.references, "payment_id": self.id}
        return Subject(id=self.id, references=references, payment_id=self.id)

    @property
    def decided_subject(self) -> Subject:
        """It as what a message is about that the receipt of its end holds: the answer that decided
        it, and of an instant transfer the order too.
        """
        return msgspec.structs.replace(self.subject, received_as="")

    def ordered_subject(self, message_id: str) -> Subject:
        """It as what a message that orders it is about.

        The message by which it was accepted is in the receipt of that; where the end comes within
        seconds, in the receipt of its end.
        """
        if message_id != self.original_message_id or self.state != "accepted":
            return self.subject
        if self.kind == "transfer" and self.service_class == "C1":
            return self.decided_subject
        return msgspec.structs.replace(
            self.subject, received_as=PAYMENT_ACCEPTED, digests={"order": self.order_digest.hex()}
        )

    @property
    def orderer_id(self) -> str:
        """The participant that ordered it, "" for the platform's own: who pays, or collects."""
        is_debit = self.kind == "debit"
        return self.creditor_organisation_id if is_debit else self.debtor_organisation_id

    @property
    def answerer_id(self) -> str:
        """The participant that is asked: who is paid, or debited; "" when nobody is."""
        is_debit = self.kind == "debit"
        return self.debtor_organisation_id if is_debit else self.creditor_organisation_id

    @property
    def told_uetr(self) -> str:
        """The UETR in messages about it: a return has its original's (see iso20022.returns)."""
        returned = self.parties.returned
        return self.uetr if returned is None else returned.uetr

    def message_known_to(self, organisation_id: str) -> str:
        """The MsgId under which a participant knows it, "" when it is not its own (or not yet)."""
        if organisation_id and organisation_id == self.orderer_id:
            return self.original_message_id
        if organisation_id and organisation_id == self.answerer_id:
            return self.sent_message_id
        return ""

    @property
    def gives_token_back(self) -> bool:
        """Whether it settled after a participant's look-up, which then costs a token less."""
        is_proxied = self.parties.proxy is not None and bool(self.debtor_organisation_id)
        return self.state == "settled" and is_proxied

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL_STATES

    @property
    def status(self) -> Status:
        """The status to report about it (pacs.002 TxSts)."""
        if self.state == "settled":
            return "ACSC"
        if self.state == "rejected":
            return "RJCT"
        return "PDNG"


class AnswerEffect(Enum):
    """What a bank's status report does."""

    ACCEPT = "accept"
    REJECT = "reject"
    NOTED = "noted"
    LATE = "late"


def may_move(before: State, after: State) -> bool:
    """Say whether a payment may go from one state to another."""
    return after in TRANSITIONS[before]


def transaction_id_of(payment_id: str) -> str:
    """TxId of a payment that the switch itself sends: the 32 hex digits (TxId has 35 at most)."""
    return payment_id.rpartition("_")[2]


def uetr_of(payment_id: str) -> str:
    """UETR of a payment that the switch itself sends: 122 bits of a hash, in version 4 shape.

    Derived and not drawn, so that a repeated use case gives the same one. It is no secret.
    """
    digest = hashlib.sha256(b"lionrock-uetr\n" + payment_id.encode()).digest()
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | (0x4 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def settlement_date_of(instant: datetime) -> date:
    """The Hong Kong day of a business instant: the switch settles at once, every day."""
    assert instant.tzinfo is not None, "instants are timezone-aware"
    return instant.astimezone(HONG_KONG).date()


def next_round(now: datetime, round_ms: int) -> datetime:
    """The next instant at which the near-real-time class is sent: a multiple of its round."""
    assert now.tzinfo is not None, "instants are timezone-aware"
    at_ms = int(now.timestamp() * 1000)
    return now + timedelta(milliseconds=round_ms - at_ms % round_ms)


def order_digest_of(*parts: str) -> bytes:
    """Digest of everything an order says, to tell a repeat from another order under its name."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def status_report(payment: Payment, original_message_id: str) -> StatusReport:
    """The pacs.002 that tells a participant how a payment stands, about the message named."""
    is_rejected = payment.state == "rejected"
    return StatusReport(
        original_message_id=original_message_id,
        original_definition=DEFINITION_OF_KIND[payment.kind],
        end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id,
        uetr=payment.told_uetr,
        status=payment.status,
        amount=payment.amount,
        reason_code=payment.reason_code if is_rejected else "",
        reason_text=payment.reason_text if is_rejected else "",
    )


def check_report(payment: Payment, report: StatusReport) -> Refused | None:
    """The report speaks of the message that was sent, and of the amount in it."""
    if not payment.sent_message_id:
        return Refused(PaymentRefusal.STATUS_NOT_ASKED)
    said = (report.original_message_id, report.original_definition, report.transaction_id,
            report.uetr, report.end_to_end_id)
    sent = (payment.sent_message_id, DEFINITION_OF_KIND[payment.kind], payment.transaction_id,
            payment.told_uetr, payment.end_to_end_id)
    names = ("OrgnlMsgId", "OrgnlMsgNmId", "OrgnlTxId", "OrgnlUETR", "OrgnlEndToEndId")
    for name, theirs, ours in zip(names, said, sent, strict=True):
        if theirs != ours:
            return Refused(PaymentRefusal.ORIGINAL_DIFFERS, f"{name} is not what was sent.", name)
    if report.amount != payment.amount:
        return Refused(
            PaymentRefusal.ORIGINAL_DIFFERS, "The amount is not what was sent.", "IntrBkSttlmAmt"
        )
    return None


def effect_of(payment: Payment, report: StatusReport) -> AnswerEffect:
    """What a checked report does: decides, is noted, or comes late and contradicts the outcome."""
    is_acceptance = report.status in ACCEPTED_STATUSES
    if not is_acceptance and report.status != "RJCT":
        return AnswerEffect.NOTED
    said: Outcome = "accept" if is_acceptance else "reject"
    if payment.state == "sent":
        assert payment.outcome == "", "an outcome is decided on leaving `sent`"
        return AnswerEffect(said)
    assert payment.outcome, "after `sent` there is an outcome"
    return AnswerEffect.NOTED if said == payment.outcome else AnswerEffect.LATE

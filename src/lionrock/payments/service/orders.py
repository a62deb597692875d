"""Taking a payment in: an order of the platform's own pillars, or a participant's pacs.008.

Both end as one row with all its identifiers fixed, and a job that drives it. Nothing is held yet.
Not for: driving (switch). Outcomes of an order are refusals; a participant's transfer that cannot
be routed becomes a rejected payment instead, so that its bank gets a pacs.002.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import CreditTransfer, Header, PartyAccount
from lionrock.payments.domain.orders import CreditTransferOrder, check_order
from lionrock.payments.domain.payments import (
    PAYMENT_ACCEPTED,
    SWITCH_MEMBER,
    Parties,
    Payment,
    next_round,
    order_digest_of,
    settlement_date_of,
    transaction_id_of,
    uetr_of,
)
from lionrock.payments.domain.reasons import REASON_TEXTS, reason_of_route
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.domain.verification import check_skip
from lionrock.payments.service.booking import hold_id_of
from lionrock.payments.service.core import Core
from lionrock.payments.service.daily import DailyLimits
from lionrock.payments.service.routing import Destination, Router
from lionrock.payments.service.switch import Switch
from lionrock.payments.store import payments
from lionrock.payments.store.members import Participant

PAYMENT_PREFIX = "pay"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """How a room has its say about transfers that may bear its references.

    `is_borne`: whether one does, by its look; `ask` returns "" or why it may not be paid.
    """

    is_borne: Callable[[Payment], bool]
    ask: Callable[[Connection, Payment], Awaitable[str]]


class Orders:
    """Makes payments."""

    def __init__(
        self, core: Core, router: Router, switch: Switch, daily: DailyLimits
    ) -> None:
        self._core = core
        self.daily = daily
        self.router = router
        self._switch = switch
        # Bound by rooms whose references a transfer may bear.
        self.claims: list[Claim] = []

    async def initiate(self, db: Connection, order: CreditTransferOrder) -> Payment | Refused:
        """Take an order in the caller's transaction; the same order again is the same payment.

        Refused: ORDER_MALFORMED, ORDER_REUSED, AMOUNT_OUT_OF_RANGE, CREDITOR_NAME_DIFFERS and
        those of routing.
        """
        refused = check_order(order)
        if refused is not None:
            return refused
        before = await self._ordered(db, order)
        if before is not None:
            return before
        found = await self.router.of_order(db, order)
        if isinstance(found, Refused):
            return found
        if not order.is_payable_to(found.creditor.name):
            return Refused(PaymentRefusal.CREDITOR_NAME_DIFFERS, field="creditor_proxy")
        payment_id = self._core.kernel.ids.new(PAYMENT_PREFIX)
        debtor = PartyAccount(
            name=order.debtor_name, account=f"{order.debit_account_id:032x}", member=SWITCH_MEMBER
        )
        payment = self._payment(
            payment_id, order, found, Parties(
                debtor=debtor, creditor=found.creditor, proxy=found.proxy,
                remittance=order.remittance,
            ),
        )
        if not await payments.insert_payment(db, self._core.vault, payment):
            # Another transaction took the same order meanwhile, and has committed.
            again = await self._ordered(db, order)
            assert again is not None, "only the order's own name can be taken"
            return again
        await self.accept(db, payment)
        return payment

    async def _ordered(
        self, db: Connection, order: CreditTransferOrder
    ) -> Payment | Refused | None:
        """The payment of this order if it was taken before; ORDER_REUSED for another content."""
        before = await payments.load_order(
            db, self._core.vault, order.initiator_org, order.end_to_end_id
        )
        if before is not None and before.order_digest != order.digest():
            return Refused(PaymentRefusal.ORDER_REUSED, field="end_to_end_id")
        return before

    def _payment(
        self, payment_id: str, order: CreditTransferOrder, found: Destination, parties: Parties
    ) -> Payment:
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        return Payment(
            id=payment_id, state="accepted", initiator_id=order.initiator_org,
            reference=order.reference, references=order.references, debtor_organisation_id="",
            creditor_organisation_id=found.participant.organisation_id,
            end_to_end_id=order.end_to_end_id, transaction_id=transaction_id_of(payment_id),
            uetr=uetr_of(payment_id), amount=order.amount, parties=parties,
            debit_account_id=order.debit_account_id, credit_account_id=found.credit_account_id,
            hold_id=kernel.ids.new_u128(), post_id=kernel.ids.new_u128(),
            void_id=kernel.ids.new_u128(), settlement_date=settlement_date_of(now),
            created_at=now, order_digest=order.digest(),
        )

    async def take_transfer(
        self, db: Connection, sender: Participant, header: Header, transfer: CreditTransfer
    ) -> Payment | Refused:
        """Take a participant's pacs.008; the same transaction again is the same payment.

        Refused: AGENT_DIFFERS, VERIFICATION_SKIPPED, TRANSACTION_ID_REUSED. What cannot be routed
        is rejected at once.
        """
        refused = check_agent(sender, transfer)
        if refused is not None:
            return refused
        digest = digest_of_transfer(transfer)
        before = await payments.load_transaction(
            db, self._core.vault, sender.organisation_id, transfer.transaction_id
        )
        if before is not None:
            is_same = before.order_digest == digest
            return before if is_same else Refused(PaymentRefusal.TRANSACTION_ID_REUSED)
        found = await self.router.of_transfer(db, sender, transfer)
        payment = self.transferred(sender, header, transfer, digest, found)
        if not await payments.insert_payment(db, self._core.vault, payment):
            return Refused(PaymentRefusal.TRANSACTION_ID_REUSED, field="UETR")
        if isinstance(found, Refused):
            await self._switch.close(db, [payment])
            return payment
        return await self.accept_unless_claimed(db, payment, sender)

    async def accept_unless_claimed(
        self, db: Connection, payment: Payment, sender: Participant
    ) -> Payment:
        """Have a new transfer driven, or reject it: a room whose reference it bears says so, or its
        sender has sent what it may in a day.
        """
        code = await self._claimed(db, payment) or await self.daily.count(db, payment, sender)
        if code:
            return await self._switch.reject_unsent(db, payment, code)
        await self.accept(db, payment)
        return payment

    async def _claimed(self, db: Connection, payment: Payment) -> str:
        """Ask the rooms whose references a transfer may bear; the first reason code against it."""
        for claim in self.claims:
            code = await claim.ask(db, payment) if claim.is_borne(payment) else ""
            if code:
                return code
        return ""

    def may_be_claimed(self, payment: Payment) -> bool:
        """Whether a room has its say before money is held for it."""
        return any(claim.is_borne(payment) for claim in self.claims)

    def transferred(
        self, sender: Participant, header: Header, transfer: CreditTransfer, digest: bytes,
        found: Destination | Refused,
    ) -> Payment:
        """The payment that a participant's transfer is: accepted, or rejected for its route."""
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        account = sender.account(transfer.amount.currency)
        payment = Payment(
            id=kernel.ids.new(PAYMENT_PREFIX), state="accepted",
            initiator_id=sender.organisation_id, reference="", references={},
            debtor_organisation_id=sender.organisation_id, creditor_organisation_id="",
            end_to_end_id=transfer.end_to_end_id, transaction_id=transfer.transaction_id,
            uetr=transfer.uetr, amount=transfer.amount,
            parties=Parties(
                debtor=transfer.debtor, creditor=transfer.creditor, proxy=transfer.proxy,
                remittance=transfer.remittance, request_id=transfer.request_id,
                payee_verification=transfer.payee_verification,
            ),
            service_class=transfer.service_class, release_at=self._release_at(transfer),
            debit_account_id=account.ledger_account_id if account else 0, credit_account_id=0,
            hold_id=kernel.ids.new_u128(), post_id=kernel.ids.new_u128(),
            void_id=kernel.ids.new_u128(), settlement_date=settlement_date_of(now),
            created_at=now, order_digest=digest, original_message_id=header.message_id,
        )
        if isinstance(found, Refused):
            code = reason_of_route(found)
            return msgspec.structs.replace(
                payment, state="rejected", outcome="reject", reason_code=code,
                reason_text=REASON_TEXTS[code], finished_at=now,
            )
        parties = msgspec.structs.replace(
            payment.parties, creditor=found.creditor, proxy=found.proxy
        )
        return msgspec.structs.replace(
            payment, parties=parties, credit_account_id=found.credit_account_id,
            creditor_organisation_id=found.participant.organisation_id,
            hold_id=hold_id_of(
                payment, header.created_at, now, found.credit_account_id
            ),
        )

    def _release_at(self, transfer: CreditTransfer) -> datetime | None:
        """When a transfer may be sent: C1 at once, C2 with the next round (wire time)."""
        if transfer.service_class == "C1":
            return None
        kernel = self._core.kernel
        return next_round(kernel.wire_clock.now(), kernel.settings.payment_near_round_ms)

    async def accept(self, db: Connection, payment: Payment) -> None:
        """Have a new payment driven, with a receipt that it was taken.

        What came by a message is in that message's receipt (`Payment.ordered_subject`).
        """
        assert payment.state == "accepted", "nothing has happened to it yet"
        assert payment.debit_account_id and payment.credit_account_id, "both ends are known"
        if not payment.original_message_id:
            await self._core.record(
                db, PAYMENT_ACCEPTED, payment.subject, {"order": payment.order_digest.hex()}
            )
        await self._switch.schedule(db, payment)


def check_agent(sender: Participant, transfer: CreditTransfer) -> Refused | None:
    """The debtor's bank is who sends the transfer, and it skips verification only where it may."""
    if transfer.debtor.member == sender.clearing_code:
        return check_skip(transfer)
    return Refused(
        PaymentRefusal.AGENT_DIFFERS, "A participant sends its own customers' payments.", "DbtrAgt"
    )


def digest_of_transfer(transfer: CreditTransfer) -> bytes:
    """Digest of everything that a transfer says."""
    return order_digest_of("pacs.008/1", msgspec.json.encode(transfer).decode())

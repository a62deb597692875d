"""What the switch does with messages about payments: one handler for each definition.

Not for: keeping messages and telling repeats apart (inbox), money (switch). Handlers run in the
request's transaction. Invariants: an outcome is decided once; a participant learns nothing about
payments that are not its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain import reasons
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Header,
    MessageReject,
    StatusReport,
)
from lionrock.payments.domain.iso20022.returns import PAYMENT_RETURN
from lionrock.payments.domain.payments import (
    AnswerEffect,
    Payment,
    Subject,
    check_report,
    effect_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.service.inbox import Handling
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.post import Post
from lionrock.payments.service.switch import Switch
from lionrock.payments.store import payments
from lionrock.payments.store.members import Participant


class PaymentMessages:
    """Handlers of pacs.008, pacs.002 and admi.002."""

    def __init__(self, core: Core, orders: Orders, post: Post, switch: Switch) -> None:
        self._core = core
        self._switch = switch
        self._orders = orders
        self._post = post

    def handlings(self) -> Mapping[type, Handling]:
        """The rows of the inbox that are about payments."""
        return {
            CreditTransfer: Handling(take=self.take_transfer, again=self.tell_again),
            StatusReport: Handling(take=self.take_report),
            MessageReject: Handling(take=self.take_reject),
        }

    async def take_transfer(
        self, db: Connection, sender: Participant, header: Header, transfer: CreditTransfer
    ) -> Subject | Refused:
        """pacs.008: make a payment; the same transaction again is told how the first one ended."""
        payment = await self._orders.take_transfer(db, sender, header, transfer)
        if isinstance(payment, Refused):
            return payment
        if payment.original_message_id != header.message_id and payment.is_final:
            await self._post.notify(db, payment, sender.organisation_id)
        return payment.ordered_subject(header.message_id)

    async def tell_again(self, db: Connection, sender: Participant, subject_id: str) -> None:
        """Whoever repeats an order has perhaps missed its outcome."""
        payment = await payments.load_payment(db, self._core.vault, subject_id)
        assert payment is not None, "payments are never deleted"
        if payment.is_final:
            await self._post.notify(db, payment, sender.organisation_id)

    async def take_report(
        self, db: Connection, sender: Participant, _header: Header, report: StatusReport
    ) -> Subject | Refused:
        """pacs.002: decides a payment that waits for it; later it can only be told the outcome."""
        payment = await self._reported(db, sender, report)
        # Another bank's payment and none at all are the same to the sender.
        if payment is None or payment.answerer_id != sender.organisation_id:
            return Refused(PaymentRefusal.TRANSACTION_UNKNOWN)
        refused = check_report(payment, report)
        if refused is not None:
            return refused
        effect = effect_of(payment, report)
        if effect is AnswerEffect.LATE and payment.is_final:
            await self._post.notify(db, payment, sender.organisation_id)
        if effect in {AnswerEffect.ACCEPT, AnswerEffect.REJECT}:
            await self._decide(db, payment, effect, report.reason_code, report.reason_text)
            return payment.decided_subject
        return payment.subject

    async def _reported(
        self, db: Connection, sender: Participant, report: StatusReport
    ) -> Payment | None:
        vault = self._core.vault
        if report.original_definition == PAYMENT_RETURN:
            # The UETR in it is the original payment's: the return is found by its message.
            return await payments.lock_by_sent_message(
                db, vault, sender.organisation_id, report.original_message_id
            )
        return await payments.load_by_uetr(db, vault, report.uetr, is_locking=True)

    async def take_reject(
        self, db: Connection, sender: Participant, _header: Header, reject: MessageReject
    ) -> Subject | None:
        """admi.002: a bank that refuses to be asked will not credit or pay: that is a rejection.

        About another message of ours it is kept and changes nothing.
        """
        payment = await payments.lock_by_sent_message(
            db, self._core.vault, sender.organisation_id, reject.related_reference
        )
        if payment is None:
            return None
        if payment.state == "sent":
            code = reasons.MESSAGE_REFUSED
            await self._decide(
                db, payment, AnswerEffect.REJECT, code, reasons.REASON_TEXTS[code]
            )
            return payment.decided_subject
        return payment.subject

    async def _decide(
        self, db: Connection, payment: Payment, effect: AnswerEffect, code: str, text: str
    ) -> None:
        is_accepted = effect is AnswerEffect.ACCEPT
        assert is_accepted != bool(code), "a rejection, and only it, has a reason"
        moved = await payments.move_to_answered(
            db, payment.id, "accept" if is_accepted else "reject", code, text
        )
        assert moved, "the row is locked and was found in state sent"
        await self._switch.schedule(db, payment)

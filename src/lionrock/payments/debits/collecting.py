"""Collections (pacs.003): a payment of kind `debit`, if the authorisation allows it.

What is not allowed becomes a rejected payment, so that the creditor's bank gets a pacs.002 with the
reason. Invariant: the limits are counted with the authorisation's row locked, so that two
collections at once cannot both be the last.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.debits import store
from lionrock.payments.debits.domain import (
    AGENT_OFFLINE,
    CURRENCY_DIFFERS,
    REASONS,
    CollectionState,
    Mandate,
    period_of,
    reason_against_debit,
    reason_against_parties,
)
from lionrock.payments.debits.parts import Parts, mandate_id_of
from lionrock.payments.domain.iso20022 import DirectDebit, Header
from lionrock.payments.domain.payments import (
    Collection,
    Parties,
    Payment,
    Subject,
    order_digest_of,
    settlement_date_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.orders import PAYMENT_PREFIX
from lionrock.payments.store import members, payments
from lionrock.payments.store.members import Participant


class Collecting:
    """Makes collections and learns how they ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(
        self, db: Connection, sender: Participant, header: Header, debit: DirectDebit
    ) -> Subject | Refused:
        """pacs.003: make a payment; the same transaction again is the same payment.

        Refused: AGENT_DIFFERS, TRANSACTION_ID_REUSED. What the authorisation does not allow is
        rejected at once.
        """
        if debit.creditor.member != sender.clearing_code:
            return Refused(
                PaymentRefusal.AGENT_DIFFERS, "A participant collects for its own customers.",
                "CdtrAgt",
            )
        vault = self._parts.core.vault
        digest = order_digest_of("pacs.003/1", msgspec.json.encode(debit).decode())
        before = await payments.load_transaction(
            db, vault, sender.organisation_id, debit.transaction_id
        )
        if before is not None:
            if before.order_digest != digest:
                return Refused(PaymentRefusal.TRANSACTION_ID_REUSED)
            await self.tell_again(db, sender, before.id)
            return before.subject
        mandate = await self._parts.own(db, sender, debit.mandate_id)
        debtor = await self._debtor(db, sender, mandate)
        payment = self._payment(sender, header, debit, digest, debtor)
        code = await self._reason_against(db, sender, debit, mandate)
        if code:
            payment = msgspec.structs.replace(
                payment, state="rejected", outcome="reject", reason_code=code,
                reason_text=REASONS[code], finished_at=payment.created_at,
            )
        if not await payments.insert_payment(db, vault, payment):
            return Refused(PaymentRefusal.TRANSACTION_ID_REUSED, field="UETR")
        if code:
            await self._parts.switch.close(db, [payment])
            return payment.subject
        await store.insert_collection(
            db, payment_id=payment.id, mandate_id=mandate_id_of(debit.mandate_id),
            end_to_end_id=debit.end_to_end_id, sequence=debit.sequence,
            collection_date=debit.collection_date, amount_minor=debit.amount.amount_minor,
        )
        code = await self._parts.orders.daily.count(db, payment, debtor)
        if code:
            await self._parts.switch.reject_unsent(db, payment, code)
            return payment.subject
        await self._parts.orders.accept(db, payment)
        return payment.ordered_subject(header.message_id)

    async def tell_again(self, db: Connection, sender: Participant, payment_id: str) -> None:
        """Whoever repeats a collection has perhaps missed its outcome."""
        payment = await payments.load_payment(db, self._parts.core.vault, payment_id)
        assert payment is not None, "payments are never deleted"
        if payment.is_final:
            await self._parts.post.notify(db, payment, sender.organisation_id)

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """Count a settled collection for good, and forget a rejected one."""
        if payment.kind == "debit":
            state: CollectionState = "settled" if payment.state == "settled" else "rejected"
            await store.end_collection(db, payment.id, state)

    async def _reason_against(
        self, db: Connection, sender: Participant, debit: DirectDebit, mandate: Mandate | None
    ) -> str:
        code = reason_against_parties(mandate, sender.organisation_id, debit)
        if code or mandate is None:
            return code
        today = settlement_date_of(self._parts.core.kernel.business_clock.now())
        first, after = period_of(mandate.terms.period, debit.collection_date)
        collected = await store.load_collected(
            db, mandate.id, debit.end_to_end_id, first, after
        )
        code = reason_against_debit(mandate, debit, today, collected)
        return code or await self._reason_against_banks(db, sender, debit, mandate)

    async def _reason_against_banks(
        self, db: Connection, sender: Participant, debit: DirectDebit, mandate: Mandate
    ) -> str:
        debtor = await members.load_participant(db, mandate.debtor_organisation_id)
        assert debtor is not None, "participants are never deleted"
        for bank in (sender, debtor):
            if bank.account(debit.amount.currency) is None:
                return CURRENCY_DIFFERS
        return "" if await self._parts.router.is_online(db, debtor) else AGENT_OFFLINE

    async def _debtor(
        self, db: Connection, sender: Participant, mandate: Mandate | None
    ) -> Participant | None:
        """The debtor's bank, if the authorisation is the sender's."""
        if mandate is None or mandate.creditor_organisation_id != sender.organisation_id:
            return None
        return await members.load_participant(db, mandate.debtor_organisation_id)

    def _payment(
        self, sender: Participant, header: Header, debit: DirectDebit, digest: bytes,
        debtor: Participant | None,
    ) -> Payment:
        kernel = self._parts.core.kernel
        now = kernel.business_clock.now()
        currency = debit.amount.currency
        paying = debtor.account(currency) if debtor is not None else None
        receiving = sender.account(currency)
        return Payment(
            id=kernel.ids.new(PAYMENT_PREFIX), state="accepted", kind="debit",
            initiator_id=sender.organisation_id, reference="", references={},
            debtor_organisation_id=debtor.organisation_id if debtor is not None else "",
            creditor_organisation_id=sender.organisation_id,
            end_to_end_id=debit.end_to_end_id, transaction_id=debit.transaction_id,
            uetr=debit.uetr, amount=debit.amount,
            parties=Parties(
                debtor=debit.debtor, creditor=debit.creditor, remittance=debit.remittance,
                collection=Collection(
                    mandate_id=debit.mandate_id, sequence=debit.sequence,
                    collection_date=debit.collection_date,
                ),
            ),
            debit_account_id=paying.ledger_account_id if paying else 0,
            credit_account_id=receiving.ledger_account_id if receiving else 0,
            hold_id=kernel.ids.new_u128(), post_id=kernel.ids.new_u128(),
            void_id=kernel.ids.new_u128(), settlement_date=settlement_date_of(now),
            created_at=now, order_digest=digest, original_message_id=header.message_id,
        )

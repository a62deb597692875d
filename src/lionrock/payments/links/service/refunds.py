"""Refunds of fees: partial or whole, never more than was paid; two officers above a limit.

A department's refunds are paid through the switch from an account of its own in the ledger, to the
account that the fee was paid from. The account is funded by the operator against the treasury's;
the ledger refuses what is not there, and then the refund has failed and counts no more.
Invariants: a refund's transfer has one name, so that it is given back once; sums are checked with
the fee's row locked.
"""

from __future__ import annotations

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation
from lionrock.kernel import ids
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import AccountDraft, AccountFlags, TransferDraft, all_created
from lionrock.payments.domain.orders import CreditTransferOrder, check_amount
from lionrock.payments.domain.payments import LEDGER_OF_CURRENCY, Payment, settlement_date_of
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.links.domain.intents import (
    Intent,
    Refund,
    RefundWish,
    check_decision,
    check_officer,
    check_refund,
)
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.store import intents as intent_store
from lionrock.payments.links.store import refunds as store
from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Orders
from lionrock.payments.store import payments

REFUND_PREFIX = "rfd"
# Codes of ours in the ledger.
REFUND_ACCOUNT_CODE = 2011
TREASURY_ACCOUNT_CODE = 2012
REFUND_FUNDING_CODE = 2111
TREASURY = ""
SINGLE_MINOR_MAX = 1_000_00


class Refunds:
    """Giving fees back."""

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core = core
        self._orders = orders

    async def ask(
        self, db: Connection, department: Organisation, wish: RefundWish
    ) -> Refund | Refused:
        """Ask for a refund; within the limit it is ordered at once, above it waits.

        The same wish again is the same refund. Refused: NOT_FOUND, NOT_PAID, MALFORMED,
        REFUND_TOO_LARGE, REFUND_REUSED, REFUND_ACCOUNT_MISSING, and what ordering refuses.
        """
        intent = await intent_store.load_own(
            db, self._core.vault, wish.intent_id, department.id
        )
        if intent is None:
            return Refused(IntentRefusal.NOT_FOUND)
        before = await store.load_by_reference(db, department.id, wish.reference)
        if before is not None:
            return before if _is_same(before, wish) else Refused(IntentRefusal.REFUND_REUSED)
        refused = check_refund(intent, wish, await store.refunds_of(db, intent.id))
        if refused is not None:
            return refused
        account = await store.load_account(db, department.id, wish.amount.currency)
        if account is None:
            return Refused(IntentRefusal.REFUND_ACCOUNT_MISSING)
        kernel = self._core.kernel
        refund = Refund(
            id=kernel.ids.new(REFUND_PREFIX), state="waiting", intent_id=intent.id,
            department_id=department.id, reference=wish.reference,
            amount_minor=wish.amount.amount_minor, currency=wish.amount.currency,
            reason=wish.reason, requested_by=wish.officer, created_at=kernel.business_clock.now(),
        )
        if not await store.insert_refund(db, refund):
            return Refused(IntentRefusal.REFUND_REUSED)
        if wish.amount.amount_minor > account.single_minor_max:
            return refund
        return await self._order(db, department, intent, refund, "")

    async def of_intent(self, db: Connection, intent_id: str) -> list[Refund]:
        """Return all refunds of a fee, oldest first."""
        return await store.refunds_of(db, intent_id)

    async def decide(
        self, db: Connection, department: Organisation, refund_id: str, officer: str, *,
        is_agreed: bool,
    ) -> Refund | Refused:
        """A second officer agrees or refuses. Refused: REFUND_NOT_FOUND, REFUND_DECIDED,
        SAME_OFFICER, MALFORMED, and what ordering refuses."""
        refund = await store.load_own(db, refund_id, department.id)
        if refund is None:
            return Refused(IntentRefusal.REFUND_NOT_FOUND)
        refused = check_officer(officer) or check_decision(refund, officer)
        if refused is not None:
            return refused
        if not is_agreed:
            await store.move_to_rejected(db, refund.id, officer)
            return await self._again(db, refund.id)
        intent = await intent_store.load_own(
            db, self._core.vault, refund.intent_id, department.id
        )
        assert intent is not None, "a refund is of a fee"
        return await self._order(db, department, intent, refund, officer)

    async def _order(
        self, db: Connection, department: Organisation, intent: Intent, refund: Refund,
        decided_by: str,
    ) -> Refund | Refused:
        assert intent.payment_id is not None, "only what was paid is given back"
        paid = await payments.load_payment(db, self._core.vault, intent.payment_id)
        assert paid is not None, "payments are never deleted"
        currency = intent.draft.amount.currency
        account = await store.load_account(db, department.id, currency)
        if account is None:
            return Refused(IntentRefusal.REFUND_ACCOUNT_MISSING)
        payment = await self._orders.initiate(db, CreditTransferOrder(
            debit_account_id=account.ledger_account_id, debtor_name=department.names["en"],
            amount=Money(refund.amount_minor, currency), creditor=paid.parties.debtor,
            end_to_end_id=refund.order_name, initiator_org=department.id,
            remittance=f"Refund {intent.number}", reference=refund.id,
            references={"intent_id": intent.id, "refund_id": refund.id},
        ))
        if isinstance(payment, Refused):
            return payment
        # From here the transfer must succeed, or come back as failed.
        today = settlement_date_of(self._core.kernel.business_clock.now())
        moved = await store.move_to_ordered(db, refund.id, payment.id, decided_by, today)
        assert moved, "its row was locked while waiting"
        return await self._again(db, refund.id)

    async def _again(self, db: Connection, refund_id: str) -> Refund:
        refund = await store.load_refund(db, refund_id)
        assert refund is not None, "refunds are never deleted"
        return refund

    async def ended(self, db: Connection, payment: Payment) -> None:
        """A payment ended, perhaps that of a refund."""
        if not payment.reference.startswith(f"{REFUND_PREFIX}_"):
            return
        refund = await store.load_refund(db, payment.reference)
        if refund is None or refund.payment_id != payment.id:
            return
        is_paid = payment.state == "settled"
        if await store.finish(
            db, refund.id, "paid" if is_paid else "failed", payment.reason_code
        ):
            await self._core.receipts.record(
                db, "payments.fee_refunded" if is_paid else "payments.refund_failed",
                PLATFORM_ORGANISATION,
                {"refund_id": refund.id, "intent_id": refund.intent_id, "payment_id": payment.id},
                {"order": payment.order_digest.hex()},
            )

    async def open_account(
        self, organisation_id: str, currency: str, single_minor_max: int = SINGLE_MINOR_MAX
    ) -> int | Refused:
        """Open a department's account for refunds, or change its limit. Three beats.

        Returns the ledger's id. Refused: LEDGER_REFUSED. Raises Unavailable; again goes on.
        """
        kernel = self._core.kernel
        account, treasury = await kernel.database.run(
            lambda db: self._put(db, organisation_id, currency, single_minor_max)
        )
        ledger = LEDGER_OF_CURRENCY[currency]
        drafts = (
            AccountDraft(id=treasury, ledger=ledger, code=TREASURY_ACCOUNT_CODE),
            AccountDraft(
                id=account, ledger=ledger, code=REFUND_ACCOUNT_CODE,
                # Refunds are paid with money that is there, never with credit.
                flags=AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
            ),
        )
        for draft in drafts:
            if not all_created(await self._core.ledger.create_accounts([draft])):
                return Refused(PaymentRefusal.LEDGER_REFUSED)
        return account

    async def _put(
        self, db: Connection, organisation_id: str, currency: str, single_minor_max: int
    ) -> tuple[int, int]:
        new = self._core.kernel.ids.new_u128
        treasury = await store.put_account(db, TREASURY, currency, new(), 0)
        account = await store.put_account(db, organisation_id, currency, new(), single_minor_max)
        return account.ledger_account_id, treasury.ledger_account_id

    async def fund(
        self, funding_id: str, organisation_id: str, amount: Money
    ) -> Money | Refused:
        """Put money of the treasury's into a department's account for refunds. Two beats.

        `funding_id` is a prefixed id of the caller's: its number is the transfer's, so that the
        same again changes nothing. Refused: AMOUNT_OUT_OF_RANGE, REFUND_ACCOUNT_MISSING,
        LEDGER_REFUSED.
        """
        refused = check_amount(amount)
        if refused is not None:
            return refused
        database = self._core.kernel.database
        account = await database.read(
            lambda db: store.load_account(db, organisation_id, amount.currency)
        )
        treasury = await database.read(
            lambda db: store.load_account(db, TREASURY, amount.currency)
        )
        if account is None or treasury is None or not organisation_id:
            return Refused(IntentRefusal.REFUND_ACCOUNT_MISSING)
        transfer = TransferDraft(
            id=ids.u128(funding_id), debit_account_id=treasury.ledger_account_id,
            credit_account_id=account.ledger_account_id, amount=amount.amount_minor,
            ledger=LEDGER_OF_CURRENCY[amount.currency], code=REFUND_FUNDING_CODE,
        )
        if not all_created(await self._core.ledger.create_transfers([transfer])):
            return Refused(PaymentRefusal.LEDGER_REFUSED)
        return amount


def _is_same(before: Refund, wish: RefundWish) -> bool:
    said = (before.intent_id, before.amount_minor, before.reason, before.requested_by)
    return said == (wish.intent_id, wish.amount.amount_minor, wish.reason, wish.officer)

"""Refunds of fees: partial or whole, never more than was paid; two officers above a limit.

Above the limit the officers are asked on their phones, and nothing is ordered before two of them
said yes; the decision comes as an event, at least once, and is carried out in one transaction.
A department's refunds are paid through the switch from an account of its own in the ledger, to the
account that the fee was paid from. The account is funded by the operator against the treasury's;
the ledger refuses what is not there, and then the refund has failed and counts no more.
Invariants: a refund's transfer has one name, so that it is given back once; sums are checked with
the fee's row locked; what was decided is decided once.
"""

from __future__ import annotations

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation
from lionrock.kernel import ids
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.kernel.outbox import Event
from lionrock.ledger.api import AccountDraft, AccountFlags, TransferDraft, all_created
from lionrock.payments.domain.orders import CreditTransferOrder, check_amount
from lionrock.payments.domain.payments import LEDGER_OF_CURRENCY, Payment, settlement_date_of
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.links.domain.intents import (
    Intent,
    Refund,
    RefundWish,
    check_refund,
)
from lionrock.payments.links.domain.refunds import APPROVAL_KIND, Decided, needs_two
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.service.officers import Officers
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

    def __init__(self, core: Core, orders: Orders, officers: Officers) -> None:
        self._core = core
        self._orders = orders
        self._officers = officers

    async def ask(
        self, db: Connection, department: Organisation, wish: RefundWish
    ) -> Refund | Refused:
        """Ask for a refund; within the limit it is ordered at once, above it officers are asked.

        The same wish again is the same refund. Refused: NOT_FOUND, NOT_PAID, MALFORMED,
        REFUND_TOO_LARGE, REFUND_REUSED, REFUND_ACCOUNT_MISSING, OFFICER_NOT_APPOINTED,
        OFFICERS_TOO_FEW, APPROVAL_NOT_TAKEN, and what ordering refuses.
        """
        intent = await intent_store.load_own(
            db, self._core.vault, wish.intent_id, department.id
        )
        if intent is None:
            return Refused(IntentRefusal.NOT_FOUND)
        before = await store.load_by_reference(db, department.id, wish.reference)
        if before is not None:
            return before if _is_same(before, wish) else Refused(IntentRefusal.REFUND_REUSED)
        others = await store.refunds_of(db, intent.id)
        refused = check_refund(intent, wish, others)
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
        is_for_two = needs_two(account.single_minor_max, wish.amount, others)
        if is_for_two:
            approval_id = await self._officers.ask(db, department, intent, refund, wish.language)
            if isinstance(approval_id, Refused):
                return approval_id
            refund = msgspec.structs.replace(refund, approval_id=approval_id)
        if not await store.insert_refund(db, refund):
            return Refused(IntentRefusal.REFUND_REUSED)
        await self._record(db, refund, "payments.refund_asked")
        return refund if is_for_two else await self._order(db, department, intent, refund, "")

    async def of_intent(self, db: Connection, intent_id: str) -> list[Refund]:
        """Return all refunds of a fee, oldest first."""
        return await store.refunds_of(db, intent_id)

    async def own(
        self, db: Connection, department_id: str, refund_id: str
    ) -> Refund | Refused:
        """Return a department's own refund; REFUND_NOT_FOUND for others."""
        found = await store.load_own(db, refund_id, department_id)
        return found or Refused(IntentRefusal.REFUND_NOT_FOUND)

    async def withdraw(
        self, db: Connection, department: Organisation, refund_id: str
    ) -> Refund | Refused:
        """Call a waiting refund off; again changes nothing. REFUND_NOT_FOUND, REFUND_DECIDED.

        The question goes from the phones; should they have answered just now, that is too late.
        """
        refund = await store.load_own(db, refund_id, department.id)
        if refund is None:
            return Refused(IntentRefusal.REFUND_NOT_FOUND)
        if refund.state == "rejected":
            return refund
        if not await store.close_waiting(db, refund.id, "rejected"):
            return Refused(IntentRefusal.REFUND_DECIDED)
        await self._officers.call_off(db, refund)
        await self._record(db, refund, "payments.refund_rejected")
        return await self._again(db, refund.id)

    async def on_approval_decided(self, event: Event) -> None:
        """Carry out what the officers decided; a repeat finds it done."""
        if event.payload["kind"] != APPROVAL_KIND:
            return
        approval_id = str(event.payload["approval_id"])

        async def use_case(db: Connection) -> None:
            named = await store.find_by_approval(db, approval_id)
            if named is None:
                return
            # The fee first, then its refund: in the order in which asking takes them.
            intent = await intent_store.load_own(
                db, self._core.vault, named.intent_id, named.department_id
            )
            refund = await store.load_refund(db, named.id)
            assert intent is not None and refund is not None, "neither is ever deleted"
            decided = await self._officers.decided(db, refund)
            if refund.state == "waiting" and decided is not None:
                await self._carry_out(db, intent, refund, decided)

        await self._core.kernel.database.run(use_case)

    async def _carry_out(
        self, db: Connection, intent: Intent, refund: Refund, decided: Decided
    ) -> None:
        if decided.verdict != "ordered":
            await store.close_waiting(db, refund.id, decided.verdict)
            await self._record(db, refund, f"payments.refund_{decided.verdict}")
            return
        department = await self._core.directory.get(db, refund.department_id)
        assert department is not None, "organisations are never deleted"
        ordered = await self._order(db, department, intent, refund, decided.decided_by)
        if isinstance(ordered, Refused):
            # The bank is away, say: nobody waits for it for ever, and it can be asked for again.
            await store.close_waiting(db, refund.id, "failed", ordered.refusal.value)
            await self._record(db, refund, "payments.refund_failed")

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
        await self._record(db, refund, "payments.refund_ordered", payment.id)
        return await self._again(db, refund.id)

    async def _record(
        self, db: Connection, refund: Refund, kind: str, payment_id: str = ""
    ) -> None:
        references = {"refund_id": refund.id, "intent_id": refund.intent_id}
        if refund.approval_id:
            references["approval_id"] = refund.approval_id
        if payment_id:
            references["payment_id"] = payment_id
        await self._core.receipts.record(db, kind, PLATFORM_ORGANISATION, references, {})

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

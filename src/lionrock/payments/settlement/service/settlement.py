"""The settlement of a city: the parts put together, and what participants may read of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import LedgerReader
from lionrock.payments.domain.payments import Payment
from lionrock.payments.service.core import Core
from lionrock.payments.service.inbox import Handling
from lionrock.payments.service.post import Post
from lionrock.payments.settlement.domain import (
    PAGE_ENTRIES_MAX,
    BusinessDays,
    Cut,
    Known,
    Liquidity,
    Statement,
    StatementEntry,
    is_weekday,
)
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.settlement.service.alerts import Alerts
from lionrock.payments.settlement.service.central import Central
from lionrock.payments.settlement.service.cuts import Cuts
from lionrock.payments.settlement.service.exports import StatementPage, as_camt_054
from lionrock.payments.settlement.service.liquidity import Liquidities
from lionrock.payments.settlement.service.reconciliation import RECONCILE_QUEUE, Reconciler
from lionrock.payments.settlement.store import liquidity as liquidity_store
from lionrock.payments.settlement.store import statements as store
from lionrock.payments.settlement.store.books import KINDS
from lionrock.payments.settlement.store.statements import Reconciliation
from lionrock.payments.store.members import Participant


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant has at the switch in one currency, as the ledger says now."""

    balance: Money
    reserved: Money
    available: Money
    is_alerted: bool


class Settlement:
    """Liquidity, alerts, statements, reconciliation."""

    def __init__(
        self, core: Core, post: Post, *, is_business_day: BusinessDays = is_weekday
    ) -> None:
        self._core = core
        self._reader = LedgerReader(core.kernel.database)
        self.central = Central(core)
        self.liquidity = Liquidities(core, post, self.central, is_business_day)
        self.alerts = Alerts(core, post)
        self.reconciler = Reconciler(core)
        self.cuts = Cuts(core, self._reader, RECONCILE_QUEUE)

    def handlings(self) -> Mapping[type, Handling]:
        """What the inbox does with messages about liquidity."""
        return self.liquidity.handlings()

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """Every job of settlement, by queue."""
        return {
            **self.liquidity.handlers(), **self.alerts.handlers(), **self.cuts.handlers(),
            **self.reconciler.handlers(),
        }

    async def positions(self, owner: Participant) -> list[Position]:
        """Return a participant's position in each of its currencies; asks the ledger itself.

        Raises Unavailable.
        """
        accounts = {a.ledger_account_id: a for a in owner.accounts.values() if a.is_open}
        found = await self._core.ledger.lookup_accounts(list(accounts))
        alerts = await self._core.kernel.database.read(
            lambda db: liquidity_store.list_alerts(db, owner.organisation_id)
        )
        alerted = {alert.currency for alert in alerts if alert.cleared_at is None}
        return [
            Position(
                balance=Money(each.credits_posted - each.debits_posted, currency),
                reserved=Money(each.debits_pending, currency),
                available=Money(each.debits_available, currency),
                is_alerted=currency in alerted,
            )
            for each in found
            for currency in (accounts[each.id].currency,)
        ]

    async def liquidity_transfer(
        self, db: Connection, owner: Participant, transaction_id: str
    ) -> Liquidity | Refused:
        """Return a liquidity transfer of the caller's own. LIQUIDITY_NOT_FOUND."""
        found = await liquidity_store.find_transfer(db, owner.organisation_id, transaction_id)
        return found or Refused(SettlementRefusal.LIQUIDITY_NOT_FOUND)

    async def statements(
        self, db: Connection, owner: Participant, currency: str
    ) -> list[Statement]:
        """Return a participant's issued statements in a currency, newest first."""
        found = await store.list_statements(db, owner.organisation_id, currency)
        return [each for each in found if each.state == "issued"]

    async def statement_page(
        self, db: Connection, owner: Participant, statement_id: str, page: int
    ) -> StatementPage | Refused:
        """Return a page of a statement. STATEMENT_NOT_FOUND, STATEMENT_NOT_READY, PAGE_MALFORMED.
        """
        statement = await store.load_statement(db, statement_id)
        if statement is None or statement.organisation_id != owner.organisation_id:
            return Refused(SettlementRefusal.STATEMENT_NOT_FOUND)
        if statement.state != "issued":
            return Refused(SettlementRefusal.STATEMENT_NOT_READY)
        if not 1 <= page <= statement.page_count:
            return Refused(
                SettlementRefusal.PAGE_MALFORMED, f"1 to {statement.page_count}.", field="page"
            )
        cut = await store.load_cut(db, statement.cut_id)
        assert cut is not None, "a statement has a cut"
        earlier = await store.cut_before(db, cut.number)
        first = (page - 1) * PAGE_ENTRIES_MAX
        entries = await store.entries_page(
            db, statement.id, after=first, limit=PAGE_ENTRIES_MAX
        )
        known = await self.reconciler.known(db, [each.transfer_id for each in entries])
        return StatementPage(
            statement=statement, cut=cut, page=page, first=first + 1, entries=tuple(entries),
            known=known, clearing_code=owner.clearing_code,
            from_at=earlier.created_at if earlier else cut.created_at,
        )

    async def notification(self, owner: Participant, payment: Payment) -> bytes | Refused:
        """Return the camt.054 of a settled payment, debit or credit as its participant sees it.

        Asks the ledger itself: the query tables may not have the booking yet when a participant
        asks as soon as it has been told. NOTIFICATION_NOT_FOUND. Raises Unavailable.
        """
        is_debtor = payment.debtor_organisation_id == owner.organisation_id
        is_creditor = payment.creditor_organisation_id == owner.organisation_id
        if payment.state != "settled" or not (is_debtor or is_creditor):
            return Refused(SettlementRefusal.NOTIFICATION_NOT_FOUND)
        found = await self._core.ledger.lookup_transfers([payment.post_id])
        if not found:  # what was damaged: reconciliation tells the operator
            return Refused(SettlementRefusal.NOTIFICATION_NOT_FOUND)
        [booked] = found
        entry = StatementEntry(
            transfer_id=payment.post_id, timestamp_ns=booked.timestamp,
            amount_minor=-booked.amount if is_debtor else booked.amount, code=booked.code,
        )
        known = Known(
            transfer_id=payment.post_id, kind=KINDS[payment.kind], subject_id=payment.id,
            amount=payment.amount, end_to_end_id=payment.end_to_end_id,
            transaction_id=payment.transaction_id, uetr=payment.uetr,
        )
        now = self._core.kernel.business_clock.now()
        return as_camt_054(entry, known, owner.clearing_code, now=now)

    async def reconciliations(
        self, db: Connection, business_date: date
    ) -> tuple[Cut, list[Reconciliation]] | Refused:
        """Return the cut of a date and what was compared at it. CUT_NOT_FOUND."""
        cut = await store.cut_of_date(db, business_date)
        if cut is None:
            return Refused(SettlementRefusal.CUT_NOT_FOUND)
        return cut, await store.load_reconciliations(db, cut.id)

    async def days(
        self, db: Connection, count_max: int
    ) -> list[tuple[Cut, list[Reconciliation]]]:
        """Return the last days that were cut, newest first, and what was compared at each."""
        return [
            (cut, await store.load_reconciliations(db, cut.id))
            for cut in await store.recent_cuts(db, count_max)
        ]

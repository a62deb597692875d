"""The simulated central institution: its accounts in our ledger, and credits on them.

It stands where a central bank's real-time gross settlement system would: participants keep money
there, and move it to and from the switch. SIMULATED: its books are accounts of our own ledger
(codes 2003, 2004), so that the leg there and the leg here are one linked chain. A city with a
real one would replace this module and the chain by messages to it.
Not for: liquidity transfers themselves (liquidity.py). Invariant: a participant's account there is
never overdrawn; what the institution owes is what it issued.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel import ids
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import AccountDraft, AccountFlags, TransferDraft, all_created
from lionrock.payments.domain.payments import LEDGER_OF_CURRENCY, RESERVE_ACCOUNT_CODE
from lionrock.payments.service.core import Core
from lionrock.payments.settlement.domain import (
    CENTRAL_ACCOUNT_CODE,
    CENTRAL_CREDIT_CODE,
    CENTRAL_OWN_CODE,
)
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.settlement.store import liquidity as store
from lionrock.payments.settlement.store.liquidity import CentralAccount, CentralBook
from lionrock.payments.store import members


class CentralAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """Every ledger account that a liquidity transfer of one participant and currency may touch."""

    issue_id: int
    pool_id: int
    repo_id: int
    participant_id: int
    reserve_id: int
    settlement_id: int


class Central:
    """Opens the institution's accounts when they are first needed, and credits them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def accounts(self, organisation_id: str, currency: str) -> CentralAccounts | Refused:
        """Return the accounts of a participant, opened; three beats. ACCOUNT_NOT_OPEN."""
        database = self._core.kernel.database
        prepared = await database.run(lambda db: self._prepare(db, organisation_id, currency))
        if isinstance(prepared, Refused):
            return prepared
        book, central, accounts = prepared
        if not (book.is_open and central.is_open):
            await self._open(currency, accounts)
            await database.run(lambda db: store.mark_open(db, organisation_id, currency))
        return accounts

    async def _prepare(
        self, db: Connection, organisation_id: str, currency: str
    ) -> tuple[CentralBook, CentralAccount, CentralAccounts] | Refused:
        participant = await members.load_participant(db, organisation_id)
        account = participant.account(currency) if participant else None
        if account is None:
            return Refused(SettlementRefusal.ACCOUNT_NOT_OPEN, currency, field="currency")
        new_id = self._core.kernel.ids.new_u128
        book = await store.put_book(db, currency, (new_id(), new_id(), new_id()))
        central = await store.put_central_account(db, organisation_id, currency, new_id())
        reserve_id = await members.reserve_account(db, currency, new_id())
        return book, central, CentralAccounts(
            issue_id=book.issue_account_id, pool_id=book.pool_account_id,
            repo_id=book.repo_account_id, participant_id=central.ledger_account_id,
            reserve_id=reserve_id, settlement_id=account.ledger_account_id,
        )

    async def _open(self, currency: str, accounts: CentralAccounts) -> None:
        ledger = LEDGER_OF_CURRENCY[currency]
        limited = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
        drafts = [
            AccountDraft(id=accounts.reserve_id, ledger=ledger, code=RESERVE_ACCOUNT_CODE),
            AccountDraft(id=accounts.issue_id, ledger=ledger, code=CENTRAL_OWN_CODE),
            AccountDraft(id=accounts.pool_id, ledger=ledger, code=CENTRAL_OWN_CODE),
            AccountDraft(id=accounts.repo_id, ledger=ledger, code=CENTRAL_OWN_CODE),
            AccountDraft(
                id=accounts.participant_id, ledger=ledger, code=CENTRAL_ACCOUNT_CODE, flags=limited
            ),
        ]
        results = await self._core.ledger.create_accounts(drafts)
        assert all_created(results), f"accounts under new ids: {results}"

    async def credit(
        self, credit_id: str, organisation_id: str, amount: Money
    ) -> Money | Refused:
        """Credit a participant's central account (operator, simulation). Three beats.

        `credit_id` is a prefixed id of the caller's; the same one again changes nothing. Refused:
        CREDIT_MALFORMED, CREDIT_REUSED, CREDIT_REFUSED, ACCOUNT_NOT_OPEN.
        """
        if not ids.is_id(credit_id) or amount.amount_minor <= 0:
            return Refused(SettlementRefusal.CREDIT_MALFORMED)
        accounts = await self.accounts(organisation_id, amount.currency)
        if isinstance(accounts, Refused):
            return accounts
        kernel = self._core.kernel
        is_same = await kernel.database.run(lambda db: store.insert_credit(
            db, credit_id, organisation_id, amount, kernel.business_clock.now()
        ))
        if not is_same:
            return Refused(SettlementRefusal.CREDIT_REUSED, field="credit_id")
        draft = TransferDraft(
            id=ids.u128(credit_id), debit_account_id=accounts.issue_id,
            credit_account_id=accounts.participant_id, amount=amount.amount_minor,
            ledger=LEDGER_OF_CURRENCY[amount.currency], code=CENTRAL_CREDIT_CODE,
        )
        if not all_created(await self._core.ledger.create_transfers([draft])):
            return Refused(SettlementRefusal.CREDIT_REFUSED)
        return amount

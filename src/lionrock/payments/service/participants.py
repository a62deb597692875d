"""Participants: enrolment, and their money at the switch.

For the operator; the composition calls it. Not for: persons (identity), proxies (addressing).
Invariant: a participant pays only with money that it has here.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel import ids
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import CURRENCY_DECIMALS, Money
from lionrock.ledger.api import AccountDraft, AccountFlags, TransferDraft, all_created
from lionrock.payments.domain.orders import check_amount, is_clearing_code
from lionrock.payments.domain.payments import (
    FUNDING_TRANSFER_CODE,
    LEDGER_OF_CURRENCY,
    RESERVE_ACCOUNT_CODE,
    SETTLEMENT_ACCOUNT_CODE,
    SWITCH_MEMBER,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant, SettlementAccount

ROLE = "participant"


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation becomes a participant; limits are minor units by currency.

    `payment_minor_max`: of one payment; `daily_minor_max`: of all that it sends on a day.
    """

    organisation_id: str
    clearing_code: str
    currencies: tuple[str, ...] = ("HKD", "CNY")
    payment_minor_max: dict[str, int] = {}
    daily_minor_max: dict[str, int] = {}
    # Whether it takes many messages in one exchange (domain/bundles.py); None: as it was said.
    takes_bundles: bool | None = None


class Participants:
    """The switch's members."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def enrol(self, enrolment: Enrolment) -> Participant | Refused:
        """Enrol, or enrol again with other limits; opens the ledger accounts. Three beats.

        Refused: PARTICIPANT_MALFORMED, PARTICIPANT_TAKEN, LEDGER_REFUSED. Raises Unavailable; the
        same enrolment again goes on.
        """
        database = self._core.kernel.database
        participant = await database.run(lambda db: self._save_enrolment(db, enrolment))
        if isinstance(participant, Refused):
            return participant
        drafts = [
            AccountDraft(
                id=account.ledger_account_id,
                ledger=LEDGER_OF_CURRENCY[currency],
                code=SETTLEMENT_ACCOUNT_CODE,
                # A participant pays with money that it has at the switch, never with credit.
                flags=AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
            )
            for currency, account in participant.accounts.items()
        ]
        for draft in drafts:
            if not all_created(await self._core.ledger.create_accounts([draft])):
                return Refused(PaymentRefusal.LEDGER_REFUSED)
        return await database.run(lambda db: self._save_open(db, participant))

    async def _save_enrolment(
        self, db: Connection, enrolment: Enrolment
    ) -> Participant | Refused:
        refused = check_enrolment(enrolment)
        if refused is not None:
            return refused
        organisation = await self._core.directory.get(db, enrolment.organisation_id)
        if organisation is None or ROLE not in organisation.roles:
            return Refused(
                PaymentRefusal.PARTICIPANT_MALFORMED, f"Expected the role {ROLE!r}.",
                field="organisation_id",
            )
        at = self._core.kernel.business_clock.now()
        await members.insert_participant(
            db, enrolment.organisation_id, enrolment.clearing_code, at
        )
        there = await members.load_participant(db, enrolment.organisation_id)
        if there is None or there.clearing_code != enrolment.clearing_code:
            return Refused(PaymentRefusal.PARTICIPANT_TAKEN, field="clearing_code")
        if enrolment.takes_bundles is not None:
            await members.put_bundling(
                db, enrolment.organisation_id, takes_bundles=enrolment.takes_bundles
            )
        for currency in enrolment.currencies:
            await members.put_account(db, enrolment.organisation_id, SettlementAccount(
                currency=currency, ledger_account_id=self._core.kernel.ids.new_u128(),
                is_open=False, payment_minor_max=enrolment.payment_minor_max.get(currency),
                daily_minor_max=enrolment.daily_minor_max.get(currency),
            ))
        return await _reload(db, enrolment.organisation_id)

    async def _save_open(self, db: Connection, participant: Participant) -> Participant:
        await members.open_accounts(
            db, participant.organisation_id, list(participant.accounts)
        )
        return await _reload(db, participant.organisation_id)

    async def fund(
        self, funding_id: str, organisation_id: str, amount: Money
    ) -> Money | Refused:
        """Credit a participant's account against the reserve: its money came in. Three beats.

        `funding_id` is a prefixed id of the caller's; the same one again changes nothing.
        Refused: PARTICIPANT_MALFORMED, AMOUNT_OUT_OF_RANGE, ORDER_REUSED, LEDGER_REFUSED.
        """
        database = self._core.kernel.database
        accounts = await database.run(
            lambda db: self._save_funding(db, funding_id, organisation_id, amount)
        )
        if isinstance(accounts, Refused):
            return accounts
        reserve_id, settlement_id = accounts
        ledger = LEDGER_OF_CURRENCY[amount.currency]
        reserve = AccountDraft(id=reserve_id, ledger=ledger, code=RESERVE_ACCOUNT_CODE)
        if not all_created(await self._core.ledger.create_accounts([reserve])):
            return Refused(PaymentRefusal.LEDGER_REFUSED)
        transfer = TransferDraft(
            id=ids.u128(funding_id), debit_account_id=reserve_id, credit_account_id=settlement_id,
            amount=amount.amount_minor, ledger=ledger, code=FUNDING_TRANSFER_CODE,
        )
        if not all_created(await self._core.ledger.create_transfers([transfer])):
            return Refused(PaymentRefusal.LEDGER_REFUSED)
        return amount

    async def _save_funding(
        self, db: Connection, funding_id: str, organisation_id: str, amount: Money
    ) -> tuple[int, int] | Refused:
        refused = check_amount(amount)
        if refused is not None:
            return refused
        participant = await members.load_participant(db, organisation_id)
        account = participant.account(amount.currency) if participant else None
        if account is None or not ids.is_id(funding_id):
            return Refused(PaymentRefusal.PARTICIPANT_MALFORMED, "Expected an open account.")
        kernel = self._core.kernel
        is_same = await members.insert_funding(
            db, funding_id, organisation_id, amount, kernel.business_clock.now()
        )
        if not is_same:
            return Refused(PaymentRefusal.ORDER_REUSED, field="funding_id")
        reserve_id = await members.reserve_account(
            db, amount.currency, kernel.ids.new_u128()
        )
        return reserve_id, account.ledger_account_id


async def _reload(db: Connection, organisation_id: str) -> Participant:
    participant = await members.load_participant(db, organisation_id)
    assert participant is not None, "participants are never deleted"
    return participant


def check_enrolment(enrolment: Enrolment) -> Refused | None:
    """The clearing code is one and not the switch's; currencies are known; limits positive."""
    if not is_clearing_code(enrolment.clearing_code) or enrolment.clearing_code == SWITCH_MEMBER:
        return _malformed("clearing_code", "3 to 11 of 0-9 A-Z")
    if not enrolment.currencies or not set(enrolment.currencies) <= set(CURRENCY_DECIMALS):
        return _malformed("currencies", "HKD, CNY or both")
    for field in ("payment_minor_max", "daily_minor_max"):
        limits: dict[str, int] = getattr(enrolment, field)
        if not set(limits) <= set(enrolment.currencies):
            return _malformed(field, "limits of the currencies enrolled")
        if any(limit <= 0 for limit in limits.values()):
            return _malformed(field, "positive limits")
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(PaymentRefusal.PARTICIPANT_MALFORMED, f"Expected {expected}.", field=field)

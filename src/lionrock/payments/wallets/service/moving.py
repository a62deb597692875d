"""Carrying wallets out in the ledger: their accounts, and each movement as one linked chain.

Not for: taking movements (wallets.py). Source: TigerBeetle reference (linked events).
Invariant: the same ids however often a job runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.ledger.api import (
    AccountDraft,
    AccountFlags,
    TransferDraft,
    TransferFlags,
    TransferOutcome,
    TransferResult,
    Unavailable,
    all_created,
)
from lionrock.payments.domain.payments import LEDGER_OF_CURRENCY, Subject
from lionrock.payments.service.core import Core
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant
from lionrock.payments.wallets import store
from lionrock.payments.wallets.domain import (
    ROOM_ACCOUNT_CODE,
    ROOM_CODE,
    ROOM_LEDGER,
    TOP_UP_CODE,
    WALLET_ACCOUNT_CODE,
    WALLET_PAYMENT_CODE,
    Movement,
    MovementState,
    Wallet,
)

OPEN_QUEUE = "payments.wallet_open"
MOVE_QUEUE = "payments.wallet_move"
MOVED_TOPIC = "payments.wallet_moved"
LEDGER_PAUSE_MS = 200
# The other side of every wallet's room, under an id of our own choice, for ever.
ROOM_SOURCE_ID = 0x4C52_0000_0003
FUNDS_SHORT, WALLET_FULL, NOT_SETTLED = "AM04", "AM02", "ED05"


class Moving:
    """The jobs of wallets."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """The jobs, by queue."""
        return {OPEN_QUEUE: self._open_accounts, MOVE_QUEUE: self._drive}

    async def _open_accounts(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a new wallet: its two accounts, and the room that it begins with."""
        database = self._core.kernel.database
        wallet = await database.read(
            lambda db: store.load_wallet(db, self._core.vault, job.key)
        )
        assert wallet is not None, f"{job.key} was scheduled and is not stored"
        limited = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
        ledger = self._core.ledger
        try:
            accounts = await ledger.create_accounts([
                AccountDraft(id=ROOM_SOURCE_ID, ledger=ROOM_LEDGER, code=ROOM_ACCOUNT_CODE),
                AccountDraft(
                    id=wallet.room_account_id, ledger=ROOM_LEDGER, code=ROOM_ACCOUNT_CODE,
                    flags=limited,
                ),
                AccountDraft(
                    id=wallet.ledger_account_id, ledger=LEDGER_OF_CURRENCY["CNY"],
                    code=WALLET_ACCOUNT_CODE, flags=limited,
                ),
            ])
            assert all_created(accounts), f"accounts under new ids: {accounts}"
            outcomes = await ledger.create_transfers([TransferDraft(
                id=wallet.room_transfer_id, debit_account_id=ROOM_SOURCE_ID,
                credit_account_id=wallet.room_account_id, amount=wallet.balance_minor_max,
                ledger=ROOM_LEDGER, code=ROOM_CODE,
            )])
            assert all_created(outcomes), f"room is given without limit: {outcomes}"
        except Unavailable:
            return jobs.Again(after_ms=LEDGER_PAUSE_MS)
        await database.run(lambda db: store.mark_open(db, wallet.id))
        return jobs.Done()

    async def _drive(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a movement: one chain, the same ids however often."""
        database, vault = self._core.kernel.database, self._core.vault

        async def load(db: Connection) -> tuple[Movement, list[TransferDraft]]:
            movement = await store.load_movement(db, vault, job.key)
            assert movement is not None, f"{job.key} was scheduled and is not stored"
            wallet = await store.load_wallet(db, vault, movement.wallet_id)
            asker = await members.load_participant(db, movement.organisation_id)
            paid = await members.load_participant(db, movement.counterpart_id)
            assert wallet is not None and asker is not None and paid is not None, "none is deleted"
            return movement, chain(movement, wallet, asker, paid)

        movement, drafts = await database.read(load)
        if movement.state != "accepted":
            return jobs.Done()
        try:
            outcomes = await self._core.ledger.create_transfers(drafts)
        except Unavailable:
            return jobs.Again(after_ms=LEDGER_PAUSE_MS)
        code = _reason_of(movement, drafts, outcomes)
        await database.run(lambda db: self._finish(db, movement, code))
        return jobs.Done()

    async def _finish(self, db: Connection, movement: Movement, code: str) -> None:
        state: MovementState = "rejected" if code else "settled"
        now = self._core.kernel.business_clock.now()
        if not await store.finish_movement(db, movement.id, state, code, now):
            return
        await outbox.emit(db, self._core.kernel.ids, MOVED_TOPIC, {
            "movement_id": movement.id, "kind": movement.kind, "state": state,
            "organisation": movement.organisation_id, "reason_code": code,
        })
        subject = Subject(
            id=movement.id,
            references={"movement_id": movement.id, "wallet_id": movement.wallet_id},
        )
        await self._core.record(
            db, "payments.wallet_moved", subject, {"order": movement.digest.hex()}
        )


def chain(
    movement: Movement, wallet: Wallet, asker: Participant, paid: Participant
) -> list[TransferDraft]:
    """Return the legs of a movement, linked; without the HKD leg where it stays in one bank."""
    rmb = LEDGER_OF_CURRENCY["CNY"]
    amount_minor = movement.amount.amount_minor
    if movement.kind == "payment":
        return _linked([
            TransferDraft(
                id=movement.wallet_leg_id, debit_account_id=wallet.ledger_account_id,
                credit_account_id=paid.accounts["CNY"].ledger_account_id, amount=amount_minor,
                ledger=rmb, code=WALLET_PAYMENT_CODE,
            ),
            _room(movement, ROOM_SOURCE_ID, wallet.room_account_id),
        ])
    legs = [
        TransferDraft(
            id=movement.wallet_leg_id, debit_account_id=paid.accounts["CNY"].ledger_account_id,
            credit_account_id=wallet.ledger_account_id, amount=amount_minor, ledger=rmb,
            code=TOP_UP_CODE,
        ),
        _room(movement, wallet.room_account_id, ROOM_SOURCE_ID),
    ]
    if asker.organisation_id != paid.organisation_id:
        legs.insert(0, TransferDraft(
            id=movement.pay_leg_id, debit_account_id=asker.accounts["HKD"].ledger_account_id,
            credit_account_id=paid.accounts["HKD"].ledger_account_id,
            amount=movement.pay.amount_minor, ledger=LEDGER_OF_CURRENCY["HKD"], code=TOP_UP_CODE,
        ))
    return _linked(legs)


def _room(movement: Movement, debit_id: int, credit_id: int) -> TransferDraft:
    return TransferDraft(
        id=movement.room_leg_id, debit_account_id=debit_id, credit_account_id=credit_id,
        amount=movement.amount.amount_minor, ledger=ROOM_LEDGER, code=ROOM_CODE,
    )


def _linked(legs: Sequence[TransferDraft]) -> list[TransferDraft]:
    """All but the last are linked to the next."""
    return [
        *(msgspec.structs.replace(leg, flags=int(TransferFlags.LINKED)) for leg in legs[:-1]),
        legs[-1],
    ]


def _reason_of(
    movement: Movement, drafts: list[TransferDraft], outcomes: list[TransferOutcome]
) -> str:
    """Why the chain was refused, by the leg that was; "" when it stands."""
    if all_created(outcomes):
        return ""
    for draft, outcome in zip(drafts, outcomes, strict=True):
        if outcome.result is TransferResult.EXCEEDS_CREDITS:
            return WALLET_FULL if draft.id == movement.room_leg_id else FUNDS_SHORT
    return NOT_SETTLED

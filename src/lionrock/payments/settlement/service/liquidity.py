"""Liquidity transfers and after-hours repos: one linked chain over both books, driven by a job.

A participant asks by pacs.009 (in, out) or by our own signed call (repo); it is answered by a
pacs.002 or read back. After hours the central institution is closed: money comes in by repo only,
which is lent against nothing here (SIMULATED: a real one is against securities) and is repaid at
the next opening, or as soon as the money is there.
Source: ISO 20022 pacs.009, pacs.002; TigerBeetle reference (linked events).
Invariants: both legs or none; ids are saved before the ledger hears of them; one open repo a
participant and currency.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import structlog

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import (
    TransferDraft,
    TransferFlags,
    TransferOutcome,
    TransferResult,
    Unavailable,
    all_created,
)
from lionrock.payments.domain import reasons
from lionrock.payments.domain.iso20022 import Header, LiquidityTransfer, StatusReport
from lionrock.payments.domain.iso20022.liquidity import LIQUIDITY_TRANSFER
from lionrock.payments.domain.orders import check_amount, is_identifier
from lionrock.payments.domain.payments import (
    LEDGER_OF_CURRENCY,
    Subject,
    order_digest_of,
    transaction_id_of,
    uetr_of,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.inbox import Handling
from lionrock.payments.service.post import DELIVER_QUEUE, Post
from lionrock.payments.settlement.domain import (
    LIQUIDITY_TRANSFER_CODE,
    BusinessDays,
    Liquidity,
    LiquidityKind,
    LiquidityState,
    is_central_open,
    next_opening,
)
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.settlement.packaged import central_hours
from lionrock.payments.settlement.service.central import Central, CentralAccounts
from lionrock.payments.settlement.store import liquidity as store
from lionrock.payments.store.members import Participant

LIQUIDITY_QUEUE = "payments.liquidity"
REPAY_QUEUE = "payments.repo_repayment"
LIQUIDITY_TOPIC = "payments.liquidity_moved"
PREFIX = "liq"
LEDGER_PAUSE_MS = 200
REPAY_PAUSE_MS = 600_000
# ExternalStatusReason1Code: received after the agreed processing cut-off time.
CUT_OFF_PASSED = "TM01"
CENTRAL_CLOSED_TEXT = "The central institution is closed now."
_FUNDS = frozenset({TransferResult.EXCEEDS_CREDITS, TransferResult.EXCEEDS_DEBITS})

_log = structlog.get_logger("lionrock.payments")


class Liquidities:
    """Takes and drives liquidity transfers."""

    def __init__(
        self, core: Core, post: Post, central: Central, is_business_day: BusinessDays
    ) -> None:
        self._core = core
        self._post = post
        self._central = central
        self._is_business_day = is_business_day

    def handlings(self) -> Mapping[type, Handling]:
        """What the inbox does with a pacs.009."""
        return {LiquidityTransfer: Handling(take=self._take, again=self._tell_again)}

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """The jobs that carry transfers out and repay repos."""
        return {LIQUIDITY_QUEUE: self._drive, REPAY_QUEUE: self._repay}

    async def _take(
        self, db: Connection, sender: Participant, header: Header, asked: LiquidityTransfer
    ) -> Subject | Refused:
        """pacs.009: the same TxId again is the same transfer. LIQUIDITY_REUSED, ACCOUNT_NOT_OPEN.
        """
        refused = check_amount(asked.amount)
        if refused is not None:
            return refused
        if sender.account(asked.amount.currency) is None:
            return Refused(SettlementRefusal.ACCOUNT_NOT_OPEN, asked.amount.currency)
        digest = order_digest_of("pacs.009/1", msgspec.json.encode(asked).decode())
        before = await store.find_transfer(db, sender.organisation_id, asked.transaction_id)
        if before is not None:
            if before.digest != digest:
                return Refused(SettlementRefusal.LIQUIDITY_REUSED, field="TxId")
            await self._tell_again(db, sender, before.id)
            return _subject(before)
        transfer = msgspec.structs.replace(
            self._new(sender.organisation_id, asked.direction, asked.amount, digest),
            end_to_end_id=asked.end_to_end_id, transaction_id=asked.transaction_id,
            uetr=asked.uetr, message_id=header.message_id,
        )
        if not await store.insert_transfer(db, transfer):
            return Refused(SettlementRefusal.LIQUIDITY_REUSED, field="UETR")
        if self._is_open():
            await jobs.schedule(db, queue=LIQUIDITY_QUEUE, key=transfer.id)
        else:
            await self._finish(db, transfer, "rejected", CUT_OFF_PASSED, CENTRAL_CLOSED_TEXT)
        return _subject(transfer)

    async def _tell_again(self, db: Connection, _sender: Participant, transfer_id: str) -> None:
        """Whoever asks again has perhaps missed the outcome."""
        transfer = await store.load_transfer(db, transfer_id)
        assert transfer is not None, "liquidity transfers are never deleted"
        if transfer.state != "accepted":
            await self._tell(db, transfer)

    async def borrow(
        self, db: Connection, borrower: Participant, amount: Money, end_to_end_id: str
    ) -> Liquidity | Refused:
        """Lend after hours, in the caller's transaction; the job carries it out. Simulated.

        The same `end_to_end_id` again is the same repo. Refused: CENTRAL_OPEN, REPO_ABOVE_LIMIT,
        REPO_OUTSTANDING, ACCOUNT_NOT_OPEN, LIQUIDITY_MALFORMED, LIQUIDITY_REUSED.
        """
        if not is_identifier(end_to_end_id):
            return Refused(SettlementRefusal.LIQUIDITY_MALFORMED, field="end_to_end_id")
        digest = order_digest_of("repo/1", end_to_end_id, amount.wire(), amount.currency)
        before = await store.find_transfer(db, borrower.organisation_id, end_to_end_id)
        if before is not None:
            is_same = before.digest == digest
            return before if is_same else Refused(SettlementRefusal.LIQUIDITY_REUSED)
        refused = await self._check_may_borrow(db, borrower, amount)
        if refused is not None:
            return refused
        transfer = msgspec.structs.replace(
            self._new(borrower.organisation_id, "repo", amount, digest),
            end_to_end_id=end_to_end_id, transaction_id=end_to_end_id,
        )
        if not await store.insert_transfer(db, transfer):
            return Refused(SettlementRefusal.LIQUIDITY_REUSED, field="end_to_end_id")
        await jobs.schedule(db, queue=LIQUIDITY_QUEUE, key=transfer.id)
        return transfer

    async def _check_may_borrow(
        self, db: Connection, borrower: Participant, amount: Money
    ) -> Refused | None:
        if borrower.account(amount.currency) is None:
            return Refused(SettlementRefusal.ACCOUNT_NOT_OPEN, amount.currency)
        if self._is_open():
            return Refused(SettlementRefusal.CENTRAL_OPEN)
        limit_minor = central_hours().repo_minor_max[amount.currency]
        if not 0 < amount.amount_minor <= limit_minor:
            limit = Money(limit_minor, amount.currency).wire()
            return Refused(
                SettlementRefusal.REPO_ABOVE_LIMIT, f"More than nothing, at most {limit}.",
                field="amount",
            )
        if await store.open_repos(db, borrower.organisation_id, amount.currency):
            return Refused(SettlementRefusal.REPO_OUTSTANDING)
        return None

    async def _drive(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a transfer: both legs as one chain, then tell. The same ids however often."""
        transfer = await self._core.kernel.database.read(
            lambda db: store.load_transfer(db, job.key)
        )
        assert transfer is not None, f"{job.key} was scheduled and is not stored"
        if transfer.state != "accepted":
            return jobs.Done()
        try:
            accounts = await self._central.accounts(
                transfer.organisation_id, transfer.amount.currency
            )
            assert not isinstance(accounts, Refused), "it had an open account when it was taken"
            outcomes = await self._core.ledger.create_transfers(legs(transfer, accounts))
        except Unavailable:
            return jobs.Again(after_ms=LEDGER_PAUSE_MS)
        code = _reason_of(outcomes)
        state: LiquidityState = "rejected" if code else "settled"
        text = reasons.REASON_TEXTS[code] if code else ""
        await self._core.kernel.database.run(
            lambda db: self._finish(db, transfer, state, code, text)
        )
        return jobs.Done()

    async def _finish(
        self, db: Connection, transfer: Liquidity, state: LiquidityState, code: str, text: str
    ) -> None:
        now = self._core.kernel.business_clock.now()
        if not await store.finish_transfer(db, transfer.id, state, code, text, now):
            return
        done = msgspec.structs.replace(
            transfer, state=state, reason_code=code, reason_text=text, finished_at=now
        )
        await outbox.emit(db, self._core.kernel.ids, LIQUIDITY_TOPIC, {
            "id": done.id, "organisation": done.organisation_id, "kind": done.kind,
            "state": done.state, "amount": done.amount.wire(), "currency": done.amount.currency,
        })
        await self._core.record(
            db, "payments.liquidity_moved", _subject(done), {"order": done.digest.hex()}
        )
        if done.message_id:
            await self._tell(db, done)
        if done.kind == "repo" and state == "settled":
            opening = next_opening(now, central_hours(), self._is_business_day)
            await jobs.schedule(db, queue=REPAY_QUEUE, key=done.id, business_due_at=opening)

    async def _tell(self, db: Connection, transfer: Liquidity) -> None:
        """pacs.002 about a pacs.009."""
        report = StatusReport(
            original_message_id=transfer.message_id, original_definition=LIQUIDITY_TRANSFER,
            end_to_end_id=transfer.end_to_end_id, transaction_id=transfer.transaction_id,
            uetr=transfer.uetr, status="ACSC" if transfer.state == "settled" else "RJCT",
            amount=transfer.amount, reason_code=transfer.reason_code,
            reason_text=transfer.reason_text,
        )
        message = await self._post.write(
            db, _subject(transfer), transfer.organisation_id, report
        )
        await jobs.schedule(db, queue=DELIVER_QUEUE, key=message.id)

    async def _repay(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a settled repo: give it back; without the money, try again later."""
        database = self._core.kernel.database
        repayment = await database.run(lambda db: self._repayment(db, job))
        if repayment is None:
            return jobs.Done()
        await self._drive(msgspec.structs.replace(job, key=repayment.id))
        done = await database.read(lambda db: store.load_transfer(db, repayment.id))
        assert done is not None, "it was just stored"
        if done.state == "settled":
            return jobs.Done()
        _log.warning("repo_not_repaid", repo=job.key, reason=done.reason_code)
        return jobs.Again(after_ms=REPAY_PAUSE_MS)

    async def _repayment(self, db: Connection, job: jobs.Job) -> Liquidity | None:
        """The repayment under way, or a new one; None when the repo is repaid."""
        repo = await store.load_transfer(db, job.key)
        assert repo is not None and repo.kind == "repo", f"{job.key} is no repo"
        there = await store.open_repos(db, repo.organisation_id, repo.amount.currency)
        if repo.id not in {each.id for each in there}:
            return None
        under_way = await store.find_repayment(db, repo.id)
        if under_way is not None:
            return under_way
        made = msgspec.structs.replace(
            self._new(repo.organisation_id, "repayment", repo.amount, repo.digest),
            end_to_end_id=repo.end_to_end_id, repaid_id=repo.id,
        )
        is_new = await store.insert_transfer(db, made)
        assert is_new, "its ids are new"
        return made

    def _new(
        self, organisation_id: str, kind: LiquidityKind, amount: Money, digest: bytes
    ) -> Liquidity:
        kernel = self._core.kernel
        transfer_id = kernel.ids.new(PREFIX)
        return Liquidity(
            id=transfer_id, organisation_id=organisation_id, kind=kind, amount=amount,
            central_leg_id=kernel.ids.new_u128(), switch_leg_id=kernel.ids.new_u128(),
            end_to_end_id="", transaction_id=transaction_id_of(transfer_id),
            uetr=uetr_of(transfer_id), digest=digest, created_at=kernel.business_clock.now(),
        )

    def _is_open(self) -> bool:
        now = self._core.kernel.business_clock.now()
        return is_central_open(now, central_hours(), self._is_business_day)


def legs(transfer: Liquidity, accounts: CentralAccounts) -> list[TransferDraft]:
    """Return the chain: the same amount at the central institution and at the switch."""
    at_central = accounts.participant_id
    if transfer.kind in {"repo", "repayment"}:
        at_central = accounts.repo_id
    central, switch = (at_central, accounts.pool_id), (accounts.reserve_id, accounts.settlement_id)
    if not transfer.is_inward:
        central, switch = (central[1], central[0]), (switch[1], switch[0])
    return [
        TransferDraft(
            id=leg_id, debit_account_id=debit_id, credit_account_id=credit_id,
            amount=transfer.amount.amount_minor, code=LIQUIDITY_TRANSFER_CODE,
            ledger=LEDGER_OF_CURRENCY[transfer.amount.currency], flags=flags,
        )
        for leg_id, (debit_id, credit_id), flags in (
            (transfer.central_leg_id, central, TransferFlags.LINKED),
            (transfer.switch_leg_id, switch, TransferFlags.NONE),
        )
    ]


def _reason_of(outcomes: list[TransferOutcome]) -> str:
    """Why the chain was refused, "" when it stands."""
    if all_created(outcomes):
        return ""
    if any(outcome.result in _FUNDS for outcome in outcomes):
        return reasons.FUNDS_INSUFFICIENT
    return reasons.SETTLEMENT_FAILED


def _subject(transfer: Liquidity) -> Subject:
    return Subject(id=transfer.id, references={"liquidity_id": transfer.id})

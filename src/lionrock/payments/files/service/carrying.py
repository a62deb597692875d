"""Carrying an accepted file out: entries become payments, a few at a time, and are followed.

An entry and its payment are written in one transaction, under a TxId that follows from file and
number: a process that dies in between leaves neither, and nothing can begin twice. Payments of a
file are of the near-real-time class, and only so many of one file are under way at once, so that it
delays no instant payment.
Not for: checking (checking.py), driving payments (service.switch).
Invariants: an entry begins once; it ends as its payment does; the file is done with its last entry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import CreditTransfer, DirectDebit, Header
from lionrock.payments.domain.iso20022.debits import Sequence
from lionrock.payments.domain.payments import (
    SWITCH_MEMBER,
    Payment,
    Subject,
    settlement_date_of,
    uetr_of,
)
from lionrock.payments.files.domain.values import (
    CREDIT_FILE,
    DEBIT_FILE,
    BatchFile,
    Entry,
    transaction_id_of_entry,
)
from lionrock.payments.files.service.answering import ANSWER_QUEUE
from lionrock.payments.files.store import entries as entry_store
from lionrock.payments.files.store import files as store
from lionrock.payments.service.core import Core
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

CARRY_QUEUE = "payments.file_carry"
BEGIN_MAX = 100
UNDER_WAY_MAX = 400
FOLLOW_MAX = 1_000
ROUNDS_MAX = 10
PAUSE_MS = 500
# What takes a document of a participant and makes a payment of it (orders, debits).
TakeDocument: TypeAlias = Callable[
    [Connection, Participant, Header, Any], Awaitable[Payment | Subject | Refused]
]
# How an entry of a definition becomes the document that a participant would have sent.
Compose: TypeAlias = Callable[["BatchFile", Entry, Header], Any]
DUPLICATE, NOT_TAKEN = "AM05", "ED05"
_TEXTS = {
    DUPLICATE: "Its UETR stands for another payment.",
    NOT_TAKEN: "The entry was not taken.",
}


class Carrier(msgspec.Struct, frozen=True):
    """How entries of one definition are carried out."""

    compose: Compose
    take: TakeDocument


class Carrying:
    """Begins and follows entries; one job a file."""

    def __init__(self, core: Core, carriers: Mapping[str, Carrier]) -> None:
        self._core = core
        self._carriers = carriers

    async def carry(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of an accepted file: follow what is under way, begin more, until all have ended."""
        database = self._core.kernel.database
        for _ in range(ROUNDS_MAX):
            if await database.run(lambda db: self._follow(db, job.key)):
                return jobs.Done()
            if not await database.run(lambda db: self._begin_some(db, job.key)):
                return jobs.Again(after_ms=PAUSE_MS)
        return jobs.Again(after_ms=1)

    async def _follow(self, db: Connection, file_id: str) -> bool:
        """End entries whose payments have ended; True when the file is done."""
        settled, rejected = await entry_store.follow(db, file_id, FOLLOW_MAX)
        await store.add_counts(db, file_id, settled=settled, rejected=rejected)
        file = await store.load_file(db, self._core.vault, file_id)
        assert file is not None, "files are never deleted"
        if file.state == "accepted":
            return False
        await jobs.schedule(db, queue=ANSWER_QUEUE, key=file.id)
        return True

    async def _begin_some(self, db: Connection, file_id: str) -> int:
        """Make payments of the next entries; returns how many were begun or rejected."""
        file = await store.load_file(db, self._core.vault, file_id, is_locking=True)
        assert file is not None, "files are never deleted"
        under_way = await entry_store.count_under_way(db, file_id, UNDER_WAY_MAX)
        room = min(BEGIN_MAX, UNDER_WAY_MAX - under_way)
        if file.state != "accepted" or room <= 0:
            return 0
        entries = await entry_store.lock_staged(db, self._core.vault, file_id, room)
        sender = await members.load_participant(db, file.organisation_id)
        assert sender is not None, "participants are never deleted"
        payment_ids: dict[int, str] = {}
        reasons: dict[int, tuple[str, str]] = {}
        for entry in entries:
            taken = await self._take(db, sender, file, entry)
            if isinstance(taken, Refused):
                code = DUPLICATE if taken.field == "UETR" else NOT_TAKEN
                reasons[entry.number] = (code, _TEXTS[code])
            else:
                payment_ids[entry.number] = taken.id
        await entry_store.mark_begun(db, file_id, payment_ids)
        await entry_store.mark_rejected(db, file_id, reasons)
        await store.add_counts(db, file_id, begun=len(entries), rejected=len(reasons))
        return len(entries)

    async def _take(
        self, db: Connection, sender: Participant, file: BatchFile, entry: Entry
    ) -> Payment | Subject | Refused:
        # No MsgId: what becomes of the entry is told by the file's answer, in one document.
        header = Header(
            from_member=sender.clearing_code, to_member=SWITCH_MEMBER, message_id="",
            created_at=self._core.kernel.business_clock.now(),
        )
        carrier = self._carriers[file.definition]
        return await carrier.take(db, sender, header, carrier.compose(file, entry, header))


def compose_transfer(file: BatchFile, entry: Entry, header: Header) -> CreditTransfer:
    """Return an entry of a pain.001 as the pacs.008 that its bank might have sent."""
    assert file.definition == CREDIT_FILE, "it is an entry of a credit file"
    return CreditTransfer(
        settlement_date=settlement_date_of(header.created_at), service_class="C2",
        end_to_end_id=entry.end_to_end_id,
        transaction_id=transaction_id_of_entry(file.id, entry.number),
        uetr=entry.uetr or uetr_of(f"{file.id}_{entry.number}"), amount=entry.amount,
        debtor=entry.debtor, creditor=entry.creditor, proxy=entry.proxy,
        remittance=entry.remittance,
    )


def compose_debit(file: BatchFile, entry: Entry, header: Header) -> DirectDebit:
    """Return an entry of a pain.008 as the pacs.003 that its bank might have sent."""
    assert file.definition == DEBIT_FILE, "it is an entry of a debit file"
    return DirectDebit(
        settlement_date=settlement_date_of(header.created_at),
        end_to_end_id=entry.end_to_end_id,
        transaction_id=transaction_id_of_entry(file.id, entry.number),
        uetr=entry.uetr or uetr_of(f"{file.id}_{entry.number}"), amount=entry.amount,
        sequence=cast(Sequence, entry.sequence), collection_date=entry.on,
        mandate_id=entry.mandate_id, creditor=entry.creditor, debtor=entry.debtor,
        remittance=entry.remittance,
    )

"""Answering a file: pain.002 in parts, one status for every entry, written once.

Not for: what it looks like (domain.answer). Invariant: the answer is written when nothing of the
file can change any more, so that each part, written again, is the same.
"""

from __future__ import annotations

import hashlib

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.payments.domain.payments import Subject
from lionrock.payments.files.domain.answer import (
    ANSWER,
    ANSWER_ENTRIES,
    closing,
    entries_part,
    opening,
    part_count,
)
from lionrock.payments.files.domain.values import BatchFile
from lionrock.payments.files.store import entries as entry_store
from lionrock.payments.files.store import files as store
from lionrock.payments.service.core import Core

ANSWER_QUEUE = "payments.file_answer"
ANSWERED_TOPIC = "payments.file_answered"
PARTS_PER_RUN = 20


class Answering:
    """Writes answers; one job a file."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def answer(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a file that is over: write the next parts, then say that it is answered."""
        database = self._core.kernel.database
        for _ in range(PARTS_PER_RUN):
            if await database.run(lambda db: self._write_next(db, job.key)):
                return jobs.Done()
        return jobs.Again(after_ms=1)

    async def _write_next(self, db: Connection, file_id: str) -> bool:
        """Write one part; True when the answer is complete."""
        vault = self._core.vault
        file = await store.load_file(db, vault, file_id, is_locking=True)
        assert file is not None, "files are never deleted"
        if file.state == "answered":
            return True
        assert file.state in {"done", "refused"}, "it is answered when it is over"
        parts = part_count(file.entry_count)
        number = await store.count_answer_parts(db, file.id)
        if number < parts:
            content = await self._part(db, file, number, parts)
            await store.insert_answer_part(db, vault, file.id, number, content)
            return False
        await self._finish(db, file, parts)
        return True

    async def _part(
        self, db: Connection, file: BatchFile, number: int, parts: int
    ) -> bytes:
        if number == 0:
            return opening(file, self._core.kernel.business_clock.now())
        if number == parts - 1:
            return closing(file.entry_count)
        after = (number - 1) * ANSWER_ENTRIES
        before = await entry_store.page(db, file.id, after=after - 1, limit=1) if after else []
        entries = await entry_store.page(db, file.id, after=after, limit=ANSWER_ENTRIES)
        return entries_part(entries, before[0].block_id if before else "")

    async def _finish(self, db: Connection, file: BatchFile, parts: int) -> None:
        digest = hashlib.sha256()
        for number in range(parts):
            content = await store.load_answer_part(db, self._core.vault, file.id, number)
            assert content is not None, "all parts are written"
            digest.update(content)
        now = self._core.kernel.business_clock.now()
        if not await store.mark_answered(db, file.id, parts, digest.digest(), now):
            return
        await outbox.emit(db, self._core.kernel.ids, ANSWERED_TOPIC, {
            "file_id": file.id, "organisation": file.organisation_id,
            "settled": file.settled_count, "rejected": file.rejected_count,
        })
        subject = Subject(id=file.id, references={"file_id": file.id})
        await self._core.record(db, ANSWERED_TOPIC, subject, {ANSWER: digest.hexdigest()})

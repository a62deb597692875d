"""Checking a whole file before anything of it begins, a few seconds at a time.

The reader's state is a parser's and lives in this process only, on one thread of its own (a parser
belongs to the thread that began it). A lease in the file's row says who checks; a process that dies
lets it run out, and the next one begins anew. Entries are staged as they are read and count for
nothing until the file is accepted, which is one statement.
Not for: carrying entries out (carrying.py). Invariant: whoever stages holds the lease, asked for
again in the transaction that stages.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog

from lionrock.kernel import jobs, outbox
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.payments import Subject, settlement_date_of
from lionrock.payments.files.domain.stream import FileReader
from lionrock.payments.files.domain.values import BatchFile, Entry, Totals
from lionrock.payments.files.errors import FileRefusal
from lionrock.payments.files.packaged import file_schema
from lionrock.payments.files.service.answering import ANSWER_QUEUE
from lionrock.payments.files.service.carrying import CARRY_QUEUE
from lionrock.payments.files.store import entries as entry_store
from lionrock.payments.files.store import files as store
from lionrock.payments.service.core import Core
from lionrock.payments.store import members

ACCEPTED_TOPIC = "payments.file_accepted"
REFUSED_TOPIC = "payments.file_refused"
LEASE_S = 20
RUN_MS_MAX = 4_000
LEASED_PAUSE_MS = 1_000

_log = structlog.get_logger("lionrock.payments")


class _Progress:
    """A file half read: the reader, the digest so far, and the next part."""

    def __init__(self, reader: FileReader) -> None:
        self.reader = reader
        self.digest = hashlib.sha256()
        self.next_part = 1


class Checking:
    """Checks files; one job for each."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._holder = core.kernel.ids.new("chk")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="file-check")
        self._under_way: dict[str, _Progress] = {}

    async def check(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a received file: read on until it is read or some seconds are over."""
        database = self._core.kernel.database
        vault = self._core.vault
        file = await database.read(lambda db: store.load_file(db, vault, job.key))
        assert file is not None, f"{job.key} was scheduled and is not stored"
        if file.state != "received":
            self._under_way.pop(file.id, None)
            return jobs.Done()
        if not await database.run(lambda db: self._take_lease(db, file.id)):
            self._under_way.pop(file.id, None)
            return jobs.Again(after_ms=LEASED_PAUSE_MS)
        progress = self._under_way.get(file.id) or await self._begin(file)
        verdict = await self._read_on(file, progress)
        if verdict is None:
            return jobs.Again(after_ms=1)
        self._under_way.pop(file.id, None)
        if verdict == _LOST:
            return jobs.Again(after_ms=LEASED_PAUSE_MS)
        await database.run(lambda db: self._decide(db, file, verdict))
        return jobs.Done()

    async def _read_on(
        self, file: BatchFile, progress: _Progress
    ) -> Totals | Refused | str | None:
        """Read parts until there is a verdict, or None when the time of one run is over."""
        deadline_ms = monotonic_ms() + RUN_MS_MAX
        while monotonic_ms() < deadline_ms:
            verdict = await self._read_part(file, progress)
            if verdict is not None:
                return verdict
        return None

    async def _begin(self, file: BatchFile) -> _Progress:
        """Begin to read; forget what another process has staged."""
        database = self._core.kernel.database

        async def use_case(db: Connection) -> str:
            await entry_store.clear_staged(db, file.id)
            sender = await members.load_participant(db, file.organisation_id)
            assert sender is not None, "participants are never deleted"
            return sender.clearing_code

        member = await database.run(use_case)
        today = settlement_date_of(self._core.kernel.business_clock.now())
        reader = await self._on_thread(
            lambda: FileReader(
                file.definition, file_schema(file.definition), member=member, today=today
            )
        )
        self._under_way[file.id] = _Progress(reader)
        return self._under_way[file.id]

    async def _read_part(
        self, file: BatchFile, progress: _Progress
    ) -> Totals | Refused | str | None:
        """Read one part and stage its entries; a verdict at the end, None to go on."""
        if progress.next_part > file.part_count:
            if progress.digest.digest() != file.digest:
                return Refused(FileRefusal.DIGEST_DIFFERS)
            verdict: Totals | Refused = await self._on_thread(progress.reader.close)
            return verdict
        database = self._core.kernel.database
        content = await database.read(
            lambda db: store.load_part(db, self._core.vault, file.id, progress.next_part)
        )
        progress.digest.update(content)
        found: list[Entry] | Refused = await self._on_thread(
            lambda: progress.reader.feed(content)
        )
        if isinstance(found, Refused):
            return found
        if not await database.run(lambda db: self._stage(db, file.id, found)):
            return _LOST
        progress.next_part += 1
        return None

    async def _stage(self, db: Connection, file_id: str, entries: list[Entry]) -> bool:
        if not await self._take_lease(db, file_id):
            return False
        await entry_store.stage(db, self._core.vault, file_id, entries)
        return True

    async def _take_lease(self, db: Connection, file_id: str) -> bool:
        now = self._core.kernel.wire_clock.now()
        until = now + timedelta(seconds=LEASE_S)
        return await store.take_lease(db, file_id, self._holder, now, until)

    async def _decide(
        self, db: Connection, file: BatchFile, verdict: Totals | Refused | str
    ) -> None:
        """Accept the file or refuse it as a whole."""
        assert not isinstance(verdict, str), "a lost lease decides nothing"
        if not await self._take_lease(db, file.id):
            return
        if isinstance(verdict, Totals):
            if await store.mark_accepted(db, file.id, file.organisation_id, verdict):
                await self._tell(db, file, "")
                await jobs.schedule(db, queue=CARRY_QUEUE, key=file.id)
                return
            verdict = Refused(FileRefusal.MESSAGE_ID_REUSED, f"MsgId {verdict.message_id}.")
        code = verdict.refusal.value
        await entry_store.clear_staged(db, file.id)
        await store.mark_refused(db, self._core.vault, file.id, code, verdict.detail)
        await self._tell(db, file, code)
        await jobs.schedule(db, queue=ANSWER_QUEUE, key=file.id)

    async def _tell(self, db: Connection, file: BatchFile, code: str) -> None:
        topic = REFUSED_TOPIC if code else ACCEPTED_TOPIC
        await outbox.emit(db, self._core.kernel.ids, topic, {
            "file_id": file.id, "organisation": file.organisation_id, "reason": code,
        })
        subject = Subject(id=file.id, references={"file_id": file.id})
        await self._core.record(db, topic, subject, {file.definition: file.digest.hex()})

    async def _on_thread(self, call: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


_LOST = "lost"

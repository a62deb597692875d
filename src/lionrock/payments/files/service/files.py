"""The batch files of a city: the parts put together, and what senders may read."""

from __future__ import annotations

from collections.abc import Mapping

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.files.domain.values import BatchFile, EntryState
from lionrock.payments.files.errors import FileRefusal
from lionrock.payments.files.service.answering import ANSWER_QUEUE, Answering
from lionrock.payments.files.service.carrying import CARRY_QUEUE, Carrier, Carrying
from lionrock.payments.files.service.checking import Checking
from lionrock.payments.files.service.intake import CHECK_QUEUE, Intake
from lionrock.payments.files.store import entries as entry_store
from lionrock.payments.files.store import files as store
from lionrock.payments.service.core import Core
from lionrock.payments.store.members import Participant

ENTRIES_PAGE_MAX = 500


class Files:
    """Takes, checks, carries out and answers batch files of the definitions it has carriers for."""

    def __init__(self, core: Core, carriers: Mapping[str, Carrier]) -> None:
        self._core = core
        self.intake = Intake(core, frozenset(carriers))
        self.checking = Checking(core)
        self.carrying = Carrying(core, carriers)
        self.answering = Answering(core)

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """Every job of files, by queue."""
        return {
            CHECK_QUEUE: self.checking.check, CARRY_QUEUE: self.carrying.carry,
            ANSWER_QUEUE: self.answering.answer,
        }

    async def list_files(self, db: Connection, sender: Participant) -> list[BatchFile]:
        """Return a sender's files, newest first."""
        return await store.list_files(db, self._core.vault, sender.organisation_id)

    async def entries(
        self, db: Connection, sender: Participant, file_id: str, after: int
    ) -> list[EntryState] | Refused:
        """Return how entries after a number stand, at most ENTRIES_PAGE_MAX. FILE_NOT_FOUND.

        Entries of a file that is still being checked are not shown: nothing is decided yet.
        """
        file = await self.intake.own(db, sender, file_id)
        if isinstance(file, Refused):
            return file
        if file.state in {"open", "received", "refused"}:
            return []
        return await entry_store.page(db, file.id, after=after, limit=ENTRIES_PAGE_MAX)

    async def answer_part(
        self, db: Connection, sender: Participant, file_id: str, number: int
    ) -> bytes | Refused:
        """Return a part of the answer. FILE_NOT_FOUND, ANSWER_NOT_READY."""
        file = await self.intake.own(db, sender, file_id)
        if isinstance(file, Refused):
            return file
        if file.state != "answered":
            return Refused(FileRefusal.ANSWER_NOT_READY)
        content = await store.load_answer_part(db, self._core.vault, file.id, number)
        return content if content is not None else Refused(FileRefusal.ANSWER_NOT_READY)

"""A desk that takes requests of two single-use values and one row, for tests of kernel.late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lionrock.kernel import late
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.kernel.errors import KernelRefusal, Refused
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.late import LateTransaction
from lionrock.kernel.notes import GroupCommit

FIRST, SECOND = Refused(KernelRefusal.NOT_FOUND), Refused(KernelRefusal.BODY_SLOW)
OTHER = Refused(KernelRefusal.BUG)


# A row is a job that is due already: any table of the kernel's would do.
WRITTEN = Insert(
    table="kernel.jobs",
    columns=(Column("queue", "text"), Column("key", "text"), Column("payload", "jsonb"),
             Column("due_at", "text", "due_at::timestamptz")),
    values=lambda row: ("late", row, {"key": row}, "-infinity"),
)  # fmt: skip


class Desk:
    """Runs requests of two single-use values and one row, as a front would."""

    def __init__(self, database: Database, clock: FrozenClock) -> None:
        self.database, self.clock = database, clock
        self.group = GroupCommit(database)

    async def request(
        self, first: str, second: str, row: str, *, result: Any = "done", query_at: int = 0
    ) -> tuple[str, Any]:
        """`query_at`: before which step a query begins the transaction; 0: never."""
        transaction = LateTransaction(self.database, self.group)
        expires_at = self.clock.now() + timedelta(seconds=60)

        async def steps() -> tuple[str, Any]:
            for number, (value, refused) in enumerate(((first, FIRST), (second, SECOND)), start=1):
                transaction.step = f"step-{number}"
                if query_at == number:
                    await transaction.execute("SELECT 1")
                found = await late.once(transaction, "desk", value, expires_at, refused)
                if found is not None:
                    return transaction.step, Refused(found.refusal, keep=number > 1)
            transaction.step = "step-3"
            if query_at == 3:
                await transaction.execute("SELECT 1")
            await late.later(transaction, WRITTEN, row)
            return transaction.step, result

        return await transaction.run(steps)

    async def rows(self) -> list[str]:
        found = await self.database.run(
            lambda db: db.fetch("SELECT key FROM kernel.jobs WHERE queue = 'late' ORDER BY key"))
        return [row["key"] for row in found]

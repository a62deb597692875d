"""How far a city's query tables are behind its ledger, asked of its database.

For whoever stands at the machine: no token is needed, only the database's address, as for the first
operators. It reads, and changes nothing. Over HTTP: GET /ledger/v1/projection.
"""

from __future__ import annotations

from lionrock.app.supervisor import CityRefused
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.db import DATABASE_FAILURES, Connection, Database
from lionrock.kernel.epoch import read_offset
from lionrock.kernel.postgres import EmbeddedPostgres
from lionrock.ledger.api import CopyProgress, LedgerReader

NOTHING_ANSWERS = (
    "no database of a city answers; start a city with lionrock up, or name its database "
    "with --database URL"
)


async def copy_progress(settings: Settings) -> CopyProgress:
    """Return how the projection of a city stands; CityRefused when its database does not answer."""
    if not settings.database_url and not (settings.data_path / "socket").exists():
        raise CityRefused(NOTHING_ANSWERS)
    url = settings.database_url or EmbeddedPostgres(settings.data_path).url()
    try:
        database = await Database.open(url, pool_size_max=1)
    except DATABASE_FAILURES as error:
        raise CityRefused(NOTHING_ANSWERS) from error

    async def read(db: Connection) -> CopyProgress:
        clock = OffsetBusinessClock(SystemWireClock(), await read_offset(db))
        return await LedgerReader(database).progress(db, clock.now())

    try:
        return await database.read(read)
    except DATABASE_FAILURES as error:
        raise CityRefused(NOTHING_ANSWERS) from error
    finally:
        await database.close()


def facts_of(progress: CopyProgress) -> dict[str, int | str]:
    """The facts by the names that the HTTP route gives them."""
    return {
        "sequence_written": progress.written, "sequence_copied": progress.copied,
        "lag_rows": progress.written - progress.copied, "lag_events": progress.events,
        "lag_ms": progress.waits_ms, "state": progress.state,
    }

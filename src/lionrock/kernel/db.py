"""PostgreSQL: one pool, one way to open and end a transaction, migrations per pillar.

`Database.run(use_case)` begins and commits; kernel.late and kernel.gathered begin later. A use case
that returns a `Refused` (without keep) is rolled back; one that raises is rolled back. Nobody
awaits another party inside. jsonb columns are Python objects, timestamptz columns are aware UTC
datetimes.

Not for: SQL of a pillar (its store.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec

from lionrock.kernel.connections import Connections
from lionrock.kernel.errors import Refused

T = TypeVar("T")
POOL_SIZE_MAX = 12
# Statements that a connection keeps prepared: more than the code has, or each use prepares anew.
STATEMENTS_KEPT_MAX = 1_000
STATEMENT_TIMEOUT_MS_MAX = 15_000
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Everything by which a database shows that it is away, ill or full; a loop outlives them all.
DATABASE_FAILURES = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
)
_UNCERTAIN = (
    asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
)


def is_rolled_back(error: Exception) -> bool:
    """Say whether nothing was committed for certain; who lost the connection cannot know."""
    # What cannot even be sent (asyncpg.DataError) is an InterfaceError as well.
    return isinstance(error, ValueError) or not isinstance(error, _UNCERTAIN)


class Connection(Protocol):
    """What a use case may do inside its transaction; parameters are $1, $2, ... (asyncpg)."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; returns its command tag."""
        ...

    async def executemany(self, command: str, args: Iterable[Any]) -> None:
        """Run a statement once per row of arguments."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """Return the first row or None."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Return the first column of the first row or None."""
        ...

    async def copy_records_to_table(
        self, table_name: str, *, records: Any, columns: Any = None, schema_name: str | None = None
    ) -> str:
        """Write many rows with COPY."""
        ...

    async def copy_to_table(
        self, table_name: str, *, source: Any, columns: Any = None,
        schema_name: str | None = None, format: str | None = None,
    ) -> str:
        """Write rows that are already in a format of COPY."""
        ...


class TransactionLost(RuntimeError):
    """What was to be committed had been rolled back already: a bug, never an acknowledgement."""


class MigrationDamaged(RuntimeError):
    """A migration that already ran has other text now, or is missing from the package."""


class _Connection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A connection that goes back to the pool without a round trip of its own.

    There is nothing to reset: settings are SET LOCAL, advisory locks are of the transaction,
    nobody listens or holds a cursor. An open transaction is rolled back by the pool all the same.
    """

    def get_reset_query(self) -> str:
        """No query."""
        return ""


class OpenConnection:
    """A connection outside of any transaction; exactly one of `begin` and `release` ends it.

    Each statement on it is a transaction of its own.
    """

    def __init__(self, connections: Connections, connection: Any) -> None:
        self._connections = connections
        self.connection: Connection = connection

    async def begin(self, how: str = "BEGIN") -> OpenTransaction:
        """Begin a transaction on it."""
        try:
            await self.connection.execute(how)
        except BaseException:
            await self.release()
            raise
        return OpenTransaction(self._connections, self.connection)

    async def release(self, *, is_sound: bool = False) -> None:
        """Give the connection back; sound when each query on it was answered."""
        await self._connections.give_back(self.connection, is_sound=is_sound)


class OpenTransaction:
    """A transaction on a connection; exactly one of `end` and `abandon` ends it."""

    def __init__(self, connections: Connections, connection: Connection) -> None:
        self._connections = connections
        self.connection = connection

    async def end(self, *, is_kept: bool) -> None:
        """Commit or roll back, and give the connection back.

        TransactionLost when a statement had failed in it and nobody let that be known: then there
        is nothing to commit.
        """
        is_sound = False
        try:
            done = await self.connection.execute("COMMIT" if is_kept else "ROLLBACK")
            if is_kept and done != "COMMIT":
                raise TransactionLost("a statement failed, so the transaction was rolled back")
            is_sound = True
        finally:
            await self._connections.give_back(self.connection, is_sound=is_sound)

    async def abandon(self) -> None:
        """Roll back after a failure, also when the connection itself is what broke."""
        try:
            # Waits for a cancelled query.
            await self.connection.execute("ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            # The server dropped the connection: it has rolled back already. The first error
            # matters.
            return
        finally:
            await self._connections.give_back(self.connection, is_sound=False)


class Database:
    """A pool of connections to one city's database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    async def open(cls, url: str, *, pool_size_max: int = POOL_SIZE_MAX) -> Database:
        """Connect; OSError or asyncpg.PostgresError when the server is not there."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size_max,
            init=_prepare,
            statement_cache_size=STATEMENTS_KEPT_MAX,
            connection_class=_Connection,
            server_settings={
                "application_name": "lionrock",
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS_MAX),
            },
        )
        return cls(Connections(pool, pool_size_max))

    async def close(self) -> None:
        """Close the pool; running transactions end first."""
        await self._connections.close()

    async def run(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a use case in one transaction and return what it returned.

        Committed unless it raises or returns a `Refused` without `keep`.
        """
        opened = await self.begin()
        try:
            result = await use_case(opened.connection)
        except BaseException:
            await opened.abandon()
            raise
        await opened.end(is_kept=not isinstance(result, Refused) or result.keep)
        return result

    async def begin(self) -> OpenTransaction:
        """Begin a transaction; for kernel.late and kernel.gathered, everybody else calls `run`."""
        return await (await self.connect()).begin()

    async def connect(self) -> OpenConnection:
        """Take a connection without a transaction; for kernel.late and the ledger's one writer.

        Everybody else calls `run`.
        """
        try:
            return OpenConnection(self._connections, await self._connections.take())
        except OSError as error:
            # A starting server has no socket file yet: for callers that is the same as no answer.
            raise ConnectionError(f"the database does not answer ({error})") from error

    async def alone(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a use case of one statement, which is a transaction of its own, or of plain reads.

        For statements that serve many requests at once; everybody else calls `run`.
        """
        opened = await self.connect()
        is_sound = False
        try:
            result = await use_case(opened.connection)
            is_sound = True
            return result
        finally:
            await opened.release(is_sound=is_sound)

    async def read(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a reading use case on one snapshot; writes are refused by the server."""
        opened = await (await self.connect()).begin(_READING)
        try:
            result = await use_case(opened.connection)
        except BaseException:
            await opened.abandon()
            raise
        await opened.end(is_kept=False)
        return result


async def create_beside(url: str, existing_url: str) -> bool:
    """Create the database of `url` on its server if it is missing; returns whether it was.

    asyncpg.InsufficientPrivilegeError when the role of `existing_url` may not create databases.
    """
    try:
        await (await asyncpg.connect(url)).close()
    except asyncpg.InvalidCatalogNameError:
        name = urlsplit(url).path.lstrip("/")
        connection = await asyncpg.connect(existing_url)
        try:
            await connection.execute(f'CREATE DATABASE "{name.replace(chr(34), "")}"')
        finally:
            await connection.close()
        return True
    return False


async def _prepare(connection: Any) -> None:
    def encode_json(value: Any) -> str:
        return msgspec.json.encode(value).decode()

    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=encode_json, decoder=msgspec.json.decode
        )


class Migration(msgspec.Struct, frozen=True):
    """One SQL file of one pillar; `name` such as 0001_accounts."""

    pillar: str
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, to notice a file that changed after it ran."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_in(folder: Path, pillar: str) -> list[Migration]:
    """Read a pillar's migrations folder in file-name order."""
    return [
        Migration(pillar=pillar, name=path.stem, sql=path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9]*.sql"))
    ]


async def migrate(database: Database, migrations: Iterable[Migration]) -> list[str]:
    """Apply what has not run yet, in the order given; returns the names applied.

    One transaction for all, behind an advisory lock, so that two starting processes do not both
    apply them and a crash leaves either the old or the new schema.
    """
    wanted = list(migrations)

    async def apply(db: Connection) -> list[str]:
        await db.execute("SELECT pg_advisory_xact_lock(7310001)")
        await db.execute("CREATE SCHEMA IF NOT EXISTS kernel")
        await db.execute(
            "CREATE TABLE IF NOT EXISTS kernel.migrations ("
            " pillar text NOT NULL, name text NOT NULL, digest text NOT NULL,"
            " CONSTRAINT migrations_pk PRIMARY KEY (pillar, name))"
        )
        rows = await db.fetch("SELECT pillar, name, digest FROM kernel.migrations")
        done = {(row["pillar"], row["name"]): row["digest"] for row in rows}
        applied = []
        for migration in wanted:
            before = done.get((migration.pillar, migration.name))
            if before == migration.digest:
                continue
            label = f"{migration.pillar}/{migration.name}"
            if before is not None:
                raise MigrationDamaged(f"{label} ran before with other text; add a new file")
            await db.execute(migration.sql)
            await db.execute(
                "INSERT INTO kernel.migrations (pillar, name, digest) VALUES ($1, $2, $3)",
                migration.pillar, migration.name, migration.digest,
            )
            done[migration.pillar, migration.name] = migration.digest
            applied.append(label)
        return applied

    return await database.run(apply)

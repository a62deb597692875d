"""What an attack left behind: the rows of the whole pillar, before and after."""

from __future__ import annotations

from lionrock.kernel.db import Connection
from tests.http.identity.city import City


async def rows(city: City) -> dict[str, int]:
    """Count the rows of every table of identity, of the receipts and of the jobs.

    What is remembered so that it is not taken twice is not counted (kernel.replays and the `jti` of
    request objects): what a refused request showed stays used up.
    """

    async def count(db: Connection) -> dict[str, int]:
        names = await db.fetch(
            "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND (n.nspname = 'identity' AND c.relname <> 'request_objects'"
            " OR (n.nspname, c.relname) IN (('evidence', 'receipts'), ('kernel', 'jobs')))"
        )
        return {
            row["name"]: int(await db.fetchval(f"SELECT count(*) FROM {row['name']}"))
            for row in names
        }

    return await city.kernel.database.read(count)

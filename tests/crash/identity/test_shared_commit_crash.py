"""Connections that die in the middle of shared commits: what was answered is there."""

from __future__ import annotations

import asyncio

from lionrock.identity.domain.grants import secret_hash
from lionrock.kernel.db import Connection, Database
from tests.attack.identity.test_shared_commits import ask, caller, front
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient

__all__ = ["caller"]
CALLERS = 12
ROUNDS = 12

_KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


async def test_every_token_that_was_answered_is_on_record_whatever_connection_died(
    city: City, caller: TestClient, database_url: str
) -> None:
    killer = await Database.open(database_url, pool_size_max=1)
    is_over = asyncio.Event()
    killed = 0

    async def kill() -> None:
        nonlocal killed
        while not is_over.is_set():
            killed += await killer.run(lambda db: db.fetchval(_KILL))
            await asyncio.sleep(0.02)

    async with front(city) as http:
        killing = asyncio.create_task(kill())

        async def work() -> list[tuple[int, str]]:
            told = []
            for _ in range(ROUNDS):
                answer = await ask(http, caller)
                told.append((answer.status_code, answer.json().get("access_token", "")))
            return told

        done = await asyncio.wait_for(asyncio.gather(*(work() for _ in range(CALLERS))), 60)
        is_over.set()
        await killing
        assert (await ask(http, caller)).status_code == 200
    told = [each for one in done for each in one]
    assert {status for status, _ in told} <= {200, 503}
    granted = [secret_hash(token) for status, token in told if status == 200]
    print(f"killed {killed}, granted {len(granted)} of {len(told)}")

    async def on_record(db: Connection) -> int:
        return int(await db.fetchval(
            "SELECT count(*) FROM identity.access_tokens WHERE token_hash = ANY($1)", granted))

    assert await killer.run(on_record) == len(granted)
    await killer.close()

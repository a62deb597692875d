"""The database dies right after look-ups: what it may give back, and what it never answers again.

Look-ups do not wait for the disk, so a killed server may come back without their nonces and prices.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lionrock.app.migrations import all_migrations
from lionrock.kernel.db import Database, migrate
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.postgres import create_database
from lionrock.kernel.replay import value_of
from lionrock.payments.addressing.domain.buckets import COST_NOT_FOUND, PARTICIPANT
from lionrock.payments.addressing.store import lookups
from lionrock.payments.addressing.store.lookups import Lookup
from lionrock.payments.sealing import Vault
from lionrock.payments.service.participants import ROLE
from tests.crash.ledger.servers import durable_server, kill_server, relaunch

pytestmark = pytest.mark.city

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
COUNT = 5


def look_up(number: int, made_at: datetime) -> Lookup:
    """A look-up of nothing that is registered."""
    return Lookup(
        organisation_id="bank", kid="key", lookup_key=bytes([number]) * 32, currency="",
        payer_key=bytes([number]) * 16, made_at=made_at,
        nonce=value_of("rfc9421", f"bank\n{number}", made_at + timedelta(seconds=61)),
    )


async def open_register(url: str) -> Database:
    """A migrated database with one participant's key in its directory."""
    database = await Database.open(url, pool_size_max=2)
    await migrate(database, all_migrations())
    await database.run(lambda db: db.execute(
        "INSERT INTO directory.organisations (id, names, roles, endpoints, status, is_simulated,"
        " registered_at)"
        " VALUES ('bank', '{}', ARRAY['participant'], '{}', 'active', true, $1)", NOW,
    ))
    await database.run(lambda db: db.execute(
        "INSERT INTO directory.keys (kid, organisation_id, jwk, valid_from)"
        " VALUES ('key', 'bank', '{}', $1)", NOW,
    ))
    return database


async def tokens(database: Database) -> int:
    """What the participant's bucket holds; one that is not there is full."""
    left = await database.read(lambda db: db.fetchval(
        "SELECT tokens FROM payments.asking_buckets WHERE payer_key = ''"
    ))
    return PARTICIPANT.tokens_max if left is None else int(left)


async def test_after_a_crash_nothing_signed_before_is_answered_and_few_tokens_are_given_back(
    tmp_path: Path,
) -> None:
    vault = Vault(KeyStore(tmp_path / "keys", "crash", scrypt_cost=2**4))

    async def ask(database: Database, asked: Lookup, asked_at: datetime) -> str:
        [answered] = await database.alone(
            lambda db: lookups.ask(db, vault, [asked], ROLE, asked_at)
        )
        return answered.why

    with durable_server() as server:
        create_database(server, "lionrock")
        database = await open_register(server.url())
        before = [look_up(number, NOW) for number in range(COUNT)]
        assert [await ask(database, each, NOW) for each in before] == [""] * COUNT
        assert await tokens(database) == PARTICIPANT.tokens_max - COUNT * COST_NOT_FOUND
        kill_server(server)
        await relaunch(server)
        await database.close()
        database = await Database.open(server.url(), pool_size_max=2)
        given_back = await tokens(database) - (PARTICIPANT.tokens_max - COUNT * COST_NOT_FOUND)
        assert 0 <= given_back <= COUNT * COST_NOT_FOUND
        later = NOW + timedelta(seconds=1)
        assert [await ask(database, each, later) for each in before] == ["forgotten"] * COUNT
        assert await ask(database, look_up(100, later), later) == "forgotten"
        after = look_up(101, later + timedelta(seconds=1))
        assert await ask(database, after, after.made_at) == ""
        await database.close()
        # A server that was stopped has forgotten nothing.
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        database = await Database.open(server.url(), pool_size_max=2)
        assert await ask(database, after, after.made_at) == "replayed"
        assert await ask(database, look_up(102, after.made_at), after.made_at) == ""
        await database.close()

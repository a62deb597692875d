"""A city that was put away is the one that was founded, whatever the tests before did to theirs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from lionrock.ledger.api import in_process
from tests.conftest import SEED, START
from tests.databases import NEW_EVERY_TIME, Databases
from tests.house.test_databases import TABLES, content, own
from tests.http.identity.city import City, founded
from tests.put_away import Places
from tests.unit.payments.city import PaymentsCity, city, world_database, world_database_url

__all__ = ["city", "own", "world_database", "world_database_url"]

pytestmark = pytest.mark.skipif(NEW_EVERY_TIME, reason="this run founds anew for every test")
_numbers = itertools.count(1)


@asynccontextmanager
async def next_test(kernel: Kernel, own: Databases, root: Path) -> AsyncIterator[Places]:
    """The places that another test of this process is given."""
    folder = root / f"test-{next(_numbers)}"
    folder.mkdir()
    async with own.fresh() as url:
        database, clock = await Database.open(url, pool_size_max=4), FrozenClock(START)
        network = Network(applications={})
        mine = dataclasses.replace(
            kernel, database=database, wire_clock=clock, business_clock=FrozenClock(START),
            ids=Ids(clock, seed=SEED), network=network,
            key_store=KeyStore(folder / "keys", "test passphrase", scrypt_cost=2**4),
        )  # fmt: skip
        yield Places(databases=own, kernel=mine, urls=(url,), ids=(mine.ids,),
                     folders=(folder / "keys", folder / "world-keys"))
        await network.close()
        await database.close()


async def standing(places: Places) -> dict[str, Any]:
    """All that stands at places: rows, sequences, files with who may read them, the next ids."""
    root = places.folders[0].parent
    return {
        "databases": [await content(url) for url in places.urls],
        "files": {str(path.relative_to(root)): (path.stat().st_mode, _bytes(path))
                  for path in sorted(root.rglob("*"))},
        "ids": [(each._chance.getstate(), each._last) for each in places.ids],
        "times": (places.kernel.wire_clock.now(), places.kernel.business_clock.now()),
    }


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def keys_of(stood: dict[str, Any]) -> dict[str, Any]:
    """The key files among what stood."""
    return {path: held for path, held in stood["files"].items() if "keys" in Path(path).parts[0]}


async def spoil(city: City, places: Places) -> None:
    """Do to a city the worst that a test may."""
    for clock in (city.wire_clock, city.business_clock):
        clock.advance(days=400)
    for path in [each for folder in places.folders for each in folder.rglob("*")]:
        if path.is_file():
            path.write_bytes(b"damaged")
    city.kernel.key_store.get_or_create("one-more")
    city.kernel.ids.new("one")
    city.people.clear()
    city.kernel.network.applications.clear()
    connection = await asyncpg.connect(places.urls[0])
    await connection.execute("SET session_replication_role = replica")
    for [table] in await connection.fetch(TABLES):
        await connection.execute(f"DELETE FROM {table}")
    await connection.close()
    await advance_sequences(places.urls[0])


async def advance_sequences(url: str) -> None:
    """Take a number from each sequence of a database."""
    connection = await asyncpg.connect(url)
    for [sequence] in await connection.fetch(
        "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"
    ):
        await connection.execute(f"SELECT nextval('{sequence}')")
    await connection.close()


async def test_nothing_that_a_test_does_to_its_city_is_in_the_next_one(
    kernel: Kernel, own: Databases, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []
    for _ in range(3):
        async with next_test(kernel, own, tmp_path) as places:
            given = await founded(places.kernel, places.folders[0].parent, places)
            seen.append(await standing(places))
            assert set(given.people) == {"ada", "ben", "carmen"}
            approval = await given.asked("ada")
            assert await given.phone.answer(
                "ada", approval.id, "approved", approval.number or "")
            await spoil(given, places)
            assert await standing(places) != seen[0]
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


async def test_what_is_put_back_is_every_row_key_and_id_that_was_put_away(
    city: PaymentsCity, kernel: Kernel, places: Places, own: Databases, tmp_path: Path
) -> None:
    """On a city with a ledger, in which money has moved since it was founded."""
    paid = await city.initiate(city.order())
    await city.settle()
    left = await city.available(city.budget_id)
    await advance_sequences(places.urls[0])
    here = dataclasses.replace(places, databases=own)
    await here.keep("a used payments city")
    used = await standing(here)
    async with next_test(kernel, own, tmp_path) as there:
        before = await standing(there)
        assert await there.take_out("a used payments city") is not None
        put_back = await standing(there)
        async with in_process(there.kernel.database, there.kernel.business_clock) as ledger:
            [budget] = await ledger.lookup_accounts([city.budget_id])
    assert (await city.load(paid.id)).state == "settled"
    assert budget.debits_available == left
    assert before["databases"] != used["databases"], "there was something to put back"
    assert put_back["databases"] == used["databases"]
    assert put_back["ids"] == used["ids"]
    assert keys_of(put_back) == keys_of(used) != {}


@pytest.mark.parametrize("change", ["time", "settings", "databases", "name"])
async def test_what_was_founded_otherwise_is_not_put_back(
    kernel: Kernel, own: Databases, databases: Databases, tmp_path: Path, change: str
) -> None:
    async with next_test(kernel, own, tmp_path) as first:
        await first.keep(f"otherwise {change}")
    async with next_test(kernel, own, tmp_path) as second:
        assert await second.take_out(f"otherwise {change}") is not None
    async with next_test(kernel, own, tmp_path) as third:
        name, asked = f"otherwise {change}", third
        if change == "time":
            assert isinstance(third.kernel.business_clock, FrozenClock)
            third.kernel.business_clock.advance(days=1)
        elif change == "settings":
            settings = dataclasses.replace(third.kernel).settings
            asked = dataclasses.replace(third, kernel=dataclasses.replace(
                third.kernel, settings=type(settings)(public_url="http://other.test")))
        elif change == "databases":
            asked = dataclasses.replace(third, databases=databases)
        else:
            name = "another name"
        assert await asked.take_out(name) is None

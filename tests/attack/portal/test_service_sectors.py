"""A company that names somebody else's address first, to hear people's names for that somebody."""

from __future__ import annotations

from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_key
from tests.http.portal.conftest import Opened
from tests.http.portal.test_services import agree, ask
from tests.whole.conftest import WholeCity


async def test_two_services_of_one_address_cannot_compare_people(
    opened: Opened, city: WholeCity
) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    identity, run = city.platform.identity, city.platform.kernel.database.run
    client_ids = []
    for _ in range(2):
        path = await ask(ada, generate_key(), redirect_uris="https://bank.example/callback")
        await agree(iris, path)
        await agree(jason, path)
        client_ids.append(f"service-{path[-12:]}")

    async def sectors(db: Connection) -> list[str]:
        clients = [await identity.clients.find(db, client_id) for client_id in client_ids]
        return [client.sector for client in clients if client is not None]

    assert await run(sectors) == client_ids

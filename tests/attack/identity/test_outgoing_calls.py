"""An attacker whose registered addresses lead inside (SSRF): notices, log-outs and key sets.

The names are honest at registration and lead to a private address when the platform calls, as with
DNS rebinding. A socket that really listens counts who comes.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity.api import ClientPolicy, Identity
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again
from lionrock.kernel.network import Network
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import new_client

INSIDE = [
    "127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1", "192.168.0.1", "172.16.0.1",
    "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1", "64:ff9b::7f00:1",
]  # fmt: skip


@dataclasses.dataclass
class Trap:
    """A port of this machine, and how many came to it."""

    port: int
    reached: int = 0


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    """A listening socket inside."""
    found = Trap(0)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.reached += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


class Outgoing:
    """The platform's own calls, over a network whose names all lead to one address."""

    def __init__(self, city: City, address: str, *, allow_private: bool = False) -> None:
        async def resolve(_host: str, _port: int) -> list[str]:
            return [address]

        self.network = Network(allow_private=allow_private, ports=None, resolver=resolve)
        kernel = dataclasses.replace(city.kernel, network=self.network)
        self.identity = Identity(kernel, Evidence(kernel, Directory(kernel)))

    async def notice(self, city: City) -> Any:
        """Deliver the one notice of the back channel."""
        request_id = await city.kernel.database.run(
            lambda db: db.fetchval("SELECT id FROM identity.ciba_requests")
        )
        return await self.identity.ciba_notices.deliver(request_id, attempt=1)

    async def log_out(self, city: City) -> Any:
        """Deliver the one logout token."""
        session_id = await city.kernel.database.run(
            lambda db: db.fetchval("SELECT key FROM kernel.jobs WHERE queue LIKE '%logout%'")
        )
        assert session_id is not None
        return await self.identity.sessions.deliver(session_id, attempt=1)


async def decided(city: City, trap: Trap, mode: Any) -> None:
    """A back-channel request that was approved, whose client wants to be told."""
    client = await new_back_channel_client(
        city, mode, ciba_notification_uri=f"https://notices.example:{trap.port}/told"
    )
    await client.asked()
    await client.decide()


async def logged_out(city: City, trap: Trap) -> None:
    """A session that ended, whose service wants to be told."""
    policy = ClientPolicy(backchannel_logout_uri=f"https://service.example:{trap.port}/told")
    client = await new_client(city, "client-told", policy)
    browser = Browser(city)
    callback = await browser.sign_in(client.client_id, await client.pushed(), "ada")
    tokens = (await client.redeem(callback["code"])).json()
    ended = await browser.get(f"/identity/logout?id_token_hint={tokens['id_token']}")
    assert ended.status_code in (200, 303)


@pytest.mark.behaviour("attack-ssrf-callbacks")
@pytest.mark.parametrize("mode", ["ping", "push"])
async def test_notice_to_a_name_that_leads_inside_reaches_nobody(
    city: City, trap: Trap, mode: str
) -> None:
    await decided(city, trap, mode)
    for address in INSIDE:
        outgoing = Outgoing(city, address)
        assert isinstance(await outgoing.notice(city), Again)
        await outgoing.network.close()
    assert trap.reached == 0
    # The trap works: without the guard it is reached.
    unguarded = Outgoing(city, "127.0.0.1", allow_private=True)
    await unguarded.notice(city)
    await unguarded.network.close()
    assert trap.reached == 1


@pytest.mark.behaviour("attack-ssrf-logout")
async def test_logout_token_to_a_name_that_leads_inside_reaches_nobody(
    city: City, trap: Trap
) -> None:
    await logged_out(city, trap)
    for address in INSIDE:
        outgoing = Outgoing(city, address)
        assert isinstance(await outgoing.log_out(city), Again)
        await outgoing.network.close()
    assert trap.reached == 0
    unguarded = Outgoing(city, "127.0.0.1", allow_private=True)
    await unguarded.log_out(city)
    await unguarded.network.close()
    assert trap.reached == 1


@pytest.mark.behaviour("attack-ssrf-jwks-uri")
async def test_key_set_at_a_name_that_leads_inside_is_not_fetched(city: City, trap: Trap) -> None:
    uri = f"https://keys.example:{trap.port}/jwks"
    for address in INSIDE:
        outgoing = Outgoing(city, address)
        assert isinstance(await outgoing.identity.key_sets.fetch(uri), Refused)
        await outgoing.network.close()
    assert trap.reached == 0
    unguarded = Outgoing(city, "127.0.0.1", allow_private=True)
    await unguarded.identity.key_sets.fetch(uri)
    await unguarded.network.close()
    assert trap.reached == 1

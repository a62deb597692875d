"""A temporary city for benches: the real processes on a durable embedded PostgreSQL.

It is made with `serve`'s composition (no simulated world beside it), a front and a worker more or
less, and the clients and people that a bench asks for. Everything is gone afterwards.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lionrock.app.kernels import close_kernel, open_kernel
from lionrock.app.platform import Platform
from lionrock.app.supervisor import City
from lionrock.identity.api import (
    ENROLMENT_TYPE,
    Client,
    ClientPolicy,
    Identity,
    PersonDraft,
    identity_check_digit,
)
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.ledger import api as ledger_api

T = TypeVar("T")
REDIRECT = "https://client.example/callback"


class Service(msgspec.Struct, frozen=True):
    """A registered client with its keys."""

    id: str
    key: Key
    proof_key: Key


class Person(msgspec.Struct, frozen=True):
    """A person with a phone: what the driver holds of both."""

    handle: str
    device_id: str
    device_key: Key


class Town:
    """The running city and the platform's own objects, for seeding it."""

    def __init__(self, city: City, platform: Platform) -> None:
        self._city = city
        self.platform = platform
        self.issuer = city.settings.public_url
        self.host = self.issuer.removeprefix("http://")
        self.port = int(self.host.rsplit(":", 1)[1])
        self.database = platform.kernel.database

    @property
    def identity(self) -> Identity:
        """The identity pillar, for its own sweeps."""
        return self.platform.identity

    @property
    def processes(self) -> dict[str, list[int]]:
        """Process ids by part."""
        groups: dict[str, list[int]] = {"front": [], "worker": [], "ledger": [], "postgres": []}
        for child in self._city.children:
            if child.pid is not None:
                groups[child.role].append(child.pid)
        if self._city.postgres is not None and self._city.postgres.pid is not None:
            groups["postgres"].append(self._city.postgres.pid)
        return groups

    async def run(self, use_case: Callable[[Connection], Awaitable[T | Refused]]) -> T:
        """Run a use case of the platform that is not refused."""
        result = await self.database.run(use_case)
        assert not isinstance(result, Refused), result
        return result

    async def services(self, count: int, scopes: frozenset[str], **policy: object) -> list[Service]:
        """Register clients with these scopes and this policy."""
        made = []
        for number in range(count):
            service = Service(f"bench-client-{number}", generate_key(), generate_key())
            client = Client(
                id=service.id, names=Text("Bench", "測試", "测试"), organisation_id="bench",
                sector=f"{service.id}.example", redirect_uris=(REDIRECT,), scopes=scopes,
                keys=(service.key.public_jwk,), policy=msgspec.convert(policy, ClientPolicy),
            )  # fmt: skip
            await self.run(partial(self.platform.identity.register_client, client=client))
            made.append(service)
        return made

    async def people(self, count: int) -> list[Person]:
        """Make persons with an enrolled phone each."""
        identity, made = self.platform.identity, []
        for number in range(count):
            base = f"Z{100_000 + number}"
            key = generate_key()
            draft = PersonDraft(
                names=Text(f"Person {number}", f"第{number}人", f"第{number}人"),
                identity_number=base + identity_check_digit(base[:1], base[1:]),
                phone=f"+852590{number:05}", email=f"p{number}@bench.example",
                handle=f"bench-{number}",
            )  # fmt: skip
            person = await self.run(partial(identity.create_person, draft=draft))
            code = await self.run(partial(identity.issue_enrolment_code, person_id=person.id))
            now_s = self.platform.kernel.wire_clock.now_s()
            claims = {"code": code, "aud": self.issuer, "iat": now_s}
            proof = sign_jws(key, claims, typ=ENROLMENT_TYPE)
            device = await self.run(partial(
                identity.devices.enrol, code=code, public_jwk=key.bare_jwk, proof=proof
            ))
            made.append(Person(draft.handle or "", device.id, key))
        return made


@asynccontextmanager
async def town(fronts: int, **changes: Any) -> AsyncIterator[Town]:
    """Start a temporary city and stop it at the end; CityRefused when it does not start.

    `changes` are further settings.
    """
    directory = _directory()
    settings = Settings(
        composition="serve", data_directory=str(directory), log_level="warning",
        public_url=f"http://127.0.0.1:{free_port()}", front_count=fronts, **changes,
    )
    city = City(settings)
    try:
        await asyncio.to_thread(city.start)
        kernel = await open_kernel(city.settings)
        ledger = ledger_api.connect(city.settings.ledger_address)
        try:
            yield Town(city, Platform(kernel, ledger))
        finally:
            await ledger.close()
            await close_kernel(kernel)
    finally:
        await asyncio.to_thread(city.stop)
        shutil.rmtree(directory, ignore_errors=True)


def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="lrb-"))
    directory.chmod(0o755)  # PostgreSQL's own user must be able to enter
    return directory


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

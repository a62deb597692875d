"""A small city for the tests of identity: the real platform, phones and a service together."""

from __future__ import annotations

import base64
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity import api
from lionrock.identity.api import (
    ApprovalRequest,
    Client,
    Company,
    CompanyDraft,
    Identity,
    Mandate,
    MandateDraft,
    Person,
    PersonDraft,
)
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Application, build_application
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Worker
from lionrock.kernel.keys import KeyStore
from lionrock.sandbox.hooks import SimulatedMailbox
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.phone import Phone
from lionrock.sandbox.world.service import Service
from lionrock.sandbox.world.store import WorldStore
from tests.put_away import Places

ISSUER = "http://platform.test"
WORLD = "http://world.test"
PEOPLE = {
    "ada": ("Z100000", "+85259000001", "ada@harbour.example"),
    "ben": ("Z100001", "+85259000002", "ben@harbour.example"),
    "carmen": ("Z100002", "+85259000003", "carmen@tea.example"),
}
REDIRECT = "https://client.example/callback"


@dataclasses.dataclass
class City:
    """Everything that a test touches."""

    kernel: Kernel
    identity: Identity
    application: Application
    world: World
    phone: Phone
    service: Service
    people: dict[str, Person]
    company: Company
    mandate: Mandate

    @property
    def wire_clock(self) -> FrozenClock:
        """The frozen wire clock."""
        assert isinstance(self.kernel.wire_clock, FrozenClock)
        return self.kernel.wire_clock

    @property
    def business_clock(self) -> FrozenClock:
        """The frozen business clock."""
        assert isinstance(self.kernel.business_clock, FrozenClock)
        return self.kernel.business_clock

    def http(self, host: str = ISSUER) -> httpx.AsyncClient:
        """A raw HTTP client of the platform or the world: it can send what a good one cannot."""
        application: Any = self.application if host == ISSUER else self.world.application
        transport = httpx.ASGITransport(application, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url=host)

    def worker(self) -> Worker:
        """A worker that runs this pillar's jobs."""
        kernel = self.kernel
        return Worker(
            kernel.database, kernel.wire_clock, kernel.business_clock, api.handlers(self.identity)
        )

    async def ask(self, *people: str, **changes: Any) -> api.Approval | Refused:
        """Ask for an approval of a document signature."""
        fields = {"title": "Application", "document_sha256": "ab" * 32}
        given: dict[str, Any] = {
            "kind": "signing.document", "template": "signing.document", "fields": fields,
            "person_ids": tuple(self.people[p].id for p in people), "language": "en",
            "requester_org": "programme-office", "reference": f"cas_{'0' * 32}",
        }  # fmt: skip
        request = ApprovalRequest(**(given | changes))
        return await self.kernel.database.run(
            lambda db: self.identity.request_approval(db, request)
        )

    async def asked(self, *people: str, **changes: Any) -> api.Approval:
        """Ask, and expect not to be refused."""
        approval = await self.ask(*people, **changes)
        assert not isinstance(approval, Refused), approval
        return approval

    async def approval(self, approval_id: str) -> api.Approval:
        """Read an approval."""
        found = await self.kernel.database.run(
            lambda db: self.identity.approval(db, approval_id)
        )
        assert not isinstance(found, Refused), found
        return found

    async def events(self) -> list[dict[str, Any]]:
        """The events that wait in the outbox."""

        async def read(db: Connection) -> list[dict[str, Any]]:
            rows = await db.fetch(
                "SELECT payload FROM kernel.jobs WHERE queue = 'kernel.events' ORDER BY key"
            )
            return [row["payload"] for row in rows]

        return await self.kernel.database.run(read)

    async def receipts(self, kind: str) -> list[dict[str, Any]]:
        """The receipts of a kind, opened."""

        async def read(db: Connection) -> list[str]:
            rows = await db.fetch("SELECT jws FROM evidence.receipts ORDER BY id")
            return [row["jws"] for row in rows]

        opened = [_payload(jws) for jws in await self.kernel.database.run(read)]
        return [receipt for receipt in opened if receipt["kind"] == kind]


def identity_number(base: str) -> str:
    """An identity number with its check digit."""
    return base + api.identity_check_digit(base[:1], base[1:])


def _payload(jws: str) -> dict[str, Any]:
    segment = jws.split(".")[1]
    padded = segment + "=" * (-len(segment) % 4)
    value: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(padded))
    return value


async def found(kernel: Kernel, folder: Path, issuer: str = ISSUER) -> City:
    """Build the city: three people with phones, a company, a mandate, a service."""
    identity, world, phone, service = _compose(kernel, folder, issuer)
    people, company, mandate = await kernel.database.run(
        lambda db: _provision(db, identity, service, kernel))
    city = _city(kernel, issuer, identity, world, phone, service, (people, company, mandate))
    for handle in PEOPLE:
        await enrol(city, handle)
    return city


async def founded(kernel: Kernel, folder: Path, places: Places) -> City:
    """The same city, founded once in this process and put back for each test."""
    kept = await places.take_out("identity city")
    if kept is None:
        city = await found(kernel, folder)
        kept = await places.keep("identity city", (city.people, city.company, city.mandate))
    # Built anew in the test that founded it too: the first test has what every other one has.
    identity, world, phone, service = _compose(kernel, folder, ISSUER)
    return _city(kernel, ISSUER, identity, world, phone, service, kept.value)


Parties = tuple[dict[str, Person], Company, Mandate]


def _compose(kernel: Kernel, folder: Path, issuer: str) -> tuple[Identity, World, Phone, Service]:
    identity = Identity(kernel, Evidence(kernel, Directory(kernel)))
    identity.recovery.messages.carrier = SimulatedMailbox()
    context = WorldContext(
        platform_url=issuer, world_url=WORLD, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(folder / "world-keys", "the world's", scrypt_cost=2**4),
        network=kernel.network, database=kernel.database, store=WorldStore(kernel.database),
    )  # fmt: skip
    phone, service = Phone(context), Service(context)
    return identity, World(context, [phone, service]), phone, service


def _city(
    kernel: Kernel, issuer: str, identity: Identity, world: World, phone: Phone, service: Service,
    parties: Parties,
) -> City:
    application = build_application(kernel, [api.table(identity)])
    kernel.network.applications[issuer] = application
    kernel.network.applications[WORLD] = world.application
    people, company, mandate = parties
    return City(
        kernel=kernel, identity=identity, application=application, world=world, phone=phone,
        service=service, people=dict(people), company=company, mandate=mandate,
    )  # fmt: skip


async def _provision(
    db: Connection, identity: Identity, service: Service, kernel: Kernel
) -> Parties:
    people: dict[str, Person] = {}
    for handle, (number, phone_number, email) in PEOPLE.items():
        names = Text(handle.title(), f"{handle}君", f"{handle}君")
        person = await identity.create_person(
            db,
            PersonDraft(
                names=names, identity_number=identity_number(number), phone=phone_number,
                email=email, handle=handle,
            ),
        )  # fmt: skip
        assert not isinstance(person, Refused), person
        people[handle] = person
    company = await identity.create_company(
        db,
        CompanyDraft(
            business_number="70000017",
            names=Text("Harbour Robotics Limited", "海港機械人有限公司", "海港机器人有限公司"),
        ),
    )
    assert not isinstance(company, Refused), company
    mandate = await identity.grant_mandate(
        db,
        MandateDraft(
            person_id=people["ada"].id, company_id=company.id, role="responsible_person",
            scopes=api.ROLE_SCOPES["responsible_person"],
            valid_from=kernel.business_clock.now() - timedelta(days=1),
        ),
        "operator",
    )  # fmt: skip
    assert not isinstance(mandate, Refused), mandate
    client = msgspec.convert(service.client(), Client)
    assert not isinstance(await identity.register_client(db, client), Refused)
    return people, company, mandate


async def enrol(city: City, persona: str) -> str:
    """Give a persona a phone; returns the device id."""
    person_id = city.people[persona].id
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, person_id)
    )
    assert isinstance(code, str), code
    return await city.phone.enrol(persona, code)

"""A running facade for tests: both wires on, a service just registered, people with phones.

It is what the black-box client's Protocols ask for, and what our own tests look into. Clocks are
the system's, since that client signs with its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from starlette.requests import Request
from starlette.responses import Response

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.hongkong.facades import TEMPLATES, FacadeDraft, Facades, facades_table
from lionrock.identity import api
from lionrock.kernel import outbox, secrets
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.kernel.i18n import Text
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import generate_key
from lionrock.sandbox.journey.actors import Phones
from tests.http.identity.city import ISSUER, WORLD, City, found

REDIRECT = "https://service.example/return?tenant=7"
CALLBACK = "http://service.test/callback"
SCOPES = frozenset({"openid", "profile", "company", "signing"})
PATIENCE_S = 60.0
Decision = Literal["approve", "reject"]
# Making one takes a while, and nothing depends on two being different.
KEK = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey) -> str:
    """A self-signed certificate of a key, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Service KEK (test)")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return built.public_bytes(serialization.Encoding.PEM).decode()


@dataclasses.dataclass
class TestService:
    """A service as its owner registered it; it keeps what is pushed to it."""

    __test__ = False
    client_id: str = "harbour-forms"
    client_secret: str = dataclasses.field(default_factory=lambda: secrets.token(32))
    kek: rsa.RSAPrivateKey = KEK
    redirect_uri: str = REDIRECT
    callback_url: str = CALLBACK
    received: list[bytes] = dataclasses.field(default_factory=list)
    headers: list[dict[str, str]] = dataclasses.field(default_factory=list)
    status: int = 200
    is_government: bool = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a push, as an ASGI application."""
        request = Request(scope, receive)
        body = await request.body()
        if self.status == 200:
            self.received.append(body)
            self.headers.append(dict(request.headers))
        await Response(status_code=self.status)(scope, receive, send)


class BrowserPage:
    """A page in a browser session of its own."""

    def __init__(self, client: httpx.AsyncClient, *, is_of_ticket: bool) -> None:
        self._client = client
        self.is_of_ticket = is_of_ticket
        self.url = ""
        self.text = ""
        self.status = 0
        self.away: str | None = None

    async def open(self, url: str) -> None:
        """Go to an address, following redirects within the platform."""
        self.url = url
        answer = await self._client.get(url)
        await self._take(answer)

    async def reload(self) -> None:
        """Load the page again, as it does by itself."""
        if self.away is None:
            await self.open(self.url)

    @property
    def number(self) -> str | None:
        """The number that the page shows."""
        match = re.search(r'data-number="(\d+)"', self.text)
        return match[1] if match else None

    @property
    def content(self) -> str | None:
        """What the page's code says."""
        match = re.search(r'data-content="([^"]+)"', self.text)
        return unescape(match[1]) if match else None

    async def redirected(self) -> str:
        """Wait until the browser is sent to the service; a company that is asked for: the first."""
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < end:
            await self.reload()
            if self.away is not None:
                return self.away
            form = re.search(r'<form method="post" action="([^"]+)"', self.text)
            if form is not None:
                await self._choose(unescape(form[1]))
                continue
            await asyncio.sleep(0.05)
        raise TimeoutError(self.text[:300])

    async def _choose(self, action: str) -> None:
        token = re.search(r'name="form_token" value="([^"]+)"', self.text)
        company = re.search(r'name="company" value="([^"]+)"', self.text)
        assert token is not None and company is not None, self.text
        fields = {"form_token": token[1], "company": company[1]}
        await self._take(await self._client.post(urljoin(ISSUER, action), data=fields))

    async def _take(self, answer: httpx.Response) -> None:
        self.status, self.text = answer.status_code, answer.text
        if answer.status_code != 303:
            return
        location = urljoin(self.url, answer.headers["location"])
        if location.startswith(f"{ISSUER}/"):
            await self.open(location)
        else:
            self.away = location


@dataclasses.dataclass
class FacadeCity:
    """The server, one service, people with phones and browsers."""

    city: City
    facades: Facades
    signing: api.Signing
    service: TestService
    http: httpx.AsyncClient
    worker: Worker
    phones: Phones
    browsers: list[httpx.AsyncClient] = dataclasses.field(default_factory=list)
    pages: list[BrowserPage] = dataclasses.field(default_factory=list)
    # Held, no job runs: nothing is on its way while a test changes something.
    idle: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    base_url: str = ISSUER
    person: str = "carmen"
    officer: str = "ada"

    @property
    def application(self) -> Any:
        """The platform's ASGI application."""
        return self.city.kernel.network.applications[ISSUER]

    async def open_in_browser(self, url: str) -> BrowserPage:
        """Open an address in a new browser session."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self.application))
        self.browsers.append(client)
        page = BrowserPage(client, is_of_ticket="ticketID=" in url)
        await page.open(url)
        self.pages.append(page)
        return page

    async def approve(self, persona: str, number: str | None, decision: Decision) -> None:
        """Scan the page's code where it shows one, read, and answer with the page's number.

        A page that then shows another number asks for a second yes, which is given as well.
        """
        page = next((p for p in reversed(self.pages) if p.number == number), None)
        if page is None:
            await self._answer(persona, number, decision)
            return
        if page.content is not None:
            await page.reload()
            await self.city.phone.scan(persona, page.content or "")
        await self._answer(persona, number, decision)
        if page.is_of_ticket:
            await self._follow(persona, page, decision)

    async def _follow(self, persona: str, page: BrowserPage, decision: Decision) -> None:
        """The page loads itself again until its browser is sent to the service."""
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < end:
            await page.reload()
            if page.away is not None:
                return
            asked = await self.phones.pending(persona)
            if decision == "approve" and asked and page.number is not None:
                await self._answer(persona, page.number, decision)
            await asyncio.sleep(0.02)

    async def _answer(self, persona: str, number: str | None, decision: Decision) -> None:
        asked = (await self.phones.pending(persona))[-1]
        word = "approved" if decision == "approve" else "rejected"
        await self.phones.answer(persona, asked["approval_id"], word, number)

    async def settled(self) -> None:
        """Run due jobs until none is due."""
        async with self.idle:
            while await self.worker.run_due():
                pass

    async def count(self, table: str) -> int:
        """How many rows a table of the facades has."""

        async def read(db: Connection) -> int:
            return int(await db.fetchval(f"SELECT count(*) FROM hongkong_facades.{table}"))

        return await self.city.kernel.database.run(read)


@contextlib.asynccontextmanager
async def open_facade(kernel: Kernel, folder: Path) -> AsyncIterator[FacadeCity]:
    """Found a small city with both wires on; its worker runs beside."""
    wire_clock = SystemWireClock()
    own = dataclasses.replace(
        kernel, wire_clock=wire_clock, business_clock=OffsetBusinessClock(wire_clock),
        ids=Ids(wire_clock, seed=11),
    )  # fmt: skip
    city = await found(own, folder)
    identity = api.Identity(own, Evidence(own, Directory(own)), TEMPLATES)
    signing = api.Signing(own, identity, identity)
    facades = Facades(own, identity, signing)
    city.identity = identity
    application: Any = build_application(
        own, [api.table(identity), facades_table(facades, ("iam", "corpid"))]
    )
    own.network.applications[ISSUER] = application
    service = TestService()
    own.network.applications["http://service.test"] = service
    await own.database.run(lambda db: _provision(db, city, facades, service))
    worker = Worker(
        own.database, own.wire_clock, own.business_clock,
        {
            **api.handlers(identity), **facades.handlers(),
            outbox.QUEUE: outbox.dispatcher(facades.subscriptions()),
        },
    )  # fmt: skip
    facade = FacadeCity(
        city=city, facades=facades, signing=signing, service=service, worker=worker,
        http=httpx.AsyncClient(transport=httpx.ASGITransport(application)),
        phones=Phones(own.network, WORLD),
    )  # fmt: skip
    running = asyncio.create_task(_work(facade))
    try:
        yield facade
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        for client in (facade.http, *facade.browsers):
            await client.aclose()


async def _work(facade: FacadeCity) -> None:
    while True:
        async with facade.idle:
            is_busy = await facade.worker.run_due()
        await asyncio.sleep(0 if is_busy else 0.02)


async def _provision(
    db: Connection, city: City, facades: Facades, service: TestService
) -> None:
    identity, now = city.identity, city.kernel.business_clock.now()
    client = api.Client(
        id=service.client_id, names=Text("Harbour Forms", "海港表格", "海港表格"),
        organisation_id="harbour-org", sector="harbour-forms.example",
        redirect_uris=(service.redirect_uri,), keys=(generate_key().public_jwk,), scopes=SCOPES,
    )  # fmt: skip
    assert not isinstance(await identity.register_client(db, client), Refused)
    draft = FacadeDraft(
        secret=service.client_secret, kek_certificate=certificate(service.kek),
        callback_url=service.callback_url, is_government=service.is_government,
    )  # fmt: skip
    assert await facades.gate.register(db, service.client_id, draft) is None
    second = await identity.create_company(
        db,
        api.CompanyDraft(
            business_number="70000025", names=Text("Peak Tea Limited", "山頂茶", "山顶茶")
        ),
    )
    assert not isinstance(second, Refused), second
    mandate = await identity.grant_mandate(
        db,
        api.MandateDraft(
            person_id=city.people["ada"].id, company_id=second.id, role="responsible_person",
            scopes=api.ROLE_SCOPES["responsible_person"], valid_from=now - dt.timedelta(days=1),
        ),
        "operator",
    )  # fmt: skip
    assert not isinstance(mandate, Refused), mandate
    for number in (city.company.business_number, second.business_number):
        stated = await identity.registry.state(
            db, organisation_id="registry-org", business_number=number, status="live",
            as_of=now - dt.timedelta(hours=1), source="companies_registry",
            reference=f"extract-{number}",
        )  # fmt: skip
        assert not isinstance(stated, Refused), stated
    for person in city.people.values():
        subject = await identity.forms.introduce(db, "registry-org", person.id)
        taken = await identity.forms.state(
            db, organisation_id="registry-org", subject=subject, source="registry_of_persons",
            evidence="population_register", matched_at=now, reference="ref-1",
            fields={"birthDate": "1990-02-20", "gender": "F"},
        )  # fmt: skip
        assert not isinstance(taken, Refused), taken
        home = {"building": "Rock House", "street": "1 Rock Road", "region": "Kowloon"}
        kept = await identity.forms.declare(db, person.id, "residentialAddress", home)
        assert not isinstance(kept, Refused), kept

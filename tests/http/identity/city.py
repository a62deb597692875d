"""A small city for the tests of identity: the real platform, phones and a service, in one process.

`Browser` is a browser without script: it keeps cookies and follows nothing by itself.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

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
from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.identity.domain.dpop import token_hash
from lionrock.kernel import secrets
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Application, build_application
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.kernel.keys import KeyStore
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.phone import Phone
from lionrock.sandbox.world.service import Service
from lionrock.sandbox.world.store import WorldStore

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


class TestClient:
    """A client of the authorization server that can be told to do anything wrong."""

    __test__ = False

    def __init__(self, city: City, client_id: str = "client-one", key: Key | None = None) -> None:
        self.city = city
        self.client_id = client_id
        self.key = key or generate_key()
        self.dpop_key = generate_key()
        self.verifier = "v" * 43

    def registration(self) -> Client:
        """Its registration."""
        return Client(
            id=self.client_id, names=Text("Client", "客戶端", "客户端"),
            organisation_id="client-org", sector=f"{self.client_id}.example",
            redirect_uris=(REDIRECT,), keys=(self.key.public_jwk,),
            scopes=frozenset({"openid", "profile", "company", "contact"}),
        )  # fmt: skip

    def assertion(self, *, typ: str = "JWT", key: Key | None = None, **changes: Any) -> str:
        """A client assertion; a change to None leaves the claim out."""
        now_s = self.city.kernel.wire_clock.now_s()
        claims: dict[str, Any] = {
            "iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "jti": secrets.token(),
            "iat": now_s, "exp": now_s + 60,
        }  # fmt: skip
        return sign_jws(key or self.key, without_none(claims | changes), typ=typ)

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        key: Key | None = None,
        typ: str = "dpop+jwt",
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A DPoP proof; a change to None leaves the claim out."""
        signing = key or self.dpop_key
        claims: dict[str, Any] = {
            "jti": secrets.token(), "htm": method, "htu": url,
            "iat": self.city.kernel.wire_clock.now_s(),
        }  # fmt: skip
        if token is not None:
            claims["ath"] = token_hash(token)
        shown = {"jwk": signing.bare_jwk} if header is None else header
        return sign_jws(signing, without_none(claims | changes), typ=typ, headers=shown)

    def request(self, **changes: Any) -> dict[str, str]:
        """The parameters of a good authorization request."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        fields: dict[str, Any] = {
            "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid profile company",
            "state": "the-state", "nonce": "the-nonce", "code_challenge_method": "S256",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }  # fmt: skip
        return without_none(fields | changes)

    async def post(
        self,
        path: str,
        form: dict[str, str],
        *,
        assertion: str | None = None,
        proof: str | None = "good",
        headers: list[tuple[str, str]] | None = None,
    ) -> httpx.Response:
        """POST a form with client authentication and proof; `proof` None sends none."""
        sent = form | {
            "client_assertion": assertion if assertion is not None else self.assertion(),
            "client_assertion_type": ASSERTION_TYPE,
        }
        fields = list(headers or [])
        if proof is not None:
            good = self.proof("POST", f"{ISSUER}{path}")
            fields.append(("dpop", good if proof == "good" else proof))
        async with self.city.http() as http:
            return await http.post(path, data=without_none(sent), headers=fields)

    async def push(self, **changes: Any) -> httpx.Response:
        """Push an authorization request (without a proof: the binding comes at the token)."""
        return await self.post("/identity/par", self.request(**changes), proof=None)

    async def pushed(self, **changes: Any) -> str:
        """Push and return the request_uri."""
        answer = await self.push(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    async def code(self, persona: str = "ada", **changes: Any) -> str:
        """Run the whole sign-in and return the code."""
        browser = Browser(self.city)
        callback = await browser.sign_in(self.client_id, await self.pushed(**changes), persona)
        assert "code" in callback, callback
        return callback["code"]

    async def redeem(self, code: str, **changes: Any) -> httpx.Response:
        """Send a code to the token endpoint; `proof` and `assertion` may be given too."""
        extra = {n: changes.pop(n) for n in ("proof", "assertion", "headers") if n in changes}
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
        }  # fmt: skip
        return await self.post("/identity/token", form | changes, **extra)

    async def token(self, persona: str = "ada", **changes: Any) -> str:
        """Return an access token of a persona."""
        answer = await self.redeem(await self.code(persona, **changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def exchange(self, token: str, company_id: str, **changes: Any) -> httpx.Response:
        """Exchange a person's token for a company's."""
        extra = {n: changes.pop(n) for n in ("proof", "assertion") if n in changes}
        form: dict[str, Any] = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token, "resource": f"urn:lionrock:company:{company_id}",
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }  # fmt: skip
        return await self.post("/identity/token", without_none(form | changes), **extra)

    async def get(
        self,
        token: str,
        path: str = "/identity/userinfo",
        *,
        method: str = "GET",
        scheme: str = "DPoP",
        headers: list[tuple[str, str]] | None = None,
        **changes: Any,
    ) -> httpx.Response:
        """Call a resource; `headers` replaces both headers, `changes` alter the proof."""
        if headers is None:
            bare = path.split("?")[0]
            proof = self.proof(method, **({"url": f"{ISSUER}{bare}", "token": token} | changes))
            headers = [("authorization", f"{scheme} {token}"), ("dpop", proof)]
        async with self.city.http() as http:
            return await http.request(method, path, headers=headers)


class Browser:
    """A browser without script, with its own cookies."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Open an address of the platform; redirects are not followed."""
        return await self._send(method, path, headers=headers)

    async def post(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a form."""
        return await self._send("POST", path, data=form, headers=headers or {})

    async def open(self, client_id: str, request_uri: str, **more: str) -> httpx.Response:
        """Open the authorization endpoint."""
        query = urlencode({"client_id": client_id, "request_uri": request_uri} | more)
        return await self.get(f"/identity/authorize?{query}")

    async def identify(self, page: httpx.Response, identifier: str) -> httpx.Response:
        """Fill in the first page's form."""
        form = hidden_fields(page.text) | {"identifier": identifier}
        return await self.post("/identity/authorize/sign-in", form)

    async def start(self, client_id: str, request_uri: str, identifier: str) -> tuple[str, str]:
        """Get as far as the number; returns the waiting page's path and the number."""
        page = await self.open(client_id, request_uri)
        assert page.status_code == 200, page.text
        sent = await self.identify(page, identifier)
        assert sent.status_code == 303, sent.text
        path = urlsplit(sent.headers["location"]).path
        waiting = await self.get(path)
        assert waiting.status_code == 200, waiting.text
        found = re.search(r'data-number="(\d+)"', waiting.text)
        assert found is not None, waiting.text
        return path, found.group(1)

    async def sign_in(
        self, client_id: str, request_uri: str, persona: str, decision: str = "approved"
    ) -> dict[str, str]:
        """Sign in as a persona, answering on the phone; returns the callback's parameters."""
        path, number = await self.start(client_id, request_uri, persona)
        asked = (await self.city.phone.pending(persona))[-1]
        await self.city.phone.answer(persona, asked["approval_id"], decision, number)
        ended = await self.get(path)
        assert ended.status_code == 303, ended.text
        address = urlsplit(ended.headers["location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == REDIRECT
        return dict(parse_qsl(address.query))

    async def _send(self, method: str, path: str, **values: Any) -> httpx.Response:
        async with self.city.http() as http:
            http.cookies.update(self.cookies)
            answer = await http.request(method, path, **values)
        self.cookies |= dict(answer.cookies)
        return answer


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
    return {name: value for name, value in values.items() if value is not None}


def error_code(answer: httpx.Response) -> str:
    """The stable code of a refusal, from JSON or from our error page."""
    if answer.headers["content-type"].startswith("text/html"):
        found = re.search(r"data-error-code='([^']+)'", answer.text)
        assert found is not None, answer.text
        return found.group(1)
    return str(answer.json()["code"])


def identity_number(base: str) -> str:
    """An identity number with its check digit."""
    return base + api.identity_check_digit(base[:1], base[1:])


def _payload(jws: str) -> dict[str, Any]:
    segment = jws.split(".")[1]
    padded = segment + "=" * (-len(segment) % 4)
    value: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(padded))
    return value


async def found(kernel: Kernel, folder: Path) -> City:
    """Build the city: three people with phones, a company, a mandate, a service."""
    directory = Directory(kernel)
    identity = Identity(kernel, Evidence(kernel, directory))
    application = build_application(kernel, [api.table(identity)])
    context = WorldContext(
        platform_url=ISSUER, world_url=WORLD, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(folder / "world-keys", "the world's", scrypt_cost=2**10),
        network=kernel.network, database=kernel.database, store=WorldStore(kernel.database),
    )  # fmt: skip
    phone, service = Phone(context), Service(context)
    world = World(context, [phone, service])
    kernel.network.applications[ISSUER] = application
    kernel.network.applications[WORLD] = world.application

    async def provision(db: Connection) -> tuple[dict[str, Person], Company, Mandate]:
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

    people, company, mandate = await kernel.database.run(provision)
    city = City(
        kernel=kernel, identity=identity, application=application, world=world, phone=phone,
        service=service, people=people, company=company, mandate=mandate,
    )  # fmt: skip
    for handle in PEOPLE:
        await enrol(city, handle)
    return city


async def enrol(city: City, persona: str) -> str:
    """Give a persona a phone; returns the device id."""
    person_id = city.people[persona].id
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, person_id)
    )
    assert isinstance(code, str), code
    return await city.phone.enrol(persona, code)


async def new_client(city: City, client_id: str = "client-one") -> TestClient:
    """Register a fresh client."""
    client = TestClient(city, client_id)
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client

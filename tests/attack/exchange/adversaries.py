"""Those who attack the exchange: a member that asks for too much, a provider that answers too much.

Both hold real registered keys, so that what refuses them is the check under test and not a missing
registration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lionrock.directory.api import Organisation
from lionrock.exchange.api import FETCHES_PATH, Artefact, Consent
from lionrock.exchange.domain.consent import CONSENT_TYP, sha256_hex
from lionrock.exchange.domain.fetching import DELIVERY_TYP, FetchRequest
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import (
    Key,
    encrypt_jwe,
    generate_encryption_key,
    generate_key,
    sign_jws,
    trusted_key,
)
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import sign_request, sign_response
from tests.http.exchange.town import OFFICE, Town

EVIL = "bank-evil"
EVIL_URL = "http://evil.test"
ROW = {
    "account_reference": "acc-0001", "transaction_reference": "txn-0001",
    "booked_on": "2025-10-01", "direction": "credit", "amount": "1.00", "currency": "HKD",
    "description": "Invoice",
}  # fmt: skip
GOOD_DATA: dict[str, Any] = {
    "status": [{"account_reference": "acc-0001", "status": "active"}], "transactions": [ROW],
}  # fmt: skip


async def join(town: Town, key: Key, member_id: str = EVIL, url: str = EVIL_URL) -> None:
    """Register a member with this key, an endpoint and an offer of account data."""

    async def use_case(db: Any) -> object:
        registered = await town.directory.register(db, Organisation(
            id=member_id, names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), member_id),
            roles=frozenset({"provider"}), endpoints={"exchange": url}, keys=(key.public_jwk,),
        ))  # fmt: skip
        if isinstance(registered, Refused):
            return registered
        return await town.exchange.register_offer(db, member_id, "account-data")

    outcome = await town.kernel.database.run(use_case)
    assert not isinstance(outcome, Refused), outcome


async def artefact_jws(town: Town, consent: Consent, revision: int | None = None) -> str:
    """Return a consent's signed revision, the latest by default."""
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    return revisions[(revision or len(revisions)) - 1].artefact


def opened(town: Town, jws: str) -> Artefact:
    """Read an artefact of the platform."""
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    artefact = read_artefact(jws, [platform], "lionrock-platform")
    assert isinstance(artefact, Artefact)
    return artefact


def resigned(artefact: Artefact, key: Key, typ: str = CONSENT_TYP, **changes: Any) -> str:
    """Sign an artefact, changed, with some key."""
    changed = msgspec.structs.replace(artefact, **changes)
    return sign_jws(key, msgspec.json.encode(changed), typ=typ)


@dataclasses.dataclass
class Member:
    """A member that speaks to a gateway as it likes."""

    town: Town
    member_id: str
    key: Key
    session_key: Key = dataclasses.field(default_factory=generate_encryption_key)

    @classmethod
    def office(cls, town: Town) -> Member:
        """The honest consumer's own key in an attacker's hands."""
        return cls(town, OFFICE, town.kernel.key_store.get_or_create(f"org/{OFFICE}"))

    def body(self, jws: str, **changes: Any) -> bytes:
        """A request for what the town's usual consent opens, changed; with a key of its own."""
        self.session_key = generate_encryption_key()
        base: dict[str, Any] = {
            "request_id": self.town.kernel.ids.new("fch"), "consent": jws,
            "product": "account-data", "product_version": 1,
            "fields": ["status", "transactions"], "purpose": "funding-assessment",
            "recipient_key": self.session_key.public_jwk, "data_from": "2025-09-01",
            "data_until": "2026-02-01",
        }  # fmt: skip
        return msgspec.json.encode(base | changes)

    def signed(self, body: bytes, url: str = "") -> dict[str, str]:
        """The headers of a signed request."""
        return sign_request(
            method="POST", url=url or self.url, headers={"content-type": "application/json"},
            body=body, key=self.key, keyid=f"{self.member_id}#{self.key.kid}",
            now_s=self.town.kernel.wire_clock.now_s(),
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The bank's gateway."""
        return self.town.bank.provider.address + FETCHES_PATH

    async def send(self, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """Send a body, signed unless headers are given."""
        return await self.town.kernel.network.send(
            "POST", self.url, headers or self.signed(body), body
        )

    async def ask(self, jws: str, **changes: Any) -> str:
        """Send a changed request; return "ok" or the refusal's code."""
        return code_of(await self.send(self.body(jws, **changes)))


def code_of(reply: Reply) -> str:
    """"ok" or the code of a refusal; nothing that holds data may be a refusal."""
    if reply.status == 200:
        return "ok"
    problem = msgspec.json.decode(reply.body)
    assert "delivery" not in problem
    return str(problem["code"])


Answer = Callable[["HostileProvider", FetchRequest, bytes, Request], Awaitable[Response]]


class HostileProvider:
    """A registered provider whose gateway is whatever a test makes of it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.key = generate_key()
        self.answer: Answer = HostileProvider.honest
        self.seen: list[FetchRequest] = []
        self.application = Starlette(
            routes=[Route(FETCHES_PATH, self._endpoint, methods=["POST"])]
        )

    @classmethod
    async def open(cls, town: Town) -> HostileProvider:
        """Register and plug in."""
        provider = cls(town)
        await join(town, provider.key)
        town.kernel.network.applications[EVIL_URL] = provider.application
        return provider

    async def _endpoint(self, http: Request) -> Response:
        body = await http.body()
        request = msgspec.json.decode(body, type=FetchRequest)
        self.seen.append(request)
        return await self.answer(self, request, body, http)

    def claims(self, request: FetchRequest, body: bytes, **changes: Any) -> dict[str, Any]:
        """The honest delivery's claims, changed."""
        artefact = opened(self.town, request.consent)
        return {
            "iss": EVIL, "aud": OFFICE, "iat": self.town.kernel.wire_clock.now_s(),
            "jti": request.request_id, "consent_id": artefact.jti,
            "consent_sha256": sha256_hex(request.consent), "request_sha256": sha256_hex(body),
            "product": request.product, "product_version": request.product_version,
            "purpose": request.purpose, "retention_days": artefact.terms.retention_days,
            "data": GOOD_DATA,
        } | changes  # fmt: skip

    def delivery(
        self, request: FetchRequest, claims: dict[str, Any], *, key: Key | None = None,
        typ: str = DELIVERY_TYP, recipient: Key | None = None,
    ) -> str:
        """Sign and encrypt claims."""
        jws = sign_jws(key or self.key, claims, typ=typ)
        to = recipient or trusted_key(request.recipient_key)
        return encrypt_jwe(jws.encode(), to, {"cty": "JWT"})

    def signed(
        self, request: FetchRequest, http: Request, delivery: str, *, key: Key | None = None,
        keyid: str = "", **changes: Any,
    ) -> Response:
        """An answer signed by the provider, changed."""
        answer = {
            "request_id": request.request_id, "delivery": delivery,
            "consent_id": opened(self.town, request.consent).jti,
        } | changes  # fmt: skip
        return self.sign(http, msgspec.json.encode(answer), key=key, keyid=keyid)

    def sign(
        self, http: Request, body: bytes, *, status: int = 200, key: Key | None = None,
        keyid: str = "",
    ) -> Response:
        """Any body as a signed answer."""
        signer = key or self.key
        headers = sign_response(
            status=status, headers={"content-type": "application/json"}, body=body,
            request_headers=dict(http.headers), key=signer,
            keyid=keyid or f"{EVIL}#{signer.kid}", now_s=self.town.kernel.wire_clock.now_s(),
        )  # fmt: skip
        return Response(body, status_code=status, headers=headers)

    async def honest(self, request: FetchRequest, body: bytes, http: Request) -> Response:
        """What it should do."""
        return self.signed(request, http, self.delivery(request, self.claims(request, body)))

    async def fetch(self, answer: Answer | None = None) -> object:
        """Let the office fetch from here under a fresh consent; return what the office believes."""
        if answer is not None:
            self.answer = answer
        consent = await self.town.active(provider=EVIL)
        return await self.town.exchange.fetch(consent.id)


__all__ = [
    "EVIL", "GOOD_DATA", "ROW", "Answer", "HostileProvider", "Member", "artefact_jws", "code_of",
    "join", "opened", "resigned",
]  # fmt: skip

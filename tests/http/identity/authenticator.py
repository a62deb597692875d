"""A passkey in software, and the browser around it; both can be told to lie."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from lionrock.kernel import secrets
from lionrock.kernel.jose_keys import b64url
from tests.http.identity.city import ISSUER, City

ROOT = "/identity/authenticator"
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclasses.dataclass
class Lie:
    """What the browser or the authenticator claims instead of the truth."""

    type: str | None = None
    challenge: str | None = None
    origin: str = ISSUER
    cross_origin: bool = False
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)
    rp_id: str = "platform.test"
    flags: int = USER_PRESENT | USER_VERIFIED
    counter: int | None = None
    credential_id: bytes | None = None
    algorithm: int = -7
    signature: bytes | None = None
    user_handle: str | None = None


class Authenticator:
    """One passkey and its counter."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.octets(32)
        self.counter = 0
        self.user_handle: str | None = None

    def create(self, options: dict[str, Any], lie: Lie) -> dict[str, str]:
        """What navigator.credentials.create returns."""
        self.user_handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        cose = {
            1: 2, 3: lie.algorithm, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32),
        }  # fmt: skip
        attested = (
            bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id
            + cbor.encode(cose)
        )
        shown = self._shown(lie, ATTESTED) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": shown})
        client_data = _client_data(options, "webauthn.create", lie)
        return {"attestation": b64url(attestation), "client_data": b64url(client_data)}

    def get(self, options: dict[str, Any], lie: Lie) -> dict[str, Any]:
        """What navigator.credentials.get returns."""
        self.counter += 1
        shown, client_data = self._shown(lie), _client_data(options, "webauthn.get", lie)
        signed = shown + hashlib.sha256(client_data).digest()
        signature = lie.signature or self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return {
            "credential_id": b64url(lie.credential_id or self.credential_id),
            "client_data": b64url(client_data), "authenticator_data": b64url(shown),
            "signature": b64url(signature), "user_handle": lie.user_handle or self.user_handle,
        }  # fmt: skip

    def _shown(self, lie: Lie, more: int = 0) -> bytes:
        counter = self.counter if lie.counter is None else lie.counter
        rp_id_hash = hashlib.sha256(lie.rp_id.encode()).digest()
        return rp_id_hash + struct.pack(">BI", lie.flags | more, counter)


def _client_data(options: dict[str, Any], kind: str, lie: Lie) -> bytes:
    value = {
        "type": lie.type or kind, "challenge": lie.challenge or options["challenge"],
        "origin": lie.origin, "crossOrigin": lie.cross_origin,
    } | lie.extra  # fmt: skip
    return msgspec.json.encode(value)


class Page:
    """The authenticator's page in one browser, with its cookie."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cookies: dict[str, str] = {}

    async def open(self, **headers: str) -> httpx.Response:
        """Open the page."""
        return await self.call("GET", "", headers=headers)

    async def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Make a call of the page's script."""
        sent = {"origin": ISSUER, "sec-fetch-site": "same-origin"} | (headers or {})
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            sent = {"content-type": "application/json"} | sent
        async with self.city.http() as http:
            http.cookies.update(self.cookies)
            answer = await http.request(method, f"{ROOT}{path}", content=content, headers=sent)
        self.cookies |= dict(answer.cookies)
        return answer

    async def enrol(
        self, authenticator: Authenticator, code: str, lie: Lie | None = None
    ) -> httpx.Response:
        """Enrol a passkey with a code."""
        begun = await self.call("POST", "/enrolment", {"code": code})
        if begun.status_code != 200:
            return begun
        made = authenticator.create(begun.json()["public_key"], lie or Lie())
        return await self.call("POST", "/passkeys", {"code": code} | made)

    async def sign_in(
        self, authenticator: Authenticator, lie: Lie | None = None
    ) -> httpx.Response:
        """Sign in to the page."""
        begun = await self.call("POST", "/challenge")
        assert begun.status_code == 200, begun.text
        signed = authenticator.get(begun.json()["public_key"], lie or Lie())
        return await self.call("POST", "/session", signed)

    async def home(self) -> dict[str, Any]:
        """What the page shows."""
        answer = await self.call("GET", "/home")
        assert answer.status_code == 200, answer.text
        value: dict[str, Any] = answer.json()
        return value

    async def answer(
        self,
        authenticator: Authenticator,
        approval_id: str,
        decision: str = "approved",
        number: str = "",
        lie: Lie | None = None,
    ) -> httpx.Response:
        """Answer an approval with the passkey."""
        path = f"/approvals/{approval_id}"
        body = {"decision": decision, "number": number}
        begun = await self.call("POST", f"{path}/challenge", body)
        if begun.status_code != 200:
            return begun
        signed = authenticator.get(begun.json()["public_key"], lie or Lie())
        return await self.call("POST", f"{path}/answer", signed)


async def enrolment_code(city: City, persona: str = "ada") -> str:
    """A code by the operator."""
    person_id = city.people[persona].id
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, person_id)
    )
    assert isinstance(code, str), code
    return code


async def opened(city: City, persona: str = "ada") -> tuple[Page, Authenticator]:
    """A page on which a persona is signed in with a new passkey."""
    page, authenticator = Page(city), Authenticator()
    await page.open()
    enrolled = await page.enrol(authenticator, await enrolment_code(city, persona))
    assert enrolled.status_code == 201, enrolled.text
    begun = await page.sign_in(authenticator)
    assert begun.status_code == 204, begun.text
    return page, authenticator

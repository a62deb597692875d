"""A caller of the wire-style facades that can be told to do anything wrong."""

from __future__ import annotations

import base64
import dataclasses
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from lionrock.hongkong.facades import FacadeDraft
from lionrock.hongkong.facades.domain import open_content, request_mac, seal_content
from lionrock.identity import api
from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import generate_key
from tests.http.hongkong.facade_city import (
    CALLBACK,
    KEK,
    REDIRECT,
    SCOPES,
    FacadeCity,
    certificate,
)

PERSON_SCOPE = (
    "eidapi_auth eidapi_profiles eidapi_formFilling eidapi_sign eidapi_fr eidapi_bulksign"
)
COMPANY_SCOPE = (
    "corpidapi_auth corpidapi_profiles corpidapi_sign corpidapi_formFilling corpidapi_docwallet"
)
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


@dataclasses.dataclass
class Answer:
    """An opened envelope."""

    status: int
    code: str
    message: str
    content: Any


class FacadeCaller:
    """One client on one wire (`prefix`)."""

    def __init__(
        self, facade: FacadeCity, *, client_id: str | None = None, secret: str | None = None
    ) -> None:
        self.facade = facade
        self.client_id = client_id or facade.service.client_id
        self.secret = secret or facade.service.client_secret
        self.prefix = "/api/v1"
        self.cek = b""

    def headers(
        self, body: bytes, *, shift_ms: int = 0, nonce: str | None = None
    ) -> dict[str, str]:
        """Good headers for a body."""
        now = self.facade.city.kernel.wire_clock.now()
        stamp, once = str(int(now.timestamp() * 1000) + shift_ms), nonce or uuid.uuid4().hex
        mac = request_mac(self.secret.encode(), self.client_id, stamp, once, body)
        return {
            "clientID": self.client_id, "signatureMethod": "HmacSHA256", "timestamp": stamp,
            "nonce": once, "signature": quote(mac, safe=""),
        }  # fmt: skip

    def sealed(
        self, fields: dict[str, Any], change: Callable[[str], str] = lambda content: content
    ) -> bytes:
        """An encrypted body; `change` may damage it."""
        content = seal_content(self.cek, secrets.octets(12), msgspec.json.encode(fields))
        return msgspec.json.encode({"content": change(content)})

    async def send(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> Answer:
        """Post bytes as they are."""
        url = f"{self.facade.base_url}{self.prefix}{path}"
        answer = await self.facade.http.post(
            url, content=body, headers=self.headers(body) if headers is None else headers
        )
        envelope = answer.json()
        content = envelope.get("content")
        if isinstance(content, str):
            opened = open_content(self.cek, content)
            assert isinstance(opened, bytes), opened
            content = msgspec.json.decode(opened)
        return Answer(answer.status_code, envelope["code"], envelope.get("msg", ""), content)

    async def call(self, path: str, fields: dict[str, Any]) -> Answer:
        """Post fields, encrypted."""
        return await self.send(path, self.sealed(fields))

    async def get_key(self) -> dict[str, Any]:
        """Fetch the content key."""
        answer = await self.send("/security/getKey", b"")
        wrapped = base64.b64decode(answer.content["secretKey"])
        self.cek = self.facade.service.kek.decrypt(wrapped, OAEP)
        return dict(answer.content)

    def qr_url(self, **changes: str) -> str:
        """The address of the log-in page."""
        query = {
            "clientID": self.client_id, "responseType": "code", "source": "PC_Browser",
            "redirectURI": self.facade.service.redirect_uri, "scope": PERSON_SCOPE,
            "lang": "en-US", "state": "s-1", "brokerPage": "false",
        }  # fmt: skip
        if "eservice" in self.prefix:
            query["cScope"] = COMPANY_SCOPE
        path = f"{self.facade.base_url}{self.prefix}/auth/getQR"
        return f"{path}?{urlencode(query | changes)}"

    async def signed_in_back(
        self, persona: str, decision: Any = "approve", **changes: str
    ) -> dict[str, str]:
        """Sign a person in; returns what the browser brings back."""
        page = await self.facade.open_in_browser(self.qr_url(**changes))
        await self.facade.approve(persona, page.number, decision)
        query = parse_qs(urlsplit(await page.redirected()).query)
        return {name: values[0] for name, values in query.items()}

    async def log_in(self, persona: str, **changes: str) -> dict[str, Any]:
        """A person's token."""
        back = await self.signed_in_back(persona, **changes)
        fields = {"code": back["code"], "grantType": "authorization_code"}
        answer = await self.call("/auth/getToken", fields)
        assert answer.code == "D00000", answer
        return dict(answer.content)

    async def log_in_company(self, persona: str, **changes: str) -> dict[str, Any]:
        """A company's token."""
        back = await self.signed_in_back(persona, **changes)
        fields = {"code": back["cCode"], "grantType": "authorization_code"}
        answer = await self.call("/auth/getToken", fields)
        assert answer.code == "M00000", answer
        return dict(answer.content)

    def action(self, token: dict[str, Any]) -> dict[str, Any]:
        """What every initiateRequest has; without a token ({}) both its fields are empty."""
        return {
            "businessID": uuid.uuid4().hex, "source": "PC_Browser", "state": "act-1",
            "redirectURI": self.facade.service.redirect_uri,
            "accessToken": token.get("accessToken", token.get("cAccessToken", "")),
            "openID": token.get("openID", token.get("cOpenID", "")),
        }  # fmt: skip


async def other_client(facade: FacadeCity) -> FacadeCaller:
    """A second registered service, which is none of the government's."""
    secret = secrets.token(32)

    async def register(db: Connection) -> None:
        client = api.Client(
            id="other-forms", names=Text("Other", "其他", "其他"), organisation_id="other-org",
            sector="other.example", redirect_uris=(REDIRECT,),
            keys=(generate_key().public_jwk,), scopes=SCOPES,
        )  # fmt: skip
        assert not isinstance(await facade.city.identity.register_client(db, client), Refused)
        draft = FacadeDraft(
            secret=secret, kek_certificate=certificate(KEK), callback_url=CALLBACK
        )
        assert await facade.facades.gate.register(db, "other-forms", draft) is None

    await facade.city.kernel.database.run(register)
    return FacadeCaller(facade, client_id="other-forms", secret=secret)

"""A client of the back channel, with a server of its own that is told of decisions."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec

from lionrock.identity.api import Client, ClientPolicy
from lionrock.identity.domain.clients import AUTHORIZATION_CODE, CIBA, CibaMode
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, sign_jws
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient, without_none

PATH = "/identity/bc-authorize"
ORIGIN = "https://callback.test"
NOTIFICATION_TOKEN = "n" * 43


class Callback:
    """The client's server: an ASGI application that answers with the next of `statuses`."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append((scope["path"], headers, json.loads(body)))
        status = self.statuses.pop(0) if self.statuses else 204
        fields = [(b"location", f"{ORIGIN}/elsewhere".encode())] if status == 301 else []
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"thanks" if status == 200 else b""})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was sent, in order."""
        return [body for _path, _headers, body in self.received]


class BackChannelClient(TestClient):
    """A client that asks over the back channel; each part can be wrong."""

    def __init__(
        self, city: City, client_id: str, mode: CibaMode | None, policy: dict[str, Any]
    ) -> None:
        super().__init__(city, client_id)
        self.mode = mode
        self.callback = Callback()
        self.policy_changes = policy
        city.kernel.network.applications[ORIGIN] = self.callback

    def registration(self) -> Client:
        """Its registration, with the back channel's mode."""
        policy: dict[str, Any] = {
            "grant_types": frozenset({AUTHORIZATION_CODE, CIBA}), "ciba_mode": self.mode,
            "ciba_notification_uri": f"{ORIGIN}/notices" if self.mode != "poll" else "",
        }  # fmt: skip
        return msgspec.structs.replace(
            super().registration(), policy=ClientPolicy(**(policy | self.policy_changes))
        )

    async def ask(
        self, *, proof: str | None = None, assertion: str | None = None, **changes: Any
    ) -> httpx.Response:
        """Ask about ada; a change to None leaves a parameter out."""
        if self.mode == "push" and proof is None:
            proof = "good"
        return await self.post(PATH, self.parameters(**changes), proof=proof, assertion=assertion)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a good request."""
        fields: dict[str, Any] = {"scope": "openid profile", "login_hint": "ada"}
        if self.mode != "poll":
            fields["client_notification_token"] = NOTIFICATION_TOKEN
        return without_none(fields | changes)

    def request_object(
        self, key: Key | None = None, typ: str = "oauth-authz-req+jwt", **changes: Any
    ) -> str:
        """A signed request object; a change to None leaves the claim out."""
        now_s = self.city.kernel.wire_clock.now_s()
        claims = self.parameters() | {
            "iss": self.client_id, "aud": ISSUER, "jti": secrets.token(), "iat": now_s,
            "nbf": now_s, "exp": now_s + 300,
        }  # fmt: skip
        return sign_jws(key or self.key, without_none(claims | changes), typ=typ)

    async def ask_signed(self, request: str, **changes: Any) -> httpx.Response:
        """Ask with a request object and nothing beside it."""
        return await self.post(PATH, {"request": request} | changes, proof=None)

    async def asked(self, **changes: Any) -> str:
        """Ask and return the auth_req_id."""
        answer = await self.ask(**changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["auth_req_id"])

    async def poll(self, auth_req_id: str, **changes: Any) -> httpx.Response:
        """Ask the token endpoint."""
        extra = {n: changes.pop(n) for n in ("proof", "assertion", "headers") if n in changes}
        form = {"grant_type": CIBA, "auth_req_id": auth_req_id}
        return await self.post("/identity/token", form | changes, **extra)

    async def decide(self, decision: str = "approved", persona: str = "ada") -> dict[str, Any]:
        """Answer the newest question on the persona's phone; returns it."""
        question = (await self.city.phone.pending(persona))[-1]
        await self.city.phone.answer(persona, question["approval_id"], decision, None)
        return dict(question)


async def new_back_channel_client(
    city: City, mode: CibaMode | None = "poll", client_id: str = "client-ciba", **policy: Any
) -> BackChannelClient:
    """Register a client of the back channel."""
    client = BackChannelClient(city, client_id, mode, policy)
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client

"""A program that checks a city with nothing but HTTP: its own client, pushes, tokens, hooks."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from lionrock.identity.api import Client, ClientPolicy
from lionrock.kernel import secrets
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.sandbox.settle import register_client
from tests.whole.conftest import PLATFORM, WholeCity

CALLBACK = "https://checker.example/cb?tenant=7"
VERIFIER = "v" * 43
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JSON = {"accept": "application/json"}


class Checker:
    """A program that checks the sandbox with nothing but HTTP."""

    def __init__(self, city: WholeCity) -> None:
        self.city = city
        self.key, self.dpop_key = generate_key(), generate_key()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(city.application), base_url=PLATFORM
        )

    async def register(self) -> None:
        """Be a client that may hint who signs in and get tokens of its own."""
        await register_client(self.city.platform, Client(
            id="checker", names=Text("Checker", "檢查", "检查"), organisation_id="checker",
            sector="checker", redirect_uris=(CALLBACK,), keys=(self.key.public_jwk,),
            scopes=frozenset({"openid", "profile", "company", "resource"}),
            policy=ClientPolicy(may_hint_login=True, grant_types=frozenset({
                "authorization_code", "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            })),
        ))  # fmt: skip

    def _now_s(self) -> int:
        return self.city.platform.kernel.wire_clock.now_s()

    def proof(
        self, method: str, path: str, token: str | None = None, key: Key | None = None
    ) -> str:
        """A DPoP proof."""
        signing = key or self.dpop_key
        claims = {
            "jti": secrets.token(), "htm": method, "htu": f"{PLATFORM}{path}", "iat": self._now_s(),
        }  # fmt: skip
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return sign_jws(signing, claims, typ="dpop+jwt", headers={"jwk": signing.bare_jwk})

    async def post(self, path: str, form: dict[str, str], *, dpop: bool = True) -> dict[str, Any]:
        """An authenticated form; expects success."""
        now_s = self._now_s()
        claims = {
            "iss": "checker", "sub": "checker", "aud": PLATFORM, "jti": secrets.token(),
            "iat": now_s, "exp": now_s + 60,
        }  # fmt: skip
        sent = form | {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": sign_jws(self.key, claims, typ="JWT"),
        }
        headers = {"dpop": self.proof("POST", path)} if dpop else {}
        answer = await self.http.post(path, data=sent, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def begin(self, persona: str) -> str:
        """Push and open with a hint; returns the waiting page's address."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
        pushed = await self.post("/identity/par", {
            "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile company",
            "state": "s1", "nonce": "n1", "code_challenge_method": "S256",
            "code_challenge": challenge.rstrip(b"=").decode(), "login_hint": persona,
        }, dpop=False)  # fmt: skip
        opened = await self.http.get("/identity/authorize", params={
            "client_id": "checker", "request_uri": pushed["request_uri"],
        })  # fmt: skip
        assert opened.status_code == 303, opened.text
        return urlsplit(opened.headers["location"]).path

    async def token(self, persona: str = "ada") -> str:
        """A person's token, answered through the hooks."""
        path = await self.begin(persona)
        (asked, *_) = await self.asked(persona)
        await self.decide(persona, asked["id"], {"decision": "approve"})
        ended = (await self.http.get(path, headers=JSON)).json()
        code = parse_qs(urlsplit(ended["redirect_to"]).query)["code"][0]
        answer = await self.post("/identity/token", {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        })  # fmt: skip
        return str(answer["access_token"])

    async def asked(self, persona: str) -> list[dict[str, Any]]:
        """What the hooks say that a persona was asked."""
        answer = await self.http.get(f"/sandbox/phones/{persona}/approvals")
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def decide(
        self, persona: str, approval_id: str, body: dict[str, Any], status: int = 200
    ) -> dict[str, Any]:
        """Press a button through the hooks."""
        path = f"/sandbox/phones/{persona}/approvals/{approval_id}"
        answer = await self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def resource(
        self, token: str, *, method: str = "GET", scheme: str = "DPoP", key: Key | None = None
    ) -> httpx.Response:
        """Call the sandbox's resource."""
        proof = self.proof(method, "/sandbox/resource", token, key)
        return await self.http.request(method, "/sandbox/resource", headers={
            "authorization": f"{scheme} {token}", "dpop": proof,
        })  # fmt: skip

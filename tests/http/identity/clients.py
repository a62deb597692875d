"""Clients of the authorization server that can be told to do anything wrong."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx

from lionrock.identity.api import (
    Client,
    ClientPolicy,
)
from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.identity.domain.dpop import token_hash
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, generate_key, sign_jws
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, REDIRECT, City


class TestClient:
    """A client of the authorization server that can be told to do anything wrong."""

    __test__ = False

    def __init__(self, city: City, client_id: str = "client-one", key: Key | None = None) -> None:
        self.city = city
        self.client_id = client_id
        self.key = key or generate_key()
        self.dpop_key = generate_key()
        self.verifier = "v" * 43
        self.policy = ClientPolicy()

    def registration(self) -> Client:
        """Its registration."""
        return Client(
            id=self.client_id, names=Text("Client", "客戶端", "客户端"),
            organisation_id="client-org", sector=f"{self.client_id}.example",
            redirect_uris=(REDIRECT,), keys=(self.key.public_jwk,),
            scopes=frozenset({"openid", "profile", "company", "contact"}), policy=self.policy,
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

    def request_object(
        self, *, key: Key | None = None, typ: str = "oauth-authz-req+jwt", **changes: Any
    ) -> str:
        """A signed request object with a good request; a change to None leaves the claim out."""
        now_s = self.city.kernel.wire_clock.now_s()
        claims: dict[str, Any] = {
            "iss": self.client_id, "client_id": self.client_id, "aud": ISSUER, "iat": now_s,
            "nbf": now_s, "exp": now_s + 300, "jti": secrets.token(),
        }  # fmt: skip
        return sign_jws(key or self.key, without_none(claims | self.request() | changes), typ=typ)

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


async def new_client(
    city: City, client_id: str = "client-one", policy: ClientPolicy | None = None
) -> TestClient:
    """Register a fresh client."""
    client = TestClient(city, client_id)
    client.policy = policy or client.policy
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
    return {name: value for name, value in values.items() if value is not None}

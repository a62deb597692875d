"""A separate service of the simulated world: a relying party with its own key and its own sessions.

It shows what an integrator writes: push, redirect, callback, userinfo, and acting for a company,
all through identity's relying-party library. It knows the platform by its issuer only.

Simulated: its business. Its protocol is not. Sessions are rows of the world's store, found by the
hash of a cookie.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.identity.api import RelyingParty, Tokens, Transaction
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.jose import Key, strict_json_object
from lionrock.kernel.network import Unreachable
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.pages import page, page_language, read_body

COOKIE = "harbour-service"
SESSION_LIFE_S = 3600
COOKIE_LENGTH_MAX = 64
NAMES = Text("Harbour Workshop", "海港工坊", "海港工坊")
SCOPES = frozenset({"openid", "profile", "contact", "company"})

TEXTS = {
    "title": NAMES,
    "simulated": Text(
        "A simulated service with its own keys.", "備有自身金鑰的模擬服務。",
        "备有自身密钥的模拟服务。",
    ),
    "sign_in": Text("Sign in", "登入", "登录"),
    "sign_out": Text("Sign out", "登出", "登出"),
    "signed_in": Text(
        "Signed in. The service knows:", "已登入。本服務得知：", "已登录。本服务得知："
    ),
    "companies": Text("Act for a company", "代表公司行事", "代表公司行事"),
    "refused": Text("Not accepted:", "未獲接納：", "未获接纳："),
}  # fmt: skip


class Service:
    """The service. `client()` is what the operator registers for it."""

    id = "harbour-service"

    def __init__(self, context: WorldContext) -> None:
        self._context = context
        self._party: RelyingParty | None = None

    @property
    def key(self) -> Key:
        """Its own signing key; the public half is registered with its client."""
        return self._context.key_store.get_or_create(self.id)

    @property
    def redirect_uri(self) -> str:
        """Where the browser comes back to."""
        return f"{self._context.address(self.id)}/callback"

    def client(self) -> dict[str, Any]:
        """Return its registration, as the fields of identity.api.Client."""
        return {
            "id": self.id, "names": msgspec.to_builtins(NAMES), "organisation_id": self.id,
            "sector": self.id, "redirect_uris": [self.redirect_uri], "scopes": sorted(SCOPES),
            "keys": [self.key.public_jwk],
        }  # fmt: skip

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        return (
            Route("/", self.show),
            Route("/sign-in", self.sign_in),
            Route("/callback", self.callback),
            Route("/company", self.act_for_company, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/client.json", self.show_client),
            Route("/session.json", self.show_session),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """It does nothing on its own."""
        return {}

    async def show_client(self, _request: Request) -> Response:
        """Its registration, for the operator."""
        return JSONResponse(self.client())

    async def sign_in(self, request: Request) -> Response:
        """Push a request and send the browser to the platform."""
        try:
            begun = await self._relying_party().begin(
                scope=" ".join(sorted(SCOPES)), language=page_language(request)
            )
        except Unreachable as error:
            return self._refused(request, "service.unreachable", str(error), 503)
        if isinstance(begun, Refused):
            return self._refused(request, begun.refusal.value, begun.detail, 502)
        address, transaction = begun
        session_id = secrets.token()
        await self._save(session_id, {"transaction": msgspec.to_builtins(transaction)})
        response = RedirectResponse(address, 303)
        self._set_cookie(response, session_id)
        return response

    async def callback(self, request: Request) -> Response:
        """Check the return, get the token, begin a fresh session."""
        session_id, session = await self._session(request)
        if session_id is None or "transaction" not in session:
            return self._refused(request, "service.no_transaction", "", 400)
        # A transaction is good for one return, whatever it brings.
        await self._save(session_id, {})
        if len(request.query_params.multi_items()) != len(request.query_params):
            return self._refused(request, "service.duplicate_parameter", "", 400)
        transaction = msgspec.convert(session["transaction"], Transaction)
        try:
            tokens = await self._relying_party().finish(dict(request.query_params), transaction)
            if isinstance(tokens, Refused):
                return self._refused(request, tokens.refusal.value, tokens.detail, 403)
            fresh = await self._describe(tokens)
        except Unreachable as error:
            return self._refused(request, "service.unreachable", str(error), 503)
        if isinstance(fresh, Refused):
            return self._refused(request, fresh.refusal.value, fresh.detail, 502)
        # A new session id at sign-in, so that one fixed before is worth nothing.
        signed_in_id = secrets.token()
        await self._save(signed_in_id, fresh)
        response = RedirectResponse(f"{self._context.address(self.id)}/", 303)
        self._set_cookie(response, signed_in_id)
        return response

    async def act_for_company(self, request: Request) -> Response:
        """Exchange the person's token for one of a company (form or JSON field `company`)."""
        session_id, session = await self._session(request)
        if session_id is None or "person" not in session:
            return self._refused(request, "service.not_signed_in", "", 403)
        company = (await _field(request, "company"))[:80]
        tokens = msgspec.convert(session["person"], Tokens)
        try:
            exchanged = await self._relying_party().exchange_for_company(tokens, company)
            if isinstance(exchanged, Refused):
                return self._refused(request, exchanged.refusal.value, exchanged.detail, 403)
            claims = await self._relying_party().userinfo(exchanged)
        except Unreachable as error:
            return self._refused(request, "service.unreachable", str(error), 503)
        if isinstance(claims, Refused):
            return self._refused(request, claims.refusal.value, claims.detail, 403)
        acting = {"company": msgspec.to_builtins(exchanged), "company_userinfo": claims}
        await self._save(session_id, session | acting)
        return RedirectResponse(f"{self._context.address(self.id)}/", 303)

    async def sign_out(self, request: Request) -> Response:
        """Forget the session."""
        session_id, _ = await self._session(request)
        if session_id is not None:
            await self._save(session_id, {})
        response = RedirectResponse(f"{self._context.address(self.id)}/", 303)
        response.delete_cookie(COOKIE, path="/")
        return response

    async def show(self, request: Request) -> Response:
        """The service's page: sign in, or what it knows."""
        _, session = await self._session(request)
        return self._page(
            page_language(request), userinfo=session.get("userinfo"),
            companies=session.get("companies", []), acting=session.get("company_userinfo"),
        )  # fmt: skip

    async def show_session(self, request: Request) -> Response:
        """What the service knows of this session, without its tokens (for the driver)."""
        _, session = await self._session(request)
        shown = ("userinfo", "companies", "company_userinfo")
        return JSONResponse({name: session[name] for name in shown if name in session})

    async def _describe(self, tokens: Tokens) -> dict[str, Any] | Refused:
        party = self._relying_party()
        claims = await party.userinfo(tokens)
        if isinstance(claims, Refused):
            return claims
        url = f"{self._context.platform_url}/identity/v1/mandates"
        answer = await party.call("GET", url, tokens)
        companies = msgspec.json.decode(answer.body)["mandates"] if answer.status == 200 else []
        return {
            "person": msgspec.to_builtins(tokens), "userinfo": claims, "companies": companies,
        }  # fmt: skip

    def _relying_party(self) -> RelyingParty:
        if self._party is None:
            self._party = RelyingParty(
                self.id, self._context.platform_url, self.key, self.redirect_uri,
                self._context.network, self._context.wire_clock,
            )  # fmt: skip
        return self._party

    async def _session(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        session_id = request.cookies.get(COOKIE, "")
        if not session_id or len(session_id) > COOKIE_LENGTH_MAX:
            return None, {}
        found = await self._context.store.get(self.id, "session", _key(session_id))
        if not found or found["expires_at_s"] <= self._context.wire_clock.now_s():
            return None, {}
        return session_id, found

    async def _save(self, session_id: str, session: dict[str, Any]) -> None:
        expires_at_s = self._context.wire_clock.now_s() + SESSION_LIFE_S
        await self._context.store.put(
            self.id, "session", _key(session_id), session | {"expires_at_s": expires_at_s}
        )

    def _set_cookie(self, response: Response, session_id: str) -> None:
        response.set_cookie(
            COOKIE, session_id, max_age=SESSION_LIFE_S, path="/", httponly=True,
            secure=self._context.world_url.startswith("https://"), samesite="lax",
        )  # fmt: skip

    def _refused(self, request: Request, code: str, detail: str, status: int) -> Response:
        return self._page(
            page_language(request), status=status, refused={"code": code, "detail": detail}
        )

    def _page(self, language: str, status: int = 200, **values: Any) -> Response:
        shown: dict[str, Any] = {
            "userinfo": None, "companies": [], "acting": None, "refused": None,
        }  # fmt: skip
        return page(
            "service.html", self._context, language, TEXTS, status=status,
            base=self._context.address(self.id), heading=NAMES.in_language(language),
            **(shown | values),
        )  # fmt: skip


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


async def _field(request: Request, name: str) -> str:
    body = await read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        value = strict_json_object(body)
        return str(value.get(name, "")) if value else ""
    return dict(parse_qsl(body.decode("utf-8", "replace"))).get(name, "")

"""A simulated payee: a department or a service that is paid by links and hears of it.

    POST /operator/links            have it make a link; /operator/intents a fee
    GET, POST /operator/{path}      any call of its own about links, intents and refunds, signed
    POST /payments/v1/link-results  the platform's signed callback; each result counts once
    GET  /results                   what it was told
    GET  /thanks                    where payers come back to

Its callbacks are checked as a careful service would: the platform's signature over the whole
request, each nonce once, each result id once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import PLATFORM_ORGANISATION, RemoteDirectory, Sender, send_signed
from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.jose import Key
from lionrock.kernel.network import Unreachable
from lionrock.kernel.signatures import check_request, target_uri
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.pages import read_body
from lionrock.sandbox.world.store import lock, read, write

RESULTS_PATH = "/payments/v1/link-results"
RESULTS = "link-results"
# What its operator may have it ask the platform, by the first part of the path; those of which it
# makes new ones get its own addresses filled in.
RELAYED = frozenset({"links", "intents", "refunds"})
MADE = frozenset({"links", "intents"})


class LinkPayee:
    """One payee. `is_deaf` makes it answer 503 to callbacks: its operator's switch, for tests."""

    def __init__(self, context: WorldContext, party_id: str) -> None:
        self.id = party_id
        self.is_deaf = False
        self._context = context
        self._directory = RemoteDirectory(
            context.network, context.platform_url, context.wire_clock
        )

    @property
    def key(self) -> Key:
        """Its signing key; the public half stands in the directory."""
        return self._context.key_store.get_or_create(self.id)

    @property
    def address(self) -> str:
        """Its own address, under which its callbacks and return pages lie."""
        return self._context.address(self.id)

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        return (
            Route(RESULTS_PATH, self._take_result, methods=["POST"]),
            Route("/results", self._show_results),
            Route("/thanks", self._show_thanks),
            Route("/operator/{path:path}", self._relay, methods=["GET", "POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    async def ask(self, method: str, path: str, body: object | None = None) -> Response:
        """Make a signed call to the platform and hand its answer on."""
        content = b"" if body is None else msgspec.json.encode(body)
        context = self._context
        try:
            exchange = await send_signed(
                context.network, context.wire_clock, Sender(self.id, self.key), method=method,
                url=context.platform_url.rstrip("/") + path, body=content,
                headers={"content-type": "application/json"} if content else {},
            )
        except Unreachable as error:
            return JSONResponse({"simulated": True, "error": error.reason.value}, 503)
        reply = exchange.reply
        return Response(reply.body, reply.status, media_type=reply.headers.get("content-type"))

    async def _relay(self, request: Request) -> Response:
        """Have it ask what the operator says."""
        path = request.path_params["path"]
        if path.partition("/")[0] not in RELAYED or ".." in path:
            return JSONResponse({"simulated": True, "error": "unknown_wish"}, 404)
        raw = await read_body(request)
        try:
            wanted = msgspec.json.decode(raw, type=dict[str, Any]) if raw else None
        except msgspec.DecodeError as error:
            return JSONResponse({"simulated": True, "error": str(error)}, 400)
        if wanted is not None and path in MADE:
            own = {
                "callback_url": self.address + RESULTS_PATH,
                "return_url": f"{self.address}/thanks",
            }
            wanted = {**own, **wanted}
        return await self.ask(request.method, f"/payments/v1/{quote(path)}", wanted)

    async def _take_result(self, request: Request) -> Response:
        """Take a result once: signature, nonce, id."""
        body = await read_body(request)
        if self.is_deaf:
            return JSONResponse({"simulated": True, "error": "busy"}, 503)
        try:
            platform = await self._directory.get(PLATFORM_ORGANISATION)
        except Unreachable:
            return JSONResponse({"simulated": True, "error": "directory_unreachable"}, 503)
        raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
        checked = check_request(
            method="POST",
            url=target_uri(self._context.world_url, raw_path, request.scope["query_string"]),
            headers=request.headers, body=body,
            key_of=lambda named: platform.key_of(named) if platform else None,
            now_s=self._context.wire_clock.now_s(), required=("content-type",),
        )  # fmt: skip
        if isinstance(checked, Refused):
            return JSONResponse({"simulated": True, "error": checked.refusal.value}, 401)
        result = msgspec.json.decode(body, type=dict[str, Any])

        async def use_case(db: Connection) -> int:
            until = checked.remember_until
            if not await replay.remember(db, f"link-results/{self.id}", checked.nonce, until):
                return 401
            await lock(db, self.id, RESULTS, result["id"])
            there = await read(db, self.id, RESULTS, result["id"])
            times = there["times"] + 1 if there else 1
            await write(db, self.id, RESULTS, result["id"], {**result, "times": times})
            return 204

        return Response(status_code=await self._context.database.run(use_case))

    async def _show_results(self, _request: Request) -> Response:
        found = await self._context.store.list(self.id, RESULTS)
        return JSONResponse({"simulated": True, "results": list(found.values())})

    async def _show_thanks(self, _request: Request) -> Response:
        return JSONResponse({"simulated": True, "thanks": self.id})

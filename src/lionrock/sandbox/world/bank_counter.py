"""A simulated bank's counter: what a customer asks before paying.

    POST /operator/lookups           {"kind", "value"}: whose proxy is it, as a payer may know
    GET  /operator/statements        the bank's own end-of-day statements at the switch
    GET  /operator/statements/{id}   one of them, exported (format, page)

The bank asks the switch, signed, and hands its answer on with the switch's own status and reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import Sender, send_signed
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.network import Unreachable
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.pages import read_body

LOOKUPS_PATH = "/payments/v1/proxies/lookups"
STATEMENTS_PATH = "/payments/v1/settlement/statements"
JSON = "application/json"


class LookupBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proxy in any spelling; its kind is the switch's to judge."""

    kind: str
    value: str


class Counter:
    """The counter of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route("/operator/lookups", self._look_up, methods=["POST"]),
            Route("/operator/statements", self._show_statements),
            Route("/operator/statements/{id}", self._show_statements),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    async def _look_up(self, request: Request) -> Response:
        """Ask the switch whose proxy it is."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=LookupBody)
        except msgspec.DecodeError as error:
            return JSONResponse({"simulated": True, "error": "body_malformed",
                                 "detail": str(error)}, 400)  # fmt: skip
        reply = await self._parts.post(LOOKUPS_PATH, msgspec.json.encode(wanted), JSON)
        if reply is None:
            return JSONResponse({"simulated": True, "error": "platform_unreachable"}, 503)
        return Response(reply.body, reply.status, media_type=reply.headers.get("content-type"))

    async def _show_statements(self, request: Request) -> Response:
        """Ask the switch for the bank's own statements."""
        context, bank_id = self._parts.context, self._parts.bank_id
        name = request.path_params.get("id")
        path = f"{STATEMENTS_PATH}/{quote(name, safe='')}" if name else STATEMENTS_PATH
        query = f"?{urlencode(dict(request.query_params))}" if request.query_params else ""
        try:
            exchange = await send_signed(
                context.network, context.wire_clock,
                Sender(bank_id, context.key_store.get_or_create(bank_id)), method="GET",
                url=f"{context.platform_url.rstrip('/')}{path}{query}",
            )  # fmt: skip
        except Unreachable:
            return JSONResponse({"simulated": True, "error": "platform_unreachable"}, 503)
        reply = exchange.reply
        return Response(reply.body, reply.status, media_type=reply.headers.get("content-type"))

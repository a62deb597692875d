"""A simulated bank's counter: what a customer asks before paying.

    POST /operator/lookups     {"kind", "value"}: whose proxy is it, as far as a payer may know

The bank asks the switch, signed, and hands its answer on with the switch's own status and reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.jobs import JobHandler
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.pages import read_body

LOOKUPS_PATH = "/payments/v1/proxies/lookups"
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
        """Its endpoint."""
        return (Route("/operator/lookups", self._look_up, methods=["POST"]),)

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

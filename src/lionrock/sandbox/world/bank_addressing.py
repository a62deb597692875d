"""A simulated bank's desk for proxies: it vouches for names, and keeps its customers' proxies.

    POST /payments/v1/payee-verifications   the switch asks, signed: is this account in this name?
    POST /operator/proxies                  register a customer's proxy, or have an FPS id given
    POST /operator/claims[/{id}/actions]    claim a proxy of another bank's, and act on claims

What the operator's endpoints are sent goes to the switch as it is, and its answer comes back.
Magic names (also at /<bank>/magic) make the bank answer a verification in one known way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.network import Unreachable
from lionrock.payments.api import compare_names, mask_name
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.pages import read_body

VERIFICATIONS_PATH = "/payments/v1/payee-verifications"
PROXIES_PATH = "/payments/v1/proxies"
JSON = "application/json"
NO_ANSWER, CANNOT_TELL, SHOWS_ALL = "Magic No Answer", "Magic Cannot Tell", "Magic Shows All"
MAGIC_PAYEES = {
    NO_ANSWER: "answers a verification of this name with 503",
    CANNOT_TELL: "cannot tell whether an account is in this name",
    SHOWS_ALL: "shows the full name of the account, unmasked; the switch masks it",
}


class VerificationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the switch asks."""

    name: str
    account_number: str
    currency: str


class AddressDesk:
    """The desk of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route(VERIFICATIONS_PATH, self._verify, methods=["POST"]),
            Route("/operator/proxies", self._register, methods=["POST"]),
            Route("/operator/claims", self._claim, methods=["POST"]),
            Route("/operator/claims/{claim_id}/actions", self._act, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    async def _verify(self, request: Request) -> Response:
        """Compare a name with the holder's of an account; only the switch may ask."""
        raw = await read_body(request)
        try:
            checked = await self._parts.check(request, raw)
        except Unreachable as error:
            return _problem("directory_unreachable", 503, error.reason.value)
        if isinstance(checked, Refused):
            return _problem(checked.refusal.value, 401)
        try:
            asked = msgspec.json.decode(raw, type=VerificationBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))
        realm, until = f"payees/{self._parts.bank_id}", checked.remember_until

        async def use_case(db: Connection) -> Response:
            if not await replay.remember(db, realm, checked.nonce, until):
                return _problem("replayed", 401)
            return await self._judged(db, asked)

        return await self._parts.context.database.run(use_case)

    async def _judged(self, db: Connection, asked: VerificationBody) -> Response:
        account = await self._parts.payments.books.account(db, asked.account_number)
        if asked.name == NO_ANSWER:
            return _problem("unavailable", 503)
        if account is None or asked.name == CANNOT_TELL:
            return JSONResponse({"result": "cannot_tell", "masked_name": ""})
        if asked.name == SHOWS_ALL:
            return JSONResponse({"result": "close_match", "masked_name": account.name})
        result = compare_names(asked.name, account.name)
        masked = mask_name(account.name) if result == "close_match" else ""
        return JSONResponse({"result": result, "masked_name": masked})

    async def _register(self, request: Request) -> Response:
        return await self._hand_on(request, PROXIES_PATH)

    async def _claim(self, request: Request) -> Response:
        return await self._hand_on(request, f"{PROXIES_PATH}/claims")

    async def _act(self, request: Request) -> Response:
        claim_id = request.path_params["claim_id"]
        return await self._hand_on(request, f"{PROXIES_PATH}/claims/{claim_id}/actions")

    async def _hand_on(self, request: Request, path: str) -> Response:
        """Send the operator's wish to the switch, signed, and its answer back."""
        reply = await self._parts.post(path, await read_body(request), JSON)
        if reply is None:
            return _problem("platform_unreachable", 503)
        return Response(reply.body, reply.status, media_type=reply.headers.get("content-type"))


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

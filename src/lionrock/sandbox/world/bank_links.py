"""A simulated bank's app with payment links: fetches the payment request and pays it.

    POST /operator/link-payments    {"account", "url", "amount"?}: pay a link for a customer

A careful app: the address must be the platform's, the request must be signed by the platform's key
of the directory, for this bank, and not over. The transfer bears the request's EndToEndId, and the
answer says where the customer goes back to.
Source: RFC 7515 (payment request); the switch's own rules decide whether the link is paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import PLATFORM_ORGANISATION, RemoteDirectory
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.jose import read_unverified, verify_jws
from lionrock.kernel.money import Money
from lionrock.kernel.network import Unreachable
from lionrock.payments.api import Proxy
from lionrock.sandbox.world.bank_books import Entry
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.bank_payments import Payee
from lionrock.sandbox.world.pages import read_body

REQUESTS_PATH = "/payments/v1/links/requests"
REQUEST_TYPE = "payment-request+jwt"
JSON = "application/json"


class LinkPaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer taps a link; `amount` is needed where the link leaves it open."""

    account: str
    url: str
    amount: str = ""


class LinkPayments:
    """The app of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        context = parts.context
        self._directory = RemoteDirectory(
            context.network, context.platform_url, context.wire_clock
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoint."""
        return (Route("/operator/link-payments", self._pay_link, methods=["POST"]),)

    def jobs(self) -> Mapping[str, JobHandler]:
        """None: the payments desk sends the transfer."""
        return {}

    async def _pay_link(self, request: Request) -> Response:
        """Fetch the payment request, check it, pay."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=LinkPaymentBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))
        claims = await self.fetch(wanted.url)
        if isinstance(claims, Response):
            return claims
        return await self.pay(wanted.account, claims, wanted.amount)

    async def fetch(self, url: str) -> dict[str, Any] | Response:
        """Fetch and check the payment request of a link; an answer that says why not."""
        platform = self._parts.context.platform_url.rstrip("/")
        if not url.startswith(f"{platform}/pay/"):
            return _problem("link_of_another_system", 400, "The address is not the platform's.")
        reply = await self._parts.post(REQUESTS_PATH, msgspec.json.encode({"url": url}), JSON)
        if reply is None:
            return _problem("platform_unreachable", 503)
        if reply.status != 201:
            return Response(reply.body, reply.status, media_type="application/problem+json")
        claims = await self._checked(reply.body.decode())
        return claims if claims is not None else _problem("request_not_genuine", 502)

    async def _checked(self, jws: str) -> dict[str, Any] | None:
        """The claims of a genuine payment request for this bank; None otherwise."""
        try:
            platform = await self._directory.get(PLATFORM_ORGANISATION)
        except Unreachable:
            return None
        unverified = read_unverified(jws)
        if platform is None or isinstance(unverified, Refused):
            return None
        key = platform.verification_key(str(unverified.header.get("kid")))
        if key is None:
            return None
        verified = verify_jws(jws, key, typ=REQUEST_TYPE)
        if isinstance(verified, Refused):
            return None
        claims = verified.claims
        is_ours = claims["iss"] == PLATFORM_ORGANISATION and claims["aud"] == self._parts.bank_id
        return claims if is_ours and claims["exp"] > self._now_s() else None

    def _now_s(self) -> int:
        return self._parts.context.wire_clock.now_s()

    async def pay(self, account_number: str, claims: dict[str, Any], chosen: str) -> Response:
        """Pay a checked payment request from a customer's account."""
        creditor = claims["creditor"]
        try:
            amount = Money.parse(chosen or claims["amount"] or "", claims["currency"])
        except ValueError as error:
            return _problem("amount_needed", 400, str(error))
        payee = Payee(
            clearing_code=creditor["clearing_code"], name=creditor["masked_name"],
            proxy=Proxy(kind=creditor["proxy_kind"], value=creditor["proxy"]),
        )
        payments = self._parts.payments

        async def use_case(db: Connection) -> Entry | None:
            account = await payments.books.account(db, account_number)
            if account is None:
                return None
            return await payments.originate(
                db, account, payee, amount, end_to_end_id=claims["end_to_end_id"],
                remittance=claims["payee_reference"],
            )

        entry = await self._parts.context.database.run(use_case)
        if entry is None:
            return _problem("funds_insufficient", 409)
        return JSONResponse({
            "simulated": True, "uetr": entry.uetr, "status": entry.status,
            "end_to_end_id": entry.end_to_end_id, "amount": amount.wire(),
            "currency": amount.currency, "payee": claims["payee"]["names"],
            "return_url": claims["return_url"],
        }, 202)  # fmt: skip


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

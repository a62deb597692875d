"""A simulated bank's desk for requests to pay.

    POST /operator/requests                    ask a customer of another bank to pay
    POST /operator/requests/{id}/answers       {"accepted": true}: what the own customer says
    POST /operator/requests/{id}/withdrawals   take a request back
    GET  /requests                             all that the bank knows

A customer who is asked accepts and pays at once, unless the amount is a magic one (MAGIC, also at
/<bank>/magic). Magic is understood here, never by the platform.
Source: ISO 20022 pain.013, pain.014, camt.056 in the switch's usage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    CancellationRequest,
    Header,
    PartyAccount,
    PaymentRequest,
    Proxy,
    RequestReport,
    uetr_of,
)
from lionrock.sandbox.world.bank_books import Account
from lionrock.sandbox.world.bank_desk import BankParts, Take
from lionrock.sandbox.world.bank_payments import NOT_PROVIDED, Payee
from lionrock.sandbox.world.pages import read_body
from lionrock.sandbox.world.store import read, write

REQUESTS = "payments-requests"
REQUEST = "pain.013.001.07"
MAGIC: dict[int, tuple[str, str]] = {
    9_40: ("refuse", "as a request to pay: the customer refuses, pain.014 RJCT MS02"),
    9_41: ("wait", "as a request to pay: waits (PDNG); answer at /operator/requests/{id}/answers"),
    9_42: ("promise", "as a request to pay: accepted (ACCP), and never paid"),
    9_43: ("silent", "as a request to pay: never answered"),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the bank's files: made by a customer, or asked of one."""

    id: str
    side: Literal["made", "asked"]
    status: str
    message_id: str
    request: PaymentRequest
    reason: str = ""


class RequestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to make; the debtor by account, or by proxy."""

    account: str
    amount: str
    currency: str
    request_id: str
    end_to_end_id: str
    debtor_clearing_code: str
    debtor_name: str = "NOTPROVIDED"
    debtor_account: str = NOT_PROVIDED
    proxy_kind: Literal["mobile", "email", "fps_id", ""] = ""
    proxy: str = ""
    remittance: str = ""
    expires_in_s: int = 86_400
    may_change_amount: bool = False


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer says; another amount where the request allows it."""

    accepted: bool
    amount: str = ""


class RequestDesk:
    """The desk for requests to pay of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._desk = parts.payments
        self._books = parts.payments.books

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        requests = "/operator/requests"
        return (
            Route(requests, self._ask, methods=["POST"]),
            Route(f"{requests}/{{id}}/answers", self._answer, methods=["POST"]),
            Route(f"{requests}/{{id}}/withdrawals", self._withdraw, methods=["POST"]),
            Route("/requests", self._show, methods=["GET"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    def takes(self) -> Mapping[type, Take]:
        """The messages of the switch that this desk understands."""
        return {PaymentRequest: self._take_request, RequestReport: self._take_report}

    def reports(self) -> Mapping[str, Take]:
        """None: the payments of requests are followed like all others."""
        return {}

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, in words."""
        return {minor: words for minor, (_, words) in MAGIC.items()}

    async def _take_request(
        self, db: Connection, header: Header, request: PaymentRequest
    ) -> None:
        """pain.013: ask the customer."""
        if await self._load(db, request.request_id) is not None:
            return
        asked = Asked(
            id=request.request_id, side="asked", status="PDNG", message_id=header.message_id,
            request=request,
        )
        await self._save(db, asked)
        account = await self._books.account(db, request.debtor.account)
        magic, _ = MAGIC.get(request.amount.amount_minor, ("", ""))
        if account is None or account.status != "open":
            await self._say(db, asked, "RJCT", reason="AC01" if account is None else "AC04")
        elif magic == "refuse":
            await self._say(db, asked, "RJCT", reason="MS02")
        elif magic == "wait":
            await self._say(db, asked, "PDNG")
        elif magic != "silent":
            await self._accept(db, asked, account, request.amount, is_paying=magic != "promise")

    async def _accept(
        self, db: Connection, asked: Asked, account: Account, amount: Money, *, is_paying: bool
    ) -> None:
        """Say yes and pay: a credit transfer that names the request."""
        request = asked.request
        await self._say(db, asked, "ACCP", amount=amount)
        if is_paying:
            payee = Payee(
                clearing_code=request.creditor.member, name=request.creditor.name,
                account=request.creditor.account,
            )
            await self._desk.originate(
                db, account, payee, amount, end_to_end_id=request.end_to_end_id,
                remittance=request.remittance, request_id=request.request_id,
            )

    async def _say(
        self, db: Connection, asked: Asked, status: Literal["ACCP", "PDNG", "RJCT"], *,
        reason: str = "", amount: Money | None = None,
    ) -> None:
        await self._save(db, msgspec.structs.replace(asked, status=status, reason=reason))
        request = asked.request
        await self._desk.send(db, self._new_id(), RequestReport(
            original_message_id=asked.message_id, original_definition=REQUEST,
            request_id=asked.id, end_to_end_id=request.end_to_end_id, uetr=request.uetr,
            status=status, accepted_amount=amount, reason_code=reason,
        ))

    async def _take_report(self, db: Connection, _header: Header, report: RequestReport) -> None:
        """pain.014: what became of a request that was made."""
        asked = await self._load(db, report.request_id)
        if asked is not None:
            await self._save(db, msgspec.structs.replace(
                asked, status=report.status, reason=report.reason_code
            ))

    async def _ask(self, request: Request) -> Response:
        """POST: ask another bank's customer to pay."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=RequestBody)
            amount = Money.parse(wanted.amount, wanted.currency)
        except (msgspec.DecodeError, ValueError) as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            account = await self._books.account(db, wanted.account)
            if account is None:
                return _problem("account_not_found", 404)
            message_id = self._new_id()
            asked = self._request(account, wanted, amount, message_id)
            await self._save(db, Asked(
                id=asked.request_id, side="made", status="made", message_id=message_id,
                request=asked,
            ))
            await self._desk.send(db, message_id, asked)
            return JSONResponse({
                "simulated": True, "request_id": asked.request_id, "uetr": asked.uetr,
            }, 202)

        return await self._parts.context.database.run(use_case)

    def _request(
        self, account: Account, wanted: RequestBody, amount: Money, message_id: str
    ) -> PaymentRequest:
        now = self._parts.context.business_clock.now()
        proxy = None
        if wanted.proxy_kind:
            proxy = Proxy(kind=wanted.proxy_kind, value=wanted.proxy)
        return PaymentRequest(
            request_id=wanted.request_id, end_to_end_id=wanted.end_to_end_id,
            uetr=uetr_of(message_id), due_at=now,
            expires_at=now + timedelta(seconds=wanted.expires_in_s),
            may_change_amount=wanted.may_change_amount, amount=amount,
            debtor=PartyAccount(
                name=wanted.debtor_name, account=wanted.debtor_account,
                member=wanted.debtor_clearing_code,
            ),
            creditor=PartyAccount(
                name=account.name, account=account.number, member=self._parts.clearing_code
            ),
            proxy=proxy, remittance=wanted.remittance,
        )

    async def _answer(self, request: Request) -> Response:
        """POST: what the own customer says to a request that waits."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=AnswerBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            asked = await self._load(db, request.path_params["id"])
            if asked is None or asked.side != "asked":
                return _problem("nothing_to_answer", 404)
            account = await self._books.account(db, asked.request.debtor.account)
            assert account is not None, "it was asked about"
            amount = asked.request.amount
            if wanted.amount:
                amount = Money.parse(wanted.amount, amount.currency)
            if wanted.accepted:
                await self._accept(db, asked, account, amount, is_paying=True)
            else:
                await self._say(db, asked, "RJCT", reason="MS02")
            return JSONResponse({"simulated": True}, 202)

        return await self._parts.context.database.run(use_case)

    async def _withdraw(self, request: Request) -> Response:
        """POST: take a request back."""

        async def use_case(db: Connection) -> Response:
            made = await self._load(db, request.path_params["id"])
            if made is None or made.side != "made":
                return _problem("request_not_found", 404)
            await self._desk.send(db, self._new_id(), CancellationRequest(
                recall_id=self._new_id(), original_message_id=made.message_id,
                original_definition=REQUEST, end_to_end_id=made.request.end_to_end_id,
                transaction_id=made.request.request_id, uetr=made.request.uetr,
                amount=made.request.amount, reason_code="CUST",
            ))
            return JSONResponse({"simulated": True}, 202)

        return await self._parts.context.database.run(use_case)

    async def _show(self, _request: Request) -> Response:
        found = await self._parts.context.store.list(self._parts.bank_id, REQUESTS)
        requests = [msgspec.convert(document, Asked) for document in found.values()]
        return JSONResponse({"simulated": True, "requests": [
            {
                "id": asked.id, "side": asked.side, "status": asked.status,
                "reason": asked.reason, "amount": asked.request.amount.wire(),
                "currency": asked.request.amount.currency,
            }
            for asked in requests
        ]})

    async def _load(self, db: Connection, request_id: str) -> Asked | None:
        document = await read(db, self._parts.bank_id, REQUESTS, request_id)
        return msgspec.convert(document, Asked) if document is not None else None

    async def _save(self, db: Connection, asked: Asked) -> None:
        document: dict[str, Any] = msgspec.to_builtins(asked)
        await write(db, self._parts.bank_id, REQUESTS, asked.id, document)

    def _new_id(self) -> str:
        return self._parts.context.ids.new("wrq").removeprefix("wrq_")


async def mark_withdrawn(db: Connection, bank_id: str, request_id: str) -> None:
    """Note that the creditor took a request back (a camt.056 that is about a pain.013)."""
    document = await read(db, bank_id, REQUESTS, request_id)
    if document is not None:
        await write(db, bank_id, REQUESTS, request_id, {**document, "status": "withdrawn"})


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

"""A simulated bank's desk for returns and recalls.

    POST /operator/returns                 give back what a customer received, whole or in part
    POST /operator/recalls                 ask for a customer's payment back
    POST /operator/recalls/{id}/answers    {"accepted": true}: what the own customer says
    GET  /recalls                          all that the bank knows

A customer who is asked to give a payment back agrees, and the return follows at once, unless the
payment's amount is a magic one (MAGIC, also at /<bank>/magic). Magic is understood here, never by
the platform.
Source: ISO 20022 pacs.004, camt.056, camt.029 in the switch's usage. Invariant: a return is booked
once, by the original's UETR and the RtrId.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    CancellationAnswer,
    CancellationRequest,
    Header,
    PaymentReturn,
    StatusReport,
    settlement_date_of,
)
from lionrock.sandbox.world.bank_books import Entry, EntryStatus
from lionrock.sandbox.world.bank_desk import BankParts, Take
from lionrock.sandbox.world.bank_requests import REQUEST, mark_withdrawn
from lionrock.sandbox.world.pages import read_body
from lionrock.sandbox.world.store import read, write

RECALLS = "payments-recalls"
RETURN = "pacs.004.001.10"
MAGIC: dict[int, tuple[str, str]] = {
    9_30: ("refuse", "when recalled: the customer refuses, camt.029 RJCR CUST"),
    9_31: ("wait", "when recalled: looked into (PDCR); answer at /operator/recalls/{id}/answers"),
    9_32: ("silent", "when recalled: never answered"),
    9_33: ("promise", "when recalled: agreed to (ACCR), and nothing is given back"),
    9_34: ("unwanted", "as a return: the receiving bank refuses it with AC04"),
}


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """A recall in the bank's files: made by a customer, or asked of one."""

    id: str
    side: Literal["made", "asked"]
    status: str
    request: CancellationRequest
    reason: str = ""


class ReturnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A return: of which payment, how much (a decimal string), why."""

    uetr: str
    amount: str
    return_id: str
    reason: str = "CUST"


class RecallBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recall: of which payment, under which name, why."""

    uetr: str
    recall_id: str
    reason: str = "DUPL"


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer says."""

    accepted: bool


class RecallDesk:
    """The desk for giving back of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._desk = parts.payments
        self._books = parts.payments.books

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route("/operator/returns", self._return, methods=["POST"]),
            Route("/operator/recalls", self._recall, methods=["POST"]),
            Route("/operator/recalls/{id}/answers", self._answer, methods=["POST"]),
            Route("/recalls", self._show, methods=["GET"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    def takes(self) -> Mapping[type, Take]:
        """The messages of the switch that this desk understands."""
        return {
            PaymentReturn: self._take_return,
            CancellationRequest: self._take_request,
            CancellationAnswer: self._take_answer,
        }

    def reports(self) -> Mapping[str, Take]:
        """Outcomes of returns: the UETR in them is the original's."""
        return {RETURN: self._take_report}

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, in words."""
        return {minor: words for minor, (_, words) in MAGIC.items()}

    async def _take_return(self, db: Connection, header: Header, returned: PaymentReturn) -> None:
        """pacs.004: credit the customer once and answer; a repeat is answered again."""
        key = _key(returned.uetr, returned.return_id)
        there = await self._books.entry(db, key)
        if there is None:
            original = await self._books.entry(db, returned.uetr)
            magic, _ = MAGIC.get(returned.amount.amount_minor, ("", ""))
            reason = "AC04" if magic == "unwanted" else ("" if original else "AC01")
            there = Entry(
                uetr=key, direction="in", status="refused" if reason else "credited",
                account=original.account if original else "NOTPROVIDED",
                amount_minor=returned.amount.amount_minor, currency=returned.amount.currency,
                counterparty=original.counterparty if original else "",
                transaction_id=returned.return_id, end_to_end_id=returned.end_to_end_id,
                message_id=header.message_id, remittance=f"Return: {returned.reason_code}",
                booked_at=self._parts.context.business_clock.now(), reason=reason,
            )
            await self._books.book(db, there)
        if there.status in {"credited", "refused"}:
            report = msgspec.structs.replace(
                self._desk.report(there, RETURN), uetr=returned.uetr
            )
            keyed = msgspec.structs.replace(there, uetr=returned.uetr)
            await self._desk.answer(db, f"t{returned.return_id[-6:]}", keyed, report)

    async def _take_report(self, db: Connection, _header: Header, report: StatusReport) -> None:
        """pacs.002 about a return, made or received: the outcome, which the books follow."""
        if report.status == "PDNG":
            return
        is_settled = report.status != "RJCT"

        def follow(entry: Entry) -> Entry:
            after: dict[tuple[str, bool], EntryStatus] = {
                ("pending", True): "paid", ("pending", False): "returned",
                ("credited", True): "confirmed", ("credited", False): "reversed",
            }
            return msgspec.structs.replace(
                entry, status=after.get((entry.status, is_settled), entry.status),
                reason=report.reason_code or entry.reason,
            )

        await self._books.change_entry(db, _key(report.uetr, report.transaction_id), follow)

    async def _take_request(
        self, db: Connection, _header: Header, request: CancellationRequest
    ) -> None:
        """camt.056: ask the customer, and answer; about a request to pay it is a withdrawal."""
        if request.original_definition == REQUEST:
            await mark_withdrawn(db, self._parts.bank_id, request.transaction_id)
            return
        entry = await self._books.entry(db, request.uetr)
        if entry is None or await self._load(db, request.recall_id) is not None:
            return
        recall = Recall(id=request.recall_id, side="asked", status="asked", request=request)
        await self._save(db, recall)
        magic, _ = MAGIC.get(request.amount.amount_minor, ("", ""))
        if magic == "silent":
            return
        if magic == "wait":
            await self._say(db, recall, "PDCR")
        elif magic == "refuse":
            await self._say(db, recall, "RJCR", "CUST")
        else:
            await self._give_back(db, recall, entry, has_return=magic != "promise")

    async def _give_back(
        self, db: Connection, recall: Recall, entry: Entry, *, has_return: bool
    ) -> None:
        amount = Money(entry.amount_minor, entry.currency)
        if not await self._books.has_funds(db, entry.account, amount):
            await self._say(db, recall, "RJCR", "AM04")
            return
        await self._say(db, recall, "ACCR")
        if has_return:
            await self._send_return(db, entry, amount, f"R{recall.id[:30]}", "CUST")

    async def _say(
        self, db: Connection, recall: Recall, status: Literal["ACCR", "PDCR", "RJCR"],
        reason: str = "",
    ) -> None:
        await self._save(db, msgspec.structs.replace(recall, status=status, reason=reason))
        request = recall.request
        await self._desk.send(db, self._new_id(), CancellationAnswer(
            recall_id=request.recall_id, original_message_id=request.original_message_id,
            original_definition=request.original_definition, end_to_end_id=request.end_to_end_id,
            transaction_id=request.transaction_id, uetr=request.uetr, status=status,
            reason_code=reason,
        ))

    async def _take_answer(
        self, db: Connection, _header: Header, answer: CancellationAnswer
    ) -> None:
        recall = await self._load(db, answer.recall_id)
        if recall is not None:
            await self._save(db, msgspec.structs.replace(
                recall, status=answer.status, reason=answer.reason_code
            ))

    async def _send_return(
        self, db: Connection, original: Entry, amount: Money, return_id: str, reason: str
    ) -> Entry:
        now = self._parts.context.business_clock.now()
        message_id = self._new_id()
        entry = Entry(
            uetr=_key(original.uetr, return_id), direction="out", status="pending",
            account=original.account, amount_minor=amount.amount_minor, currency=amount.currency,
            counterparty=original.counterparty, transaction_id=return_id,
            end_to_end_id=original.end_to_end_id, message_id=message_id,
            remittance=f"Return: {reason}", booked_at=now,
        )
        await self._books.book(db, entry)
        await self._desk.send(db, message_id, PaymentReturn(
            settlement_date=settlement_date_of(now), return_id=return_id,
            original_message_id=original.message_id, original_definition="pacs.008.001.08",
            end_to_end_id=original.end_to_end_id, transaction_id=original.transaction_id,
            uetr=original.uetr, original_amount=Money(original.amount_minor, original.currency),
            amount=amount, reason_code=reason,
        ))
        return entry

    async def _return(self, request: Request) -> Response:
        """POST: give back what a customer received."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=ReturnBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            original = await self._books.entry(db, wanted.uetr)
            if original is None or original.direction != "in":
                return _problem("payment_not_found", 404)
            try:
                amount = Money.parse(wanted.amount, original.currency)
            except ValueError as error:
                return _problem("body_malformed", 400, str(error))
            if not await self._books.has_funds(db, original.account, amount):
                return _problem("funds_insufficient", 409)
            await self._send_return(db, original, amount, wanted.return_id, wanted.reason)
            return JSONResponse({"simulated": True, "return_id": wanted.return_id}, 202)

        return await self._parts.context.database.run(use_case)

    async def _recall(self, request: Request) -> Response:
        """POST: ask for a customer's payment back."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=RecallBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            entry = await self._books.entry(db, wanted.uetr)
            if entry is None or entry.direction != "out":
                return _problem("payment_not_found", 404)
            asked = CancellationRequest(
                recall_id=wanted.recall_id, original_message_id=entry.message_id,
                original_definition="pacs.008.001.08", end_to_end_id=entry.end_to_end_id,
                transaction_id=entry.transaction_id, uetr=entry.uetr,
                amount=Money(entry.amount_minor, entry.currency), reason_code=wanted.reason,
            )
            await self._save(
                db, Recall(id=wanted.recall_id, side="made", status="made", request=asked)
            )
            await self._desk.send(db, self._new_id(), asked)
            return JSONResponse({"simulated": True, "recall_id": wanted.recall_id}, 202)

        return await self._parts.context.database.run(use_case)

    async def _answer(self, request: Request) -> Response:
        """POST: what the own customer says to a recall that waits."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=AnswerBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            recall = await self._load(db, request.path_params["id"])
            entry = await self._books.entry(db, recall.request.uetr) if recall else None
            if recall is None or entry is None or recall.side != "asked":
                return _problem("nothing_to_answer", 404)
            if wanted.accepted:
                await self._give_back(db, recall, entry, has_return=True)
            else:
                await self._say(db, recall, "RJCR", "CUST")
            return JSONResponse({"simulated": True}, 202)

        return await self._parts.context.database.run(use_case)

    async def _show(self, _request: Request) -> Response:
        found = await self._parts.context.store.list(self._parts.bank_id, RECALLS)
        recalls = [msgspec.convert(document, Recall) for document in found.values()]
        return JSONResponse({"simulated": True, "recalls": [
            {
                "id": recall.id, "side": recall.side, "status": recall.status,
                "reason": recall.reason, "uetr": recall.request.uetr,
                "amount": recall.request.amount.wire(),
            }
            for recall in recalls
        ]})

    async def _load(self, db: Connection, recall_id: str) -> Recall | None:
        document = await read(db, self._parts.bank_id, RECALLS, recall_id)
        return msgspec.convert(document, Recall) if document is not None else None

    async def _save(self, db: Connection, recall: Recall) -> None:
        document: dict[str, Any] = msgspec.to_builtins(recall)
        await write(db, self._parts.bank_id, RECALLS, recall.id, document)

    def _new_id(self) -> str:
        return self._parts.context.ids.new("wrc").removeprefix("wrc_")


def _key(uetr: str, return_id: str) -> str:
    """The books' key of a return: a payment may have several."""
    return f"{uetr}:{return_id}"


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

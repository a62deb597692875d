"""A simulated bank's treasury desk: its own liquidity at the switch, and the warnings that it gets.

    POST /operator/liquidity    {"direction": "in", "amount": "1000.00", "currency": "HKD"}
    GET  /liquidity             its transfers with their outcomes, and the alerts

It writes down what the switch says and tops nothing up by itself, but for a magic amount (MAGIC,
also at /<bank>/magic). Magic is understood here, never by the platform.
Not for: customers' accounts (bank_books.py). Source: ISO 20022 pacs.009, pacs.002, admi.004 in the
switch's usage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    Header,
    LiquidityTransfer,
    StatusReport,
    SystemEvent,
    settlement_date_of,
    uetr_of,
)
from lionrock.sandbox.world.bank_desk import BankParts, Take
from lionrock.sandbox.world.pages import read_body
from lionrock.sandbox.world.store import read, write

LIQUIDITY, ALERTS = "payments-liquidity", "payments-alerts"
DEFINITION = "pacs.009.001.08"
TWICE_MINOR = 9_50
MAGIC = {
    TWICE_MINOR: "as a liquidity transfer: asked for twice under two MsgIds; it moves once",
}


class LiquidityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the bank's own money to move, and whither."""

    direction: Literal["in", "out"]
    amount: str
    currency: str


class LiquidityNote(msgspec.Struct, frozen=True, kw_only=True):
    """A liquidity transfer as the bank wrote it down."""

    uetr: str
    direction: str
    amount: str
    currency: str
    status: str = "PDNG"
    reason: str = ""


class Treasury:
    """The treasury desk of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route("/operator/liquidity", self._move, methods=["POST"]),
            Route("/liquidity", self._show, methods=["GET"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    def takes(self) -> Mapping[type, Take]:
        """The messages of the switch that this desk understands."""
        return {SystemEvent: self._take_alert}

    def reports(self) -> Mapping[str, Take]:
        """Outcomes of its own liquidity transfers."""
        return {DEFINITION: self._take_outcome}

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, in words."""
        return MAGIC

    async def _move(self, request: Request) -> Response:
        """POST a liquidity transfer."""
        try:
            wanted = msgspec.json.decode(await read_body(request) or b"", type=LiquidityBody)
            amount = Money.parse(wanted.amount, wanted.currency)
        except (msgspec.DecodeError, ValueError) as error:
            return JSONResponse({"simulated": True, "error": "body_malformed",
                                 "detail": str(error)}, 400)
        note = await self._parts.context.database.run(
            lambda db: self._send(db, wanted.direction, amount)
        )
        return JSONResponse({"simulated": True, **msgspec.structs.asdict(note)}, 202)

    async def _send(
        self, db: Connection, direction: Literal["in", "out"], amount: Money
    ) -> LiquidityNote:
        context = self._parts.context
        transfer_id = context.ids.new("wlq")
        transaction_id = transfer_id.removeprefix("wlq_")
        transfer = LiquidityTransfer(
            settlement_date=settlement_date_of(context.business_clock.now()),
            end_to_end_id=transaction_id, transaction_id=transaction_id,
            uetr=uetr_of(transfer_id), amount=amount, member=self._parts.clearing_code,
            direction=direction,
        )
        note = LiquidityNote(
            uetr=transfer.uetr, direction=direction, amount=amount.wire(),
            currency=amount.currency,
        )
        await write(
            db, self._parts.bank_id, LIQUIDITY, note.uetr, msgspec.to_builtins(note)
        )
        await self._parts.payments.send(db, transaction_id, transfer)
        if amount.amount_minor == TWICE_MINOR:
            await self._parts.payments.send(db, f"2{transaction_id[1:]}", transfer)
        return note

    async def _take_outcome(self, db: Connection, _header: Header, report: StatusReport) -> None:
        note = await read(db, self._parts.bank_id, LIQUIDITY, report.uetr)
        if note is not None:
            told = {**note, "status": report.status, "reason": report.reason_code}
            await write(db, self._parts.bank_id, LIQUIDITY, report.uetr, told)

    async def _take_alert(self, db: Connection, header: Header, event: SystemEvent) -> None:
        await write(db, self._parts.bank_id, ALERTS, header.message_id, {
            "message_id": header.message_id, "code": event.code,
            "parameters": list(event.parameters), "description": event.description,
            "at": event.at.isoformat(),
        })

    async def _show(self, _request: Request) -> Response:
        store, bank = self._parts.context.store, self._parts.bank_id
        liquidity = await store.list(bank, LIQUIDITY)
        alerts = await store.list(bank, ALERTS)
        return JSONResponse({
            "simulated": True, "liquidity": list(liquidity.values()),
            "alerts": list(alerts.values()),
        })

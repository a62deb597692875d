"""The operator's pages of payments: positions, alerts, search by any name, a payment's life.

They read; what changes something goes through the switch's own doors. Positions are the ledger's at
this moment. To whoever is no operator there are no such pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route
from lionrock.kernel.i18n import show_money
from lionrock.kernel.money import Money
from lionrock.ledger.api import Unavailable
from lionrock.payments.api import (
    SWITCH_MEMBER,
    Holding,
    Life,
    Message,
    Participant,
    Payment,
    as_camt_053,
    as_csv,
)
from lionrock.portal.drawing import Amount, Step, life_picture, position_chart
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, in_transaction, show

_PAGE = "/portal/payments"
RECENT_MAX = 20
DAYS_MAX = 7
_DEBTOR, _SWITCH, _CREDITOR = 0, 1, 2
_ORDERED, _TAKEN, _BETWEEN, _ENDED, _TOLD = range(5)


def rows(page: Callable[..., Route], operator: tuple[Any, ...]) -> tuple[Route, ...]:
    """The rows of these pages; `page` makes a row, `operator` are the steps before it."""
    participant = f"{_PAGE}/participants/{{organisation_id}}"
    return (
        page(_PAGE, "payments", "Positions, alerts, days, and payments by any name",
             (*operator, reply_payments), "q", mode="beats"),
        page(participant, "participant", "A participant's limits and statements",
             (*operator, reply_participant)),
        page(f"{participant}/statements/{{statement_id}}", "statement",
             "A page of a statement, as CSV or camt.053", (*operator, reply_statement),
             "page", "form", reply_media_type="*/*"),
        page(f"{_PAGE}/{{payment_id}}", "payment", "A payment's life, messages and receipts",
             (*operator, reply_payment)),
        page(f"{_PAGE}/{{payment_id}}/messages/{{message_id}}", "payment_message",
             "A message of a payment, verbatim", (*operator, reply_message),
             reply_media_type="application/xml"),
    )  # fmt: skip


async def reply_payments(call: PortalCall) -> Response:
    """Show what every participant has, what is low, and what was searched for."""
    oversight, wanted = call.room.payments.oversight, call.query.get("q", "")
    try:
        holdings: list[Holding] = await oversight.holdings()
        is_ledger_away = False
    except Unavailable:
        holdings, is_ledger_away = [], True

    async def read(db: Connection) -> dict[str, Any]:
        found = await oversight.find(db, wanted) if wanted else None
        return {
            "alerts": await oversight.alerts(db), "found": found,
            "days": await call.room.payments.settlement.days(db, DAYS_MAX),
            "recent": await oversight.recent(db, RECENT_MAX) if found is None else [],
            "names": await _names(call, db),
            "copies": await call.room.ledger_reader.progress(db, call.kernel.business_clock.now()),
        }  # fmt: skip

    values = await in_transaction(call, read)
    names = values["names"]
    return show(
        call, "payments.html", q=wanted, amount=_amount(call), is_ledger_away=is_ledger_away,
        charts=[
            (currency, position_chart(_amounts(call, holdings, currency, names)))
            for currency in sorted({
                each.balance.currency for holding in holdings for each in holding.positions
            })
        ],
        holdings=holdings, **values,
    )  # fmt: skip


def _amounts(
    call: PortalCall, holdings: Sequence[Holding], currency: str, names: dict[str, str]
) -> list[Amount]:
    return [
        Amount(
            label=names.get(holding.participant.organisation_id, holding.participant.clearing_code),
            available_minor=max(0, each.available.amount_minor),
            reserved_minor=max(0, each.reserved.amount_minor),
            shown=_amount(call)(each.available), is_alerted=each.is_alerted,
        )
        for holding in holdings for each in holding.positions
        if each.balance.currency == currency
    ]  # fmt: skip


async def reply_participant(call: PortalCall) -> Response | Refused:
    """Show a participant's accounts and the statements that it was issued."""
    found = await _participant(call)
    if isinstance(found, Refused):
        return found
    settlement = call.room.payments.settlement
    statements = [
        each for currency in found.accounts
        for each in await settlement.statements(call.db, found, currency)
    ]  # fmt: skip
    names = await _names(call, call.db)
    return show(
        call, "participant.html", participant=found, statements=statements,
        sent_today=await call.room.payments.daily.sent(call.db, found.organisation_id),
        money_of=lambda minor, currency: _amount(call)(Money(minor, currency)),
        name=names.get(found.organisation_id, found.organisation_id),
    )  # fmt: skip


async def reply_statement(call: PortalCall) -> Response | Refused:
    """Hand a page of a statement out: CSV for a spreadsheet, camt.053 for a machine."""
    found = await _participant(call)
    if isinstance(found, Refused):
        return found
    statement_id, number = call.path_params["statement_id"], call.query.get("page", "1")
    page = await call.room.payments.settlement.statement_page(
        call.db, found, statement_id, int(number) if number.isascii() and number.isdigit() else 0
    )
    if isinstance(page, Refused):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    is_csv = call.query.get("form", "csv") == "csv"
    content = as_csv(page) if is_csv else as_camt_053(page)
    name = f"{statement_id}-{page.page}.{'csv' if is_csv else 'xml'}"
    return Response(
        content, media_type="text/csv" if is_csv else "application/xml",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


async def reply_payment(call: PortalCall) -> Response | Refused:
    """Show a payment: its life as a picture, its ids, its messages, its receipts."""
    payment_id = call.path_params["payment_id"]
    life = await call.room.payments.oversight.life(call.db, payment_id)
    if life is None:
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    payment, names = life.payment, await _names(call, call.db)
    receipts = await call.room.evidence.receipts_about(call.db, {"payment_id": payment.id})
    switch = names.get("", SWITCH_MEMBER)
    lanes = [
        names.get(payment.debtor_organisation_id, payment.debtor_organisation_id) or switch,
        switch,
        names.get(payment.creditor_organisation_id, payment.creditor_organisation_id) or switch,
    ]
    return show(
        call, "payment.html", payment=payment, messages=life.messages, receipts=receipts,
        amount=_amount(call), names=names, picture=life_picture(lanes, steps_of(life)),
    )  # fmt: skip


async def reply_message(call: PortalCall) -> Response | Refused:
    """Hand a message out as it went over the wire."""
    payment_id, row_id = call.path_params["payment_id"], call.path_params["message_id"]
    content = await call.room.payments.oversight.message(call.db, payment_id, row_id)
    if content is None:
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    return Response(
        content, media_type="application/xml",
        headers={"content-disposition": f'attachment; filename="{row_id}.xml"'},
    )


def steps_of(life: Life) -> list[Step]:
    """What happened to a payment: its messages between the lanes, its ends on the switch's own."""
    payment = life.payment
    steps = [_step(payment, message) for message in life.messages]
    steps.append(Step(label="accepted", at=payment.created_at, source=_SWITCH, rank=_TAKEN))
    if payment.finished_at is not None:
        steps.append(Step(
            label=payment.state, at=payment.finished_at, source=_SWITCH, note=payment.reason_code,
            rank=_ENDED,
        ))  # fmt: skip
    return steps


def _step(payment: Payment, message: Message) -> Step:
    is_debtor = message.organisation_id == payment.debtor_organisation_id
    lane = _DEBTOR if is_debtor else _CREDITOR
    name = ".".join(message.definition.split(".")[:2])
    is_in = message.direction == "in"
    is_order = is_in and message.message_id == payment.original_message_id
    return Step(
        rank=_ORDERED if is_order else _TOLD if message.is_outcome else _BETWEEN,
        label=name, note=message.refusal, at=message.recorded_at,
        source=lane if is_in else _SWITCH, target=_SWITCH if is_in else lane,
    )


def _amount(call: PortalCall) -> Callable[[Money], str]:
    def amount(money: Money) -> str:
        return show_money(money.amount_minor, money.currency, call.lang)

    return amount


async def _participant(call: PortalCall) -> Participant | Refused:
    found = await call.room.payments.participant(call.db, call.path_params["organisation_id"])
    return found or Refused(PortalRefusal.PAGE_UNKNOWN)


async def _names(call: PortalCall, db: Connection) -> dict[str, str]:
    """Names of the participants in the reader's language."""
    found = await call.room.directory.list(db, "participant")
    return {each.id: each.names.get(call.lang) or each.names["en"] for each in found}

"""Statements, notifications and reconciliations over HTTP, signed."""

from __future__ import annotations

import re
from datetime import date

import msgspec
from starlette.responses import Response

from lionrock.directory.api import PLATFORM_ORGANISATION, SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.http.application import PartyUnreachable
from lionrock.kernel.money import CURRENCY_DECIMALS, format_minor
from lionrock.ledger.api import Unavailable
from lionrock.payments.http.messages import ParticipantCall
from lionrock.payments.service.payments import Payments
from lionrock.payments.settlement.domain import Statement
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.settlement.http.liquidity import PositionsCall
from lionrock.payments.settlement.service.exports import (
    as_camt_053,
    as_csv,
    as_json,
)

_PAGE = re.compile(r"[1-9][0-9]{0,4}")
_DATE = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]")


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """A statement without its entries; amounts are decimal strings."""

    id: str
    number: int
    currency: str
    opening: str
    closing: str
    entry_count: int
    page_count: int


class StatementsReply(msgspec.Struct, frozen=True):
    """One's statements, newest first."""

    statements: list[StatementRow]


class DifferenceReply(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not agree."""

    kind: str
    organisation: str
    subject: str
    expected: str
    found: str


class CurrencyReply(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared in one currency."""

    currency: str
    entries_checked: int
    payments_checked: int
    statements_checked: int
    differences: list[DifferenceReply]


class ReconciliationReply(msgspec.Struct, frozen=True, kw_only=True):
    """The cut of a date and its comparisons; none while they are under way."""

    business_date: str
    ledger_sequence: int
    currencies: list[CurrencyReply]


class StatementsCall(ParticipantCall):
    """A question about statements or bookings of one's own."""


class ReconciliationCall(SignedCall[Payments, None]):
    """A question of the operator."""


async def reply_statements(call: StatementsCall) -> Response:
    """Answer with the list; without `currency`, of both."""
    assert call.participant is not None, "an earlier step loaded it"
    asked = call.query.get("currency", "")
    found: list[Statement] = []
    for currency in CURRENCY_DECIMALS:
        if asked in {"", currency}:
            found += await call.room.settlement.statements(call.db, call.participant, currency)
    return sign_reply(call, reply(StatementsReply([
        StatementRow(
            id=each.id, number=each.number, currency=each.currency,
            opening=format_minor(each.opening_minor, each.currency),
            closing=format_minor(each.closing_minor, each.currency),
            entry_count=each.credit_count + each.debit_count, page_count=each.page_count,
        )
        for each in found
    ])))


async def reply_statement(call: StatementsCall) -> Refused | Response:
    """Answer with a page in the format asked for (`format`: camt.053, csv, json; `page`)."""
    assert call.participant is not None, "an earlier step loaded it"
    asked, page = call.query.get("format", "json"), call.query.get("page", "1")
    if asked not in {"camt.053", "csv", "json"}:
        return Refused(SettlementRefusal.FORMAT_UNKNOWN, field="format")
    if not _PAGE.fullmatch(page):
        return Refused(SettlementRefusal.PAGE_MALFORMED, field="page")
    found = await call.room.settlement.statement_page(
        call.db, call.participant, call.path_params["statement_id"], int(page)
    )
    if isinstance(found, Refused):
        return found
    if asked == "json":
        return sign_reply(call, reply(as_json(found)))
    if asked == "csv":
        return sign_reply(call, Response(as_csv(found), media_type="text/csv"))
    return sign_reply(call, Response(as_camt_053(found), media_type="application/xml"))


async def reply_notification(call: PositionsCall) -> Refused | Response:
    """Answer with a camt.054; no transaction is open while the ledger is asked."""
    payment = await call.kernel.database.read(lambda db: call.room.visible_payment(
        db, call.path_params["payment_id"], call.caller.id
    ))
    if isinstance(payment, Refused):
        return payment
    try:
        found = await call.room.settlement.notification(call.participant, payment)
    except Unavailable as error:
        raise PartyUnreachable("ledger") from error
    if isinstance(found, Refused):
        return found
    return sign_reply(call, Response(found, media_type="application/xml"))


async def check_operator(call: ReconciliationCall) -> Refused | None:
    """Only the operator's organisation sees all participants."""
    if call.caller.id != PLATFORM_ORGANISATION:
        return Refused(SettlementRefusal.OPERATOR_ONLY)
    return None


async def reply_reconciliation(call: ReconciliationCall) -> Refused | Response:
    """Answer with what was compared at the cut of a date."""
    asked = call.path_params["business_date"]
    business_date = _date(asked)
    if business_date is None:
        return Refused(SettlementRefusal.CUT_NOT_FOUND, field="business_date")
    found = await call.room.settlement.reconciliations(call.db, business_date)
    if isinstance(found, Refused):
        return found
    cut, made = found
    return sign_reply(call, reply(ReconciliationReply(
        business_date=cut.business_date.isoformat(), ledger_sequence=cut.ledger_sequence,
        currencies=[
            CurrencyReply(
                currency=each.currency, entries_checked=each.entries_checked,
                payments_checked=each.payments_checked,
                statements_checked=each.statements_checked,
                differences=[
                    DifferenceReply(
                        kind=one.kind, organisation=one.organisation_id, subject=one.subject,
                        expected=one.expected, found=one.found,
                    )
                    for one in each.differences
                ],
            )
            for each in made
        ],
    )))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None



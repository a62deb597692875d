"""Statements and notifications as others read them: camt.053, camt.054, CSV, JSON.

A statement is exported a page of PAGE_ENTRIES_MAX entries at a time; each page repeats the balances
and totals of the whole, so that a reader who has all pages can add them up.
Source: ISO 20022 camt.053.001.08, camt.054.001.08 (we write them and take none); RFC 4180.
Invariant: no page differs when it is exported again.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import msgspec

from lionrock.kernel.money import Money, format_minor
from lionrock.payments.domain.iso20022 import write_document
from lionrock.payments.domain.iso20022.elements import Node, instant_text, institution
from lionrock.payments.domain.payments import SWITCH_MEMBER
from lionrock.payments.settlement.domain import Cut, Known, Statement, StatementEntry

STATEMENT, NOTIFICATION = "camt.053.001.08", "camt.054.001.08"
CSV_FIELDS = (
    "number", "booked_at", "amount", "currency", "kind", "end_to_end_id", "transaction_id",
    "uetr", "ledger_transfer",
)


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page with everything that an export says; `entries` are numbered from `first`."""

    statement: Statement
    cut: Cut
    from_at: datetime
    clearing_code: str
    page: int
    first: int
    entries: tuple[StatementEntry, ...]
    known: dict[int, Known]


class EntryReply(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `amount` is a decimal string, negative for a debit."""

    number: int
    booked_at: str
    amount: str
    currency: str
    kind: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    ledger_transfer: str


class StatementReply(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a statement; balances and counts are of the whole statement."""

    id: str
    account: str
    currency: str
    number: int
    business_date: str
    ledger_sequence: int
    opening: str
    closing: str
    credits: str
    credit_count: int
    debits: str
    debit_count: int
    page: int
    page_count: int
    entries: list[EntryReply]


def account_name(clearing_code: str, currency: str) -> str:
    """Return how a settlement account is called on statements."""
    return f"{SWITCH_MEMBER}-{clearing_code}-{currency}"


def as_json(page: StatementPage) -> StatementReply:
    """Return a page as a struct."""
    statement = page.statement
    currency = statement.currency
    return StatementReply(
        id=statement.id, account=account_name(page.clearing_code, currency), currency=currency,
        number=statement.number, business_date=page.cut.business_date.isoformat(),
        ledger_sequence=page.cut.ledger_sequence,
        opening=format_minor(statement.opening_minor, currency),
        closing=format_minor(statement.closing_minor, currency),
        credits=format_minor(statement.credits_minor, currency),
        credit_count=statement.credit_count,
        debits=format_minor(statement.debits_minor, currency),
        debit_count=statement.debit_count, page=page.page, page_count=statement.page_count,
        entries=[_entry_reply(page, index) for index in range(len(page.entries))],
    )


def as_csv(page: StatementPage) -> bytes:
    """Return a page as CSV with a heading line (RFC 4180), UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_FIELDS)
    for index in range(len(page.entries)):
        entry = _entry_reply(page, index)
        writer.writerow([getattr(entry, name) for name in CSV_FIELDS])
    return text.getvalue().encode()


def as_camt_053(page: StatementPage) -> bytes:
    """Return a page as a camt.053 document."""
    statement, cut = page.statement, page.cut
    is_last = page.page == statement.page_count
    pages: list[Node] = [("PgNb", str(page.page)), ("LastPgInd", "true" if is_last else "false")]
    message_id = statement.id.rpartition("_")[2]
    count = statement.credit_count + statement.debit_count
    body: list[Node] = [
        ("Id", message_id),
        ("StmtPgntn", pages),
        ("ElctrncSeqNb", str(statement.number)),
        ("CreDtTm", instant_text(cut.created_at)),
        ("FrToDt", [
            ("FrDtTm", instant_text(page.from_at)), ("ToDtTm", instant_text(cut.created_at)),
        ]),
        ("Acct", _account(page.clearing_code, statement.currency)),
        _balance("OPBD", statement.opening_minor, statement.currency, page.from_at),
        _balance("CLBD", statement.closing_minor, statement.currency, cut.created_at),
        ("TxsSummry", [
            ("TtlNtries", [("NbOfNtries", str(count))]),
            ("TtlCdtNtries", [
                ("NbOfNtries", str(statement.credit_count)),
                ("Sum", format_minor(statement.credits_minor, statement.currency)),
            ]),
            ("TtlDbtNtries", [
                ("NbOfNtries", str(statement.debit_count)),
                ("Sum", format_minor(statement.debits_minor, statement.currency)),
            ]),
        ]),
        *(
            _entry(str(page.first + index), entry, page.known.get(entry.transfer_id),
                   statement.currency)
            for index, entry in enumerate(page.entries)
        ),
        ("AddtlStmtInf", f"Cut at ledger sequence {cut.ledger_sequence}."),
    ]
    group: list[Node] = [
        ("MsgId", message_id), ("CreDtTm", instant_text(cut.created_at)), ("MsgPgntn", pages),
    ]
    return write_document(STATEMENT, ("BkToCstmrStmt", [("GrpHdr", group), ("Stmt", body)]))


def as_camt_054(
    entry: StatementEntry, known: Known, clearing_code: str, *, now: datetime
) -> bytes:
    """Return one posting as a camt.054 document."""
    message_id = f"{entry.transfer_id:032x}"
    currency = known.amount.currency
    body: list[Node] = [
        ("Id", message_id),
        ("CreDtTm", instant_text(now)),
        ("Acct", _account(clearing_code, currency)),
        _entry("1", entry, known, currency),
    ]
    group: list[Node] = [("MsgId", message_id), ("CreDtTm", instant_text(now))]
    content: list[Node] = [("GrpHdr", group), ("Ntfctn", body)]
    return write_document(NOTIFICATION, ("BkToCstmrDbtCdtNtfctn", content))


def _entry_reply(page: StatementPage, index: int) -> EntryReply:
    entry = page.entries[index]
    known = page.known.get(entry.transfer_id)
    return EntryReply(
        number=page.first + index, booked_at=instant_text(_instant(entry.timestamp_ns)),
        amount=format_minor(entry.amount_minor, page.statement.currency),
        currency=page.statement.currency, kind=known.kind if known else "unknown",
        end_to_end_id=known.end_to_end_id if known else "",
        transaction_id=known.transaction_id if known else "", uetr=known.uetr if known else "",
        ledger_transfer=f"{entry.transfer_id:032x}",
    )


def _entry(number: str, entry: StatementEntry, known: Known | None, currency: str) -> Node:
    references: list[Node] = []
    if known is not None:
        named = (
            ("EndToEndId", known.end_to_end_id), ("UETR", known.uetr),
            ("TxId", known.transaction_id),
        )
        references = [(name, value) for name, value in named if value]
    details: list[Node] = (
        [("NtryDtls", [("TxDtls", [("Refs", references)])])] if references else []
    )
    amount = Money(abs(entry.amount_minor), currency)
    return "Ntry", [
        ("NtryRef", number),
        ("Amt", amount),
        ("CdtDbtInd", _direction(entry.amount_minor)),
        ("Sts", [("Cd", "BOOK")]),
        ("BookgDt", [("DtTm", instant_text(_instant(entry.timestamp_ns)))]),
        ("AcctSvcrRef", f"{entry.transfer_id:032x}"),
        ("BkTxCd", [("Prtry", [
            ("Cd", known.kind if known else "unknown"), ("Issr", SWITCH_MEMBER),
        ])]),
        *details,
    ]


def _balance(code: str, amount_minor: int, currency: str, at: datetime) -> Node:
    return "Bal", [
        ("Tp", [("CdOrPrtry", [("Cd", code)])]),
        ("Amt", Money(abs(amount_minor), currency)),
        ("CdtDbtInd", _direction(amount_minor)),
        ("Dt", [("DtTm", instant_text(at))]),
    ]


def _account(clearing_code: str, currency: str) -> list[Node]:
    return [
        ("Id", [("Othr", [("Id", account_name(clearing_code, currency))])]),
        ("Ccy", currency),
        ("Svcr", institution(SWITCH_MEMBER)),
    ]


def _direction(amount_minor: int) -> str:
    return "DBIT" if amount_minor < 0 else "CRDT"


def _instant(timestamp_ns: int) -> datetime:
    seconds, rest_ns = divmod(timestamp_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1_000)

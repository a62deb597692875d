"""The ledger for operators: read-only views of the query tables, never a way to move money.

Each answer carries the journal sequence it stands at. Amounts are integers of minor units as
strings: the ledger knows numbers of ledgers, not currencies, and JSON numbers end at 2**53.
"""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from lionrock.identity.api import Identity, PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, RouteTable, reply
from lionrock.ledger.domain.values import TIMESTAMP_NS_MAX, HoldStatus
from lionrock.ledger.errors import ERRORS, LedgerRefusal
from lionrock.ledger.service.reader import AccountRow, LedgerReader, TransferRow

_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,19}")


class AccountReply(msgspec.Struct, frozen=True):
    """An account with its balances in minor units."""

    id: str
    ledger: int
    code: int
    flags: int
    debits_pending: str
    debits_posted: str
    credits_pending: str
    credits_posted: str
    timestamp: str
    sequence: int


class TransferReply(msgspec.Struct, frozen=True):
    """A transfer; `hold` says what became of a pending one, else it is null."""

    id: str
    debit_account_id: str
    credit_account_id: str
    amount: str
    pending_id: str
    ledger: int
    code: int
    flags: int
    timeout: int
    timestamp: str
    hold: str | None
    sequence: int


class TransfersReply(msgspec.Struct, frozen=True):
    """A page of an account's transfers, newest first; `before` asks for the next, if not null."""

    transfers: list[TransferReply]
    before: str | None


class ProjectionReply(msgspec.Struct, frozen=True):
    """How far the query tables have copied the journal.

    `state`: level, copying, stalled, or holding (the writer waits until there is room).
    """

    sequence_written: int
    sequence_copied: int
    lag_rows: int
    lag_events: int
    lag_ms: int
    state: str


class OperatorCall(PrincipalCall):
    """What the steps load."""

    room: LedgerReader
    ledger_id: int
    account: AccountRow


async def check_operator(call: OperatorCall) -> Refused | None:
    """Refuse everybody but operators."""
    if "operator" not in call.principal.staff_roles:
        return Refused(LedgerRefusal.OPERATOR_ONLY)
    return None


async def check_id(call: OperatorCall) -> Refused | None:
    """Read the id in the path: one spelling only, so that caches and logs agree."""
    text = call.path_params["id"]
    if not _ID.fullmatch(text):
        return Refused(LedgerRefusal.ID_MALFORMED)
    call.ledger_id = int(text, 16)
    return None


async def load_account(call: OperatorCall) -> Refused | None:
    """Find the account."""
    found = await call.room.account(call.db, call.ledger_id)
    if found is None:
        return Refused(LedgerRefusal.ACCOUNT_NOT_FOUND)
    call.account = found
    return None


async def reply_account(call: OperatorCall) -> Response:
    """Answer with the account."""
    a = call.account.account
    return reply(AccountReply(
        id=f"{a.id:032x}", ledger=a.ledger, code=a.code, flags=a.flags,
        debits_pending=str(a.debits_pending), debits_posted=str(a.debits_posted),
        credits_pending=str(a.credits_pending), credits_posted=str(a.credits_posted),
        timestamp=str(a.timestamp), sequence=call.account.sequence,
    ))


async def reply_transfers(call: OperatorCall) -> Refused | Response:
    """Answer with a page of the account's transfers."""
    before = call.query.get("before", str(TIMESTAMP_NS_MAX))
    if not _NUMBER.fullmatch(before) or int(before) > TIMESTAMP_NS_MAX:
        return Refused(LedgerRefusal.PAGE_MALFORMED, field="before")
    rows = await call.room.transfers_of_account(call.db, call.ledger_id, before_ns=int(before))
    last = str(rows[-1].transfer.timestamp) if rows else None
    return reply(TransfersReply(transfers=[_transfer(row) for row in rows], before=last))


async def reply_transfer(call: OperatorCall) -> Refused | Response:
    """Answer with the transfer."""
    row = await call.room.transfer(call.db, call.ledger_id)
    if row is None:
        return Refused(LedgerRefusal.TRANSFER_NOT_FOUND)
    return reply(_transfer(row))


async def reply_projection(call: OperatorCall) -> Response:
    """Answer with how far the copies are behind, and whether the writer waits for them."""
    found = await call.room.progress(call.db, call.kernel.business_clock.now())
    return reply(ProjectionReply(
        sequence_written=found.written, sequence_copied=found.copied,
        lag_rows=found.written - found.copied, lag_events=found.events, lag_ms=found.waits_ms,
        state=found.state,
    ))


def _transfer(row: TransferRow) -> TransferReply:
    t = row.transfer
    status = row.hold_status
    return TransferReply(
        id=f"{t.id:032x}", debit_account_id=f"{t.debit_account_id:032x}",
        credit_account_id=f"{t.credit_account_id:032x}", amount=str(t.amount),
        pending_id=f"{t.pending_id:032x}", ledger=t.ledger, code=t.code, flags=t.flags,
        timeout=t.timeout, timestamp=str(t.timestamp),
        hold=None if status is None else HoldStatus(status).name.lower(), sequence=row.sequence,
    )


def table(room: LedgerReader, identity: Identity) -> RouteTable:
    """Return the pillar's routes, all behind an operator's token."""
    allowed = (identity.check_access_token, check_operator)
    checks = (*allowed, check_id)
    return RouteTable(
        pillar="ledger",
        room=room,
        routes=(
            Route(
                method="GET", path="/ledger/v1/accounts/{id}", name="account",
                summary="Show an account and its balances.", call=OperatorCall, scope="staff",
                steps=(*checks, load_account, reply_account), replies={200: AccountReply},
                errors=ERRORS, clause="TigerBeetle reference, Account",
            ),
            Route(
                method="GET", path="/ledger/v1/accounts/{id}/transfers", name="account_transfers",
                summary="List an account's transfers, newest first, 100 a page.",
                call=OperatorCall, scope="staff", query=("before", "lang"),
                steps=(*checks, load_account, reply_transfers), replies={200: TransfersReply},
                errors=ERRORS, clause="TigerBeetle reference, get_account_transfers",
            ),
            Route(
                method="GET", path="/ledger/v1/transfers/{id}", name="transfer",
                summary="Show a transfer and what became of it.", call=OperatorCall,
                scope="staff", steps=(*checks, reply_transfer), replies={200: TransferReply},
                errors=ERRORS, clause="TigerBeetle reference, Transfer",
            ),
            Route(
                method="GET", path="/ledger/v1/projection", name="projection",
                summary="Show how far the query tables are behind the journal.",
                call=OperatorCall, scope="staff", steps=(*allowed, reply_projection),
                replies={200: ProjectionReply}, errors=ERRORS, clause="docs/decisions/0006",
            ),
        ),
    )

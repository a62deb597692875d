"""What one journal row added, read from the row alone: the query tables' view of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import (
    Entry,
    Operation,
    Request,
    decode_effects,
    decode_requests,
)
from lionrock.ledger.domain.results import TRANSFER_RESULT, TRANSIENT, TransferResult
from lionrock.ledger.domain.values import Account, HoldStatus, Transfer, TransferFlags

_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER) | _VOID
_FILLED = _RESOLVING | int(TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT)


class Created(msgspec.Struct, frozen=True):
    """What one journal row added, for the query tables."""

    accounts: list[Account]
    transfers: list[Transfer]
    failed: list[tuple[int, TransferResult, int]]  # id, refusal, timestamp


def created(entry: Entry) -> Created:
    """Read from one row what it added."""
    filled = iter(records.decode_transfers(decode_effects(entry).filled))
    outcome = Created([], [], [])
    position = 0
    for request in decode_requests(entry):
        numbers = entry.results[position:position + request.events_count]
        timestamp = entry.time_ns + position
        if request.operation is Operation.CREATE_ACCOUNTS:
            accounts = records.decode_accounts(request.events)
            outcome.accounts.extend(
                replace(account, timestamp=timestamp + index)
                for index, account in enumerate(accounts) if numbers[index] == 0
            )
        else:
            _add_transfers(outcome, request, numbers, timestamp, filled)
        position += len(numbers)
    assert position == len(entry.results), "one result an event"
    return outcome


def _add_transfers(
    outcome: Created, request: Request, numbers: bytes, timestamp: int,
    filled: Iterator[Transfer],
) -> None:
    for index, event in enumerate(records.decode_transfers(request.events)):
        result = TRANSFER_RESULT[numbers[index]]
        if result is TransferResult.OK:
            stored = (next(filled) if event.flags & _FILLED
                      else replace(event, timestamp=timestamp + index))
            assert stored.id == event.id, "filled records follow the order of events"
            outcome.transfers.append(stored)
        elif result in TRANSIENT:
            outcome.failed.append((event.id, result, timestamp + index))


def holds_resolved(transfers: Sequence[Transfer], expired: bytes) -> dict[int, HoldStatus]:
    """What became of the holds that a row resolved; `expired` are the lapsed ones' records."""
    statuses = {t.id: HoldStatus.EXPIRED for t in records.decode_transfers(expired)}
    for transfer in transfers:
        if transfer.flags & _RESOLVING:
            is_void = transfer.flags & _VOID
            statuses[transfer.pending_id] = HoldStatus.VOIDED if is_void else HoldStatus.POSTED
    return statuses

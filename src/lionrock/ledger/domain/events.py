"""One request's events in order, each chain of linked events as one.

Chains do not cross requests (TigerBeetle reference, linked events). A refusal that uses up its id
is noted at once, so that the next event knows; and after a broken chain was undone, so that the
refusal itself is not.
"""

from __future__ import annotations

from collections.abc import Callable

from lionrock.ledger.domain import records
from lionrock.ledger.domain.accounts import create_account
from lionrock.ledger.domain.plain import run_plain
from lionrock.ledger.domain.results import (
    ACCOUNT_NUMBER,
    TRANSFER_NUMBER,
    TRANSIENT,
    AccountResult,
    TransferResult,
)
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.transfers import create_transfer
from lionrock.ledger.domain.values import AccountFlags, TransferFlags

_LINKED = int(TransferFlags.LINKED)
_LINKED_EVENT_FAILED = TRANSFER_NUMBER[TransferResult.LINKED_EVENT_FAILED]
_CHAIN_OPEN = TRANSFER_NUMBER[TransferResult.LINKED_EVENT_CHAIN_OPEN]
assert int(AccountFlags.LINKED) == _LINKED, "one chain rule serves both kinds of event"
assert ACCOUNT_NUMBER[AccountResult.LINKED_EVENT_FAILED] == _LINKED_EVENT_FAILED
assert ACCOUNT_NUMBER[AccountResult.LINKED_EVENT_CHAIN_OPEN] == _CHAIN_OPEN


def run_transfers(state: State, payload: bytes, timestamp: int) -> bytes:
    """Carry out a request of transfers, the first at `timestamp`; one result byte an event."""
    state.begin_segment(timestamp, payload)
    results = run_plain(state, payload, timestamp)
    if results is None:
        results = _run_each(state, payload, timestamp)
    state.end_segment(results)
    return results


def run_accounts(state: State, payload: bytes, timestamp: int) -> bytes:
    """Open a request's accounts, the first at `timestamp`; one result byte an event."""
    accounts = records.decode_accounts(payload)
    flags = [account.flags for account in accounts]

    def create(index: int) -> int:
        return ACCOUNT_NUMBER[create_account(state, accounts[index], timestamp + index)]

    return _run_chains(state, flags, create)


def _run_each(state: State, payload: bytes, timestamp: int) -> bytes:
    events = list(records.EVENT.iter_unpack(payload))
    refused: list[int] = []

    def create(index: int) -> int:
        result = create_transfer(state, events[index], timestamp + index)
        if result is TransferResult.OK:
            return 0
        if result in TRANSIENT:
            refused.append(index)
        return TRANSFER_NUMBER[result]

    def note() -> None:
        for index in refused:
            state.refused[events[index][0]] = timestamp + index
        refused.clear()

    return _run_chains(state, [event[12] for event in events], create, note)


def _run_chains(
    state: State, flags: list[int], create: Callable[[int], int],
    note: Callable[[], None] = lambda: None,
) -> bytes:
    results = bytearray(len(flags))
    last = len(flags) - 1
    index = 0
    while index <= last:
        if not flags[index] & _LINKED:
            results[index] = create(index)
            end = index
        else:
            end = index
            while end < last and flags[end] & _LINKED:
                end += 1
            is_open = bool(flags[end] & _LINKED)
            results[index:end + 1] = _run_chain(state, range(index, end + 1), create, is_open)
        if results[index] or end > index:
            note()
        index = end + 1
    return bytes(results)


def _run_chain(
    state: State, indexes: range, create: Callable[[int], int], is_open: bool
) -> bytes:
    """All or nothing; the event that broke it keeps its own result."""
    state.open_chain()
    last = indexes[-1]
    for index in indexes:
        number = _CHAIN_OPEN if is_open and index == last else create(index)
        if number:
            state.break_chain()
            results = bytearray([_LINKED_EVENT_FAILED]) * len(indexes)
            results[index - indexes[0]] = number
            if is_open:
                results[-1] = _CHAIN_OPEN
            return bytes(results)
    state.close_chain()
    return bytes(len(indexes))

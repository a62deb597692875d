"""The straight way for requests of nothing but plain transfers, which most are.

Plain: one ledger, one code and no flag in the whole request, ids that nobody has used, accounts
that exist. What holds for the request is checked for the request, over whole columns of its words;
what depends on the accounts is checked for each transfer in order. A transfer that this way may not
carry out goes to create_transfer at its turn, which then says exactly why, or does what is not
plain (closed accounts, accounts with history): the answers are the same either way. [model test]
"""

from __future__ import annotations

from collections.abc import Iterable

from lionrock.ledger.domain import records
from lionrock.ledger.domain.live import LiveAccount
from lionrock.ledger.domain.results import TRANSFER_NUMBER, TRANSIENT, TransferResult
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.transfers import create_transfer
from lionrock.ledger.domain.values import AMOUNT_MAX

PLAIN_EVENTS_MIN = 4  # below, looking at columns costs more than it saves
_RESERVED = frozenset({bytes(16), b"\xff" * 16})
_WORDS = records.RECORD_BYTES // 8


def run_plain(state: State, payload: bytes, timestamp: int) -> bytes | None:
    """Carry out a request of plain transfers; None, and nothing done, when it is not one."""
    count = len(payload) // records.RECORD_BYTES
    if count < PLAIN_EVENTS_MIN:
        return None
    ledger = _plain_ledger(payload, count)
    if ledger == 0:
        return None
    columns = records.plain_columns(count).unpack(payload)
    keys, debit_keys, credit_keys = columns[0::4], columns[1::4], columns[2::4]
    if not _are_new(state, keys):
        return None
    live = state.live
    try:
        debits = [live[key] for key in debit_keys]
        credits = [live[key] for key in credit_keys]
    except KeyError:
        return None
    results = bytearray(count)
    others = _move_all(state, payload, timestamp, ledger, results,
                       zip(range(count), debits, credits, columns[3::4], strict=True))
    state.known.update(zip(keys, range(timestamp, timestamp + count), strict=True))
    for index in others:
        if results[index]:
            del state.known[keys[index]]
    last_ns = timestamp + count - 1
    if not results[-1]:
        state.time_ns = last_ns
    return bytes(results)


def _plain_ledger(payload: bytes, count: int) -> int:
    """The ledger of a request that is plain as far as its own bytes tell, else 0."""
    words = memoryview(payload).cast("Q")
    kind = words[14]  # ledger, code and flags
    ledger, code, flags = kind & 0xFFFFFFFF, kind >> 32 & 0xFFFF, kind >> 48
    nothing = bytes(8 * count)
    is_plain = (
        code != 0 and flags == 0
        and words[14::_WORDS].tobytes() == words[14:15].tobytes() * count
        and words[8::_WORDS].tobytes() == nothing  # pending_id
        and words[9::_WORDS].tobytes() == nothing
        and words[15::_WORDS].tobytes() == nothing  # timestamp
        and not any(memoryview(payload).cast("I")[27::32].tobytes())  # timeout
    )
    return ledger if is_plain else 0


def _are_new(state: State, keys: tuple[bytes, ...]) -> bool:
    """Say whether no id of the request is reserved, repeated or used."""
    return (
        state.known.keys().isdisjoint(keys)
        and len(set(keys)) == len(keys)
        and _RESERVED.isdisjoint(keys)
        and state.refused.keys().isdisjoint(keys)
        and state.recalled.transfers.keys().isdisjoint(keys)
        and state.recalled.failed.keys().isdisjoint(keys)
    )


def _move_all(
    state: State, payload: bytes, timestamp: int, ledger: int, results: bytearray,
    moves: Iterable[tuple[int, LiveAccount, LiveAccount, int]],
) -> list[int]:
    """Carry out each transfer in order; returns the indexes that create_transfer decided."""
    others: list[int] = []
    for index, debit, credit, amount in moves:
        debits_posted = debit.debits_posted + amount
        credits_posted = credit.credits_posted + amount
        # A sum within AMOUNT_MAX bounds its parts; a limited side is bounded by the other one.
        if (
            debit.plain_ledger == ledger == credit.plain_ledger
            and debit is not credit
            and debits_posted + debit.debits_pending <= (
                debit.credits_posted if debit.is_debits_limited else AMOUNT_MAX)
            and credits_posted + credit.credits_pending <= (
                credit.debits_posted if credit.is_credits_limited else AMOUNT_MAX)
        ):
            debit.debits_posted = debits_posted
            credit.credits_posted = credits_posted
        else:
            others.append(index)
            results[index] = _decide(state, payload, index, timestamp + index)
    return others


def _decide(state: State, payload: bytes, index: int, timestamp: int) -> int:
    event = records.EVENT.unpack_from(payload, index * records.RECORD_BYTES)
    result = create_transfer(state, event, timestamp)
    if result is TransferResult.OK:
        return 0
    if result in TRANSIENT:
        state.refused[event[0]] = timestamp
    return TRANSFER_NUMBER[result]

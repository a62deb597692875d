"""create_transfer: straight lines of refusals in TigerBeetle's documented order.

Source: TigerBeetle reference, create_transfers. Each function first refuses; after its line
`From here the transfer must succeed.` nothing may fail. Plain transfers of one kind go through
plain.py, which hands every one that it may not carry out to this module.
"""

from __future__ import annotations

from lionrock.ledger.domain import records
from lionrock.ledger.domain.live import Event, Hold, LiveAccount
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    NS_PER_S,
    TIMESTAMP_NS_MAX,
    AccountFlags,
    HoldStatus,
    TransferFlags,
)

# Plain integers: the flag classes cost more than the checks they serve.
_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_RESOLVING = _POST | _VOID
_BALANCING_DEBIT = int(TransferFlags.BALANCING_DEBIT)
_BALANCING_CREDIT = int(TransferFlags.BALANCING_CREDIT)
_BALANCING = _BALANCING_DEBIT | _BALANCING_CREDIT
_CLOSING_DEBIT = int(TransferFlags.CLOSING_DEBIT)
_CLOSING_CREDIT = int(TransferFlags.CLOSING_CREDIT)
_CLOSING = _CLOSING_DEBIT | _CLOSING_CREDIT
_KNOWN = int(TransferFlags.LINKED) | _PENDING | _RESOLVING | _BALANCING | _CLOSING
_NOT_WITH_RESOLVING = _PENDING | _BALANCING | _CLOSING
_HISTORY = int(AccountFlags.HISTORY)
_CLOSED = int(AccountFlags.CLOSED)
_ZERO = bytes(16)
_INT_MAX = b"\xff" * 16

_RESOLVED = {
    HoldStatus.POSTED: TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
    HoldStatus.VOIDED: TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
    HoldStatus.EXPIRED: TransferResult.PENDING_TRANSFER_EXPIRED,
}
_OK = TransferResult.OK


def create_transfer(state: State, event: Event, timestamp: int) -> TransferResult:
    """Carry out one transfer as sent at `timestamp`, or say why not."""
    assert timestamp > state.time_ns, "timestamps strictly increase"
    key, flags = event[0], event[12]
    if event[13]:
        return TransferResult.TIMESTAMP_MUST_BE_ZERO
    if flags & ~_KNOWN:
        return TransferResult.RESERVED_FLAG
    if key == _ZERO:
        return TransferResult.ID_MUST_NOT_BE_ZERO
    if key == _INT_MAX:
        return TransferResult.ID_MUST_NOT_BE_INT_MAX
    existing = state.find_record(key)
    if existing is not None:
        return _compare(state, event, records.EVENT.unpack(existing))
    if key in state.refused or key in state.recalled.failed:
        return TransferResult.ID_ALREADY_FAILED
    if flags & _RESOLVING:
        if flags & _RESOLVING == _RESOLVING or flags & _NOT_WITH_RESOLVING:
            return TransferResult.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        return _post_or_void(state, event, timestamp)
    return _move(state, event, timestamp)


def _move(state: State, event: Event, timestamp: int) -> TransferResult:
    """An immediate or a pending transfer, its frame already checked."""
    (_, debit_key, credit_key, amount, _, pending_key, _, _, _, timeout, ledger, code, flags,
     _) = event
    if debit_key == _ZERO:
        return TransferResult.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if debit_key == _INT_MAX:
        return TransferResult.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if credit_key == _ZERO:
        return TransferResult.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if credit_key == _INT_MAX:
        return TransferResult.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if debit_key == credit_key:
        return TransferResult.ACCOUNTS_MUST_BE_DIFFERENT
    if pending_key != _ZERO:
        return TransferResult.PENDING_ID_MUST_BE_ZERO
    if timeout and not flags & _PENDING:
        return TransferResult.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if flags & _CLOSING and not flags & _PENDING:
        return TransferResult.CLOSING_TRANSFER_MUST_BE_PENDING
    if ledger == 0:
        return TransferResult.LEDGER_MUST_NOT_BE_ZERO
    if code == 0:
        return TransferResult.CODE_MUST_NOT_BE_ZERO
    debit = state.live.get(debit_key)
    if debit is None:
        return TransferResult.DEBIT_ACCOUNT_NOT_FOUND
    credit = state.live.get(credit_key)
    if credit is None:
        return TransferResult.CREDIT_ACCOUNT_NOT_FOUND
    if debit.ledger != credit.ledger:
        return TransferResult.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if ledger != debit.ledger:
        return TransferResult.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    if debit.flags & _CLOSED:
        return TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit.flags & _CLOSED:
        return TransferResult.CREDIT_ACCOUNT_ALREADY_CLOSED
    if flags & _BALANCING:
        amount = _balanced(amount, flags, debit, credit)
    refusal = _refuse_amount(amount, flags, debit, credit)
    if timestamp + timeout * NS_PER_S > TIMESTAMP_NS_MAX and refusal not in _BEFORE_TIMEOUT:
        return TransferResult.OVERFLOWS_TIMEOUT
    if refusal is not None:
        return refusal

    # From here the transfer must succeed.
    assert debit is not credit, "checked above"
    _carry_out(state, event, amount, timestamp, (debit, credit))
    return _OK


# Overflows of sums come before the overflow of a time-out, limits after it.
_BEFORE_TIMEOUT = frozenset({
    TransferResult.OVERFLOWS_DEBITS_PENDING,
    TransferResult.OVERFLOWS_CREDITS_PENDING,
    TransferResult.OVERFLOWS_DEBITS_POSTED,
    TransferResult.OVERFLOWS_CREDITS_POSTED,
    TransferResult.OVERFLOWS_DEBITS,
    TransferResult.OVERFLOWS_CREDITS,
})


def _balanced(amount: int, flags: int, debit: LiveAccount, credit: LiveAccount) -> int:
    """The amount asked, cut to what the balanced sides still allow; zero when nothing is left."""
    if flags & _BALANCING_DEBIT:
        room = debit.credits_posted - debit.debits_posted - debit.debits_pending
        amount = min(amount, max(room, 0))
    if flags & _BALANCING_CREDIT:
        room = credit.debits_posted - credit.credits_posted - credit.credits_pending
        amount = min(amount, max(room, 0))
    return amount


def _refuse_amount(
    amount: int, flags: int, debit: LiveAccount, credit: LiveAccount
) -> TransferResult | None:
    """Overflows, then the accounts' own limits. Holds count: what is pending is as good as gone."""
    room = AMOUNT_MAX - amount
    if flags & _PENDING:
        if debit.debits_pending > room:
            return TransferResult.OVERFLOWS_DEBITS_PENDING
        if credit.credits_pending > room:
            return TransferResult.OVERFLOWS_CREDITS_PENDING
    if debit.debits_posted > room:
        return TransferResult.OVERFLOWS_DEBITS_POSTED
    if credit.credits_posted > room:
        return TransferResult.OVERFLOWS_CREDITS_POSTED
    debits = debit.debits_pending + debit.debits_posted
    if debits > room:
        return TransferResult.OVERFLOWS_DEBITS
    credits = credit.credits_pending + credit.credits_posted
    if credits > room:
        return TransferResult.OVERFLOWS_CREDITS
    if debit.is_debits_limited and debits + amount > debit.credits_posted:
        return TransferResult.EXCEEDS_CREDITS
    if credit.is_credits_limited and credits + amount > credit.debits_posted:
        return TransferResult.EXCEEDS_DEBITS
    return None


def _carry_out(
    state: State, event: Event, amount: int, timestamp: int,
    accounts: tuple[LiveAccount, LiveAccount],
) -> None:
    debit, credit = accounts
    key, flags, undo = event[0], event[12], state.undo
    if undo is not None:
        undo.append((debit.restore, debit.sums()))
        undo.append((credit.restore, credit.sums()))
        undo.append((state.known.pop, (key,)))
    if flags & _PENDING:
        debit.debits_pending += amount
        credit.credits_pending += amount
        state.add_hold(key, Hold(event, amount, timestamp, debit, credit))
        if undo is not None:
            undo.append((state.held.pop, (key,)))
        if flags & _CLOSING_DEBIT:
            _set_flags(state, debit, debit.flags | _CLOSED)
        if flags & _CLOSING_CREDIT:
            _set_flags(state, credit, credit.flags | _CLOSED)
    else:
        debit.debits_posted += amount
        credit.credits_posted += amount
    state.known[key] = timestamp
    if flags & _BALANCING:
        _store_filled(state, key, records.EVENT.pack(*event[:3], amount, *event[4:13], timestamp))
    _note_history(state, timestamp, debit, credit)
    state.time_ns = timestamp


def _post_or_void(state: State, event: Event, timestamp: int) -> TransferResult:
    key, pending_key, flags = event[0], event[5], event[12]
    if pending_key == _ZERO:
        return TransferResult.PENDING_ID_MUST_NOT_BE_ZERO
    if pending_key == _INT_MAX:
        return TransferResult.PENDING_ID_MUST_NOT_BE_INT_MAX
    if pending_key == key:
        return TransferResult.PENDING_ID_MUST_BE_DIFFERENT
    if event[9]:
        return TransferResult.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    record = state.find_record(pending_key)
    if record is None:
        return TransferResult.PENDING_TRANSFER_NOT_FOUND
    pending: Event = records.EVENT.unpack(record)
    if refusal := _refuse_difference(event, pending):
        return refusal
    is_void = bool(flags & _VOID)
    amount = _amount_asked(event, pending[3])
    if amount > pending[3]:
        return TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if is_void and amount < pending[3]:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    status = state.hold_status_of(pending_key)
    if status is not HoldStatus.OPEN:
        return _RESOLVED[status]
    hold = state.held[pending_key]
    if hold.expires_at_ns and hold.expires_at_ns <= timestamp:
        return TransferResult.PENDING_TRANSFER_EXPIRED
    # The only movement in a closed account is the void of a hold.
    if not is_void and hold.debit.flags & _CLOSED:
        return TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED
    if not is_void and hold.credit.flags & _CLOSED:
        return TransferResult.CREDIT_ACCOUNT_ALREADY_CLOSED

    # From here the transfer must succeed.
    assert 0 <= amount <= hold.amount, "checked above"
    state.known[key] = timestamp
    state.noted.released.append(hold.amount)
    if state.undo is not None:
        state.undo.append((state.known.pop, (key,)))
        state.undo.append((state.noted.released.pop, ()))
    if is_void:
        resolve_hold(state, hold, HoldStatus.VOIDED, timestamp)
    else:
        resolve_hold(state, hold, HoldStatus.POSTED, timestamp, posted_amount=amount)
    _store_filled(state, key, _filled_in(event, pending, amount, timestamp))
    state.time_ns = timestamp
    return _OK


def _refuse_difference(event: Event, pending: Event) -> TransferResult | None:
    """What a post or void names of its hold must be the hold's; zero names nothing."""
    if not pending[12] & _PENDING:
        return TransferResult.PENDING_TRANSFER_NOT_PENDING
    if event[1] not in (_ZERO, pending[1]):
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if event[2] not in (_ZERO, pending[2]):
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if event[10] not in (0, pending[10]):
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if event[11] not in (0, pending[11]):
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    return None


def _amount_asked(event: Event, pending_amount: int) -> int:
    means_all = event[3] == 0 if event[12] & _VOID else event[3] == AMOUNT_MAX
    return pending_amount if means_all else event[3]


def _filled_in(event: Event, pending: Event, amount: int, timestamp: int) -> bytes:
    """The record of a post or void, with what it left to its hold."""
    return records.EVENT.pack(
        event[0], pending[1], pending[2], amount, 0, event[5],
        pending[6] if event[6] == _ZERO else event[6], event[7] or pending[7],
        event[8] or pending[8], 0, pending[10], pending[11], event[12], timestamp,
    )


def resolve_hold(
    state: State, hold: Hold, status: HoldStatus, at_ns: int, *, posted_amount: int = 0
) -> None:
    """Release an open hold's whole amount and post `posted_amount` (none for void and expiry)."""
    assert posted_amount == 0 or status is HoldStatus.POSTED, "only a post moves money"
    assert hold.status is HoldStatus.OPEN, "a hold is resolved once"
    assert status is not HoldStatus.OPEN, "and stays so"
    debit, credit = hold.debit, hold.credit
    assert debit.debits_pending >= hold.amount, "an open hold is in its debit account's pending"
    assert credit.credits_pending >= hold.amount, "and in its credit account's"
    if state.undo is not None:
        state.undo.append((debit.restore, debit.sums()))
        state.undo.append((credit.restore, credit.sums()))
        state.undo.append((hold.settle, (HoldStatus.OPEN, 0)))
    hold.settle(status, at_ns)
    debit.debits_pending -= hold.amount
    credit.credits_pending -= hold.amount
    debit.debits_posted += posted_amount
    credit.credits_posted += posted_amount
    flags = hold.fields[12]
    if status is not HoldStatus.POSTED and flags & _CLOSING_DEBIT:
        _set_flags(state, debit, debit.flags & ~_CLOSED)
    if status is not HoldStatus.POSTED and flags & _CLOSING_CREDIT:
        _set_flags(state, credit, credit.flags & ~_CLOSED)
    _note_history(state, at_ns, debit, credit)


def _set_flags(state: State, account: LiveAccount, flags: int) -> None:
    if state.undo is not None:
        state.undo.append((account.set_flags, (account.flags,)))
        state.undo.append((state.noted.flags.pop, ()))
    account.set_flags(flags)
    state.noted.flags.append((account.key, flags))


def _store_filled(state: State, key: bytes, record: bytes) -> None:
    state.filled[key] = record
    state.noted.filled.append(record)
    if state.undo is not None:
        state.undo.append((state.filled.pop, (key,)))
        state.undo.append((state.noted.filled.pop, ()))


def _note_history(state: State, at_ns: int, *accounts: LiveAccount) -> None:
    for account in accounts:
        if account.flags & _HISTORY:
            state.noted.history.append((account.key, at_ns, *account.sums()))
            if state.undo is not None:
                state.undo.append((state.noted.history.pop, ()))


def _compare(state: State, event: Event, existing: Event) -> TransferResult:
    """The id is known: the same transfer again, or another one under a used id."""
    assert event[0] == existing[0]
    flags = event[12]
    if flags != existing[12]:
        return TransferResult.EXISTS_WITH_DIFFERENT_FLAGS
    if event[5] != existing[5]:
        return TransferResult.EXISTS_WITH_DIFFERENT_PENDING_ID
    if event[9] != existing[9]:
        return TransferResult.EXISTS_WITH_DIFFERENT_TIMEOUT
    expected = event
    if flags & _RESOLVING:
        record = state.find_record(existing[5])
        assert record is not None, "a post or void has a hold"
        expected = _as_filled_in(event, records.EVENT.unpack(record))
    if expected[1] != existing[1]:
        return TransferResult.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if expected[2] != existing[2]:
        return TransferResult.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    # A balancing transfer names a maximum; another one names what was moved.
    if expected[3] < existing[3] or (expected[3] > existing[3] and not flags & _BALANCING):
        return TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT
    if expected[6] != existing[6]:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if expected[7] != existing[7]:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if expected[8] != existing[8]:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if expected[10] != existing[10]:
        return TransferResult.EXISTS_WITH_DIFFERENT_LEDGER
    if expected[11] != existing[11]:
        return TransferResult.EXISTS_WITH_DIFFERENT_CODE
    return TransferResult.EXISTS


def _as_filled_in(event: Event, pending: Event) -> Event:
    """A post or void sent again, with what it leaves to its hold."""
    (key, debit_key, credit_key, amount, _, pending_key, data_128, data_64, data_32, timeout,
     ledger, code, flags, _) = event
    # A post that asks for more than its hold asks for all of it.
    asked = amount or pending[3] if flags & _VOID else min(amount, pending[3])
    return (
        key, pending[1] if debit_key == _ZERO else debit_key,
        pending[2] if credit_key == _ZERO else credit_key, asked, 0, pending_key,
        pending[6] if data_128 == _ZERO else data_128, data_64 or pending[7],
        data_32 or pending[8], timeout, ledger or pending[10], code or pending[11], flags, 0,
    )

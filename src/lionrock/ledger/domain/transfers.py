"""create_transfer: straight lines of refusals in TigerBeetle's documented order.

Source: TigerBeetle reference, create_transfers. Each function first refuses; after its line
`From here the transfer must succeed.` nothing may fail.
"""

from __future__ import annotations

from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    ID_MAX,
    NS_PER_S,
    TIMESTAMP_NS_MAX,
    Account,
    AccountFlags,
    Balance,
    HoldStatus,
    Transfer,
    TransferFlags,
)

# Plain integers: the flag classes cost more than the checks they serve.
_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_MODES = _PENDING | _POST | _VOID
_KNOWN = _MODES | int(TransferFlags.LINKED)
_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_CLOSED = int(AccountFlags.CLOSED)

_RESOLVED = {
    HoldStatus.POSTED: TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
    HoldStatus.VOIDED: TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
    HoldStatus.EXPIRED: TransferResult.PENDING_TRANSFER_EXPIRED,
}
_OK = TransferResult.OK


def create_transfer(state: State, t: Transfer, timestamp: int) -> TransferResult:
    """Carry out one transfer as sent at `timestamp`, or say why not."""
    assert timestamp > state.time_ns, "timestamps strictly increase"
    if t.timestamp:
        return TransferResult.TIMESTAMP_MUST_BE_ZERO
    if t.flags & ~_KNOWN:
        return TransferResult.RESERVED_FLAG
    if t.id == 0:
        return TransferResult.ID_MUST_NOT_BE_ZERO
    if t.id == ID_MAX:
        return TransferResult.ID_MUST_NOT_BE_INT_MAX
    existing = state.find_transfer(t.id)
    if existing is not None:
        return _compare(state, t, existing)
    if state.has_failed(t.id):
        return TransferResult.ID_ALREADY_FAILED
    mode = t.flags & _MODES
    if mode & (mode - 1):  # more than one bit
        return TransferResult.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if mode & (_POST | _VOID):
        return _post_or_void(state, t, timestamp)
    return _check_fields(t) or _move(state, t, timestamp)


def _check_fields(t: Transfer) -> TransferResult | None:
    if t.debit_account_id == 0:
        return TransferResult.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if t.debit_account_id == ID_MAX:
        return TransferResult.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if t.credit_account_id == 0:
        return TransferResult.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if t.credit_account_id == ID_MAX:
        return TransferResult.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if t.debit_account_id == t.credit_account_id:
        return TransferResult.ACCOUNTS_MUST_BE_DIFFERENT
    if t.pending_id:
        return TransferResult.PENDING_ID_MUST_BE_ZERO
    if t.timeout and not t.flags & _PENDING:
        return TransferResult.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if t.ledger == 0:
        return TransferResult.LEDGER_MUST_NOT_BE_ZERO
    if t.code == 0:
        return TransferResult.CODE_MUST_NOT_BE_ZERO
    return None


def _move(state: State, t: Transfer, timestamp: int) -> TransferResult:
    """An immediate or a pending transfer, its own fields already checked."""
    debit_account = state.accounts.get(t.debit_account_id)
    if debit_account is None:
        return TransferResult.DEBIT_ACCOUNT_NOT_FOUND
    credit_account = state.accounts.get(t.credit_account_id)
    if credit_account is None:
        return TransferResult.CREDIT_ACCOUNT_NOT_FOUND
    if debit_account.ledger != credit_account.ledger:
        return TransferResult.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if t.ledger != debit_account.ledger:
        return TransferResult.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    if debit_account.flags & _CLOSED:
        return TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit_account.flags & _CLOSED:
        return TransferResult.CREDIT_ACCOUNT_ALREADY_CLOSED
    debit = state.balances[t.debit_account_id]
    credit = state.balances[t.credit_account_id]
    if overflow := _check_overflows(t, debit, credit, timestamp):
        return overflow
    if limit := _check_limits(t.amount, (debit_account, debit), (credit_account, credit)):
        return limit

    # From here the transfer must succeed.
    assert debit_account.id != credit_account.id, "checked above"
    amount = t.amount
    if t.flags & _PENDING:
        debit_after = Balance(debit.debits_pending + amount, debit.debits_posted,
                              debit.credits_pending, debit.credits_posted)
        credit_after = Balance(credit.debits_pending, credit.debits_posted,
                               credit.credits_pending + amount, credit.credits_posted)
    else:
        debit_after = Balance(debit.debits_pending, debit.debits_posted + amount,
                              debit.credits_pending, debit.credits_posted)
        credit_after = Balance(credit.debits_pending, credit.debits_posted,
                               credit.credits_pending, credit.credits_posted + amount)
    state.put(state.balances, t.debit_account_id, debit_after)
    state.put(state.balances, t.credit_account_id, credit_after)
    state.add_transfer(Transfer(
        t.id, t.debit_account_id, t.credit_account_id, amount, 0, t.user_data_128,
        t.user_data_64, t.user_data_32, t.timeout, t.ledger, t.code, t.flags, timestamp,
    ))
    state.time_ns = timestamp
    return _OK


def _check_overflows(
    t: Transfer, debit: Balance, credit: Balance, timestamp: int
) -> TransferResult | None:
    room = AMOUNT_MAX - t.amount
    if t.flags & _PENDING:
        if debit.debits_pending > room:
            return TransferResult.OVERFLOWS_DEBITS_PENDING
        if credit.credits_pending > room:
            return TransferResult.OVERFLOWS_CREDITS_PENDING
    if debit.debits_posted > room:
        return TransferResult.OVERFLOWS_DEBITS_POSTED
    if credit.credits_posted > room:
        return TransferResult.OVERFLOWS_CREDITS_POSTED
    if debit.debits_pending + debit.debits_posted > room:
        return TransferResult.OVERFLOWS_DEBITS
    if credit.credits_pending + credit.credits_posted > room:
        return TransferResult.OVERFLOWS_CREDITS
    if timestamp + t.timeout * NS_PER_S > TIMESTAMP_NS_MAX:
        return TransferResult.OVERFLOWS_TIMEOUT
    return None


def _check_limits(
    amount: int, debit: tuple[Account, Balance], credit: tuple[Account, Balance]
) -> TransferResult | None:
    """Holds count: what is pending is as good as gone."""
    account, balance = debit
    if (account.flags & _DEBITS_LIMITED
            and balance.debits_pending + balance.debits_posted + amount > balance.credits_posted):
        return TransferResult.EXCEEDS_CREDITS
    account, balance = credit
    if (account.flags & _CREDITS_LIMITED
            and balance.credits_pending + balance.credits_posted + amount > balance.debits_posted):
        return TransferResult.EXCEEDS_DEBITS
    return None


def _post_or_void(state: State, t: Transfer, timestamp: int) -> TransferResult:
    is_void = bool(t.flags & _VOID)
    if refusal := _check_reference(t):
        return refusal
    hold = state.find_transfer(t.pending_id)
    if hold is None:
        return TransferResult.PENDING_TRANSFER_NOT_FOUND
    if refusal := _check_agrees(t, hold):
        return refusal
    amount = _amount_asked(t, hold)
    if amount > hold.amount:
        return TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if is_void and amount < hold.amount:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    status = state.hold_status(hold.id)
    if status is not HoldStatus.OPEN:
        return _RESOLVED[status]
    if hold.timeout and hold.expires_at_ns <= timestamp:
        return TransferResult.PENDING_TRANSFER_EXPIRED
    if not is_void and state.accounts[hold.debit_account_id].flags & _CLOSED:
        return TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED
    if not is_void and state.accounts[hold.credit_account_id].flags & _CLOSED:
        return TransferResult.CREDIT_ACCOUNT_ALREADY_CLOSED

    # From here the transfer must succeed.
    assert 0 <= amount <= hold.amount, "checked above"
    if is_void:
        resolve_hold(state, hold, HoldStatus.VOIDED, timestamp)
    else:
        resolve_hold(state, hold, HoldStatus.POSTED, timestamp, posted_amount=amount)
    state.add_transfer(Transfer(
        t.id, hold.debit_account_id, hold.credit_account_id, amount, hold.id,
        t.user_data_128 or hold.user_data_128, t.user_data_64 or hold.user_data_64,
        t.user_data_32 or hold.user_data_32, 0, hold.ledger, hold.code, t.flags, timestamp,
    ))
    state.time_ns = timestamp
    return _OK


def _check_reference(t: Transfer) -> TransferResult | None:
    if t.pending_id == 0:
        return TransferResult.PENDING_ID_MUST_NOT_BE_ZERO
    if t.pending_id == ID_MAX:
        return TransferResult.PENDING_ID_MUST_NOT_BE_INT_MAX
    if t.pending_id == t.id:
        return TransferResult.PENDING_ID_MUST_BE_DIFFERENT
    if t.timeout:
        return TransferResult.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    return None


def _check_agrees(t: Transfer, hold: Transfer) -> TransferResult | None:
    """What a post or void names of its hold must be the hold's; zero names nothing."""
    if not hold.flags & _PENDING:
        return TransferResult.PENDING_TRANSFER_NOT_PENDING
    if t.debit_account_id and t.debit_account_id != hold.debit_account_id:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if t.credit_account_id and t.credit_account_id != hold.credit_account_id:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if t.ledger and t.ledger != hold.ledger:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if t.code and t.code != hold.code:
        return TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    return None


def _amount_asked(t: Transfer, hold: Transfer) -> int:
    means_all = t.amount == 0 if t.flags & _VOID else t.amount == AMOUNT_MAX
    return hold.amount if means_all else t.amount


def resolve_hold(
    state: State, hold: Transfer, status: HoldStatus, at_ns: int, *, posted_amount: int = 0
) -> None:
    """Release an open hold's whole amount and post `posted_amount` (none for void and expiry)."""
    assert posted_amount == 0 or status is HoldStatus.POSTED, "only a post moves money"
    debit = state.balances[hold.debit_account_id]
    credit = state.balances[hold.credit_account_id]
    assert debit.debits_pending >= hold.amount, "an open hold is in its debit account's pending"
    assert credit.credits_pending >= hold.amount, "and in its credit account's"
    state.settle_hold(hold.id, status, at_ns)
    state.put(state.balances, hold.debit_account_id, Balance(
        debit.debits_pending - hold.amount, debit.debits_posted + posted_amount,
        debit.credits_pending, debit.credits_posted,
    ))
    state.put(state.balances, hold.credit_account_id, Balance(
        credit.debits_pending, credit.debits_posted,
        credit.credits_pending - hold.amount, credit.credits_posted + posted_amount,
    ))


def _compare(state: State, t: Transfer, existing: Transfer) -> TransferResult:
    """The id is known: the same transfer again, or another one under a used id."""
    assert t.id == existing.id
    if t.flags != existing.flags:
        return TransferResult.EXISTS_WITH_DIFFERENT_FLAGS
    if t.pending_id != existing.pending_id:
        return TransferResult.EXISTS_WITH_DIFFERENT_PENDING_ID
    if t.timeout != existing.timeout:
        return TransferResult.EXISTS_WITH_DIFFERENT_TIMEOUT
    expected = t
    if t.flags & (_POST | _VOID):
        hold = state.find_transfer(existing.pending_id)
        assert hold is not None, "a post or void has a hold"
        expected = _filled_in(t, hold)
    if expected.debit_account_id != existing.debit_account_id:
        return TransferResult.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if expected.credit_account_id != existing.credit_account_id:
        return TransferResult.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    if expected.amount != existing.amount:
        return TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT
    if expected.user_data_128 != existing.user_data_128:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if expected.user_data_64 != existing.user_data_64:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if expected.user_data_32 != existing.user_data_32:
        return TransferResult.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if expected.ledger != existing.ledger:
        return TransferResult.EXISTS_WITH_DIFFERENT_LEDGER
    if expected.code != existing.code:
        return TransferResult.EXISTS_WITH_DIFFERENT_CODE
    return TransferResult.EXISTS


def _filled_in(t: Transfer, hold: Transfer) -> Transfer:
    """A post or void with what it left to its hold."""
    return Transfer(
        t.id, t.debit_account_id or hold.debit_account_id,
        t.credit_account_id or hold.credit_account_id, _amount_asked(t, hold), t.pending_id,
        t.user_data_128 or hold.user_data_128, t.user_data_64 or hold.user_data_64,
        t.user_data_32 or hold.user_data_32, t.timeout, t.ledger or hold.ledger,
        t.code or hold.code, t.flags, t.timestamp,
    )

"""create_account: one straight line of refusals in TigerBeetle's documented order.

Source: TigerBeetle reference, create_accounts.
"""

from __future__ import annotations

from lionrock.ledger.domain.results import AccountResult
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import ID_MAX, Account, AccountFlags

_LIMITS = int(
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
)
# A plain integer: the complement of an IntFlag would lack the bits that no flag has.
_KNOWN = int(_LIMITS | AccountFlags.LINKED | AccountFlags.HISTORY | AccountFlags.CLOSED)


def create_account(state: State, sent: Account, timestamp: int) -> AccountResult:
    """Open an account at `timestamp`, or say why not."""
    assert timestamp > state.time_ns, "timestamps strictly increase"
    if refusal := _check_frame(sent):
        return refusal
    existing = state.account(sent.id)
    if existing is not None:
        return _compare(sent, existing)
    if refusal := _check_terms(sent):
        return refusal

    # From here the account must be opened.
    state.open_account(Account(
        sent.id, 0, 0, 0, 0, sent.user_data_128, sent.user_data_64, sent.user_data_32,
        sent.ledger, sent.code, sent.flags, timestamp,
    ))
    state.time_ns = timestamp
    return AccountResult.OK


def _check_frame(sent: Account) -> AccountResult | None:
    if sent.timestamp:
        return AccountResult.TIMESTAMP_MUST_BE_ZERO
    if sent.reserved:
        return AccountResult.RESERVED_FIELD
    if sent.flags & ~_KNOWN:
        return AccountResult.RESERVED_FLAG
    if sent.id == 0:
        return AccountResult.ID_MUST_NOT_BE_ZERO
    if sent.id == ID_MAX:
        return AccountResult.ID_MUST_NOT_BE_INT_MAX
    return None


def _compare(sent: Account, existing: Account) -> AccountResult:
    assert sent.id == existing.id
    if sent.flags != existing.flags:
        return AccountResult.EXISTS_WITH_DIFFERENT_FLAGS
    if sent.user_data_128 != existing.user_data_128:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if sent.user_data_64 != existing.user_data_64:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if sent.user_data_32 != existing.user_data_32:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if sent.ledger != existing.ledger:
        return AccountResult.EXISTS_WITH_DIFFERENT_LEDGER
    if sent.code != existing.code:
        return AccountResult.EXISTS_WITH_DIFFERENT_CODE
    return AccountResult.EXISTS


def _check_terms(sent: Account) -> AccountResult | None:
    if sent.flags & _LIMITS == _LIMITS:
        return AccountResult.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if sent.debits_pending:
        return AccountResult.DEBITS_PENDING_MUST_BE_ZERO
    if sent.debits_posted:
        return AccountResult.DEBITS_POSTED_MUST_BE_ZERO
    if sent.credits_pending:
        return AccountResult.CREDITS_PENDING_MUST_BE_ZERO
    if sent.credits_posted:
        return AccountResult.CREDITS_POSTED_MUST_BE_ZERO
    if sent.ledger == 0:
        return AccountResult.LEDGER_MUST_NOT_BE_ZERO
    if sent.code == 0:
        return AccountResult.CODE_MUST_NOT_BE_ZERO
    return None

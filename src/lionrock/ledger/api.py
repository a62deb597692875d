"""The only door of the ledger for other pillars.

`Ledger` is implemented by the client of the ledger process and, for tests and single-process runs,
by an in-process one; both answer only after the journal's commit. Send ids that were saved before
the call: repeating the same call after any failure is always safe, and is how a call whose answer
was lost is finished. `Unavailable` means that the outcome is not known yet; repeat the same ids.

Names and meaning: TigerBeetle reference (accounts, transfers, create_transfers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lionrock.ledger.domain.results import AccountResult, TransferResult
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    Account,
    AccountDraft,
    AccountFlags,
    HoldStatus,
    Transfer,
    TransferDraft,
    TransferFlags,
)

__all__ = [
    "AMOUNT_MAX",
    "Account",
    "AccountDraft",
    "AccountFlags",
    "AccountResult",
    "HoldStatus",
    "Ledger",
    "Transfer",
    "TransferDraft",
    "TransferFlags",
    "TransferOutcome",
    "TransferResult",
    "Unavailable",
    "all_created",
]


class Unavailable(ConnectionError):
    """The ledger did not answer in time. What was sent may or may not have been carried out."""


class TransferOutcome(NamedTuple):
    """The answer to one transfer.

    `ledger_sequence` is the journal row that holds the answer: a reader who waits until the query
    tables have reached it sees the transfer.
    """

    result: TransferResult
    ledger_sequence: int


class Ledger(Protocol):
    """Create and look up; at most 1,000 events a call, chains within one call."""

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        """Open accounts; one result each, in order. Unavailable when there is no answer."""
        ...

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        """Carry out transfers; one outcome each, in order. Unavailable when there is no answer."""
        ...

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order asked, with balances as of now."""
        ...

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order asked."""
        ...


def all_created(outcomes: Sequence[TransferOutcome] | Sequence[AccountResult]) -> bool:
    """Say whether everything in one call stands, whether by this call or by an earlier same one.

    Right for single events and for one chain that is the whole call. When a chain that succeeded is
    sent again its first event answers `exists` and the rest `linked_event_failed`: a chain exists
    only as a whole, so that means success. (TigerBeetle reference, linked events.)
    """
    names = [str(o.result) if isinstance(o, TransferOutcome) else str(o) for o in outcomes]
    assert names, "an empty call has no answer"
    if all(name in {"ok", "exists"} for name in names):
        return True
    return names[0] == "exists" and set(names[1:]) == {"linked_event_failed"}

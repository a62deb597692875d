"""The only door of the ledger for other pillars.

`Ledger` is what they are handed: the client of the ledger process (`connect`), or in tests and
single-process runs an in-process one (`in_process`); both answer only after the journal's commit.
Send ids that were saved before the call: repeating the same call after any failure is always safe,
and is how a call whose answer was lost is finished. `Unavailable` means that the outcome is not
known yet; repeat the same ids. What repeats answer: see `all_created`.

`LedgerReader` reads the query tables, which follow the journal; `wait_for` the sequence of your own
write before you read it there.

Names and meaning: TigerBeetle reference (accounts, transfers, create_transfers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lionrock.ledger.client import LedgerClient, connect, in_process
from lionrock.ledger.domain.filters import AccountFilter, QueryFilter
from lionrock.ledger.domain.results import (
    AccountResult,
    TransferOutcome,
    TransferResult,
    all_created,
)
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    Account,
    AccountDraft,
    AccountFlags,
    Balance,
    HoldStatus,
    Transfer,
    TransferDraft,
    TransferFlags,
)
from lionrock.ledger.http import table
from lionrock.ledger.service.metadata import Metadata, MetadataKind
from lionrock.ledger.service.projection import Projection
from lionrock.ledger.service.reader import (
    AccountRow,
    BalanceRow,
    CopyLag,
    CopyProgress,
    LedgerReader,
    TransferRow,
)
from lionrock.ledger.store.metadata import Note
from lionrock.ledger.wire import Unavailable

__all__ = [
    "AMOUNT_MAX",
    "Account",
    "AccountDraft",
    "AccountFilter",
    "AccountFlags",
    "AccountResult",
    "AccountRow",
    "Balance",
    "BalanceRow",
    "CopyLag",
    "CopyProgress",
    "HoldStatus",
    "Ledger",
    "LedgerClient",
    "LedgerReader",
    "Metadata",
    "MetadataKind",
    "Note",
    "Projection",
    "QueryFilter",
    "Transfer",
    "TransferDraft",
    "TransferFlags",
    "TransferOutcome",
    "TransferResult",
    "TransferRow",
    "Unavailable",
    "all_created",
    "connect",
    "in_process",
    "table",
]


class Ledger(Protocol):
    """Create and look up; at most 1,000 events a call, chains within one call.

    Every method raises Unavailable when there is no answer in time, and ValueError for more events
    than a call takes.
    """

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        """Open accounts; one result each, in order."""
        ...

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        """Carry out transfers; one outcome each, in order."""
        ...

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order asked, with balances as of now."""
        ...

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order asked."""
        ...

"""A batch file, its blocks and entries, as values.

Pure. Source: ISO 20022 pain.001.001.09, pain.002.001.10, pain.008.001.10 in our narrower usage.
Invariants: a file moves along STATES only forwards; nothing is begun before the whole was accepted.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Literal

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import PartyAccount, Proxy

CREDIT_FILE, DEBIT_FILE = "pain.001.001.09", "pain.008.001.10"
FILE_BYTES_MAX = 256 * 1024 * 1024
PART_BYTES_MAX = 1024 * 1024
PARTS_MAX = 1_024
ENTRIES_MAX = 100_000
FILES_OPEN_MAX = 16

# open: parts arrive; received: complete, to be checked; accepted: entries are being carried out;
# done or refused: to be answered; answered: over.
FileState = Literal["open", "received", "accepted", "done", "refused", "answered"]
EntryStatus = Literal["staged", "begun", "settled", "rejected"]


class BatchFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as stored; `name` is its sender's. Counts are of entries; `digest` SHA-256."""

    id: str
    organisation_id: str
    name: str
    definition: str
    byte_count: int
    part_count: int
    digest: bytes
    opened_at: datetime
    state: FileState = "open"
    refusal: str = ""
    detail: str = ""
    message_id: str = ""
    created_on: str = ""
    entry_count: int = 0
    control_sum: int = 0
    begun_count: int = 0
    settled_count: int = 0
    rejected_count: int = 0
    answer_parts: int = 0
    answer_digest: bytes | None = None
    answered_at: datetime | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction of a file: `number` counts from 1 through the whole file.

    `on` is the day asked for. `mandate_id` is the authorisation that a direct debit names, and
    `sequence` which of its collections this is (FRST, RCUR, FNAL, OOFF); "" in credit files.
    """

    number: int
    block_id: str
    instruction_id: str
    end_to_end_id: str
    uetr: str
    amount: Money
    debtor: PartyAccount
    creditor: PartyAccount
    proxy: Proxy | None = None
    remittance: str = ""
    mandate_id: str = ""
    sequence: str = ""
    on: date


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself, once it was found to be true; `control_sum` in minor units."""

    message_id: str
    created_on: str
    entry_count: int
    control_sum: int


class EntryState(msgspec.Struct, frozen=True, kw_only=True):
    """How one entry stands."""

    number: int
    block_id: str
    instruction_id: str
    end_to_end_id: str
    status: EntryStatus
    payment_id: str | None
    reason_code: str
    reason_text: str


def transaction_id_of_entry(file_id: str, number: int) -> str:
    """TxId of an entry's payment: 32 hex digits that follow from file and number."""
    return hashlib.sha256(f"{file_id}\n{number}".encode()).hexdigest()[:32]

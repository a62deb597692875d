"""What the bank test's clients do, and the notes by which its end is judged.

Each client notes what it is going to do before it calls the ledger (the ids saved before the call)
and what it was told after it; both notes are lines appended to files, so that they outlive
whoever wrote them. Whatever was noted and not answered is repeated by a worker, with the same ids.

Twenty customers in two ledgers, none of whom may overdraw, begin with the same amount each: money
only moves between customers, so that each ledger's customers always hold the same total.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from lionrock.ledger.api import (
    AMOUNT_MAX,
    Account,
    AccountDraft,
    AccountFlags,
    TransferDraft,
    TransferFlags,
    TransferOutcome,
    all_created,
)

HKD, CNY = 344, 156
LEDGERS = (HKD, CNY)
CUSTOMERS = {ledger: range(ledger * 1_000 + 1, ledger * 1_000 + 11) for ledger in LEDGERS}
RESERVE = {ledger: ledger * 1_000 for ledger in LEDGERS}
BEGIN_WITH = 1_000_00
TOTAL = BEGIN_WITH * 10
CLIENTS = 16
TOO_MUCH = TOTAL * 2
LINKED = int(TransferFlags.LINKED)
PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
ALL_ACCOUNTS = [*RESERVE.values(), *(i for ledger in LEDGERS for i in CUSTOMERS[ledger])]
KINDS = ("transfer", "batch", "refund", "hold", "chain", "broken chain", "read")
SHARES = (40, 8, 10, 14, 14, 4, 10)


class Intent(msgspec.Struct, frozen=True):
    """A call as noted before it was made."""

    kind: str
    drafts: list[TransferDraft]

    @property
    def key(self) -> int:
        """What the answer refers to."""
        return self.drafts[0].id


class Told(msgspec.Struct, frozen=True):
    """What a caller was told: which of the drafts stand."""

    key: int
    stands: list[bool]
    results: list[str]


class Read(msgspec.Struct, frozen=True):
    """A read of the whole ledger in one call, and what is wrong with it."""

    wrong: str = ""


class Notes:
    """A file of lines that outlives its writer."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def add(self, note: Intent | Told | Read) -> None:
        """Append a note; once this returns, kill -9 cannot take it back."""
        os.write(self._file, msgspec.json.encode(note) + b"\n")


def lines_in(path: Path, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Whole lines from a byte on, each with where the next one begins."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            start += len(line)
            yield line, start


def opening() -> tuple[list[AccountDraft], list[TransferDraft]]:
    """The accounts, and the transfers that give the customers what they begin with."""
    limited = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    accounts, transfers = [], []
    for ledger in LEDGERS:
        accounts.append(AccountDraft(id=RESERVE[ledger], ledger=ledger, code=1))
        for customer in CUSTOMERS[ledger]:
            accounts.append(AccountDraft(id=customer, ledger=ledger, code=2, flags=limited))
            transfers.append(pay(customer, RESERVE[ledger], customer, BEGIN_WITH, ledger))
    return accounts, transfers


def pay(
    transfer_id: int, debit: int, credit: int, amount: int, ledger: int, *, flags: int = 0,
    timeout: int = 0,
) -> TransferDraft:
    """A transfer between two accounts."""
    return TransferDraft(id=transfer_id, debit_account_id=debit, credit_account_id=credit,
                         amount=amount, ledger=ledger, code=7, flags=flags, timeout=timeout)


def id_of(client: int, number: int, part: int = 0) -> int:
    """The id of a part of a client's call; parts 0..8 are its drafts, 9 its refund."""
    return (client + 1) * 10**12 + number * 10 + part


def choose_kind(chance: Random) -> str:
    """What a client does next."""
    return chance.choices(KINDS, SHARES)[0]


def plan(kind: str, client: int, number: int, chance: Random) -> Intent:
    """The call of a kind that moves money, refunds and resolutions apart."""
    if kind in {"chain", "broken chain"}:
        drafts = [_random_pay(client, number, part, chance, flags=LINKED)
                  for part in range(chance.randint(2, 4))]
        if kind == "broken chain":
            at = chance.randrange(len(drafts))
            drafts[at] = msgspec.structs.replace(drafts[at], amount=TOO_MUCH)
        drafts[-1] = msgspec.structs.replace(drafts[-1], flags=0)
        return Intent(kind, drafts)
    if kind == "batch":
        return Intent(kind, [_random_pay(client, number, part, chance) for part in range(8)])
    if kind == "hold":
        timeout = chance.choice((0, 0, 1))
        return Intent(kind, [
            _random_pay(client, number, 0, chance, flags=PENDING, timeout=timeout)])
    return Intent(kind, [_random_pay(client, number, 0, chance)])


def refund(paid: TransferDraft) -> Intent:
    """Give a payment back; its id belongs to the payment, so that it happens once."""
    return Intent("refund", [pay(
        paid.id + 9, paid.credit_account_id, paid.debit_account_id, paid.amount, paid.ledger)])


def resolution(hold: TransferDraft, chance: Random) -> Intent:
    """Post a hold in whole or in part, or give it up."""
    flags = chance.choice((POST, POST, VOID))
    amount = chance.choice((AMOUNT_MAX, hold.amount // 2)) if flags == POST else 0
    return Intent("resolution", [
        TransferDraft(id=hold.id + 1, pending_id=hold.id, flags=flags, amount=amount)])


def _random_pay(
    client: int, number: int, part: int, chance: Random, *, flags: int = 0, timeout: int = 0
) -> TransferDraft:
    ledger = chance.choice(LEDGERS)
    debit, credit = chance.sample(CUSTOMERS[ledger], 2)
    amount = chance.choice((1, 2, 50, 1_000, 90_000))
    return pay(id_of(client, number, part), debit, credit, amount, ledger, flags=flags,
               timeout=timeout)


def judge(intent: Intent, outcomes: Sequence[TransferOutcome]) -> Told:
    """What the answer to a call says of each of its drafts."""
    results = [str(outcome.result) for outcome in outcomes]
    if intent.drafts[0].flags & LINKED:
        stands = [all_created(outcomes)] * len(results)
    else:
        stands = [result in {"ok", "exists"} for result in results]
    return Told(intent.key, stands, results)


def wrong_with(accounts: Sequence[Account]) -> str:
    """What does not add up in a read of the whole ledger; empty when all does."""
    if len(accounts) != len(ALL_ACCOUNTS):
        return f"{len(accounts)} accounts of {len(ALL_ACCOUNTS)}"
    for ledger in LEDGERS:
        mine = [a for a in accounts if a.ledger == ledger]
        held = sum(a.credits_posted - a.debits_posted for a in mine if a.id != RESERVE[ledger])
        if held != TOTAL:
            return f"the customers of {ledger} hold {held}, not {TOTAL}"
        if sum(a.debits_pending for a in mine) != sum(a.credits_pending for a in mine):
            return f"pending debits of {ledger} are not its pending credits"
        if any(a.debits_posted + a.debits_pending > a.credits_posted for a in mine
               if a.id != RESERVE[ledger]):
            return f"a customer of {ledger} is overdrawn"
    return ""

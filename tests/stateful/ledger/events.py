"""Random events that meet each other: few accounts, few ids, and every kind of mistake."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import msgspec

from lionrock.ledger.api import AMOUNT_MAX, Account, Transfer
from tests.stateful.ledger.model import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    CREDITS_LIMITED,
    DEBITS_LIMITED,
    HISTORY,
    INT_MAX,
    LINKED,
    PENDING,
    POST,
    VOID,
    Model,
)

LEDGERS = (344, 156)
CODE = 10
RECENT_MAX = 60
EVENTS_MAX = 12
OPENED = [
    (1, 344, 0), (2, 344, DEBITS_LIMITED), (3, 344, DEBITS_LIMITED | HISTORY),
    (4, 344, CREDITS_LIMITED), (5, 344, HISTORY), (6, 344, CREDITS_LIMITED | HISTORY), (7, 344, 0),
    (8, 344, 0), (14, 344, 0), (15, 344, 0), (9, 344, CLOSED),
    (11, 156, 0), (12, 156, DEBITS_LIMITED), (13, 156, HISTORY),
]
MOVING = {344: [1, 2, 3, 4, 5, 6, 7, 8], 156: [11, 12, 13]}
GREAT = ((7, 8), (8, 7), (14, 15), (15, 14), (7, 15), (14, 8))  # who moves almost AMOUNT_MAX
AMOUNTS = (0, 1, 2, 5, 10, 50, 100, 100, AMOUNT_MAX)
TIMEOUTS = (0, 0, 1, 5, 60, 2**32 - 1)
# The field changed in a repeat, and values it may take.
CHANGES = (
    ("id", (0, INT_MAX)), ("debit_account_id", (0, 1, 99, INT_MAX)),
    ("credit_account_id", (0, 2, 99, INT_MAX)), ("amount", (0, 1, 7, AMOUNT_MAX)),
    ("pending_id", (0, 3, INT_MAX)), ("ledger", (0, 344, 156)), ("code", (0, CODE, 11)),
    ("timeout", (0, 1, 2**32 - 1)), ("flags", (0, PENDING, POST, VOID, 256, 1 << 15)),
    ("user_data_128", (0, 1)), ("user_data_64", (0, 1)), ("user_data_32", (0, 1)),
    ("timestamp", (0, 1)),
)


T = TypeVar("T")


def opened() -> list[Account]:
    """The accounts that a world begins with."""
    return [account(i, ledger, flags) for i, ledger, flags in OPENED]


def account(account_id: int, ledger: int = 344, flags: int = 0) -> Account:
    """An account to open."""
    return Account(account_id, 0, 0, 0, 0, 0, 0, 0, ledger, CODE, flags, 0)


class Events:
    """A source of calls; what it draws depends on the seed and on what the model accepted."""

    def __init__(self, chance: Random, model: Model) -> None:
        self._chance = chance
        self._model = model
        self._recent: list[Transfer] = []
        self._holds: list[int] = []
        self._last_id = 1_000

    def calls(self) -> list[list[Account] | list[Transfer]]:
        """One batch: mostly transfers, a few new or repeated accounts."""
        chance = self._chance
        return [
            [self._account() for _ in range(chance.randint(1, 4))]
            if chance.random() < 0.04 else self._transfers(chance.randint(1, EVENTS_MAX))
            for _ in range(chance.choice((1, 1, 2, 3)))
        ]

    def _transfers(self, count: int) -> list[Transfer]:
        drawn = []
        link_share = self._chance.choice((0, 0, 0.5, 0.8))
        for at in range(count):
            t = self._transfer()
            is_last = at == count - 1
            if link_share and self._chance.random() < (0.05 if is_last else link_share):
                t = msgspec.structs.replace(t, flags=t.flags | LINKED)
            drawn.append(t)
        return drawn

    def keep(self, calls: Sequence[Sequence[Account] | Sequence[Transfer]]) -> None:
        """Remember some of what was played, mostly what was accepted, to come back to it."""
        sent = [t for call in calls for t in call if isinstance(t, Transfer)]
        for t in sent:
            if t.id not in self._model.transfers and self._chance.random() < 0.9:
                continue
            _push(self._recent, t, self._chance)
            if t.flags & PENDING or self._chance.random() < 0.05:
                _push(self._holds, t.id, self._chance)

    def _transfer(self) -> Transfer:
        chance = self._chance
        kind = chance.random()
        if kind < 0.16 and self._recent:
            return self._repeat(chance.choice(self._recent))
        self._last_id += 1
        if kind < 0.45 and self._holds:
            return self._resolution()
        t = self._movement()
        return self._changed(t) if kind > 0.95 else t

    def _movement(self) -> Transfer:
        chance = self._chance
        ledger = LEDGERS[chance.random() < 0.15]
        debit, credit = chance.sample(MOVING[ledger], 2)
        if chance.random() < 0.4:
            debit = MOVING[ledger][0]  # which has no limits, so that the others have money
        flags, timeout, amount = 0, 0, chance.choice(AMOUNTS[:-1])
        kind = chance.random()
        if kind < 0.4:
            flags, timeout = PENDING, chance.choice(TIMEOUTS)
        if 0.35 < kind < 0.55:
            flags |= chance.choice(
                (BALANCING_DEBIT, BALANCING_CREDIT, BALANCING_DEBIT | BALANCING_CREDIT))
        if kind < 0.006:
            timeout = chance.choice((0, 1, 5))
            flags |= chance.choice((CLOSING_DEBIT, CLOSING_CREDIT, CLOSING_DEBIT | CLOSING_CREDIT))
        if chance.random() < 0.03:
            debit, credit, ledger = (*chance.choice(GREAT), 344)
            amount = AMOUNT_MAX // chance.choice((1, 2, 3, 4)) - chance.randrange(2)
        elif chance.random() < 0.01:
            debit, credit = chance.choice(((9, 1), (1, 9), (1, 12), (1, 1), (1, 99), (99, 1)))
        data = chance.choice((0, 0, 7))
        return Transfer(
            self._last_id, debit, credit, amount, 0, data, data, data, timeout, ledger, CODE,
            flags, 0)

    def _resolution(self) -> Transfer:
        chance = self._chance
        hold_id = chance.choice(self._holds)
        flags = chance.choice((POST, VOID))
        amount = AMOUNT_MAX if flags == POST else 0
        if chance.random() < 0.4:
            amount = chance.choice(AMOUNTS)
        data = chance.choice((0, 0, 9))
        t = Transfer(self._last_id, 0, 0, amount, hold_id, data, data, data, 0, 0, 0, flags, 0)
        hold = self._model.transfers.get(hold_id)
        if hold is not None and chance.random() < 0.3:
            t = msgspec.structs.replace(
                t, debit_account_id=hold.debit_account_id, ledger=hold.ledger, code=hold.code,
                credit_account_id=hold.credit_account_id)
        return self._changed(t) if chance.random() < 0.1 else t

    def _repeat(self, t: Transfer) -> Transfer:
        if self._chance.random() < 0.2:
            stored = self._model.transfers.get(t.id, t)
            t = msgspec.structs.replace(stored, timestamp=0)
        return self._changed(t) if self._chance.random() < 0.4 else t

    def _changed(self, t: Transfer) -> Transfer:
        field, values = self._chance.choice(CHANGES)
        value = self._chance.choice(values)
        if field == "pending_id" and self._chance.random() < 0.2:
            value = t.id
        if field == "flags" and self._chance.random() < 0.7:
            value = t.flags ^ (1 << self._chance.randrange(10))
        return msgspec.structs.replace(t, **{field: value})

    def _account(self) -> Account:
        chance = self._chance
        account_id, ledger, flags = chance.choice(OPENED)
        if chance.random() < 0.5:
            account_id = chance.randint(20, 40)
        a = account(account_id, ledger, flags)
        if chance.random() < 0.6:
            field = chance.choice([name for name in a.__struct_fields__ if name != "id"])
            a = msgspec.structs.replace(a, **{field: chance.choice((0, 1, 2, 6, 32))})
        if chance.random() < 0.05:
            a = msgspec.structs.replace(a, id=chance.choice((0, INT_MAX)))
        return a


def _push(kept: list[T], value: T, chance: Random) -> None:
    """Add to what is remembered, and forget something else when it is too much."""
    kept.append(value)
    if len(kept) > RECENT_MAX:
        del kept[chance.randrange(len(kept))]

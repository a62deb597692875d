"""The machine against the plain model over histories that Hypothesis draws, and makes short."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from lionrock.ledger.api import AMOUNT_MAX, Account, Transfer
from tests.stateful.ledger.comparing import Comparison
from tests.stateful.ledger.events import CODE, account, opened
from tests.stateful.ledger.model import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    HISTORY,
    INT_MAX,
    LINKED,
    PENDING,
    POST,
    VOID,
)

account_ids = st.sampled_from([1, 2, 3, 4, 5, 6, 9, 11, 99])
ledgers = st.sampled_from([344, 344, 344, 156])
amounts = st.one_of(st.integers(0, 60), st.sampled_from([AMOUNT_MAX // 2, AMOUNT_MAX]))
timeouts = st.sampled_from([0, 0, 1, 5, 50])
movement_flags = st.sampled_from([
    0, 0, PENDING, PENDING, BALANCING_DEBIT, BALANCING_CREDIT, BALANCING_DEBIT | BALANCING_CREDIT,
    PENDING | BALANCING_DEBIT, PENDING | CLOSING_DEBIT, PENDING | CLOSING_CREDIT, CLOSING_DEBIT,
])
changes = st.one_of(
    st.tuples(st.sampled_from(["debit_account_id", "credit_account_id", "pending_id", "amount"]),
              st.sampled_from([0, 1, 7, AMOUNT_MAX])),
    st.tuples(st.sampled_from(["user_data_128", "user_data_64", "user_data_32", "timeout",
                               "code", "ledger", "timestamp"]), st.sampled_from([0, 1, 344])),
    st.tuples(st.just("flags"), st.integers(0, 1023)),
    st.tuples(st.just("id"), st.sampled_from([0, INT_MAX])),
)


class LedgerAgainstModel(RuleBasedStateMachine):
    """Any history of calls: the machine, the model, a replay and a snapshot agree."""

    sent = Bundle("sent")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.comparison = Comparison()
        self.comparison.play(opened())
        self.last_id = 1_000

    def _fresh(self) -> int:
        self.last_id += 1
        return self.last_id

    @rule(target=sent, debit=account_ids, credit=account_ids, amount=amounts, ledger=ledgers,
          flags=movement_flags, timeout=timeouts)
    def move(
        self, debit: int, credit: int, amount: int, ledger: int, flags: int, timeout: int
    ) -> Transfer:
        t = Transfer(self._fresh(), debit, credit, amount, 0, 0, 0, 0,
                     timeout if flags & PENDING else 0, ledger, CODE, flags, 0)
        self.comparison.play([t])
        return t

    @rule(target=holds, debit=account_ids, amount=st.integers(0, 20), timeout=timeouts,
          closing=st.sampled_from([0, 0, 0, CLOSING_DEBIT, CLOSING_CREDIT]))
    def hold(self, debit: int, amount: int, timeout: int, closing: int) -> Transfer:
        t = Transfer(self._fresh(), debit, 5 if debit != 5 else 1, amount, 0, 0, 0, 0, timeout, 344,
                     CODE, PENDING | closing, 0)
        self.comparison.play([t])
        return t

    @rule(target=sent, hold=st.one_of(holds, sent), flags=st.sampled_from([POST, VOID]),
          amount=amounts, change=st.one_of(st.none(), changes))
    def resolve(
        self, hold: Transfer, flags: int, amount: int, change: tuple[str, int] | None
    ) -> Transfer:
        t = Transfer(self._fresh(), 0, 0, amount, hold.id, 0, 0, 0, 0, 0, 0, flags, 0)
        t = t if change is None else msgspec.structs.replace(t, **dict([change]))
        self.comparison.play([t])
        return t

    @rule(target=sent, drawn=st.lists(
        st.tuples(account_ids, account_ids, st.integers(0, 60), movement_flags, st.booleans()),
        min_size=2, max_size=6), hold=holds, ends_open=st.booleans())
    def send_chains(
        self, drawn: list[tuple[int, int, int, int, bool]], hold: Transfer, ends_open: bool
    ) -> object:
        events = [
            Transfer(self._fresh(), debit, credit, amount, 0, 0, 0, 0, 5 if flags & PENDING else 0,
                     344, CODE, flags | (LINKED if linked else 0), 0)
            for debit, credit, amount, flags, linked in drawn
        ]
        events.insert(1, Transfer(
            self._fresh(), 0, 0, AMOUNT_MAX, hold.id, 0, 0, 0, 0, 0, 0, POST | LINKED, 0))
        last = events[-1]
        flags = last.flags | LINKED if ends_open else last.flags & ~LINKED
        events[-1] = msgspec.structs.replace(last, flags=flags)
        self.comparison.play(events)
        return multiple(*events)

    @rule(known=st.one_of(sent, holds), change=st.one_of(st.none(), changes),
          as_stored=st.booleans())
    def repeat(
        self, known: Transfer, change: tuple[str, int] | None, as_stored: bool
    ) -> None:
        t = known
        if as_stored:
            stored = self.comparison.model.transfers.get(known.id, known)
            t = msgspec.structs.replace(stored, timestamp=0)
        t = t if change is None else msgspec.structs.replace(t, **dict([change]))
        self.comparison.play([t])

    @rule(account_id=st.integers(0, 12), flags=st.sampled_from([0, 2, 4, 6, HISTORY, 16, 32]),
          ledger=st.sampled_from([0, 344, 156]), balance=st.sampled_from([0, 0, 0, 1]))
    def open_account(self, account_id: int, flags: int, ledger: int, balance: int) -> None:
        a: Account = account(account_id, ledger, flags)
        self.comparison.play([msgspec.structs.replace(a, credits_posted=balance)])

    @rule(seconds=st.sampled_from([1, 4, 6, 100]))
    def wait(self, seconds: int) -> None:
        self.comparison.wait(seconds)

    @invariant()
    def balances_agree(self) -> None:
        self.comparison.compare_balances()

    def teardown(self) -> None:
        self.comparison.compare_everything()
        self.comparison.check_replay()


LedgerAgainstModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None
)
TestLedgerAgainstModel = LedgerAgainstModel.TestCase

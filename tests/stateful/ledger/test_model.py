"""The machine against a plain model: a list of what was accepted, and sums over it."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from lionrock.ledger.domain import snapshot
from lionrock.ledger.domain.created import created
from lionrock.ledger.domain.machine import GENESIS_HASH, replay
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import AMOUNT_MAX, NS_PER_S, AccountFlags, TransferDraft
from tests.unit.ledger.books import CODE, HKD, LINKED, PENDING, POST, VOID, Books, account

LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
CREDIT_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
ACCOUNT_FLAGS = {1: 0, 2: LIMITED, 3: LIMITED, 4: CREDIT_LIMITED, 5: 0}
account_ids = st.sampled_from(sorted(ACCOUNT_FLAGS))
amounts = st.one_of(st.integers(0, 60), st.just(AMOUNT_MAX))


class Model:
    """No running balances: everything is added up again from the accepted transfers."""

    def __init__(self) -> None:
        self.accepted: dict[int, TransferDraft] = {}
        self.expires_at: dict[int, int] = {}
        self.resolved: dict[int, tuple[str, int]] = {}  # hold -> how, amount posted
        self.refused: set[int] = set()

    def copy(self) -> Model:
        twin = Model()
        twin.accepted, twin.expires_at = dict(self.accepted), dict(self.expires_at)
        twin.resolved, twin.refused = dict(self.resolved), set(self.refused)
        return twin

    def sums(self, account_id: int) -> tuple[int, int, int, int]:
        pending, posted = [0, 0], [0, 0]
        for t in self.accepted.values():
            if t.flags & (POST | VOID):
                continue
            for side, of in enumerate((t.debit_account_id, t.credit_account_id)):
                if of != account_id:
                    continue
                if not t.flags & PENDING:
                    posted[side] += t.amount
                elif t.id not in self.resolved:
                    pending[side] += t.amount
                else:
                    posted[side] += self.resolved[t.id][1]
        return pending[0], posted[0], pending[1], posted[1]

    def expire(self, now_ns: int) -> None:
        for hold_id, at_ns in self.expires_at.items():
            if at_ns <= now_ns and hold_id not in self.resolved:
                self.resolved[hold_id] = ("expired", 0)

    def judge(self, t: TransferDraft, at_ns: int) -> str:
        """The outcome that the model expects, which also becomes true of the model."""
        if t.id in self.accepted:
            known = self.accepted[t.id]
            if t.flags & ~LINKED == known.flags & ~LINKED and t == known:
                return "exists"
            return "exists_with_different"
        if t.id in self.refused:
            return "id_already_failed"
        result = self._resolve(t, at_ns) if t.flags & (POST | VOID) else self._move(t)
        if result == "ok":
            self.accepted[t.id] = t
            if t.flags & PENDING and t.timeout:
                self.expires_at[t.id] = at_ns + t.timeout * NS_PER_S
        return result

    def _move(self, t: TransferDraft) -> str:
        if t.debit_account_id == t.credit_account_id:
            return "accounts_must_be_different"
        dp, d, _, c = self.sums(t.debit_account_id)
        _, d2, cp2, c2 = self.sums(t.credit_account_id)
        if max(dp + d, cp2 + c2) + t.amount > AMOUNT_MAX:
            return "overflows"
        if ACCOUNT_FLAGS[t.debit_account_id] == LIMITED and dp + d + t.amount > c:
            return "exceeds_credits"
        if ACCOUNT_FLAGS[t.credit_account_id] == CREDIT_LIMITED and cp2 + c2 + t.amount > d2:
            return "exceeds_debits"
        return "ok"

    def _resolve(self, t: TransferDraft, at_ns: int) -> str:
        hold = self.accepted.get(t.pending_id)
        if hold is None:
            return "pending_transfer_not_found"
        if not hold.flags & PENDING:
            return "pending_transfer_not_pending"
        everything = t.amount == 0 if t.flags & VOID else t.amount == AMOUNT_MAX
        amount = hold.amount if everything else t.amount
        if amount > hold.amount:
            return "exceeds_pending_transfer_amount"
        if t.flags & VOID and amount < hold.amount:
            return "pending_transfer_has_different_amount"
        if hold.id in self.resolved:
            how = self.resolved[hold.id][0]
            return f"pending_transfer_{how}" if how == "expired" else \
                f"pending_transfer_already_{how}"
        if self.expires_at.get(hold.id, at_ns + 1) <= at_ns:
            return "pending_transfer_expired"
        is_void = bool(t.flags & VOID)
        self.resolved[hold.id] = ("voided", 0) if is_void else ("posted", amount)
        return "ok"


TRANSIENT_NAMES = {"exceeds_credits", "exceeds_debits", "pending_transfer_not_found"}


def same(result: TransferResult, expected: str) -> bool:
    prefixes = ("exists_with_different", "overflows")
    return result == expected or (expected in prefixes and result.startswith(expected))


class LedgerAgainstModel(RuleBasedStateMachine):
    """Any history of calls: the machine, the model, a replay and a snapshot agree."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.model = Model()
        self.next_id = 10
        self.books.open(*(account(i, flags) for i, flags in ACCOUNT_FLAGS.items()))

    def fresh(self) -> int:
        self.next_id += 1
        return self.next_id

    def play(self, drafts: list[TransferDraft]) -> None:
        """Send drafts as one request; a trailing LINKED was removed by the caller."""
        results = self.books.send(*drafts)
        start_ns = self.books.entries[-1].time_ns
        self.model.expire(start_ns)
        position = 0
        while position < len(drafts):
            end = position
            while drafts[end].flags & LINKED:
                end += 1
            self.check_chain(
                drafts[position:end + 1], results[position:end + 1], start_ns + position)
            position = end + 1

    def check_chain(
        self, chain: list[TransferDraft], results: list[TransferResult], start_ns: int
    ) -> None:
        before = self.model.copy()
        for index, draft in enumerate(chain):
            expected = self.model.judge(draft, start_ns + index)
            if expected != "ok":
                refused = set(before.refused)
                if expected in TRANSIENT_NAMES:
                    refused.add(draft.id)
                self.model = before
                self.model.refused = refused
                assert same(results[index], expected), (draft, results[index], expected)
                others = results[:index] + results[index + 1:]
                assert set(others) <= {"linked_event_failed"}, others
                return
        assert set(results) == {"ok"}, results

    def move(self, debit: int, credit: int, amount: int, flags: int, timeout: int) -> TransferDraft:
        return TransferDraft(
            id=self.fresh(), debit_account_id=debit, credit_account_id=credit, amount=amount,
            ledger=HKD, code=CODE, flags=flags, timeout=timeout if flags & PENDING else 0)

    @rule(target=ids, debit=account_ids, credit=account_ids, amount=amounts,
          flags=st.sampled_from([0, 0, PENDING]), timeout=st.sampled_from([0, 5, 50]))
    def send(self, debit: int, credit: int, amount: int, flags: int, timeout: int) -> int:
        draft = self.move(debit, credit, amount, flags, timeout)
        self.play([draft])
        return draft.id

    @rule(target=ids, hold=ids, flags=st.sampled_from([POST, VOID]), amount=amounts)
    def resolve(self, hold: int, flags: int, amount: int) -> int:
        draft = TransferDraft(id=self.fresh(), pending_id=hold, flags=flags, amount=amount)
        self.play([draft])
        return draft.id

    @rule(moves=st.lists(st.tuples(account_ids, account_ids, st.integers(0, 60),
                                   st.sampled_from([0, PENDING]), st.booleans()),
                         min_size=1, max_size=6))
    def send_chains(self, moves: list[tuple[int, int, int, int, bool]]) -> None:
        drafts = []
        for index, (debit, credit, amount, flags, linked) in enumerate(moves):
            is_last = index == len(moves) - 1
            link = LINKED if linked and not is_last else 0
            drafts.append(self.move(debit, credit, amount, flags | link, 5))
        self.play(drafts)

    @rule(known=ids, amount=st.sampled_from([None, 1, 7]))
    def repeat(self, known: int, amount: int | None) -> None:
        draft = self.model.accepted.get(known)
        if draft is None:
            return
        fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
        if draft.flags & (POST | VOID) and amount is not None:
            return  # how amounts of repeats compare is told in test_holds
        if amount is not None:
            fields["amount"] = amount
        self.play([TransferDraft(**fields)] if not draft.flags & LINKED else [])

    @rule(seconds=st.sampled_from([1, 4, 6, 100]))
    def wait(self, seconds: int) -> None:
        self.books.now_s += seconds
        self.books.run()
        self.model.expire(self.books.entries[-1].time_ns)

    @invariant()
    def balances_agree(self) -> None:
        for account_id in ACCOUNT_FLAGS:
            b = self.books.balance(account_id)
            assert (b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted) == \
                self.model.sums(account_id)

    @invariant()
    def debits_equal_credits(self) -> None:
        balances = self.books.state.balances.values()
        assert sum(b.debits_pending for b in balances) == sum(b.credits_pending for b in balances)
        assert sum(b.debits_posted for b in balances) == sum(b.credits_posted for b in balances)

    def teardown(self) -> None:
        replayed, previous = State(), GENESIS_HASH
        for entry in self.books.entries:
            replay(replayed, entry, previous)
            previous = entry.hash
        sequence = len(self.books.entries)
        state = self.books.state
        taken = snapshot.take(state, sequence, previous, 0)
        assert snapshot.take(replayed, sequence, previous, 0) == taken
        restored, at, row_hash = snapshot.restore(taken, snapshot.digest(taken))
        assert (at, row_hash) == (sequence, previous)
        assert snapshot.take(restored, sequence, previous, 0) == taken
        assert restored.next_expiry_ns() == state.next_expiry_ns()
        told = [t for entry in self.books.entries for t in created(entry).transfers]
        assert told == list(state.transfers.values())


LedgerAgainstModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None
)
TestLedgerAgainstModel = LedgerAgainstModel.TestCase

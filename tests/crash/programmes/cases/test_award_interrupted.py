"""An award interrupted at every boundary of its three beats is still made exactly once.

The fault is put where it happens in life: between us and the ledger process. `Line` is the real
ledger behind a line that can fail before the call, or after it was carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from lionrock.kernel.ids import u128
from lionrock.kernel.outbox import Event
from lionrock.ledger.api import (
    AccountDraft,
    AccountResult,
    Ledger,
    TransferDraft,
    TransferOutcome,
    Unavailable,
)
from lionrock.programmes.cases import Cases, CaseState, PayoutState
from lionrock.programmes.cases.domain.values import Case, Payout
from lionrock.programmes.cases.store import money
from lionrock.sandbox.world.bank import Bank
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR
from tests.unit.programmes.cases.office import AWARD_MINOR, Office


class Line:
    """The real ledger behind a line with planned faults: "before", "after" or "" for each call."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.faults: list[str] = []
        self.calls = 0

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        fault = self._next()
        if fault == "before":
            raise Unavailable("the line is down")
        done = await self._ledger.create_accounts(drafts)
        if fault == "after":
            raise Unavailable("the answer was lost")
        return done

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        fault = self._next()
        if fault == "before":
            raise Unavailable("the line is down")
        done = await self._ledger.create_transfers(drafts)
        if fault == "after":
            raise Unavailable("the answer was lost")
        return done

    def _next(self) -> str:
        self.calls += 1
        return self.faults.pop(0) if self.faults else ""


def put_line(cases: Cases, ledger: Ledger) -> Line:
    """Put the line between cases and the ledger."""
    line = Line(ledger)
    object.__setattr__(cases.awards._desk, "ledger", line)  # the desk is one frozen value
    return line


async def balances(office: Office, case_id: str) -> tuple[int, int]:
    """What is left in the budget, and what stands on the case's commitment account."""

    async def ids(db: object) -> tuple[int, int]:
        budget = await money.budget_of(db, "nifs")  # type: ignore[arg-type]  # a connection
        award = await money.newest_award(db, case_id)  # type: ignore[arg-type]  # a connection
        assert budget is not None and award is not None
        return u128(budget.account_id), u128(award.account_id)

    budget_id, account_id = await office.run(ids)
    accounts = await office.payments_city.ledger.lookup_accounts([budget_id, account_id])
    by_id = {account.id: account.debits_available for account in accounts}
    return by_id[budget_id], by_id.get(account_id, 0)


@pytest.mark.parametrize(
    "faults",
    [["before"], ["after"], ["", "before"], ["", "after"], ["after", "", "after", "", "before"]],
    ids=lambda faults: "-".join(fault or "ok" for fault in faults),
)
async def test_award_interrupted_at_any_beat_is_posted_once(
    office: Office, faults: list[str]
) -> None:
    await office.fund()
    case = await office.assessed()
    line = put_line(office.cases, office.payments_city.ledger)
    line.faults = list(faults)
    assert isinstance(await office.decide(case.id), Case)
    for _ in range(len(faults) + 2):
        await office.payments_city.pass_seconds(1)
        await office.settle()
    assert line.faults == []
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARDED
    assert [entry.kind for entry in view.history].count("award_posted") == 1
    assert await balances(office, case.id) == (1_000_000_00 - AWARD_MINOR, AWARD_MINOR)


async def test_refusal_whose_answer_was_lost_stays_a_refusal(office: Office) -> None:
    await office.fund(AWARD_MINOR - 1)
    case = await office.assessed()
    line = put_line(office.cases, office.payments_city.ledger)
    line.faults = ["", "after"]
    assert isinstance(await office.decide(case.id), Case)
    await office.settle()
    await office.fund(AWARD_MINOR, reference="meanwhile")
    await office.payments_city.pass_seconds(2)
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARD_REFUSED
    assert view.award is not None
    assert view.award.result == "id_already_failed"
    assert await balances(office, case.id) == (2 * AWARD_MINOR - 1, 0)


async def test_two_workers_that_carry_out_one_award_at_once_post_it_once(office: Office) -> None:
    await office.fund()
    case = await office.assessed()
    assert isinstance(await office.decide(case.id), Case)
    view = await office.view(case.id)
    assert view.award is not None
    await asyncio.gather(*(office.cases.awards.post(view.award.id) for _ in range(4)))
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARDED
    assert [entry.kind for entry in view.history].count("award_posted") == 1
    assert await balances(office, case.id) == (1_000_000_00 - AWARD_MINOR, AWARD_MINOR)


async def test_budget_funding_that_was_interrupted_goes_on_with_the_same_ids(
    office: Office,
) -> None:
    line = put_line(office.cases, office.payments_city.ledger)
    for faults in (["before"], ["after"], ["", "before"], ["", "after"]):
        line.faults = list(faults)
        with pytest.raises(Unavailable):
            await office.fund()
    await office.fund()
    case = await office.assessed()
    await office.decide(case.id)
    await office.settle()
    assert await balances(office, case.id) == (1_000_000_00 - AWARD_MINOR, AWARD_MINOR)


async def test_events_that_come_twice_change_nothing(office: Office) -> None:
    case = await office.agreed()
    payout = await office.claim(case.id, 1, 54_000_00)
    assert isinstance(payout, Payout)
    released = await office.release(case.id, payout.id)
    await office.settle()
    settled = Event(
        id="evt_" + "0" * 32, topic="payments.payment_settled",
        payload={"payment_id": released.payment_id, "reference": payout.id, "reason_code": ""},
    )
    before = await office.view(case.id)
    for _ in range(2):
        await office.cases.payouts.on_payment_settled(settled)
        await office.cases.payouts.on_payment_rejected(settled)
    signed = before.documents[0]
    approvals = [entry for entry in before.history if entry.kind == "application_signed"]
    assert len(approvals) == 2
    after = await office.view(case.id)
    assert after == before
    assert after.documents[0] == signed


async def test_payout_whose_payment_was_rejected_is_released_again_and_paid_once(
    office: Office,
) -> None:
    """The account is closed at the bank, the office is told why, the next release pays."""
    case = await office.agreed()
    bank = office.payments_city.banks[HARBOUR]
    payout = await office.claim(case.id, 1, 54_000_00)
    await _freeze(bank, is_frozen=True)
    assert isinstance(await office.release(case.id, payout.id), Payout)
    await office.settle()
    view = await office.view(case.id)
    assert view.payouts[0].state is PayoutState.FAILED
    assert view.payouts[0].reason_code
    assert (await balances(office, case.id))[1] == AWARD_MINOR
    await _freeze(bank, is_frozen=False)
    again = await office.release(case.id, payout.id)
    assert isinstance(again, Payout)
    assert again.attempt == 2
    await office.settle()
    view = await office.view(case.id)
    assert view.payouts[0].state is PayoutState.PAID
    assert (await balances(office, case.id))[1] == AWARD_MINOR - 54_000_00
    statement = await office.payments_city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"]["HKD"] == "55000.00"


async def _freeze(bank: Bank, *, is_frozen: bool) -> None:
    """Block or open the company's account, as the bank's own staff would."""
    await bank.books.open_account(
        FIRM_ACCOUNT, "Harbour Robotics Limited", opening={},
        status="blocked" if is_frozen else "open",
    )

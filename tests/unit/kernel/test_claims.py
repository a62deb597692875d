"""kernel.late.claim: of all who want a row one gets it, with all that hangs on it or nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lionrock.kernel import late
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.kernel.errors import Refused
from lionrock.kernel.late import LateTransaction
from lionrock.kernel.notes import save
from tests.unit.kernel.desk import FIRST, OTHER, WRITTEN, Desk

CLAIM = (
    "claimed AS (UPDATE kernel.jobs SET attempt = attempt + 1 WHERE queue = 'late' AND key = $1"
    f" AND attempt = 0 AND {late.UNLESS_USED} RETURNING 1)"
)


class Claimant:
    """Runs requests of one single-use value that claim a row, and add another one with it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def request(
        self, value: str, row: str, *, begins: bool = False, after: str = ""
    ) -> tuple[str, Any]:
        """`begins`: a query begins the transaction first; `after`: a row added when not claimed."""
        desk = self.desk
        transaction = LateTransaction(desk.database, desk.group)
        expires_at = desk.clock.now() + timedelta(seconds=60)

        async def steps() -> tuple[str, Any]:
            transaction.step = "value"
            if begins:
                await transaction.execute("SELECT 1")
            found = await late.once(transaction, "desk", value, expires_at, FIRST)
            if found is not None:
                return transaction.step, found
            transaction.step = "claim"
            is_claimed = await late.claim(transaction, CLAIM, "wanted", rows=[(WRITTEN, row)])
            if not is_claimed and after:
                await transaction.execute(
                    "INSERT INTO kernel.jobs (queue, key, payload, due_at)"
                    " VALUES ('late', $1, 'null', '-infinity')", after)
            return transaction.step, "claimed" if is_claimed else Refused(OTHER.refusal, keep=True)

        return await transaction.run(steps)


@pytest.fixture
async def claimant(database: Database, wire_clock: FrozenClock) -> Claimant:
    desk = Desk(database, wire_clock)
    await desk.database.run(lambda db: save(db, [((), [(WRITTEN, "wanted")])]))
    return Claimant(desk)


BEGINS = pytest.mark.parametrize("begins", [False, True])


@BEGINS
async def test_a_row_is_claimed_once_and_brings_its_rows_once(
    claimant: Claimant, begins: bool
) -> None:
    told = await asyncio.gather(*(
        claimant.request(f"value-{n}", f"row-{n}", begins=begins) for n in range(6)
    ))
    assert sorted(answer for _, answer in told if answer == "claimed") == ["claimed"]
    winner = next(n for n, (_, answer) in enumerate(told) if answer == "claimed")
    assert await claimant.desk.rows() == [f"row-{winner}", "wanted"]


@BEGINS
async def test_a_used_value_claims_nothing_and_is_refused_at_its_step(
    claimant: Claimant, begins: bool
) -> None:
    assert await claimant.desk.request("a", "b", "other") == ("step-3", "done")
    assert await claimant.request("a", "row", begins=begins) == ("value", FIRST)
    assert await claimant.desk.rows() == ["other", "wanted"]
    assert await claimant.request("c", "row", begins=begins) == ("claim", "claimed")


@BEGINS
async def test_who_claims_nothing_goes_on_and_its_value_stays_used(
    claimant: Claimant, begins: bool
) -> None:
    assert (await claimant.request("a", "first"))[1] == "claimed"
    step, answer = await claimant.request("b", "second", begins=begins, after="third")
    assert (step, answer.refusal) == ("claim", OTHER.refusal)
    assert await claimant.desk.rows() == ["first", "third", "wanted"]
    assert await claimant.request("b", "fourth", begins=begins) == ("value", FIRST)


async def test_nothing_is_changed_after_a_claim(claimant: Claimant) -> None:
    desk = claimant.desk
    transaction = LateTransaction(desk.database, desk.group)

    async def steps() -> tuple[str, Any]:
        assert await late.claim(transaction, CLAIM, "wanted")
        await transaction.execute("DELETE FROM kernel.jobs")
        return "claim", "done"

    with pytest.raises(AssertionError, match="after the one statement"):
        await transaction.run(steps)
    assert await desk.rows() == ["wanted"]


async def test_a_plain_transaction_claims_too(claimant: Claimant) -> None:
    async def use_case(db: Any) -> bool:
        return await late.claim(db, CLAIM, "wanted", rows=[(WRITTEN, "row")])

    assert [await claimant.desk.database.run(use_case) for _ in range(2)] == [True, False]
    assert await claimant.desk.rows() == ["row", "wanted"]

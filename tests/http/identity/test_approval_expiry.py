"""Approvals that nobody answers come to an end by the business clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lionrock.identity import api
from lionrock.identity.service import approvals
from lionrock.identity.service.approvals import EXPIRY_QUEUE
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Job
from tests.http.identity.city import City


async def expire_due(city: City) -> None:
    """Run the timer's handler once, as a worker does."""
    await api.handlers(city.identity)[EXPIRY_QUEUE](Job(EXPIRY_QUEUE, "due", {}, 1))


async def asked(city: City, expires_in_s: int) -> str:
    """Ask Ada and return the approval's id."""
    approval = await city.ask("ada", expires_in_s=expires_in_s)
    assert isinstance(approval, api.Approval), approval
    return approval.id


async def test_what_passed_its_time_expires_and_nothing_before(city: City) -> None:
    short, long = await asked(city, 60), await asked(city, 120)
    city.business_clock.advance(seconds=59)
    await expire_due(city)
    assert (await city.approval(short)).state == "pending"
    city.business_clock.advance(seconds=1)
    await expire_due(city)
    assert (await city.approval(short)).state == "expired"
    assert (await city.approval(long)).state == "pending"


async def test_an_answered_approval_is_left_as_it_was_decided(city: City) -> None:
    approval_id = await asked(city, 60)
    await city.phone.answer("ada", approval_id, "approved")
    city.business_clock.advance(seconds=3_600)
    await expire_due(city)
    found = await city.approval(approval_id)
    assert found.state == "approved"
    assert found.decided_at is not None
    assert found.decided_at < city.business_clock.now() - timedelta(minutes=30)


async def test_more_than_a_round_holds_end_in_the_rounds_after(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "DUE_MAX", 2)
    ids = [await asked(city, 60 + n) for n in range(5)]
    city.business_clock.advance(seconds=600)
    for expected in (2, 4, 5):
        await expire_due(city)
        states = [(await city.approval(each)).state for each in ids]
        assert states == ["expired"] * expected + ["pending"] * (5 - expected)


async def test_a_worker_comes_back_to_it_whenever_the_business_clock_moved(city: City) -> None:
    worker = city.worker()
    for _ in range(3):
        approval_id = await asked(city, 60)
        await worker.run_until_idle()
        assert (await city.approval(approval_id)).state == "pending"
        city.business_clock.advance(seconds=60)
        await worker.run_until_idle()
        assert (await city.approval(approval_id)).state == "expired"


async def test_one_that_cannot_end_does_not_hold_up_the_others(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = await asked(city, 60), await asked(city, 61)
    expire = city.identity.approvals.expire

    async def failing(db: Connection, approval_id: str) -> bool:
        if approval_id == stuck:
            raise RuntimeError("its listener fails")
        return await expire(db, approval_id)

    monkeypatch.setattr(city.identity.approvals, "expire", failing)
    city.business_clock.advance(seconds=120)
    await expire_due(city)
    assert (await city.approval(other)).state == "expired"
    monkeypatch.undo()
    await expire_due(city)
    assert (await city.approval(stuck)).state == "expired"

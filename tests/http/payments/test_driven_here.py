"""Payments that the process which takes their messages drives itself; workers have what is left."""

from __future__ import annotations

import asyncio

import pytest

from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.network import Reply, Unreachable, UnreachableReason
from lionrock.ledger.api import Ledger, Unavailable
from lionrock.payments.service import driving
from lionrock.payments.service.post import Post
from tests.http.payments.test_transfers import only_payment, pay
from tests.unit.payments.city import HARBOUR, LANTAU, WORLD, PaymentsCity

FUNDED_MINOR = 3_000_00
TURNS_MAX = 500


async def jobs(city: PaymentsCity) -> list[tuple[str, bool]]:
    """Queues of the jobs about payments, and whether each is due."""
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT queue, due_at <= $1 AS is_due FROM kernel.jobs"
        " WHERE queue LIKE 'payments.drive%' OR queue = 'payments.deliver' ORDER BY queue",
        city.clock.now(),
    ))
    return [(row["queue"], row["is_due"]) for row in rows]


async def due_in_s(city: PaymentsCity) -> float:
    """In how many seconds of wire time the job of the one payment is due."""
    due_at = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT due_at FROM kernel.jobs WHERE queue = 'payments.drive'"))
    return float((due_at - city.clock.now()).total_seconds())


async def states(city: PaymentsCity) -> list[str]:
    """How the payments stand, oldest first."""
    rows = await city.kernel.database.read(
        lambda db: db.fetch("SELECT state FROM payments.payments ORDER BY id"))
    return [row["state"] for row in rows]


async def banks_work(city: PaymentsCity, *, until: set[str], is_clear: bool = True) -> None:
    """Only the banks' workers run, until the payments stand so (and no job is left)."""
    for _ in range(TURNS_MAX):
        await city.world.worker.run_due()
        if set(await states(city)) == until and not (is_clear and await jobs(city)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError((await states(city), await jobs(city)))


@pytest.mark.usefixtures("here")
async def test_a_payment_comes_to_its_end_without_a_worker(city: PaymentsCity) -> None:
    assert (await pay(city)).status == 202
    await banks_work(city, until={"settled"})
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 250_00
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 250_00
    payment = await only_payment(city)
    rows = await city.kernel.database.read(
        lambda db: city.payments.message_rows(db, payment.id))
    assert [row.delivered_at is not None for row in rows if row.direction == "out"] == [True] * 3


@pytest.mark.usefixtures("here")
async def test_what_the_bank_refuses_or_the_ledger_does_not_hold_ends_here_too(
    city: PaymentsCity,
) -> None:
    assert (await pay(city, amount="9.04")).status == 202
    assert (await pay(city, amount="4900.00", end_to_end_id="TEA-2")).status == 202
    await banks_work(city, until={"rejected"})
    reasons = await city.kernel.database.read(
        lambda db: db.fetch("SELECT reason_code FROM payments.payments ORDER BY id"))
    assert {row["reason_code"] for row in reasons} == {"AC04", "AM04"}
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR


async def test_who_serves_no_messages_leaves_payments_to_workers_at_once(
    city: PaymentsCity,
) -> None:
    await pay(city)
    await city.world.worker.run_due()
    assert await states(city) == ["accepted"]
    assert await jobs(city) == [("payments.drive", True)]


@pytest.mark.usefixtures("here")
async def test_what_is_too_much_for_one_process_is_left_to_workers(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driving, "MAIL_MAX", 0)
    await pay(city)
    await city.world.worker.run_due()
    assert await jobs(city) == [("payments.drive", True)]
    await city.settle()
    assert await states(city) == ["settled"]


async def test_a_worker_takes_over_where_the_process_ended(
    city: PaymentsCity, here: asyncio.Task[None]
) -> None:
    await pay(city, amount="9.10")
    await banks_work(city, until={"sent"}, is_clear=False)
    here.cancel()
    await asyncio.gather(here, return_exceptions=True)
    assert await jobs(city) == [("payments.drive", False)]
    # The bank is asked again, and never answers.
    await city.pass_seconds(city.kernel.settings.payment_answer_timeout_ms / 1000 + 3)
    assert await states(city) == ["rejected"]
    assert await jobs(city) == []


@pytest.mark.usefixtures("here")
async def test_without_a_ledger_the_job_goes_on_when_it_is_back(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    async def away(_ledger: Ledger, drafts: object) -> None:
        calls.append(1)
        raise Unavailable("the ledger does not answer")

    with monkeypatch.context() as gone:
        gone.setattr(type(city.ledger), "create_transfers", away)
        await pay(city)
        for _ in range(TURNS_MAX):
            await city.world.worker.run_due()
            if calls:
                break
            await asyncio.sleep(0.01)
    assert calls, "it was tried here"
    assert await states(city) == ["accepted"]
    assert await jobs(city) == [("payments.drive", True)]
    await city.settle()
    assert await states(city) == ["settled"]


@pytest.mark.usefixtures("here")
async def test_a_bank_that_is_away_when_it_is_asked_is_asked_again_by_the_job(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.14")  # answers 503 to the first try
    await banks_work(city, until={"sent"}, is_clear=False)
    resend_s = city.kernel.settings.payment_resend_ms / 1000
    for _ in range(TURNS_MAX):
        if await due_in_s(city) == resend_s:
            break
        await asyncio.sleep(0.01)
    assert await due_in_s(city) == resend_s, "sooner than a claim lasts"
    await city.pass_seconds(resend_s + 1)
    await banks_work(city, until={"settled"})


@pytest.mark.usefixtures("here")
async def test_a_bank_that_took_the_message_is_not_asked_again_at_once(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.10")  # takes it and never answers
    await banks_work(city, until={"sent"}, is_clear=False)
    await asyncio.sleep(0.1)
    assert await due_in_s(city) == CLAIM_MS / 1000


@pytest.mark.usefixtures("here")
async def test_a_bank_that_is_away_when_it_is_told_is_told_by_a_job(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = city.kernel.network.send

    async def away(
        method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"",
        **rest: int,
    ) -> Reply:
        if url.startswith(f"{WORLD}/{LANTAU}/"):
            raise Unreachable(UnreachableReason.TIMED_OUT)
        return await send(method, url, headers, body, **rest)

    with monkeypatch.context() as gone:
        gone.setattr(city.kernel.network, "send", away)
        await pay(city)
        for _ in range(TURNS_MAX):
            await city.world.worker.run_due()
            if await jobs(city) == [("payments.deliver", False)]:
                break
            await asyncio.sleep(0.01)
    assert await states(city) == ["settled"]
    assert await jobs(city) == [("payments.deliver", False)], "the other bank was told at once"
    await city.pass_seconds(3)
    assert await jobs(city) == []


@pytest.mark.parametrize("broken", ["compose", "send_together"])
async def test_a_fault_of_ours_leaves_the_payment_to_its_job_and_the_next_is_driven(
    city: PaymentsCity, here: asyncio.Task[None], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    failed = asyncio.Event()

    async def fail(*_args: object, **_more: object) -> None:
        failed.set()
        raise KeyError("a fault of ours")

    with monkeypatch.context() as wrong:
        wrong.setattr(Post, broken, fail)
        await pay(city)
        await city.world.worker.run_due()
        await asyncio.wait_for(failed.wait(), 5)
    await asyncio.sleep(0.05)
    assert not here.done(), "the loop outlives it"
    await pay(city, end_to_end_id="TEA-next")
    for _ in range(TURNS_MAX):
        await city.world.worker.run_due()
        if "settled" in await states(city):
            break
        await asyncio.sleep(0.01)
    assert (await states(city))[-1] == "settled", "no worker has run"
    await city.pass_seconds(2 * CLAIM_MS / 1000)
    assert set(await states(city)) == {"settled"}
    assert await jobs(city) == []

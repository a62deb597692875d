"""The step boundaries of a payout, each reached and held open from outside the platform.

A boundary is reached when its function returns; what it returns lets go. A lock that the killed
database forgets is let go of by the kill itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from tests.crash.journey.harness import GONE, Payout, Scene, Watched, until

LetGo = Callable[[], Awaitable[None]]
Reach = Callable[[Scene, Payout], Awaitable[LetGo]]
DRIVE, EVENTS = "payments.drive", "kernel.events"


async def hold_queue(database: Watched, queue: str) -> LetGo:
    """Keep new jobs of a queue from becoming due; survives a killed database."""
    name = "hold_" + "".join(c if c.isalnum() else "_" for c in queue)
    await database.execute(
        "CREATE OR REPLACE FUNCTION kernel.hold_back() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.due_at := 'infinity'; RETURN NEW; END $$")
    await database.execute(
        f"CREATE OR REPLACE TRIGGER {name} BEFORE INSERT ON kernel.jobs FOR EACH ROW"
        f" WHEN (NEW.queue = '{queue}') EXECUTE FUNCTION kernel.hold_back()")

    async def let_go() -> None:
        await database.execute(f"DROP TRIGGER IF EXISTS {name} ON kernel.jobs")
        await database.execute(
            "UPDATE kernel.jobs SET due_at = '-infinity' WHERE queue = $1"
            " AND due_at = 'infinity'", queue)

    return let_go


async def hold_lock(scene: Scene, statement: str, *arguments: Any) -> LetGo:
    """Take a lock in a transaction of the harness's own."""
    connection = await asyncpg.connect(scene.platform.url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(statement, *arguments)

    async def let_go() -> None:
        with contextlib.suppress(*GONE):  # a killed database has forgotten it
            await transaction.rollback()
        connection.terminate()

    return let_go


def stand_still(scene: Scene, process: str) -> LetGo:
    """Have a process do nothing; it may be killed meanwhile."""
    pid = scene.pid(process)
    assert pid is not None, f"the {process} runs"
    os.kill(pid, signal.SIGSTOP)

    async def let_go() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return let_go


async def until_state(scene: Scene, payment_id: str, state: str) -> None:
    """Wait until the payment is in a state, and in no later one."""
    seen = ""

    async def is_so() -> bool:
        nonlocal seen
        seen = str((await scene.payment(payment_id))["state"])
        return seen == state

    await until(f"{payment_id} becomes {state}", is_so)


async def until_in_ledger(scene: Scene, transfer_id: int) -> None:
    """Wait until the ledger has the transfer."""

    async def is_so() -> bool:
        return len(await scene.ledger.lookup_transfers([transfer_id])) == 1

    await until("the ledger has done it", is_so)


async def intent_saved(scene: Scene, payout: Payout) -> LetGo:
    """T1 committed, nothing called."""
    let_go = await hold_queue(scene.platform, DRIVE)
    payment = await scene.payment(await scene.release(payout))
    assert payment["state"] == "accepted"
    assert await scene.ledger.lookup_transfers([payment["hold_id"].int]) == []
    return let_go


async def hold_made(scene: Scene, payout: Payout) -> LetGo:
    """The ledger holds the money; the platform has not saved that."""
    drive = await intent_saved(scene, payout)
    payment = await _payment_of(scene, payout)
    return await _in_ledger_alone(scene, payment, "hold_id", drive)


async def hold_being_saved(scene: Scene, payout: Payout) -> LetGo:
    """The transaction that saves the hold and its message has begun; it has not committed."""
    drive = await intent_saved(scene, payout)
    payment = await _payment_of(scene, payout)
    let_go = await hold_lock(scene, "LOCK TABLE payments.messages IN ACCESS EXCLUSIVE MODE")
    await drive()
    await until_in_ledger(scene, payment["hold_id"].int)
    await asyncio.sleep(0.2)
    assert (await scene.payment(payment["id"]))["state"] == "accepted"
    return let_go


async def message_saved(scene: Scene, payout: Payout) -> LetGo:
    """The pacs.008 is saved; it is not sent."""
    drive = await intent_saved(scene, payout)
    payment = await _payment_of(scene, payout)
    let_go = await hold_lock(scene, "LOCK TABLE directory.organisations IN ACCESS EXCLUSIVE MODE")
    await drive()
    await until_state(scene, payment["id"], "sent")
    assert not [each for each in await scene.entries() if each["uetr"] == payment["uetr"]]
    return let_go


async def bank_has_it(scene: Scene, payout: Payout) -> LetGo:
    """The bank has the pacs.008 and has credited; its answer is not sent."""
    let_go = await hold_queue(scene.world, scene.outbox_queue)
    payment_id = await scene.release(payout)
    await until("the bank has written its answer", lambda: _is_answer_written(scene))
    assert (await scene.payment(payment_id))["state"] == "sent"
    return let_go


async def answer_on_its_way(scene: Scene, payout: Payout) -> LetGo:
    """The bank has sent its pacs.002; the front that should take it stands still."""
    answers = await bank_has_it(scene, payout)
    let_go = stand_still(scene, "front")
    await answers()
    await until("the bank tries to answer", lambda: _is_answer_tried(scene))
    await asyncio.sleep(0.1)
    assert (await _payment_of(scene, payout))["state"] == "sent"
    return let_go


async def answer_saved(scene: Scene, payout: Payout) -> LetGo:
    """The bank's answer is saved; the ledger, which stands still, has not posted."""
    answers = await bank_has_it(scene, payout)
    payment = await _payment_of(scene, payout)
    await until("the sending is over", lambda: _is_delivered(scene, payment))
    await asyncio.sleep(0.2)
    # The front that takes the answer waits for the ledger for a second, and leaves it to a job.
    let_go = stand_still(scene, "ledger")
    await answers()
    await until_state(scene, payment["id"], "answered")
    return let_go


async def answer_carried_out(scene: Scene, payout: Payout) -> LetGo:
    """The front has had the ledger post what the bank answered; nothing of that is saved."""
    answers = await bank_has_it(scene, payout)
    payment = await _payment_of(scene, payout)
    assert payment["state"] == "sent"
    return await _in_ledger_alone(scene, payment, "post_id", answers)


async def posted(scene: Scene, payout: Payout) -> LetGo:
    """The ledger has posted an answer that was saved before; the platform has not saved that."""
    go_on = await answer_saved(scene, payout)
    payment = await _payment_of(scene, payout)
    assert payment["state"] == "answered"
    return await _in_ledger_alone(scene, payment, "post_id", go_on)


async def settled_untold(scene: Scene, payout: Payout) -> LetGo:
    """The payment is settled; programmes have not heard of it."""
    let_go = await hold_queue(scene.platform, EVENTS)
    payment_id = await scene.release(payout)
    await until_state(scene, payment_id, "settled")
    state = await scene.platform.value(
        "SELECT state FROM programmes.case_payouts WHERE id = $1", payout.id)
    assert state == "released"
    return let_go


BOUNDARIES: dict[str, Reach] = {
    "intent saved": intent_saved,
    "ledger holds, not saved": hold_made,
    "hold and message being saved": hold_being_saved,
    "message saved, not sent": message_saved,
    "bank has it, answer not sent": bank_has_it,
    "answer on its way": answer_on_its_way,
    "answer posted, not saved": answer_carried_out,
    "answer saved, not posted": answer_saved,
    "posted, not saved": posted,
    "settled, programmes not told": settled_untold,
}


async def _in_ledger_alone(scene: Scene, payment: Any, name: str, go_on: LetGo) -> LetGo:
    """Go on until the ledger has the transfer of this name; the payment's row stays as it is."""
    let_go = await hold_lock(
        scene, "SELECT FROM payments.payments WHERE id = $1 FOR UPDATE", payment["id"])
    await go_on()
    await until_in_ledger(scene, payment[name].int)
    assert (await scene.payment(payment["id"]))["state"] == payment["state"]
    return let_go


async def _payment_of(scene: Scene, payout: Payout) -> Any:
    return await scene.platform.row(
        "SELECT * FROM payments.payments WHERE reference = $1", payout.id)


async def _is_answer_written(scene: Scene) -> bool:
    return bool(await scene.world.value(
        "SELECT count(*) FROM kernel.jobs WHERE queue = $1 AND due_at = 'infinity'",
        scene.outbox_queue))


async def _is_answer_tried(scene: Scene) -> bool:
    return bool(await scene.world.value(
        "SELECT count(*) FROM kernel.jobs WHERE queue = $1 AND attempt > 0", scene.outbox_queue))


async def _is_delivered(scene: Scene, payment: Any) -> bool:
    return bool(await scene.platform.value(
        "SELECT count(*) FROM payments.messages m JOIN payments.deliveries d"
        " ON d.message_id = m.id WHERE m.payment_id = $1"
        " AND m.direction = 'out' AND m.definition LIKE 'pacs.008%'", payment["id"]))

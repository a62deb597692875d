"""A real city whose processes are killed: started by the supervisor, watched from outside.

The platform knows nothing of this: boundaries are held open with row and table locks, with signals,
and with triggers on the job tables; what happened is read from the databases, the ledger's own
socket and the bank's statement. The supervision runs in a thread, as `lionrock up` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import msgspec

from lionrock.app.schemes import packaged_firm, stated_facts, today
from lionrock.app.supervisor import City
from lionrock.app.verification import verify_files
from lionrock.app.world import world_key_store
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.config import Settings, load_settings
from lionrock.kernel.ids import u128
from lionrock.kernel.network import Network, Unreachable
from lionrock.ledger.api import LedgerClient, connect
from lionrock.sandbox.journey.runner import run_steps
from lionrock.sandbox.journey.state import Journey
from lionrock.sandbox.journey.steps import all_steps
from lionrock.sandbox.personas import load_cast
from lionrock.sandbox.settle import account_number
from tests.ports import free_ports

T = TypeVar("T")
MILESTONES_COUNT = 12
SUPERVISION_PAUSE_S = 0.05
POLL_S = 0.02
WAIT_S_MAX = 90.0
VICTIMS = ("ledger", "front", "worker", "database")
GONE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Payout(msgspec.Struct, frozen=True):
    """A claimed milestone of the scene's case."""

    id: str
    milestone: int
    amount_minor: int


class Money(msgspec.Struct, frozen=True):
    """Where the money is: commitment account, bank's settlement account, bank's own books."""

    commitment_posted: int
    commitment_pending: int
    settlement_posted: int
    settlement_pending: int
    bank_entries: int


class Scene:
    """A city with one agreed case of twelve milestones, all of them claimed."""

    def __init__(self, city: City, journey: Journey, folder: Path) -> None:
        self.city = city
        self.journey = journey
        self.folder = folder
        self.ledger: LedgerClient = connect(city.settings.ledger_address, timeout_ms=60_000)
        self.platform = Watched(city.settings.database_url)
        self.world = Watched(city.settings.world_database_url)
        self.payouts: list[Payout] = []
        self.outbox_queue = f"{journey.company.bank}.payments-outbox"

    async def claim_all(self) -> None:
        """Claim every milestone, so that releasing is the only call a scenario makes."""
        assert self.journey.officer is not None, "the journey has run"
        path = f"/programmes/v1/cases/{self.journey.case['id']}/payouts"
        for number, milestone in enumerate(self.journey.case["milestones"], start=1):
            body = {"milestone": number, "amount": milestone["amount"], "report": "Reached."}
            claimed = await self.journey.officer.call("POST", path, body, expect=201)
            minor = int(milestone["amount"].replace(".", ""))
            self.payouts.append(Payout(claimed["id"], number, minor))

    async def ready(self) -> None:
        """Wait until the front answers that all parts do: what was killed before is back."""

        async def is_ready() -> bool:
            with contextlib.suppress(Unreachable):
                address = f"{self.journey.platform_url}/ready"
                return (await self.journey.network.send("GET", address)).status == 200
            return False

        await until("the city is ready", is_ready)

    async def release(self, payout: Payout) -> str:
        """Release a payout as the office does; returns the payment's id."""
        case_id = self.journey.case["id"]
        path = f"/programmes/v1/staff/cases/{case_id}/payouts/{payout.id}/release"
        await self.journey.staff["frank"].call("POST", path, expect=202)
        payment_id = await self.platform.value(
            "SELECT payment_id FROM programmes.case_payouts WHERE id = $1", payout.id)
        assert payment_id, "a released payout names its payment"
        return str(payment_id)

    async def payment(self, payment_id: str) -> Any:
        """The payment's row."""
        return await self.platform.row(
            "SELECT * FROM payments.payments WHERE id = $1", payment_id)

    async def money(self) -> Money:
        """Where the money is now, by the ledger itself and by the bank."""
        account = await self.platform.value(
            "SELECT account_id FROM programmes.case_awards WHERE case_id = $1 AND state = 'posted'",
            self.journey.case["id"])
        settlement = await self.platform.value(
            "SELECT ledger_account_id FROM payments.settlement_accounts"
            " WHERE organisation_id = $1 AND currency = 'HKD'", self.journey.company.bank)
        [commitment] = await self.ledger.lookup_accounts([u128(account)])
        [bank] = await self.ledger.lookup_accounts([settlement.int])
        return Money(
            commitment.debits_posted, commitment.debits_pending,
            bank.credits_posted, bank.credits_pending, len(await self.entries()),
        )

    async def entries(self) -> list[dict[str, Any]]:
        """The bank's statement of the company's account."""
        company = self.journey.company
        address = f"{self.journey.world_url}/{company.bank}/accounts/{account_number(company)}"
        answer = await self.journey.network.send("GET", address)
        return list(msgspec.json.decode(answer.body)["entries"])

    def pid(self, victim: str) -> int | None:
        """The process id of a part of the city, None while it is down."""
        if victim == "database":
            server = self.city.postgres
            return server.pid if server is not None and server.alive() else None
        return self.city.child(victim).pid

    async def kill(self, victim: str) -> None:
        """SIGKILL it and wait until the supervisor has started another."""
        before = self.pid(victim)
        assert before is not None, f"the {victim} runs"
        os.kill(before, signal.SIGKILL)
        await until(f"{victim} restarted", lambda: self._is_another(victim, before))

    async def _is_another(self, victim: str, before: int) -> bool:
        return self.pid(victim) not in (None, before)

    async def lapse_claims(self) -> None:
        """Let the claims of dead workers run out now, and not in ten seconds."""
        queues = ["payments.drive", "kernel.events", self.outbox_queue]
        for database in (self.platform, self.world):
            await database.execute(
                "UPDATE kernel.jobs SET due_at = '-infinity'"
                " WHERE queue = ANY($1) AND due_at < 'infinity'", queues)

    async def finish(self, payout: Payout, *, is_hurried: bool) -> None:
        """Wait for the payout's end."""
        started_ms = monotonic_ms()
        hurried_ms = started_ms
        while monotonic_ms() - started_ms < WAIT_S_MAX * 1000:
            state = await self.platform.value(
                "SELECT state FROM programmes.case_payouts WHERE id = $1", payout.id)
            if state in {"paid", "failed"}:
                return
            if is_hurried and monotonic_ms() - hurried_ms > 1_000:
                await self.lapse_claims()
                hurried_ms = monotonic_ms()
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"the payout stays {state}: {await self.explain(payout)}")

    async def explain(self, payout: Payout) -> dict[str, Any]:
        """What can be seen of a payout that does not end."""
        payment = await self.platform.row(
            "SELECT id, state FROM payments.payments WHERE reference = $1", payout.id)
        jobs = await self.platform.rows(
            "SELECT queue, key, attempt, due_at::text, last_error FROM kernel.jobs"
            " WHERE queue IN ('payments.drive', 'kernel.events')")
        return {"payment": dict(payment or {}), "jobs": [dict(job) for job in jobs],
                "pids": {victim: self.pid(victim) for victim in VICTIMS}}

    async def check_paid_once(self, payout: Payout, before: Money) -> None:
        """The whole of "exactly once", by the ledger, the bank, the evidence and the case."""
        payment = await self.platform.row(
            "SELECT * FROM payments.payments WHERE reference = $1", payout.id)
        assert payment["state"] == "settled", dict(payment)
        after = await self.money()
        assert after.commitment_posted - before.commitment_posted == payout.amount_minor
        assert after.settlement_posted - before.settlement_posted == payout.amount_minor
        assert (after.commitment_pending, after.settlement_pending) == (0, 0)
        mine = [each for each in await self.entries() if each["uetr"] == payment["uetr"]]
        assert len(mine) == 1, mine
        assert mine[0]["status"] in {"credited", "confirmed"}, mine
        assert int(mine[0]["amount"].lstrip("+").replace(".", "")) == payout.amount_minor
        assert after.bank_entries - before.bank_entries == 1
        receipts = await self.platform.value(
            "SELECT count(*) FROM evidence.receipts r JOIN evidence.receipt_references f"
            " ON f.receipt_id = r.id WHERE f.value = $1 AND r.kind = 'payments.payment_settled'",
            payment["id"])
        assert receipts == 1, receipts
        paid = await self.platform.value(
            "SELECT count(*) FROM programmes.case_payouts WHERE case_id = $1 AND milestone = $2"
            " AND state = 'paid'", self.journey.case["id"], payout.milestone)
        assert paid == 1, paid

    async def close(self) -> None:
        """Close what watches."""
        await self.ledger.close()
        await self.platform.close()
        await self.world.close()


class Watched:
    """Questions to a database that may be killed meanwhile: asked again until it answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None

    async def _ask(self, ask: Callable[[Any], Awaitable[T]]) -> T:
        deadline_ms = monotonic_ms() + WAIT_S_MAX * 1000
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self.url, command_timeout=20)
                return await ask(self._connection)
            except GONE as error:
                if monotonic_ms() > deadline_ms:
                    raise
                if isinstance(error, asyncpg.InternalClientError):
                    # A query was cut off half-way: that connection is of no more use.
                    self._connection.terminate()
                await asyncio.sleep(0.1)

    async def value(self, query: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return await self._ask(lambda db: db.fetchval(query, *arguments))

    async def row(self, query: str, *arguments: Any) -> Any:
        """The first row."""
        return await self._ask(lambda db: db.fetchrow(query, *arguments))

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """All rows."""
        return await self._ask(lambda db: db.fetch(query, *arguments))

    async def execute(self, query: str, *arguments: Any) -> None:
        """Run a statement that may be run again."""
        await self._ask(lambda db: db.execute(query, *arguments))

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()


async def until(
    what: str, is_so: Callable[[], Awaitable[bool]], seconds_max: float = WAIT_S_MAX
) -> None:
    """Wait until something is so."""
    deadline_ms = monotonic_ms() + seconds_max * 1000
    while not await is_so():
        if monotonic_ms() > deadline_ms:
            raise AssertionError(f"not so within {seconds_max:.0f} s: {what}")
        await asyncio.sleep(POLL_S)


def settings_in(folder: Path) -> Settings:
    """Settings of a city in a folder, on free ports."""
    port = free_ports(2)
    return load_settings(environment={}, overrides={
        "data_directory": str(folder), "composition": "sandbox",
        "founding_date": today().isoformat(),
        "public_url": f"http://127.0.0.1:{port}", "world_url": f"http://127.0.0.1:{port + 1}",
        # A loaded machine must not turn a slow restart into a bank that never answered.
        "payment_answer_timeout_ms": 120_000,
    })  # fmt: skip


class Supervision:
    """`lionrock up`'s loop, in a thread."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervision")
        self.restarted: list[str] = []

    def _run(self) -> None:
        while not self._stopping.wait(SUPERVISION_PAUSE_S):
            self.restarted += self._city.keep_up()

    def __enter__(self) -> Supervision:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def journey_of(city: City, network: Network, out: Path) -> Journey:
    """The journey of the demonstration, with many small milestones."""
    cast, share = load_cast(packaged_firm()), 100 // MILESTONES_COUNT
    shares = [share] * (MILESTONES_COUNT - 1)
    shares.append(100 - sum(shares))
    return Journey(
        platform_url=city.settings.public_url, world_url=city.settings.world_url, network=network,
        world_keys=world_key_store(city.settings), lang="en", on=today(), out=out,
        founder=cast.person("ada"), company=cast.company("harbour-robotics"),
        programme_wanted=None, verify=verify_files, stated=stated_facts(None),
        project_title=packaged_firm().project_title,
        milestones=tuple(
            {"title": f"Part {number}", "share_percent": each}
            for number, each in enumerate(shares, start=1)
        ),
    )  # fmt: skip


@contextlib.contextmanager
def city_folder() -> Any:
    """A folder that PostgreSQL's user may enter, removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="lionrock-crash-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    """Start a city and bring a case to its agreement, all milestones claimed."""
    with city_folder() as folder, City(settings_in(folder / "city")) as city, Supervision(city):
        network = Network(allow_private=True, ports=None)
        journey = journey_of(city, network, folder / "out")
        steps = [step for step in all_steps(journey)
                 if step.name not in {"payout", "register", "evidence"}]
        results = await run_steps(steps, lambda _step, _result: None)
        assert results[-1].ok and not results[-1].ended, results[-1]
        scene = Scene(city, journey, folder)
        try:
            await scene.claim_all()
            yield scene
        finally:
            await scene.close()
            await network.close()

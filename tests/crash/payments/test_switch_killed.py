"""kill -9 of any process while banks pay each other: each payment exactly once, or not at all.

Customers of two simulated banks pay each other through a running city; meanwhile the ledger, the
front, the worker, the world (both banks) and the database die at random. At the end the switch, the
ledger and both banks' books tell the same story, payment by payment and in their sums.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from typing import Any

import msgspec
import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.network import Network, Unreachable
from lionrock.ledger.api import LedgerClient, connect
from lionrock.payments.domain.reasons import AGENT_TIMED_OUT
from tests.conftest import SEED
from tests.crash.journey.harness import Supervision, Watched, city_folder, settings_in, until

SECONDS_LONG = int(os.environ.get("SECONDS") or "600")
BANKS = {"bank-harbour": "901", "bank-lantau": "902"}
VICTIMS = ("ledger", "front", "worker", "world", "database")
OPENING = "100000.00"
PAYERS = 4
KILL_PAUSE_S = 4.0
ENDED = {"paid", "confirmed", "returned", "reversed", "refused"}
STANDING = {"paid", "confirmed", "credited"}
COMES_BACK = "9.04"  # the payee's bank refuses it as a closed account
END_S_MAX = 180.0


class Switching:
    """A city, its two banks and what their customers have ordered."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.network = Network(allow_private=True, ports=None)
        self.platform = Watched(city.settings.database_url)
        self.ledger: LedgerClient = connect(city.settings.ledger_address, timeout_ms=60_000)
        self.orders: dict[str, tuple[str, str]] = {}  # end-to-end id -> payer's bank, amount
        self.kills: Counter[str] = Counter()
        self.opened: dict[str, int] = {}

    async def ask(self, method: str, bank: str, path: str, body: object = None) -> Any:
        """Ask a bank until it answers; None when it says that there is no such thing."""
        address = f"{self.city.settings.world_url}/{bank}{path}"
        content = b"" if body is None else msgspec.json.encode(body)
        while True:
            with contextlib.suppress(Unreachable):
                reply = await self.network.send(
                    method, address, body=content, headers={"content-type": "application/json"})
                if reply.status < 500:
                    return msgspec.json.decode(reply.body) if reply.status < 300 else None
            await asyncio.sleep(0.1)

    async def open(self) -> None:
        """A customer for each payer at each bank."""
        for bank in BANKS:
            for number in range(PAYERS):
                made = await self.ask("PUT", bank, f"/operator/accounts/{account(number)}", {
                    "name": f"Customer {number}", "opening": {"HKD": OPENING}})
                assert made is not None, bank
            self.opened[bank] = await self.settlement(bank)

    async def settlement(self, bank: str) -> int:
        """What the ledger holds for a bank, nothing being pending."""
        found = await self.platform.value(
            "SELECT ledger_account_id FROM payments.settlement_accounts"
            " WHERE organisation_id = $1 AND currency = 'HKD'", bank)
        [settled] = await self.ledger.lookup_accounts([found.int])
        assert (settled.debits_pending, settled.credits_pending) == (0, 0), bank
        return settled.credits_posted - settled.debits_posted

    async def pay(self, payer: int, number: int, chance: random.Random) -> None:
        """Order one payment, once, whoever dies meanwhile."""
        bank, other = chance.sample(sorted(BANKS), 2)
        amount = chance.choice(("1.00", "12.50", "100.00", COMES_BACK))
        name = f"KILL-{SEED % 10_000}-{payer}-{number}"
        self.orders[name] = (bank, amount)
        body = {
            "account": account(payer), "amount": amount, "currency": "HKD", "end_to_end_id": name,
            "creditor_clearing_code": BANKS[other], "creditor_account": account(payer),
            "creditor_name": f"Customer {payer}",
        }
        address = f"{self.city.settings.world_url}/{bank}/operator/transfers"
        while await self.entry(bank, payer, name) is None:
            # Without an answer the order may stand all the same: its book is asked first.
            with contextlib.suppress(Unreachable):
                await self.network.send("POST", address, body=msgspec.json.encode(body),
                                        headers={"content-type": "application/json"})

    async def entry(self, bank: str, payer: int, name: str) -> dict[str, Any] | None:
        """A payment in a bank's books."""
        shown = await self.ask("GET", bank, f"/accounts/{account(payer)}")
        mine = [each for each in shown["entries"] if each["end_to_end_id"] == name]
        assert len(mine) <= 1, mine
        return mine[0] if mine else None

    async def kill(self, victim: str) -> None:
        """SIGKILL a part and wait until another one runs."""
        before = self._pid(victim)
        if before is None:
            return
        self.kills[victim] += 1
        os.kill(before, signal.SIGKILL)

        async def is_another() -> bool:
            return self._pid(victim) not in {None, before}

        await until(f"{victim} restarted", is_another)

    def _pid(self, victim: str) -> int | None:
        if victim == "database":
            server = self.city.postgres
            return server.pid if server is not None and server.alive() else None
        return self.city.child(victim).pid

    async def close(self) -> None:
        """Close what watches."""
        await self.ledger.close()
        await self.platform.close()
        await self.network.close()


def account(number: int) -> str:
    """The number of a customer's account, the same at both banks."""
    return f"5500{number:08d}"


async def live(switching: Switching, seconds: float, chance: random.Random) -> None:
    """Pay and kill until the time is over and every victim had its turn."""
    stopping = asyncio.Event()

    async def keep_paying(payer: int) -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            await switching.pay(payer, number, chance)
            await asyncio.sleep(0.2)

    paying = [asyncio.create_task(keep_paying(payer)) for payer in range(PAYERS)]
    ends_ms, turns = monotonic_ms() + seconds * 1_000, list[str]()
    while monotonic_ms() < ends_ms or len(switching.kills) < len(VICTIMS):
        await asyncio.sleep(KILL_PAUSE_S * (0.2 + 1.6 * chance.random()))
        turns = turns or chance.sample(VICTIMS, len(VICTIMS))
        await switching.kill(turns.pop())
    stopping.set()
    await asyncio.gather(*paying)


async def ended(switching: Switching) -> dict[str, dict[str, Any]]:
    """Wait until every payment has ended in its payer's book; returns those entries."""
    found: dict[str, dict[str, Any]] = {}

    async def all_ended() -> bool:
        found.clear()
        for bank in BANKS:
            for payer in range(PAYERS):
                shown = await switching.ask("GET", bank, f"/accounts/{account(payer)}")
                found.update({e["end_to_end_id"]: e for e in shown["entries"]
                              if e["direction"] == "out"})
        return all(found[name]["status"] in ENDED for name in switching.orders)

    await until("every payment has ended", all_ended, END_S_MAX)
    return found


class Count(msgspec.Struct):
    """How payments ended; of those that came back, how many were not answered in time.

    Lost: acknowledged, and without a payment, or paid and not received. Doubled: with two payments,
    or received and not paid.
    """

    paid: int = 0
    came_back: int = 0
    late: int = 0
    lost: int = 0
    doubled: int = 0


async def check(switching: Switching) -> Count:
    """One story of each payment, and of the sums."""
    count = Count()
    net_minor: Counter[str] = Counter()
    for name, entry in (await ended(switching)).items():
        bank, amount = switching.orders[name]
        [other] = BANKS.keys() - {bank}
        rows = await switching.platform.rows(
            "SELECT state, reason_code FROM payments.payments WHERE end_to_end_id = $1", name)
        payee = await switching.entry(other, int(name.split("-")[2]), name)
        stands = payee is not None and payee["status"] in STANDING
        is_paid = entry["status"] in {"paid", "confirmed"}
        is_lost = not rows or (is_paid and not stands)
        is_doubled = len(rows) > 1 or (stands and not is_paid)
        count.lost, count.doubled = count.lost + is_lost, count.doubled + is_doubled
        if is_lost or is_doubled:
            print(name, rows, entry, payee)
            continue
        [(state, reason)] = [(row["state"], row["reason_code"]) for row in rows]
        # A bank that was dead, or had no processor, for all the time that it had to answer.
        is_late = reason == AGENT_TIMED_OUT
        assert is_paid == (amount != COMES_BACK and not is_late), (name, reason, entry)
        assert state == ("settled" if is_paid else "rejected"), (name, reason)
        if is_paid:
            minor = int(amount.replace(".", ""))
            net_minor[bank] -= minor
            net_minor[other] += minor
        count.paid, count.came_back = count.paid + is_paid, count.came_back + (not is_paid)
        count.late += is_late
    if count.lost or count.doubled:
        return count
    for bank, opened in switching.opened.items():
        assert await switching.settlement(bank) == opened + net_minor[bank], bank
        books_minor = 0
        for payer in range(PAYERS):
            shown = await switching.ask("GET", bank, f"/accounts/{account(payer)}")
            books_minor += int(shown["balances"]["HKD"].replace(".", ""))
        begun_minor = PAYERS * int(OPENING.replace(".", ""))
        assert books_minor == begun_minor + net_minor[bank], bank
    for row in await switching.platform.rows(
        "SELECT sum(debits_posted) AS debits, sum(credits_posted) AS credits,"
        " sum(debits_pending) AS held, sum(credits_pending) AS awaited"
        " FROM ledger.accounts GROUP BY ledger"
    ):
        assert (row["debits"], row["held"]) == (row["credits"], row["awaited"]), dict(row)
    return count


async def run(seconds: float) -> None:
    """One city, killed for so long; prints what happened."""
    print("seed", SEED)
    with city_folder() as folder, City(settings_in(folder / "city")) as city, Supervision(city):
        switching = Switching(city)
        await switching.open()
        await live(switching, seconds, random.Random(SEED))
        count = await check(switching)
        await switching.close()
    died = ", ".join(f"{name} {count}" for name, count in sorted(switching.kills.items()))
    print(f"kills {switching.kills.total()} ({died}); payments {len(switching.orders)},"
          f" paid {count.paid}, came back {count.came_back} ({count.late} not answered in time),"
          f" lost {count.lost}, doubled {count.doubled}")
    assert (count.lost, count.doubled) == (0, 0)
    assert count.paid + count.came_back == len(switching.orders) > 0


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_payments_between_banks_survive_the_death_of_every_process() -> None:
    await run(20)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_LONG * 2 + 600)
async def test_payments_between_banks_survive_ten_minutes_of_deaths() -> None:
    await run(SECONDS_LONG)

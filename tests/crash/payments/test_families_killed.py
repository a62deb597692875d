"""kill -9 of any process amid debits, recalls and requests to pay: each once, or not at all.

Customers of two simulated banks collect from each other, ask each other to pay, and have what they
paid recalled; meanwhile the ledger, the front, the worker, the world and the database die at
random. An order that was answered must stand; one that died unanswered may, and is never given
again. At the end the switch holds exactly what the banks' books say was ordered, each payment has
come to one end, and the switch, the ledger and both banks' books have the same sums. A payment that
a bank was too dead to answer may have been rejected: then all books say so.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.network import TIMEOUT_MS_MAX, Unreachable
from lionrock.ledger.api import Unavailable
from tests.conftest import SEED
from tests.crash.journey.harness import Supervision, city_folder, settings_in, until
from tests.crash.payments.test_switch_killed import (
    BANKS,
    OPENING,
    PAYERS,
    SECONDS_LONG,
    Switching,
    account,
    live,
)

# By family: the orders that are given for it, and the payment that each brings to the switch.
FAMILIES: dict[str, dict[str, str]] = {
    "debit": {"mandates": "", "collections": "debit"},
    "request": {"requests": "transfer"},
    "recall": {"transfers": "transfer", "recalls": "return"},
}
# Which entry in the books of its bank an order for a payment makes: family and direction.
WAYS = {"collections": ("debit", "in"), "transfers": ("recall", "out")}
FINAL = ("settled", "rejected")
WAITING = ("pending", "collecting")
STEP_S = 0.3
# A bank has two minutes to answer a payment, and what died while answering is claimed anew.
END_S_MAX = 400.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A payment at the switch."""

    end_to_end_id: str
    kind: str
    state: str
    debtor: str
    creditor: str
    amount_minor: int


class Thing(msgspec.Struct, kw_only=True):
    """One of a family: whose it is, and for each order given, whether the bank answered."""

    family: str
    bank: str
    payer: int
    is_answered: dict[str, bool] = {}


class Books(msgspec.Struct):
    """What a bank's books say: orders (thing, path) that stand, what it owes, what it waits for."""

    orders: set[tuple[str, str]] = msgspec.field(default_factory=set)
    minor: int = 0
    is_waiting: bool = False


class Families(Switching):
    """A city whose customers do everything but plain payments."""

    def __init__(self, city: City) -> None:
        super().__init__(city)
        self.things: dict[str, Thing] = {}

    async def pay(self, payer: int, number: int, chance: random.Random) -> None:
        """One thing of a family, each order for it given once, whoever dies meanwhile."""
        bank, other = chance.sample(sorted(BANKS), 2)
        family, amount = chance.choice(sorted(FAMILIES)), chance.choice(("1.00", "12.50", "100.00"))
        name = f"{family.upper()}-{SEED % 10_000}-{payer}-{number}"
        # An answer to a question first: else a dead bank is given one order after the other.
        await self.ask("GET", bank, "/recalls")
        self.things[name] = Thing(family=family, bank=bank, payer=payer)
        begin = {"debit": self._debit, "request": self._request, "recall": self._recall}[family]
        await begin(name, other, amount)

    async def _debit(self, name: str, other: str, amount: str) -> None:
        """A customer collects from one of the other bank, under a new authorisation."""
        thing = self.things[name]
        is_asked = await self._order(name, "mandates", {
            "account": account(thing.payer), "debtor_clearing_code": BANKS[other],
            "debtor_account": account(thing.payer), "debtor_name": f"Customer {thing.payer}",
            "request_id": name, "currency": "HKD", "max_amount": amount,
        })
        if not is_asked:
            return
        mandate: dict[str, Any] = {}

        async def is_active() -> bool:
            await asyncio.sleep(STEP_S)
            for each in (await self.ask("GET", thing.bank, "/mandates"))["mandates"]:
                if each["request_id"] == name and each["status"] != "asked":
                    mandate.update(each)
            assert mandate.get("status", "active") == "active", mandate
            return bool(mandate)

        await until(f"the mandate {name} is active", is_active, END_S_MAX)
        await self._order(name, "collections", {
            "mandate_id": mandate["id"], "amount": amount, "currency": "HKD",
            "end_to_end_id": name, "sequence": "FRST",
        })

    async def _request(self, name: str, other: str, amount: str) -> None:
        """A customer asks one of the other bank to pay."""
        payer = self.things[name].payer
        await self._order(name, "requests", {
            "account": account(payer), "amount": amount, "currency": "HKD", "request_id": name,
            "end_to_end_id": name, "debtor_clearing_code": BANKS[other],
            "debtor_account": account(payer), "debtor_name": f"Customer {payer}",
        })

    async def _recall(self, name: str, other: str, amount: str) -> None:
        """A customer pays one of the other bank, and wants it back."""
        thing = self.things[name]
        is_ordered = await self._order(name, "transfers", {
            "account": account(thing.payer), "amount": amount, "currency": "HKD",
            "end_to_end_id": name, "creditor_clearing_code": BANKS[other],
            "creditor_account": account(thing.payer), "creditor_name": f"Customer {thing.payer}",
        })
        if not is_ordered:
            return
        paid: dict[str, Any] = {}

        async def is_ended() -> bool:
            await asyncio.sleep(STEP_S)
            shown = await self.ask("GET", thing.bank, f"/accounts/{account(thing.payer)}")
            mine = [each for each in shown["entries"]
                    if (each["end_to_end_id"], each["direction"]) == (name, "out")]
            assert len(mine) == 1, (name, mine)
            paid.update(mine[0])
            return paid["status"] not in WAITING

        await until(f"the payment {name} has ended", is_ended, END_S_MAX)
        if paid["status"] == "paid":
            await self._order(name, "recalls", {"uetr": paid["uetr"], "recall_id": name})

    async def _order(self, name: str, path: str, body: dict[str, Any]) -> bool:
        """Give a bank an order; whether it was answered: else it may stand, or not."""
        thing = self.things[name]
        address = f"{self.city.settings.world_url}/{thing.bank}/operator/{path}"
        while True:
            try:
                reply = await self.network.send(
                    "POST", address, body=msgspec.json.encode(body),
                    headers={"content-type": "application/json"}, timeout_ms=TIMEOUT_MS_MAX)
            except Unreachable as error:
                if not error.may_have_arrived:
                    await asyncio.sleep(STEP_S)
                    continue
                thing.is_answered[path] = False
                return False
            assert reply.status < 400 or reply.status >= 500, (path, reply.body)
            thing.is_answered[path] = reply.status < 400
            return thing.is_answered[path]

    async def books(self, bank: str) -> Books:
        """What a bank's books say, read one after the other: at rest they are one story."""
        told = Books()
        for each in (await self.ask("GET", bank, "/mandates"))["mandates"]:
            if each["role"] == "creditor":
                told.orders.add((each["request_id"], "mandates"))
        for path in ("requests", "recalls"):
            listed = (await self.ask("GET", bank, f"/{path}"))[path]
            told.orders |= {(each["id"], path) for each in listed if each["side"] == "made"}
        for payer in range(PAYERS):
            shown = await self.ask("GET", bank, f"/accounts/{account(payer)}")
            told.minor += int(shown["balances"]["HKD"].replace(".", ""))
            for each in shown["entries"]:
                name = each["end_to_end_id"]
                told.is_waiting |= each["status"] in WAITING
                if self.things[name].bank == bank:
                    told.orders |= {(name, path) for path, way in WAYS.items()
                                    if way == (self.things[name].family, each["direction"])}
        return told

    async def rows(self) -> dict[str, list[Row]]:
        """The payments of each thing."""
        found = await self.platform.rows(
            "SELECT end_to_end_id, kind, state, amount_minor, debtor_organisation_id AS debtor,"
            " creditor_organisation_id AS creditor FROM payments.payments"
            " WHERE end_to_end_id = ANY($1)", list(self.things))
        by_name: dict[str, list[Row]] = {name: [] for name in self.things}
        for row in found:
            by_name[row["end_to_end_id"]].append(Row(**dict(row)))
        return by_name

    async def posted_minor(self, bank: str) -> int | None:
        """What the ledger holds for a bank; None while it does not say, or something is pending."""
        found = await self.platform.value(
            "SELECT ledger_account_id FROM payments.settlement_accounts"
            " WHERE organisation_id = $1 AND currency = 'HKD'", bank)
        try:
            [settled] = await self.ledger.lookup_accounts([found.int])
        except Unavailable:
            return None
        is_at_rest = (settled.debits_pending, settled.credits_pending) == (0, 0)
        return settled.credits_posted - settled.debits_posted if is_at_rest else None


class End(msgspec.Struct):
    """What came of everything; orders that were acknowledged and are lost, payments too many."""

    answered: int = 0
    unanswered: int = 0
    lost: int = 0
    doubled: int = 0
    came: Counter[str] = msgspec.field(default_factory=Counter)
    wrong: list[str] = msgspec.field(default_factory=list)


async def look(families: Families) -> End:
    """Compare all books; an end in which something is wrong is none, or not yet one."""
    end, net_minor = End(), Counter[str]()
    books = {bank: await families.books(bank) for bank in BANKS}
    for name, rows in (await families.rows()).items():
        thing = families.things[name]
        stand = {path for path in FAMILIES[thing.family]
                 if (name, path) in books[thing.bank].orders}
        lost = {path for path, is_answered in thing.is_answered.items() if is_answered} - stand
        end.answered += sum(thing.is_answered.values())
        end.unanswered += len(thing.is_answered) - sum(thing.is_answered.values())
        wanted = sorted(kind for path in stand if (kind := FAMILIES[thing.family][path]))
        end.lost += len(lost)
        end.doubled += (Counter(row.kind for row in rows) - Counter(wanted)).total()
        if lost or sorted(row.kind for row in rows) != wanted:
            end.wrong.append(f"{name}: {lost} lost; {stand} stand, the switch has {rows}")
        if any(row.state not in FINAL for row in rows):
            end.wrong.append(f"{name} has not ended: {rows}")
        settled = [row for row in rows if row.state == "settled"]
        for row in settled:
            net_minor[row.debtor] -= row.amount_minor
            net_minor[row.creditor] += row.amount_minor
        last = list(FAMILIES[thing.family].values())[-1]
        is_done = last in {row.kind for row in settled}
        end.came[thing.family if is_done else f"{thing.family} that came to nothing"] += 1
    for bank, told in books.items():
        owed = PAYERS * int(OPENING.replace(".", "")) + net_minor[bank]
        held = families.opened[bank] + net_minor[bank]
        posted = await families.posted_minor(bank)
        if told.is_waiting or told.minor != owed or posted != held:
            end.wrong.append(f"{bank} owes {told.minor} for {owed} (waits: {told.is_waiting}),"
                             f" the ledger holds {posted} for {held}")
    return end


async def check(families: Families) -> End:
    """Wait until everything has ended, and all books say the same."""
    ends: list[End] = []

    async def is_over() -> bool:
        await asyncio.sleep(STEP_S)
        ends.append(await look(families))
        return not ends[-1].wrong

    try:
        await until("everything has ended, and all books say the same", is_over, END_S_MAX)
    except AssertionError:
        print(*ends[-1].wrong, f"lost {ends[-1].lost}, doubled {ends[-1].doubled}", sep="\n")
        raise
    return ends[-1]


async def run(seconds: float) -> None:
    """One city, killed for so long; prints what happened."""
    print("seed", SEED)
    with city_folder() as folder, City(settings_in(folder / "city")) as city, Supervision(city):
        families = Families(city)
        await families.open()
        await live(families, seconds, random.Random(SEED))
        end = await check(families)
        await families.close()
    died = ", ".join(f"{name} {count}" for name, count in sorted(families.kills.items()))
    came = ", ".join(f"{name} {count}" for name, count in sorted(end.came.items()))
    print(f"kills {families.kills.total()} ({died}); begun {len(families.things)}: {came};"
          f" orders acknowledged {end.answered}, unanswered {end.unanswered};"
          f" lost {end.lost}, doubled {end.doubled}")
    assert end.came.total() == len(families.things) > 0


@pytest.mark.city
@pytest.mark.timeout(1_800)
async def test_debits_recalls_and_requests_survive_the_death_of_every_process() -> None:
    await run(20)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_LONG * 2 + 1_800)
async def test_debits_recalls_and_requests_survive_ten_minutes_of_deaths() -> None:
    await run(SECONDS_LONG)

"""A switch with its lower floors and two banks, in one process: for tests of payments.

Real parts all of them: directory, evidence, ledger, PostgreSQL, signatures; two databases, two
networks, and HTTP between platform and world by ASGI.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Directory,
    Organisation,
    Sender,
    SignedExchange,
    organisation_key,
    send_signed,
)
from lionrock.directory.api import table as directory_table
from lionrock.evidence.api import Evidence
from lionrock.identity.api import DECIDED_TOPIC
from lionrock.kernel import outbox
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import Key
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.money import Money
from lionrock.kernel.network import Network
from lionrock.kernel.outbox import Event
from lionrock.ledger.api import AccountDraft, AccountFlags, Ledger, TransferDraft
from lionrock.ledger.client import in_process
from lionrock.payments import api
from lionrock.payments.api import CreditTransferOrder, Enrolment, Payment, Payments
from lionrock.sandbox.world.bank import Bank
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore
from tests.databases import Databases
from tests.put_away import Places

PLATFORM, WORLD = "http://platform.test", "http://world.test"
HARBOUR, LANTAU = "bank-harbour", "bank-lantau"
FIRM_ACCOUNT, TEA_ACCOUNT = "307-000001", "512-000009"
FIRM_PHONE, TEA_EMAIL = "+85251230001", "pay@little-tea.example"
ROUNDS_MAX = 60


@dataclasses.dataclass(kw_only=True)
class PaymentsCity:
    """Everything a test needs."""

    kernel: Kernel
    clock: FrozenClock
    ledger: Ledger
    evidence: Evidence
    payments: Payments
    directory: Directory
    platform_worker: Worker
    world: World
    banks: dict[str, Bank]
    events: list[Event]
    budget_id: int = 0

    async def settle(self) -> None:
        """Run both workers until nothing is due."""
        for _ in range(ROUNDS_MAX):
            if not await self.platform_worker.run_due() + await self.world.worker.run_due():
                return
        raise AssertionError("still busy")

    async def pass_seconds(self, seconds: float, step: float = 1.0) -> None:
        """Let wire time pass, working in between."""
        while seconds > 0:
            self.clock.advance(seconds=min(step, seconds))
            seconds -= step
            await self.settle()

    def pass_business_time(self, **length: float) -> None:
        """Let business time pass: days, hours, seconds."""
        clock = self.kernel.business_clock
        assert isinstance(clock, FrozenClock)
        clock.advance(**length)

    def order(self, amount: Money | None = None, **changes: Any) -> CreditTransferOrder:
        """An order to pay the firm from the budget."""
        order = CreditTransferOrder(
            debit_account_id=self.budget_id, debtor_name="Programme Office",
            amount=amount or Money(100_000_00, "HKD"), creditor_proxy_kind="mobile",
            creditor_proxy="5123 0001", end_to_end_id="PAYOUT-1", initiator_org="programme-office",
            remittance="First milestone", reference="pyo_1",
            references={"case_id": "cas_0192"},
        )
        return msgspec.structs.replace(order, **changes)

    async def initiate(self, order: CreditTransferOrder) -> Payment:
        """Take an order that is not refused."""
        taken = await self.kernel.database.run(
            lambda db: self.payments.initiate_credit_transfer(db, order)
        )
        assert not isinstance(taken, Refused), taken
        return taken

    async def load(self, payment_id: str) -> Payment:
        """The payment as it stands."""
        found = await self.kernel.database.read(lambda db: self.payments.payment(db, payment_id))
        assert found is not None
        return found

    async def messages(self, payment_id: str) -> list[tuple[str, bytes]]:
        """Its messages."""
        return await self.kernel.database.read(
            lambda db: self.payments.messages(db, payment_id)
        )

    async def receipts(self) -> list[dict[str, Any]]:
        """The receipts of payments, in order, as their payloads."""
        rows = await self.kernel.database.read(
            lambda db: db.fetch("SELECT jws FROM evidence.receipts ORDER BY id")
        )
        payloads = [row["jws"].split(".")[1] for row in rows]
        receipts = [
            msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            for payload in payloads
        ]
        return [receipt for receipt in receipts if "payment_id" in receipt["references"]]

    async def subject_messages(self, subject_id: str) -> list[tuple[str, bytes]]:
        """The messages about a thing that is no payment: a mandate, a request, a recall."""
        return await self.kernel.database.read(
            lambda db: self.payments.subject_messages(db, subject_id)
        )

    async def available(self, account_id: int) -> int:
        """What may still be debited from a ledger account."""
        [account] = await self.ledger.lookup_accounts([account_id])
        return account.debits_available

    async def settlement_id(self, bank_id: str, currency: str = "HKD") -> int:
        """A bank's account at the switch."""
        found = await self.kernel.database.read(
            lambda db: self.payments.participant(db, bank_id)
        )
        assert found is not None
        return found.accounts[currency].ledger_account_id

    async def statement(self, bank_id: str, number: str) -> dict[str, Any]:
        """A customer's statement, as the bank shows it."""
        reply = await self.world.context.network.send(
            "GET", f"{WORLD}/{bank_id}/accounts/{number}"
        )
        assert reply.status == 200
        shown: dict[str, Any] = msgspec.json.decode(reply.body)
        return shown

    async def call(
        self, sender_id: str, path: str, body: bytes, *, media_type: str = api.MEDIA_TYPE,
        key: Key | None = None, method: str = "POST",
    ) -> SignedExchange:
        """A call to the platform signed by a bank."""
        key = key or self.world.context.key_store.get_or_create(sender_id)
        return await send_signed(
            self.world.context.network, self.clock, Sender(sender_id, key), method=method,
            url=PLATFORM + path, body=body,
            headers={"content-type": media_type} if body else {},
        )

    async def post_message(self, sender_id: str, envelope: api.Envelope) -> SignedExchange:
        """A message to the switch signed by a bank."""
        return await self.call(sender_id, api.MESSAGES_PATH, api.write_envelope(envelope))

    def topics(self) -> list[str]:
        """Topics of the events delivered."""
        return [event.topic for event in self.events]


@pytest.fixture
async def world_database_url(databases: Databases) -> AsyncIterator[str]:
    """Address of the world's own database."""
    async with databases.fresh() as url:
        yield url


@pytest.fixture
async def world_database(world_database_url: str) -> AsyncIterator[Database]:
    """The world's own database."""
    opened = await Database.open(world_database_url, pool_size_max=6)
    yield opened
    await opened.close()


@pytest.fixture
async def city(
    kernel: Kernel, wire_clock: FrozenClock, world_database: Database,
    world_database_url: str, places: Places, tmp_path: Any,
) -> AsyncIterator[PaymentsCity]:
    """A switch with two banks and a programme's budget, founded once in this process."""
    keys = KeyStore(tmp_path / "world-keys", "world", scrypt_cost=2**4)
    context = world_context(kernel, wire_clock, world_database, keys, Network(applications={}))
    both = dataclasses.replace(
        places, urls=(*places.urls, world_database_url), ids=(*places.ids, context.ids))
    kept = await both.take_out("payments city")
    if kept is None:
        async with in_process(kernel.database, kernel.business_clock) as ledger:
            city = await build_city(kernel, wire_clock, ledger, context)
        kept = await both.keep("payments city", (city.budget_id, tuple(city.events)))
    # Built anew in the test that founded it too: the first test has what every other one has.
    async with in_process(kernel.database, kernel.business_clock) as ledger:
        budget_id, events = kept.value
        city = _compose(kernel, wire_clock, ledger, *_world(context))
        city.budget_id = budget_id
        city.events += events
        yield city
    await context.network.close()


def world_context(
    kernel: Kernel, clock: FrozenClock, database: Database, keys: KeyStore, network: Network
) -> WorldContext:
    """What the banks are built with."""
    return WorldContext(
        platform_url=PLATFORM, world_url=WORLD, wire_clock=clock,
        business_clock=kernel.business_clock, ids=Ids(clock, seed=7), key_store=keys,
        network=network, database=database, store=WorldStore(database),
    )


async def build_city(
    kernel: Kernel, clock: FrozenClock, ledger: Ledger, context: WorldContext
) -> PaymentsCity:
    """Put the parts together, plug the networks into each other, open accounts."""
    city = _compose(kernel, clock, ledger, *_world(context))
    city.budget_id = kernel.ids.new_u128()
    await _register(city)
    await _open_accounts(city)
    return city


def _world(context: WorldContext) -> tuple[World, dict[str, Bank]]:
    banks = {HARBOUR: Bank(context, HARBOUR, "307"), LANTAU: Bank(context, LANTAU, "512")}
    return World(context, banks.values()), banks


def _compose(
    kernel: Kernel, clock: FrozenClock, ledger: Ledger, world: World, banks: dict[str, Bank]
) -> PaymentsCity:
    directory = Directory(kernel)
    evidence = Evidence(kernel, directory)
    payments = Payments(kernel, directory=directory, receipts=evidence, ledger=ledger)
    events: list[Event] = []

    async def keep(event: Event) -> None:
        events.append(event)

    topics = (
        api.SETTLED_TOPIC, api.REJECTED_TOPIC, "payments.proxy_replaced", DECIDED_TOPIC,
    )
    handlers = {
        **api.handlers(payments),
        outbox.QUEUE: outbox.dispatcher({
            topic: (keep, *api.subscriptions(payments).get(topic, ())) for topic in topics
        }),
    }
    worker = Worker(kernel.database, clock, kernel.business_clock, handlers)
    application = build_application(kernel, [directory_table(directory), api.table(payments)])
    world.context.network.applications[PLATFORM] = application
    world.context.network.applications[WORLD] = world.application
    kernel.network.applications[WORLD] = world.application
    return PaymentsCity(
        kernel=kernel, clock=clock, ledger=ledger, evidence=evidence, payments=payments,
        directory=directory, platform_worker=worker, world=world, banks=banks, events=events,
    )


async def _register(city: PaymentsCity) -> None:
    keys = {PLATFORM_ORGANISATION: organisation_key(city.kernel, PLATFORM_ORGANISATION)}
    keys |= {bank.id: bank.key for bank in city.banks.values()}

    async def use_case(db: Connection) -> None:
        for organisation_id, key in keys.items():
            is_bank = organisation_id in city.banks
            done = await city.directory.register(db, Organisation(
                id=organisation_id,
                names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), organisation_id),
                roles=frozenset({"participant"} if is_bank else {"operator"}),
                endpoints={"payments": f"{WORLD}/{organisation_id}"} if is_bank else {},
                keys=(key.public_jwk,), simulated=is_bank,
            ))
            assert not isinstance(done, Refused), done

    await city.kernel.database.run(use_case)
    for bank in city.banks.values():
        enrolled = await city.payments.enrol_participant(
            Enrolment(
                organisation_id=bank.id, clearing_code=bank.clearing_code, takes_bundles=True
            )
        )
        assert not isinstance(enrolled, Refused), enrolled


async def _open_accounts(city: PaymentsCity) -> None:
    await city.banks[HARBOUR].books.open_account(
        FIRM_ACCOUNT, "Harbour Robotics Limited", opening={"HKD": 1_000_00},
        proxies=(("mobile", FIRM_PHONE),),
    )
    await city.banks[LANTAU].books.open_account(
        TEA_ACCOUNT, "Little Tea House", opening={"HKD": 5_000_00, "CNY": 100_00},
        proxies=(("email", TEA_EMAIL),),
    )
    await city.settle()
    for number, bank_id in enumerate(city.banks):
        funded = await city.payments.fund_participant(
            f"fnd_{number + 1:032x}", bank_id, Money(3_000_00, "HKD")
        )
        assert not isinstance(funded, Refused), funded
    await fill_budget(city, 1_000_000_00)


async def fill_budget(city: PaymentsCity, amount_minor: int) -> None:
    """Open the budget account and put money on it."""
    source_id = city.kernel.ids.new_u128()
    hkd = api.LEDGER_OF_CURRENCY["HKD"]
    await city.ledger.create_accounts([
        AccountDraft(id=source_id, ledger=hkd, code=1),
        AccountDraft(
            id=city.budget_id, ledger=hkd, code=2,
            flags=AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
        ),
    ])
    [filled] = await city.ledger.create_transfers([TransferDraft(
        id=city.kernel.ids.new_u128(), debit_account_id=source_id,
        credit_account_id=city.budget_id, amount=amount_minor, ledger=hkd, code=1,
    )])
    assert filled.result == "ok"

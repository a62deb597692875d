"""The platform composed: every pillar's service built once, with what it needs from lower floors.

Fronts serve its tables; workers run its jobs, events and loops. The same composition runs in the
sandbox and in serve: nothing here knows of simulated parties.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

import lionrock
from lionrock import portal
from lionrock.app import grants_and_consents
from lionrock.app.business_days import is_settlement_day
from lionrock.app.kernels import close_kernel, open_kernel
from lionrock.app.surroundings import hook_tables, message_carrier, surroundings
from lionrock.directory import api as directory_api
from lionrock.evidence import api as evidence_api
from lionrock.exchange import api as exchange_api
from lionrock.hongkong import facades as facades_api
from lionrock.hongkong import scheme_book
from lionrock.identity import api as identity_api
from lionrock.kernel import expiring, outbox, replay, ring
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.epoch import read_offset
from lionrock.kernel.http import (
    Application,
    RouteTable,
    StandardRoom,
    build_application,
    standard_table,
)
from lionrock.kernel.jobs import Again, Handler, Job, Worker, schedule
from lionrock.ledger import api as ledger_api
from lionrock.payments import api as payments_api
from lionrock.programmes import api as programmes_api

SWEEP_QUEUE = "kernel.sweep"

_log = structlog.get_logger("lionrock.platform")
Loop = Callable[[], Awaitable[None]]


class Platform:
    """All pillars of one process, lowest floor first."""

    def __init__(self, kernel: Kernel, ledger: ledger_api.LedgerClient) -> None:
        self.kernel = kernel
        self.ledger = ledger
        self.directory = directory_api.Directory(kernel)
        self.evidence = evidence_api.Evidence(kernel, self.directory)
        self.identity = identity_api.Identity(
            kernel, self.evidence, facades_api.TEMPLATES if kernel.settings.facades else None
        )
        self.services = identity_api.Services(kernel, self.identity, self.evidence)
        self.signing = identity_api.Signing(kernel, self.identity, self.identity)
        self.identity.operations.certificate_desk = self.signing.authority
        self.identity.recovery.messages.carrier = message_carrier(kernel)
        self.facades = facades_api.Facades(kernel, self.identity, self.signing)
        self.ledger_reader = ledger_api.LedgerReader(kernel.database)
        self.projection = ledger_api.Projection(kernel.database)
        self.payments = payments_api.Payments(
            kernel, directory=self.directory, receipts=self.evidence, ledger=ledger,
            is_business_day=is_settlement_day,
        )
        self.payments.links.officers.identity = self.identity
        self.exchange = exchange_api.Exchange(
            kernel, self.directory, self.evidence, self.identity
        )
        self.identity.grants.consent_desk = grants_and_consents.ExchangeDesk(
            self.exchange, self.directory
        )
        self.programmes = programmes_api.Programmes(kernel, scheme_book())
        self.intake = programmes_api.Intake(kernel, self.exchange)
        self.cases = programmes_api.Cases(
            kernel, book=self.programmes.book, identity=self.identity, signing=self.signing,
            evidence=self.evidence, ledger=ledger, payments=self.payments,
        )  # fmt: skip

        self.office = programmes_api.Office(
            kernel, cases=self.cases, exchange=self.exchange, payments=self.payments,
            evidence=self.evidence, signing=self.signing,
        )  # fmt: skip
        self.portal = portal.Portal(
            kernel, directory=self.directory, evidence=self.evidence, identity=self.identity,
            exchange=self.exchange, programmes=self.programmes, intake=self.intake,
            cases=self.cases, office=self.office, services=self.services, payments=self.payments,
            surroundings=surroundings(kernel.settings),
        )  # fmt: skip

    def tables(self) -> tuple[RouteTable, ...]:
        """The route tables of all pillars."""
        return (
            directory_api.table(self.directory),
            evidence_api.table(self.evidence),
            identity_api.table(self.identity),
            identity_api.signing_table(self.signing, self.identity),
            identity_api.services_table(self.services),
            ledger_api.table(self.ledger_reader, self.identity),
            payments_api.table(self.payments),
            exchange_api.table(self.exchange),
            programmes_api.table(self.programmes),
            programmes_api.intake_table(self.intake, self.identity),
            programmes_api.case_table(self.cases, self.identity),
            programmes_api.office_table(self.office, self.identity),
            portal.table(self.portal),
            *self._facade_tables(),
            *hook_tables(self.kernel, self.identity),
        )

    def _facade_tables(self) -> tuple[RouteTable, ...]:
        names = self.kernel.settings.facades
        return (facades_api.facades_table(self.facades, names),) if names else ()

    def application(self) -> Application:
        """The ASGI application of a front."""
        tables = self.tables()
        standard = StandardRoom(
            tables, {"database": self._probe_database, "ledger": self._probe_ledger},
            title=self.kernel.settings.city, version=lionrock.__version__,
            server_url=self.kernel.settings.public_url,
        )
        return build_application(self.kernel, (*tables, standard_table(standard)))

    def handlers(self) -> dict[str, Handler]:
        """All job handlers by queue, the dispatcher of events among them."""
        handlers: dict[str, Handler] = {
            outbox.QUEUE: outbox.dispatcher(self._subscriptions()),
            SWEEP_QUEUE: self._sweep,
        }
        for more in (
            evidence_api.handlers(self.evidence),
            identity_api.handlers(self.identity),
            payments_api.handlers(self.payments),
            exchange_api.handlers(self.exchange),
            programmes_api.case_handlers(self.cases),
            self.facades.handlers(),
        ):
            assert not handlers.keys() & more.keys(), "two handlers for one queue"
            handlers |= more
        return handlers

    def worker(self) -> Worker:
        """A worker over all handlers."""
        kernel = self.kernel
        return Worker(kernel.database, kernel.wire_clock, kernel.business_clock, self.handlers())

    def front_loops(self) -> Sequence[Loop]:
        """What a front runs beside its requests."""
        return (self.payments.here.run_for_ever,)

    def loops(self) -> Sequence[Loop]:
        """What a worker process runs beside its jobs."""
        return (self.projection.run_for_ever,)

    async def start_recurring(self) -> None:
        """Make the jobs due that come again for ever; calling again is harmless."""

        async def use_case(db: Connection) -> None:
            await evidence_api.start(db)
            await identity_api.start(db)
            await payments_api.start(db, self.payments)
            await self.portal.provision(db)
            await schedule(db, queue=SWEEP_QUEUE, key="sweep")
            await self.programmes.publish_rule_book(db)

        await self.kernel.database.run(use_case)

    async def close(self) -> None:
        """Let go of connections."""
        await self.ledger.close()
        await close_kernel(self.kernel)

    def _subscriptions(self) -> Mapping[str, Sequence[outbox.EventHandler]]:
        merged: dict[str, list[outbox.EventHandler]] = {}
        for part in (
            evidence_api.subscriptions(self.kernel, self.evidence),
            payments_api.subscriptions(self.payments),
            exchange_api.subscriptions(self.exchange),
            grants_and_consents.subscriptions(self.identity, self.exchange),
            programmes_api.case_subscriptions(self.cases),
            self.facades.subscriptions(),
        ):
            for topic, subscribers in part.items():
                merged.setdefault(topic, []).extend(subscribers)
        return merged

    async def _sweep(self, _job: Job) -> Again:
        now = self.kernel.wire_clock.now()
        await ring.sweep(self.kernel.database, replay.REPLAYS, now)
        for table in (*facades_api.EXPIRING, *portal.EXPIRING):
            await expiring.sweep(self.kernel.database, table, now)
        await payments_api.sweep(self.kernel)
        return Again(after_ms=ring.SWEEP_EVERY_MS)

    async def _probe_database(self) -> None:
        await self.kernel.database.run(read_offset)

    async def _probe_ledger(self) -> None:
        await self.ledger.lookup_accounts([1])


async def open_platform(settings: Settings) -> Platform:
    """Open a process's platform: kernel, ledger connection, pillars."""
    kernel = await open_kernel(settings)
    return Platform(kernel, ledger_api.connect(settings.ledger_address))

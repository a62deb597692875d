"""The town of the exchange tests: the platform, the simulated providers, one company with phones.

Real services, real PostgreSQL (one database for the platform, another for the world), real
signatures; the two sides meet through the in-process network only.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from lionrock.app.migrations import world_migrations
from lionrock.directory import api as directory_api
from lionrock.evidence import api as evidence_api
from lionrock.exchange import api as exchange_api
from lionrock.exchange.api import (
    Artefact,
    Consent,
    ConsentRequest,
    Delivery,
    Exchange,
    ExchangeRefusal,
    Frequency,
    Owner,
)
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.identity import api as identity_api
from lionrock.identity.api import CompanyDraft, Device, Identity, MandateDraft, PersonDraft
from lionrock.kernel import outbox
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection, Database, migrate
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.kernel.keys import KeyStore
from lionrock.sandbox.world.bank_data import BankData
from lionrock.sandbox.world.department import CompaniesRegistry, CompanySketch
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore

PLATFORM_URL = "http://platform.test"
WORLD_URL = "http://world.test"
OFFICE = directory_api.PROGRAMME_OFFICE
REGISTRY = "companies-registry"
BANK = "bank-harbour"
BR_NUMBER = "70000017"
NAMES = Text("Harbour Robotics Limited", "海港機械人有限公司", "海港机器人有限公司")


@dataclasses.dataclass(kw_only=True)
class Officer:
    """A person with a phone."""

    person_id: str
    device: Device
    key: Key


@dataclasses.dataclass(kw_only=True)
class Town:
    """Everything that a test touches."""

    kernel: Kernel
    directory: directory_api.Directory
    evidence: evidence_api.Evidence
    identity: Identity
    exchange: Exchange
    application: ASGIApp
    worker: Worker
    world: World
    registry: CompaniesRegistry
    bank: BankData
    world_keys: KeyStore
    company_id: str
    ada: Officer
    mandate_id: str

    def world_key(self, party: str) -> Key:
        """The key of an outside party, which the platform does not hold."""
        return self.world_keys.get_or_create(party)

    def advance_business(self, **delta: float) -> None:
        """Move the business clock of platform and world."""
        assert isinstance(self.kernel.business_clock, FrozenClock)
        self.kernel.business_clock.advance(**delta)

    def advance_wire(self, **delta: float) -> None:
        """Move the wire clock of platform and world."""
        assert isinstance(self.kernel.wire_clock, FrozenClock)
        self.kernel.wire_clock.advance(**delta)

    def asked(self, **changes: Any) -> ConsentRequest:
        """A consent request for account data of Ada's company."""
        base: dict[str, Any] = {
            "owner": Owner(kind="company", id=self.company_id),
            "person_ids": (self.ada.person_id,), "consumer": OFFICE, "provider": BANK,
            "product": "account-data", "fields": ("status", "transactions"),
            "purpose": "funding-assessment", "valid_for_s": 86_400, "retention_days": 30,
            "frequency": Frequency(count_max=2, per="day"), "language": "en",
            "reference": self.kernel.ids.new("ref"), "data_from": datetime.date(2025, 9, 1),
            "data_until": datetime.date(2026, 2, 1),
        }  # fmt: skip
        return ConsentRequest(**base | changes)

    async def request(self, **changes: Any) -> Consent:
        """Ask for a consent and expect it to be pending."""
        asked = self.asked(**changes)
        made = await self.kernel.database.run(
            lambda db: self.exchange.request_consent(db, asked)
        )
        assert isinstance(made, Consent), made
        return made

    async def answer(self, consent: Consent, decision: str = "approved") -> None:
        """Answer a consent's approval on Ada's phone and let the worker carry it over."""
        await self.answer_only(consent, decision)
        await self.worker.run_until_idle()

    async def answer_only(self, consent: Consent, decision: str) -> None:
        """Answer on the phone; the event waits."""
        await self._answer(consent.approval_id, decision)

    async def answer_approval(self, approval_id: str, decision: str) -> None:
        """Answer any approval on Ada's phone and let the worker carry it over."""
        await self._answer(approval_id, decision)
        await self.worker.run_until_idle()

    async def _answer(self, approval_id: str, decision: str) -> None:
        async def use_case(db: Connection) -> Any:
            approval = await self.identity.approval(db, approval_id)
            assert not isinstance(approval, Refused)
            claims = {
                "approval_id": approval.id, "words_hash": approval.words_hash,
                "decision": decision, "iat": self.kernel.wire_clock.now_s(),
            }  # fmt: skip
            jws = sign_jws(self.ada.key, claims, typ=identity_api.ANSWER_TYPE)
            return await self.identity.approvals.answer(db, self.ada.device, approval.id, jws)

        answered = await self.kernel.database.run(use_case)
        assert not isinstance(answered, Refused), answered

    @property
    def identity_worker(self) -> Worker:
        """A worker for identity's timers."""
        kernel = self.kernel
        return Worker(
            kernel.database, kernel.wire_clock, kernel.business_clock,
            identity_api.handlers(self.identity),
        )

    async def active(self, **changes: Any) -> Consent:
        """Ask for a consent, approve it, return it active."""
        pending = await self.request(**changes)
        await self.answer(pending)
        return await self.consent(pending.id)

    async def consent(self, consent_id: str) -> Consent:
        """Read a consent."""
        found = await self.kernel.database.run(
            lambda db: self.exchange.consent(db, consent_id)
        )
        assert found is not None
        return found

    async def revoke(self, consent_id: str) -> Consent | Refused:
        """Revoke a consent as its owner."""
        return await self.kernel.database.run(
            lambda db: self.exchange.revoke(db, consent_id, "owner")
        )

    async def receipts(self, consent_id: str) -> list[evidence_api.Receipt]:
        """Return the receipts about a consent, in order."""
        return await self.kernel.database.run(
            lambda db: self.evidence.receipts_about(db, {"consent_id": consent_id})
        )


async def found(kernel: Kernel, world_database: Database, tmp_path: Path) -> Town:
    """Build the town on a fresh kernel and a fresh database for the world."""
    await migrate(world_database, world_migrations())
    directory = directory_api.Directory(kernel)
    evidence = evidence_api.Evidence(kernel, directory)
    identity = Identity(kernel, evidence)
    exchange = Exchange(kernel, directory, evidence, identity)
    application = build_application(kernel, [
        directory_api.table(directory), evidence_api.table(evidence),
        identity_api.table(identity), exchange_api.table(exchange),
    ])  # fmt: skip
    kernel.network.applications[PLATFORM_URL] = application
    context = WorldContext(
        platform_url=PLATFORM_URL, world_url=WORLD_URL, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(tmp_path / "world-keys", "world passphrase", scrypt_cost=2**4),
        network=kernel.network, database=world_database, store=WorldStore(world_database),
    )  # fmt: skip
    sketch = CompanySketch(
        business_registration_number=BR_NUMBER, name_en=NAMES.en, name_zh_hant=NAMES.zh_hant,
        incorporated_on=datetime.date(2019, 4, 8),
    )
    registry = CompaniesRegistry(context, [sketch], seed=7)
    bank = BankData(context, BANK, frozenset({BR_NUMBER}), seed=7)
    world = World(context, [registry, bank])
    kernel.network.applications[WORLD_URL] = world.application
    await _register(kernel, directory, exchange, context)
    company_id, ada, mandate_id = await _settle(kernel, identity)
    worker = Worker(
        kernel.database, kernel.wire_clock, kernel.business_clock,
        {
            **exchange_api.handlers(exchange),
            outbox.QUEUE: outbox.dispatcher(exchange_api.subscriptions(exchange)),
        },
    )  # fmt: skip
    return Town(
        kernel=kernel, directory=directory, evidence=evidence, identity=identity,
        exchange=exchange, application=application, worker=worker, world=world,
        registry=registry, bank=bank,
        world_keys=context.key_store, company_id=company_id, ada=ada, mandate_id=mandate_id,
    )  # fmt: skip


async def _register(
    kernel: Kernel, directory: directory_api.Directory, exchange: Exchange, context: WorldContext
) -> None:
    hosted = {
        organisation_id: kernel.key_store.get_or_create(f"org/{organisation_id}")
        for organisation_id in (directory_api.PLATFORM_ORGANISATION, OFFICE)
    }
    outside = {party: context.key_store.get_or_create(party) for party in (REGISTRY, BANK)}
    endpoints: Mapping[str, dict[str, str]] = {
        party: {"exchange": context.address(party) + "/exchange/v1"} for party in outside
    }

    async def use_case(db: Connection) -> Refused | None:
        for organisation_id, key in {**hosted, **outside}.items():
            refused = await directory.register(db, directory_api.Organisation(
                id=organisation_id,
                names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), organisation_id),
                roles=frozenset({"provider"}) if organisation_id in outside else frozenset(),
                endpoints=endpoints.get(organisation_id, {}), keys=(key.public_jwk,),
                simulated=organisation_id in outside,
            ))  # fmt: skip
            if isinstance(refused, Refused):
                return refused
        for provider, product in ((REGISTRY, "company-particulars"), (BANK, "account-data")):
            offered = await exchange.register_offer(db, provider, product)
            if isinstance(offered, Refused):
                return offered
        return None

    outcome = await kernel.database.run(use_case)
    assert outcome is None, outcome


async def enrol(
    kernel: Kernel, identity: Identity, db: Connection, draft: PersonDraft
) -> Officer | Refused:
    """Create a person with a phone."""
    person = await identity.create_person(db, draft)
    if isinstance(person, Refused):
        return person
    code = await identity.issue_enrolment_code(db, person.id)
    if isinstance(code, Refused):
        return code
    key = generate_key()
    claims = {"code": code, "aud": PLATFORM_URL, "iat": kernel.wire_clock.now_s()}
    proof = sign_jws(key, claims, typ=identity_api.ENROLMENT_TYPE)
    device = await identity.devices.enrol(db, code, key.bare_jwk, proof)
    if isinstance(device, Refused):
        return device
    return Officer(person_id=person.id, device=device, key=key)


async def _settle(kernel: Kernel, identity: Identity) -> tuple[str, Officer, str]:
    now = kernel.business_clock.now()

    async def use_case(db: Connection) -> tuple[str, Officer, str] | Refused:
        officer = await enrol(kernel, identity, db, PersonDraft(
            names=Text("Ada Chan", "陳雅達", "陈雅达"), identity_number="A123456(3)",
            phone="+85251230001", email="ada@example.test", handle="ada",
        ))  # fmt: skip
        if isinstance(officer, Refused):
            return officer
        company = await identity.create_company(
            db, CompanyDraft(business_number=BR_NUMBER, names=NAMES)
        )
        if isinstance(company, Refused):
            return company
        mandate = await identity.grant_mandate(db, MandateDraft(
            person_id=officer.person_id, company_id=company.id, role="responsible_person",
            scopes=frozenset({"exchange"}), valid_from=now,
        ), "test")  # fmt: skip
        if isinstance(mandate, Refused):
            return mandate
        return company.id, officer, mandate.id

    settled = await kernel.database.run(use_case)
    assert not isinstance(settled, Refused), settled
    return settled


def data_of(outcome: Delivery | Refused) -> Delivery:
    """Expect a delivery."""
    assert isinstance(outcome, Delivery), outcome
    return outcome


def assert_refused(outcome: object, refusal: ExchangeRefusal) -> None:
    """Expect this very refusal."""
    assert isinstance(outcome, Refused), outcome
    assert outcome.refusal is refusal, outcome


async def artefact_of(town: Town, consent: Consent) -> Artefact:
    """Read the latest revision as a member would."""
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    read = read_artefact(revisions[-1].artefact, [platform], "lionrock-platform")
    assert isinstance(read, Artefact)
    return read

"""A programme office with its lower floors, two banks and people with phones, in one process.

Real parts all of them: directory, evidence, identity with device keys, signing, ledger, switch and
the simulated banks; nothing of ours is replaced.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import PROGRAMME_OFFICE, Organisation, organisation_key
from lionrock.hongkong import scheme_book
from lionrock.identity import api as identity_api
from lionrock.identity.api import (
    ANSWER_TYPE,
    ENROLMENT_TYPE,
    ROLE_SCOPES,
    CompanyDraft,
    Device,
    Identity,
    MandateDraft,
    PersonDraft,
    Signing,
)
from lionrock.kernel import outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.kernel.money import Money
from lionrock.payments import api as payments_api
from lionrock.programmes.cases import (
    Actor,
    AssessmentDraft,
    Cases,
    CaseView,
    Claim,
    DecisionDraft,
    Draft,
    Milestone,
    Proposal,
    handlers,
    subscriptions,
)
from lionrock.programmes.cases.domain.rules import CRITERIA
from lionrock.programmes.cases.domain.values import Case, DocumentKind, Party
from lionrock.programmes.cases.service import Asked
from tests.unit.payments.city import FIRM_PHONE, PaymentsCity

PEOPLE = {
    "ada": ("Z100000", "+85259000001"), "ben": ("Z100001", "+85259000002"),
    "david": ("Z100003", "+85259000004"), "eve": ("Z100004", "+85259000005"),
    "fay": ("Z100005", "+85259000006"), "carmen": ("Z100002", "+85259000003"),
}  # fmt: skip
STAFF = {"david": "assessor", "eve": "assessor", "fay": "committee"}
FACTS: dict[str, Any] = {
    "applicant_types": [
        "enterprise", "company", "sme", "local_manufacturer",
        "enterprise_operating_production_line_in_hong_kong", "technology_company",
    ],
    "legal_form": "company_cap_622", "has_business_registration": True,
    "public_status": "private", "incorporated_on": "2019-03-18",
    "sectors": ["ai_and_data_science", "advanced_manufacturing_and_new_energy"],
    "employees_full_time": 48, "project_cost_hkd": 300000, "project_duration_months": 18,
    "is_smart_production_line_in_hong_kong": True, "is_production_line_upgrade": False,
    "nifs_projects_running": 0, "nifs_funding_running_hkd": 0,
}  # fmt: skip
AWARD_MINOR = 90_000_00
REASONS = "A sound project with a clear benefit to local manufacturing."


@dataclasses.dataclass(kw_only=True)
class Office:
    """Everything a test needs."""

    payments_city: PaymentsCity
    identity: Identity
    signing: Signing
    cases: Cases
    people: dict[str, str]
    devices: dict[str, tuple[Device, Key]]
    company_id: str
    mandate_id: str
    worker: Worker

    async def run(self, use_case: Any) -> Any:
        """Run a use case in one transaction."""
        return await self.payments_city.kernel.database.run(use_case)

    def applicant(self, name: str = "ada") -> Actor:
        """A person of the company, acting for it."""
        return Actor(person_id=self.people[name], company_id=self.company_id)

    def staff(self, name: str) -> Actor:
        """A member of staff, in the role that he or she holds."""
        roles = frozenset({STAFF[name]}) if name in STAFF else frozenset()
        return Actor(person_id=self.people[name], staff_roles=roles)

    async def settle(self) -> None:
        """Run all workers until nothing is due."""
        for _ in range(80):
            done = await self.worker.run_due()
            if not done + await self.payments_city.world.worker.run_due():
                return
        raise AssertionError("still busy")

    async def start(self, **changes: Any) -> Case | Refused:
        """Begin a case as Ada."""
        proposal = msgspec.structs.replace(PROPOSAL, **changes.pop("proposal", {}))
        given: dict[str, Any] = {
            "programme_id": "nifs", "language": "en", "facts": FACTS, "proposal": proposal
        }
        draft, actor = Draft(**(given | changes)), self.applicant()
        found: Case | Refused = await self.run(
            lambda db: self.cases.applications.start(db, actor, draft)
        )
        return found

    async def drafted(self, **changes: Any) -> Case:
        """Begin a case that is not refused."""
        case = await self.start(**changes)
        assert isinstance(case, Case), case
        return case

    async def ask(
        self, case_id: str, kind: DocumentKind, party: Party, name: str = "ada"
    ) -> Asked | Refused:
        """Ask for a signature of the applicant's side."""
        found: Asked | Refused = await self.run(
            lambda db: self.cases.signatures.ask(db, self.applicant(name), case_id, kind, party)
        )
        return found

    async def answer(self, asked: Asked, name: str = "ada", decision: str = "approved") -> None:
        """Answer on a phone with the device's key, then let the event arrive."""
        device, key = self.devices[name]
        approval = await self.run(lambda db: self.identity.approval(db, asked.approval_id))
        claims = {
            "approval_id": approval.id, "words_hash": approval.words_hash, "decision": decision,
            "iat": self.payments_city.kernel.wire_clock.now_s(),
        }  # fmt: skip
        if decision == "approved":
            claims["number"] = asked.number
        jws = sign_jws(key, claims, typ=ANSWER_TYPE)
        done = await self.run(
            lambda db: self.identity.approvals.answer(db, device, approval.id, jws)
        )
        assert not isinstance(done, Refused), done
        await self.settle()

    async def sign(
        self, case_id: str, kind: DocumentKind, party: Party, name: str = "ada"
    ) -> None:
        """Ask and approve."""
        asked = await self.ask(case_id, kind, party, name)
        assert isinstance(asked, Asked), asked
        await self.answer(asked, name)

    async def signed(self, **changes: Any) -> Case:
        """A case whose application has both signatures."""
        case = await self.drafted(**changes)
        await self.sign(case.id, "application", "person")
        await self.sign(case.id, "application", "company-seal")
        return case

    async def submit(self, case_id: str, name: str = "ada") -> Case | Refused:
        """Submit."""
        found: Case | Refused = await self.run(
            lambda db: self.cases.applications.submit(db, self.applicant(name), case_id)
        )
        return found

    async def submitted(self, **changes: Any) -> Case:
        """A submitted case."""
        case = await self.submit((await self.signed(**changes)).id)
        assert isinstance(case, Case), case
        return case

    async def assess(self, case_id: str, actor: Actor, **changes: Any) -> Case | Refused:
        """Assess."""
        given: dict[str, Any] = {
            "has_conflict": False, "declaration": "No interest of any kind.",
            "marks": dict.fromkeys(CRITERIA, 15), "recommendation": "support",
            "comment": "Feasible and well planned.",
        }  # fmt: skip
        draft = AssessmentDraft(**(given | changes))
        found: Case | Refused = await self.run(
            lambda db: self.cases.review.assess(db, actor, case_id, draft)
        )
        return found

    async def assessed(self, **changes: Any) -> Case:
        """A case with two assessments."""
        case = await self.submitted(**changes)
        for name in ("david", "eve"):
            done = await self.assess(case.id, self.staff(name))
            assert isinstance(done, Case), done
            case = done
        return case

    async def decide(
        self, case_id: str, actor: Actor | None = None, **changes: Any
    ) -> Case | Refused:
        """Decide as the chair."""
        given: dict[str, Any] = {
            "outcome": "approve", "amount_minor": AWARD_MINOR, "reasons": REASONS
        }
        draft = DecisionDraft(**(given | changes))
        found: Case | Refused = await self.run(
            lambda db: self.cases.review.decide(db, actor or self.staff("fay"), case_id, draft)
        )
        return found

    async def fund(self, amount_minor: int = 1_000_000_00, reference: str = "2026") -> None:
        """Put money into the budget."""
        done = await self.cases.awards.fund_budget("nifs", Money(amount_minor, "HKD"), reference)
        assert not isinstance(done, Refused), done

    async def awarded(self, **changes: Any) -> Case:
        """A case whose award the ledger has posted."""
        await self.fund()
        case = await self.assessed(**changes)
        done = await self.decide(case.id)
        assert isinstance(done, Case), done
        await self.settle()
        return (await self.view(case.id)).case

    async def ask_office(self, case_id: str, actor: Actor | None = None) -> Asked | Refused:
        """Ask for the office's seal."""
        found: Asked | Refused = await self.run(
            lambda db: self.cases.signatures.ask_office(db, actor or self.staff("fay"), case_id)
        )
        return found

    async def agreed(self, **changes: Any) -> Case:
        """A case with a sealed agreement."""
        case = await self.awarded(**changes)
        await self.sign(case.id, "agreement", "company-seal")
        asked = await self.ask_office(case.id)
        assert isinstance(asked, Asked), asked
        await self.answer(asked, "fay")
        return (await self.view(case.id)).case

    async def claim(self, case_id: str, milestone: int, amount_minor: int) -> Any:
        """Claim a milestone."""
        claim = Claim(milestone=milestone, amount_minor=amount_minor, report="It is done.")
        return await self.run(
            lambda db: self.cases.payouts.claim(db, self.applicant(), case_id, claim)
        )

    async def release(self, case_id: str, payout_id: str, actor: Actor | None = None) -> Any:
        """Release a payout."""
        return await self.run(
            lambda db: self.cases.payouts.release(
                db, actor or self.staff("fay"), case_id, payout_id
            )
        )

    async def view(self, case_id: str) -> CaseView:
        """The case as its applicant sees it."""
        found = await self.run(lambda db: self.cases.own_case(db, self.applicant(), case_id))
        assert isinstance(found, CaseView), found
        return found


PROPOSAL = Proposal(
    title="Smart production line", summary="A smart line for warehouse robots.\nIn Tai Po.",
    cost_minor=300_000_00, requested_minor=100_000_00,
    milestones=(
        Milestone(title="Line installed", share_percent=60),
        Milestone(title="Line in production", share_percent=40),
    ),
    payout_proxy_kind="mobile", payout_proxy=FIRM_PHONE,
)


@pytest.fixture
async def office(city: PaymentsCity) -> Office:
    """The office, a company with two officers, two assessors, a chair, two banks."""
    return await build(city)


async def build(city: PaymentsCity) -> Office:
    """Put identity, signing and cases on top of a payments city."""
    kernel = city.kernel
    identity = Identity(kernel, city.evidence)
    signing = Signing(kernel, identity, identity)
    cases = Cases(
        kernel, book=scheme_book(), identity=identity, signing=signing, evidence=city.evidence,
        ledger=city.ledger, payments=city.payments,
    )
    worker = Worker(
        kernel.database, kernel.wire_clock, kernel.business_clock,
        {
            **payments_api.handlers(city.payments), **handlers(cases),
            **identity_api.handlers(identity),
            outbox.QUEUE: outbox.dispatcher(subscriptions(cases)),
        },
    )
    people, company_id, mandate_id = await kernel.database.run(
        lambda db: _provision(db, city, identity)
    )
    office = Office(
        payments_city=city, identity=identity, signing=signing, cases=cases, people=people,
        devices={}, company_id=company_id, mandate_id=mandate_id, worker=worker,
    )
    for name in people:
        office.devices[name] = await _enrol(office, name)
    return office


async def _provision(
    db: Connection, city: PaymentsCity, identity: Identity
) -> tuple[dict[str, str], str, str]:
    key = organisation_key(city.kernel, PROGRAMME_OFFICE)
    done = await city.directory.register(db, Organisation(
        id=PROGRAMME_OFFICE, names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Office"),
        roles=frozenset({"operator"}), endpoints={}, keys=(key.public_jwk,), simulated=True,
    ))
    assert not isinstance(done, Refused), done
    people: dict[str, str] = {}
    for name, (number, phone) in PEOPLE.items():
        person = await identity.create_person(db, PersonDraft(
            names=Text(name.title(), f"{name}君", f"{name}君"),
            identity_number=number + identity_api.identity_check_digit(number[:1], number[1:]),
            phone=phone, email=f"{name}@people.example", handle=name,
        ))
        assert not isinstance(person, Refused), person
        people[name] = person.id
    for name, role in STAFF.items():
        assert await identity.grant_staff_role(db, people[name], role) is None
    company = await identity.create_company(db, CompanyDraft(
        business_number="70000017",
        names=Text("Harbour Robotics Limited", "海港機械人有限公司", "海港机器人有限公司"),
    ))
    assert not isinstance(company, Refused), company
    mandates = [
        await grant(db, city, identity, people[name], company.id) for name in ("ada", "ben")
    ]
    return people, company.id, mandates[0]


async def grant(
    db: Connection, city: PaymentsCity, identity: Identity, person_id: str, company_id: str,
    **changes: Any,
) -> str:
    """Give a person a mandate; returns its id."""
    given: dict[str, Any] = {
        "person_id": person_id, "company_id": company_id, "role": "representative",
        "scopes": ROLE_SCOPES["representative"],
        "valid_from": city.kernel.business_clock.now() - timedelta(days=1),
    }  # fmt: skip
    mandate = await identity.grant_mandate(db, MandateDraft(**(given | changes)), "operator")
    assert not isinstance(mandate, Refused), mandate
    return mandate.id


async def _enrol(office: Office, name: str) -> tuple[Device, Key]:
    key, kernel = generate_key(), office.payments_city.kernel

    async def use_case(db: Connection) -> Device | Refused:
        code = await office.identity.issue_enrolment_code(db, office.people[name])
        assert isinstance(code, str), code
        proof = sign_jws(
            key,
            {"code": code, "aud": kernel.settings.public_url, "iat": kernel.wire_clock.now_s()},
            typ=ENROLMENT_TYPE,
        )
        return await office.identity.devices.enrol(db, code, key.public_jwk, proof)

    device = await kernel.database.run(use_case)
    assert isinstance(device, Device), device
    return device, key

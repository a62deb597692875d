"""Officers of the department in the payments city: persons with phones, twice agreed to."""

from __future__ import annotations

import dataclasses

from lionrock.directory.api import table as directory_table
from lionrock.identity.api import Identity, Person, PersonDraft
from lionrock.identity.api import table as identity_table
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.kernel.i18n import Text
from lionrock.payments import api
from lionrock.payments.links.domain.refunds import Officer
from lionrock.payments.links.service.officers import Officers
from lionrock.sandbox.world.frame import World
from lionrock.sandbox.world.phone import Phone
from tests.http.identity.city import identity_number
from tests.unit.payments.city import PLATFORM, PaymentsCity
from tests.unit.payments.payees import OFFICE

PHONES = "http://phones.test"
OPERATORS = ("iris", "otto")
OFFICERS = ("chan", "wong", "lee")


class Bureau:
    """Identity beside the switch, and who may decide refunds."""

    def __init__(self, city: PaymentsCity, identity: Identity, phone: Phone) -> None:
        self.city = city
        self.identity = identity
        self.phone = phone
        self.people: dict[str, Person] = {}

    @property
    def officers(self) -> Officers:
        """The room's own use cases."""
        return self.city.payments.links.officers

    async def settle_person(self, name: str, number: int) -> None:
        """A person with a phone; operators get their role."""

        async def use_case(db: Connection) -> tuple[Person, str]:
            person = await self.identity.create_person(db, PersonDraft(
                names=Text(name.title(), name, name), handle=name, email=f"{name}@office.example",
                identity_number=identity_number(f"Z2000{number:02d}"),
                phone=f"+852590001{number:02d}",
            ))
            assert not isinstance(person, Refused), person
            if name in OPERATORS:
                await self.identity.grant_staff_role(db, person.id, "operator")
            code = await self.identity.issue_enrolment_code(db, person.id)
            assert isinstance(code, str), code
            return person, code

        person, code = await self.city.kernel.database.run(use_case)
        self.people[name] = person
        await self.phone.enrol(name, code)

    async def enter(
        self, name: str, operator: str = "iris", *, person: str = "", office: str = OFFICE
    ) -> Officer | Refused:
        """An operator asks for an appointment."""
        return await self.city.kernel.database.run(lambda db: self.officers.enter(
            db, self.people[operator].id, office, name, self.people[person or name].id
        ))

    async def agree(self, officer: Officer, operator: str = "otto") -> Officer | Refused:
        """Another one agrees."""
        return await self.city.kernel.database.run(
            lambda db: self.officers.agree(db, self.people[operator].id, officer.id)
        )

    async def end(self, officer: Officer, operator: str = "iris") -> Officer | Refused:
        """One ends it."""
        return await self.city.kernel.database.run(
            lambda db: self.officers.end(db, self.people[operator].id, officer.id)
        )

    async def appoint(self, name: str) -> Officer:
        """Both steps."""
        entered = await self.enter(name)
        assert isinstance(entered, Officer), entered
        officer = await self.agree(entered)
        assert isinstance(officer, Officer), officer
        return officer

    async def asked(self, name: str) -> list[str]:
        """The approvals that a phone shows."""
        return [each["approval_id"] for each in await self.phone.pending(name)]

    async def say(self, name: str, approval_id: str, decision: str = "approved") -> str:
        """Answer on a phone; the approval's state."""
        return await self.phone.answer(name, approval_id, decision)


async def open_bureau(city: PaymentsCity, names: tuple[str, ...] = OFFICERS) -> Bureau:
    """Add identity and phones to the city; appoint these."""
    identity = Identity(city.kernel, city.evidence)
    city.payments.links.officers.identity = identity
    network = city.world.context.network
    network.applications[PLATFORM] = build_application(city.kernel, [
        directory_table(city.directory), api.table(city.payments), identity_table(identity),
    ])
    context = dataclasses.replace(city.world.context, world_url=PHONES)
    phone = Phone(context)
    network.applications[PHONES] = World(context, [phone]).application
    bureau = Bureau(city, identity, phone)
    for number, name in enumerate((*OPERATORS, *OFFICERS)):
        await bureau.settle_person(name, number)
    for name in names:
        await bureau.appoint(name)
    return bureau

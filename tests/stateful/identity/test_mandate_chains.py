"""Mandates of persons and firms against a plain model, in any order of grants and revocations.

The model is a list of what was accepted. It knows no intersection: a deed is allowed when some path
of links exists of which every single link allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from lionrock.identity.api import FirmMandate, FirmMandateDraft, Mandate, MandateDraft
from lionrock.identity.domain.mandates import DELEGATE_SCOPE, SUBAGENT_SCOPE
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.money import Money
from lionrock.kernel.network import Network
from tests.conftest import SEED, START
from tests.databases import Databases
from tests.http.identity.city import City, found
from tests.http.identity.desk import new_company

Link = Mandate | FirmMandate
PEOPLE = ("ada", "ben", "carmen")
FIRMS = 3
DEEDS = ("programmes", "payments")
AMOUNTS = (None, 50)

people = st.sampled_from(PEOPLE)
firms = st.integers(0, FIRMS - 1)
limits = st.sampled_from([None, Money(90, "HKD"), Money(9, "HKD")])
signatures = st.sampled_from([1, 1, 2])
days = st.sampled_from([None, None, 3])
terms = st.fixed_dictionaries({
    "role": st.sampled_from(["responsible_person", "representative"]),
    "scopes": st.frozensets(st.sampled_from([*DEEDS, DELEGATE_SCOPE]), min_size=1),
    "amount_max": limits, "signatures_needed": signatures, "days": days,
})  # fmt: skip
agent_terms = st.fixed_dictionaries({
    "role": st.just("representative"),
    "scopes": st.sampled_from([
        frozenset({"programmes"}), frozenset({"programmes", SUBAGENT_SCOPE}),
        frozenset({*DEEDS, SUBAGENT_SCOPE}),
    ]),
    "amount_max": limits, "signatures_needed": signatures, "days": days,
})  # fmt: skip


class MandatesAgainstModel(RuleBasedStateMachine):
    """Real service and database beside the list of links that were accepted."""

    city: ClassVar[City]
    runner: ClassVar[asyncio.Runner]
    numbers: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self.companies = [
            self.runner.run(new_company(self.city, f"{next(self.numbers):08d}"))
            for _ in range(FIRMS)
        ]
        self.ids = [company.id for company in self.companies]
        self.links: dict[str, Link] = {}
        self.suspended: set[str] = set()

    @initialize()
    def found_firms(self) -> None:
        """Each firm has a head of its own."""
        for firm, person in enumerate(PEOPLE):
            self.grant(person, firm, {
                "role": "responsible_person", "scopes": frozenset({*DEEDS, DELEGATE_SCOPE}),
                "amount_max": None, "signatures_needed": 1, "days": None,
            })  # fmt: skip

    @rule(person=people, firm=firms, given=terms)
    def grant(self, person: str, firm: int, given: dict[str, Any]) -> None:
        """On the operator's word."""
        draft = MandateDraft(person_id=self._person(person), **self._terms(firm, given))
        self._keep(self._run(lambda db: self.city.identity.grant_mandate(db, draft, "operator")))

    @rule(grantor=people, person=people, firm=firms, given=terms)
    def delegate(self, grantor: str, person: str, firm: int, given: dict[str, Any]) -> None:
        """On the strength of the grantor's own mandate, which must be at least as wide."""
        draft = MandateDraft(person_id=self._person(person), **self._terms(firm, given))
        mandates = self.city.identity.mandates
        made = self._run(lambda db: mandates.delegate(db, self._person(grantor), draft))
        self._check_delegated(grantor, made)
        self._keep(made)

    @rule(holder=firms, firm=firms, given=agent_terms)
    def engage(self, holder: int, firm: int, given: dict[str, Any]) -> None:
        """A firm acts for another one, unless that would close a circle."""
        draft = FirmMandateDraft(
            holder_company_id=self.ids[holder], **self._terms(firm, given)
        )
        made = self._run(
            lambda db: self.city.identity.grant_firm_mandate(db, draft, "operator")
        )
        if isinstance(made, Refused) and made.refusal.value == "identity.firm_circle":
            assert self._reaches(firm, holder), "a circle was claimed where there is none"
        self._keep(made)

    @rule(grantor=people, holder=firms, firm=firms, given=agent_terms)
    def engage_by_officer(
        self, grantor: str, holder: int, firm: int, given: dict[str, Any]
    ) -> None:
        """An officer engages a firm."""
        draft = FirmMandateDraft(
            holder_company_id=self.ids[holder], **self._terms(firm, given)
        )
        mandates = self.city.identity.mandates
        made = self._run(lambda db: mandates.delegate_to_firm(db, self._person(grantor), draft))
        self._check_delegated(grantor, made)
        self._keep(made)

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """Any link, at any time."""
        if not self.links:
            return
        link = self.links[data.draw(st.sampled_from(sorted(self.links)))]
        ended = self._run(lambda db: self.city.identity.revoke_mandate(
            db, link.id, link.company_id, "operator"
        ))  # fmt: skip
        assert isinstance(ended, Refused) == (link.revoked_at is not None)
        self._keep(ended)

    @rule(firm=firms)
    def suspend_or_reinstate(self, firm: int) -> None:
        """The registry's word."""
        company_id = self.ids[firm]
        status: Any = "live" if company_id in self.suspended else "suspended"
        self._run(lambda db: self.city.identity.parties.set_company_status(db, company_id, status))
        self.suspended ^= {company_id}

    @rule()
    def wait(self) -> None:
        """Mandates run out."""
        self.city.business_clock.advance(days=2)

    @invariant()
    def authority_is_exactly_what_some_path_of_links_allows(self) -> None:
        """Neither more (growth) nor less (a right that is not found)."""
        for person in PEOPLE:
            for company_id in self.ids:
                allowed = self._run(lambda db, p=person, c=company_id: self._allowed(db, p, c))
                for deed, told in allowed.items():
                    assert told == self._model(person, company_id, *deed), (person, deed)

    @invariant()
    def no_circle_ever_arises(self) -> None:
        """No firm acts for itself over others."""
        for firm in range(FIRMS):
            assert not self._reaches(firm, firm)

    async def _allowed(
        self, db: Any, person: str, company_id: str
    ) -> dict[tuple[str, int | None], int]:
        """Signatures needed for each deed, 0 when it is refused."""
        told = {}
        for scope in DEEDS:
            for minor in AMOUNTS:
                amount = Money(minor, "HKD") if minor is not None else None
                mandate = await self.city.identity.mandate(
                    db, self._person(person), company_id, scope, amount=amount
                )
                told[scope, minor] = (
                    0 if isinstance(mandate, Refused) else mandate.signatures_needed
                )
        return told

    def _model(self, person: str, company_id: str, scope: str, minor: int | None) -> int:
        needs = [
            max(link.signatures_needed for link in path)
            for path in self._paths(person, company_id)
            if all(self._allows(link, scope, minor) for link in path)
        ]
        return min(needs, default=0)

    def _allows(self, link: Link, scope: str, minor: int | None) -> bool:
        now = self.city.kernel.business_clock.now()
        is_in_time = link.valid_from <= now and (link.valid_to is None or now < link.valid_to)
        is_within = minor is None or link.amount_max is None or (
            minor <= link.amount_max.amount_minor
        )
        return is_in_time and link.revoked_at is None and is_within and scope in link.scopes

    def _paths(self, person: str, company_id: str) -> Iterator[list[Link]]:
        """Every way from a person to a company over at most two firms, all of them live."""
        own = [m for m in self.links.values()
               if isinstance(m, Mandate) and m.person_id == self._person(person)]  # fmt: skip
        engaged = [m for m in self.links.values() if isinstance(m, FirmMandate)]
        paths: list[list[Link]] = [[mandate] for mandate in own]
        for _ in range(3):
            for path in paths:
                if path[-1].company_id == company_id and not self._is_blocked(path):
                    yield path
            paths = [[*p, f] for p in paths for f in engaged
                     if f.holder_company_id == p[-1].company_id]  # fmt: skip

    def _is_blocked(self, path: list[Link]) -> bool:
        is_carried = all(SUBAGENT_SCOPE in after.scopes for _, after in pairwise(path[1:]))
        return not is_carried or any(link.company_id in self.suspended for link in path)

    def _reaches(self, firm: int, other: int) -> bool:
        now = self.city.kernel.business_clock.now()
        edges = {
            (m.holder_company_id, m.company_id) for m in self.links.values()
            if isinstance(m, FirmMandate) and m.revoked_at is None
            and (m.valid_to is None or m.valid_to > now)
        }  # fmt: skip
        seen: set[str] = set()
        level = {self.ids[firm]}
        while level:
            level = {there for here, there in edges if here in level} - seen
            seen |= level
        return self.ids[other] in seen

    def _check_delegated(self, grantor: str, made: Link | Refused) -> None:
        """Some mandate in force of the grantor's is at least as wide as what was made."""
        if isinstance(made, Refused):
            return
        now = self.city.kernel.business_clock.now()
        assert any(
            isinstance(own, Mandate) and own.person_id == self._person(grantor)
            and own.company_id == made.company_id and own.is_in_force(now)
            and DELEGATE_SCOPE in own.scopes and DELEGATE_SCOPE not in made.scopes
            and made.scopes - {SUBAGENT_SCOPE} <= own.scopes
            and made.signatures_needed >= own.signatures_needed
            and (own.amount_max is None or (
                made.amount_max is not None
                and made.amount_max.amount_minor <= own.amount_max.amount_minor))
            and (own.valid_to is None or (
                made.valid_to is not None and made.valid_to <= own.valid_to))
            for own in self.links.values()
        ), "wider than everything that the grantor holds"  # fmt: skip

    def _terms(self, firm: int, given: dict[str, Any]) -> dict[str, Any]:
        now = self.city.kernel.business_clock.now()
        days = given["days"]
        return {name: value for name, value in given.items() if name != "days"} | {
            "company_id": self.ids[firm], "valid_from": now,
            "valid_to": now + timedelta(days=days) if days is not None else None,
        }  # fmt: skip

    def _keep(self, made: Link | Refused) -> None:
        if not isinstance(made, Refused):
            self.links[made.id] = made

    def _person(self, name: str) -> str:
        return self.city.people[name].id

    def _run(self, use_case: Any) -> Any:
        return self.runner.run(self.city.kernel.database.run(use_case))


@pytest.fixture
def machine(databases: Databases, tmp_path: Path) -> Iterator[type[MandatesAgainstModel]]:
    """The machine in a city of its own."""
    wire_clock = FrozenClock(START)
    with asyncio.Runner() as runner:
        context = databases.fresh()
        url = runner.run(context.__aenter__())
        database = runner.run(Database.open(url))
        kernel = Kernel(
            settings=Settings(
                data_directory=str(tmp_path), public_url="http://platform.test",
                world_url="http://world.test", allow_private_targets=True,
                answer_least_ms=0,
            ),
            database=database, wire_clock=wire_clock, business_clock=FrozenClock(START),
            ids=Ids(wire_clock, seed=SEED), network=Network(applications={}),
            key_store=KeyStore(tmp_path / "keys", "test passphrase", scrypt_cost=2**4),
        )  # fmt: skip
        MandatesAgainstModel.runner = runner
        MandatesAgainstModel.city = runner.run(found(kernel, tmp_path))
        MandatesAgainstModel.numbers = iter(range(80_000_000, 90_000_000))
        yield MandatesAgainstModel
        runner.run(kernel.network.close())
        runner.run(database.close())
        runner.run(context.__aexit__(None, None, None))


def test_no_sequence_of_grants_and_revocations_gives_more_than_every_link_or_a_circle(
    machine: type[MandatesAgainstModel],
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=15, deadline=None,
            suppress_health_check=list(HealthCheck), derandomize=True,
            phases=[Phase.generate],  # shrinking over a database takes minutes
        ),
    )  # fmt: skip

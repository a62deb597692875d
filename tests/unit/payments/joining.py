"""A bank that joins in the payments city: its own world, its desk, and the operators' deeds."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from lionrock.directory.api import SignedExchange
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key
from lionrock.payments.api import Candidate, CandidateState
from lionrock.payments.onboarding.service.desk import CandidateView
from lionrock.sandbox.world.bank import Bank
from lionrock.sandbox.world.frame import World
from tests.unit.payments.city import PaymentsCity

PEAK, PEAK_CODE, PEAK_WORLD = "bank-peak", "903", "http://peak.test"
PEAK_HOME = f"{PEAK_WORLD}/{PEAK}"
API = "/payments/v1/onboarding"
ANN, BEN, CYN = "per_ann", "per_ben", "per_cyn"
JSON = "application/json"
ROUNDS_MAX = 30


class Joining:
    """What tests do with a bank that joins."""

    def __init__(self, city: PaymentsCity) -> None:
        self.city = city
        context = dataclasses.replace(city.world.context, world_url=PEAK_WORLD)
        self.bank = Bank(context, PEAK, PEAK_CODE)
        self.world = World(context, [self.bank])
        city.kernel.network.applications[PEAK_WORLD] = self.world.application
        city.world.context.network.applications[PEAK_WORLD] = self.world.application

    def answer_at(self, world_url: str) -> str:
        """Have the bank answer under another address too; its end point there."""
        context = dataclasses.replace(self.world.context, world_url=world_url)
        moved = World(context, [Bank(context, PEAK, PEAK_CODE)])
        for network in (self.city.kernel.network, self.city.world.context.network):
            network.applications[world_url] = moved.application
        return f"{world_url}/{PEAK}"

    async def change(
        self, operator: str, decision: str = "agree", reasons: str = "checked"
    ) -> Any:
        """An operator's word on the newest change."""
        held, [change, *_] = await self.candidate(), (await self.view()).changes
        return await self.run(lambda db: self.rooms.changes.say(
            db, held.id, change.id, operator, decision=decision, reasons=reasons
        ))

    async def desk(self, path: str = "", body: Any = None, method: str = "POST") -> tuple[int, Any]:
        """What the bank's own operator does at its desk; what the switch said."""
        reply = await self.city.world.context.network.send(
            method, f"{PEAK_HOME}/operator/onboarding{path}",
            {"content-type": JSON}, msgspec.json.encode(body) if body is not None else b"",
        )
        shown = msgspec.json.decode(reply.body)
        return reply.status, shown.get("switch_said", shown)

    async def call(
        self, path: str = "", body: Any = None, *, method: str = "POST", key: Key | None = None,
        sender: str = PEAK,
    ) -> SignedExchange:
        """A signed call to the switch's API."""
        content = msgspec.json.encode(body) if body is not None else b""
        return await self.city.call(
            sender, API + path, content, media_type=JSON, method=method, key=key
        )

    async def said(self, *args: Any, **more: Any) -> tuple[int, Any]:
        """Status and content of a signed call."""
        reply = (await self.call(*args, **more)).reply
        return reply.status, msgspec.json.decode(reply.body) if reply.body else None

    def application(self, **changes: Any) -> dict[str, Any]:
        """A good application."""
        return {
            "organisation_id": PEAK, "kind": "bank", "bic": "LRXXHKHH",
            "names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Peak Bank"),
            "clearing_code": PEAK_CODE, "currencies": ["HKD"], "endpoint": PEAK_HOME,
            "keys": [self.bank.key.public_jwk], "simulated": True,
            "contact": {"name": "Desk", "email": "desk@peak.example", "phone": "+85221230000"},
            "test_accounts": {"open": "TEST-OPEN", "closed": "TEST-CLOSED"},
        } | changes

    async def run(self, use_case: Any) -> Any:
        """Something in a transaction of the platform; a refusal undoes it."""

        class Undone(Exception):
            pass

        kept: list[Any] = []

        async def checked(db: Connection) -> Any:
            done = await use_case(db)
            kept.append(done)
            if isinstance(done, Refused) and not done.keep:
                raise Undone
            return done

        try:
            return await self.city.kernel.database.run(checked)
        except Undone:
            return kept[-1]

    @property
    def rooms(self) -> Any:
        """The onboarding desk of the platform."""
        return self.city.payments.onboarding

    async def candidate(self) -> Candidate:
        """The application as it stands."""
        async def load(db: Connection) -> Candidate:
            listed = await self.rooms.candidates(db)
            found = await self.rooms.candidate(db, listed[0].id)
            assert isinstance(found, Candidate)
            return found

        found: Candidate = await self.city.kernel.database.run(load)
        return found

    async def view(self) -> CandidateView:
        """The application with all that belongs to it."""
        held = await self.candidate()
        view: CandidateView = await self.city.kernel.database.run(
            lambda db: self.rooms.view(db, held)
        )
        return view

    async def say(self, operator: str, decision: str = "agree", reasons: str = "seen") -> Any:
        """An operator's word on the version that is there."""
        held = await self.candidate()
        return await self.run(lambda db: self.rooms.applications.say(
            db, held.id, operator, version=held.version, decision=decision, reasons=reasons
        ))

    async def both_agree(self, *operators: str) -> None:
        """Two operators agree."""
        for operator in operators or (ANN, BEN):
            said = await self.say(operator)
            assert not isinstance(said, Refused), said

    async def settle(self) -> None:
        """Run all workers until nothing is due."""
        for _ in range(ROUNDS_MAX):
            done = await self.city.platform_worker.run_due() + await self.world.worker.run_due()
            if not done + await self.city.world.worker.run_due():
                return
        raise AssertionError("still busy")

    async def pass_seconds(self, seconds: float, step: float = 1.0) -> None:
        """Let wire time pass, working in between."""
        await self.settle()
        while seconds > 0:
            self.city.clock.advance(seconds=min(step, seconds))
            seconds -= step
            await self.settle()

    async def apply(self) -> dict[str, Any]:
        """Apply at the bank's desk."""
        status, said = await self.desk()
        assert status == 201, said
        assert isinstance(said, dict)
        return said

    async def open(self, limits: dict[str, str] | None = None) -> Candidate:
        """Go as far as the tests: application, review, settings, accounts opened."""
        await self.apply()
        await self.both_agree()
        held = await self.candidate()
        proposed = await self.run(lambda db: self.rooms.applications.propose_settings(
            db, held.id, ANN, version=held.version, limits=limits or {"HKD": "50000.00"},
            reasons="as asked",
        ))
        assert not isinstance(proposed, Refused), proposed
        await self.both_agree(BEN)
        await self.settle()
        held = await self.candidate()
        assert held.state is CandidateState.TESTING, held.words
        return held

    async def test(self, *cases: str) -> dict[str, tuple[str, str]]:
        """Run tests at the bank's desk; state and what came, by test."""
        status, said = await self.desk("/tests", {"cases": list(cases)})
        assert status == 202, said
        await self.pass_seconds(4)
        return await self.results()

    async def results(self) -> dict[str, tuple[str, str]]:
        """State and what came of the last run of each test."""
        return {
            each.case.name: (each.run.state, each.run.came)
            for each in (await self.view()).standings if each.run
        }

    async def go_live(self) -> Candidate:
        """From nothing to live."""
        await self.open()
        results = await self.test()
        assert {state for state, _ in results.values()} == {"passed"}, results
        status, said = await self.desk("/go-live")
        assert status == 200, said
        await self.both_agree()
        held = await self.candidate()
        assert held.state is CandidateState.LIVE
        return held

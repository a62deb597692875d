"""The desk of onboarding: its parts put together, and what operators see of a candidate."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lionrock.directory.api import Organisation
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.payments.onboarding.domain.candidates import Candidate, Change
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.service.changes import Changes
from lionrock.payments.onboarding.service.inbox import TestInbox
from lionrock.payments.onboarding.service.onboarding import OPEN_QUEUE, Onboarding
from lionrock.payments.onboarding.service.testing import TEST_QUEUE, Standing, Testing
from lionrock.payments.onboarding.store import candidates, runs
from lionrock.payments.onboarding.store.runs import Run
from lionrock.payments.service.core import Core
from lionrock.payments.service.daily import DailyLimits
from lionrock.payments.service.participants import Participants


class CandidateView(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate with what is in force, its changes, and how it stands in each test.

    `tries`: the last try of a new end point, by the change that asks for it; `sent_today`: minor
    units counted against its limits of the day, by currency.
    """

    candidate: Candidate
    organisation: Organisation
    changes: list[Change]
    standings: list[Standing]
    runs: list[Run]
    tries: dict[str, Run] = {}
    sent_today: dict[str, int] = {}


class OnboardingDesk:
    """Applications, tests, changes."""

    def __init__(self, core: Core, participants: Participants, daily: DailyLimits) -> None:
        self._core = core
        self.testing = Testing(core)
        self.applications = Onboarding(core, participants, self.testing)
        self.changes = Changes(core, self.testing)
        self._daily = daily
        self.inbox = TestInbox(core)

    def handlers(self) -> Mapping[str, JobHandler]:
        """Job handlers by queue."""
        return {OPEN_QUEUE: self.applications.open, TEST_QUEUE: self.testing.drive}

    async def candidates(self, db: Connection) -> list[Candidate]:
        """Return the candidates that changed last."""
        return await candidates.list_candidates(db, self._core.vault)

    async def candidate(
        self, db: Connection, candidate_id: str, *, is_locking: bool = False
    ) -> Candidate | Refused:
        """Return a candidate; UNKNOWN."""
        found = await candidates.load_candidate(
            db, self._core.vault, candidate_id, is_locking=is_locking
        )
        return found or Refused(OnboardingRefusal.UNKNOWN)

    async def view(self, db: Connection, candidate: Candidate) -> CandidateView:
        """Return a candidate with everything that belongs to it."""
        changes = await self.changes.of_candidate(db, candidate.id)
        return CandidateView(
            candidate=candidate, organisation=await self.testing.organisation(db, candidate),
            changes=changes, tries=await self.testing.tries(db, changes),
            sent_today=await self._daily.sent(db, candidate.organisation_id),
            standings=await self.testing.standings(db, candidate),
            runs=await runs.list_runs(db, candidate.id),
        )

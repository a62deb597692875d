"""Applications of would-be participants: asked, reviewed by two, set up, live, suspended.

Candidates' deeds come over signed calls, operators' from their pages; each runs in the caller's
transaction and leaves a receipt. Only opening the accounts needs the ledger: that is a job.
Not for: tests (testing), keys and end points of registered candidates (changes).
Invariants: until two operators agreed to go-live the organisation stands suspended in the
directory, so that nobody can pay to it and none of its messages is taken; nobody reviews alone.
"""

from __future__ import annotations

import msgspec
import structlog

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation, Status
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.ledger.api import Unavailable
from lionrock.payments.onboarding.domain.application import (
    Application,
    Limits,
    check_application,
    read_limits,
)
from lionrock.payments.onboarding.domain.candidates import (
    ENDED,
    WAITING_MAX,
    WITHDRAWABLE,
    Candidate,
    Decision,
    State,
    Word,
    after,
    check_reasons,
    check_word,
)
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.service.addresses import check_reachable
from lionrock.payments.onboarding.service.testing import Testing
from lionrock.payments.onboarding.store import candidates, runs
from lionrock.payments.service.core import Core
from lionrock.payments.service.participants import ROLE, Enrolment, Participants

OPEN_QUEUE = "payments.onboarding_open"
OPEN_PAUSE_MS = 500
_R = OnboardingRefusal
_log = structlog.get_logger("lionrock.payments")


class Onboarding:
    """The way of a participant from asking to live."""

    def __init__(self, core: Core, participants: Participants, testing: Testing) -> None:
        self._core = core
        self._participants = participants
        self._testing = testing

    async def apply(
        self, db: Connection, application: Application, asked_by: str
    ) -> Candidate | Refused:
        """Keep an application; the same one again is the same one.

        `asked_by`: the organisation itself, or the operator who entered it. Refused: MALFORMED and
        the key's refusals, ENDPOINT_REFUSED, ORGANISATION_TAKEN, CODE_TAKEN, KEY_KNOWN,
        TOO_MANY_WAIT.
        """
        there = await self.of_organisation(db, application.organisation_id)
        if there is not None:
            is_same = there.application == application
            return there if is_same else Refused(_R.ORGANISATION_TAKEN, field="organisation_id")
        refused = await self._check(db, application)
        if refused is not None:
            return refused
        if await self._core.directory.get(db, application.organisation_id) is not None:
            return Refused(_R.ORGANISATION_TAKEN, field="organisation_id")
        if await candidates.count_waiting(db) >= WAITING_MAX:
            return Refused(_R.TOO_MANY_WAIT)
        now = self._core.kernel.business_clock.now()
        candidate = Candidate(
            id=self._core.kernel.ids.new("cnd"), application=application, state=State.ASKED,
            version=1, asked_by=asked_by, limits=Limits(), asked_at=now, changed_at=now,
        )
        if not await candidates.insert_candidate(db, self._core.vault, candidate):
            return Refused(_R.CODE_TAKEN, field="clearing_code")
        return await self._claimed(db, candidate, "asked")

    async def mend(
        self, db: Connection, held: Candidate, application: Application
    ) -> Candidate | Refused:
        """Replace an application that was not agreed to yet; words given so far count no more."""
        if held.state not in (State.ASKED, State.RETURNED):
            return Refused(_R.STATE, f"It is {held.state}.")
        if application.organisation_id != held.organisation_id:
            return Refused(_R.MALFORMED, "Expected the same organisation.", "organisation_id")
        refused = await self._check(db, application)
        if refused is not None:
            return refused
        mended = msgspec.structs.replace(
            held, application=application, state=State.ASKED, version=held.version + 1
        )
        await self._save(db, mended)
        return await self._claimed(db, mended, "mended")

    async def withdraw(self, db: Connection, held: Candidate) -> Candidate | Refused:
        """End an application that is not live."""
        if held.state not in WITHDRAWABLE:
            return Refused(_R.STATE, f"It is {held.state}.")
        return await self._move(db, held, State.WITHDRAWN, "withdrawn")

    async def ask_go_live(self, db: Connection, held: Candidate) -> Candidate | Refused:
        """Ask to be live; TESTS_MISSING names the tests not passed with what is in force."""
        if held.state is not State.TESTING:
            return Refused(_R.STATE, f"It is {held.state}.")
        refused = await self._check_tests(db, held)
        if refused is not None:
            return refused
        return await self._move(db, held, State.GO_LIVE_ASKED, "go_live_asked", is_new=True)

    async def say(
        self, db: Connection, candidate_id: str, operator: str, *, version: int,
        decision: Decision, reasons: str,
    ) -> Candidate | Refused:
        """Take an operator's word; the second agreement moves the candidate on.

        Refused: UNKNOWN, STATE, STALE, OWN, REVIEWED, REASONS, TESTS_MISSING (going live).
        """
        held = await self._held(db, candidate_id)
        if isinstance(held, Refused):
            return held
        refused = check_word(held, operator, version, decision, reasons)
        if refused is not None:
            return refused
        is_going_live = held.state in (State.GO_LIVE_ASKED, State.RETURN_ASKED)
        if is_going_live and decision == "agree":
            refused = await self._check_tests(db, held)
            if refused is not None:
                return refused
        spoken = await self._speak(db, held, operator, decision, reasons)
        following = after(spoken, decision)
        if following is None:
            await self._record(db, spoken, "agreed")
            return spoken
        if following is State.LIVE:
            refused = await self._set_status(db, spoken, Status.ACTIVE, operator)
            if refused is not None:
                return refused
        if following is State.OPENING:
            await jobs.schedule(db, queue=OPEN_QUEUE, key=spoken.id)
        return await self._move(db, spoken, following, following.value, is_new=True)

    async def propose_settings(
        self, db: Connection, candidate_id: str, operator: str, *, version: int,
        limits: dict[str, str], reasons: str, daily_limits: dict[str, str] | None = None,
    ) -> Candidate | Refused:
        """Propose the limits of a payment and of a day, as the first of two; another one confirms.

        Refused: UNKNOWN, STATE, STALE, OWN, LIMITS, REASONS.
        """
        held = await self._held(db, candidate_id)
        if isinstance(held, Refused):
            return held
        refused = _check_maker(held, State.AGREED, operator, version, reasons)
        if refused is not None:
            return refused
        read = read_limits(limits, daily_limits or {}, held.application.currencies)
        if isinstance(read, Refused):
            return read
        proposed = msgspec.structs.replace(
            held, state=State.SETTINGS, limits=read, version=held.version + 1
        )
        spoken = await self._speak(db, proposed, operator, "agree", reasons)
        await self._save(db, spoken)
        await self._record(db, spoken, "settings_proposed")
        return spoken

    async def suspend(
        self, db: Connection, candidate_id: str, operator: str, reasons: str
    ) -> Candidate | Refused:
        """Suspend a live participant at once; one operator may, for it must be quick."""
        held = await self._held(db, candidate_id)
        if isinstance(held, Refused):
            return held
        if held.state is not State.LIVE:
            return Refused(_R.STATE, f"It is {held.state}.")
        refused = check_reasons(reasons)
        if refused is not None:
            return refused
        spoken = await self._speak(db, held, operator, "suspend", reasons)
        refused = await self._set_status(db, spoken, Status.SUSPENDED, operator)
        if refused is not None:
            return refused
        return await self._move(db, spoken, State.SUSPENDED, "suspended", is_new=True)

    async def ask_return(
        self, db: Connection, candidate_id: str, operator: str, *, version: int, reasons: str
    ) -> Candidate | Refused:
        """Propose that a suspended participant returns, as the first of two.

        Refused: UNKNOWN, STATE, STALE, OWN, REASONS, TESTS_MISSING.
        """
        held = await self._held(db, candidate_id)
        if isinstance(held, Refused):
            return held
        refused = _check_maker(held, State.SUSPENDED, operator, version, reasons)
        refused = refused or await self._check_tests(db, held)
        if refused is not None:
            return refused
        asked = await self._move(db, held, State.RETURN_ASKED, "return_asked", is_new=True)
        return await self._speak(db, asked, operator, "agree", reasons)

    async def of_organisation(
        self, db: Connection, organisation_id: str
    ) -> Candidate | None:
        """Return an organisation's application that has not ended."""
        return await candidates.load_of_organisation(db, self._core.vault, organisation_id)

    async def organisation(self, db: Connection, candidate: Candidate) -> Organisation:
        """The candidate with the keys and the end point in force."""
        return await self._testing.organisation(db, candidate)

    async def open(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of confirmed settings: register, enrol, open the accounts; then tests may begin.

        What was done before is found done. When it is refused, operators see why and propose anew.
        """
        core = self._core
        held = await core.kernel.database.run(
            lambda db: candidates.load_candidate(db, core.vault, job.key)
        )
        assert held is not None, "applications are never deleted"
        if held.state is not State.OPENING:
            return jobs.Done()
        refused = await core.kernel.database.run(lambda db: self._register(db, held))
        if refused is None:
            enrolment = Enrolment(
                organisation_id=held.organisation_id, currencies=held.application.currencies,
                clearing_code=held.application.clearing_code,
                payment_minor_max=held.limits.payment, daily_minor_max=held.limits.daily,
                takes_bundles=held.application.takes_bundles,
            )
            try:
                enrolled = await self._participants.enrol(enrolment)
            except Unavailable:
                return jobs.Again(after_ms=OPEN_PAUSE_MS)
            refused = enrolled if isinstance(enrolled, Refused) else None
        await core.kernel.database.run(lambda db: self._opened(db, held.id, refused))
        return jobs.Done()

    async def _register(self, db: Connection, held: Candidate) -> Refused | None:
        organisation = msgspec.structs.replace(
            held.application.organisation(ROLE), status=Status.SUSPENDED
        )
        registered = await self._core.directory.register(db, organisation)
        return registered if isinstance(registered, Refused) else None

    async def _opened(self, db: Connection, candidate_id: str, refused: Refused | None) -> None:
        held = await self._held(db, candidate_id)
        assert not isinstance(held, Refused), "applications are never deleted"
        if held.state is not State.OPENING:
            return
        if refused is None:
            await self._move(db, held, State.TESTING, "opened", is_new=True)
            return
        _log.warning("candidate_not_opened", candidate=held.id, code=refused.refusal.value)
        why = " ".join(filter(None, (refused.refusal.value, refused.detail)))
        spoken = await self._speak(db, held, PLATFORM_ORGANISATION, "return", why)
        await self._move(db, spoken, State.AGREED, "not_opened", is_new=True)

    async def _check(self, db: Connection, application: Application) -> Refused | None:
        """The application is well formed, may be called, and takes nothing of another's."""
        refused = check_application(application)
        refused = refused or check_reachable(self._core.kernel, application.endpoint)
        if refused is not None:
            return refused
        await candidates.lock_register(db)
        if await candidates.is_code_taken(
            db, application.clearing_code, application.organisation_id
        ):
            return Refused(_R.CODE_TAKEN, field="clearing_code")
        for kid in application.kids():
            if await self._core.directory.is_key_known(db, kid):
                return Refused(_R.KEY_KNOWN, kid, "keys")
        return None

    async def _claimed(
        self, db: Connection, candidate: Candidate, deed: str
    ) -> Candidate | Refused:
        application = candidate.application
        foreign = await candidates.claim_keys(db, application.kids(), candidate.organisation_id)
        if foreign is not None:
            return Refused(_R.KEY_KNOWN, foreign, "keys")
        await self._record(db, candidate, deed)
        return candidate

    async def _check_tests(self, db: Connection, held: Candidate) -> Refused | None:
        missing = await self._testing.missing(db, held)
        return Refused(_R.TESTS_MISSING, ", ".join(missing)) if missing else None

    async def _set_status(
        self, db: Connection, held: Candidate, status: Status, operator: str
    ) -> Refused | None:
        done = await self._core.directory.set_status(
            db, held.organisation_id, status, operator=operator
        )
        return done if isinstance(done, Refused) else None

    async def _held(self, db: Connection, candidate_id: str) -> Candidate | Refused:
        held = await candidates.load_candidate(
            db, self._core.vault, candidate_id, is_locking=True
        )
        return held or Refused(_R.UNKNOWN)

    async def _speak(
        self, db: Connection, held: Candidate, person_id: str, decision: Decision, reasons: str,
        step: str = "", version: int = 0,
    ) -> Candidate:
        word = Word(
            step=step or held.state.value, version=version or held.version, person_id=person_id,
            decision=decision, reasons=reasons, at=self._core.kernel.business_clock.now(),
        )
        await candidates.add_word(db, held.id, len(held.words) + 1, word)
        return msgspec.structs.replace(held, words=(*held.words, word))

    async def _move(
        self, db: Connection, held: Candidate, state: State, deed: str, *, is_new: bool = False
    ) -> Candidate:
        """Move a candidate; `is_new`: words given before count no more."""
        moved = msgspec.structs.replace(
            held, state=state, version=held.version + (1 if is_new else 0)
        )
        await self._save(db, moved)
        if state in ENDED:
            await runs.end_runs(db, held.id, self._core.kernel.wire_clock.now())
        await self._record(db, moved, deed)
        return moved

    async def _save(self, db: Connection, held: Candidate) -> None:
        now = self._core.kernel.business_clock.now()
        await candidates.save_candidate(
            db, self._core.vault, msgspec.structs.replace(held, changed_at=now)
        )

    async def _record(self, db: Connection, candidate: Candidate, deed: str) -> None:
        await self._core.receipts.record(
            db, f"payments.candidate_{deed}", PLATFORM_ORGANISATION,
            {"candidate": candidate.id, "version": str(candidate.version)},
            {"application": candidate.application.digest().hex()},
        )


def _check_maker(
    held: Candidate, state: State, operator: str, version: int, reasons: str
) -> Refused | None:
    """The first of two may propose at this step, about the version seen, and says why."""
    if held.state is not state:
        return Refused(_R.STATE, f"It is {held.state}.")
    if version != held.version:
        return Refused(_R.STALE, field="version")
    if operator == held.asked_by:
        return Refused(_R.OWN)
    return check_reasons(reasons)

"""The service directory and onboarding: search, list, request, review by two, test, go live.

Every function works in the caller's transaction. Each step of an onboarding leaves a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.words import is_safe_line
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION, ReceiptRecorder, digest_of
from lionrock.identity.services import store
from lionrock.identity.services.domain import (
    SERVICES_PER_IMPORT_MAX,
    Found,
    Service,
    ServiceQuery,
    check_service,
)
from lionrock.identity.services.errors import ServicesRefusal
from lionrock.identity.services.onboarding import (
    OPEN_REQUESTS_MAX,
    REASONS_LENGTH_MAX,
    TESTS,
    Onboarding,
    OnboardingState,
    Review,
    ServiceDraft,
    after_agreement,
    after_return,
    check_draft,
    check_review,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

OFFICER_ROLES = ("responsible_person", "administrator")
_State = OnboardingState


class Services:
    """What there is to use in this city, and how a company's own service joins it."""

    def __init__(self, kernel: Kernel, identity: Identity, evidence: ReceiptRecorder) -> None:
        self.kernel = kernel
        self.identity = identity
        self._evidence = evidence

    async def search(self, db: Connection, query: ServiceQuery) -> Found:
        """Return one page of the services that a search finds."""
        return await store.search(db, query)

    async def service(self, db: Connection, service_id: str) -> Service | Refused:
        """Return a listed service; SERVICE_UNKNOWN."""
        return await store.service(db, service_id) or Refused(ServicesRefusal.SERVICE_UNKNOWN)

    async def list_services(self, db: Connection, services: Sequence[Service]) -> int | Refused:
        """List many services at once, all or none; SERVICE_DRAFT names the first that is wrong."""
        if len(services) > SERVICES_PER_IMPORT_MAX:
            return Refused(ServicesRefusal.SERVICE_DRAFT, f"At most {SERVICES_PER_IMPORT_MAX}.")
        for service in services:
            problem = check_service(service)
            if problem is not None:
                detail = f"{service.id[:64]!r}: {problem.detail}"
                return msgspec.structs.replace(problem, detail=detail)
        await store.save_services(db, services, self.kernel.business_clock.now())
        return len(services)

    async def request(
        self, db: Connection, officer: Principal, draft: ServiceDraft
    ) -> Onboarding | Refused:
        """Begin a request as a draft of the officer's company."""
        company_id = _company_of(officer)
        problem = _check_officer(officer) or check_draft(draft)
        if problem is not None:
            return problem
        if await store.count_open(db, company_id) >= OPEN_REQUESTS_MAX:
            return Refused(ServicesRefusal.ONBOARDING_LIMIT)
        now = self.kernel.business_clock.now()
        onboarding_id = self.kernel.ids.new("onb")
        onboarding = Onboarding(
            id=onboarding_id, company_id=company_id, requested_by=officer.actor_person_id,
            draft=draft, state=_State.DRAFT, version=1, client_id=f"service-{onboarding_id[-12:]}",
            created_at=now, changed_at=now,
        )  # fmt: skip
        await store.insert_onboarding(db, onboarding)
        await self._record(db, onboarding, "requested")
        return onboarding

    async def change(
        self, db: Connection, officer: Principal, onboarding_id: str, draft: ServiceDraft
    ) -> Onboarding | Refused:
        """Replace a draft, or a service under test; reviews given so far no longer count.

        A changed service under test goes back to its draft and loses its client until reviewed.
        """
        held = await self._own(db, officer, onboarding_id)
        if isinstance(held, Refused):
            return held
        if held.state not in (_State.DRAFT, _State.TESTING):
            return Refused(ServicesRefusal.ONBOARDING_STATE, f"It is {held.state}.")
        problem = check_draft(draft)
        if problem is not None:
            return problem
        if held.state is _State.TESTING:
            await self._close_client(db, held)
        return await self._save(db, held, "changed", state=_State.DRAFT, draft=draft, tests=(),
                                version=held.version + 1)  # fmt: skip

    async def submit(
        self, db: Connection, officer: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        """Hand a draft to the reviewers."""
        held = await self._own(db, officer, onboarding_id)
        if isinstance(held, Refused):
            return held
        if held.state is not _State.DRAFT:
            return Refused(ServicesRefusal.ONBOARDING_STATE, f"It is {held.state}.")
        return await self._save(db, held, "submitted", state=_State.SUBMITTED)

    async def ask_go_live(
        self, db: Connection, officer: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        """Ask for everybody; ONBOARDING_TESTS names what was not seen during the test yet.

        Tests are read from what the server did for the client, not from what the client says.
        """
        held = await self._own(db, officer, onboarding_id)
        if isinstance(held, Refused):
            return held
        if held.state is not _State.TESTING:
            return Refused(ServicesRefusal.ONBOARDING_STATE, f"It is {held.state}.")
        tests = await self._seen_tests(db, held)
        missing = [name for name in TESTS if name not in tests]
        if missing:
            return Refused(ServicesRefusal.ONBOARDING_TESTS, ", ".join(missing))
        return await self._save(
            db, held, "go_live_asked", state=_State.GO_LIVE_ASKED, tests=tests,
            version=held.version + 1,
        )  # fmt: skip

    async def withdraw(
        self, db: Connection, officer: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        """End a request that is not live; a client under test is closed at once."""
        held = await self._own(db, officer, onboarding_id)
        if isinstance(held, Refused):
            return held
        if held.state in (_State.LIVE, _State.WITHDRAWN):
            return Refused(ServicesRefusal.ONBOARDING_STATE, f"It is {held.state}.")
        await self._close_client(db, held)
        return await self._save(db, held, "withdrawn", state=_State.WITHDRAWN)

    async def of_company(self, db: Connection, officer: Principal) -> list[Onboarding]:
        """Return the requests of the officer's company, newest first, with the tests seen."""
        found = await store.onboardings_of(db, _company_of(officer))
        return [await self._with_tests(db, each) for each in found]

    async def own(
        self, db: Connection, officer: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        """Return a request of the officer's company; another's is not found."""
        held = await self._own(db, officer, onboarding_id)
        return held if isinstance(held, Refused) else await self._with_tests(db, held)

    async def waiting(self, db: Connection, operator: Principal) -> list[Onboarding] | Refused:
        """Return what waits for reviewers; OPERATOR_NEEDED."""
        if "operator" not in operator.staff_roles:
            return Refused(ServicesRefusal.OPERATOR_NEEDED)
        return await store.waiting_onboardings(db)

    async def review(
        self,
        db: Connection,
        operator: Principal,
        onboarding_id: str,
        *,
        version: int,
        decision: Literal["agree", "return"],
        reasons: str,
    ) -> Onboarding | Refused:
        """Speak as an operator: the second agreement moves the request on, a return needs reasons.

        OPERATOR_NEEDED, ONBOARDING_OWN (acts for that company), ONBOARDING_STALE, _REVIEWED.
        """
        held = await self._reviewable(db, operator, onboarding_id)
        if isinstance(held, Refused):
            return held
        person_id = operator.actor_person_id
        problem = check_review(held, person_id, version)
        if problem is not None:
            return problem
        if not is_safe_line(reasons, REASONS_LENGTH_MAX):
            detail = f"One line of 1 to {REASONS_LENGTH_MAX} characters."
            return Refused(ServicesRefusal.ONBOARDING_DRAFT, detail, "reasons")
        review = Review(
            step=held.state, version=held.version, person_id=person_id, decision=decision,
            reasons=reasons, at=self.kernel.business_clock.now(),
        )  # fmt: skip
        await store.insert_review(db, held.id, review)
        reviewed = msgspec.structs.replace(held, reviews=(*held.reviews, review))
        if decision == "return":
            return await self._save(
                db, reviewed, "returned", state=after_return(held.state),
                version=held.version + 1,
            )  # fmt: skip
        following = after_agreement(reviewed)
        if following is None:
            await self._record(db, reviewed, "agreed")
            return reviewed
        return await self._move_on(db, reviewed, following)

    async def _move_on(
        self, db: Connection, held: Onboarding, following: OnboardingState
    ) -> Onboarding | Refused:
        """Two agreed: open the client to the company's officers, or to everybody."""
        opened = await self._open_client(db, held, is_test=following is _State.TESTING)
        if isinstance(opened, Refused):
            return opened
        if following is _State.LIVE:
            company = await self.identity.company(db, held.company_id)
            assert not isinstance(company, Refused), "a request's company is on record"
            listing = Service(
                id=held.client_id, names=held.draft.names, summaries=held.draft.summaries,
                category=held.draft.category, organisation=company.names,
                address=held.draft.address, audience=held.draft.audience, sign_in="lionrock",
                source=company.names.en, as_of=self.kernel.business_clock.now().date(),
                client_id=held.client_id,
            )  # fmt: skip
            listed = await self.list_services(db, [listing])
            if isinstance(listed, Refused):
                return listed
        return await self._save(db, held, following.value, state=following)

    async def _open_client(
        self, db: Connection, held: Onboarding, *, is_test: bool
    ) -> Client | Refused:
        # Its sector is itself, as of every client: somebody else's address among its own must not
        # bring the pseudonyms of that somebody (OIDC Core s8.1 leaves the sector to the server).
        client = Client(
            id=held.client_id, names=held.draft.names, organisation_id=held.company_id,
            sector=held.client_id, redirect_uris=held.draft.redirect_uris,
            scopes=frozenset(held.draft.scopes), keys=held.draft.keys,
        )  # fmt: skip
        policy = msgspec.structs.replace(
            client.policy, test_company_id=held.company_id if is_test else None,
            **dict.fromkeys(held.draft.controls, True),
        )  # fmt: skip
        client = msgspec.structs.replace(client, policy=policy)
        opened = await self.identity.clients.replace(db, client)
        if isinstance(opened, Refused):
            opened = await self.identity.clients.register(db, client)
        if isinstance(opened, Refused) or not held.draft.service_roles:
            return opened
        problem = await self.identity.declare_service_roles(
            db, client.id, held.draft.service_roles
        )
        return problem or opened

    async def _close_client(self, db: Connection, held: Onboarding) -> None:
        client = await self.identity.clients.find(db, held.client_id)
        if client is not None:
            await self.identity.clients.replace(
                db, msgspec.structs.replace(client, is_active=False)
            )

    async def _seen_tests(self, db: Connection, held: Onboarding) -> tuple[str, ...]:
        signed_in, refused = await store.seen_sign_ins(db, held.client_id)
        seen = {"signed_in": signed_in, "refusal_seen": refused}
        return tuple(name for name in TESTS if seen[name])

    async def _with_tests(self, db: Connection, held: Onboarding) -> Onboarding:
        if held.state is not _State.TESTING:
            return held
        return msgspec.structs.replace(held, tests=await self._seen_tests(db, held))

    async def _own(
        self, db: Connection, officer: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        problem = _check_officer(officer)
        if problem is not None:
            return problem
        held = await store.hold_onboarding(db, onboarding_id)
        if held is None or held.company_id != _company_of(officer):
            return Refused(ServicesRefusal.ONBOARDING_UNKNOWN)
        return held

    async def _reviewable(
        self, db: Connection, operator: Principal, onboarding_id: str
    ) -> Onboarding | Refused:
        if "operator" not in operator.staff_roles:
            return Refused(ServicesRefusal.OPERATOR_NEEDED)
        held = await store.hold_onboarding(db, onboarding_id)
        if held is None or held.state is _State.DRAFT:
            return Refused(ServicesRefusal.ONBOARDING_UNKNOWN)
        mandate = await self.identity.mandate(
            db, operator.actor_person_id, held.company_id, None
        )
        if held.requested_by == operator.actor_person_id or not isinstance(mandate, Refused):
            return Refused(ServicesRefusal.ONBOARDING_OWN)
        return held

    async def _save(
        self,
        db: Connection,
        held: Onboarding,
        deed: str,
        *,
        state: OnboardingState,
        draft: ServiceDraft | None = None,
        version: int | None = None,
        tests: tuple[str, ...] | None = None,
    ) -> Onboarding:
        saved = msgspec.structs.replace(
            held, state=state, draft=draft or held.draft, version=version or held.version,
            tests=held.tests if tests is None else tests,
            changed_at=self.kernel.business_clock.now(),
        )  # fmt: skip
        await store.save_onboarding(db, saved)
        await self._record(db, saved, deed)
        return saved

    async def _record(self, db: Connection, onboarding: Onboarding, deed: str) -> None:
        await self._evidence.record(
            db, kind=f"identity.onboarding_{deed}", issuer=PLATFORM_ORGANISATION,
            references={"onboarding": onboarding.id, "version": str(onboarding.version)},
            digests={"draft": digest_of(onboarding.draft)},
        )  # fmt: skip


def _check_officer(officer: Principal) -> Refused | None:
    """A service speaks for the company: no user, representative or agent firm brings one on."""
    mandate = officer.mandate
    if mandate is None or mandate.via or mandate.role not in OFFICER_ROLES:
        return Refused(ServicesRefusal.ONBOARDING_OFFICER)
    return None


def _company_of(officer: Principal) -> str:
    assert officer.company_id is not None, "the route takes company tokens only"
    return officer.company_id

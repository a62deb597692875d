"""The officers of departments: appointed by two operators, asked about refunds on their phones.

Use cases run in the caller's transaction and leave receipts. `identity` is bound by the composition
root; where it is not, nobody can be appointed or asked.
Invariant: an appointment takes two operators, neither of them the person; ending it takes one, for
it must be quick.
"""

from __future__ import annotations

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation
from lionrock.identity.api import (
    Approval,
    ApprovalRequest,
    Identity,
    approval_stands,
)
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.links.domain.intents import Intent, Refund, check_officer
from lionrock.payments.links.domain.refunds import (
    APPROVAL_KIND,
    APPROVAL_LIFE_S,
    OFFICERS_NEEDED,
    Answer,
    Decided,
    Officer,
    check_appointment,
    decide,
    whom_to_ask,
    words_of,
)
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.store import officers as store
from lionrock.payments.service.core import Core

DEPARTMENT_ROLE = "department"
OFFICER_PREFIX = "ofc"
_R = IntentRefusal


class Officers:
    """Who decides refunds, and how they are asked."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.identity: Identity | None = None

    async def enter(
        self, db: Connection, operator: str, organisation_id: str, name: str, person_id: str
    ) -> Officer | Refused:
        """Ask for a person's appointment under a name; another operator agrees to it.

        Refused: OPERATOR_ONLY, MALFORMED, OFFICER_UNKNOWN, OFFICER_OWN, OFFICER_TAKEN.
        """
        refused = await self._check_operator(db, operator) or check_officer(name)
        if refused is not None:
            return refused
        assert self.identity is not None, "operators are identity's"
        department = await self._core.directory.get(db, organisation_id)
        person = await self.identity.person(db, person_id)
        is_department = department is not None and DEPARTMENT_ROLE in department.roles
        if not is_department or isinstance(person, Refused) or person.status != "active":
            return Refused(_R.OFFICER_UNKNOWN)
        now = self._core.kernel.business_clock.now()
        officer = Officer(
            id=self._core.kernel.ids.new(OFFICER_PREFIX), organisation_id=organisation_id,
            name=name, person_id=person_id, state="asked", asked_by=operator, asked_at=now,
            changed_at=now,
        )
        if operator == person_id:
            return Refused(_R.OFFICER_OWN)
        if not await store.insert(db, officer):
            return Refused(_R.OFFICER_TAKEN)
        await self._record(db, officer, "asked")
        return officer

    async def agree(self, db: Connection, operator: str, officer_id: str) -> Officer | Refused:
        """Agree to another operator's wish: the person is an officer from now on.

        Refused: OPERATOR_ONLY, OFFICER_UNKNOWN, OFFICER_STATE, OFFICER_OWN, OFFICER_SAME_OPERATOR.
        """
        officer = await self._load(db, operator, officer_id)
        if isinstance(officer, Refused):
            return officer
        if officer.state != "asked":
            return Refused(_R.OFFICER_STATE)
        refused = check_appointment(officer, operator)
        if refused is not None:
            return refused
        now = self._core.kernel.business_clock.now()
        moved = await store.appoint(db, officer.id, operator, now)
        assert moved, "its row was locked while asked"
        return await self._changed(db, officer.id, "appointed")

    async def end(self, db: Connection, operator: str, officer_id: str) -> Officer | Refused:
        """End an appointment at once: what the person says counts no more.

        Refused: OPERATOR_ONLY, OFFICER_UNKNOWN, OFFICER_STATE.
        """
        officer = await self._load(db, operator, officer_id)
        if isinstance(officer, Refused):
            return officer
        if not await store.end(db, officer.id, self._core.kernel.business_clock.now()):
            return Refused(_R.OFFICER_STATE)
        return await self._changed(db, officer.id, "ended")

    async def standing(self, db: Connection, operator: str) -> list[Officer] | Refused:
        """Return all officers, and who is to become one; OPERATOR_ONLY."""
        return await self._check_operator(db, operator) or await store.standing(db)

    async def ask(
        self, db: Connection, department: Organisation, intent: Intent, refund: Refund,
        language: str,
    ) -> str | Refused:
        """Ask the officers about a refund on their phones; the id of the approval.

        Refused: OFFICER_NOT_APPOINTED, OFFICERS_TOO_FEW, APPROVAL_NOT_TAKEN.
        """
        officers, name = await store.in_office(db, department.id), refund.requested_by.casefold()
        named = [each for each in officers if each.name.casefold() == name]
        if self.identity is None or not named:
            return Refused(_R.OFFICER_NOT_APPOINTED, field="officer")
        persons = whom_to_ask(named[0], officers)
        if isinstance(persons, Refused):
            return persons
        approval = await self.identity.request_approval(db, ApprovalRequest(
            kind=APPROVAL_KIND, person_ids=persons, template=APPROVAL_KIND,
            fields=words_of(refund, intent, department.names, language), language=language,
            requester_org=department.id, reference=refund.id, quorum=OFFICERS_NEEDED,
            expires_in_s=APPROVAL_LIFE_S,
        ))
        if isinstance(approval, Refused):
            return Refused(_R.APPROVAL_NOT_TAKEN, approval.refusal.value)
        return approval.id

    async def decided(self, db: Connection, refund: Refund) -> Decided | None:
        """Say what the officers decided; None while they are still asked.

        It is read from identity, not from the event, so that a false event decides nothing.
        """
        assert self.identity is not None and refund.approval_id, "officers were asked"
        approval = await self.identity.approval(db, refund.approval_id)
        assert isinstance(approval, Approval), "identity keeps its approvals"
        if approval.reference != refund.id or approval.state == "pending":
            return None
        officers = await store.in_office(db, refund.department_id)
        state: str = approval.state
        if state == "approved" and not await approval_stands(db, approval):
            state = "rejected"
        given = await self.identity.approval_answers(db, approval.id)
        return decide(
            state, [Answer(each.person_id, each.decision == "approved") for each in given],
            approval.person_ids[0], {each.person_id: each.name for each in officers},
        )

    async def call_off(self, db: Connection, refund: Refund) -> None:
        """Take a question back from the phones."""
        assert self.identity is not None and refund.approval_id, "officers were asked"
        await self.identity.approvals.withdraw(db, refund.approval_id)

    async def _check_operator(self, db: Connection, operator: str) -> Refused | None:
        if self.identity is None or "operator" not in await self.identity.staff_roles(db, operator):
            return Refused(_R.OPERATOR_ONLY)
        return None

    async def _load(self, db: Connection, operator: str, officer_id: str) -> Officer | Refused:
        refused = await self._check_operator(db, operator)
        if refused is not None:
            return refused
        return await store.load(db, officer_id) or Refused(_R.OFFICER_UNKNOWN)

    async def _changed(self, db: Connection, officer_id: str, deed: str) -> Officer:
        officer = await store.load(db, officer_id)
        assert officer is not None, "appointments are never deleted"
        await self._record(db, officer, deed)
        return officer

    async def _record(self, db: Connection, officer: Officer, deed: str) -> None:
        await self._core.receipts.record(
            db, f"payments.refund_officer_{deed}", PLATFORM_ORGANISATION,
            {"officer_id": officer.id, "department": officer.organisation_id}, {},
            about=officer.name,
        )

"""What every use case of cases works with: the lower rooms, who acts, and leaving a trace.

The rooms are narrow views of the lower pillars' services, so that a reader sees what cases ask of
them; app/ hands the services themselves in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from lionrock.directory.api import PROGRAMME_OFFICE
from lionrock.identity.api import (
    Appearance,
    Approval,
    ApprovalRequest,
    Company,
    Mandate,
    Person,
    SignatureReport,
    SignedPdf,
    Signer,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import (
    AccountDraft,
    AccountResult,
    TransferDraft,
    TransferOutcome,
)
from lionrock.payments.api import CreditTransferOrder, Payment
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import Step, move
from lionrock.programmes.cases.domain.values import CURRENCY, Case
from lionrock.programmes.cases.judge import RuleJudge
from lionrock.programmes.cases.store import cases as store

APPLY_SCOPE = "programmes"
ASSESSOR = "assessor"
COMMITTEE = "committee"


class IdentityRoom(Protocol):
    """What cases ask of identity."""

    async def person(self, db: Connection, person_id: str) -> Person | Refused:
        """Return a person."""
        ...

    async def company(self, db: Connection, company_id: str) -> Company | Refused:
        """Return a company."""
        ...

    async def mandate(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str | None,
        at: datetime | None = None,
        amount: Money | None = None,
    ) -> Mandate | Refused:
        """Return the mandate that entitles a person to act for a company."""
        ...

    async def officers_to_ask(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        amount: Money | None = None,
    ) -> tuple[tuple[str, ...], int] | Refused:
        """Return whom a company's deed is asked of and how many must agree."""
        ...

    async def request_approval(
        self, db: Connection, request: ApprovalRequest
    ) -> Approval | Refused:
        """Ask persons for a decision on their phones."""
        ...

    async def approval(self, db: Connection, approval_id: str) -> Approval | Refused:
        """Return an approval."""
        ...


class SigningRoom(Protocol):
    """What cases ask of signing."""

    async def sign_pdf(
        self,
        db: Connection,
        pdf: bytes,
        signer: Signer,
        approval_id: str,
        *,
        chain: str = "single",
        appearance: Appearance | None = None,
    ) -> SignedPdf | Refused:
        """Add a signature that an approval released."""
        ...

    async def validate(self, db: Connection, pdf: bytes) -> list[SignatureReport]:
        """Check a PDF's signatures."""
        ...


class EvidenceRoom(Protocol):
    """What cases ask of evidence."""

    async def record(
        self,
        db: Connection,
        kind: str,
        issuer: str,
        references: Mapping[str, str],
        digests: Mapping[str, str],
        about: str = "",
    ) -> str:
        """Record a receipt; returns its id."""
        ...

    async def keep(self, db: Connection, content: bytes, media_type: str) -> str:
        """Keep a document for bundles; returns its SHA-256."""
        ...


class LedgerRoom(Protocol):
    """What cases ask of the ledger: never inside a transaction."""

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        """Open accounts."""
        ...

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        """Carry out transfers."""
        ...


class PaymentsRoom(Protocol):
    """What cases ask of payments."""

    async def initiate_credit_transfer(
        self, db: Connection, order: CreditTransferOrder
    ) -> Payment | Refused:
        """Take an order to pay in the caller's transaction."""
        ...


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a person, for a company or as staff."""

    person_id: str
    company_id: str | None = None
    staff_roles: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desk:
    """The rooms that all use cases share, and the two things they all do: move and note."""

    kernel: Kernel
    judge: RuleJudge
    identity: IdentityRoom
    signing: SigningRoom
    evidence: EvidenceRoom
    ledger: LedgerRoom
    payments: PaymentsRoom

    def now(self) -> datetime:
        """Return the business instant."""
        return self.kernel.business_clock.now()

    async def move(self, db: Connection, case: Case, step: Step) -> Case | Refused:
        """Take a locked case one step on, or say why not."""
        after = move(case.state, step)
        if isinstance(after, Refused):
            return after
        if after is not case.state:
            await store.set_state(db, case.id, case.state, after)
        return msgspec.structs.replace(case, state=after)

    async def note(
        self,
        db: Connection,
        case: Case,
        kind: str,
        actor_id: str,
        *,
        references: Mapping[str, str] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """Leave a receipt of the office about a case, and a line in its history."""
        receipt_id = await self.evidence.record(
            db,
            kind=f"programmes.{kind}",
            issuer=PROGRAMME_OFFICE,
            references={
                "case_id": case.id, "programme_id": case.programme_id, **(references or {})
            },
            digests=dict(digests or {}),
            about=case.state.value,
        )  # fmt: skip
        await store.add_history(db, case.id, kind, case.state, actor_id, receipt_id, self.now())

    async def locked_own_case(
        self, db: Connection, actor: Actor, case_id: str
    ) -> Case | Refused:
        """Lock and return a case of the company that the actor acts for."""
        if actor.company_id is None:
            return Refused(CaseRefusal.NOT_FOR_COMPANY)
        case = await store.lock_case(db, case_id)
        if case is None or case.company_id != actor.company_id:
            return Refused(CaseRefusal.CASE_NOT_FOUND)
        return case

    async def locked_staff_case(
        self, db: Connection, actor: Actor, role: str, case_id: str
    ) -> Case | Refused:
        """Lock and return a submitted case for a staff member of a role."""
        refused = check_staff(actor, role)
        if refused is not None:
            return refused
        case = await store.lock_case(db, case_id)
        if case is None or case.submitted_at is None:
            return Refused(CaseRefusal.CASE_NOT_FOUND)
        return case

    async def mandate_for(
        self,
        db: Connection,
        actor: Actor,
        scope: str,
        amount_minor: int | None = None,
    ) -> Mandate | Refused:
        """Return the actor's mandate that covers a deed for the company; MANDATE_MISSING.

        Asked at every deed that binds the company, because a limit that holds at one door only is
        no limit.
        """
        assert actor.company_id is not None, "checked before"
        found = await self.identity.mandate(
            db, actor.person_id, actor.company_id, scope,
            amount=None if amount_minor is None else Money(amount_minor, CURRENCY),
        )  # fmt: skip
        if isinstance(found, Refused):
            detail = f"{found.refusal.value}: {found.detail}".rstrip(": ")
            return Refused(CaseRefusal.MANDATE_MISSING, detail)
        return found

    async def holds_mandate(self, db: Connection, person_id: str, company_id: str) -> bool:
        """Say whether a person acts for a company in anything at all."""
        found = await self.identity.mandate(db, person_id, company_id, None, self.now())
        return not isinstance(found, Refused)


def check_staff(actor: Actor, *roles: str) -> Refused | None:
    """Refuse whoever holds none of the roles, or acts for a company at the same time."""
    if actor.company_id is not None:
        return Refused(CaseRefusal.NOT_STAFF, "You act for a company; sign in as yourself.")
    if not actor.staff_roles & set(roles):
        return Refused(CaseRefusal.NOT_STAFF, f"The role {' or '.join(roles)} is needed.")
    return None

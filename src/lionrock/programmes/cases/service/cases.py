"""Cases as the routes, the portal and app/ see them: one object, built once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.rules import ASSESSMENTS_NEEDED, milestone_amounts
from lionrock.programmes.cases.domain.states import CaseState
from lionrock.programmes.cases.domain.values import (
    Assessment,
    Award,
    Case,
    CommitteeDecision,
    Document,
    DocumentKind,
    HistoryEntry,
    Payout,
)
from lionrock.programmes.cases.judge import RuleJudge
from lionrock.programmes.cases.service import register
from lionrock.programmes.cases.service.applications import Applications
from lionrock.programmes.cases.service.awards import Awards
from lionrock.programmes.cases.service.desk import (
    ASSESSOR,
    COMMITTEE,
    Actor,
    Desk,
    EvidenceRoom,
    IdentityRoom,
    LedgerRoom,
    PaymentsRoom,
    SigningRoom,
    check_staff,
)
from lionrock.programmes.cases.service.payouts import Payouts
from lionrock.programmes.cases.service.review import Review
from lionrock.programmes.cases.service.signatures import Signatures
from lionrock.programmes.cases.store import cases as store
from lionrock.programmes.cases.store import money
from lionrock.programmes.cases.store import review as review_store
from lionrock.programmes.domain.clauses import SchemeBook


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case with everything around it that its reader may see."""

    case: Case
    documents: tuple[Document, ...]
    assessments: tuple[Assessment, ...]
    decisions: tuple[CommitteeDecision, ...]
    award: Award | None
    milestone_amounts_minor: tuple[int, ...]
    payouts: tuple[Payout, ...]
    history: tuple[HistoryEntry, ...]
    open_approval_id: str


class Cases:
    """The case primitive of one place, bound to its rule book.

    Use cases are grouped: `applications`, `signatures`, `review`, `awards`, `payouts`. All take the
    caller's transaction as `db`, except `open_budgets`, `awards.fund_budget(s)` and
    `awards.post`, which have beats.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        book: SchemeBook,
        identity: IdentityRoom,
        signing: SigningRoom,
        evidence: EvidenceRoom,
        ledger: LedgerRoom,
        payments: PaymentsRoom,
    ) -> None:
        self.kernel = kernel
        self._book = book
        desk = Desk(
            kernel=kernel, judge=RuleJudge(book), identity=identity, signing=signing,
            evidence=evidence, ledger=ledger, payments=payments,
        )  # fmt: skip
        self.applications = Applications(desk)
        self.signatures = Signatures(desk)
        self.review = Review(desk)
        self.awards = Awards(desk)
        self.payouts = Payouts(desk)

    async def open_budgets(self, amount: Money, reference: str = "opening") -> None:
        """Put `amount` into the budget of every programme of the book, once per reference.

        In three beats: outside of any transaction. Raises Unavailable; the same call goes on.
        """
        done = await self.awards.fund_budgets(list(self._book.schemes), amount, reference)
        assert not isinstance(done, Refused), f"the amount is in range: {done}"

    async def own_case(self, db: Connection, actor: Actor, case_id: str) -> CaseView | Refused:
        """Return a case of the actor's company; CASE_NOT_FOUND for any other."""
        if actor.company_id is None:
            return Refused(CaseRefusal.NOT_FOR_COMPANY)
        case = await store.case_of(db, case_id, actor.company_id)
        if case is None:
            return Refused(CaseRefusal.CASE_NOT_FOUND)
        # Reviewers speak freely when the applicant does not read along before the decision.
        is_decided = bool(await review_store.decisions(db, case.id))
        return await self._view(db, case, assessments_of=None if is_decided else "")

    async def staff_case(self, db: Connection, actor: Actor, case_id: str) -> CaseView | Refused:
        """Return a submitted case to staff; others' marks show only after all are in."""
        refused = check_staff(actor, ASSESSOR, COMMITTEE)
        if refused is not None:
            return refused
        case = await store.case_for_staff(db, case_id)
        if case is None:
            return Refused(CaseRefusal.CASE_NOT_FOUND)
        count = len(await review_store.assessments(db, case.id))
        is_open = count >= ASSESSMENTS_NEEDED
        return await self._view(db, case, assessments_of=None if is_open else actor.person_id)

    async def own_cases(self, db: Connection, actor: Actor) -> list[Case] | Refused:
        """Return the cases of the actor's company, newest first."""
        if actor.company_id is None:
            return Refused(CaseRefusal.NOT_FOR_COMPANY)
        return await store.list_of_company(db, actor.company_id)

    async def staff_cases(
        self, db: Connection, actor: Actor, states: Sequence[CaseState]
    ) -> list[Case] | Refused:
        """Return submitted cases in these states to staff, oldest first."""
        refused = check_staff(actor, ASSESSOR, COMMITTEE)
        return refused or await store.list_in_states(db, states)

    async def own_document(
        self, db: Connection, actor: Actor, case_id: str, kind: DocumentKind
    ) -> Document | Refused:
        """Return the newest version of a document of the actor's company."""
        view = await self.own_case(db, actor, case_id)
        return view if isinstance(view, Refused) else _document(view, kind)

    async def staff_document(
        self, db: Connection, actor: Actor, case_id: str, kind: DocumentKind
    ) -> Document | Refused:
        """Return the newest version of a submitted case's document to staff."""
        view = await self.staff_case(db, actor, case_id)
        return view if isinstance(view, Refused) else _document(view, kind)

    async def register_page(
        self, db: Connection, after: str | None = None
    ) -> register.RegisterPage | Refused:
        """Return a page of the public register of awards."""
        return await register.page(db, after)

    async def _view(
        self, db: Connection, case: Case, *, assessments_of: str | None
    ) -> CaseView:
        """`assessments_of` None shows all assessments, a person's id only that person's."""
        documents = [
            await store.newest_document(db, case.id, kind) for kind in ("application", "agreement")
        ]
        shown = [
            each
            for each in await review_store.assessments(db, case.id)
            if assessments_of is None or each.assessor_id == assessments_of
        ]
        award = await money.newest_award(db, case.id)
        amounts: tuple[int, ...] = ()
        if award is not None and award.state == "posted":
            amounts = milestone_amounts(award.amount_minor, case.proposal.milestones)
        return CaseView(
            case=case, documents=tuple(each for each in documents if each is not None),
            assessments=tuple(shown), decisions=tuple(await review_store.decisions(db, case.id)),
            award=award, milestone_amounts_minor=amounts,
            payouts=tuple(await money.payouts(db, case.id)),
            history=tuple(await store.history(db, case.id)),
            open_approval_id=await self._open_approval(db, case),
        )  # fmt: skip

    async def _open_approval(self, db: Connection, case: Case) -> str:
        for kind in _KINDS:
            request = await store.open_request(db, case.id, kind)
            if request is not None:
                return request.approval_id
        return ""


_KINDS: tuple[DocumentKind, ...] = ("application", "agreement")


def _document(view: CaseView, kind: DocumentKind) -> Document | Refused:
    found = next((each for each in view.documents if each.kind == kind), None)
    return found or Refused(CaseRefusal.DOCUMENT_NOT_FOUND)

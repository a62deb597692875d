"""Two assessors, then the committee: three different people, none with an interest in the case."""

from __future__ import annotations

import msgspec

from lionrock.identity.api import canonical_json
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.rules import (
    ASSESSMENTS_NEEDED,
    COMMENT_LENGTH_MAX,
    check_assessment,
    check_award,
    check_chair,
    check_no_interest,
    check_reasons,
    is_prose,
)
from lionrock.programmes.cases.domain.states import Step
from lionrock.programmes.cases.domain.values import (
    Assessment,
    Award,
    Case,
    CommitteeDecision,
    Conflict,
    Outcome,
    Recommendation,
)
from lionrock.programmes.cases.service.desk import ASSESSOR, COMMITTEE, Actor, Desk
from lionrock.programmes.cases.store import money
from lionrock.programmes.cases.store import review as store

COMMIT_QUEUE = "programmes.commit_award"


class AssessmentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an assessor sends. With a conflict of interest only the declaration counts."""

    has_conflict: bool
    declaration: str
    marks: dict[str, int]
    recommendation: Recommendation
    comment: str


class DecisionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What the committee's chair sends; `amount_minor` is 0 for a declined case."""

    outcome: Outcome
    amount_minor: int
    reasons: str


class Review:
    """Use cases of assessors and committee."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def assess(
        self, db: Connection, actor: Actor, case_id: str, draft: AssessmentDraft
    ) -> Case | Refused:
        """Take an assessment, or a declared conflict that keeps its holder out of the case.

        Refused: NOT_STAFF, CASE_NOT_FOUND, NOT_IN_ASSESSMENT, SELF_REVIEW, CONFLICT_DECLARED,
        ASSESSED_ALREADY, ASSESSMENT_MALFORMED.
        """
        before = await self._desk.locked_staff_case(db, actor, ASSESSOR, case_id)
        if isinstance(before, Refused):
            return before
        earlier = await store.assessments(db, case_id)
        is_last = len(earlier) + 1 >= ASSESSMENTS_NEEDED
        case = await self._desk.move(db, before, Step.ASSESS_LAST if is_last else Step.ASSESS_FIRST)
        if isinstance(case, Refused):
            return case
        refused = await self._check_no_interest(db, before, actor)
        if refused is not None:
            return refused
        assessment = Assessment(
            assessor_id=actor.person_id, marks=draft.marks, recommendation=draft.recommendation,
            comment=draft.comment, declaration=draft.declaration, at=self._desk.now(),
        )  # fmt: skip
        if draft.has_conflict:
            return await self._declare(db, before, assessment, earlier)
        refused = check_assessment(assessment, earlier)
        if refused is not None:
            return refused
        # From here the assessment is kept.
        await store.insert_assessment(db, case.id, assessment)
        document = canonical_json({
            "case_id": case.id, "assessment": len(earlier) + 1, "marks": assessment.marks,
            "total": assessment.total, "recommendation": assessment.recommendation,
            "comment": assessment.comment, "declaration": assessment.declaration,
        })  # fmt: skip
        await self._desk.note(
            db, case, "case_assessed", actor.person_id,
            digests={
                f"assessment_{len(earlier) + 1}": await self._desk.evidence.keep(
                    db, document, "application/json"
                )
            },
        )  # fmt: skip
        return case

    async def decide(
        self, db: Connection, actor: Actor, case_id: str, draft: DecisionDraft
    ) -> Case | Refused:
        """Decide a case: decline it, or approve an amount, which the ledger must then commit.

        First beat of an award: ids are fixed and a job is due. Refused: NOT_STAFF,
        CASE_NOT_FOUND, NOT_FOR_DECISION, SELF_REVIEW, CONFLICT_DECLARED, CHAIR_ASSESSED,
        DECISION_MALFORMED, AWARD_ABOVE_REQUEST, AWARD_ABOVE_RULES, BUDGET_MISSING.
        """
        before = await self._desk.locked_staff_case(db, actor, COMMITTEE, case_id)
        if isinstance(before, Refused):
            return before
        step = Step.APPROVE if draft.outcome == "approve" else Step.DECLINE
        case = await self._desk.move(db, before, step)
        if isinstance(case, Refused):
            return case
        refused = await self._check_decision(db, before, actor, draft)
        if refused is not None:
            return refused
        # From here the decision stands.
        earlier = await store.decisions(db, case.id)
        decision = CommitteeDecision(
            attempt=len(earlier) + 1, chair_id=actor.person_id, outcome=draft.outcome,
            amount_minor=draft.amount_minor, reasons=draft.reasons, at=self._desk.now(),
        )  # fmt: skip
        await store.insert_decision(db, case.id, decision)
        references = {}
        if draft.outcome == "approve":
            award = await self._begin_award(db, case, draft.amount_minor)
            references["award_id"] = award.id
        document = canonical_json({
            "case_id": case.id, "attempt": decision.attempt, "outcome": decision.outcome,
            "amount_minor": decision.amount_minor, "reasons": decision.reasons,
        })  # fmt: skip
        kept = await self._desk.evidence.keep(db, document, "application/json")
        await self._desk.note(
            db, case, "case_decided", actor.person_id, references=references,
            digests={f"committee_decision_{decision.attempt}": kept},
        )  # fmt: skip
        return case

    async def _begin_award(self, db: Connection, case: Case, amount_minor: int) -> Award:
        ids = self._desk.kernel.ids
        award = Award(
            id=ids.new("awd"), case_id=case.id, account_id=ids.new("acc"),
            amount_minor=amount_minor, state="committing", decided_at=self._desk.now(),
        )  # fmt: skip
        is_first = await money.insert_award(db, award)
        assert is_first, "a case that may be approved has no standing award"
        await jobs.schedule(db, queue=COMMIT_QUEUE, key=award.id)
        return award

    async def _check_decision(
        self, db: Connection, case: Case, actor: Actor, draft: DecisionDraft
    ) -> Refused | None:
        refused = await self._check_no_interest(db, case, actor)
        refused = refused or check_chair(actor.person_id, await store.assessments(db, case.id))
        refused = refused or check_reasons(draft.reasons)
        if refused is not None:
            return refused
        if draft.outcome == "decline":
            is_nothing = draft.amount_minor == 0
            return None if is_nothing else Refused(CaseRefusal.DECISION_MALFORMED, field="amount")
        if await money.budget_of(db, case.programme_id) is None:
            return Refused(CaseRefusal.BUDGET_MISSING)
        return check_award(case, draft.amount_minor)

    async def _check_no_interest(
        self, db: Connection, case: Case, actor: Actor
    ) -> Refused | None:
        return check_no_interest(
            case, actor.person_id,
            holds_mandate=await self._desk.holds_mandate(db, actor.person_id, case.company_id),
            conflicts=await store.conflicts(db, case.id),
        )  # fmt: skip

    async def _declare(
        self, db: Connection, case: Case, assessment: Assessment, earlier: list[Assessment]
    ) -> Case | Refused:
        """Keep a conflict. Who has assessed already cannot take that back by declaring one."""
        if any(each.assessor_id == assessment.assessor_id for each in earlier):
            return Refused(CaseRefusal.ASSESSED_ALREADY)
        if not is_prose(assessment.declaration, COMMENT_LENGTH_MAX):
            detail = f"1 to {COMMENT_LENGTH_MAX} characters."
            return Refused(CaseRefusal.ASSESSMENT_MALFORMED, detail, "declaration")
        conflict = Conflict(
            person_id=assessment.assessor_id, declaration=assessment.declaration,
            at=assessment.at,
        )  # fmt: skip
        await store.insert_conflict(db, case.id, conflict)
        await self._desk.note(db, case, "conflict_declared", assessment.assessor_id)
        return case

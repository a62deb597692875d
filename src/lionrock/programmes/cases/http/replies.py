"""What the routes of cases give. Amounts are decimal strings in HKD."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.kernel.money import format_minor
from lionrock.programmes.cases.domain.values import (
    CURRENCY,
    Assessment,
    Award,
    Case,
    CommitteeDecision,
    Document,
    JudgedClause,
    Payout,
    RegisterEntry,
)
from lionrock.programmes.cases.service import Asked, CaseView


class AskedReply(msgspec.Struct, frozen=True):
    """The question on the phone; show `number` to the person who asked, and nobody else."""

    approval_id: str
    words: str
    number: str
    document_sha256: str
    expires_at: str


class ClauseReply(msgspec.Struct, frozen=True):
    """A clause as judged at submission."""

    id: str
    outcome: str
    sentence: str
    source: str
    would_change: str | None


class DocumentReply(msgspec.Struct, frozen=True):
    """A document's newest version and who has signed it."""

    kind: str
    version: int
    sha256: str
    bytes: int
    signed_by: list[str]


class AssessmentReply(msgspec.Struct, frozen=True):
    """An assessment without its author's name."""

    marks: dict[str, int]
    total: int
    recommendation: str
    comment: str
    declaration: str
    at: str


class DecisionReply(msgspec.Struct, frozen=True):
    """A committee decision."""

    attempt: int
    outcome: str
    amount: str
    reasons: str
    at: str


class AwardReply(msgspec.Struct, frozen=True):
    """The award; `ledger_result` is the ledger's own name for what it did."""

    id: str
    state: str
    amount: str
    ledger_result: str
    ledger_sequence: int
    commitment_account: str


class MilestoneReply(msgspec.Struct, frozen=True):
    """A milestone with its amount of the award ("" before there is one) and its payout."""

    number: int
    title: str
    share_percent: int
    amount: str
    payout_id: str
    payout_state: str
    payment_id: str
    reason_code: str


class HistoryReply(msgspec.Struct, frozen=True):
    """One line of a case's history, with its receipt."""

    number: int
    kind: str
    state: str
    receipt_id: str
    at: str


class CaseReply(msgspec.Struct, frozen=True, kw_only=True):
    """A case, whole."""

    id: str
    state: str
    programme_id: str
    programme: str
    company: str
    business_number: str
    title: str
    summary: str
    cost: str
    requested: str
    language: str
    answer: str
    rules_amount: str | None
    rules_digest: str
    judged_on: str
    facts: dict[str, Any]
    clauses: list[ClauseReply]
    documents: list[DocumentReply]
    assessments: list[AssessmentReply]
    decisions: list[DecisionReply]
    award: AwardReply | None
    milestones: list[MilestoneReply]
    history: list[HistoryReply]
    open_approval_id: str
    created_at: str
    submitted_at: str | None


class CaseSummary(msgspec.Struct, frozen=True):
    """A case in a list."""

    id: str
    state: str
    programme_id: str
    programme: str
    company: str
    title: str
    requested: str
    created_at: str


class CasesReply(msgspec.Struct, frozen=True):
    """A list of cases."""

    cases: list[CaseSummary]


class PayoutReply(msgspec.Struct, frozen=True):
    """A payout."""

    id: str
    milestone: int
    amount: str
    state: str
    attempt: int
    payment_id: str
    reason_code: str


class AwardEntry(msgspec.Struct, frozen=True):
    """One line of the public register."""

    award_id: str
    programme_id: str
    programme: Text
    recipient: Text
    recipient_business_number: str
    project: str
    amount: str
    currency: str
    paid: str
    awarded_on: str
    state: str


class RegisterReply(msgspec.Struct, frozen=True):
    """A page of the register; ask again with `after=next_after` unless it is ""."""

    source: str
    awards: list[AwardEntry]
    next_after: str


def asked_reply(asked: Asked) -> AskedReply:
    """Show a question that was put on a phone."""
    return AskedReply(
        asked.approval_id, asked.words, asked.number, asked.document_sha256,
        asked.expires_at.isoformat(),
    )  # fmt: skip


def case_summary(case: Case, language: str) -> CaseSummary:
    """Show a case in a list."""
    return CaseSummary(
        case.id, case.state.value, case.programme_id,
        case.judgement.programme_names.in_language(language),
        case.parties.company_names.in_language(language), case.proposal.title,
        _wire(case.proposal.requested_minor), case.created_at.isoformat(),
    )  # fmt: skip


def case_reply(view: CaseView, language: str) -> CaseReply:
    """Show a case, whole."""
    case, judgement = view.case, view.case.judgement
    amount_minor = judgement.amount_minor
    return CaseReply(
        id=case.id, state=case.state.value, programme_id=case.programme_id,
        programme=judgement.programme_names.in_language(language),
        company=case.parties.company_names.in_language(language),
        business_number=case.parties.business_number, title=case.proposal.title,
        summary=case.proposal.summary, cost=_wire(case.proposal.cost_minor),
        requested=_wire(case.proposal.requested_minor), language=case.language,
        answer=judgement.answer,
        rules_amount=None if amount_minor is None else _wire(amount_minor),
        rules_digest=judgement.rules_digest, judged_on=judgement.on.isoformat(),
        facts=case.facts, clauses=[_clause(each, language) for each in judgement.clauses],
        documents=[_document(each) for each in view.documents],
        assessments=[_assessment(each) for each in view.assessments],
        decisions=[_decision(each) for each in view.decisions],
        award=_award(view.award) if view.award else None, milestones=_milestones(view),
        history=[
            HistoryReply(
                each.number, each.kind, each.state.value, each.receipt_id, each.at.isoformat()
            )
            for each in view.history
        ],
        open_approval_id=view.open_approval_id, created_at=case.created_at.isoformat(),
        submitted_at=case.submitted_at.isoformat() if case.submitted_at else None,
    )  # fmt: skip


def payout_reply(payout: Payout) -> PayoutReply:
    """Show a payout."""
    return PayoutReply(
        payout.id, payout.milestone, _wire(payout.amount_minor), payout.state.value,
        payout.attempt, payout.payment_id, payout.reason_code,
    )  # fmt: skip


def award_entry(entry: RegisterEntry) -> AwardEntry:
    """Show a line of the register."""
    return AwardEntry(
        entry.award_id, entry.programme_id, entry.programme_names, entry.recipient_names,
        entry.recipient_business_number, entry.project_title, _wire(entry.amount_minor), CURRENCY,
        _wire(entry.paid_minor), entry.awarded_on.isoformat(), entry.state.value,
    )  # fmt: skip


def _wire(amount_minor: int) -> str:
    return format_minor(amount_minor, CURRENCY)


def _clause(clause: JudgedClause, language: str) -> ClauseReply:
    change = clause.would_change
    return ClauseReply(
        clause.id, clause.outcome, clause.sentence.in_language(language), clause.source,
        change.in_language(language) if change else None,
    )  # fmt: skip


def _document(document: Document) -> DocumentReply:
    return DocumentReply(
        document.kind, document.version, document.sha256, len(document.content),
        list(document.signed_by),
    )  # fmt: skip


def _assessment(each: Assessment) -> AssessmentReply:
    return AssessmentReply(
        each.marks, each.total, each.recommendation, each.comment, each.declaration,
        each.at.isoformat(),
    )  # fmt: skip


def _decision(each: CommitteeDecision) -> DecisionReply:
    return DecisionReply(
        each.attempt, each.outcome, _wire(each.amount_minor), each.reasons, each.at.isoformat()
    )


def _award(award: Award) -> AwardReply:
    return AwardReply(
        award.id, award.state, _wire(award.amount_minor), award.result, award.ledger_sequence,
        award.account_id,
    )  # fmt: skip


def _milestones(view: CaseView) -> list[MilestoneReply]:
    payouts = {payout.milestone: payout for payout in view.payouts}
    replies = []
    for number, milestone in enumerate(view.case.proposal.milestones, start=1):
        amounts, payout = view.milestone_amounts_minor, payouts.get(number)
        replies.append(
            MilestoneReply(
                number, milestone.title, milestone.share_percent,
                _wire(amounts[number - 1]) if amounts else "",
                payout.id if payout else "", payout.state.value if payout else "",
                payout.payment_id if payout else "", payout.reason_code if payout else "",
            )
        )  # fmt: skip
    return replies

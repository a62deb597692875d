"""The rules of cases beside the programme's own: who may act, what adds up, what is well-formed.

Source: docs/decisions/0001 (case). The committee decides, the rules only inform; two assessors and
a chair are three different persons, none with an interest. Invariants: milestones add up to the
award to the cent; what is paid never exceeds what was awarded.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.values import (
    Assessment,
    Case,
    Conflict,
    Milestone,
    Payout,
    Proposal,
)

TITLE_LENGTH_MAX = 120
SUMMARY_LENGTH_MAX = 2_000
COMMENT_LENGTH_MAX = 2_000
REASONS_LENGTH_MIN = 10
REPORT_LENGTH_MAX = 2_000
PROXY_LENGTH_MAX = 254
MILESTONES_MAX = 12
AMOUNT_MINOR_MAX = 10**14
CASES_OPEN_MAX = 20
ASSESSMENTS_NEEDED = 2
CRITERION_MAX = 20

CRITERIA: Mapping[str, Text] = {
    "innovation": Text("Innovation and technology content", "創新及科技含量", "创新及科技含量"),
    "feasibility": Text("Technical feasibility", "技術可行性", "技术可行性"),
    "team": Text("Capability of the team", "團隊能力", "团队能力"),
    "benefit": Text("Benefit to Hong Kong", "對香港的效益", "对香港的效益"),
    "value": Text("Reasonableness of the budget", "預算合理性", "预算合理性"),
}


def check_proposal(proposal: Proposal) -> Refused | None:
    """Check a proposal's own sense; PROPOSAL_MALFORMED names the first wrong field."""
    if not is_line(proposal.title, TITLE_LENGTH_MAX):
        return _malformed("title", f"one line of 1 to {TITLE_LENGTH_MAX} characters")
    if not is_prose(proposal.summary, SUMMARY_LENGTH_MAX):
        return _malformed("summary", f"1 to {SUMMARY_LENGTH_MAX} characters")
    if not 0 < proposal.cost_minor <= AMOUNT_MINOR_MAX:
        return _malformed("cost", "an amount above zero")
    if not 0 < proposal.requested_minor <= proposal.cost_minor:
        return _malformed("requested", "an amount above zero, at most the project's cost")
    if not is_line(proposal.payout_proxy, PROXY_LENGTH_MAX):
        return _malformed("payout_proxy", "a telephone number or an e-mail address")
    return _check_milestones(proposal.milestones)


def milestone_amounts(award_minor: int, milestones: Sequence[Milestone]) -> tuple[int, ...]:
    """Split an award by shares, each rounded down to the cent; the last one takes the rest."""
    assert award_minor > 0, "an award is more than nothing"
    amounts = [award_minor * milestone.share_percent // 100 for milestone in milestones]
    amounts[-1] += award_minor - sum(amounts)
    assert sum(amounts) == award_minor, "milestones add up to the award"
    return tuple(amounts)


def check_no_interest(
    case: Case, person_id: str, *, holds_mandate: bool, conflicts: Iterable[Conflict]
) -> Refused | None:
    """Refuse the applicant, the company's own people, and who declared a conflict."""
    if person_id == case.applicant_id:
        return Refused(CaseRefusal.SELF_REVIEW, "You are the applicant.")
    if holds_mandate:
        return Refused(CaseRefusal.SELF_REVIEW, "You hold a mandate for the applicant.")
    if any(conflict.person_id == person_id for conflict in conflicts):
        return Refused(CaseRefusal.CONFLICT_DECLARED)
    return None


def check_assessment(assessment: Assessment, before: Sequence[Assessment]) -> Refused | None:
    """Check an assessment: marks complete and in range, words there, one per assessor."""
    if any(earlier.assessor_id == assessment.assessor_id for earlier in before):
        return Refused(CaseRefusal.ASSESSED_ALREADY)
    if set(assessment.marks) != set(CRITERIA):
        wanted = ", ".join(CRITERIA)
        return Refused(CaseRefusal.ASSESSMENT_MALFORMED, f"Marks for: {wanted}.", "marks")
    for criterion, mark in assessment.marks.items():
        if not 0 <= mark <= CRITERION_MAX:
            detail = f"{criterion}: 0 to {CRITERION_MAX}."
            return Refused(CaseRefusal.ASSESSMENT_MALFORMED, detail, "marks")
    for field, text in (("comment", assessment.comment), ("declaration", assessment.declaration)):
        if not is_prose(text, COMMENT_LENGTH_MAX):
            detail = f"1 to {COMMENT_LENGTH_MAX} characters."
            return Refused(CaseRefusal.ASSESSMENT_MALFORMED, detail, field)
    return None


def check_chair(person_id: str, assessments: Iterable[Assessment]) -> Refused | None:
    """Refuse a chair who assessed the case."""
    if any(assessment.assessor_id == person_id for assessment in assessments):
        return Refused(CaseRefusal.CHAIR_ASSESSED)
    return None


def check_reasons(reasons: str) -> Refused | None:
    """Refuse a decision without reasons that can be read."""
    if len(reasons.strip()) < REASONS_LENGTH_MIN or not is_prose(reasons, COMMENT_LENGTH_MAX):
        detail = f"{REASONS_LENGTH_MIN} to {COMMENT_LENGTH_MAX} characters of reasons."
        return Refused(CaseRefusal.DECISION_MALFORMED, detail, "reasons")
    return None


def check_award(case: Case, amount_minor: int) -> Refused | None:
    """Refuse an award of nothing, above the request, or above what the rules allow."""
    if amount_minor <= 0:
        return Refused(CaseRefusal.DECISION_MALFORMED, "An amount above zero.", "amount")
    if amount_minor > case.proposal.requested_minor:
        return Refused(CaseRefusal.AWARD_ABOVE_REQUEST, field="amount")
    limit_minor = case.judgement.limit_minor
    if limit_minor is not None and amount_minor > limit_minor:
        return Refused(CaseRefusal.AWARD_ABOVE_RULES, field="amount")
    return None


def check_claim(
    amounts: Sequence[int], milestone: int, amount_minor: int, before: Sequence[Payout]
) -> Refused | None:
    """Check a claim for a milestone (numbered from 1) against the award and earlier claims."""
    if not 1 <= milestone <= len(amounts):
        return Refused(CaseRefusal.MILESTONE_UNKNOWN, f"1 to {len(amounts)}.", "milestone")
    if any(payout.milestone == milestone for payout in before):
        return Refused(CaseRefusal.MILESTONE_CLAIMED, field="milestone")
    claimed_minor = sum(payout.amount_minor for payout in before)
    if amount_minor > amounts[milestone - 1] or claimed_minor + amount_minor > sum(amounts):
        return Refused(CaseRefusal.PAYOUT_ABOVE_AWARD, field="amount")
    if amount_minor != amounts[milestone - 1]:
        return Refused(CaseRefusal.PAYOUT_AMOUNT, field="amount")
    return None


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of a document in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_line(text: str, length_max: int) -> bool:
    """Say whether a text is 1..length_max visible characters on one line."""
    return is_prose(text, length_max) and "\n" not in text


def is_prose(text: str, length_max: int) -> bool:
    """Say whether a text is 1..length_max characters, line breaks but no other controls.

    Direction overrides and zero-width characters are refused: a signed document must not read
    otherwise than it is written.
    """
    if not text.strip() or len(text) > length_max:
        return False
    return all(c == "\n" or unicodedata.category(c) not in _UNSAFE for c in text)


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _check_milestones(milestones: Sequence[Milestone]) -> Refused | None:
    if not 1 <= len(milestones) <= MILESTONES_MAX:
        return _malformed("milestones", f"1 to {MILESTONES_MAX} milestones")
    for milestone in milestones:
        if not is_line(milestone.title, TITLE_LENGTH_MAX):
            return _malformed("milestones", "a title of one line for each milestone")
        if not 1 <= milestone.share_percent <= 100:
            return _malformed("milestones", "a share of 1 to 100 per cent for each milestone")
    if sum(milestone.share_percent for milestone in milestones) != 100:
        return _malformed("milestones", "shares that add up to 100 per cent")
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(CaseRefusal.PROPOSAL_MALFORMED, f"Expected {expected}.", field=field)

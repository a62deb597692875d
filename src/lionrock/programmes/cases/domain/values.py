"""What a case is made of. Amounts are minor units of HKD; instants are business time.

Frozen on purpose: the parties' names, the facts and the judgement stand as they were at submission,
whatever changes elsewhere afterwards (facts/programmes.md s3.7).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.programmes.cases.domain.states import CaseState, PayoutState

CURRENCY = "HKD"
DocumentKind = Literal["application", "agreement"]
Party = Literal["person", "company-seal", "office-seal"]
ProxyKind = Literal["mobile", "email"]
Recommendation = Literal["support", "reject"]
Outcome = Literal["approve", "decline"]


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the project and its share of the award in whole per cent."""

    title: str
    share_percent: int


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What the applicant asks for, and under which proxy the company is to be paid."""

    title: str
    summary: str
    cost_minor: int
    requested_minor: int
    milestones: tuple[Milestone, ...]
    payout_proxy_kind: ProxyKind
    payout_proxy: str


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    """Who applies, by the names that they had then."""

    company_names: Text
    business_number: str
    applicant_names: Text
    mandate_id: str


class JudgedClause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause of the rules as it was judged: its sentence, outcome and source."""

    id: str
    decides: bool
    outcome: str
    sentence: Text
    source: str
    would_change: Text | None = None


class JudgedFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as the applicant stated it, in words."""

    name: str
    label: Text
    shown: Text


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say to these facts on a date; `document` is the decision's own JSON."""

    programme_id: str
    programme_names: Text
    on: date
    answer: str
    amount_minor: int | None
    amount_unit: str
    clauses: tuple[JudgedClause, ...]
    facts: tuple[JudgedFact, ...]
    rules_digest: str
    document: dict[str, Any]

    @property
    def limit_minor(self) -> int | None:
        """The most that the rules give in one sum; None when they give none, or a monthly rate."""
        return self.amount_minor if self.amount_unit == CURRENCY else None

    def says_the_same(self, other: Judgement) -> bool:
        """Whether another judgement comes to the same answer, amount and clause outcomes."""
        mine = [(clause.id, clause.outcome) for clause in self.clauses]
        theirs = [(clause.id, clause.outcome) for clause in other.clauses]
        is_same_amount = self.amount_minor == other.amount_minor
        return self.answer == other.answer and is_same_amount and mine == theirs


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An application and what became of it."""

    id: str
    programme_id: str
    company_id: str
    applicant_id: str
    language: str
    state: CaseState
    parties: Parties
    proposal: Proposal
    facts: dict[str, Any]
    judgement: Judgement
    created_at: datetime
    submitted_at: datetime | None = None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """One assessor's marks (each 0 to CRITERION_MAX) and words."""

    assessor_id: str
    marks: dict[str, int]
    recommendation: Recommendation
    comment: str
    declaration: str
    at: datetime

    @property
    def total(self) -> int:
        """The sum of all marks, 0 to 100."""
        return sum(self.marks.values())


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """A declared conflict of interest: its holder takes no part in the case."""

    person_id: str
    declaration: str
    at: datetime


class CommitteeDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What the committee's chair decided, with reasons; `attempt` counts from 1."""

    attempt: int
    chair_id: str
    outcome: Outcome
    amount_minor: int
    reasons: str
    at: datetime


class Award(msgspec.Struct, frozen=True, kw_only=True):
    """A commitment of budget to a case. Its id is also the id of the ledger's transfer.

    `account_id` is the commitment account; `result` is the ledger's own name for the outcome.
    """

    id: str
    case_id: str
    account_id: str
    amount_minor: int
    state: Literal["committing", "posted", "refused"]
    decided_at: datetime
    result: str = ""
    ledger_sequence: int = 0
    posted_at: datetime | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A programme's money: `source_account_id` is where it comes from, without limit."""

    programme_id: str
    account_id: str
    source_account_id: str


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """Money put into a budget; its id is the ledger transfer's."""

    id: str
    programme_id: str
    amount_minor: int
    result: str = ""


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """One milestone's payment; `attempt` counts payments made for it, from 1."""

    id: str
    case_id: str
    milestone: int
    amount_minor: int
    state: PayoutState
    report: str
    claimed_by: str
    claimed_at: datetime
    attempt: int = 0
    payment_id: str = ""
    released_by: str = ""
    reason_code: str = ""
    paid_at: datetime | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a case's document; each signature makes a new version."""

    case_id: str
    kind: DocumentKind
    version: int
    sha256: str
    content: bytes
    signed_by: tuple[Party, ...]


class SignatureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An approval asked for one signature; `state`: asked, signed, refused."""

    approval_id: str
    case_id: str
    document: DocumentKind
    party: Party
    person_id: str
    document_sha256: str
    state: Literal["asked", "signed", "refused"]
    reason: str = ""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a case, with its receipt."""

    number: int
    kind: str
    state: CaseState
    actor_id: str
    receipt_id: str
    at: datetime


class RegisterEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the public register of awards."""

    award_id: str
    programme_id: str
    programme_names: Text
    recipient_names: Text
    recipient_business_number: str
    project_title: str
    amount_minor: int
    paid_minor: int
    awarded_on: date
    state: CaseState

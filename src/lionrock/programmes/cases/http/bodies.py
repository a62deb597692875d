"""What the routes of cases take. Amounts are decimal strings in HKD."""

from __future__ import annotations

from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.values import (
    CURRENCY,
    DocumentKind,
    Milestone,
    Outcome,
    Proposal,
    ProxyKind,
    Recommendation,
)

FactInput = int | bool | str | list[str]
Language = Literal["en", "zh-Hant", "zh-Hans"]


class MilestoneBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A milestone and its share of the award in whole per cent."""

    title: str
    share_percent: int


class ProposalBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for; `cost` and `requested` in HKD."""

    title: str
    summary: str
    cost: str
    requested: str
    milestones: list[MilestoneBody]
    payout_proxy_kind: ProxyKind
    payout_proxy: str


class StartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new application. Facts as in the FACTS table; the documents are set in `language`."""

    programme_id: str
    facts: dict[str, FactInput]
    proposal: ProposalBody
    language: Language = "en"


class SignatureBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which document the applicant's side signs, and as what."""

    document: DocumentKind
    party: Literal["person", "company-seal"]


class AssessmentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An assessment. With a conflict of interest only the declaration is kept."""

    has_conflict: bool
    declaration: str
    marks: dict[str, int] = {}
    recommendation: Recommendation = "reject"
    comment: str = ""


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The committee's decision; `amount` in HKD, "0.00" with decline."""

    outcome: Outcome
    reasons: str
    amount: str = "0.00"


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim for a milestone, numbered from 1."""

    milestone: int
    amount: str
    report: str


def read_amount(text: str, field: str) -> int | Refused:
    """Read a decimal amount in HKD into minor units; PROPOSAL_MALFORMED names the field."""
    try:
        return Money.parse(text, CURRENCY).amount_minor
    except ValueError as error:
        return Refused(CaseRefusal.PROPOSAL_MALFORMED, f"{error}.", field=field)


def read_proposal(body: ProposalBody) -> Proposal | Refused:
    """Read a proposal, amounts into minor units."""
    cost_minor = read_amount(body.cost, "cost")
    if isinstance(cost_minor, Refused):
        return cost_minor
    requested_minor = read_amount(body.requested, "requested")
    if isinstance(requested_minor, Refused):
        return requested_minor
    return Proposal(
        title=body.title, summary=body.summary, cost_minor=cost_minor,
        requested_minor=requested_minor,
        milestones=tuple(
            Milestone(title=each.title, share_percent=each.share_percent)
            for each in body.milestones
        ),
        payout_proxy_kind=body.payout_proxy_kind, payout_proxy=body.payout_proxy,
    )  # fmt: skip

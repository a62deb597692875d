"""Cases: applications judged by rules and people, awards, agreements, payouts, the register.

The door of this room; programmes.api hands it on. See README.md.
"""

from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import CaseState, PayoutState
from lionrock.programmes.cases.domain.values import Milestone, Proposal
from lionrock.programmes.cases.errors import CASE_ERRORS
from lionrock.programmes.cases.http import actor_of, table
from lionrock.programmes.cases.jobs import handlers, subscriptions
from lionrock.programmes.cases.service import (
    APPLY_SCOPE,
    Actor,
    AssessmentDraft,
    Cases,
    CaseView,
    Claim,
    DecisionDraft,
    Draft,
)

__all__ = [
    "APPLY_SCOPE",
    "CASE_ERRORS",
    "Actor",
    "AssessmentDraft",
    "CaseRefusal",
    "CaseState",
    "CaseView",
    "Cases",
    "Claim",
    "DecisionDraft",
    "Draft",
    "Milestone",
    "PayoutState",
    "Proposal",
    "actor_of",
    "handlers",
    "subscriptions",
    "table",
]

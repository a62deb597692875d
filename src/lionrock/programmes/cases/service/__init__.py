"""Use cases of cases: applying, signing, reviewing, awarding, paying out, publishing."""

from lionrock.programmes.cases.service.applications import Draft
from lionrock.programmes.cases.service.cases import Cases, CaseView
from lionrock.programmes.cases.service.desk import APPLY_SCOPE, Actor
from lionrock.programmes.cases.service.payouts import Claim
from lionrock.programmes.cases.service.register import RegisterPage, as_csv
from lionrock.programmes.cases.service.review import (
    COMMIT_QUEUE,
    AssessmentDraft,
    DecisionDraft,
)
from lionrock.programmes.cases.service.signatures import Asked

__all__ = [
    "APPLY_SCOPE",
    "COMMIT_QUEUE",
    "Actor",
    "Asked",
    "AssessmentDraft",
    "CaseView",
    "Cases",
    "Claim",
    "DecisionDraft",
    "Draft",
    "RegisterPage",
    "as_csv",
]

"""The only door of programmes for other pillars: rules, decisions, the navigator, the service.

A place's data (lionrock.hongkong) compiles its scheme book through this door; app/ binds that book
into `Programmes`. Not for: SQL and HTTP of this pillar.
"""

from lionrock.programmes.cases import (
    APPLY_SCOPE,
    CASE_ERRORS,
    Actor,
    AssessmentDraft,
    CaseRefusal,
    Cases,
    CaseState,
    CaseView,
    Claim,
    DecisionDraft,
    Draft,
    Milestone,
    PayoutState,
    Proposal,
)
from lionrock.programmes.cases import handlers as case_handlers
from lionrock.programmes.cases import subscriptions as case_subscriptions
from lionrock.programmes.cases import table as case_table
from lionrock.programmes.cases.domain.rules import CRITERIA, CRITERION_MAX
from lionrock.programmes.domain import present, texts
from lionrock.programmes.domain.clauses import (
    Addition,
    AmountTerms,
    Boundary,
    Clause,
    FurtherFact,
    Head,
    Limit,
    NeverDirect,
    Planned,
    Quantity,
    Requirement,
    Scheme,
    SchemeBook,
    SchemeRecord,
    StatedRule,
    Unstated,
    parameters_of,
)
from lionrock.programmes.domain.dates import (
    DatePoint,
    MarkedDay,
    Validity,
    day_after,
    parse_date_point,
    point_of_day,
)
from lionrock.programmes.domain.decide import ClauseResult, Decision, decide
from lionrock.programmes.domain.expressions import Constant, FactRef, Overlap, RuleRef
from lionrock.programmes.domain.facts import (
    Code,
    FactDefinition,
    FactKind,
    FactProblem,
    Facts,
    FactValue,
    Vocabulary,
    is_fact_name,
)
from lionrock.programmes.domain.firm import Firm, parse_firm
from lionrock.programmes.domain.navigator import Navigator
from lionrock.programmes.domain.parameters import (
    Basis,
    Mark,
    ParameterDefinition,
    ParameterRule,
    Source,
    kind_of_stated,
    typed_value,
)
from lionrock.programmes.domain.present import (
    decision_document,
    navigation_document,
    scheme_document,
)
from lionrock.programmes.domain.rulefile import CompiledRules, RuleFileError, compile_rule_file
from lionrock.programmes.domain.truth import Answer
from lionrock.programmes.errors import PROGRAMMES_ERRORS, ProgrammesRefusal
from lionrock.programmes.http import table
from lionrock.programmes.intake import INTAKE_ERRORS, Intake, IntakeRefusal, intake_table
from lionrock.programmes.office import OFFICE_ERRORS, Office, office_table
from lionrock.programmes.service import Programmes

__all__ = [
    "APPLY_SCOPE",
    "CASE_ERRORS",
    "CRITERIA",
    "CRITERION_MAX",
    "INTAKE_ERRORS",
    "OFFICE_ERRORS",
    "PROGRAMMES_ERRORS",
    "Actor",
    "Addition",
    "AmountTerms",
    "Answer",
    "AssessmentDraft",
    "Basis",
    "Boundary",
    "CaseRefusal",
    "CaseState",
    "CaseView",
    "Cases",
    "Claim",
    "Clause",
    "ClauseResult",
    "Code",
    "CompiledRules",
    "Constant",
    "DatePoint",
    "Decision",
    "DecisionDraft",
    "Draft",
    "FactDefinition",
    "FactKind",
    "FactProblem",
    "FactRef",
    "FactValue",
    "Facts",
    "Firm",
    "FurtherFact",
    "Head",
    "Intake",
    "IntakeRefusal",
    "Limit",
    "Mark",
    "MarkedDay",
    "Milestone",
    "Navigator",
    "NeverDirect",
    "Office",
    "Overlap",
    "ParameterDefinition",
    "ParameterRule",
    "PayoutState",
    "Planned",
    "Programmes",
    "ProgrammesRefusal",
    "Proposal",
    "Quantity",
    "Requirement",
    "RuleFileError",
    "RuleRef",
    "Scheme",
    "SchemeBook",
    "SchemeRecord",
    "Source",
    "StatedRule",
    "Unstated",
    "Validity",
    "Vocabulary",
    "case_handlers",
    "case_subscriptions",
    "case_table",
    "compile_rule_file",
    "day_after",
    "decide",
    "decision_document",
    "intake_table",
    "is_fact_name",
    "kind_of_stated",
    "navigation_document",
    "office_table",
    "parameters_of",
    "parse_date_point",
    "parse_firm",
    "point_of_day",
    "present",
    "scheme_document",
    "table",
    "texts",
    "typed_value",
]

"""Evidence's door: the only module of this pillar that other pillars import."""

from lionrock.evidence.domain import witness_protocol as witnessing
from lionrock.evidence.domain.bundle import Artefact, digest
from lionrock.evidence.domain.canonical import encode as canonical_json
from lionrock.evidence.domain.receipt import Receipt
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.evidence.domain.verifier import (
    Check,
    PdfCheck,
    PdfFinding,
    Verdict,
    verify_bundle,
)
from lionrock.evidence.http import ERRORS as EVIDENCE_ERRORS
from lionrock.evidence.http import table
from lionrock.evidence.jobs import handlers, start, subscriptions
from lionrock.evidence.service import Evidence

__all__ = [
    "EVIDENCE_ERRORS",
    "Artefact",
    "Check",
    "Evidence",
    "EvidenceRefusal",
    "PdfCheck",
    "PdfFinding",
    "Receipt",
    "Verdict",
    "canonical_json",
    "digest",
    "handlers",
    "start",
    "subscriptions",
    "table",
    "verify_bundle",
    "witnessing",
]

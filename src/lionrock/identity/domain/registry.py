"""What a registry states of a company: its status, since when, from which source.

A statement has the registry's own reference; the same one again is the same statement. Statements
may arrive late or out of order: one that is older than what is known is kept and changes nothing.
Source: the roles of Companies Registry and the Inland Revenue Department as "last matched" sources
in the CorpID-style data model; the message is ours.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.parties import CompanyStatus
from lionrock.identity.domain.words import is_safe_line
from lionrock.kernel.errors import Refused

REGISTRY_ROLE = "registry"
SOURCE_LENGTH_MAX = 120
# A registry's clock may be a little ahead of ours.
AS_OF_AHEAD_MAX = timedelta(minutes=1)
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")


class CompanyStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement on record. `is_applied`: nothing newer was known when it arrived."""

    id: str
    company_id: str
    status: CompanyStatus
    as_of: datetime
    source: str
    organisation_id: str
    reference: str
    is_applied: bool
    recorded_at: datetime


def check_statement(
    reference: str, source: str, as_of: datetime, now: datetime
) -> Refused | None:
    """Check a statement's own sense: STATUS_MALFORMED, STATUS_TIME."""
    if not _REFERENCE.fullmatch(reference):
        return Refused(CompanyRefusal.STATUS_MALFORMED, "1 to 64 characters.", field="reference")
    if not is_safe_line(source, SOURCE_LENGTH_MAX):
        detail = f"One line of 1 to {SOURCE_LENGTH_MAX} characters."
        return Refused(CompanyRefusal.STATUS_MALFORMED, detail, field="source")
    if as_of > now + AS_OF_AHEAD_MAX:
        return Refused(CompanyRefusal.STATUS_TIME, field="as_of")
    return None


def is_same(one: CompanyStatement, other: CompanyStatement) -> bool:
    """Say whether two statements of one reference say the same."""
    return (one.company_id, one.status, one.as_of, one.source) == (
        other.company_id, other.status, other.as_of, other.source,
    )  # fmt: skip

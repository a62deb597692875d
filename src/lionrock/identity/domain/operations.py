"""Operations of the city's operators: asked for by one person, decided by another one.

An operation is a closed set of deeds. Nobody decides what they asked for, and nobody asks for or
decides what concerns themselves; persons are compared, not sessions. Staff roles stand apart: who
runs the city (operator) judges no cases. Source: ISO/IEC 27002 5.3 (segregation of duties).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from lionrock.identity.domain.chains import FirmMandateDraft
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.mandates import MandateDraft
from lionrock.identity.domain.parties import (
    CompanyDraft,
    CompanyStatus,
    PersonDraft,
    PersonStatus,
    StaffRole,
)
from lionrock.kernel.errors import Refused

OPERATION_LIFE = timedelta(days=3)
OPERATIONS_PENDING_MAX = 50
OPERATORS_MIN = 2
OPERATOR: StaffRole = "operator"

# Why a certificate ends, in the words of RFC 5280 s5.3.1; signing knows each of them.
CertificateReason = Literal[
    "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation"
]
OperationState = Literal["pending", "approved", "rejected", "expired"]


class CreatePerson(msgspec.Struct, frozen=True, tag="create_person", tag_field="kind"):
    """Enter a person; the outcome has a code that enrols one phone."""

    person: PersonDraft


class CreateCompany(msgspec.Struct, frozen=True, tag="create_company", tag_field="kind"):
    """Enter a company."""

    company: CompanyDraft


class GrantMandate(msgspec.Struct, frozen=True, tag="grant_mandate", tag_field="kind"):
    """Grant a person's mandate on the operator's word."""

    mandate: MandateDraft


class GrantFirmMandate(msgspec.Struct, frozen=True, tag="grant_firm_mandate", tag_field="kind"):
    """Grant an agent firm's mandate on the operator's word."""

    mandate: FirmMandateDraft


class RevokeMandate(msgspec.Struct, frozen=True, tag="revoke_mandate", tag_field="kind"):
    """End a mandate on the operator's word."""

    mandate_id: str
    company_id: str


class RegisterClient(msgspec.Struct, frozen=True, tag="register_client", tag_field="kind"):
    """Register a service, with the names of the roles that it declares."""

    client: Client
    service_roles: tuple[str, ...] = ()


class GrantStaffRole(msgspec.Struct, frozen=True, tag="grant_staff_role", tag_field="kind"):
    """Give a person a staff role."""

    person_id: str
    role: StaffRole


class RevokeStaffRole(msgspec.Struct, frozen=True, tag="revoke_staff_role", tag_field="kind"):
    """Take a staff role away."""

    person_id: str
    role: StaffRole


class SetPersonStatus(msgspec.Struct, frozen=True, tag="set_person_status", tag_field="kind"):
    """Suspend or reactivate a person."""

    person_id: str
    status: PersonStatus


class SetCompanyStatus(msgspec.Struct, frozen=True, tag="set_company_status", tag_field="kind"):
    """State a company's status where no registry does."""

    company_id: str
    status: CompanyStatus


class RevokeCertificate(
    msgspec.Struct, frozen=True, tag="revoke_certificate", tag_field="kind"
):
    """Revoke a signing certificate of the city's CA; the serial number is in hexadecimal."""

    serial: str
    reason: CertificateReason


class IssueRecoveryCode(
    msgspec.Struct, frozen=True, tag="issue_recovery_code", tag_field="kind"
):
    """Hand a code over to a person whom an operator has seen; the outcome has it once."""

    person_id: str


OperationDeed = (
    CreatePerson | CreateCompany | GrantMandate | GrantFirmMandate | RevokeMandate | RegisterClient
    | GrantStaffRole | RevokeStaffRole | SetPersonStatus | SetCompanyStatus | RevokeCertificate
    | IssueRecoveryCode
)  # fmt: skip


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation on record. `outcome`: ids of what was made."""

    id: str
    kind: str
    deed: OperationDeed
    deed_digest: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    state: OperationState
    decided_by: str | None = None
    decided_at: datetime | None = None
    outcome: dict[str, Any] | None = None

    def state_at(self, now: datetime) -> OperationState:
        """The state as of a business instant: undecided past its time, it has expired."""
        if self.state == "pending" and now >= self.expires_at:
            return "expired"
        return self.state


def concerns(deed: OperationDeed) -> str | None:
    """Return the person whom a deed is about, if any."""
    if isinstance(deed, GrantMandate):
        return deed.mandate.person_id
    if isinstance(
        deed, GrantStaffRole | RevokeStaffRole | SetPersonStatus | IssueRecoveryCode
    ):
        return deed.person_id
    return None


def check_decider(operation: Operation, person_id: str, now: datetime) -> Refused | None:
    """Say whether a person may decide: undecided, in time, another person, not about them."""
    state = operation.state_at(now)
    if state == "expired":
        return Refused(CompanyRefusal.OPERATION_EXPIRED)
    if state != "pending":
        return Refused(CompanyRefusal.OPERATION_DECIDED, f"It was {state}.")
    if operation.requested_by == person_id:
        return Refused(CompanyRefusal.OPERATION_SAME_PERSON)
    if concerns(operation.deed) == person_id:
        return Refused(CompanyRefusal.OPERATION_OWN)
    return None


def check_roles(held: frozenset[StaffRole], role: StaffRole) -> Refused | None:
    """Refuse to join the operator's role with one that judges cases, in one person."""
    others = held - {role}
    if (role == OPERATOR and others) or (role != OPERATOR and OPERATOR in others):
        return Refused(CompanyRefusal.STAFF_ROLES_SEPARATE, field="role")
    return None

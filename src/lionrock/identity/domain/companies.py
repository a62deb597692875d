"""What is refused about companies, their officers' deeds, registries and operators' operations."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class CompanyRefusal(Refusal):
    """Expected outcomes of the company rooms that are not success."""

    # Mandates and the deeds that change them.
    FIRM_CIRCLE = "identity.firm_circle"
    COMPANY_TOKEN = "identity.company_token"  # noqa: S105 - a code, not a secret
    OWN_MANDATE = "identity.own_mandate"
    OFFICERS_TOO_FEW = "identity.officers_too_few"
    DEED_UNKNOWN = "identity.deed_unknown"
    DEED_MALFORMED = "identity.deed_malformed"
    DEEDS_PENDING = "identity.deeds_pending"
    SERVICE_ROLE_UNDECLARED = "identity.service_role_undeclared"
    SERVICE_ROLES_FULL = "identity.service_roles_full"
    SERVICE_ROLE_HELD = "identity.service_role_held"
    SERVICE_ROLE_UNKNOWN = "identity.service_role_unknown"

    # The registry's word on a company.
    REGISTRY_ROLE = "identity.registry_role"
    STATUS_MALFORMED = "identity.status_malformed"
    STATUS_TIME = "identity.status_time"
    STATUS_REFERENCE = "identity.status_reference"

    # Operators: maker and checker.
    OPERATOR_ONLY = "identity.operator_only"
    OPERATION_UNKNOWN = "identity.operation_unknown"
    OPERATION_DECIDED = "identity.operation_decided"
    OPERATION_EXPIRED = "identity.operation_expired"
    OPERATION_SAME_PERSON = "identity.operation_same_person"
    OPERATION_OWN = "identity.operation_own"
    OPERATIONS_PENDING = "identity.operations_pending"
    OPERATION_MALFORMED = "identity.operation_malformed"
    OPERATORS_TOO_FEW = "identity.operators_too_few"
    STAFF_ROLES_SEPARATE = "identity.staff_roles_separate"
    BOOTSTRAP_DONE = "identity.bootstrap_done"

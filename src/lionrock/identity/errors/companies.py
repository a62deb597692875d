"""How each refusal of the company rooms looks on the wire: status, sentence, source."""

from __future__ import annotations

from lionrock.directory.api import SIGNED_CALL_ERRORS
from lionrock.identity.domain.companies import CompanyRefusal as C
from lionrock.identity.errors import ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable

COMPANY_ERRORS: ErrorTable = {
    C.FIRM_CIRCLE: ErrorRow(
        409, "The client already acts for this firm; firms do not act for each other in a circle."
    ),
    C.COMPANY_TOKEN: ErrorRow(
        403, "Use a token that acts for the company: exchange yours for it first.", "RFC 8693 s2"
    ),
    C.OWN_MANDATE: ErrorRow(
        403, "An agent acts for the company but sees and changes none of its mandates."
    ),
    C.OFFICERS_TOO_FEW: ErrorRow(
        409, "The company has too few officers who could approve this together."
    ),
    C.DEED_UNKNOWN: ErrorRow(404, "The company has no request of this id."),
    C.DEED_MALFORMED: ErrorRow(400, "The request does not fit the documented shape."),
    C.DEEDS_PENDING: ErrorRow(
        409, "Too many changes of this company's mandates wait for approval. Decide those first."
    ),
    C.SERVICE_ROLE_UNDECLARED: ErrorRow(404, "The service declared no role of this name."),
    C.SERVICE_ROLES_FULL: ErrorRow(409, "The service has declared as many roles as it may."),
    C.SERVICE_ROLE_HELD: ErrorRow(409, "The mandate has this role at this service already."),
    C.SERVICE_ROLE_UNKNOWN: ErrorRow(404, "The company assigned no role of this id."),
    C.REGISTRY_ROLE: ErrorRow(403, "Only a registry of the directory states a company's status."),
    C.STATUS_MALFORMED: ErrorRow(400, "The statement does not fit the documented shape."),
    C.STATUS_TIME: ErrorRow(400, "as_of lies in the future or has no offset."),
    C.STATUS_REFERENCE: ErrorRow(
        409, "This reference was used for another statement. Use a new one for each."
    ),
    C.OPERATOR_ONLY: ErrorRow(403, "Sign in as yourself with the role operator."),
    C.OPERATION_UNKNOWN: ErrorRow(404, "There is no operation of this id."),
    C.OPERATION_DECIDED: ErrorRow(409, "The operation was decided before."),
    C.OPERATION_EXPIRED: ErrorRow(409, "The operation was not decided in time. Ask again."),
    C.OPERATION_SAME_PERSON: ErrorRow(
        403, "Another operator decides what you asked for.", "ISO 27002 5.3"
    ),
    C.OPERATION_OWN: ErrorRow(403, "Nobody asks for or decides what concerns themselves."),
    C.OPERATIONS_PENDING: ErrorRow(409, "Too many operations of yours wait for a decision."),
    C.OPERATION_MALFORMED: ErrorRow(400, "The operation does not fit the documented shape."),
    C.OPERATORS_TOO_FEW: ErrorRow(409, "Two operators must remain, or nothing can be decided."),
    C.STAFF_ROLES_SEPARATE: ErrorRow(
        409, "Who runs the city does not judge cases: operator stands alone.", "ISO 27002 5.3"
    ),
    C.BOOTSTRAP_DONE: ErrorRow(409, "There are operators. Add more through an operation."),
}
# What routes of these rooms refuse with: their own, the pillar's and the signed call's.
ROUTE_ERRORS: ErrorTable = {**ERRORS, **COMPANY_ERRORS}
REGISTRY_ERRORS: ErrorTable = {**ROUTE_ERRORS, **SIGNED_CALL_ERRORS}

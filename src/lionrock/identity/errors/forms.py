"""How each refusal of form filling looks on the wire."""

from __future__ import annotations

from lionrock.directory.api import SIGNED_CALL_ERRORS
from lionrock.identity.errors.core import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.forms.domain import FormRefusal as F
from lionrock.kernel.errors import ErrorRow, ErrorTable

_RAR = "RFC 9396"
FORM_ERRORS: ErrorTable = {
    F.FIELD_UNKNOWN: ErrorRow(
        404, "There is no such field, or nothing of it is kept. Name another one."
    ),
    F.FIELD_VALUE: ErrorRow(422, "The value is not of this field's shape."),
    F.FIELD_SOURCE: ErrorRow(403, "This source does not state this field."),
    F.STATEMENT: ErrorRow(422, "Name a source with evidence of its own, and a reference."),
    F.STATEMENT_TIME: ErrorRow(
        422, "matched_at must lie in the past. Send the time at which you matched the value."
    ),
    F.REGISTRY_ROLE: ErrorRow(403, "Only a registry of the directory states values of persons."),
    F.SUBJECT_UNKNOWN: ErrorRow(404, "No person was introduced to this registry by that name."),
    F.CHOICE: ErrorRow(
        422, "Choose among the fields asked for; the required ones stay.", f"{_RAR} s6.1"
    ),
    F.NO_FORM: ErrorRow(409, "This question has no fields to choose among."),
    F.ANSWERED: ErrorRow(409, "The question was answered, or has run out of time."),
    F.NOT_GRANTED: ErrorRow(
        403, "This token was given for no form. Ask with authorization_details.", f"{_RAR} s7",
        "insufficient_scope",
    ),
    F.DELIVERED: ErrorRow(410, "The form was filled in once. Ask the person again."),
    F.DELIVERY_KEY: ErrorRow(422, "Idempotency-Key is 1 to 100 visible ASCII characters."),
    F.EXPIRED: ErrorRow(410, "The form was not fetched in time. Ask the person again."),
    F.REQUEST: ErrorRow(422, "Send a form with a name and fields that there are.", f"{_RAR} s5"),
    F.FILLING_UNKNOWN: ErrorRow(404, "This client has no such filling. Begin a new one."),
    F.FILLING_PENDING: ErrorRow(409, "The person has not decided yet. Ask again in a few seconds."),
    F.FILLING_DENIED: ErrorRow(410, "The person said no."),
    F.FILLING_USED: ErrorRow(
        409, "Somebody's phone opened this form already. Begin again at the service."
    ),
    F.FILLING_CODE: ErrorRow(
        403, "The code is none of this server's, or no longer shown. Scan the one on the page."
    ),
    F.LIMITED: ErrorRow(429, "This client began too many fillings. Wait a few minutes."),
}
FORM_ROUTE_ERRORS: ErrorTable = {**ERRORS, **GRANT_ERRORS, **FORM_ERRORS}
FORM_REGISTRY_ERRORS: ErrorTable = {**SIGNED_CALL_ERRORS, **FORM_ERRORS}

"""The operators' door: ask for an operation, and decide what another operator asked for.

Takes a person's own token with the scope staff; a token that acts for a company is no operator's.
What is asked is shown whole to whoever decides. Amounts are decimal strings, instants have offsets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.chains import FirmMandateDraft
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.mandates import SCOPES_MAX, MandateDraft, MandateRole
from lionrock.identity.domain.operations import (
    OPERATOR,
    CreateCompany,
    CreatePerson,
    GrantFirmMandate,
    GrantMandate,
    GrantStaffRole,
    IssueRecoveryCode,
    Operation,
    OperationDeed,
    RegisterClient,
    RevokeCertificate,
    RevokeMandate,
    RevokeStaffRole,
    SetCompanyStatus,
    SetPersonStatus,
)
from lionrock.identity.errors.companies import ROUTE_ERRORS
from lionrock.identity.http.mandates import AmountBody
from lionrock.identity.service.identity import PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money

RECOVERY_CODE_KIND = str(IssueRecoveryCode.__struct_config__.tag)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class GrantMandateBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="grant_mandate",
    tag_field="kind",
):
    """A mandate for a person (`person_id`) or an agent firm (`holder_company_id`)."""

    company_id: _Id
    role: MandateRole
    scopes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=SCOPES_MAX)]
    valid_from: _Instant
    person_id: _Id | None = None
    holder_company_id: _Id | None = None
    valid_to: _Instant | None = None
    amount_max: AmountBody | None = None
    signatures_needed: int = 1


class OperationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for; `kind` says which members `deed` has."""

    deed: (
        CreatePerson | CreateCompany | GrantMandateBody | RevokeMandate | RegisterClient
        | GrantStaffRole | RevokeStaffRole | SetPersonStatus | SetCompanyStatus
        | RevokeCertificate | IssueRecoveryCode
    )  # fmt: skip


class OperatorReply(msgspec.Struct, frozen=True):
    """An operator by name."""

    id: str
    names: Text


class OperationReply(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with what was asked, by whom, and how it stands.

    A code to hand over is in the reply of the approval, and in no other one.
    """

    operation_id: str
    kind: str
    state: str
    deed: dict[str, Any]
    requested_by: OperatorReply
    requested_at: datetime
    expires_at: datetime
    decided_by: OperatorReply | None
    decided_at: datetime | None
    outcome: dict[str, Any] | None
    enrolment_code: str | None = None
    recovery_code: str | None = None


class OperationsReply(msgspec.Struct, frozen=True):
    """Operations, newest first."""

    operations: list[OperationReply]


class OperatorCall(PrincipalCall):
    """A call by an operator in person."""


async def check_access_token(call: OperatorCall) -> Response | None:
    """Check token, DPoP proof and scope (RFC 9449 s7)."""
    answer: Response | None = await call.room.check_access_token(call)
    return answer


async def check_operator(call: OperatorCall) -> Refused | None:
    """Refuse everybody but operators in person."""
    if call.principal.company_id is not None or OPERATOR not in call.principal.staff_roles:
        return Refused(CompanyRefusal.OPERATOR_ONLY)
    return None


async def save_operation(call: OperatorCall) -> Response | Refused:
    """Keep what is asked for; another operator decides."""
    deed = _read(call.body)
    if isinstance(deed, Refused):
        return deed
    made = await call.room.operations.request(call.db, call.principal.actor_person_id, deed)
    return made if isinstance(made, Refused) else reply(await _shown(call, made), status=202)


async def save_approval(call: OperatorCall) -> Response | Refused:
    """Carry out what another operator asked for."""
    done = await call.room.operations.approve(
        call.db, call.path_params["operation_id"], call.principal.actor_person_id
    )
    if isinstance(done, Refused):
        return done
    operation, code = done
    member = "recovery_code" if operation.kind == RECOVERY_CODE_KIND else "enrolment_code"
    shown = await _shown(call, operation)
    return reply(msgspec.structs.replace(shown, **{member: code}))


async def save_rejection(call: OperatorCall) -> Response | Refused:
    """Reject what another operator asked for."""
    done = await call.room.operations.reject(
        call.db, call.path_params["operation_id"], call.principal.actor_person_id
    )
    return done if isinstance(done, Refused) else reply(await _shown(call, done))


async def reply_operation(call: OperatorCall) -> Response | Refused:
    """Answer with one operation."""
    found = await call.room.operations.operation(
        call.db, call.path_params["operation_id"], call.principal.actor_person_id
    )
    return found if isinstance(found, Refused) else reply(await _shown(call, found))


async def reply_operations(call: OperatorCall) -> Response | Refused:
    """Answer with the operations, newest first."""
    found = await call.room.operations.operations(call.db, call.principal.actor_person_id)
    if isinstance(found, Refused):
        return found
    return reply(OperationsReply([await _shown(call, operation) for operation in found]))


def _read(body: OperationBody) -> OperationDeed | Refused:
    deed = body.deed
    if not isinstance(deed, GrantMandateBody):
        return deed
    malformed = CompanyRefusal.OPERATION_MALFORMED
    if (deed.person_id is None) == (deed.holder_company_id is None):
        return Refused(malformed, "Name a person or a firm.", field="person_id")
    amount_max = None
    if deed.amount_max is not None:
        try:
            amount_max = Money.parse(deed.amount_max.amount, deed.amount_max.currency)
        except ValueError as error:
            return Refused(malformed, str(error), field="amount_max")
    terms: dict[str, Any] = {
        "company_id": deed.company_id, "role": deed.role, "scopes": frozenset(deed.scopes),
        "valid_from": deed.valid_from, "valid_to": deed.valid_to, "amount_max": amount_max,
        "signatures_needed": deed.signatures_needed,
    }  # fmt: skip
    if deed.person_id is not None:
        return GrantMandate(MandateDraft(person_id=deed.person_id, **terms))
    assert deed.holder_company_id is not None, "one of both is named"
    return GrantFirmMandate(FirmMandateDraft(holder_company_id=deed.holder_company_id, **terms))


async def _shown(call: OperatorCall, operation: Operation) -> OperationReply:
    deed: dict[str, Any] = msgspec.to_builtins(operation.deed)
    if isinstance(operation.deed, GrantMandate | GrantFirmMandate):
        limit = operation.deed.mandate.amount_max
        shown = {"amount": limit.wire(), "currency": limit.currency} if limit else None
        deed["mandate"] = deed["mandate"] | {"amount_max": shown}
    decided_by = operation.decided_by
    return OperationReply(
        operation_id=operation.id, kind=operation.kind, deed=deed,
        state=operation.state_at(call.kernel.business_clock.now()),
        requested_by=await _operator(call, operation.requested_by),
        requested_at=operation.requested_at, expires_at=operation.expires_at,
        decided_by=await _operator(call, decided_by) if decided_by else None,
        decided_at=operation.decided_at, outcome=operation.outcome,
    )  # fmt: skip


async def _operator(call: OperatorCall, person_id: str) -> OperatorReply:
    person = await call.room.person(call.db, person_id)
    assert not isinstance(person, Refused), "an operation's operators exist"
    return OperatorReply(id=person.id, names=person.names)


_STEPS = (check_access_token, check_operator)
_ROW: dict[str, Any] = {"call": OperatorCall, "errors": ROUTE_ERRORS, "scope": "staff"}
_BASE = "/identity/v1/operations"
_EMPTY: dict[str, Any] = {"body_kind": "raw", "body_bytes_max": 0}
ROUTES = (
    Route(
        method="POST", path=_BASE, name="request_operation",
        summary="Ask for an operation, which another operator decides",
        steps=(*_STEPS, save_operation), body=OperationBody, replies={202: OperationReply}, **_ROW,
    ),
    Route(
        method="GET", path=_BASE, name="list_operations", summary="Operations, newest first",
        steps=(*_STEPS, reply_operations), replies={200: OperationsReply}, **_ROW,
    ),
    Route(
        method="GET", path=f"{_BASE}/{{operation_id}}", name="get_operation",
        summary="One operation with what was asked", steps=(*_STEPS, reply_operation),
        replies={200: OperationReply}, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/{{operation_id}}/approval", name="approve_operation",
        summary="Carry out what another operator asked for", steps=(*_STEPS, save_approval),
        replies={200: OperationReply}, **_EMPTY, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/{{operation_id}}/rejection", name="reject_operation",
        summary="Reject what another operator asked for", steps=(*_STEPS, save_rejection),
        replies={200: OperationReply}, **_EMPTY, **_ROW,
    ),
)  # fmt: skip

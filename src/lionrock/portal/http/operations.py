"""The operators' page: what waits for the second of them, and forms for what they do most.

Every deed goes through identity's operations: one asks, another one decides, both in person. The
first reader of a request sees all of it; what it made stands beside it afterwards.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.identity.api import (
    CertificateReason,
    CompanyDraft,
    CreateCompany,
    GrantStaffRole,
    IdentityRefusal,
    IssueRecoveryCode,
    Operation,
    OperationDeed,
    Person,
    RevokeCertificate,
    RevokeStaffRole,
    SetPersonStatus,
    StaffRole,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect
from lionrock.kernel.i18n import Text
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, show

_PAGE = "/portal/operations"
DECIDED_MAX = 12
# The label of a deed's member, where the pages have a word for it.
_LABELS = {
    "company.business_number": "business_number", "company.names.en": "name_in_en",
    "company.names.zh-Hant": "name_in_hant", "company.names.zh-Hans": "name_in_hans",
    "company.status": "state", "status": "state", "role": "role", "person_id": "name",
    "serial": "certificate_serial", "reason": "certificate_reason",
}  # fmt: skip
_PERSON_PREFIX = "per_"


class PersonStatusForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Suspend or reactivate a person: phone, e-mail, handle or id."""

    form_token: str
    person: str
    status: Literal["suspended", "active"]


class StaffRoleForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give a staff role, or take it away."""

    form_token: str
    person: str
    role: StaffRole
    change: Literal["grant", "revoke"]


class CompanyDraftForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new company."""

    form_token: str
    business_number: str
    name_en: str
    name_hant: str
    name_hans: str


class CertificateForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signing certificate that is to be revoked."""

    form_token: str
    serial: str
    reason: CertificateReason


class RecoveryCodeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person who lost every device and whom an operator has seen."""

    form_token: str
    person: str


class DecisionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second operator's word."""

    form_token: str
    decision: Literal["approve", "reject"]
    reasons: str


async def reply_operations(call: PortalCall) -> Response | Refused:
    """Show what waits, what was asked by the reader, and what was decided lately."""
    return await _page(call)


async def save_person_status(call: PortalCall) -> Response | Refused:
    """Ask for a person to be suspended, or active again."""
    body: PersonStatusForm = call.body
    person = await _person(call, body.person)
    if isinstance(person, Refused):
        return person
    return await _ask(call, SetPersonStatus(person.id, body.status))


async def save_staff_role(call: PortalCall) -> Response | Refused:
    """Ask for a staff role to be given or taken away."""
    body: StaffRoleForm = call.body
    person = await _person(call, body.person)
    if isinstance(person, Refused):
        return person
    kind = GrantStaffRole if body.change == "grant" else RevokeStaffRole
    return await _ask(call, kind(person.id, body.role))


async def save_company_draft(call: PortalCall) -> Response | Refused:
    """Ask for a company to be entered."""
    body: CompanyDraftForm = call.body
    names = Text(body.name_en.strip(), body.name_hant.strip(), body.name_hans.strip())
    if not all((names.en, names.zh_hant, names.zh_hans)):
        return Refused(PortalRefusal.FIELD_MALFORMED, field="names")
    draft = CompanyDraft(business_number=body.business_number.strip(), names=names)
    return await _ask(call, CreateCompany(draft))


async def save_certificate(call: PortalCall) -> Response | Refused:
    """Ask for a signing certificate to be revoked."""
    body: CertificateForm = call.body
    return await _ask(call, RevokeCertificate(body.serial.strip(), body.reason))


async def save_recovery_code(call: PortalCall) -> Response | Refused:
    """Ask for a code that a person who was seen recovers their identity with."""
    body: RecoveryCodeForm = call.body
    person = await _person(call, body.person)
    if isinstance(person, Refused):
        return person
    return await _ask(call, IssueRecoveryCode(person.id))


async def save_operation_decision(call: PortalCall) -> Response | Refused:
    """Carry out what another operator asked for, or reject it."""
    body: DecisionForm = call.body
    operations, me = call.room.identity.operations, call.signed_in.person.actor_person_id
    operation_id, reasons = call.path_params["operation_id"], " ".join(body.reasons.split())
    if not reasons:
        return Refused(PortalRefusal.FIELD_MALFORMED, field="reasons")
    if body.decision == "reject":
        rejected = await operations.reject(call.db, operation_id, me, reasons)
        return rejected if isinstance(rejected, Refused) else redirect(_PAGE)
    done = await operations.approve(call.db, operation_id, me, reasons)
    if isinstance(done, Refused):
        return done
    # A code to hand over is shown once, here: it is kept as a hash only.
    decided, code = done
    return redirect(_PAGE) if code is None else await _page(call, code, decided.kind)


async def _page(call: PortalCall, code: str = "", code_kind: str = "") -> Response | Refused:
    me, now = call.signed_in.person.actor_person_id, call.kernel.business_clock.now()
    found = await call.room.identity.operations.operations(call.db, me)
    if isinstance(found, Refused):
        return found
    open_ones = [each for each in found if each.state_at(now) == "pending"]
    decided = [each for each in found if each.state_at(now) != "pending"]
    return show(
        call, "operations.html", code=code, code_kind=code_kind,
        waiting=[await _shown(call, each) for each in open_ones if each.requested_by != me],
        mine=[await _shown(call, each) for each in open_ones if each.requested_by == me],
        decided=[await _shown(call, each) for each in decided[:DECIDED_MAX]],
    )  # fmt: skip


async def _ask(call: PortalCall, deed: OperationDeed) -> Response | Refused:
    asked = await call.room.identity.operations.request(
        call.db, call.signed_in.person.actor_person_id, deed
    )
    return asked if isinstance(asked, Refused) else redirect(_PAGE)


async def _person(call: PortalCall, text: str) -> Person | Refused:
    """Find whom an operator means; a suspended person is found by id only."""
    identity, typed = call.room.identity, text.strip()
    if typed.startswith(_PERSON_PREFIX):
        return await identity.person(call.db, typed)
    found = await identity.parties.find_person(call.db, typed)
    return found or Refused(IdentityRefusal.PERSON_UNKNOWN, field="person")


async def _shown(call: PortalCall, operation: Operation) -> dict[str, Any]:
    now = call.kernel.business_clock.now()
    decided_by, outcome = operation.decided_by, operation.outcome or {}
    return {
        "id": operation.id, "kind": operation.kind, "state": operation.state_at(now),
        "by": await _name(call, operation.requested_by), "at": operation.requested_at,
        "until": operation.expires_at, "decided_at": operation.decided_at,
        "decided_by": await _name(call, decided_by) if decided_by else "",
        "facts": await _facts(call, operation.deed), "reasons": outcome.get("reasons", ""),
        "made": outcome.get("id", ""),
    }  # fmt: skip


async def _facts(call: PortalCall, deed: OperationDeed) -> list[tuple[str, str]]:
    """All that a deed says, flat, with the person's name beside the id."""
    facts: list[tuple[str, str]] = []
    for name, value in _flat("", msgspec.to_builtins(deed)):
        if name == "kind":
            continue
        shown = value
        if name.endswith("person_id"):
            shown = f"{await _name(call, value)} ({value})"
        facts.append((_LABELS.get(name, name), shown))
    return facts


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            fact for name, inner in value.items()
            for fact in _flat(f"{prefix}.{name}" if prefix else str(name), inner)
        ]  # fmt: skip
    if isinstance(value, list | tuple):
        return [(prefix, ", ".join(str(each) for each in value))]
    return [(prefix, "–" if value is None else str(value))]


async def _name(call: PortalCall, person_id: str) -> str:
    person = await call.room.identity.person(call.db, person_id)
    return "–" if isinstance(person, Refused) else person.names.in_language(call.lang)

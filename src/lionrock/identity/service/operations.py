"""Maker and checker: what one operator asks for takes effect when another one approves it.

The deed is carried out in the transaction of the approval; when it is refused there, nothing
happened and the operation waits still. Both halves leave a receipt. The first two operators come
from `bootstrap`, which works only while there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from lionrock.identity.domain.chains import FirmMandate
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.operations import (
    OPERATION_LIFE,
    OPERATIONS_PENDING_MAX,
    OPERATOR,
    OPERATORS_MIN,
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
    check_decider,
    check_roles,
    concerns,
)
from lionrock.identity.domain.parties import Company, Person, PersonDraft
from lionrock.identity.recovery.service import Recovery
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.deeds import MandateDeeds
from lionrock.identity.service.devices import Devices
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION, ReceiptRecorder
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import operations as store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

REASONS_LENGTH_MAX = 600
Made = Person | Company | Mandate | FirmMandate | Client


class CertificateDesk(Protocol):
    """What operations ask of the signing room; bound in app/, where both are built."""

    async def revoke_known(
        self, db: Connection, serial: str, reason: str, revoked_by: str
    ) -> bool:
        """Revoke a certificate; False when the CA never issued it."""
        ...


class Operations:
    """Every function works in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        vault: Vault,
        parties: Parties,
        mandates: Mandates,
        deeds: MandateDeeds,
        clients: Clients,
        devices: Devices,
        recovery: Recovery,
        evidence: ReceiptRecorder,
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._parties = parties
        self._mandates = mandates
        self._deeds = deeds
        self._clients = clients
        self._devices = devices
        self._recovery = recovery
        self._evidence = evidence
        self.certificate_desk: CertificateDesk | None = None

    async def request(
        self, db: Connection, person_id: str, deed: OperationDeed
    ) -> Operation | Refused:
        """Ask for an operation; OPERATOR_ONLY, OPERATION_OWN, OPERATIONS_PENDING."""
        problem = await self._check_operator(db, person_id)
        if problem is not None:
            return problem
        if concerns(deed) == person_id:
            return Refused(CompanyRefusal.OPERATION_OWN)
        now = self._kernel.business_clock.now()
        if await store.count_pending(db, person_id, now) >= OPERATIONS_PENDING_MAX:
            return Refused(CompanyRefusal.OPERATIONS_PENDING)
        operation_id = self._kernel.ids.new("opn")
        text = msgspec.json.encode(deed).decode()
        row = store.OperationRow(
            id=operation_id, kind=str(deed.__struct_config__.tag),
            deed_sealed=self._vault.seal("operation", operation_id, text),
            deed_digest=self._digest(operation_id, text), requested_by=person_id,
            requested_at=now, expires_at=now + OPERATION_LIFE, state="pending",
        )  # fmt: skip
        await store.insert_operation(db, row)
        await self._record(db, "identity.operation_requested", row)
        return self._opened(row)

    async def approve(
        self, db: Connection, operation_id: str, person_id: str, reasons: str = ""
    ) -> tuple[Operation, str | None] | Refused:
        """Approve another operator's operation and carry it out; also a code to hand over, once.

        The code enrols a phone (create_person), or proves a way of a recovery
        (issue_recovery_code).

        `reasons` are kept in the outcome.

        Refused: OPERATOR_ONLY, OPERATION_* and whatever the deed itself is refused for.
        """
        found = await self._decidable(db, operation_id, person_id, reasons)
        if isinstance(found, Refused):
            return found
        made = await self._carry_out(db, found, person_id)
        if isinstance(made, Refused):
            return made
        outcome, code = made
        decided = await self._decide(db, found, "approved", person_id, outcome | _told(reasons))
        return decided, code

    async def reject(
        self, db: Connection, operation_id: str, person_id: str, reasons: str = ""
    ) -> Operation | Refused:
        """Reject another operator's operation; `reasons` are kept in the outcome."""
        found = await self._decidable(db, operation_id, person_id, reasons)
        if isinstance(found, Refused):
            return found
        return await self._decide(db, found, "rejected", person_id, _told(reasons))

    async def operation(
        self, db: Connection, operation_id: str, person_id: str
    ) -> Operation | Refused:
        """Return an operation to an operator; OPERATOR_ONLY, OPERATION_UNKNOWN."""
        problem = await self._check_operator(db, person_id)
        if problem is not None:
            return problem
        row = await store.operation(db, operation_id)
        return self._opened(row) if row else Refused(CompanyRefusal.OPERATION_UNKNOWN)

    async def operations(self, db: Connection, person_id: str) -> list[Operation] | Refused:
        """Return operations to an operator, newest first; OPERATOR_ONLY."""
        problem = await self._check_operator(db, person_id)
        if problem is not None:
            return problem
        return [self._opened(row) for row in await store.operations(db)]

    async def bootstrap(
        self, db: Connection, drafts: Sequence[PersonDraft]
    ) -> list[tuple[Person, str]] | Refused:
        """Enter the first two operators, each with a code that enrols a phone.

        BOOTSTRAP_DONE when there is an operator; OPERATORS_TOO_FEW for fewer than two persons.
        """
        await store.lock_operators(db)
        now = self._kernel.business_clock.now()
        if await store.count_operators(db, now) > 0:
            return Refused(CompanyRefusal.BOOTSTRAP_DONE)
        if len(drafts) != OPERATORS_MIN:
            return Refused(CompanyRefusal.OPERATORS_TOO_FEW, "Name exactly two persons.")
        made: list[tuple[Person, str]] = []
        for draft in drafts:
            person = await self._parties.create_person(db, draft)
            if isinstance(person, Refused):
                return person
            problem = await self._parties.grant_staff_role(db, person.id, OPERATOR)
            if problem is not None:
                return problem
            code = await self._devices.issue_enrolment_code(db, person.id)
            if isinstance(code, Refused):
                return code
            made.append((person, code))
        await self._evidence.record(
            db, kind="identity.operators_bootstrapped", issuer=PLATFORM_ORGANISATION,
            references={}, digests={}, about="operators",
        )  # fmt: skip
        return made

    async def _decidable(
        self, db: Connection, operation_id: str, person_id: str, reasons: str
    ) -> Operation | Refused:
        if len(reasons) > REASONS_LENGTH_MAX:
            detail = f"At most {REASONS_LENGTH_MAX} characters."
            return Refused(CompanyRefusal.OPERATION_MALFORMED, detail, field="reasons")
        problem = await self._check_operator(db, person_id)
        if problem is not None:
            return problem
        row = await store.lock_operation(db, operation_id)
        if row is None:
            return Refused(CompanyRefusal.OPERATION_UNKNOWN)
        operation = self._opened(row)
        problem = check_decider(operation, person_id, self._kernel.business_clock.now())
        if problem is not None:
            return problem
        # Whoever asked must still be an operator: a deed of somebody dismissed is nobody's wish.
        problem = await self._check_operator(db, operation.requested_by)
        return problem or operation

    async def _carry_out(
        self, db: Connection, operation: Operation, person_id: str
    ) -> tuple[dict[str, Any], str | None] | Refused:
        deed = operation.deed
        if isinstance(deed, CreatePerson):
            person = await self._parties.create_person(db, deed.person)
            if isinstance(person, Refused):
                return person
            code = await self._devices.issue_enrolment_code(db, person.id)
            return code if isinstance(code, Refused) else ({"id": person.id}, code)
        if isinstance(deed, GrantStaffRole | RevokeStaffRole | SetPersonStatus | SetCompanyStatus):
            problem = await self._change(db, deed)
            return problem if problem is not None else ({}, None)
        if isinstance(deed, RevokeCertificate):
            return await self._revoke_certificate(db, deed, operation.id)
        if isinstance(deed, IssueRecoveryCode):
            issued = await self._recovery.issue_in_person_code(
                db, deed.person_id, made_by=operation.requested_by, checked_by=person_id
            )
            if isinstance(issued, Refused):
                return issued
            return {"expires_at": issued.expires_at.isoformat()}, issued.code
        made = await self._make(db, operation)
        return made if isinstance(made, Refused) else ({"id": made.id}, None)

    async def _revoke_certificate(
        self, db: Connection, deed: RevokeCertificate, operation_id: str
    ) -> tuple[dict[str, Any], None] | Refused:
        """Revoke it as of now; revoked before, the first instant stands."""
        desk = self.certificate_desk
        # As tools show it: in capitals, in pairs, padded.
        serial = deed.serial.replace(":", "").lower().lstrip("0")
        is_known = desk is not None and await desk.revoke_known(
            db, serial, deed.reason, operation_id
        )
        if not is_known:
            detail = "The CA issued no certificate of this serial number."
            return Refused(CompanyRefusal.OPERATION_MALFORMED, detail, field="serial")
        await self._evidence.record(
            db, kind="identity.certificate_revoked", issuer=PLATFORM_ORGANISATION,
            references={"operation_id": operation_id, "serial": serial}, digests={},
            about=deed.reason,
        )  # fmt: skip
        return {"id": serial}, None

    async def _make(self, db: Connection, operation: Operation) -> Made | Refused:
        deed = operation.deed
        if isinstance(deed, CreateCompany):
            return await self._parties.create_company(db, deed.company)
        if isinstance(deed, GrantMandate):
            return await self._mandates.grant(db, deed.mandate, operation.id)
        if isinstance(deed, GrantFirmMandate):
            return await self._mandates.grant_firm(db, deed.mandate, operation.id)
        if isinstance(deed, RevokeMandate):
            return await self._mandates.revoke(
                db, deed.mandate_id, deed.company_id, operation.id
            )
        assert isinstance(deed, RegisterClient), "the set of deeds is closed"
        client = await self._clients.register(db, deed.client)
        if isinstance(client, Refused) or not deed.service_roles:
            return client
        problem = await self._deeds.declare_roles(db, client.id, deed.service_roles)
        return problem or client

    async def _change(
        self,
        db: Connection,
        deed: GrantStaffRole | RevokeStaffRole | SetPersonStatus | SetCompanyStatus,
    ) -> Refused | None:
        if isinstance(deed, SetCompanyStatus):
            return await self._parties.set_company_status(db, deed.company_id, deed.status)
        # Of two grants at once to one person, the second one sees the first.
        await store.lock_operators(db)
        if isinstance(deed, GrantStaffRole):
            held = await self._parties.staff_roles(db, deed.person_id)
            problem = check_roles(held, deed.role)
            return problem or await self._parties.grant_staff_role(db, deed.person_id, deed.role)
        if isinstance(deed, RevokeStaffRole):
            problem = await self._parties.revoke_staff_role(db, deed.person_id, deed.role)
        else:
            problem = await self._parties.set_person_status(db, deed.person_id, deed.status)
        # Two operators stand behind the deed, and it is about neither of them.
        count = await store.count_operators(db, self._kernel.business_clock.now())
        assert problem is not None or count >= OPERATORS_MIN, "two operators always remain"
        return problem

    async def _decide(
        self,
        db: Connection,
        operation: Operation,
        state: str,
        person_id: str,
        outcome: dict[str, Any],
    ) -> Operation:
        assert operation.requested_by != person_id, "two persons stand behind an operation"
        is_decided = await store.decide_operation(
            db, operation.id, state, by=person_id, at=self._kernel.business_clock.now(),
            outcome=outcome,
        )  # fmt: skip
        assert is_decided, "the operation's row is held, and it was pending"
        row = await store.operation(db, operation.id)
        assert row is not None, "it was just written"
        await self._record(db, "identity.operation_decided", row)
        return self._opened(row)

    async def _check_operator(self, db: Connection, person_id: str) -> Refused | None:
        person = await self._parties.person(db, person_id)
        is_active = not isinstance(person, Refused) and person.status == "active"
        if not is_active or OPERATOR not in await self._parties.staff_roles(db, person_id):
            return Refused(CompanyRefusal.OPERATOR_ONLY)
        return None

    def _digest(self, operation_id: str, text: str) -> str:
        """Keyed: a plain digest in a receipt would let anybody guess an identity number."""
        return self._vault.look_up_key("operation", f"{operation_id}\n{text}").hex()

    def _opened(self, row: store.OperationRow) -> Operation:
        text = self._vault.unseal("operation", row.id, row.deed_sealed)
        members = {name: getattr(row, name) for name in row.__struct_fields__}
        del members["deed_sealed"]
        return Operation(**members, deed=msgspec.json.decode(text, type=OperationDeed))

    async def _record(self, db: Connection, kind: str, row: store.OperationRow) -> None:
        await self._evidence.record(
            db, kind=kind, issuer=PLATFORM_ORGANISATION, references={"operation_id": row.id},
            digests={"deed": row.deed_digest}, about=f"{row.kind}: {row.state}",
        )  # fmt: skip


def _told(reasons: str) -> dict[str, str]:
    return {"reasons": reasons} if reasons else {}

"""Deeds that change a company's mandates: asked for, approved on the phones, then in effect.

A deed takes effect in the very transaction in which its approval is decided, after everything was
checked again: the approvers' own mandates first. Each effective change leaves the receipt of the
change and one that ties it to its approval. Source of the roles: ours, after the CorpID-style idea
of an administrator who assigns a role at a service.
"""

from __future__ import annotations

from collections.abc import Iterable

from lionrock.identity.domain.approvals import Approval, ApprovalRequest, State
from lionrock.identity.domain.chains import FirmMandate
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.deeds import (
    DEED_KIND,
    DEED_LIFE_S,
    DEEDS_PENDING_MAX,
    ROLE_TEXTS,
    SERVICE_ROLES_MAX,
    AssignServiceRole,
    Deed,
    DeedRequest,
    DeedState,
    GrantToFirm,
    GrantToPerson,
    Revoke,
    ServiceRole,
    check_may,
    is_role_name,
    show_draft,
    whom_to_ask,
)
from lionrock.identity.domain.mandates import DELEGATE_SCOPE, Mandate, check_draft, choose
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.officers import Officers
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of,
)
from lionrock.identity.store import clients as clients_store
from lionrock.identity.store import deeds as store
from lionrock.identity.store import firms as firms_store
from lionrock.identity.store import mandates as mandates_store
from lionrock.identity.store import parties as parties_store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

# What each template is told besides company and holder.
_Shown = tuple[str, dict[str, str]]


class MandateDeeds:
    """Every function works in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        mandates: Mandates,
        approvals: Approvals,
        officers: Officers,
        evidence: ReceiptRecorder,
    ) -> None:
        self._kernel = kernel
        self._mandates = mandates
        self._approvals = approvals
        self._officers = officers
        self._evidence = evidence
        approvals.listen(DEED_KIND, self.on_decided)

    async def request(
        self,
        db: Connection,
        *,
        person_id: str,
        company_id: str,
        deed: Deed,
        holder: str,
        language: str,
        requester_org: str,
    ) -> tuple[DeedRequest, Approval] | Refused:
        """Ask the officers to approve a deed. `holder` names whom a grant is for, as was typed.

        Refused: what the mandate of the person does not allow (MANDATE_*), DEEDS_PENDING,
        OFFICERS_TOO_FEW, SERVICE_ROLE_*, MANDATE_UNKNOWN, and what an approval refuses.
        """
        if await store.count_pending(db, company_id) >= DEEDS_PENDING_MAX:
            return Refused(CompanyRefusal.DEEDS_PENDING)
        problem = await self._check_deed(db, company_id, deed)
        if problem is not None:
            return problem
        target = await self._target(db, company_id, deed)
        if isinstance(target, Refused):
            return target
        whom = await self._whom(db, person_id, company_id, deed, target)
        if isinstance(whom, Refused):
            return whom
        person_ids, quorum = whom
        shown = await self._words(db, company_id, deed, target, holder, language)
        deed_id = self._kernel.ids.new("mrq")
        is_resignation = isinstance(deed, Revoke) and deed.is_resignation
        approval = await self._approvals.request(
            db,
            ApprovalRequest(
                kind=DEED_KIND, person_ids=person_ids, template=shown[0], fields=shown[1],
                language=language, requester_org=requester_org, reference=deed_id,
                company_id=None if is_resignation else company_id,
                scope=None if is_resignation else DELEGATE_SCOPE, quorum=quorum,
                number_match=quorum == 1, expires_in_s=DEED_LIFE_S,
            ),
        )  # fmt: skip
        if isinstance(approval, Refused):
            return approval
        request = DeedRequest(
            id=deed_id, company_id=company_id, deed=deed, requested_by=person_id,
            approval_id=approval.id, state="pending",
            created_at=self._kernel.business_clock.now(),
        )  # fmt: skip
        await store.insert_deed(db, request)
        return request, approval

    async def on_decided(self, db: Connection, approval: Approval, state: State) -> None:
        """Carry an approved deed out, or close it; told within the decision's transaction."""
        request = await store.lock_deed(db, approval.id)
        if request is None or request.state != "pending":
            return
        if state != "approved":
            await self._close(db, request, "refused", f"approval {state}")
            return
        outcome = await self._carry_out(db, request, approval)
        if isinstance(outcome, Refused):
            await self._close(db, request, "refused", outcome.refusal.value)
            return
        await self._close(db, request, "effective", outcome)
        await self._evidence.record(
            db, kind="identity.mandate_deed", issuer=PLATFORM_ORGANISATION,
            references={
                "deed_id": request.id, "approval_id": approval.id,
                "company_id": request.company_id, "made": outcome,
            },
            digests={"deed": digest_of(request.deed)}, about=request.kind,
        )  # fmt: skip

    async def _close(
        self, db: Connection, request: DeedRequest, state: DeedState, outcome: str
    ) -> None:
        now = self._kernel.business_clock.now()
        is_closed = await store.close_deed(db, request.id, state, outcome, now)
        assert is_closed, "the deed's row is held, and it was pending"

    async def deed(self, db: Connection, company_id: str, deed_id: str) -> DeedRequest | Refused:
        """Return a company's deed; DEED_UNKNOWN, also for another company's."""
        found = await store.deed(db, company_id, deed_id)
        return found or Refused(CompanyRefusal.DEED_UNKNOWN)

    async def deeds(self, db: Connection, company_id: str) -> list[DeedRequest]:
        """Return a company's deeds, newest first."""
        return await store.deeds(db, company_id)

    async def service_roles(self, db: Connection, company_id: str) -> list[ServiceRole]:
        """Return the roles at services that a company assigned."""
        return await store.service_roles_of_company(db, company_id)

    async def declare_roles(
        self, db: Connection, client_id: str, roles: Iterable[str]
    ) -> Refused | None:
        """Add names of roles that a service declares.

        CLIENT_UNKNOWN, DEED_MALFORMED, SERVICE_ROLES_FULL (with those that it has already).
        """
        names = list(roles)
        # Held to the end: of two declarations at once, the second one counts the first.
        if not await store.hold_service(db, client_id):
            return Refused(IdentityRefusal.CLIENT_UNKNOWN)
        if not names or len(names) > SERVICE_ROLES_MAX or not all(map(is_role_name, names)):
            detail = f"1 to {SERVICE_ROLES_MAX} names such as approver."
            return Refused(CompanyRefusal.DEED_MALFORMED, detail, field="service_roles")
        before = await store.declared_roles(db, client_id)
        if len(before | set(names)) > SERVICE_ROLES_MAX:
            detail = f"At most {SERVICE_ROLES_MAX}; it has {len(before)}."
            return Refused(CompanyRefusal.SERVICE_ROLES_FULL, detail, field="service_roles")
        await store.declare_roles(db, client_id, names)
        return None

    async def declared_roles(self, db: Connection, client_id: str) -> frozenset[str]:
        """Return the names of the roles that a service declared."""
        return await store.declared_roles(db, client_id)

    async def _check_deed(self, db: Connection, company_id: str, deed: Deed) -> Refused | None:
        """Check what can be known before anybody is asked."""
        if isinstance(deed, GrantToPerson):
            return check_draft(deed.draft)
        if isinstance(deed, GrantToFirm):
            # Known before anybody is asked, so that no officer approves what cannot be.
            return await self._mandates.check_firm(db, deed.draft)
        if isinstance(deed, AssignServiceRole):
            if deed.role not in await store.declared_roles(db, deed.client_id):
                return Refused(CompanyRefusal.SERVICE_ROLE_UNDECLARED, field="role")
            held = await store.service_roles(db, [deed.mandate_id], deed.client_id)
            return Refused(CompanyRefusal.SERVICE_ROLE_HELD) if deed.role in held else None
        return None

    async def _target(
        self, db: Connection, company_id: str, deed: Deed
    ) -> Mandate | FirmMandate | Refused | None:
        """Return the company's mandate in force that a deed is about; None for grants."""
        if isinstance(deed, GrantToPerson | GrantToFirm):
            return None
        if isinstance(deed, Revoke | AssignServiceRole):
            mandate_id = deed.mandate_id
        else:
            role = await store.service_role(db, deed.service_role_id, company_id)
            if role is None:
                return Refused(CompanyRefusal.SERVICE_ROLE_UNKNOWN)
            mandate_id = role.mandate_id
        found: Mandate | FirmMandate | None = await mandates_store.mandate(db, mandate_id)
        found = found or await firms_store.firm_mandate(db, mandate_id)
        if found is None or found.company_id != company_id or found.revoked_at is not None:
            return Refused(IdentityRefusal.MANDATE_UNKNOWN)
        return found

    async def _whom(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        deed: Deed,
        target: Mandate | FirmMandate | None,
    ) -> tuple[tuple[str, ...], int] | Refused:
        """Say whom to ask: officers whose own mandate is wide enough for the deed."""
        if isinstance(deed, Revoke) and deed.is_resignation:
            is_own = isinstance(target, Mandate) and target.person_id == person_id
            return ((person_id,), 1) if is_own else Refused(IdentityRefusal.MANDATE_UNKNOWN)
        now = self._kernel.business_clock.now()
        held = await mandates_store.mandates_between(db, person_id, company_id)
        wide = [m for m in held if check_may(m, deed, target, now) is None]
        if not wide:
            own = choose(held, scope=DELEGATE_SCOPE, at=now)
            if isinstance(own, Refused):
                return own
            problem = check_may(own, deed, target, now)
            assert problem is not None, "it was not among those wide enough"
            return problem
        own = choose(wide, scope=DELEGATE_SCOPE, at=now)
        assert not isinstance(own, Refused), "a wide one is in force"
        able = await self._mandates.of_company(db, company_id, DELEGATE_SCOPE)
        able = [m for m in able if check_may(m, deed, target, now) is None]
        return whom_to_ask(own, await self._officers.active(db, able))

    async def _carry_out(
        self, db: Connection, request: DeedRequest, approval: Approval
    ) -> str | Refused:
        """Check everything again, then do it; returns the id of what was made or ended."""
        deed, company_id = request.deed, request.company_id
        problem = await self._check_deed(db, company_id, deed)
        if problem is not None:
            return problem
        target = await self._target(db, company_id, deed)
        if isinstance(target, Refused):
            return target
        if not await self._is_still_approved(db, request, approval, target):
            return Refused(CompanyRefusal.OFFICERS_TOO_FEW)
        made: Mandate | FirmMandate | ServiceRole | Refused
        if isinstance(deed, GrantToPerson):
            made = await self._mandates.grant(db, deed.draft, request.id)
        elif isinstance(deed, GrantToFirm):
            made = await self._mandates.grant_firm(db, deed.draft, request.id)
        elif isinstance(deed, Revoke):
            made = await self._mandates.revoke(db, deed.mandate_id, company_id, request.id)
        else:
            made = await self._change_role(db, request)
        return made if isinstance(made, Refused) else made.id

    async def _is_still_approved(
        self,
        db: Connection,
        request: DeedRequest,
        approval: Approval,
        target: Mandate | FirmMandate | None,
    ) -> bool:
        """Count the approvers whose own mandates are wide enough at this instant."""
        if isinstance(request.deed, Revoke) and request.deed.is_resignation:
            return True
        now, able = self._kernel.business_clock.now(), 0
        for answer in await self._approvals.answers(db, approval.id):
            held = await mandates_store.mandates_between(db, answer.person_id, request.company_id)
            is_able = any(
                check_may(mandate, request.deed, target, now) is None
                and mandate.signatures_needed <= approval.quorum
                for mandate in held
            )
            able += answer.decision == "approved" and is_able
        return able >= approval.quorum

    async def _change_role(
        self, db: Connection, request: DeedRequest
    ) -> ServiceRole | Refused:
        deed, now = request.deed, self._kernel.business_clock.now()
        if isinstance(deed, AssignServiceRole):
            role = ServiceRole(
                id=self._kernel.ids.new("svr"), mandate_id=deed.mandate_id,
                company_id=request.company_id, client_id=deed.client_id, role=deed.role,
                granted_at=now, granted_by=request.id,
            )  # fmt: skip
            is_new = await store.insert_service_role(db, role)
            return role if is_new else Refused(CompanyRefusal.SERVICE_ROLE_HELD)
        assert not isinstance(deed, GrantToPerson | GrantToFirm | Revoke), "handled before"
        ended = await store.end_service_role(
            db, deed.service_role_id, request.company_id, now, request.id
        )
        return ended or Refused(CompanyRefusal.SERVICE_ROLE_UNKNOWN)

    async def _words(
        self,
        db: Connection,
        company_id: str,
        deed: Deed,
        target: Mandate | FirmMandate | None,
        holder: str,
        language: str,
    ) -> _Shown:
        company = await parties_store.company(db, company_id)
        assert company is not None, "the person holds a mandate for it"
        fields = {"company": company.names.in_language(language)}
        if isinstance(deed, GrantToPerson | GrantToFirm):
            return "identity.mandate", fields | {"holder": holder} | show_draft(
                deed.draft, language
            )
        assert target is not None, "only grants have no target"
        fields["holder"] = await self._name(db, target, language)
        if isinstance(deed, Revoke):
            role = ROLE_TEXTS[target.role].in_language(language)
            return "identity.mandate_end", fields | {"role": role}
        if isinstance(deed, AssignServiceRole):
            client_id, name, template = deed.client_id, deed.role, "identity.service_role"
        else:
            assigned = await store.service_role(db, deed.service_role_id, company_id)
            assert assigned is not None, "it was found as the deed's target"
            client_id, name = assigned.client_id, assigned.role
            template = "identity.service_role_end"
        client = await clients_store.client(db, client_id)
        service = client.names.in_language(language) if client else client_id
        return template, fields | {"service": service, "name": name}

    async def _name(
        self, db: Connection, mandate: Mandate | FirmMandate, language: str
    ) -> str:
        if isinstance(mandate, FirmMandate):
            firm = await parties_store.company(db, mandate.holder_company_id)
            assert firm is not None, "a mandate's holder exists"
            return firm.names.in_language(language)
        person = await parties_store.person(db, mandate.person_id)
        assert person is not None, "a mandate's holder exists"
        return person.names.in_language(language)

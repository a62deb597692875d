"""Identity as the other pillars and our own routes see it: one object, built once in app/.

Every method that takes `db` works in the caller's transaction. Not for: signing documents
(identity.signing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from lionrock.identity.domain.approvals import Approval, ApprovalRequest, GivenAnswer
from lionrock.identity.domain.chains import FirmMandate, FirmMandateDraft
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.deeds import CompanyApprovalRequest
from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.mandates import Mandate, MandateDraft
from lionrock.identity.domain.parties import (
    Company,
    CompanyDraft,
    Person,
    PersonDraft,
    StaffRole,
)
from lionrock.identity.domain.templates import TEMPLATES
from lionrock.identity.domain.words import Template
from lionrock.identity.forms.fillings import Fillings
from lionrock.identity.forms.service import Forms
from lionrock.identity.passkeys.service import Passkeys
from lionrock.identity.recovery.service import Recovery
from lionrock.identity.service.answers import Answers
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.authorization import Authorization
from lionrock.identity.service.ciba import Ciba
from lionrock.identity.service.ciba_notices import CibaNotices
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.deeds import MandateDeeds
from lionrock.identity.service.devices import Devices
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.inspection import Inspection
from lionrock.identity.service.key_sets import KeySets
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.officers import Officers
from lionrock.identity.service.operations import Operations
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.receipts import ReceiptRecorder
from lionrock.identity.service.refresh import Refresh
from lionrock.identity.service.registration import Registrations
from lionrock.identity.service.registry import Registry
from lionrock.identity.service.request_objects import RequestObjects
from lionrock.identity.service.resource import (
    check_bearer_call,
    check_resource_call,
    no_mandate,
    resource_refusal,
)
from lionrock.identity.service.scans import Scans
from lionrock.identity.service.sessions import Sessions
from lionrock.identity.service.signing_keys import SigningKeys
from lionrock.identity.service.tokens import Tokens
from lionrock.identity.service.vault import Vault
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call
from lionrock.kernel.money import Money


class Identity:
    """Persons, companies, mandates, devices, approvals, tokens.

    `templates` adds approval templates to the pillar's own (a name may not be taken twice).
    """

    def __init__(
        self,
        kernel: Kernel,
        evidence: ReceiptRecorder,
        templates: Mapping[str, Template] | None = None,
    ) -> None:
        extra = templates or {}
        assert not TEMPLATES.keys() & extra.keys(), "an approval template's name is taken"
        self.kernel = kernel
        self.issuer = kernel.settings.public_url.rstrip("/")
        self.vault = Vault(kernel.key_store)
        self.parties = Parties(kernel, self.vault)
        self.mandates = Mandates(kernel, evidence)
        self.approvals = Approvals(kernel, self.mandates, evidence, {**TEMPLATES, **extra})
        self.officers_asked = Officers(self.mandates, self.approvals)
        self.deeds = MandateDeeds(
            kernel, self.mandates, self.approvals, self.officers_asked, evidence
        )
        self.registry = Registry(kernel, self.mandates, evidence)
        self.devices = Devices(kernel, self.approvals, evidence)
        self.passkeys = Passkeys(
            kernel, vault=self.vault, parties=self.parties, devices=self.devices,
            approvals=self.approvals,
        )  # fmt: skip
        self.clients = Clients(kernel, self.issuer)
        self.request_objects = RequestObjects(kernel, self.issuer)
        self.key_sets = KeySets(kernel, self.clients)
        self.registrations = Registrations(
            kernel, self.issuer, self.vault, self.clients, self.key_sets
        )
        self.grants = Grants(kernel, self.vault, evidence)
        self.sessions = Sessions(
            kernel, self.issuer, self.vault, SigningKeys(kernel), self.grants
        )
        self.recovery = Recovery(
            kernel, evidence, vault=self.vault, parties=self.parties, devices=self.devices,
            approvals=self.approvals, grants=self.grants,
        )  # fmt: skip
        self.operations = Operations(
            kernel, vault=self.vault, parties=self.parties, mandates=self.mandates,
            deeds=self.deeds, clients=self.clients, devices=self.devices,
            recovery=self.recovery, evidence=evidence,
        )  # fmt: skip
        self.authorization = Authorization(
            kernel, self.issuer, self.vault, self.parties, self.approvals, self.mandates,
            self.grants, self.sessions, self.clients,
        )  # fmt: skip
        self.scans = Scans(
            kernel, self.issuer, self.vault, self.parties, self.approvals, self.mandates,
            self.authorization,
        )  # fmt: skip
        self.answers = Answers(kernel, self.issuer)
        self.forms = Forms(kernel, self.vault, self.parties, evidence)
        self.tokens = Tokens(
            kernel, self.issuer, self.vault, self.parties, self.mandates, self.grants,
            self.sessions, self.forms, self.clients,
        )  # fmt: skip
        self.refresh = Refresh(kernel, self.grants, self.tokens)
        self.inspection = Inspection(
            kernel, self.issuer, self.vault, mandates=self.mandates, grants=self.grants,
            refresh=self.refresh,
        )  # fmt: skip
        self.ciba = Ciba(
            kernel, self.issuer, self.vault, self.parties, self.approvals, self.mandates,
            self.tokens, self.grants,
        )  # fmt: skip
        self.fillings = Fillings(
            kernel, self.issuer, self.vault, self.approvals, self.forms, evidence
        )
        self.ciba_notices = CibaNotices(kernel, self.vault, self.ciba)

    # What other pillars ask.

    async def request_approval(
        self, db: Connection, request: ApprovalRequest
    ) -> Approval | Refused:
        """Ask persons for a decision; the outcome comes as event identity.approval_decided."""
        return await self.approvals.request(db, request)

    async def request_company_approval(
        self, db: Connection, request: CompanyApprovalRequest
    ) -> Approval | Refused:
        """Ask a company's officers for a deed of a scope and an amount, started by one of them.

        Who may act alone is asked alone; a joint officer brings the others, and the quorum follows
        from their mandates. MANDATE_*, COMPANY_INACTIVE, OFFICERS_TOO_FEW, and as request_approval.
        """
        return await self.officers_asked.request(db, request)

    async def officers_to_ask(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        amount: Money | None = None,
    ) -> tuple[tuple[str, ...], int] | Refused:
        """Return whom a company's deed is asked of (the person first) and how many must agree."""
        return await self.officers_asked.asked(db, person_id, company_id, scope, amount)

    async def approval(self, db: Connection, approval_id: str) -> Approval | Refused:
        """Return an approval; APPROVAL_UNKNOWN."""
        return await self.approvals.approval(db, approval_id)

    async def approval_answers(self, db: Connection, approval_id: str) -> list[GivenAnswer]:
        """Return the signed answers of an approval: its proof."""
        return await self.approvals.answers(db, approval_id)

    async def person(self, db: Connection, person_id: str) -> Person | Refused:
        """Return a person; PERSON_UNKNOWN."""
        return await self.parties.person(db, person_id)

    async def company(self, db: Connection, company_id: str) -> Company | Refused:
        """Return a company; COMPANY_UNKNOWN."""
        return await self.parties.company(db, company_id)

    async def company_by_business_number(self, db: Connection, number: str) -> Company | Refused:
        """Return the company with a business registration number; COMPANY_UNKNOWN."""
        return await self.parties.company_by_business_number(db, number)

    async def mandate(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str | None,
        at: datetime | None = None,
        amount: Money | None = None,
    ) -> Mandate | Refused:
        """Return the mandate that entitled a person at a business instant (default: now).

        `scope` None asks for any mandate. MANDATE_MISSING, MANDATE_SCOPE, MANDATE_AMOUNT,
        COMPANY_INACTIVE (now only).
        """
        return await self.mandates.find(db, person_id, company_id, scope, at, amount)

    async def was_entitled(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        at: datetime,
        amount: Money | None = None,
    ) -> bool:
        """Say whether a person was entitled to a deed for a company at a business instant."""
        return await self.registry.was_entitled(db, person_id, company_id, scope, at, amount)

    async def officers(
        self,
        db: Connection,
        company_id: str,
        scope: str | None = None,
        amount: Money | None = None,
    ) -> list[Mandate]:
        """Return the mandates in force for a company (covering scope and amount): whom to ask."""
        return await self.mandates.of_company(db, company_id, scope, amount)

    async def staff_roles(self, db: Connection, person_id: str) -> frozenset[StaffRole]:
        """Return the staff roles that a person holds now."""
        return await self.parties.staff_roles(db, person_id)

    def company_subject(self, sector: str, company_id: str) -> str:
        """Return a company's pairwise pseudonym towards a sector (a member's organisation id)."""
        return self.vault.subject(sector, "company", company_id)

    def person_subject(self, sector: str, person_id: str) -> str:
        """Return a person's pairwise pseudonym towards a sector (a member's organisation id)."""
        return self.vault.subject(sector, "person", person_id)

    async def check_access_token(self, call: Call[Any, Any]) -> Response | None:
        """Check token, DPoP proof, the row's scope and the mandate; sets `call.principal`."""
        principal = await check_resource_call(call, self.clients, self.tokens, self.issuer)
        if isinstance(principal, Refused):
            return resource_refusal(call, principal)
        call.principal = principal  # type: ignore[attr-defined]  # declared by PrincipalCall
        return None

    async def check_bearer(self, call: Call[Any, Any]) -> Response | None:
        """As check_access_token, for a row that takes a client's own token too."""
        principal = await check_bearer_call(call, self.clients, self.tokens, self.issuer)
        if isinstance(principal, Refused):
            return resource_refusal(call, principal)
        call.principal = principal  # type: ignore[attr-defined]  # declared by the row's call
        return None

    async def check_client_token(self, call: Call[Any, Any]) -> Response | None:
        """Check a client's own token, its proof and scope; sets `call.client_principal`.

        A person's token is refused: CLIENT_TOKEN.
        """
        caller = await check_bearer_call(call, self.clients, self.tokens, self.issuer)
        if isinstance(caller, Refused):
            return resource_refusal(call, caller)
        if isinstance(caller, Principal):
            return resource_refusal(call, Refused(GrantRefusal.CLIENT_TOKEN))
        call.client_principal = caller  # type: ignore[attr-defined]  # declared by the row's call
        return None

    async def check_company(self, call: Call[Any, Any]) -> Response | None:
        """Refuse a token that does not act for a company; after check_access_token."""
        principal: Principal = call.principal  # type: ignore[attr-defined]  # see above
        return None if principal.company_id is not None else no_mandate(call)

    # What the operator and the sandbox set up.

    async def create_person(self, db: Connection, draft: PersonDraft) -> Person | Refused:
        """Add a person."""
        return await self.parties.create_person(db, draft)

    async def create_company(self, db: Connection, draft: CompanyDraft) -> Company | Refused:
        """Add a company."""
        return await self.parties.create_company(db, draft)

    async def grant_mandate(
        self, db: Connection, draft: MandateDraft, granted_by: str
    ) -> Mandate | Refused:
        """Grant a mandate on the operator's word."""
        return await self.mandates.grant(db, draft, granted_by)

    async def grant_firm_mandate(
        self, db: Connection, draft: FirmMandateDraft, granted_by: str
    ) -> FirmMandate | Refused:
        """Let a firm act for another one, on the operator's word."""
        return await self.mandates.grant_firm(db, draft, granted_by)

    async def revoke_mandate(
        self, db: Connection, mandate_id: str, company_id: str, revoked_by: str
    ) -> Mandate | FirmMandate | Refused:
        """Revoke a company's mandate; bites at the next use."""
        return await self.mandates.revoke(db, mandate_id, company_id, revoked_by)

    async def register_client(self, db: Connection, client: Client) -> Client | Refused:
        """Register a service."""
        return await self.clients.register(db, client)

    async def declare_service_roles(
        self, db: Connection, client_id: str, roles: Iterable[str]
    ) -> Refused | None:
        """Add names of roles that a service declares; a company's officers assign them."""
        return await self.deeds.declare_roles(db, client_id, roles)

    async def issue_enrolment_code(self, db: Connection, person_id: str) -> str | Refused:
        """Return a single-use code that enrols one phone of a person."""
        return await self.devices.issue_enrolment_code(db, person_id)

    async def grant_staff_role(self, db: Connection, person_id: str, role: str) -> Refused | None:
        """Give a staff role: assessor, committee or operator."""
        return await self.parties.grant_staff_role(db, person_id, role)


class PrincipalCall(Call[Any, Any]):
    """Base of calls whose row begins with `check_access_token`."""

    principal: Principal

"""Actions asked of a person: profile and form fields, confirming, signing, sharing documents.

Each is an approval of identity: words on the phone, a number on the ticket's page, one yes or no.
How it ends: settling.py; how its result gets to the client: callbacks.py, results.py.
Invariant: whatever can be refused is refused before anybody is asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import (
    ACTION_LIFE_S,
    LANGUAGES,
    PROFILE_FIELDS,
    Asked,
    Request,
    Wire,
    check_business_id,
    check_source,
    check_state,
)
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.service.companies import SHARING_SCOPE, Companies
from lionrock.hongkong.facades.service.gate import Gate, Known
from lionrock.hongkong.facades.service.signing import Signatures, read_documents
from lionrock.hongkong.facades.words import DOCUMENT_NAMES, DOCUMENTS, FORM, STEP_UP
from lionrock.identity.api import (
    ApprovalRequest,
    Identity,
    Principal,
    joined_details,
    read_details,
    secret_hash,
)
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

FORM_FILLING = "form_filling"


class ActionFields(msgspec.Struct, frozen=True, kw_only=True):
    """What every initiateRequest has."""

    businessID: str  # noqa: N815 - the wire's own name
    source: str
    redirectURI: str  # noqa: N815 - the wire's own name
    state: str
    accessToken: str = ""  # noqa: N815 - the wire's own name
    openID: str = ""  # noqa: N815 - the wire's own name
    lang: str = "en-US"


class Ticket(msgspec.Struct, frozen=True):
    """What an initiateRequest answers: the page of the ticket shows the number."""

    authByQR: bool  # noqa: N815 - the wire's own name
    ticketID: str  # noqa: N815 - the wire's own name


def check_action(fields: ActionFields, known: Known) -> Refused | None:
    """Check what every action has: URL, REQUEST."""
    if fields.redirectURI not in known.client.redirect_uris:
        return Refused(FacadeRefusal.URL, field="redirectURI")
    if fields.lang not in LANGUAGES:
        return Refused(FacadeRefusal.REQUEST, f"One of {', '.join(LANGUAGES)}.", "lang")
    return (
        check_business_id(fields.businessID) or check_state(fields.state)
        or check_source(fields.source)
    )  # fmt: skip


def read_form(
    name: str, number: str, description: str, fields: list[str]
) -> dict[str, Any] | Refused:
    """Return identity's detail of a form; REQUEST says what is wrong."""
    form = {"name": name, "number": number, "description": description}
    detail = {
        "type": FORM_FILLING, "form": {k: v for k, v in form.items() if v}, "fields": fields,
    }  # fmt: skip
    text = msgspec.json.encode([detail]).decode()
    read = read_details(text, frozenset({FORM_FILLING}))
    if isinstance(read, Refused):
        return Refused(FacadeRefusal.REQUEST, read.detail, "eMEFields")
    return read[0]


def read_profile(fields: list[str]) -> dict[str, Any] | Refused:
    """Return the detail of profile fields; REQUEST."""
    if not set(fields) <= set(PROFILE_FIELDS):
        return Refused(
            FacadeRefusal.REQUEST, f"Known: {', '.join(PROFILE_FIELDS)}.", "profileFields"
        )
    return read_form("Profile", "", "", fields)


class Requests:
    """Actions, each in the caller's transaction."""

    def __init__(
        self, kernel: Kernel, identity: Identity, gate: Gate, signatures: Signatures,
        companies: Companies,
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._identity = identity
        self._gate = gate
        self._signatures = signatures
        self._companies = companies

    async def ask_form(
        self, db: Connection, known: Known, wire: Wire, principal: Principal | None,
        fields: ActionFields, group: str, form: dict[str, Any],
    ) -> Ticket | Refused:  # fmt: skip
        """Ask for fields; without a principal, whoever scans the ticket's page is asked."""
        kind = "profile" if group == "profileFields" else "form"
        language = LANGUAGES[fields.lang]
        request = self._request(
            known, wire, kind, fields, principal, Asked(language=language, group=group, form=form)
        )
        if principal is None:
            return await self._save(db, *request)
        asked = self._approval_request(
            known, request[0], principal, FORM, language,
            {"details": joined_details((form,), language)}, (form,),
        )  # fmt: skip
        return await self._ask(db, request, asked)

    async def ask_step_up(
        self, db: Connection, known: Known, wire: Wire, principal: Principal,
        fields: ActionFields,
    ) -> Ticket | Refused:  # fmt: skip
        """Ask the person to confirm once more."""
        language = LANGUAGES[fields.lang]
        request = self._request(
            known, wire, "step_up", fields, principal, Asked(language=language, group="stepUp")
        )
        asked = self._approval_request(known, request[0], principal, STEP_UP, language, {}, ())
        return await self._ask(db, request, asked)

    async def ask_signature(
        self, db: Connection, known: Known, wire: Wire, principal: Principal,
        fields: ActionFields, asked: Asked,
    ) -> Ticket | Refused:  # fmt: skip
        """Ask to sign digests; NOT_ASKED, NO_SEAL."""
        is_seal = asked.sign_type == "CORPID_SIGN"
        started = await self._signatures.authorize(db, principal, asked, is_seal=is_seal)
        if isinstance(started, Refused):
            return started
        handle, approval_id = started
        request, ticket = self._request(
            known, wire, "sign", fields, principal,
            msgspec.structs.replace(asked, handles=(handle,)), approval_id,
        )  # fmt: skip
        return await self._save(db, request, ticket)

    async def ask_signature_of_anybody(
        self, db: Connection, known: Known, wire: Wire, fields: ActionFields, asked: Asked
    ) -> Ticket | Refused:
        """Ask whoever scans the ticket's page to sign; REQUEST."""
        documents = read_documents(asked)
        if isinstance(documents, Refused):
            return documents
        return await self._save(db, *self._request(known, wire, "sign", fields, None, asked))

    async def ask_documents(
        self, db: Connection, known: Known, wire: Wire, principal: Principal,
        fields: ActionFields, types: tuple[str, ...],
    ) -> Ticket | Refused:  # fmt: skip
        """Ask for documents of the token's company; DOCUMENT_TYPE, _ABSENT, _MANDATE, NOT_ASKED."""
        assert principal.company_id is not None, "a token of this wire is a company's"
        problem = await self._companies.check_types(db, principal.company_id, types)
        if problem is not None:
            return problem
        if principal.mandate is None or SHARING_SCOPE not in principal.mandate.scopes:
            return Refused(FacadeRefusal.DOCUMENT_MANDATE)
        company = await self._identity.company(db, principal.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        language = LANGUAGES[fields.lang]
        request = self._request(
            known, wire, "documents", fields, principal,
            Asked(language=language, group="documents", document_types=types),
        )  # fmt: skip
        names = ", ".join(DOCUMENT_NAMES[name].in_language(language) for name in types)
        more = {"company": company.names.in_language(language), "documents": names}
        asked = self._approval_request(
            known, request[0], principal, DOCUMENTS, language, more, ()
        )
        of_company = msgspec.structs.replace(
            asked, company_id=company.id, scope=SHARING_SCOPE,
            # What a company gave away is kept on record, as consents are.
            is_passing=False,
        )
        return await self._ask(db, request, of_company)

    async def by_ticket(
        self, db: Connection, known: Known, wire: Wire, ticket_id: str
    ) -> Request | Refused:
        """Return a client's own action by its ticket, held; TICKET."""
        found = await store.lock_by_ticket(
            db, secret_hash(ticket_id), known.client.id, wire.name
        )
        return found or Refused(FacadeRefusal.TICKET, field="ticketID")

    async def check_new(
        self, db: Connection, known: Known, wire: Wire, business_id: str
    ) -> Refused | None:
        """Refuse a businessID used before, ahead of asking anybody; one call of a client a time."""
        await store.lock_client(db, known.client.id)
        used = await store.lock_by_business_id(db, business_id, known.client.id, wire.name)
        return Refused(FacadeRefusal.BUSINESS_ID_USED, field="businessID") if used else None

    async def by_id(self, db: Connection, request_id: str) -> Request | None:
        """Return an action, held; for a page that belongs to it."""
        return await store.lock_request(db, request_id)

    def sealed(self, request: Request, asked: Asked) -> bytes:
        """Seal what an action is about, for its row."""
        return self._gate.seal(f"asked/{request.id}", msgspec.json.encode(asked))

    def asked(self, request: Request) -> Asked:
        """Return what an action is about."""
        opened = self._gate.unseal(f"asked/{request.id}", request.asked)
        return msgspec.json.decode(opened, type=Asked)

    def _request(
        self, known: Known, wire: Wire, kind: str, fields: ActionFields,
        principal: Principal | None, asked: Asked, approval_id: str | None = None,
    ) -> tuple[Request, str]:  # fmt: skip
        """Return a new action and its ticket."""
        ticket, request_id = secrets.token(32), self._kernel.ids.new("hkr")
        now = self._kernel.wire_clock.now()
        mandate = principal.mandate if principal is not None else None
        request = Request(
            id=request_id, client_id=known.client.id, wire=wire.name, kind=kind,
            business_id=fields.businessID, ticket_hash=secret_hash(ticket),
            redirect_uri=fields.redirectURI, state=fields.state,
            person_id=principal.actor_person_id if principal is not None else None,
            company_id=principal.company_id if principal is not None else None,
            mandate_id=mandate.id if mandate is not None else None, approval_id=approval_id,
            asked=self._gate.seal(f"asked/{request_id}", msgspec.json.encode(asked)),
            created_at=now, expires_at=now + timedelta(seconds=ACTION_LIFE_S),
            grant_id=principal.grant_id if principal is not None else None,
        )  # fmt: skip
        return request, ticket

    def _approval_request(
        self, known: Known, request: Request, principal: Principal, template: str,
        language: str, more: dict[str, str], details: tuple[dict[str, Any], ...],
    ) -> ApprovalRequest:  # fmt: skip
        address = urlsplit(request.redirect_uri)
        fields = {
            "service": known.client.names.in_language(language),
            "origin": f"{address.scheme}://{address.netloc}",
        }
        return ApprovalRequest(
            kind=template, person_ids=(principal.actor_person_id,), template=template,
            fields=fields | more, language=language, requester_org=known.client.organisation_id,
            reference=request.id, number_match=True, expires_in_s=ACTION_LIFE_S, details=details,
            is_passing=True,
        )  # fmt: skip

    async def _ask(
        self, db: Connection, request: tuple[Request, str], asked: ApprovalRequest
    ) -> Ticket | Refused:
        approval = await self._identity.request_approval(db, asked)
        if isinstance(approval, Refused):
            return Refused(FacadeRefusal.NOT_ASKED, approval.refusal.value)
        waiting = msgspec.structs.replace(request[0], approval_id=approval.id)
        return await self._save(db, waiting, request[1])

    async def _save(self, db: Connection, request: Request, ticket: str) -> Ticket | Refused:
        await store.insert_request(db, request)
        return Ticket(authByQR=True, ticketID=ticket)

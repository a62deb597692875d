"""Actions asked of a person: profile and form fields, confirming, signing, and how each ends.

Each is an approval of identity: words on the phone, a number on the ticket's page, one yes or no.
The decision comes as an event; the result is read and sealed in that transaction, and pushed to the
client's registered address (callbacks.py) or, without a log-in, fetched once.
Invariants: a result is made at most once; what is read or signed is what the person granted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import (
    ACKNOWLEDGEMENTS,
    ACTION_LIFE_S,
    LANGUAGES,
    PROFILE_FIELDS,
    Asked,
    Outcome,
    Request,
    Wire,
    check_business_id,
    check_source,
    check_state,
)
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.service.callbacks import QUEUE
from lionrock.hongkong.facades.service.gate import Gate, Known
from lionrock.hongkong.facades.service.signing import Signatures
from lionrock.hongkong.facades.words import FORM, STEP_UP
from lionrock.identity.api import (
    Approval,
    ApprovalRequest,
    Identity,
    Principal,
    joined_details,
    read_details,
    secret_hash,
)
from lionrock.kernel import jobs, secrets
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
        self, kernel: Kernel, identity: Identity, gate: Gate, signatures: Signatures
    ) -> None:
        self._kernel = kernel
        self._identity = identity
        self._gate = gate
        self._signatures = signatures

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
        """Ask to sign a digest; NOT_ASKED, NO_SEAL."""
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

    def asked(self, request: Request) -> Asked:
        """Return what an action is about."""
        opened = self._gate.unseal(f"asked/{request.id}", request.asked)
        return msgspec.json.decode(opened, type=Asked)

    async def settle_approval(self, db: Connection, approval_id: str) -> None:
        """Carry a decision over to the action that it decides; others are not ours."""
        request = await store.lock_by_approval(db, approval_id)
        if request is None or request.outcome is not None:
            return
        approval = await self._identity.approval(db, approval_id)
        assert not isinstance(approval, Refused), "an action's approval is on record"
        state = approval.state_at(self._kernel.business_clock.now())
        if state == "pending":
            return
        if state != "approved":
            await self._end(db, request, state)
            return
        if request.kind == "sign":
            await self._settle_signature(db, request)
            return
        await self._settle_fields(db, request, approval)

    async def settle_scanned(
        self, db: Connection, request: Request, approval: Approval | None
    ) -> None:
        """Read the fields that whoever scanned an action's page granted; None: a no."""
        if approval is None:
            await self._end(db, request, "rejected")
            return
        await self._settle_fields(db, request, approval)

    async def fetch(
        self, db: Connection, known: Known, wire: Wire, ticket_id: str, business_id: str
    ) -> dict[str, Any] | Refused:
        """Hand out the result of an action without a log-in, once; TICKET, PENDING, and no's."""
        request = await self.by_ticket(db, known, wire, ticket_id)
        if isinstance(request, Refused):
            return request
        if request.business_id != business_id or request.person_id is not None:
            return Refused(FacadeRefusal.TICKET, field="businessID")
        if request.outcome == "rejected":
            return Refused(FacadeRefusal.REJECTED)
        now = self._kernel.wire_clock.now()
        if request.outcome == "expired" or now >= request.expires_at:
            return Refused(FacadeRefusal.TIMED_OUT)
        if request.outcome is None:
            return Refused(FacadeRefusal.PENDING)
        if request.delivered_at is not None or request.result is None:
            return Refused(FacadeRefusal.TICKET, field="ticketID")
        await store.mark_delivered(db, request.id, now)
        opened = self._gate.unseal(f"result/{request.id}", request.result)
        return dict(msgspec.json.decode(opened))

    async def acknowledge(
        self, db: Connection, known: Known, wire: Wire, principal: Principal, business_id: str,
        code: str,
    ) -> Refused | None:  # fmt: skip
        """Note what became of a signature; the same word again changes nothing. REQUEST, TICKET."""
        if code not in ACKNOWLEDGEMENTS:
            return Refused(
                FacadeRefusal.REQUEST, f"One of {', '.join(ACKNOWLEDGEMENTS)}.", "code"
            )
        request = await store.lock_by_business_id(db, business_id, known.client.id, wire.name)
        is_own = (
            request is not None and request.kind == "sign"
            and request.person_id == principal.actor_person_id
            and request.outcome == "approved"
        )  # fmt: skip
        if request is None or not is_own or request.acknowledged not in (None, code):
            return Refused(FacadeRefusal.TICKET, field="businessID")
        await store.acknowledge(db, request.id, code)
        return None

    async def seal(
        self, db: Connection, known: Known, wire: Wire, principal: Principal, business_id: str,
        digest: str, sign_token: str,
    ) -> dict[str, Any] | Refused:  # fmt: skip
        """Add the company's seal to what the person signed: approved then, given once.

        SIGN_TOKEN for another action, digest, company or person, and when it was used.
        """
        refused = Refused(FacadeRefusal.SIGN_TOKEN, field="signToken")
        request = await store.lock_by_business_id(db, business_id, known.client.id, wire.name)
        if request is None or request.sign_token_hash is None:
            return refused
        asked = self.asked(request)
        if not secrets.equal(request.sign_token_hash, secret_hash(sign_token)):
            return refused
        is_same = (
            asked.digest == digest and request.company_id == principal.company_id
            and request.person_id == principal.actor_person_id
        )  # fmt: skip
        if not is_same:
            return refused
        signed = await self._signatures.sign(db, principal, asked, 1, is_seal=True)
        if isinstance(signed, Refused):
            return signed
        await store.use_sign_token(db, request.id)
        return {"businessID": business_id, asked.digest_name: asked.digest} | signed

    async def _settle_fields(
        self, db: Connection, request: Request, approval: Approval
    ) -> None:
        asked = self.asked(request)
        content: dict[str, Any] = {"result": "confirmed"}
        if asked.form:
            granted = approval.granted[0]
            assert set(granted["fields"]) <= set(asked.form["fields"]), "a yes never widens"
            found = await self._identity.forms.values(
                db, approval.person_ids[0], granted["fields"]
            )
            content = {
                asked.group: {name: row.value for name, row in found.items()},
                "lastMatched": {
                    name: row.matched_at.isoformat() for name, row in found.items()
                    if row.matched_at is not None
                },
            }  # fmt: skip
        await self._end(db, request, "approved", content)

    async def _settle_signature(self, db: Connection, request: Request) -> None:
        """Sign what was approved; of an INTEGRATED_SIGN first ask for the seal that follows."""
        asked = self.asked(request)
        principal = await self._signatures.principal(db, request)
        if isinstance(principal, Refused):
            await self._end(db, request, "rejected")
            return
        if asked.sign_type == "INTEGRATED_SIGN" and len(asked.handles) == 1:
            await self._follow_with_seal(db, request, asked, principal)
            return
        is_seal = asked.sign_type == "CORPID_SIGN"
        signed = await self._signatures.sign(db, principal, asked, 0, is_seal=is_seal)
        if isinstance(signed, Refused):
            await self._end(db, request, "expired")
            return
        content = {asked.digest_name: asked.digest} | signed
        sign_token = secrets.token(32) if asked.sign_type == "INTEGRATED_SIGN" else ""
        if sign_token:
            content["signToken"] = sign_token
        await self._end(db, request, "approved", content, sign_token)

    async def _follow_with_seal(
        self, db: Connection, request: Request, asked: Asked, principal: Principal
    ) -> None:
        started = await self._signatures.authorize(db, principal, asked, is_seal=True)
        if isinstance(started, Refused):
            await self._end(db, request, "rejected")
            return
        handle, approval_id = started
        both = msgspec.structs.replace(asked, handles=(*asked.handles, handle))
        sealed = self._gate.seal(f"asked/{request.id}", msgspec.json.encode(both))
        await store.follow(db, request.id, approval_id, sealed)

    async def _end(
        self, db: Connection, request: Request, outcome: Outcome,
        content: dict[str, Any] | None = None, sign_token: str = "",
    ) -> None:  # fmt: skip
        about = {"businessID": request.business_id, "state": request.state}
        whole = msgspec.json.encode(about | (content or {}))
        await store.save_outcome(
            db, request.id, outcome, self._gate.seal(f"result/{request.id}", whole),
            secret_hash(sign_token) if sign_token else None,
        )  # fmt: skip
        if request.person_id is not None:
            await jobs.schedule(db, queue=QUEUE, key=request.id)

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

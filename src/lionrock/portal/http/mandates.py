"""People and mandates: who acts for the chosen company, and asking the officers to change it.

Pages of identity's deeds (identity/http/mandates.py has the same for programs): what is asked here
waits on the phones, and takes effect when enough officers approve. Whether somebody holds an
identity is not told: a grant to an unknown person is asked like any other.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.directory.api import PLATFORM_ORGANISATION
from lionrock.identity.api import (
    DELEGATE_SCOPE,
    NOBODY,
    ROLES,
    SIGNATURES_MAX,
    SUBAGENT_SCOPE,
    CompanyRefusal,
    Deed,
    DeedRequest,
    FirmMandate,
    FirmMandateDraft,
    GrantToFirm,
    GrantToPerson,
    IdentityRefusal,
    Mandate,
    MandateDraft,
    MandateRole,
    Revoke,
    outranks,
    read_identifier,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect, reply
from lionrock.kernel.i18n import HONG_KONG
from lionrock.kernel.money import Money
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PlainForm, PortalCall, refusal_sentence, show
from lionrock.portal.http.cases import StateReply

_PAGE = "/portal/mandates"
SHOWN_MAX = 20
# The deeds that the form offers, by the name of their box.
BOXES = {
    "may_apply": "programmes", "may_data": "exchange", "may_pay": "payments",
    "may_sign": "documents.sign", "may_seal": "documents.seal",
}  # fmt: skip


class MandateForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mandate as typed; a box is "yes" or absent, `last_day` a date of Hong Kong or empty."""

    form_token: str
    kind: Literal["person", "firm"]
    holder: str
    role: MandateRole
    limit: str = ""
    signatures: str = "1"
    last_day: str = ""
    may_apply: str = ""
    may_data: str = ""
    may_pay: str = ""
    may_sign: str = ""
    may_seal: str = ""
    may_subagent: str = ""


class EndForm(PlainForm, frozen=True, forbid_unknown_fields=True):
    """The end of a mandate; `resign`: its holder lays it down."""

    resign: Literal["", "yes"] = ""


async def check_own_officer(call: PortalCall) -> Refused | None:
    """Show a company's mandates to its own officers; an agent neither sees nor changes them."""
    mandate = call.officer.mandate
    if mandate is None or mandate.via:
        return Refused(CompanyRefusal.OWN_MANDATE)
    return None


async def check_may_grant(call: PortalCall) -> Refused | None:
    """Show the form to those who may ask for a mandate at all."""
    if not _may_grant(call):
        return Refused(IdentityRefusal.MANDATE_SCOPE)
    return None


async def reply_mandates(call: PortalCall) -> Response:
    """Show who acts for the company, and what changes are asked for."""
    mandates = call.room.identity.mandates
    held: list[Mandate | FirmMandate] = [
        *await mandates.of_company(call.db, call.company_id),
        *await mandates.agents_of_company(call.db, call.company_id),
    ]
    requests = await call.room.identity.deeds.deeds(call.db, call.company_id)
    return show(
        call, "mandates.html", may_grant=_may_grant(call),
        mandates=[await _mandate(call, each) for each in held],
        requests=[await _summary(call, each) for each in requests[:SHOWN_MAX]],
    )  # fmt: skip


async def reply_new_mandate(call: PortalCall) -> Response:
    """Show an empty form, with no more than the officer's own mandate could give.

    `for` = firm begins with an agent firm.
    """
    kind = "firm" if call.query.get("for") == "firm" else "person"
    return show(call, "mandate_form.html", **_form(call, _EMPTY | {"kind": kind}))


async def save_mandate(call: PortalCall) -> Response | Refused:
    """Ask the officers for a mandate."""
    body: MandateForm = call.body
    drafted = await _drafted(call, body)
    asked = drafted if isinstance(drafted, Refused) else await _ask(call, *drafted)
    if isinstance(asked, Refused) and asked.refusal in _MENDABLE:
        values = msgspec.to_builtins(body)
        return show(call, "mandate_form.html", status=422, **_form(call, values, asked))
    return asked


async def save_end(call: PortalCall) -> Response | Refused:
    """Ask the officers for the end of a mandate, or lay one's own down."""
    body: EndForm = call.body
    return await _ask(call, Revoke(call.path_params["mandate_id"], body.resign == "yes"), "")


async def reply_request(call: PortalCall) -> Response | Refused:
    """Show a change that was asked for: the number for the phone, then what became of it."""
    found = await _request(call)
    if isinstance(found, Refused):
        return found
    values = await _waiting(call, found)
    return show(call, "mandate_request.html", request=await _summary(call, found), **values)


async def reply_request_state(call: PortalCall) -> Response | Refused:
    """Answer whether something has happened to a change; changes nothing."""
    found = await _request(call)
    if isinstance(found, Refused):
        return found
    return reply(StateReply((await _waiting(call, found))["fingerprint"]))


async def _request(call: PortalCall) -> DeedRequest | Refused:
    deeds = call.room.identity.deeds
    return await deeds.deed(call.db, call.company_id, call.path_params["request_id"])


async def _ask(call: PortalCall, deed: Deed, holder: str) -> Response | Refused:
    asked = await call.room.identity.deeds.request(
        call.db, person_id=call.officer.actor_person_id, company_id=call.company_id, deed=deed,
        holder=holder, language=call.lang, requester_org=PLATFORM_ORGANISATION,
    )  # fmt: skip
    return asked if isinstance(asked, Refused) else redirect(f"{_PAGE}/requests/{asked[0].id}")


async def _drafted(call: PortalCall, body: MandateForm) -> tuple[Deed, str] | Refused:
    """Return the deed and the holder's name as it is shown on the phones."""
    terms = _terms(call, body)
    if isinstance(terms, Refused):
        return terms
    if body.kind == "firm":
        firm = await call.room.identity.company_by_business_number(call.db, body.holder)
        if isinstance(firm, Refused):
            return _malformed("holder", "")
        draft = FirmMandateDraft(holder_company_id=firm.id, **terms)
        return GrantToFirm(draft), firm.names.in_language(call.lang)
    found = read_identifier(body.holder)
    if found is None:
        return _malformed("holder", "")
    person = await call.room.identity.parties.find_person(call.db, body.holder)
    person_id = person.id if person is not None else NOBODY
    return GrantToPerson(MandateDraft(person_id=person_id, **terms)), found[1]


def _terms(call: PortalCall, body: MandateForm) -> dict[str, Any] | Refused:
    scopes = frozenset(scope for box, scope in BOXES.items() if getattr(body, box) == "yes")
    limit, amount_max = body.limit.replace(",", "").strip(), None
    if limit:
        try:
            amount_max = Money.parse(limit, "HKD")
        except ValueError as error:
            return _malformed("limit", f"{error}.")
    text = body.signatures.strip()
    if not (text.isascii() and text.isdigit() and len(text) == 1):
        return _malformed("signatures", f"1-{SIGNATURES_MAX}")
    valid_to = None
    if body.last_day:
        try:
            last = date.fromisoformat(body.last_day)
            valid_to = datetime.combine(last + timedelta(days=1), time(), HONG_KONG)
        except (ValueError, OverflowError):
            return _malformed("last_day", "YYYY-MM-DD")
    if body.may_subagent == "yes":
        if body.kind != "firm":
            return _malformed("subagent", "")
        scopes |= {SUBAGENT_SCOPE}
    if not scopes - {SUBAGENT_SCOPE}:
        return _malformed("scopes", "")
    return {
        "company_id": call.company_id, "role": body.role, "scopes": scopes,
        "valid_from": call.kernel.business_clock.now(), "valid_to": valid_to,
        "amount_max": amount_max, "signatures_needed": int(text),
    }  # fmt: skip


def _malformed(field: str, detail: str) -> Refused:
    return Refused(PortalRefusal.FIELD_MALFORMED, detail, field)


def _form(
    call: PortalCall, values: dict[str, Any], problem: Refused | None = None
) -> dict[str, Any]:
    own = call.officer.mandate
    assert own is not None, "check_own_officer came first"
    return {
        "values": values, "problem": problem, "signatures_max": SIGNATURES_MAX, "own": own,
        "roles": [role for role in ROLES if not outranks(role, own.role)],
        "boxes": {box: scope for box, scope in BOXES.items() if scope in own.scopes},
        "problem_sentence": refusal_sentence(call, problem) if problem else "",
        "problem_label": _LABELS.get(problem.field, "mandate_new") if problem else "",
    }  # fmt: skip


def _may_grant(call: PortalCall) -> bool:
    mandate = call.officer.mandate
    return mandate is not None and DELEGATE_SCOPE in mandate.scopes


async def _mandate(call: PortalCall, mandate: Mandate | FirmMandate) -> dict[str, Any]:
    """What a row shows; `is_own`: the reader may lay it down."""
    identity = call.room.identity
    if isinstance(mandate, FirmMandate):
        firm = await identity.company(call.db, mandate.holder_company_id)
        assert not isinstance(firm, Refused), "a mandate's holder exists"
        return {"mandate": mandate, "name": firm.names.in_language(call.lang), "is_firm": True,
                "is_own": False}  # fmt: skip
    return {
        "mandate": mandate, "name": await _name(call, mandate.person_id), "is_firm": False,
        "is_own": mandate.person_id == call.officer.actor_person_id,
    }  # fmt: skip


async def _summary(call: PortalCall, request: DeedRequest) -> dict[str, Any]:
    return {
        "id": request.id, "kind": request.kind, "state": request.state, "at": request.created_at,
        "by": await _name(call, request.requested_by), "outcome": request.outcome or "",
    }  # fmt: skip


async def _waiting(call: PortalCall, request: DeedRequest) -> dict[str, Any]:
    """What the page of a change needs; the number only for who is asked alone."""
    identity, asked, agreed, quorum = call.room.identity, None, 0, 0
    assert request.approval_id is not None, "a deed was asked for by an approval"
    approval = await identity.approval(call.db, request.approval_id)
    assert not isinstance(approval, Refused), "a deed has its approval"
    answers = await identity.approval_answers(call.db, approval.id)
    mine = call.officer.actor_person_id
    agreed = sum(answer.decision == "approved" for answer in answers)
    quorum = approval.quorum
    is_waiting = request.state == "pending"
    if is_waiting:
        has_answered = any(answer.person_id == mine for answer in answers)
        is_mine = mine in approval.person_ids and not has_answered
        asked = {
            "words": approval.words, "number": approval.number if is_mine else None,
            "is_mine": is_mine, "expires_at": approval.expires_at,
            "language": approval.shown.language,
        }  # fmt: skip
    return {
        "asked": asked, "agreed": agreed, "quorum": quorum, "is_waiting": is_waiting,
        "words": approval.words, "language": approval.shown.language,
        "fingerprint": f"{request.state}.{len(answers)}",
    }  # fmt: skip


async def _name(call: PortalCall, person_id: str) -> str:
    person = await call.room.identity.person(call.db, person_id)
    assert not isinstance(person, Refused), "a mandate's person exists"
    return person.names.in_language(call.lang)


# What the form is shown again for, as it was filled in.
_MENDABLE = frozenset({
    PortalRefusal.FIELD_MALFORMED, IdentityRefusal.MANDATE_DRAFT, IdentityRefusal.COMPANY_UNKNOWN,
    IdentityRefusal.COMPANY_INACTIVE, CompanyRefusal.FIRM_CIRCLE,
})  # fmt: skip
_LABELS = {
    "holder": "mandate_holder", "role": "role", "scopes": "mandate_may", "limit": "mandate_up_to",
    "amount_max": "mandate_up_to", "signatures": "mandate_how", "last_day": "mandate_last_day",
    "holder_company_id": "mandate_holder", "subagent": "mandate_may_engage",
    "signatures_needed": "mandate_how", "valid_to": "mandate_last_day",
}  # fmt: skip
_EMPTY: dict[str, Any] = {
    "kind": "person", "holder": "", "role": "user", "limit": "", "signatures": "1",
    "last_day": "", "may_subagent": "", **dict.fromkeys(BOXES, ""),
}  # fmt: skip

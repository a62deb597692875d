"""The steps behind the routes of cases: read what came, ask the use case, show the outcome."""

from __future__ import annotations

from typing import Any, cast

from starlette.responses import Response

from lionrock.identity.api import PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, reply
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import CaseState
from lionrock.programmes.cases.domain.values import Document, DocumentKind
from lionrock.programmes.cases.http.bodies import (
    AssessmentBody,
    ClaimBody,
    DecisionBody,
    SignatureBody,
    StartBody,
    read_amount,
    read_proposal,
)
from lionrock.programmes.cases.http.replies import (
    CasesReply,
    RegisterReply,
    asked_reply,
    award_entry,
    case_reply,
    case_summary,
    payout_reply,
)
from lionrock.programmes.cases.service import (
    Actor,
    AssessmentDraft,
    Cases,
    Claim,
    DecisionDraft,
    Draft,
    as_csv,
)

# What staff sees on its desk, by name of the list.
DESKS = {
    "assessment": (CaseState.IN_ASSESSMENT,),
    "committee": (CaseState.ASSESSED, CaseState.AWARD_REFUSED),
    "agreement": (CaseState.AWARDED,),
    "payouts": (CaseState.AGREED,),
    "all": tuple(state for state in CaseState if state is not CaseState.DRAFT),
}
_NEVER_CACHED = {"cache-control": "no-store"}
_REGISTER_CACHED = {"cache-control": "public, max-age=5"}


def actor_of(call: PrincipalCall) -> Actor:
    """Return who acts, from the access token that was checked."""
    principal = call.principal
    return Actor(
        person_id=principal.actor_person_id, company_id=principal.company_id,
        staff_roles=frozenset(principal.staff_roles),
    )  # fmt: skip


async def save_draft(call: PrincipalCall) -> Response | Refused:
    """Begin a case."""
    room, body = _room(call), cast("StartBody", call.body)
    proposal = read_proposal(body.proposal)
    if isinstance(proposal, Refused):
        return proposal
    draft = Draft(
        programme_id=body.programme_id, language=body.language, facts=dict(body.facts),
        proposal=proposal,
    )  # fmt: skip
    case = await room.applications.start(call.db, actor_of(call), draft)
    return case if isinstance(case, Refused) else await _show(call, case.id, status=201)


async def reply_cases(call: PrincipalCall) -> Response | Refused:
    """List the company's cases."""
    found = await _room(call).own_cases(call.db, actor_of(call))
    if isinstance(found, Refused):
        return found
    return reply(CasesReply([case_summary(case, call.lang) for case in found]))


async def reply_case(call: PrincipalCall) -> Response | Refused:
    """Show one of the company's cases."""
    return await _show(call, call.path_params["case_id"])


async def reply_document(call: PrincipalCall) -> Response | Refused:
    """Hand out a document of one of the company's cases."""
    kind = _kind(call)
    if isinstance(kind, Refused):
        return kind
    room, case_id = _room(call), call.path_params["case_id"]
    return _pdf(await room.own_document(call.db, actor_of(call), case_id, kind))


async def save_signature_request(call: PrincipalCall) -> Response | Refused:
    """Ask for the applicant's signature or the company's seal."""
    room, body = _room(call), cast("SignatureBody", call.body)
    asked = await room.signatures.ask(
        call.db, actor_of(call), call.path_params["case_id"], body.document, body.party
    )
    return asked if isinstance(asked, Refused) else reply(asked_reply(asked), 201)


async def save_submission(call: PrincipalCall) -> Response | Refused:
    """Submit the application."""
    case_id = call.path_params["case_id"]
    case = await _room(call).applications.submit(call.db, actor_of(call), case_id)
    return case if isinstance(case, Refused) else await _show(call, case_id)


async def save_withdrawal(call: PrincipalCall) -> Response | Refused:
    """Withdraw the case."""
    case_id = call.path_params["case_id"]
    case = await _room(call).applications.withdraw(call.db, actor_of(call), case_id)
    return case if isinstance(case, Refused) else await _show(call, case_id)


async def save_claim(call: PrincipalCall) -> Response | Refused:
    """Claim a milestone."""
    body = cast("ClaimBody", call.body)
    amount_minor = read_amount(body.amount, "amount")
    if isinstance(amount_minor, Refused):
        return amount_minor
    claim = Claim(milestone=body.milestone, amount_minor=amount_minor, report=body.report)
    payout = await _room(call).payouts.claim(
        call.db, actor_of(call), call.path_params["case_id"], claim
    )
    return payout if isinstance(payout, Refused) else reply(payout_reply(payout), 201)


async def reply_staff_cases(call: PrincipalCall) -> Response | Refused:
    """List the cases on one of the staff's desks."""
    states = DESKS.get(call.query.get("desk", "all"))
    if states is None:
        detail = f"Desks: {', '.join(DESKS)}."
        return Refused(CaseRefusal.CASE_NOT_FOUND, detail, field="desk")
    found = await _room(call).staff_cases(call.db, actor_of(call), states)
    if isinstance(found, Refused):
        return found
    return reply(CasesReply([case_summary(case, call.lang) for case in found]))


async def reply_staff_case(call: PrincipalCall) -> Response | Refused:
    """Show a submitted case to staff."""
    return await _show_staff(call)


async def reply_staff_document(call: PrincipalCall) -> Response | Refused:
    """Hand out a document of a submitted case to staff."""
    kind = _kind(call)
    if isinstance(kind, Refused):
        return kind
    room, case_id = _room(call), call.path_params["case_id"]
    return _pdf(await room.staff_document(call.db, actor_of(call), case_id, kind))


async def save_assessment(call: PrincipalCall) -> Response | Refused:
    """Take an assessment or a declared conflict."""
    body = cast("AssessmentBody", call.body)
    draft = AssessmentDraft(
        has_conflict=body.has_conflict, declaration=body.declaration, marks=body.marks,
        recommendation=body.recommendation, comment=body.comment,
    )  # fmt: skip
    case = await _room(call).review.assess(
        call.db, actor_of(call), call.path_params["case_id"], draft
    )
    return case if isinstance(case, Refused) else await _show_staff(call)


async def save_decision(call: PrincipalCall) -> Response | Refused:
    """Take the committee's decision; an approval becomes an award when the ledger commits it."""
    body = cast("DecisionBody", call.body)
    amount_minor = read_amount(body.amount, "amount")
    if isinstance(amount_minor, Refused):
        return amount_minor
    draft = DecisionDraft(outcome=body.outcome, amount_minor=amount_minor, reasons=body.reasons)
    case = await _room(call).review.decide(
        call.db, actor_of(call), call.path_params["case_id"], draft
    )
    if isinstance(case, Refused):
        return case
    return await _show_staff(call, status=202 if case.state is CaseState.COMMITTING else 200)


async def save_office_seal_request(call: PrincipalCall) -> Response | Refused:
    """Ask a member of the committee to put the office's seal on the agreement."""
    asked = await _room(call).signatures.ask_office(
        call.db, actor_of(call), call.path_params["case_id"]
    )
    return asked if isinstance(asked, Refused) else reply(asked_reply(asked), 201)


async def save_release(call: PrincipalCall) -> Response | Refused:
    """Release a payout to the switch."""
    payout = await _room(call).payouts.release(
        call.db, actor_of(call), call.path_params["case_id"], call.path_params["payout_id"]
    )
    return payout if isinstance(payout, Refused) else reply(payout_reply(payout), 202)


async def reply_register(call: Call[Cases, None]) -> Response | Refused:
    """Show a page of the public register as JSON."""
    page = await call.room.register_page(call.db, call.query.get("after"))
    if isinstance(page, Refused):
        return page
    shown = RegisterReply(
        source=f"{call.kernel.settings.city} (simulated)",
        awards=[award_entry(entry) for entry in page.entries], next_after=page.next_after,
    )  # fmt: skip
    return reply(shown, headers=_REGISTER_CACHED)


async def reply_register_csv(call: Call[Cases, None]) -> Response | Refused:
    """Show a page of the public register as CSV (RFC 4180); the next page is in the Link header."""
    page = await call.room.register_page(call.db, call.query.get("after"))
    if isinstance(page, Refused):
        return page
    headers = dict(_REGISTER_CACHED)
    if page.next_after:
        headers["link"] = f'</programmes/v1/awards.csv?after={page.next_after}>; rel="next"'
    return Response(as_csv(page.entries), media_type="text/csv; header=present", headers=headers)


async def _show(call: PrincipalCall, case_id: str, status: int = 200) -> Response | Refused:
    view = await _room(call).own_case(call.db, actor_of(call), case_id)
    return view if isinstance(view, Refused) else reply(case_reply(view, call.lang), status)


async def _show_staff(call: PrincipalCall, status: int = 200) -> Response | Refused:
    case_id = call.path_params["case_id"]
    view = await _room(call).staff_case(call.db, actor_of(call), case_id)
    return view if isinstance(view, Refused) else reply(case_reply(view, call.lang), status)


def _kind(call: PrincipalCall) -> DocumentKind | Refused:
    name = call.path_params["kind"]
    if name == "application" or name == "agreement":
        return cast("DocumentKind", name)
    return Refused(CaseRefusal.DOCUMENT_NOT_FOUND)


def _pdf(document: Document | Refused) -> Response | Refused:
    if isinstance(document, Refused):
        return document
    name = f"{document.kind}-{document.case_id}.pdf"
    headers = {**_NEVER_CACHED, "content-disposition": f'inline; filename="{name}"'}
    return Response(document.content, media_type="application/pdf", headers=headers)


def _room(call: Any) -> Cases:
    return cast("Cases", call.room)

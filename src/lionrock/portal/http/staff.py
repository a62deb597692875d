"""The office's desks: assess, decide, seal, release. Only those who hold the role see them."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect, reply
from lionrock.kernel.money import Money, format_minor
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, actor_of, show
from lionrock.portal.http.case_view import case_values, fingerprint
from lionrock.portal.http.cases import CURRENCY, StateReply, pdf_reply
from lionrock.programmes.api import (
    CRITERIA,
    CRITERION_MAX,
    AssessmentDraft,
    CaseState,
    DecisionDraft,
)

DESKS = {
    "assessment": (CaseState.IN_ASSESSMENT,),
    "committee": (CaseState.ASSESSED, CaseState.AWARD_REFUSED, CaseState.COMMITTING),
    "agreement": (CaseState.AWARDED,),
    "payouts": (CaseState.AGREED,),
    "all": tuple(state for state in CaseState if state is not CaseState.DRAFT),
}
ROLE_DESK = {"assessor": "assessment", "committee": "committee"}


class AssessForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An assessment, or a conflict of interest."""

    form_token: str
    interest: Literal["none", "conflict"]
    declaration: str
    recommendation: Literal["support", "reject"] = "reject"
    comment: str = ""
    innovation: str = ""
    feasibility: str = ""
    team: str = ""
    benefit: str = ""
    value: str = ""


class DecideForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A committee's decision."""

    form_token: str
    outcome: Literal["approve", "decline"]
    reasons: str
    amount: str = ""


class BudgetForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money for a programme's budget; the same reference funds once."""

    form_token: str
    scheme: str
    amount: str
    reference: str


async def reply_budgets(call: PortalCall) -> Response:
    """Show the form that puts money into a programme's budget."""
    room = call.room
    names = {
        scheme.id: scheme.record.name.in_language(call.lang)
        for scheme in room.programmes.book.schemes.values()
    }
    return show(
        call, "budgets.html", names=names, reference=room.kernel.ids.new("ref"),
        funded=names.get(call.query.get("funded", "")),
    )  # fmt: skip


async def save_funding(call: PortalCall) -> Response | Refused:
    """Put money into a programme's budget; the ledger is asked outside of any transaction."""
    body = cast("BudgetForm", call.body)
    if body.scheme not in call.room.programmes.book.schemes:
        return Refused(PortalRefusal.FIELD_MALFORMED, field="scheme")
    try:
        amount = Money.parse(body.amount.replace(",", "").strip(), CURRENCY)
    except ValueError as error:
        return Refused(PortalRefusal.FIELD_MALFORMED, f"{error}.", "amount")
    funding = await call.room.office.fund_budget(
        actor_of(call.signed_in.person), body.scheme, amount, body.reference
    )
    if isinstance(funding, Refused):
        return funding
    return redirect(f"/portal/budgets?funded={body.scheme}")


async def reply_desks(call: PortalCall) -> Response | Refused:
    """List the cases on a desk, oldest first."""
    roles = call.signed_in.person.staff_roles
    own = next((desk for role, desk in ROLE_DESK.items() if role in roles), "all")
    desk = call.query.get("desk", own)
    if desk not in DESKS:
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    found: dict[str, Any] = {}
    actor = actor_of(call.signed_in.person)
    for name, states in DESKS.items():
        cases = await call.room.cases.staff_cases(call.db, actor, states)
        if isinstance(cases, Refused):
            return cases
        found[name] = cases
    return show(call, "staff.html", desk=desk, cases=found[desk],
                counts={name: len(cases) for name, cases in found.items()})


async def reply_staff_case(call: PortalCall) -> Response | Refused:
    """Show a submitted case with what this member of staff can do now."""
    person = call.signed_in.person
    view = await call.room.cases.staff_case(
        call.db, actor_of(person), call.path_params["case_id"]
    )
    if isinstance(view, Refused):
        return view
    limit_minor = view.case.judgement.limit_minor
    most_minor = min(view.case.proposal.requested_minor, limit_minor or 2**63)
    return show(
        call, "staff_case.html", criteria=CRITERIA, mark_max=CRITERION_MAX,
        has_assessed=any(a.assessor_id == person.actor_person_id for a in view.assessments),
        roles=person.staff_roles, most=format_minor(most_minor, CURRENCY), most_minor=most_minor,
        **await case_values(call, call.db, view),
    )  # fmt: skip


async def reply_staff_state(call: PortalCall) -> Response | Refused:
    """Answer whether something has happened to a case; changes nothing."""
    view = await call.room.cases.staff_case(
        call.db, actor_of(call.signed_in.person), call.path_params["case_id"]
    )
    return view if isinstance(view, Refused) else reply(StateReply(fingerprint(view)))


async def reply_staff_document(call: PortalCall) -> Response | Refused:
    """Hand out a submitted case's document."""
    kind = call.path_params["kind"]
    if kind not in ("application", "agreement"):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    document = await call.room.cases.staff_document(
        call.db, actor_of(call.signed_in.person), call.path_params["case_id"], cast("Any", kind)
    )
    return document if isinstance(document, Refused) else pdf_reply(document)


async def save_assessment(call: PortalCall) -> Response | Refused:
    """Take an assessment, or a declared conflict."""
    body = cast("AssessForm", call.body)
    has_conflict = body.interest == "conflict"
    marks: dict[str, int] = {}
    for criterion in CRITERIA if not has_conflict else ():
        text = getattr(body, criterion).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 2:
            detail = f"{CRITERIA[criterion].in_language(call.lang)}: 0-{CRITERION_MAX}"
            return Refused(PortalRefusal.FIELD_MALFORMED, detail, criterion)
        marks[criterion] = int(text)
    draft = AssessmentDraft(
        has_conflict=has_conflict, declaration=_prose(body.declaration), marks=marks,
        recommendation=body.recommendation, comment=_prose(body.comment),
    )  # fmt: skip
    case_id = call.path_params["case_id"]
    done = await call.room.cases.review.assess(
        call.db, actor_of(call.signed_in.person), case_id, draft
    )
    if isinstance(done, Refused):
        return done
    return redirect("/portal/staff" if has_conflict else f"/portal/staff/cases/{case_id}")


async def save_decision(call: PortalCall) -> Response | Refused:
    """Take the committee's decision; the ledger then commits an award."""
    body, case_id = cast("DecideForm", call.body), call.path_params["case_id"]
    amount_minor = 0
    if body.outcome == "approve":
        try:
            amount_minor = Money.parse(body.amount.replace(",", "").strip(), CURRENCY).amount_minor
        except ValueError as error:
            return Refused(PortalRefusal.FIELD_MALFORMED, f"{error}.", "amount")
    draft = DecisionDraft(
        outcome=body.outcome, amount_minor=amount_minor, reasons=_prose(body.reasons)
    )
    done = await call.room.cases.review.decide(
        call.db, actor_of(call.signed_in.person), case_id, draft
    )
    return done if isinstance(done, Refused) else redirect(f"/portal/staff/cases/{case_id}")


async def save_seal_request(call: PortalCall) -> Response | Refused:
    """Ask on the phone for the office's seal on the agreement."""
    case_id = call.path_params["case_id"]
    asked = await call.room.cases.signatures.ask_office(
        call.db, actor_of(call.signed_in.person), case_id
    )
    return asked if isinstance(asked, Refused) else redirect(f"/portal/staff/cases/{case_id}#sign")


async def save_release(call: PortalCall) -> Response | Refused:
    """Release a claimed payout to the switch."""
    case_id = call.path_params["case_id"]
    done = await call.room.cases.payouts.release(
        call.db, actor_of(call.signed_in.person), case_id, call.path_params["payout_id"]
    )
    if isinstance(done, Refused):
        return done
    return redirect(f"/portal/staff/cases/{case_id}#payouts")


def _prose(text: str) -> str:
    return text.replace("\r\n", "\n").strip()

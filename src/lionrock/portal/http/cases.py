"""My application: begin, read, sign, submit, follow, claim."""

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
from lionrock.programmes.api import Answer, Claim, Draft, Milestone, Proposal

MILESTONE_ROWS = 3
CURRENCY = "HKD"
_NO_STORE = {"cache-control": "no-store"}


class StartForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new application."""

    form_token: str
    scheme: str
    title: str
    summary: str
    cost: str
    requested: str
    payout_proxy_kind: Literal["mobile", "email"]
    payout_proxy: str
    milestone_1: str
    share_1: str
    milestone_2: str = ""
    share_2: str = ""
    milestone_3: str = ""
    share_3: str = ""


class SignForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which signature to ask for."""

    form_token: str
    document: Literal["application", "agreement"]
    party: Literal["person", "company-seal"]


class ClaimForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A milestone that was reached."""

    form_token: str
    milestone: int
    report: str


class StateReply(msgspec.Struct, frozen=True):
    """Where a case stands, as a short name that changes when something happened."""

    state: str


async def reply_cases(call: PortalCall) -> Response | Refused:
    """List the company's cases."""
    found = await call.room.cases.own_cases(call.db, actor_of(call.officer))
    return found if isinstance(found, Refused) else show(call, "cases.html", cases=found)


async def reply_new_case(call: PortalCall) -> Response | Refused:
    """Show the form of a new application, with what is known filled in."""
    return await _show_form(call, call.query.get("scheme", ""), {})


async def save_case(call: PortalCall) -> Response | Refused:
    """Begin a case; a refused field leads back to the form with what was typed."""
    body = cast("StartForm", call.body)
    proposal = _proposal(body)
    if isinstance(proposal, Refused):
        return await _show_form(call, body.scheme, msgspec.to_builtins(body), proposal)
    draft = Draft(
        programme_id=body.scheme, language=call.lang, facts=dict(call.signed_in.kept.facts),
        proposal=proposal,
    )  # fmt: skip
    case = await call.room.cases.applications.start(call.db, actor_of(call.officer), draft)
    if isinstance(case, Refused):
        if case.field:
            return await _show_form(call, body.scheme, msgspec.to_builtins(body), case)
        return case
    return redirect(f"/portal/cases/{case.id}")


async def reply_case(call: PortalCall) -> Response | Refused:
    """Show a case: where it stands, what to do next, everything about it."""
    view = await call.room.cases.own_case(
        call.db, actor_of(call.officer), call.path_params["case_id"]
    )
    if isinstance(view, Refused):
        return view
    return show(call, "case.html", **await case_values(call, call.db, view))


async def reply_case_state(call: PortalCall) -> Response | Refused:
    """Answer whether something has happened to a case; changes nothing."""
    view = await call.room.cases.own_case(
        call.db, actor_of(call.officer), call.path_params["case_id"]
    )
    return view if isinstance(view, Refused) else reply(StateReply(fingerprint(view)))


async def reply_document(call: PortalCall) -> Response | Refused:
    """Hand out a document of the company's own case."""
    kind = call.path_params["kind"]
    if kind not in ("application", "agreement"):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    document = await call.room.cases.own_document(
        call.db, actor_of(call.officer), call.path_params["case_id"], cast("Any", kind)
    )
    return document if isinstance(document, Refused) else pdf_reply(document)


async def save_signature_request(call: PortalCall) -> Response | Refused:
    """Put the question on the phone; the case's page shows the number."""
    body, case_id = cast("SignForm", call.body), call.path_params["case_id"]
    asked = await call.room.cases.signatures.ask(
        call.db, actor_of(call.officer), case_id, body.document, body.party
    )
    return asked if isinstance(asked, Refused) else redirect(f"/portal/cases/{case_id}#sign")


async def save_submission(call: PortalCall) -> Response | Refused:
    """Submit the signed application."""
    case_id = call.path_params["case_id"]
    done = await call.room.cases.applications.submit(call.db, actor_of(call.officer), case_id)
    return done if isinstance(done, Refused) else redirect(f"/portal/cases/{case_id}")


async def save_withdrawal(call: PortalCall) -> Response | Refused:
    """Withdraw the case."""
    case_id = call.path_params["case_id"]
    done = await call.room.cases.applications.withdraw(call.db, actor_of(call.officer), case_id)
    return done if isinstance(done, Refused) else redirect(f"/portal/cases/{case_id}")


async def save_claim(call: PortalCall) -> Response | Refused:
    """Claim a milestone, whole as agreed."""
    body, case_id = cast("ClaimForm", call.body), call.path_params["case_id"]
    actor, cases = actor_of(call.officer), call.room.cases
    view = await cases.own_case(call.db, actor, case_id)
    if isinstance(view, Refused):
        return view
    amounts = view.milestone_amounts_minor
    number = body.milestone
    amount_minor = amounts[number - 1] if 1 <= number <= len(amounts) else 0
    claim = Claim(milestone=number, amount_minor=amount_minor, report=_text(body.report))
    payout = await cases.payouts.claim(call.db, actor, case_id, claim)
    return payout if isinstance(payout, Refused) else redirect(f"/portal/cases/{case_id}#payouts")


def pdf_reply(document: Any) -> Response:
    """Answer with a document to read or keep."""
    name = f"{document.kind}-{document.case_id}.pdf"
    headers = {**_NO_STORE, "content-disposition": f'inline; filename="{name}"'}
    return Response(document.content, media_type="application/pdf", headers=headers)


async def _show_form(
    call: PortalCall, scheme_id: str, typed: dict[str, str], refused: Refused | None = None
) -> Response | Refused:
    room = call.room.programmes
    scheme = room.scheme(scheme_id)
    if isinstance(scheme, Refused):
        return scheme
    kept = call.signed_in.kept
    facts, on = room.read_facts(kept.facts), room.read_date(None)
    assert not isinstance(facts, Refused) and not isinstance(on, Refused), "kept facts were read"
    decision = room.decide(scheme, facts, on)
    company = await call.room.identity.company(call.db, call.company_id)
    assert not isinstance(company, Refused), "a mandate's company exists"
    filled = {
        "cost": _dollars(kept.facts.get("project_cost_hkd")),
        "requested": format_minor(decision.amount_minor, CURRENCY)
        if decision.amount_minor is not None else "",
        "share_1": "100", "payout_proxy_kind": "mobile",
    } | typed  # fmt: skip
    return show(
        call, "new_case.html", status=422 if refused else 200, scheme=scheme, decision=decision,
        filled=filled, refused=refused, rows=range(1, MILESTONE_ROWS + 1),
        is_unfit=decision.answer is Answer.NO, has_facts=bool(kept.facts),
        known_proxy=call.room.surroundings.payment_proxies.get(company.business_number, ""),
    )  # fmt: skip


def _proposal(body: StartForm) -> Proposal | Refused:
    amounts: dict[str, int] = {}
    for field in ("cost", "requested"):
        text = getattr(body, field).replace(",", "").strip()
        try:
            amounts[field] = Money.parse(text, CURRENCY).amount_minor
        except ValueError as error:
            return Refused(PortalRefusal.FIELD_MALFORMED, f"{error}.", field)
    milestones = []
    for number in range(1, MILESTONE_ROWS + 1):
        title = getattr(body, f"milestone_{number}").strip()
        share = getattr(body, f"share_{number}").strip()
        if not title and (not share or number > 1):
            continue
        if not share.isascii() or not share.isdigit() or len(share) > 3:
            return Refused(PortalRefusal.FIELD_MALFORMED, "1 to 100.", f"share_{number}")
        milestones.append(Milestone(title=title, share_percent=int(share)))
    return Proposal(
        title=body.title.strip(), summary=_text(body.summary), cost_minor=amounts["cost"],
        requested_minor=amounts["requested"], milestones=tuple(milestones),
        payout_proxy_kind=body.payout_proxy_kind, payout_proxy=body.payout_proxy.strip(),
    )  # fmt: skip


def _text(prose: str) -> str:
    """A browser sends CR LF; one line end is enough (HTML, form data set)."""
    return prose.replace("\r\n", "\n").strip()


def _dollars(value: Any) -> str:
    return str(value) if value is not None else ""

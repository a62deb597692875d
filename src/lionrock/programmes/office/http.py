"""The office over HTTP: funding by operators, evidence for a case's company, anchors for all."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.api import Identity, PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply
from lionrock.kernel.money import Money
from lionrock.programmes.cases import CaseRefusal, actor_of
from lionrock.programmes.office.errors import OFFICE_ERRORS
from lionrock.programmes.office.service import Office

CURRENCY = "HKD"


class FundingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` in HKD; `reference` names this funding: the same one funds once."""

    amount: str
    reference: str


class FundingReply(msgspec.Struct, frozen=True):
    """A funding that the ledger has carried out."""

    funding_id: str
    programme_id: str
    amount: str


class OfficeCall(PrincipalCall):
    """A call at the office."""

    room: Office
    body: FundingBody


async def save_funding(call: OfficeCall) -> Response | Refused:
    """Put money into a programme's budget."""
    try:
        amount = Money.parse(call.body.amount, CURRENCY)
    except ValueError as error:
        return Refused(CaseRefusal.BUDGET_MALFORMED, f"{error}.", field="amount")
    programme_id = call.path_params["programme_id"]
    funded = await call.room.fund_budget(
        actor_of(call), programme_id, amount, call.body.reference
    )
    if isinstance(funded, Refused):
        return funded
    return reply(FundingReply(funded.id, programme_id, amount.wire()), 201)


async def reply_evidence(call: OfficeCall) -> Response | Refused:
    """Export the case's bundle."""
    bundle = await call.room.case_evidence(actor_of(call), call.path_params["case_id"])
    if isinstance(bundle, Refused):
        return bundle
    headers = {"content-disposition": 'attachment; filename="evidence.zip"'}
    return Response(bundle, media_type="application/zip", headers=headers)


async def reply_trust(call: Call[Office, None]) -> Response:
    """Show the anchors to check this city's bundles against; get them once, over a trusted way."""
    return Response(await call.room.trust_anchors(call.db), media_type="application/json")


def office_table(room: Office, identity: Identity) -> RouteTable:
    """The rows of the office; `identity` checks the access tokens."""
    check = identity.check_access_token
    common: dict[str, Any] = {"call": OfficeCall, "errors": OFFICE_ERRORS, "mode": "beats"}
    return RouteTable(pillar="programmes", room=room, routes=(
        Route(
            method="POST", path="/programmes/v1/staff/budgets/{programme_id}/fundings",
            name="fund_budget", summary="Put money into a programme's budget.",
            steps=(check, save_funding), body=FundingBody, replies={201: FundingReply},
            scope="staff", **common,
        ),
        Route(
            method="GET", path="/programmes/v1/cases/{case_id}/evidence", name="case_evidence",
            summary="Fetch the evidence bundle of a case of the company.",
            steps=(check, reply_evidence), replies={200: None},
            reply_media_type="application/zip", scope="programmes", **common,
        ),
        Route(
            method="GET", path="/programmes/v1/trust.json", name="trust_anchors",
            summary="The anchors that prove this city's bundles.", steps=(reply_trust,),
            errors=OFFICE_ERRORS, replies={200: None},
        ),
    ))  # fmt: skip

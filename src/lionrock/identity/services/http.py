"""The directory of services over HTTP, and onboarding for companies and operators.

Searching needs no token. Requests are a company's (a token that acts for one); reviews are an
operator's (scope "staff").
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.companies import COMPANY_ERRORS
from lionrock.identity.service.identity import PrincipalCall
from lionrock.identity.services.domain import CATEGORIES, Found, Service, read_query
from lionrock.identity.services.errors import SERVICES_ERRORS
from lionrock.identity.services.onboarding import Onboarding, ServiceDraft
from lionrock.identity.services.service import Services
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, RouteTable, Step, reply

# Of companies' refusals: a service that comes on brings the roles that it declares.
_ALL_ERRORS = {**ERRORS, **COMPANY_ERRORS, **SERVICES_ERRORS}
_OWN = "/identity/v1/onboardings"


class ReviewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word on the version that was seen."""

    version: int
    decision: Literal["agree", "return"]
    reasons: str


class CategoriesReply(msgspec.Struct, frozen=True):
    """Every category with its name in three languages."""

    categories: dict[str, Any]


class OnboardingsReply(msgspec.Struct, frozen=True):
    """Requests, each with its reviews and the tests seen."""

    onboardings: list[Onboarding]


class ServicesCall(Call[Services, None]):
    """A search."""


class OnboardingCall(PrincipalCall):
    """A call of an officer or an operator."""

    room: Services
    body: Any


async def reply_services(call: ServicesCall) -> Response | Refused:
    """Search by words, category, audience and way of signing in."""
    query = read_query(
        words=call.query.get("q", ""), category=call.query.get("category", ""),
        audience=call.query.get("audience", ""), sign_in=call.query.get("sign_in", ""),
        offset=call.query.get("offset", ""), limit=call.query.get("limit", ""),
    )  # fmt: skip
    if isinstance(query, Refused):
        return query
    return reply(await call.room.search(call.db, query))


async def reply_service(call: ServicesCall) -> Response | Refused:
    """Show one listed service."""
    found = await call.room.service(call.db, call.path_params["service_id"])
    return found if isinstance(found, Refused) else reply(found)


async def reply_categories(_call: ServicesCall) -> Response:
    """Show the categories."""
    return reply(CategoriesReply({name: msgspec.to_builtins(t) for name, t in CATEGORIES.items()}))


async def save_request(call: OnboardingCall) -> Response | Refused:
    """Begin a request for the token's company."""
    made = await call.room.request(call.db, call.principal, call.body)
    return made if isinstance(made, Refused) else reply(made, status=201)


async def reply_requests(call: OnboardingCall) -> Response:
    """Show the company's requests."""
    return reply(OnboardingsReply(await call.room.of_company(call.db, call.principal)))


async def reply_request(call: OnboardingCall) -> Response | Refused:
    """Show one request of the company."""
    return _answer(await call.room.own(call.db, call.principal, _id(call)))


async def save_change(call: OnboardingCall) -> Response | Refused:
    """Replace a draft."""
    return _answer(await call.room.change(call.db, call.principal, _id(call), call.body))


async def save_submission(call: OnboardingCall) -> Response | Refused:
    """Hand a draft to the reviewers."""
    return _answer(await call.room.submit(call.db, call.principal, _id(call)))


async def save_go_live(call: OnboardingCall) -> Response | Refused:
    """Ask for everybody."""
    return _answer(await call.room.ask_go_live(call.db, call.principal, _id(call)))


async def save_withdrawal(call: OnboardingCall) -> Response | Refused:
    """End a request."""
    return _answer(await call.room.withdraw(call.db, call.principal, _id(call)))


async def reply_waiting(call: OnboardingCall) -> Response | Refused:
    """Show an operator what waits for reviewers."""
    found = await call.room.waiting(call.db, call.principal)
    return found if isinstance(found, Refused) else reply(OnboardingsReply(found))


async def save_review(call: OnboardingCall) -> Response | Refused:
    """Keep an operator's word; the second agreement moves the request on."""
    body: ReviewBody = call.body
    return _answer(
        await call.room.review(
            call.db, call.principal, _id(call), version=body.version, decision=body.decision,
            reasons=body.reasons,
        )
    )  # fmt: skip


def table(room: Services) -> RouteTable:
    """Return the rows of the room."""
    return RouteTable(
        pillar="identity", room=room,
        routes=(*_directory(), *_onboarding(room), *_reviews(room)),
    )  # fmt: skip


def _directory() -> tuple[Route, ...]:
    common: dict[str, Any] = {"call": ServicesCall, "errors": SERVICES_ERRORS}
    return (
        Route(
            method="GET", path="/identity/v1/services", name="search_services",
            summary="Search the services of this city", steps=(reply_services,),
            replies={200: Found}, query=("q", "category", "audience", "sign_in", "offset", "limit"),
            **common,
        ),
        Route(
            method="GET", path="/identity/v1/services/{service_id}", name="show_service",
            summary="One listed service", steps=(reply_service,), replies={200: Service}, **common,
        ),
        Route(
            method="GET", path="/identity/v1/service-categories", name="list_service_categories",
            summary="The categories of services", steps=(reply_categories,), mode="none",
            replies={200: CategoriesReply}, **common,
        ),
    )  # fmt: skip


def _onboarding(room: Services) -> tuple[Route, ...]:
    checks: tuple[Step, ...] = (room.identity.check_access_token, room.identity.check_company)
    common: dict[str, Any] = {"call": OnboardingCall, "errors": _ALL_ERRORS, "scope": "company"}
    one = f"{_OWN}/{{onboarding_id}}"

    def row(method: Any, path: str, name: str, summary: str, step: Step, **more: Any) -> Route:
        return Route(
            method=method, path=path, name=name, summary=summary, steps=(*checks, step),
            **{"replies": {200: Onboarding}, **common, **more},
        )  # fmt: skip

    return (
        row("POST", _OWN, "request_onboarding", "Ask for a service to come on", save_request,
            body=ServiceDraft, replies={201: Onboarding}),
        row("GET", _OWN, "list_onboardings", "The company's requests", reply_requests,
            replies={200: OnboardingsReply}),
        row("GET", one, "show_onboarding", "One request of the company", reply_request),
        row("PUT", one, "change_onboarding", "Change a request", save_change, body=ServiceDraft),
        row("POST", f"{one}/submission", "submit_onboarding", "Hand it to the reviewers",
            save_submission, body_kind="raw", body_bytes_max=0),
        row("POST", f"{one}/go-live", "ask_go_live", "Ask for everybody, after the test",
            save_go_live, body_kind="raw", body_bytes_max=0),
        row("POST", f"{one}/withdrawal", "withdraw_onboarding", "End a request",
            save_withdrawal, body_kind="raw", body_bytes_max=0),
    )  # fmt: skip


def _reviews(room: Services) -> tuple[Route, ...]:
    check: Step = room.identity.check_access_token
    common: dict[str, Any] = {"call": OnboardingCall, "errors": _ALL_ERRORS, "scope": "staff"}
    return (
        Route(
            method="GET", path="/identity/v1/staff/onboardings", name="list_waiting_onboardings",
            summary="Requests that wait for reviewers", steps=(check, reply_waiting),
            replies={200: OnboardingsReply}, **common,
        ),
        Route(
            method="POST", path="/identity/v1/staff/onboardings/{onboarding_id}/reviews",
            name="review_onboarding", summary="Agree, or return with reasons",
            steps=(check, save_review), body=ReviewBody, replies={200: Onboarding}, **common,
        ),
    )  # fmt: skip


def _id(call: OnboardingCall) -> str:
    return call.path_params["onboarding_id"]


def _answer(made: Onboarding | Refused) -> Response | Refused:
    return made if isinstance(made, Refused) else reply(made)

"""The rows below /sandbox: phones that a program can hold, and a resource to try tokens on."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.api import COMPANY_URN, ClientPrincipal, Message, Principal
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply
from lionrock.sandbox.hooks.errors import PHONE_ERRORS
from lionrock.sandbox.hooks.room import (
    WATCH_MS_MAX,
    Asked,
    Habit,
    Hooks,
    PhoneShown,
    Waiting,
    Wish,
)

PERSONAS_WATCHED_MAX = 100


class DecideBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A button pressed on a phone. Without `number` the person reads it on the page."""

    decision: Wish
    number: str | None = None


class HabitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a phone does by itself from now on: approve, deny, or ask its holder."""

    decision: Habit


class HabitReply(msgspec.Struct, frozen=True):
    """What the phone does by itself now."""

    persona: str
    decision: Habit


class ResourceReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the resource learned from token and proof. `sub`: pairwise; a client's own has none."""

    client_id: str
    scope: str
    jkt: str
    bearer: str
    sub: str | None = None
    act: dict[str, str] | None = None
    company: str | None = None


class ResourceCall(Call[Hooks, Any]):
    """A call with a token that was checked."""

    principal: Principal | ClientPrincipal


async def reply_phones(call: Call[Hooks, None]) -> Response:
    """Answer with everybody who has a phone."""
    return reply(await call.room.phones())


async def reply_asked(call: Call[Hooks, None]) -> Response | Refused:
    """Answer with what a persona was asked, with words and number."""
    asked = await call.room.asked(call.path_params["persona"])
    return asked if isinstance(asked, Refused) else reply(asked)


async def reply_messages(call: Call[Hooks, None]) -> Response | Refused:
    """Answer with what was sent to a persona's phone and mailbox (simulated carriers)."""
    sent = await call.room.messages(call.path_params["persona"])
    return sent if isinstance(sent, Refused) else reply(sent)


async def reply_decided(call: Call[Hooks, DecideBody]) -> Response | Refused:
    """Press the button; the phone signs and the platform decides."""
    asked = await call.room.decide(
        call.path_params["persona"], call.path_params["approval_id"], call.body.decision,
        call.body.number,
    )  # fmt: skip
    return asked if isinstance(asked, Refused) else reply(asked)


async def reply_habit(call: Call[Hooks, HabitBody]) -> Response | Refused:
    """Set what a phone does by itself."""
    persona, habit = call.path_params["persona"], call.body.decision
    problem = await call.room.set_habit(persona, habit)
    return problem or reply(HabitReply(persona, habit))


async def reply_waiting(call: Call[Hooks, None]) -> Response:
    """Answer a phone that answers by itself as soon as something waits for it."""
    personas = [name for name in call.query.get("personas", "").split(",") if name]
    wait_ms = call.query.get("wait_ms", "0")
    is_number = wait_ms.isascii() and wait_ms.isdigit() and len(wait_ms) < 6
    waited = await call.room.read_pages(
        personas[:PERSONAS_WATCHED_MAX], int(wait_ms) if is_number else WATCH_MS_MAX
    )
    return reply(waited)


async def check_bearer(call: ResourceCall) -> Response | None:
    """Check token and DPoP proof as every resource does; whatever scope (RFC 9449 s7)."""
    return await call.room.identity.check_bearer(call)


async def reply_resource(call: ResourceCall) -> Response:
    """Say what token and proof told."""
    principal = call.principal
    scope = " ".join(sorted(principal.scopes))
    proof = call.room.identity.clients.read_dpop(
        call.request.headers.getlist("dpop"), method=call.request.method,
        url=f"{call.room.identity.issuer}{call.route.path}",
        access_token=call.request.headers["authorization"].partition(" ")[2],
    )  # fmt: skip
    assert not isinstance(proof, Refused), "check_bearer took this very proof"
    shown = ResourceReply(
        client_id=principal.client_id, scope=scope, jkt=proof.jkt, bearer="client"
    )
    if isinstance(principal, Principal):
        is_company = principal.company_id is not None
        shown = msgspec.structs.replace(
            shown, sub=principal.subject, bearer="company" if is_company else "person",
            act={"sub": principal.actor_subject} if principal.actor_subject else None,
            company=f"{COMPANY_URN}{principal.company_id}" if is_company else None,
        )  # fmt: skip
    return reply(shown)


def hooks_table(room: Hooks) -> RouteTable:
    """Return the rows that the sandbox's platform has beside its own."""
    return RouteTable(pillar="sandbox", room=room, routes=ROUTES)


ROUTES = (
    Route(
        method="GET", path="/sandbox/phones", name="list_sandbox_phones",
        summary="Everybody with a simulated phone", steps=(reply_phones,), mode="none",
        replies={200: list[PhoneShown]}, errors=PHONE_ERRORS, query=(),
    ),
    Route(
        method="GET", path="/sandbox/phones/waiting", name="watch_sandbox_phones",
        summary="What waits for phones that answer by themselves", steps=(reply_waiting,),
        mode="none", replies={200: list[Waiting]}, errors=PHONE_ERRORS,
        query=("personas", "wait_ms"),
    ),
    Route(
        method="GET", path="/sandbox/phones/{persona}/approvals", name="list_sandbox_approvals",
        summary="What a persona was asked: words, number, status", steps=(reply_asked,),
        mode="none", replies={200: list[Asked]}, errors=PHONE_ERRORS, query=(),
    ),
    Route(
        method="GET", path="/sandbox/phones/{persona}/messages", name="list_sandbox_messages",
        summary="What was sent to a persona's phone and mailbox", steps=(reply_messages,),
        mode="none", replies={200: list[Message]}, errors=PHONE_ERRORS, query=(),
    ),
    Route(
        method="POST", path="/sandbox/phones/{persona}/approvals/{approval_id}",
        name="decide_sandbox_approval", summary="Press a button on a simulated phone",
        steps=(reply_decided,), mode="beats", body=DecideBody, replies={200: Asked},
        errors=PHONE_ERRORS, query=(),
    ),
    Route(
        method="PUT", path="/sandbox/phones/{persona}/auto", name="set_sandbox_phone",
        summary="Let a simulated phone answer by itself", steps=(reply_habit,), mode="beats",
        body=HabitBody, replies={200: HabitReply}, errors=PHONE_ERRORS, query=(),
    ),
    Route(
        method="GET", path="/sandbox/resource", name="read_sandbox_resource",
        summary="A resource to try tokens on", steps=(check_bearer, reply_resource),
        call=ResourceCall, replies={200: ResourceReply}, errors=PHONE_ERRORS,
        clause="RFC 9449 s7", query=None,
    ),
    Route(
        method="POST", path="/sandbox/resource", name="write_sandbox_resource",
        summary="The same resource by POST; its body is not looked at",
        steps=(check_bearer, reply_resource), call=ResourceCall, body_kind="raw",
        replies={200: ResourceReply}, errors=PHONE_ERRORS, clause="RFC 9449 s7", query=None,
    ),
)  # fmt: skip

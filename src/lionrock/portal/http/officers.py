"""The operators' page of departments' officers, who decide refunds of fees on their phones.

One operator enters a person, another one agrees; either ends it. What two operators need is
payments' own rule; the page shows what the reader can do now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.api import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, redirect
from lionrock.portal.http.calls import PortalCall, show

_PAGE = "/portal/officers"
_DEPARTMENT_ROLE = "department"
_PERSON_PREFIX = "per_"


class OfficerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person, the department, and the name that the department uses in its calls."""

    form_token: str
    department: str
    name: str
    person: str


def rows(
    page: Callable[..., Route], form: Callable[..., Route], operator: tuple[Any, ...]
) -> tuple[Route, ...]:
    """The rows of this page; `operator` are the steps before each."""
    one = f"{_PAGE}/{{officer_id}}"
    return (
        page(_PAGE, "officers", "Who decides refunds of fees", (*operator, reply_officers)),
        form(_PAGE, "enter_officer", "Enter an officer of a department",
             (*operator, save_officer), OfficerForm),
        form(f"{one}/agreement", "agree_officer", "Agree to an officer that another one entered",
             (*operator, save_agreement)),
        form(f"{one}/end", "end_officer", "End an officer's appointment at once",
             (*operator, save_end)),
    )  # fmt: skip


async def reply_officers(call: PortalCall) -> Response | Refused:
    """Show the officers, and who is to become one."""
    me = _operator(call)
    found = await call.room.payments.links.officers.standing(call.db, me)
    if isinstance(found, Refused):
        return found
    departments = await call.room.directory.list(call.db, _DEPARTMENT_ROLE)
    names = {each.id: each.names.get(call.lang) or each.names["en"] for each in departments}
    return show(
        call, "officers.html", departments=names,
        officers=[
            {
                "id": each.id, "department": names.get(each.organisation_id, each.organisation_id),
                "name": each.name, "person": await _name(call, each.person_id),
                "state": each.state, "at": each.changed_at,
                "can_agree": each.state == "asked" and me not in (each.asked_by, each.person_id),
            }
            for each in found
        ],
    )  # fmt: skip


async def save_officer(call: PortalCall) -> Response | Refused:
    """Ask for an appointment; another operator agrees to it."""
    body: OfficerForm = call.body
    identity, typed = call.room.identity, body.person.strip()
    if typed.startswith(_PERSON_PREFIX):
        person = await identity.person(call.db, typed)
    else:
        person = await identity.parties.find_person(call.db, typed) or Refused(
            IdentityRefusal.PERSON_UNKNOWN, field="person"
        )
    if isinstance(person, Refused):
        return person
    return _to(await call.room.payments.links.officers.enter(
        call.db, _operator(call), body.department.strip(), body.name.strip(), person.id
    ))


async def save_agreement(call: PortalCall) -> Response | Refused:
    """Agree to what another operator entered."""
    desk = call.room.payments.links.officers
    return _to(await desk.agree(call.db, _operator(call), call.path_params["officer_id"]))


async def save_end(call: PortalCall) -> Response | Refused:
    """End an appointment."""
    desk = call.room.payments.links.officers
    return _to(await desk.end(call.db, _operator(call), call.path_params["officer_id"]))


def _to(done: object) -> Response | Refused:
    return done if isinstance(done, Refused) else redirect(_PAGE)


def _operator(call: PortalCall) -> str:
    return call.signed_in.person.actor_person_id


async def _name(call: PortalCall, person_id: str) -> str:
    person = await call.room.identity.person(call.db, person_id)
    return "–" if isinstance(person, Refused) else person.names.in_language(call.lang)

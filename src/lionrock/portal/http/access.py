"""Start page, signing in and out, choosing a company."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import redirect
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import (
    BEGIN_COOKIE,
    COOKIE,
    PortalCall,
    cookie_name,
    in_transaction,
    is_secure,
    own_path,
    session_secret,
    show,
)
from lionrock.portal.service import SIGN_IN_LIFE


class CompanyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The company to act for."""

    form_token: str
    company: str


async def reply_start(call: PortalCall) -> Response:
    """Show what this city is and where to go."""
    return show(call, "start.html")


async def check_address(call: PortalCall) -> Response | None:
    """Sign in under the city's public address only: cookies of another name would be lost."""
    host = call.request.headers.get("host", "")
    if call.room.origin.partition("://")[2] == host:
        return None
    to = quote(own_path(call.query.get("to", "/")))
    return redirect(f"{call.room.origin}/portal/sign-in?to={to}&lang={call.lang}")


async def save_begun(call: PortalCall) -> Response | Refused:
    """Push an authorization request and send the browser to the sign-in page (RFC 9126)."""
    begun = await call.room.begin(own_path(call.query.get("to", "/")), call.lang)
    if isinstance(begun, Refused):
        return begun
    address, secret = begun
    response = redirect(address)
    _set_cookie(call, response, BEGIN_COOKIE, secret, int(SIGN_IN_LIFE.total_seconds()))
    return response


async def save_signed_in(call: PortalCall) -> Response | Refused:
    """Take the browser's return, get the token, begin a session with a new secret."""
    secret = session_secret(call, BEGIN_COOKIE)
    if secret is None:
        return Refused(PortalRefusal.SIGN_IN_LOST)
    done = await call.room.finish(dict(call.query), secret, session_secret(call))
    if isinstance(done, Refused):
        return done
    fresh, return_to, expires_at = done
    response = redirect(return_to)
    lifetime_s = int((expires_at - call.kernel.wire_clock.now()).total_seconds())
    _set_cookie(call, response, COOKIE, fresh, lifetime_s)
    response.delete_cookie(
        cookie_name(call.room, BEGIN_COOKIE), path="/", httponly=True,
        secure=is_secure(call.room), samesite="lax",
    )  # fmt: skip
    return response


async def save_signed_out(call: PortalCall) -> Response:
    """End the session here; the cookie goes with it."""
    await call.room.end(call.db, call.signed_in)
    return forget_session(call, redirect("/"))


def forget_session(call: PortalCall, response: Response) -> Response:
    """Take the session's cookie away with an answer."""
    response.delete_cookie(
        cookie_name(call.room, COOKIE), path="/", httponly=True, secure=is_secure(call.room),
        samesite="lax",
    )  # fmt: skip
    return response


async def reply_company(call: PortalCall) -> Response:
    """Show the companies that the person acts for, and the mandate for the chosen one."""
    shown = await in_transaction(call, lambda db: _companies(call, db))
    return show(call, "company.html", companies=shown)


async def save_company(call: PortalCall) -> Response | Refused:
    """Act for a company from now on (RFC 8693)."""
    refused = await call.room.choose_company(call.signed_in, call.body.company)
    return refused if refused is not None else redirect("/portal/company")


async def _companies(call: PortalCall, db: Connection) -> list[dict[str, Any]]:
    session, identity = call.signed_in, call.room.identity
    chosen = session.officer.company_id if session.officer else None
    shown: list[dict[str, Any]] = []
    for mandate in await identity.mandates.of_person(db, session.person.actor_person_id):
        company = await identity.company(db, mandate.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        shown.append({
            "id": company.id, "name": company.names.in_language(call.lang),
            "business_number": company.business_number, "status": company.status,
            "is_chosen": company.id == chosen, "mandate": mandate,
            "officers": await _officers(call, db, company.id) if company.id == chosen else [],
        })  # fmt: skip
    return shown


async def _officers(call: PortalCall, db: Connection, company_id: str) -> list[dict[str, Any]]:
    """Everybody who acts for a company: an officer may know the other officers."""
    shown = []
    for mandate in await call.room.identity.officers(db, company_id):
        person = await call.room.identity.person(db, mandate.person_id)
        assert not isinstance(person, Refused), "a mandate's person exists"
        shown.append({"name": person.names.in_language(call.lang), "mandate": mandate})
    return shown


def _set_cookie(
    call: PortalCall, response: Response, name: str, secret: str, lifetime_s: int
) -> None:
    response.set_cookie(
        cookie_name(call.room, name), secret, max_age=lifetime_s, path="/", httponly=True,
        secure=is_secure(call.room), samesite="lax",
    )  # fmt: skip

"""The call of every page and the checks that pages share: session, company, role, form.

A page that needs a session sends the browser to sign in; a form without one is refused, for nobody
should sign in and have a forgotten form sent. Foreign things are "not found" in the pillars.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from lionrock.identity.api import Principal
from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import KERNEL_ERRORS, Refused
from lionrock.kernel.http import Call, redirect
from lionrock.portal.errors import ERRORS, PortalRefusal
from lionrock.portal.pages import show_page
from lionrock.portal.service import Portal
from lionrock.portal.session import Session
from lionrock.portal.texts import refusal_text
from lionrock.programmes.api import Actor

COOKIE = "lionrock-portal"
BEGIN_COOKIE = "lionrock-portal-sign-in"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_PATH = re.compile(r"/(?:portal/[A-Za-z0-9_/.-]{0,200})?")
T = TypeVar("T")


class PortalCall(Call[Portal, Any]):
    """A browser's request for a page."""

    session: Session | None = None

    @property
    def signed_in(self) -> Session:
        """The session, after check_signed_in."""
        assert self.session is not None, "check_signed_in came first"
        return self.session

    @property
    def officer(self) -> Principal:
        """Who acts for the chosen company, after check_company."""
        assert self.signed_in.officer is not None, "check_company came first"
        return self.signed_in.officer

    @property
    def company_id(self) -> str:
        """The chosen company, after check_company."""
        company_id = self.officer.company_id
        assert company_id is not None, "an officer's token names its company"
        return company_id


class PlainForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A form of one button."""

    form_token: str


async def in_transaction(call: PortalCall, use_case: Callable[[Connection], Awaitable[T]]) -> T:
    """Run a use case in the row's transaction, or in one of its own for a row with beats."""
    if call.route.mode == "transaction":
        return await use_case(call.db)
    return await call.kernel.database.run(use_case)


async def load_session(call: PortalCall) -> None:
    """Recognise the browser by its cookie; its tokens and mandate are checked anew."""
    secret = session_secret(call)
    if secret is not None:
        call.session = await in_transaction(
            call, lambda db: call.room.session(db, secret, call.lang)
        )


async def check_signed_in(call: PortalCall) -> Response | Refused | None:
    """Send a visitor to sign in and back here; refuse a form (RFC 6265bis s5.2)."""
    if call.session is not None:
        return None
    if call.request.method == "POST":
        return Refused(PortalRefusal.SESSION_ENDED)
    return redirect(f"/portal/sign-in?to={quote(call.request.url.path)}")


async def check_company(call: PortalCall) -> Response | Refused | None:
    """Send somebody who has not chosen a company to choose one."""
    if call.signed_in.officer is not None:
        return None
    if call.request.method == "POST":
        return Refused(PortalRefusal.COMPANY_NEEDED)
    return redirect("/portal/company")


async def check_staff(call: PortalCall) -> Refused | None:
    """Show the office's desks only to those who sit there; to others there is no such page."""
    return None if call.signed_in.is_staff else Refused(PortalRefusal.PAGE_UNKNOWN)


async def check_operator(call: PortalCall) -> Refused | None:
    """Show the budgets only to operators; to others there is no such page."""
    return None if call.signed_in.is_operator else Refused(PortalRefusal.PAGE_UNKNOWN)


async def check_form(call: PortalCall) -> Refused | None:
    """Take a form only from the session that it was shown to (RFC 9700 s4.7)."""
    session = call.signed_in
    if not is_own_site(call) or not secrets.equal(call.body.form_token, session.form_token):
        return Refused(PortalRefusal.FORM_FORGED)
    return None


def show(call: PortalCall, template: str, *, status: int = 200, **values: Any) -> Response:
    """Answer with a page."""
    room = call.room
    is_get = call.request.method == "GET"
    return show_page(
        template, language=call.lang, city=room.kernel.settings.city,
        path=call.request.url.path if is_get else "/", query=call.query if is_get else {},
        session=call.session, surroundings=room.surroundings, is_secure=is_secure(room),
        status=status, values=values,
    )  # fmt: skip


def show_refusal(call: Any, refused: Refused, step: str) -> Response | None:
    """Dress a refusal as a page of the portal: what happened, in the reader's language."""
    if not isinstance(call, PortalCall):
        return None
    row = ERRORS.get(refused.refusal) or KERNEL_ERRORS[refused.refusal]
    is_staff_page = call.request.url.path.startswith("/portal/staff")
    return show(
        call, "refused.html", status=row.status, code=refused.refusal.value, step=step,
        sentence=refusal_text(refused.refusal.value, row.title, call.lang), clause=row.clause,
        detail=refused.detail, request_id=call.request_id,
        back="/portal/staff" if is_staff_page else "/portal/cases" if call.session else "/",
    )  # fmt: skip


def refusal_sentence(call: PortalCall, refused: Refused) -> str:
    """Return what a refusal says to a person, in the reader's language."""
    row = ERRORS.get(refused.refusal) or KERNEL_ERRORS[refused.refusal]
    return refusal_text(refused.refusal.value, row.title, call.lang)


def actor_of(principal: Principal) -> Actor:
    """Return who acts in cases, from the session's checked token."""
    return Actor(
        person_id=principal.actor_person_id, company_id=principal.company_id,
        staff_roles=frozenset(principal.staff_roles),
    )  # fmt: skip


def is_secure(room: Portal) -> bool:
    """Whether this city is reached over https."""
    return room.origin.startswith("https://")


def cookie_name(room: Portal, name: str) -> str:
    """__Host- pins a cookie to this host and to https, where there is https (RFC 6265bis)."""
    return f"{'__Host-' if is_secure(room) else ''}{name}"


def session_secret(call: PortalCall, name: str = COOKIE) -> str | None:
    """Return the secret in the browser's cookie, if it has the form of one."""
    value = call.request.cookies.get(cookie_name(call.room, name), "")
    return value if _SECRET.fullmatch(value) else None


def is_own_site(call: PortalCall) -> bool:
    """Fetch metadata, where the browser sends it. Origin is "null" under our no-referrer policy."""
    return call.request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def own_path(text: str) -> str:
    """Return a page of the portal to come back to; the start page for any other address."""
    return text if _OWN_PATH.fullmatch(text) and "//" not in text and ".." not in text else "/"

"""The log-out endpoint: a service sends the browser here, and all of its sign-ins end together.

A service that shows its own id_token of this very browser is followed at once; for anybody else
the person is asked on a page, because a link alone must not log anybody out.
Source: OpenID Connect RP-Initiated Logout 1.0.
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.logout import LogoutRefusal, LogoutRequest, redirect_address
from lionrock.identity.errors.logout import LOGOUT_ERRORS
from lionrock.identity.http.browser import browser_secret, is_own_site
from lionrock.identity.http.discovery import LOGOUT_PATH
from lionrock.identity.http.pages import logout_page
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.sessions import LogoutView
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, redirect

LANGUAGES = ("en", "zh-Hant", "zh-Hans")


class LogoutForm(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters, by POST; unknown ones are ignored (RP-Initiated Logout s2)."""

    id_token_hint: str | None = None
    client_id: str | None = None
    post_logout_redirect_uri: str | None = None
    state: str | None = None
    ui_locales: str | None = None
    logout_hint: str | None = None


class ConfirmForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of the page that asks."""

    form_token: str
    client_id: str = ""
    post_logout_redirect_uri: str = ""
    state: str = ""


class LogoutCall(Call[Identity, LogoutForm | ConfirmForm]):
    """A browser that a service sends to log out."""

    view: LogoutView
    secret: str | None


async def load_request(call: LogoutCall) -> Refused | None:
    """Read and check the request, from the address or from the form."""
    source = call.query if call.request.method == "GET" else msgspec.to_builtins(call.body)
    names = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
    asked = LogoutRequest(**{name: source.get(name) or "" for name in names})
    call.secret = browser_secret(call.request, call.room.issuer)
    view = await call.room.sessions.view(call.db, asked, call.secret)
    if isinstance(view, Refused):
        return view
    call.view = view
    return None


async def save_asked(call: LogoutCall) -> Response | None:
    """Follow a service that shows the id_token of a session of this browser."""
    if not call.view.is_asked_by_session:
        return None
    await call.room.sessions.end_browser(call.db, call.secret, call.view.person_id)
    return _ended(call)


async def reply_question(call: LogoutCall) -> Response:
    """Ask the person."""
    client, request = call.view.client, call.view.request
    language = _language(call)
    name = client.names.in_language(language) if client is not None else ""
    fields = {
        "client_id": client.id if client is not None else "", "state": request.state,
        "post_logout_redirect_uri": request.post_logout_redirect_uri,
        "form_token": _form_token(call),
    }  # fmt: skip
    return html(logout_page(language=language, service=name, step="ask", fields=fields))


async def check_form(call: LogoutCall) -> Refused | None:
    """Take the form only from the browser that was shown it (RFC 9700 s4.7)."""
    assert isinstance(call.body, ConfirmForm), "the row's body"
    expected = _form_token(call)
    if not is_own_site(call.request) or not secrets.equal(call.body.form_token, expected):
        return Refused(LogoutRefusal.LOGOUT_FORGED)
    return None


async def save_confirmed(call: LogoutCall) -> Response:
    """End whatever is open in this browser."""
    await call.room.sessions.end_browser(call.db, call.secret, None)
    return _ended(call)


def _ended(call: LogoutCall) -> Response:
    address = redirect_address(call.view.request)
    if address is not None:
        return redirect(address)
    return html(logout_page(language=_language(call), service="", step="ended", fields={}))


def _form_token(call: LogoutCall) -> str:
    return call.room.vault.form_token(call.secret or "no-browser", LOGOUT_PATH)


def _language(call: LogoutCall) -> str:
    asked = call.query.get("ui_locales", "") if call.request.method == "GET" else ""
    return next((each for each in asked.split(" ") if each in LANGUAGES), call.lang)


ROUTES = (
    Route(
        method="GET", path=LOGOUT_PATH, name="log_out", summary="Log out of every service "
        "signed in to in this browser", steps=(load_request, save_asked, reply_question),
        call=LogoutCall, replies={200: None, 303: None}, reply_media_type="text/html",
        errors=LOGOUT_ERRORS, family="html", clause="RP-Initiated Logout s2", query=None,
    ),
    Route(
        method="POST", path=LOGOUT_PATH, name="log_out_by_post", summary="Log out, by a form",
        steps=(load_request, save_asked, reply_question), call=LogoutCall, body=LogoutForm,
        body_kind="form", replies={200: None, 303: None}, reply_media_type="text/html",
        errors=LOGOUT_ERRORS, family="html", clause="RP-Initiated Logout s2", query=(),
    ),
    Route(
        method="POST", path=f"{LOGOUT_PATH}/confirmation", name="confirm_log_out",
        summary="The person wants to log out", steps=(load_request, check_form, save_confirmed),
        call=LogoutCall, body=ConfirmForm, body_kind="form", replies={200: None, 303: None},
        reply_media_type="text/html", errors=LOGOUT_ERRORS, family="html",
        clause="RFC 9700 s4.7", query=(),
    ),
)  # fmt: skip

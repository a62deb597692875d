"""The authorization endpoint and its two pages: who are you, and the number to match.

No script is needed: the waiting page refreshes itself; a status endpoint serves those who have one.
A refusal without a safe place to send the browser is a 4xx page with the stable code.
Source: RFC 6749 s4.1, RFC 9126 s4, RFC 9207, RFC 9700 s4.7 (CSRF) and s4.12 (303).
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import show_details
from lionrock.identity.domain.grants import PushedRequest
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import show_told, told_scopes
from lionrock.identity.domain.scopes import SCOPES
from lionrock.identity.errors import ERRORS
from lionrock.identity.http.browser import browser_secret, is_own_site, set_browser_secret
from lionrock.identity.http.choice_page import choice_page
from lionrock.identity.http.discovery import AUTHORIZE_PATH
from lionrock.identity.http.pages import identify_page, scan_page, waiting_page
from lionrock.identity.http.refusals import show_refusal
from lionrock.identity.service.authorization import SignInView
from lionrock.identity.service.identity import Identity
from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, html, redirect, reply
from lionrock.kernel.http.replies import problem_reply

IDENTIFIER_LENGTH_MAX = 254


class SignInForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of the first page."""

    client_id: str
    request_uri: str
    form_token: str
    identifier: str


class CancelForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of the button that calls the sign-in off."""

    form_token: str


class StatusReply(msgspec.Struct, frozen=True):
    """waiting, approved, rejected, expired or finished; unless waiting, load the page again."""

    state: str


class AuthorizeCall(Call[Identity, SignInForm]):
    """A browser with a pushed request."""

    browser_secret: str
    pushed: PushedRequest
    client: Client


class SignInCall(Call[Identity, CancelForm]):
    """A browser with a sign-in of its own."""

    browser_secret: str
    view: SignInView


async def load_browser(call: AuthorizeCall) -> None:
    """Recognise the browser by its cookie, or give it a new secret."""
    call.browser_secret = _browser_secret(call) or secrets.token(32)


async def load_request(call: AuthorizeCall) -> Refused | None:
    """Load the pushed request; every other parameter in the address is ignored (RFC 9126 s4)."""
    if call.request.method == "POST":
        client_id, request_uri = call.body.client_id, call.body.request_uri
    else:
        client_id = call.query.get("client_id", "")
        request_uri = call.query.get("request_uri", "")
    if not client_id or not request_uri:
        return Refused(IdentityRefusal.REQUEST_NOT_PUSHED)
    loaded = await call.room.authorization.load_request(call.db, request_uri, client_id)
    if isinstance(loaded, Refused):
        return loaded
    call.pushed, call.client = loaded
    return None


async def reply_silent(call: AuthorizeCall) -> Response | None:
    """prompt=none: send login_required at once, there is no session (OIDC Core s3.1.2.6)."""
    if not call.pushed.request.is_silent:
        return None
    return redirect(await call.room.authorization.refuse_silent(call.db, call.pushed))


async def save_hinted(call: AuthorizeCall) -> Response | None:
    """With a login_hint nobody is asked who is there: straight to that person's phone.

    Loading the address again in the same browser leads to the same sign-in; a prefetch asks nobody.
    The client's policy was applied when the request was pushed (OIDC Core s3.1.2.1).
    """
    hint = call.pushed.request.login_hint
    if hint is None or not _is_looking(call):
        return None
    sign_in_id = await call.room.authorization.start(
        call.db, call.pushed, call.client, identifier=hint, resumes=True,
        browser_secret=call.browser_secret, language=_language(call),
    )  # fmt: skip
    response = redirect(f"{call.room.issuer}/identity/sign-in/{sign_in_id}")
    _remember_browser(response, call)
    return response


async def reply_identify(call: AuthorizeCall) -> Response:
    """Show the page that asks who is there; the request is not used up by that."""
    request_uri = call.query["request_uri"]
    language = _language(call)
    request = call.pushed.request
    told = told_scopes(request)
    scopes = [text.in_language(language) for name, text in SCOPES.items() if name in told]
    scopes += show_told(request, language)
    scopes += show_details(request.details, language)
    page = identify_page(
        language=language, service=call.client.names.in_language(language), receives=scopes,
        client_id=call.client.id, request_uri=request_uri,
        form_token=call.room.vault.form_token(call.browser_secret, request_uri),
    )  # fmt: skip
    response = html(page)
    _remember_browser(response, call)
    return response


async def check_form(call: AuthorizeCall) -> Refused | None:
    """Take the form only from the browser that was shown it (RFC 9700 s4.7)."""
    secret = _browser_secret(call)
    if secret is None or not is_own_site(call.request):
        return Refused(IdentityRefusal.SIGN_IN_FORGED)
    expected = call.room.vault.form_token(secret, call.body.request_uri)
    if not secrets.equal(call.body.form_token, expected):
        return Refused(IdentityRefusal.SIGN_IN_FORGED)
    call.browser_secret = secret
    return None


async def save_sign_in(call: AuthorizeCall) -> Response:
    """Ask the person on the phone, within the limits, and show the number."""
    sign_in_id = await call.room.authorization.start(
        call.db, call.pushed, call.client,
        identifier=call.body.identifier[:IDENTIFIER_LENGTH_MAX],
        browser_secret=call.browser_secret, language=_language(call),
    )  # fmt: skip
    return redirect(f"{call.room.issuer}/identity/sign-in/{sign_in_id}")


async def load_sign_in(call: SignInCall) -> Refused | None:
    """Load the browser's own sign-in; another browser's is not found."""
    secret = _browser_secret(call)
    if secret is None:
        return Refused(IdentityRefusal.SIGN_IN_UNKNOWN)
    view = await call.room.authorization.view(call.db, call.path_params["sign_in_id"], secret)
    if isinstance(view, Refused):
        return view
    call.browser_secret, call.view = secret, view
    return None


async def reply_progress(call: SignInCall) -> Response | Refused | None:
    """To a program that asks for JSON, say how it stands; otherwise go on with the page."""
    if not _wants_json(call):
        return None
    answer = await call.room.authorization.progress(
        call.db, call.view, may_finish=_is_looking(call)
    )
    return answer if isinstance(answer, Refused) else reply(answer, headers={"vary": "accept"})


async def reply_waiting(call: SignInCall) -> Response | None:
    """While nothing is decided, show the number. HEAD and prefetch never end a sign-in."""
    if call.view.state != "waiting" and _is_looking(call):
        return None
    language = _language(call)
    if call.view.sign_in.is_open_to_scan:
        return _show_code(call, language)
    return html(
        waiting_page(
            language=language, service=call.view.client.names.in_language(language),
            number=call.view.sign_in.number, sign_in_id=call.view.sign_in.id,
            form_token=call.room.vault.form_token(call.browser_secret, call.view.sign_in.id),
            code=call.room.authorization.quiet.code(call.view.sign_in.id),
        )
    )  # fmt: skip


def _show_code(call: SignInCall, language: str) -> Response:
    """The page with the code to scan; the number is shown after the scan only."""
    sign_in, scans = call.view.sign_in, call.room.scans
    return html(
        scan_page(
            language=language, service=call.view.client.names.in_language(language),
            sign_in_id=sign_in.id, content=scans.content(sign_in, "qr").web(call.room.issuer),
            app_link=scans.content(sign_in, "link").app(),
            web_link=scans.content(sign_in, "link").web(call.room.issuer),
            form_token=call.room.vault.form_token(call.browser_secret, sign_in.id),
        )
    )  # fmt: skip


async def reply_choice(call: SignInCall) -> Response | None:
    """Where a company is to be chosen, ask for which, before the browser goes on."""
    if not call.view.needs_choice:
        return None
    return html(await choice_page(call.room, call.db, call.view, _language(call)))


async def save_outcome(call: SignInCall) -> Response | Refused:
    """End the sign-in and send the browser back with code or error, iss and state."""
    address = await call.room.authorization.finish(call.db, call.view)
    return address if isinstance(address, Refused) else redirect(address)


async def reply_status(call: SignInCall) -> Response:
    """Answer with the state; changes nothing."""
    return reply(StatusReply(state=call.view.state))


async def check_cancel_form(call: SignInCall) -> Refused | None:
    """Take the button's form only from the browser that was shown it."""
    expected = call.room.vault.form_token(call.browser_secret, call.view.sign_in.id)
    if not is_own_site(call.request) or not secrets.equal(call.body.form_token, expected):
        return Refused(IdentityRefusal.SIGN_IN_FORGED)
    return None


async def save_cancelled(call: SignInCall) -> Response | Refused:
    """Call the sign-in off: access_denied to the service, the question leaves the phone."""
    address = await call.room.authorization.cancel(call.db, call.view)
    return address if isinstance(address, Refused) else redirect(address)


def _remember_browser(response: Response, call: AuthorizeCall) -> None:
    set_browser_secret(response, call.room.issuer, call.browser_secret)


def _is_looking(call: AuthorizeCall | SignInCall) -> bool:
    """A GET that somebody waits for: HEAD and prefetch change nothing."""
    return call.request.method == "GET" and "sec-purpose" not in call.request.headers


def _wants_json(call: AuthorizeCall | SignInCall) -> bool:
    """A program names JSON and not HTML; what names both, or all, gets the page."""
    accepted = call.request.headers.get("accept", "").lower()
    return "application/json" in accepted and "text/html" not in accepted


def _refuse_program(
    call: AuthorizeCall | SignInCall, refused: Refused, step: str
) -> Response | None:
    """A refusal as problem+json to a program that asked for JSON; else as a page."""
    row = ERRORS.get(refused.refusal)
    if row is None or not _wants_json(call):
        return show_refusal(call, refused, step)
    return problem_reply(row, refused, step, call.request_id)


def _browser_secret(call: AuthorizeCall | SignInCall) -> str | None:
    return browser_secret(call.request, call.room.issuer)


def _language(call: AuthorizeCall | SignInCall) -> str:
    """The browser's choice, unless the service named one that we have (OIDC Core s3.1.2.1)."""
    request = call.pushed.request if isinstance(call, AuthorizeCall) else call.view.request
    for asked in request.ui_locales.split(" "):
        if asked in ("en", "zh-Hant", "zh-Hans"):
            return asked
    return call.lang


ROUTES = (
    Route(
        method="GET", path=AUTHORIZE_PATH, name="authorize", summary="Begin to sign in (browser)",
        steps=(load_browser, load_request, reply_silent, save_hinted, reply_identify),
        call=AuthorizeCall, replies={200: None, 303: None}, reply_media_type="text/html",
        errors=ERRORS, family="html", clause="RFC 9126 s4", query=None,
        render_refusal=_refuse_program,
    ),
    Route(
        method="POST", path="/identity/authorize/sign-in", name="start_sign_in",
        summary="Ask the person on the phone (browser)",
        steps=(check_form, load_request, save_sign_in), call=AuthorizeCall, body=SignInForm,
        body_kind="form", replies={303: None}, reply_media_type="text/html", errors=ERRORS,
        family="html", clause="RFC 9700 s4.7", query=(), is_even=True,
    ),
    Route(
        method="GET", path="/identity/sign-in/{sign_in_id}", name="show_sign_in",
        summary="The number to match, then back to the service (browser)",
        steps=(load_sign_in, reply_progress, reply_waiting, reply_choice, save_outcome),
        call=SignInCall,
        replies={200: None, 303: None}, reply_media_type="text/html", errors=ERRORS,
        family="html", clause="RFC 9207 s2", render_refusal=_refuse_program,
    ),
    Route(
        method="GET", path="/identity/sign-in/{sign_in_id}/status", name="sign_in_status",
        summary="Whether the phone was answered", steps=(load_sign_in, reply_status),
        call=SignInCall, replies={200: StatusReply}, errors=ERRORS,
    ),
    Route(
        method="POST", path="/identity/sign-in/{sign_in_id}/cancel", name="cancel_sign_in",
        summary="Call the sign-in off (browser)",
        steps=(load_sign_in, check_cancel_form, save_cancelled), call=SignInCall,
        body=CancelForm, body_kind="form", replies={303: None}, reply_media_type="text/html",
        errors=ERRORS, family="html",
    ),
)  # fmt: skip

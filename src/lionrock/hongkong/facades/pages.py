"""The QR pages in a browser: the code that changes, the number, the choice of a company.

No script is needed: the page loads itself again. Only the browser that began may go on (its cookie
is identity's). A refusal is a page with the wire's code; the browser goes nowhere then.
Source: RFC 9700 s4.7 (CSRF), s4.1 (exact redirect addresses).
"""

from __future__ import annotations

import html as escaping
import io
from collections.abc import Callable
from typing import Any

import msgspec
import segno
from starlette.responses import Response

from lionrock.hongkong.facades.domain import CORPID, Asked, Page, Request, Wire
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.http import CLAUSE
from lionrock.hongkong.facades.room import Facades
from lionrock.hongkong.facades.service.gate import Known
from lionrock.hongkong.facades.service.pages import Opened, back_to, read_opened
from lionrock.hongkong.facades.words import CHOOSE, NUMBER, SCAN
from lionrock.identity.api import (
    Company,
    SignInView,
    browser_secret,
    is_own_site,
    set_browser_secret,
)
from lionrock.kernel import secrets
from lionrock.kernel.errors import KERNEL_ERRORS, Refused
from lionrock.kernel.http import Call, Route, html, redirect

REFRESH_S = 2
_QUERY = (
    "clientID", "responseType", "source", "redirectURI", "scope", "cScope", "lang", "state",
    "brokerPage", "ticketID",
)  # fmt: skip


class PageCall(Call[Facades, None]):
    """A browser at a page's address."""

    known: Known
    opened: Opened


class CompanyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of a company's button."""

    form_token: str
    company: str


class SignInCall(Call[Facades, CompanyForm]):
    """A browser with a page of its own."""

    secret: str
    page: Page
    view: SignInView


async def load_client(call: PageCall) -> Refused | None:
    """Load the client that the address names."""
    known = await call.room.gate.known(call.db, call.query.get("clientID", ""))
    if isinstance(known, Refused):
        return known
    call.known = known
    return None


def page_rows(wire: Wire) -> tuple[Route, ...]:
    """Return a wire's rows for browsers."""
    rows = (
        _open_row(wire, "/auth/getQR", "get_qr", with_company=wire is CORPID),
        Route(
            method="GET", path=f"{wire.prefix}/auth/page/{{sign_in_id}}",
            name=f"{wire.name}_page", summary="The page of a sign-in (browser)",
            steps=(_load_page(wire), _reply_page(wire)), call=SignInCall,
            replies={200: None, 303: None}, reply_media_type="text/html", errors=FACADE_ERRORS,
            clause=CLAUSE, render_refusal=_refusal_page(wire),
        ),
        Route(
            method="POST", path=f"{wire.prefix}/auth/page/{{sign_in_id}}/company",
            name=f"{wire.name}_choose_company", summary="Choose a company (browser)",
            steps=(_load_page(wire), _save_company(wire)), call=SignInCall, body=CompanyForm,
            body_kind="form", replies={303: None}, reply_media_type="text/html",
            errors=FACADE_ERRORS, clause=CLAUSE, query=(), render_refusal=_refusal_page(wire),
        ),
    )  # fmt: skip
    if wire is CORPID:
        return rows
    return (_open_row(wire, "/auth/corpId/getQR", "get_qr_both", with_company=True), *rows)


def _open_row(wire: Wire, path: str, name: str, *, with_company: bool) -> Route:
    async def check_parameters(call: PageCall) -> Refused | None:
        opened = read_opened(call.query, call.known, wire, with_company=with_company)
        if isinstance(opened, Refused):
            return opened
        call.opened = opened
        return None

    async def reply_ticket(call: PageCall) -> Response | Refused | None:
        return await _ticket_page(call, wire) if call.opened.ticket_id else None

    async def save_sign_in(call: PageCall) -> Response | Refused:
        return await _begin(call, wire, None)

    return Route(
        method="GET", path=f"{wire.prefix}{path}", name=f"{wire.name}_{name}",
        summary="Sign in by scanning, or act on a ticket (browser)",
        steps=(load_client, check_parameters, reply_ticket, save_sign_in), call=PageCall,
        replies={200: None, 303: None}, reply_media_type="text/html", errors=FACADE_ERRORS,
        clause=CLAUSE, query=_QUERY, render_refusal=_refusal_page(wire),
    )  # fmt: skip


async def _begin(
    call: PageCall, wire: Wire, request: tuple[Request, Asked] | None
) -> Response | Refused:
    """Begin a sign-in, and lead the browser to its page."""
    issuer = call.room.identity.issuer
    secret = browser_secret(call.request, issuer) or secrets.token(32)
    opened = call.opened
    details: tuple[dict[str, Any], ...] = ()
    if request is not None:
        # What such a page asks for is the action's to say, not the address's.
        scope = "eidapi_sign" if request[0].kind == "sign" else "eidapi_formFilling"
        opened = msgspec.structs.replace(opened, scopes=(scope,), company_scopes=())
        details = (request[1].form,) if request[1].form else ()
    page = await call.room.pages.start(
        call.db, call.known, wire, opened, secret,
        request_id=request[0].id if request is not None else None, details=details,
    )  # fmt: skip
    if isinstance(page, Refused):
        return page
    response = redirect(f"{issuer}{wire.prefix}/auth/page/{page.sign_in_id}")
    set_browser_secret(response, issuer, secret)
    return response


async def _ticket_page(call: PageCall, wire: Wire) -> Response | Refused:
    """Show a ticket's number, or lead back once it is decided; without a log-in, begin one."""
    request = await call.room.requests.by_ticket(
        call.db, call.known, wire, call.opened.ticket_id
    )
    if isinstance(request, Refused):
        return request
    is_same = (request.redirect_uri, request.state) == (call.opened.redirect_uri, call.opened.state)
    if not is_same:
        return Refused(FacadeRefusal.TICKET, field="state")
    is_late = call.kernel.wire_clock.now() >= request.expires_at
    if request.outcome is not None or is_late:
        return redirect(_ticket_answer(request, wire))
    if request.person_id is None:
        return await _begin(call, wire, (request, call.room.requests.asked(request)))
    return await _shown_action(call, request, call.opened.language)


async def _shown_action(
    call: PageCall | SignInCall, request: Request, language: str
) -> Response:
    """The number of the question that an action waits for."""
    assert request.approval_id is not None, "the action has asked somebody"
    approval = await call.room.identity.approval(call.db, request.approval_id)
    assert not isinstance(approval, Refused), "an action's approval is on record"
    return _shown(language, approval.number or "", "")


def _ticket_answer(request: Request, wire: Wire) -> str:
    answer = {"businessID": request.business_id, "state": request.state}
    if request.outcome != "approved":
        refusals = {
            "rejected": FacadeRefusal.REJECTED, "cancelled": FacadeRefusal.CANCELLED
        }
        refusal = refusals.get(request.outcome or "", FacadeRefusal.TIMED_OUT)
        answer["error"] = wire.letter + FACADE_ERRORS[refusal].oauth
    return back_to(request.redirect_uri, answer)


def _load_page(wire: Wire) -> Callable[[SignInCall], Any]:
    async def load_page(call: SignInCall) -> Refused | None:
        secret = browser_secret(call.request, call.room.identity.issuer)
        if secret is None:
            return Refused(FacadeRefusal.PAGE)
        sign_in_id = call.path_params["sign_in_id"]
        loaded = await call.room.pages.load(call.db, wire, sign_in_id, secret)
        if isinstance(loaded, Refused):
            return loaded
        call.secret = secret
        call.page, call.view = loaded
        return None

    return load_page


def _reply_page(wire: Wire) -> Callable[[SignInCall], Any]:
    async def reply_page(call: SignInCall) -> Response | Refused:
        is_looking = call.request.method == "GET" and "sec-purpose" not in call.request.headers
        if call.view.state == "waiting" or not is_looking:
            return _waiting(call)
        if call.page.request_id is not None:
            return await _finish_action(call, wire)
        company_id = None
        if call.view.state == "approved" and call.page.company_scopes:
            companies = await _companies(call)
            if len(companies) > 1:
                return _choice(call, wire, companies)
            company_id = companies[0].id if companies else None
        return await _finish(call, wire, company_id)

    return reply_page


def _save_company(wire: Wire) -> Callable[[SignInCall], Any]:
    async def save_company(call: SignInCall) -> Response | Refused:
        """Take the choice only from the browser that was shown it."""
        expected = call.room.identity.vault.form_token(call.secret, call.page.sign_in_id)
        is_own = is_own_site(call.request) and secrets.equal(call.body.form_token, expected)
        if not is_own or call.view.state != "approved" or call.page.request_id is not None:
            return Refused(FacadeRefusal.PAGE)
        chosen = [c for c in await _companies(call) if c.business_number == call.body.company]
        if not chosen:
            return Refused(FacadeRefusal.UBI, field="company")
        return await _finish(call, wire, chosen[0].id)

    return save_company


async def _companies(call: SignInCall) -> list[Company]:
    person_id = call.view.sign_in.person_id
    assert person_id is not None, "only a person approves"
    return await call.room.pages.companies(call.db, person_id)


async def _finish(call: SignInCall, wire: Wire, company_id: str | None) -> Response | Refused:
    address = await call.room.pages.finish(call.db, call.page, call.view, wire, company_id)
    return address if isinstance(address, Refused) else redirect(address)


async def _finish_action(call: SignInCall, wire: Wire) -> Response | Refused:
    """Go on with an action whose page was scanned; no code is given.

    A form ends here: what was granted is read. A signature is asked for now, and the page shows the
    number of that question until it is answered.
    """
    requests, view = call.room.requests, call.view
    assert call.page.request_id is not None, "the caller checked"
    request = await requests.by_id(call.db, call.page.request_id)
    if request is None:
        return Refused(FacadeRefusal.PAGE)
    if view.state != "finished":
        refused = await _scanned(call, request)
        if refused is not None:
            return refused
        request = await requests.by_id(call.db, request.id) or request
    is_late = call.kernel.wire_clock.now() >= request.expires_at
    is_open = request.outcome is None and request.approval_id is not None and not is_late
    if is_open and view.state in ("approved", "finished"):
        return await _shown_action(call, request, call.page.language)
    return redirect(_ticket_answer(request, wire))


async def _scanned(call: SignInCall, request: Request) -> Refused | None:
    """End the sign-in behind an action's page, once, and carry its answer over; PAGE."""
    view = call.view
    ended = await call.room.identity.authorization.endings.finish_held(call.db, view)
    # Of two phones that scanned two pages of one action, the first one counts.
    is_taken = request.outcome is not None or request.approval_id is not None
    if is_taken or isinstance(ended, Refused):
        return Refused(FacadeRefusal.PAGE)
    if view.state == "approved" and view.sign_in.approval_id is not None:
        approval = await call.room.identity.approval(call.db, view.sign_in.approval_id)
        assert not isinstance(approval, Refused), "a sign-in's approval is on record"
        await call.room.settling.settle_scanned(call.db, request, approval)
    elif view.state == "rejected":
        await call.room.settling.settle_scanned(call.db, request, None)
    return None


def _waiting(call: SignInCall) -> Response:
    sign_in = call.view.sign_in
    content = ""
    if sign_in.is_open_to_scan:
        content = call.room.identity.scans.content(sign_in, "qr").web(call.room.identity.issuer)
    return _shown(call.page.language, sign_in.number, content)


def _shown(language: str, number: str, content: str) -> Response:
    """The page with the number to match and, until it is scanned, the code."""
    parts = []
    if content:
        picture = io.BytesIO()
        segno.make(content, error="m", micro=False).save(
            picture, kind="svg", scale=5, dark="#000", light="#fff", xmldecl=False
        )
        parts.append(f"<p>{escaping.escape(SCAN.in_language(language))}</p>")
        parts.append(
            f'<div data-content="{escaping.escape(content)}">{picture.getvalue().decode()}</div>'
        )
    parts.append(f"<p>{escaping.escape(NUMBER.in_language(language))}</p>")
    parts.append(f'<p class="number" data-number="{number}"><strong>{number}</strong></p>')
    return html(_page(language, "".join(parts), is_refreshed=True))


def _choice(call: SignInCall, wire: Wire, companies: list[Company]) -> Response:
    language = call.page.language
    token = call.room.identity.vault.form_token(call.secret, call.page.sign_in_id)
    action = f"{wire.prefix}/auth/page/{call.page.sign_in_id}/company"
    buttons = "".join(
        f'<p><button name="company" value="{escaping.escape(company.business_number)}">'
        f"{escaping.escape(company.names.in_language(language))}</button></p>"
        for company in companies
    )
    return html(
        _page(
            language,
            f"<h1>{escaping.escape(CHOOSE.in_language(language))}</h1>"
            f'<form method="post" action="{action}">'
            f'<input type="hidden" name="form_token" value="{token}">{buttons}</form>',
        )
    )


def _refusal_page(wire: Wire) -> Callable[[Any, Refused, str], Response]:
    def render(call: Any, refused: Refused, step: str) -> Response:
        row = FACADE_ERRORS.get(refused.refusal)
        shown = row or KERNEL_ERRORS[refused.refusal]
        code = wire.letter + (row.oauth if row is not None else "20000")
        text = " ".join(f"{shown.title} {refused.field} {refused.detail}".split())
        body = (
            f'<h1 data-error-code="{code}">{code}</h1><p>{escaping.escape(text)}</p>'
            f"<p><code>{escaping.escape(refused.refusal.value)}</code></p>"
        )
        return html(_page("en", body), status=shown.status)

    return render


def _page(language: str, body: str, *, is_refreshed: bool = False) -> str:
    again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if is_refreshed else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        '<link rel="stylesheet" href="/portal/static/lionrock.css"><title>Lion Rock</title></head>'
        f"<body><main>{body}</main></body></html>"
    )

"""QR pages: a sign-in of identity, begun and ended in the words of a wire.

The sign-in is identity's own: the code that changes, the number, the limits, the phone's words. A
facade begins it with a challenge whose verifier nobody keeps, so that identity's code is good for
nobody, and gives codes of its own for the same yes: 30 seconds, once, for one client and wire.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import (
    CODE_LIFE_S,
    CORPID,
    GOVERNMENT_SCOPE,
    IAM,
    LANGUAGES,
    Code,
    Page,
    Wire,
    WireName,
    check_source,
    check_state,
    core_scopes,
    read_scopes,
)
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.service.gate import Known
from lionrock.identity.api import (
    Company,
    Identity,
    PushedForm,
    SignInView,
    check_pushed,
    secret_hash,
)
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a page's address, checked."""

    redirect_uri: str
    state: str
    language: str
    scopes: tuple[str, ...]
    company_scopes: tuple[str, ...]
    ticket_id: str = ""


def read_opened(
    query: Mapping[str, str], known: Known, wire: Wire, *, with_company: bool
) -> Opened | Refused:
    """Check a page's address: the redirect address first, for a refusal may go nowhere else.

    URL, REQUEST, SCOPE.
    """
    redirect_uri, state = query.get("redirectURI", ""), query.get("state", "")
    if redirect_uri not in known.client.redirect_uris:
        return Refused(FacadeRefusal.URL, field="redirectURI")
    if query.get("responseType") != "code":
        return Refused(FacadeRefusal.REQUEST, "It is code.", "responseType")
    problem = check_state(state) or check_source(query.get("source", ""))
    language = LANGUAGES.get(query.get("lang", "en-US"))
    if problem is not None or language is None:
        return problem or Refused(FacadeRefusal.REQUEST, f"One of {', '.join(LANGUAGES)}.", "lang")
    if query.get("brokerPage", "false") not in ("true", "false"):
        return Refused(FacadeRefusal.REQUEST, "true or false.", "brokerPage")
    scopes, company_scopes = _scopes(query, wire, with_company=with_company)
    for read in (scopes, company_scopes):
        if isinstance(read, Refused):
            return read
    assert not isinstance(scopes, Refused) and not isinstance(company_scopes, Refused), "above"
    if not scopes and not company_scopes:
        return Refused(FacadeRefusal.SCOPE, "At least one.", "scope")
    wanted = core_scopes(("iam", scopes), ("corpid", company_scopes))
    is_too_much = GOVERNMENT_SCOPE in company_scopes and not known.facade.is_government
    if is_too_much or not set(wanted) <= known.client.scopes:
        return Refused(FacadeRefusal.SCOPE, "The client has not registered all of it.", "scope")
    return Opened(
        redirect_uri=redirect_uri, state=state, language=language, scopes=scopes,
        company_scopes=company_scopes, ticket_id=query.get("ticketID", ""),
    )  # fmt: skip


def _scopes(
    query: Mapping[str, str], wire: Wire, *, with_company: bool
) -> tuple[tuple[str, ...] | Refused, tuple[str, ...] | Refused]:
    """Read scope and cScope; on the CorpID-style wire scope alone may name the company's."""
    scope, company_scope = query.get("scope", ""), query.get("cScope", "")
    if wire is CORPID and not company_scope and scope.startswith("corpidapi_"):
        scope, company_scope = "", scope
    if not with_company:
        return read_scopes("iam", scope), ()
    read = read_scopes("corpid", company_scope)
    if not isinstance(read, Refused) and not read:
        read = Refused(FacadeRefusal.SCOPE, "cScope is needed.", "cScope")
    return read_scopes("iam", scope), read


class Pages:
    """Sign-ins by QR page, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, identity: Identity) -> None:
        self._kernel = kernel
        self._identity = identity

    async def start(
        self,
        db: Connection,
        known: Known,
        wire: Wire,
        opened: Opened,
        browser_secret: str,
        *,
        request_id: str | None = None,
        details: tuple[dict[str, Any], ...] = (),
    ) -> Page | Refused:
        """Begin a sign-in that waits for a phone to scan; SCOPE, URL as identity sees them."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(secrets.octets(32)).digest())
        form = PushedForm(
            client_id=known.client.id, response_type="code", redirect_uri=opened.redirect_uri,
            scope=" ".join(core_scopes(("iam", opened.scopes), ("corpid", opened.company_scopes))),
            state=opened.state, code_challenge=challenge.rstrip(b"=").decode(),
            code_challenge_method="S256", ui_locales=opened.language,
        )  # fmt: skip
        request = check_pushed(form, known.client, proof_jkt=None)
        if isinstance(request, Refused):
            return Refused(FacadeRefusal.REQUEST, request.refusal.value, request.field)
        request = msgspec.structs.replace(request, details=details)
        pushed = await self._identity.authorization.push(db, request)
        loaded = await self._identity.authorization.load_request(
            db, pushed.request_uri, known.client.id
        )
        assert not isinstance(loaded, Refused), "it was pushed just now"
        sign_in = await self._identity.scans.start(db, *loaded, browser_secret)
        page = Page(
            sign_in_id=sign_in.id, client_id=known.client.id, wire=wire.name,
            scopes=opened.scopes, company_scopes=opened.company_scopes,
            redirect_uri=opened.redirect_uri, state=opened.state, language=opened.language,
            request_id=request_id, expires_at=sign_in.expires_at,
        )  # fmt: skip
        await store.insert_page(db, page)
        return page

    async def load(
        self, db: Connection, wire: Wire, sign_in_id: str, browser_secret: str
    ) -> tuple[Page, SignInView] | Refused:
        """Return a browser's own page and how its sign-in stands; PAGE.

        The page of an action outlives its sign-in: a second question may follow the scan.
        """
        page = await store.page(db, sign_in_id, wire.name)
        if page is None:
            return Refused(FacadeRefusal.PAGE)
        view = await self._identity.authorization.held_view(db, sign_in_id, browser_secret)
        if isinstance(view, Refused):
            return Refused(FacadeRefusal.PAGE)
        if view.state == "finished" and page.request_id is None:
            return Refused(FacadeRefusal.PAGE)
        return page, view

    async def companies(self, db: Connection, person_id: str) -> list[Company]:
        """Return the companies that a person may act for now, each once."""
        found: dict[str, Company] = {}
        for mandate in await self._identity.mandates.of_person(db, person_id):
            usable = await self._identity.mandate(db, person_id, mandate.company_id, None)
            company = await self._identity.company(db, mandate.company_id)
            if not isinstance(usable, Refused) and not isinstance(company, Refused):
                found.setdefault(company.id, company)
        return list(found.values())

    async def finish(
        self, db: Connection, page: Page, view: SignInView, wire: Wire, company_id: str | None
    ) -> str | Refused:
        """End a decided sign-in and return where the browser goes: with codes, or with the reason.

        PAGE when it ended before.
        """
        assert view.state != "waiting", "there is nothing to finish yet"
        person_id = view.sign_in.person_id
        ended = await self._identity.authorization.endings.finish_held(db, view)
        if isinstance(ended, Refused):
            return Refused(FacadeRefusal.PAGE)
        is_approved = "code" in parse_qs(urlsplit(ended).query)
        answer = {"state": page.state, "iss": self._identity.issuer}
        if not is_approved or (page.company_scopes and company_id is None):
            return back_to(page.redirect_uri, answer | {"error": self._reason(view, wire)})
        assert person_id is not None, "only a person approves"
        if page.scopes:
            answer["code"] = await self._code(db, page, IAM.name, person_id, None)
        if page.company_scopes:
            answer["cCode"] = await self._code(db, page, CORPID.name, person_id, company_id)
        return back_to(page.redirect_uri, answer)

    def _reason(self, view: SignInView, wire: Wire) -> str:
        is_late = view.state == "expired"
        refusal = FacadeRefusal.TIMED_OUT if is_late else FacadeRefusal.REJECTED
        return wire.letter + FACADE_ERRORS[refusal].oauth

    async def _code(
        self, db: Connection, page: Page, wire: WireName, person_id: str, company_id: str | None
    ) -> str:
        now, code = self._kernel.wire_clock.now(), secrets.token(32)
        await store.insert_code(
            db,
            Code(
                code_hash=secret_hash(code), client_id=page.client_id, wire=wire,
                scopes=page.scopes if wire == "iam" else page.company_scopes,
                person_id=person_id, company_id=company_id,
                grant_id=self._kernel.ids.new("gra"), issued_at=now,
                expires_at=now + timedelta(seconds=CODE_LIFE_S),
            ),
        )  # fmt: skip
        return code


def back_to(redirect_uri: str, answer: Mapping[str, str]) -> str:
    """Return a client's address with an answer in its query."""
    joint = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{joint}{urlencode(answer)}"

"""From the pushed request over the sign-in pages to the authorization code.

A request_uri is used up when a sign-in completes, not when its page is first seen: a reload or a
browser's prefetch must not break the log-in. A person is asked on the phone; the page shows a
number that the phone does not receive. Somebody who types an identifier that nobody holds sees the
same page with a number that leads nowhere (a decoy), so that the page does not tell who exists.

Against push bombing the phone is told of a few sign-ins only (service/quiet.py). Beyond them a
sign-in is kept quiet: its page is the same, the phone stays silent, and the person can still fetch
it with the code on the page. So a flood neither tells who exists nor locks anybody out.
Source: RFC 9126 s2 and s4, RFC 6749 s4.1, RFC 9207, FAPI 2.0 Security Profile s5.3.2.2.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.identity.domain.approvals import ApprovalRequest, Asked
from lionrock.identity.domain.assurance import Authentication, meets_acr
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import CodeGrant, PushedRequest, SignIn, secret_hash
from lionrock.identity.domain.parties import Person, read_identifier
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import (
    CODE_LIFE_S,
    REQUEST_URI_LIFE_S,
    REQUEST_URI_PREFIX,
    AuthorizationRequest,
)
from lionrock.identity.forms.granted import grant_details
from lionrock.identity.service.answers import Answers
from lionrock.identity.service.approvals import NUMBER_DIGITS, Approvals
from lionrock.identity.service.assurance import PLAIN_KEPT, approval_acr
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.questions import SIGN_IN_LIFE_S, sign_in_question
from lionrock.identity.service.quiet import QuietSignIns
from lionrock.identity.service.sessions import Sessions
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import completions
from lionrock.identity.store import requests as store
from lionrock.identity.store import tokens as token_store
from lionrock.identity.store.completions import Ended
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

SignInState = Literal["waiting", "approved", "rejected", "expired", "finished"]
Outcome = Literal["pending", "approved", "denied", "expired"]
_OUTCOMES: dict[SignInState, Outcome] = {
    "waiting": "pending", "approved": "approved", "rejected": "denied", "expired": "expired",
}  # fmt: skip


class PushedReply(msgspec.Struct, frozen=True):
    """The answer of the PAR endpoint (RFC 9126 s2.2)."""

    request_uri: str
    expires_in: int


class SignInView(msgspec.Struct, frozen=True, kw_only=True):
    """What the waiting page shows."""

    sign_in: SignIn
    state: SignInState
    request: AuthorizationRequest
    client: Client
    browser_secret: str

    @property
    def needs_choice(self) -> bool:
        """Whether the person, who approved, is to choose a company before the browser goes on."""
        return self.state == "approved" and self.request.company_selection


class WaitReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a sign-in stands: pending, approved, denied or expired, and where the browser goes now.

    `redirect_to` carries the code; the same browser may ask again until the code is used.
    """

    status: Outcome
    redirect_to: str | None = None


class KeptAnswer(msgspec.Struct, frozen=True):
    """How a sign-in ended, as it is sealed: for reading again by the same browser."""

    status: Outcome
    redirect_to: str
    code_hash: bytes | None


def _not_approved(state: SignInState) -> SignInState:
    """An approval that was not enough counts as none."""
    return "rejected" if state == "approved" else state


class Authorization:
    """The authorization endpoint's use cases, each in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        parties: Parties,
        approvals: Approvals,
        mandates: Mandates,
        grants: Grants,
        sessions: Sessions,
        clients: Clients,
    ) -> None:
        self._kernel = kernel
        self._clients = clients
        self._sessions = sessions
        self._grants = grants
        self._mandates = mandates
        self._answers = Answers(kernel, issuer)
        self._vault = vault
        self._parties = parties
        self._approvals = approvals
        self.quiet = QuietSignIns(kernel, vault, approvals)

    async def push(self, db: Connection, request: AuthorizationRequest) -> PushedReply:
        """Keep a checked request and return its one-time address."""
        expires_at = self._kernel.wire_clock.now() + timedelta(seconds=REQUEST_URI_LIFE_S)
        secret = store.PUSHED.stamp(secrets.token(32), expires_at)
        request_uri = f"{REQUEST_URI_PREFIX}{secret}"
        await store.insert_pushed(
            db,
            PushedRequest(
                request_hash=secret_hash(request_uri), request=request, expires_at=expires_at
            ),
        )
        return PushedReply(request_uri=request_uri, expires_in=REQUEST_URI_LIFE_S)

    async def load_request(
        self, db: Connection, request_uri: str, client_id: str
    ) -> tuple[PushedRequest, Client] | Refused:
        """Return a client's own pushed request; REQUEST_UNKNOWN, REQUEST_USED, REQUEST_EXPIRED."""
        pushed = await store.pushed(db, secret_hash(request_uri), client_id)
        client = await self._clients.find(db, client_id)
        if pushed is None or client is None:
            return Refused(IdentityRefusal.REQUEST_UNKNOWN)
        if pushed.used_at is not None:
            return Refused(IdentityRefusal.REQUEST_USED)
        if self._kernel.wire_clock.now() >= pushed.expires_at:
            return Refused(IdentityRefusal.REQUEST_EXPIRED)
        return pushed, client

    async def refuse_silent(self, db: Connection, pushed: PushedRequest) -> str:
        """Answer prompt=none: there is never a session to reuse (OIDC Core s3.1.2.1)."""
        await store.use_pushed(db, pushed.request_hash, self._kernel.wire_clock.now())
        client = await client_store.client(db, pushed.request.client_id)
        assert client is not None, "its request was loaded with it"
        return self._answers.redirect_address(client, pushed.request, {"error": "login_required"})

    async def start(
        self,
        db: Connection,
        pushed: PushedRequest,
        client: Client,
        *,
        identifier: str,
        browser_secret: str,
        language: str,
        resumes: bool = False,
    ) -> str:
        """Ask the person behind an identifier on the phone, or keep the sign-in quiet.

        With `resumes` nobody is asked where this browser's sign-in of the request goes on: loading
        the address again, also at the same time, leads to the same one. Returns the id of the
        sign-in that goes on. It is all that a request may change (kernel.late.alone).
        """
        person = await self._parties.find_person(db, identifier)
        if person is not None and not await self._mandates.admits(db, client, person.id):
            person = None
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=SIGN_IN_LIFE_S)
        sign_in = SignIn(
            id=store.SIGN_INS.stamp(self._kernel.ids.new("sin"), expires_at),
            request_hash=pushed.request_hash,
            client_id=client.id, browser_hash=secret_hash(browser_secret),
            subject_key=self._subject_key(person, identifier), person_id=None, approval_id=None,
            number=secrets.digits(NUMBER_DIGITS), started_at=now, expires_at=expires_at,
        )  # fmt: skip
        asked = None
        if person is not None:
            asked = self.question(person, pushed.request, client, sign_in.id, language)
        return await self.quiet.begin(db, sign_in, client, asked, resumes=resumes)

    async def view(
        self, db: Connection, sign_in_id: str, browser_secret: str
    ) -> SignInView | Refused:
        """Return a browser's own sign-in with its state; another browser's is not found."""
        browser_hash = secret_hash(browser_secret)
        seen = await store.seen_sign_in(db, sign_in_id, browser_hash)
        client = await self._clients.find(db, seen.sign_in.client_id) if seen else None
        if seen is None or client is None:
            return Refused(IdentityRefusal.SIGN_IN_UNKNOWN)
        sign_in, state = seen.sign_in, self._state(seen.sign_in, seen.asked)
        if state != "waiting":
            # Held for whoever ends it now; while it waits, looking at it writes nothing.
            held = await store.hold_sign_in(db, sign_in_id, browser_hash)
            assert held is not None, "it was there, and a ring keeps it for long"
            # What was decided stays so; another tab may have ended it meanwhile.
            sign_in, state = held, "finished" if held.finished_at is not None else state
        return SignInView(
            sign_in=sign_in, state=state, request=seen.request,
            client=client, browser_secret=browser_secret,
        )  # fmt: skip

    async def progress(
        self, db: Connection, view: SignInView, *, may_finish: bool
    ) -> WaitReply | Refused:
        """Say how a sign-in stands, ending it when it is decided, exactly as its page does.

        A sign-in that ended says again how, to the browser that it ended for, until its code is
        used or out of time. REQUEST_USED as in `finish`.
        """
        if view.state == "finished":
            return await self._kept_answer(db, view)
        status = _OUTCOMES[view.state]
        if status == "pending" or not may_finish or view.needs_choice:
            # A choice is made on the page: the browser goes nowhere yet.
            return WaitReply(status=status)
        address = await self.finish(db, view)
        if isinstance(address, Refused):
            return address
        return WaitReply(status=status, redirect_to=address)

    async def _kept_answer(self, db: Connection, view: SignInView) -> WaitReply:
        sign_in = view.sign_in
        if sign_in.answer is None:
            return WaitReply(status="approved" if sign_in.is_approved else "denied")
        kept = msgspec.json.decode(
            self._vault.open_answer(view.browser_secret, sign_in.id, sign_in.answer),
            type=KeptAnswer,
        )
        if kept.code_hash is not None:
            code = await token_store.lock_code(db, kept.code_hash, sign_in.client_id)
            now = self._kernel.wire_clock.now()
            if code is None or code.used_at is not None or now >= code.expires_at:
                return WaitReply(status=kept.status)
        return WaitReply(status=kept.status, redirect_to=kept.redirect_to)

    async def finish(self, db: Connection, view: SignInView) -> str | Refused:
        """End a decided sign-in; returns the address to send the browser to.

        The code is made here, once. SIGN_IN_FINISHED when this sign-in ended before, REQUEST_USED
        when another one used up the request.
        """
        assert view.state not in ("waiting",), "there is nothing to finish yet"
        assert not view.needs_choice, "the page asks for the choice first"
        if view.state == "finished":
            return Refused(IdentityRefusal.SIGN_IN_FINISHED)
        now = self._kernel.wire_clock.now()
        acr, error = await self._level(db, view)
        if acr is not None:
            code = token_store.CODES.stamp(secrets.token(32), now + timedelta(seconds=CODE_LIFE_S))
            grant = await self._grant(db, view, code, now)
            address = self._answers.redirect_address(view.client, view.request, {"code": code})
            kept = KeptAnswer(_OUTCOMES[view.state], address, grant.code_hash)
        else:
            grant = None
            address = self._answers.redirect_address(view.client, view.request, {"error": error})
            kept = KeptAnswer(_OUTCOMES[_not_approved(view.state)], address, None)
        sealed = self._vault.seal_answer(
            view.browser_secret, view.sign_in.id, msgspec.json.encode(kept).decode()
        )
        ended = Ended(view.sign_in.id, view.sign_in.request_hash, now, sealed)
        if grant is None:
            is_first = await completions.end_without_code(db, ended)
        else:
            how = Authentication(acr=acr or "", authenticated_at=now)
            is_first = await completions.end_with_code(db, ended, grant, how, now + PLAIN_KEPT)
        # Refused, all of it is rolled back.
        return address if is_first else Refused(IdentityRefusal.REQUEST_USED)

    async def _level(self, db: Connection, view: SignInView) -> tuple[str | None, str]:
        """Return (level reached, "") of a sign-in that a code is due for, or (None, its error).

        Too low a level of assurance is the request's error, not the person's refusal. max_age is
        met by every code: there is no session, so whoever gets one was authenticated just now.
        """
        if view.state != "approved":
            return None, "access_denied"
        assert view.sign_in.approval_id is not None, "only a person approves"
        acr = await approval_acr(db, view.sign_in.approval_id)
        if acr is None:
            return None, "access_denied"
        if not meets_acr(acr, view.request.acr_values):
            return None, "unmet_authentication_requirements"
        assert view.sign_in.person_id is not None, "only a person approves"
        error = await self._grants.obstacle(
            db, view.client, view.request, view.sign_in.person_id
        )
        return (acr, "") if error is None else (None, error)

    async def _grant(
        self, db: Connection, view: SignInView, code: str, now: datetime
    ) -> CodeGrant:
        """Return what a code that is due now stands for, and begin the session it stands in."""
        person_id, approval_id = view.sign_in.person_id, view.sign_in.approval_id
        assert person_id is not None and approval_id is not None, "only a person approves"
        grant_id = view.request.grant_id or self._kernel.ids.new("gra")
        details = await grant_details(
            db, self._kernel, view.request.details, grant_id=grant_id, client_id=view.client.id,
            approval_id=approval_id, now=now,
        )  # fmt: skip
        await self._sessions.begin(
            db, view.client, browser_hash=view.sign_in.browser_hash, person_id=person_id,
            grant_id=grant_id,
        )  # fmt: skip
        return CodeGrant(
            code_hash=secret_hash(code), person_id=person_id, grant_id=grant_id,
            request=msgspec.structs.replace(view.request, details=details), signed_in_at=now,
            expires_at=now + timedelta(seconds=CODE_LIFE_S),
        )  # fmt: skip

    async def cancel(self, db: Connection, view: SignInView) -> str | Refused:
        """End a sign-in at the browser's wish; the phone's question goes away with it."""
        if view.state == "finished":
            return Refused(IdentityRefusal.SIGN_IN_FINISHED)
        if view.sign_in.approval_id is not None and view.state == "waiting":
            await self._approvals.withdraw(db, view.sign_in.approval_id)
        return await self.finish(db, msgspec.structs.replace(view, state="rejected"))

    def _state(self, sign_in: SignIn, asked: Asked | None) -> SignInState:
        if sign_in.finished_at is not None:
            return "finished"
        if self._kernel.wire_clock.now() >= sign_in.expires_at:
            return "expired"
        if sign_in.approval_id is None:
            return "waiting"
        assert asked is not None, "a sign-in's approval is on record"
        state = asked.state_at(self._kernel.business_clock.now())
        # Approved through an app link, the browser must first be brought back by the app.
        if state == "pending" or (state == "approved" and sign_in.awaits_return):
            return "waiting"
        return state

    def question(
        self,
        person: Person,
        request: AuthorizationRequest,
        client: Client,
        sign_in_id: str,
        language: str,
    ) -> ApprovalRequest:
        """Return what the phone is asked for a sign-in: service, address, what it receives."""
        return sign_in_question(person.id, request, client, sign_in_id, language)

    def _subject_key(self, person: Person | None, identifier: str) -> bytes:
        """What attempts are counted by: the person, whichever identifier was typed, or the text."""
        if person is not None:
            return self._vault.look_up_key("sign_in", person.id)
        found = read_identifier(identifier)
        kind, value = found if found is not None else ("text", identifier.strip().lower())
        return self._vault.look_up_key(f"sign_in/{kind}", value)

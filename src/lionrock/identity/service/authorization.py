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

from datetime import timedelta

import msgspec

from lionrock.identity.domain.approvals import Asked
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import PushedRequest, SignIn, secret_hash
from lionrock.identity.domain.parties import read_identifier
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import (
    REQUEST_URI_LIFE_S,
    REQUEST_URI_PREFIX,
    AuthorizationRequest,
)
from lionrock.identity.service.answers import Answers
from lionrock.identity.service.approvals import NUMBER_DIGITS, Approvals
from lionrock.identity.service.assurance import lowest_acr
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.endings import (
    OUTCOMES,
    Endings,
    SignInState,
    WaitReply,
)
from lionrock.identity.service.endings import SignInView as SignInView
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.questions import SIGN_IN_LIFE_S, sign_in_question
from lionrock.identity.service.quiet import QuietSignIns
from lionrock.identity.service.sessions import Sessions
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import requests as store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class PushedReply(msgspec.Struct, frozen=True):
    """The answer of the PAR endpoint (RFC 9126 s2.2)."""

    request_uri: str
    expires_in: int


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
        self._mandates = mandates
        self._answers = Answers(kernel, issuer)
        self._vault = vault
        self._parties = parties
        self._approvals = approvals
        self.endings = Endings(kernel, issuer, vault, grants, sessions)
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
        person_id = await self._parties.find_person_id(db, identifier)
        if person_id is not None and not await self._mandates.admits(db, client, person_id):
            person_id = None
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=SIGN_IN_LIFE_S)
        sign_in = SignIn(
            id=store.SIGN_INS.stamp(self._kernel.ids.new("sin"), expires_at),
            request_hash=pushed.request_hash,
            client_id=client.id, browser_hash=secret_hash(browser_secret),
            subject_key=self._subject_key(person_id, identifier), person_id=None, approval_id=None,
            number=secrets.digits(NUMBER_DIGITS), started_at=now, expires_at=expires_at,
        )  # fmt: skip
        asked = None
        if person_id is not None:
            asked = sign_in_question(person_id, pushed.request, client, sign_in.id, language)
        return await self.quiet.begin(db, sign_in, client, asked, resumes=resumes)

    async def view(
        self, db: Connection, sign_in_id: str, browser_secret: str
    ) -> SignInView | Refused:
        """Return a browser's own sign-in with its state; another browser's is not found."""
        seen = await store.seen_sign_in(db, sign_in_id, secret_hash(browser_secret))
        client = await self._clients.find(db, seen.sign_in.client_id) if seen else None
        if seen is None or client is None:
            return Refused(IdentityRefusal.SIGN_IN_UNKNOWN)
        return SignInView(
            sign_in=seen.sign_in, state=self._state(seen.sign_in, seen.asked),
            request=seen.request, client=client, browser_secret=browser_secret,
            acr=lowest_acr(seen.acrs),
        )  # fmt: skip

    async def held_view(
        self, db: Connection, sign_in_id: str, browser_secret: str
    ) -> SignInView | Refused:
        """Return what `view` returns; decided, it is held for whoever ends it in this transaction.

        While it waits, looking at it writes nothing.
        """
        view = await self.view(db, sign_in_id, browser_secret)
        if isinstance(view, Refused) or view.state == "waiting":
            return view
        return await self.endings.held(db, view)

    async def progress(
        self, db: Connection, view: SignInView, *, may_finish: bool
    ) -> WaitReply | Refused:
        """Say how a sign-in stands, ending it when it is decided, exactly as its page does.

        A sign-in that ended says again how, to the browser that it ended for, until its code is
        used or out of time. REQUEST_USED as in `finish`.
        """
        if view.state == "finished":
            return await self.endings.kept_answer(db, view)
        status = OUTCOMES[view.state]
        if status == "pending" or not may_finish or view.needs_choice:
            # A choice is made on the page: the browser goes nowhere yet.
            return WaitReply(status=status)
        address = await self.finish(db, view)
        if isinstance(address, Refused):
            is_finished = address.refusal is IdentityRefusal.SIGN_IN_FINISHED
            return await self.endings.kept_answer(db, view) if is_finished else address
        if address == self.endings.page(view):
            return WaitReply(status="pending")
        return WaitReply(status=status, redirect_to=address)

    async def finish(self, db: Connection, view: SignInView) -> str | Refused:
        """End a decided sign-in as all that a request does; see `Endings.finish`."""
        return await self.endings.finish(db, view)

    async def cancel(self, db: Connection, view: SignInView) -> str | Refused:
        """End a sign-in at the browser's wish; the phone's question goes away with it."""
        if view.state == "finished":
            return Refused(IdentityRefusal.SIGN_IN_FINISHED)
        if view.sign_in.approval_id is not None and view.state == "waiting":
            await self._approvals.withdraw(db, view.sign_in.approval_id)
        return await self.endings.finish_held(db, msgspec.structs.replace(view, state="rejected"))

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

    def _subject_key(self, person_id: str | None, identifier: str) -> bytes:
        """What attempts are counted by: the person, whichever identifier was typed, or the text."""
        if person_id is not None:
            return self._vault.look_up_key("sign_in", person_id)
        found = read_identifier(identifier)
        kind, value = found if found is not None else ("text", identifier.strip().lower())
        return self._vault.look_up_key(f"sign_in/{kind}", value)

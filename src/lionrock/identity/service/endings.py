"""How sign-ins end: with a code, or with the reason why there is none; once, told again if asked.

A request that does nothing else ends one with a single statement (store/completions.py), which
looks itself whether the sign-in is open still and its yes stands. Whoever puts more on record in
the same transaction (a session for log-outs, a form to be fetched, a facade's own codes) holds the
sign-in first. Source: RFC 6749 s4.1.2, RFC 9207, RFC 9126 s4.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.identity.domain.assurance import Authentication, meets_acr
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import CodeGrant, SignIn, secret_hash
from lionrock.identity.domain.logout import takes_part
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import CODE_LIFE_S, AuthorizationRequest
from lionrock.identity.forms.granted import grant_details
from lionrock.identity.service.answers import Answers
from lionrock.identity.service.assurance import PLAIN_KEPT, approval_acr
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.sessions import Sessions
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import completions
from lionrock.identity.store import requests as store
from lionrock.identity.store import tokens as token_store
from lionrock.identity.store.completions import CodeEnd, Ended
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

SignInState = Literal["waiting", "approved", "rejected", "expired", "finished"]
Outcome = Literal["pending", "approved", "denied", "expired"]
OUTCOMES: dict[SignInState, Outcome] = {
    "waiting": "pending", "approved": "approved", "rejected": "denied", "expired": "expired",
}  # fmt: skip


class SignInView(msgspec.Struct, frozen=True, kw_only=True):
    """What the waiting page shows."""

    sign_in: SignIn
    state: SignInState
    request: AuthorizationRequest
    client: Client
    browser_secret: str
    # The level that its approval reached, None while no yes stands (service.assurance).
    acr: str | None

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


class Endings:
    """Ending sign-ins; every function works in the caller's transaction."""

    def __init__(
        self, kernel: Kernel, issuer: str, vault: Vault, grants: Grants, sessions: Sessions
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._answers = Answers(kernel, issuer)
        self._vault = vault
        self._grants = grants
        self._sessions = sessions

    async def held(self, db: Connection, view: SignInView) -> SignInView:
        """Return a sign-in anew, held to the transaction's end."""
        held = await store.hold_sign_in(db, view.sign_in.id, view.sign_in.browser_hash)
        assert held is not None, "it was there, and a ring keeps it for long"
        # What was decided stays so; another tab may have ended it meanwhile.
        state = "finished" if held.finished_at is not None else view.state
        acr = await approval_acr(db, held.approval_id) if held.approval_id is not None else None
        return msgspec.structs.replace(view, sign_in=held, state=state, acr=acr)

    async def kept_answer(self, db: Connection, view: SignInView) -> WaitReply:
        """Say how a sign-in ended, perhaps for another tab of this browser a moment ago."""
        seen = await store.seen_sign_in(db, view.sign_in.id, view.sign_in.browser_hash)
        assert seen is not None, "it was there, and a ring keeps it for long"
        sign_in = seen.sign_in
        if sign_in.answer is None:
            return WaitReply(status="approved" if sign_in.is_approved else "denied")
        kept = msgspec.json.decode(
            self._vault.open_answer(view.browser_secret, sign_in.id, sign_in.answer),
            type=KeptAnswer,
        )
        if kept.code_hash is not None:
            found = await token_store.code(db, kept.code_hash, sign_in.client_id)
            now = self._kernel.wire_clock.now()
            if found is None or found[0].used_at is not None or now >= found[0].expires_at:
                return WaitReply(status=kept.status)
        return WaitReply(status=kept.status, redirect_to=kept.redirect_to)

    async def finish(self, db: Connection, view: SignInView) -> str | Refused:
        """End a decided sign-in as all that a request does; returns where to send the browser.

        The code is made here, once. SIGN_IN_FINISHED when this sign-in ended before, REQUEST_USED
        when another one used up the request. It leads back to the sign-in's own page when its yes
        fell in this very moment (the phone taken out of use): looked at again, it is not approved.
        """
        if view.state != "approved" or self._brings_more(view):
            return await self.finish_held(db, view)
        assert not view.needs_choice, "the page asks for the choice first"
        now = self._kernel.wire_clock.now()
        acr, _ = await self._level(db, view)
        if acr is None:
            return await self.finish_held(db, view)
        grant, ended, address = await self.with_code(db, view, now)
        outcome = await self.end_with_code(db, view, ended, grant, acr)
        if outcome.is_ended:
            return address
        if not outcome.stands:
            return self.page(view)
        seen = await store.seen_sign_in(db, view.sign_in.id, view.sign_in.browser_hash)
        is_finished = seen is not None and seen.sign_in.finished_at is not None
        # Kept: nothing was changed that could be rolled back.
        return Refused(
            IdentityRefusal.SIGN_IN_FINISHED if is_finished else IdentityRefusal.REQUEST_USED,
            keep=True,
        )

    async def finish_held(self, db: Connection, view: SignInView) -> str | Refused:
        """End a sign-in as `finish` does, in a transaction that changes more; it is held first."""
        assert view.state not in ("waiting",), "there is nothing to finish yet"
        assert not view.needs_choice, "the page asks for the choice first"
        view = await self.held(db, view)
        if view.state == "finished":
            return Refused(IdentityRefusal.SIGN_IN_FINISHED)
        now = self._kernel.wire_clock.now()
        acr, error = await self._level(db, view)
        if acr is not None:
            grant, ended, address = await self.with_code(db, view, now)
            outcome = await self.end_with_code(db, view, ended, grant, acr)
            if outcome.is_ended:
                return address
        if acr is None:
            address = self._answers.redirect_address(view.client, view.request, {"error": error})
            status = OUTCOMES[_not_approved(view.state)]
            ended = self._ended(view, KeptAnswer(status, address, None), now)
            if await completions.end_without_code(db, ended):
                return address
        # Refused, all of it is rolled back.
        return Refused(IdentityRefusal.REQUEST_USED)

    async def with_code(
        self, db: Connection, view: SignInView, now: datetime
    ) -> tuple[CodeGrant, Ended, str]:
        """Return the code that is due now, the end that it makes, and the address that tells it."""
        code = token_store.CODES.stamp(secrets.token(32), now + timedelta(seconds=CODE_LIFE_S))
        grant = await self._grant(db, view, code, now)
        address = self._answers.redirect_address(view.client, view.request, {"code": code})
        kept = KeptAnswer(OUTCOMES[view.state], address, grant.code_hash)
        return grant, self._ended(view, kept, now), address

    def _ended(self, view: SignInView, kept: KeptAnswer, now: datetime) -> Ended:
        sealed = self._vault.seal_answer(
            view.browser_secret, view.sign_in.id, msgspec.json.encode(kept).decode()
        )
        return Ended(view.sign_in.id, view.sign_in.request_hash, now, sealed)

    async def end_with_code(
        self, db: Connection, view: SignInView, ended: Ended, grant: CodeGrant, acr: str
    ) -> CodeEnd:
        """End a sign-in with its code, if it is open and its yes stands; see completions."""
        assert view.sign_in.approval_id is not None, "only a person approves"
        how = Authentication(acr=acr, authenticated_at=ended.at)
        return await completions.end_with_code(
            db, ended, view.sign_in.approval_id, grant, how, ended.at + PLAIN_KEPT
        )

    def _brings_more(self, view: SignInView) -> bool:
        """Say whether more than the code is put on record: a session, a form to be fetched."""
        return takes_part(view.client) or bool(view.request.details)

    def page(self, view: SignInView) -> str:
        """Return the address of a sign-in's own page."""
        return f"{self._issuer}/identity/sign-in/{view.sign_in.id}"

    async def _level(self, db: Connection, view: SignInView) -> tuple[str | None, str]:
        """Return (level reached, "") of a sign-in that a code is due for, or (None, its error).

        Too low a level of assurance is the request's error, not the person's refusal. max_age is
        met by every code: there is no session, so whoever gets one was authenticated just now.
        """
        if view.state != "approved":
            return None, "access_denied"
        acr = view.acr
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

"""Sessions: begun with a sign-in, ended together, and every service that took part is told.

Three beats for each notice: read (transaction), send (no connection held), done. At least once: a
service that is down is asked again for a while; one that refuses is not; no redirect is followed.
Source: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0 s2.5 and s2.8.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.logout import (
    HINT_LENGTH_MAX,
    LOGOUT_TOKEN_TYPE,
    SESSION_LIFE_S,
    LogoutRefusal,
    LogoutRequest,
    Session,
    check_request,
    logout_claims,
    takes_part,
)
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.signing_keys import SigningKeys
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import sessions as store
from lionrock.kernel import jobs, secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done
from lionrock.kernel.jose import sign_jws
from lionrock.kernel.network import Unreachable

LOGOUT_QUEUE = "identity.logout_notices"
TRIES_MAX = 10
RETRY_MS_FIRST = 500
RETRY_MS_MAX = 60_000


class LogoutView(msgspec.Struct, frozen=True, kw_only=True):
    """What the log-out page shows: who asks, and whether there is anything to end here."""

    request: LogoutRequest
    client: Client | None
    person_id: str | None
    is_asked_by_session: bool


class Notice(msgspec.Struct, frozen=True):
    """One logout token ready to be sent."""

    uri: str
    body: bytes


class Sessions:
    """`begin` and `end` work in the caller's transaction; `deliver` opens its own."""

    def __init__(
        self, kernel: Kernel, issuer: str, vault: Vault, keys: SigningKeys, grants: Grants
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._keys = keys
        self._grants = grants

    async def begin(
        self, db: Connection, client: Client, *, browser_hash: bytes, person_id: str,
        grant_id: str,
    ) -> None:
        """Remember a completed sign-in, if its client takes part in log-outs."""
        if not takes_part(client):
            return
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=SESSION_LIFE_S)
        session = Session(
            id=store.SESSIONS.stamp(secrets.token(16), expires_at), browser_hash=browser_hash,
            client_id=client.id, person_id=person_id, grant_id=grant_id, started_at=now,
            expires_at=expires_at,
        )  # fmt: skip
        await store.insert_session(db, session)

    async def sid(self, db: Connection, client: Client, grant_id: str) -> str | None:
        """Return the `sid` of a grant's id_tokens; None for clients that take no part."""
        return await store.session_of_grant(db, grant_id) if takes_part(client) else None

    async def view(
        self, db: Connection, request: LogoutRequest, browser_secret: str | None
    ) -> LogoutView | Refused:
        """Check a log-out request; LOGOUT_HINT, LOGOUT_CLIENT, LOGOUT_REDIRECT, LOGOUT_STATE.

        An expired id_token is a good hint (RP-Initiated Logout s2); another server's is not.
        """
        claims = self._read_hint(request.id_token_hint)
        if isinstance(claims, Refused):
            return claims
        hinted = claims.get("aud", "")
        if request.client_id and hinted and request.client_id != hinted:
            return Refused(LogoutRefusal.LOGOUT_CLIENT, field="client_id")
        client = await client_store.client(db, hinted or request.client_id)
        problem = check_request(request, client)
        if problem is not None:
            return problem
        session = await store.session(db, claims["sid"]) if claims.get("sid") else None
        is_own = (
            session is not None
            and browser_secret is not None
            and session.browser_hash == secret_hash(browser_secret)
        )
        return LogoutView(
            request=request, client=client, is_asked_by_session=is_own,
            person_id=session.person_id if session is not None and is_own else None,
        )  # fmt: skip

    async def end_browser(
        self, db: Connection, browser_secret: str | None, person_id: str | None
    ) -> int:
        """End what is open in a browser (of one person, when known); returns how many."""
        if browser_secret is None:
            return 0
        now = self._kernel.wire_clock.now()
        return await self._end(
            db, await store.hold_open(db, secret_hash(browser_secret), person_id, now)
        )

    async def end_person(self, db: Connection, person_id: str) -> int:
        """End everything that a person has open, in any browser; returns how many."""
        now = self._kernel.wire_clock.now()
        return await self._end(db, await store.hold_of_person(db, person_id, now))

    async def deliver(self, session_id: str, attempt: int) -> Done | Again:
        """Send one logout token; Again while the service does not answer, a bounded time."""
        notice = await self._kernel.database.read(lambda db: self._prepare(db, session_id))
        if notice is None:
            return Done()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        try:
            reply = await self._kernel.network.send("POST", notice.uri, headers, notice.body)
            is_answered = reply.status < 500
        except Unreachable:
            is_answered = False
        if is_answered or attempt >= TRIES_MAX:
            return Done()
        return Again(after_ms=min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** min(attempt - 1, 10)))

    async def _end(self, db: Connection, sessions: list[Session]) -> int:
        now = self._kernel.wire_clock.now()
        for session in sessions:
            await store.end_session(db, session.id, now)
            await self._grants.revoke(db, session.grant_id, "owner")
            await jobs.schedule(db, queue=LOGOUT_QUEUE, key=session.id)
        return len(sessions)

    async def _prepare(self, db: Connection, session_id: str) -> Notice | None:
        session = await store.session(db, session_id)
        client = await client_store.client(db, session.client_id) if session else None
        if session is None or client is None or not client.policy.backchannel_logout_uri:
            return None
        claims = logout_claims(
            session, issuer=self._issuer, jti=secrets.token(16),
            subject=self._vault.subject(client.sector, "person", session.person_id),
            now_s=self._kernel.wire_clock.now_s(),
        )  # fmt: skip
        token = sign_jws(self._keys.current(), claims, typ=LOGOUT_TOKEN_TYPE)
        body = urlencode({"logout_token": token}).encode()
        return Notice(client.policy.backchannel_logout_uri, body)

    def _read_hint(self, hint: str) -> dict[str, str] | Refused:
        """Return `aud` and `sid` of our own id_token, also of one long expired."""
        if not hint:
            return {}
        if len(hint) > HINT_LENGTH_MAX:
            return Refused(LogoutRefusal.LOGOUT_HINT, field="id_token_hint")
        claims = self._keys.read_own(hint, typ="JWT")
        if claims is None or claims.get("iss") != self._issuer:
            return Refused(LogoutRefusal.LOGOUT_HINT, field="id_token_hint")
        return {name: str(claims[name]) for name in ("aud", "sid") if name in claims}

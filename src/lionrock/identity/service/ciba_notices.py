"""Telling a client that its back-channel request was decided: ping, and push with the tokens.

Three beats: read and prepare (transaction), send (no connection held), note the outcome. At least
once: what is sent again is byte for byte the same, for tokens are made once and kept sealed until
they are delivered. A server that is down is asked again until the request's time is over; a client
that refuses is not; a redirect is never followed.
Source: OpenID Connect CIBA Core 1.0 s10.2 (ping), s10.3 (push), s12 (push errors).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from lionrock.identity.domain.ciba import CibaRecord
from lionrock.identity.domain.clients import Client
from lionrock.identity.service.ciba import Ciba, NoticeSecrets
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import ciba as store
from lionrock.identity.store import clients as client_store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done
from lionrock.kernel.network import Unreachable

# How long after the request's time a notice is still tried: one made at its very end has a chance.
TAIL = timedelta(seconds=60)
RETRY_MS_FIRST = 250
RETRY_MS_MAX = 5_000
EARLY_MS = 1_000
_ERRORS = {
    "rejected": ("access_denied", "The person said no."),
    "expired": ("expired_token", "Nobody answered in time."),
}


class Notice(msgspec.Struct, frozen=True):
    """One notice ready to be sent."""

    uri: str
    notification_token: str
    body: bytes


class CibaNotices:
    """Delivers notices. `deliver` opens its own transactions: it is run by a worker."""

    def __init__(self, kernel: Kernel, vault: Vault, ciba: Ciba) -> None:
        self._kernel = kernel
        self._vault = vault
        self._ciba = ciba

    async def deliver(self, request_id: str, attempt: int) -> Done | Again:
        """Send the notice of a decided request; Again while its server is down or it waits."""
        notice = await self._kernel.database.run(lambda db: self._prepare(db, request_id))
        if not isinstance(notice, Notice):
            return notice
        status = await self._send(notice)
        if status is None or status >= 500:
            return Again(after_ms=min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** min(attempt - 1, 10)))
        await self._kernel.database.run(lambda db: self._finish(db, request_id, status))
        return Done()

    async def _prepare(self, db: Connection, request_id: str) -> Notice | Done | Again:
        record = await store.lock_by_id(db, request_id)
        if record is None or record.noticed_at is not None:
            return Done()
        client = await client_store.client(db, record.client_id)
        now = self._kernel.wire_clock.now()
        uri = client.policy.ciba_notification_uri if client is not None else ""
        if client is None or not uri or now >= record.expires_at + TAIL:
            await self._finish(db, request_id, None)
            return Done()
        state = await self._ciba.state(db, record)
        if state == "pending":
            return Again(after_ms=EARLY_MS)
        assert record.sealed is not None, "ping and push keep what a notice needs"
        opened = self._vault.unseal("ciba", record.id, record.sealed)
        kept = msgspec.json.decode(opened, type=NoticeSecrets)
        body: dict[str, Any] = {"auth_req_id": kept.auth_req_id}
        if record.mode == "push" and state == "approved":
            return Notice(
                uri, kept.notification_token, await self._tokens(db, record, client, kept)
            )
        if record.mode == "push":
            body["error"], body["error_description"] = _ERRORS[state]
        return Notice(uri, kept.notification_token, msgspec.json.encode(body))

    async def _tokens(
        self, db: Connection, record: CibaRecord, client: Client, kept: NoticeSecrets
    ) -> bytes:
        """Return the tokens to deliver: made at the first try, the same at every later one."""
        if record.delivery is None:
            assert record.jkt is not None, "a push request is bound to a key"
            issued = await self._ciba.issue(db, client, record, record.jkt, kept.auth_req_id)
            if isinstance(issued, Refused):
                refused = {
                    "auth_req_id": kept.auth_req_id, "error": "access_denied",
                    "error_description": "The person agreed by weaker means than asked for.",
                }  # fmt: skip
                return msgspec.json.encode(refused)
            held = await store.lock_by_id(db, record.id)
            assert held is not None and held.delivery is not None, "it was just written"
            record = held
        assert record.delivery is not None, "see above"
        return self._vault.unseal("ciba", record.id, record.delivery).encode()

    async def _send(self, notice: Notice) -> int | None:
        """Return the status of the client's answer; None when there is none."""
        headers = {
            "authorization": f"Bearer {notice.notification_token}",
            "content-type": "application/json",
        }
        try:
            reply = await self._kernel.network.send("POST", notice.uri, headers, notice.body)
        except Unreachable:
            return None
        return reply.status

    async def _finish(self, db: Connection, request_id: str, status: int | None) -> None:
        await store.finish_notice(db, request_id, self._kernel.wire_clock.now(), status)

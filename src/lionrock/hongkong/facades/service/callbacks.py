"""Pushing a result to the client's registered address: at least once, signed, encrypted.

Three beats: read and prepare (transaction), send (no connection held), note the outcome. Each push
carries a content key of its own, wrapped for the client, and the same headers as a request, signed
with the client's secret; `txID` is the same when it is sent again. Redirects are not followed.
Before each sending it is asked anew whether the action still stands; if not, its result is
forgotten and the withdrawal is told.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import (
    CEK_BYTES,
    IV_BYTES,
    SIGNATURE_METHOD,
    WIRES,
    Request,
    request_mac,
    seal_content,
)
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.service.gate import Gate, wrapped
from lionrock.hongkong.facades.service.standing import Standing
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done, Job
from lionrock.kernel.network import Unreachable

QUEUE = "hongkong.facade_callback"
RETRY_MS_FIRST = 500
RETRY_MS_MAX = 30_000
_REASONS = {
    "rejected": FacadeRefusal.REJECTED, "expired": FacadeRefusal.TIMED_OUT,
    "cancelled": FacadeRefusal.CANCELLED,
}  # fmt: skip


class Notice(msgspec.Struct, frozen=True):
    """One push, ready to be sent."""

    url: str
    headers: dict[str, str]
    body: bytes


class Callbacks:
    """Delivers results; run by a worker."""

    def __init__(self, kernel: Kernel, gate: Gate, standing: Standing) -> None:
        self._kernel = kernel
        self._gate = gate
        self._standing = standing

    async def deliver(self, job: Job) -> Done | Again:
        """Send one result; Again while its server is down and the action is remembered."""
        notice = await self._kernel.database.run(lambda db: self._prepare(db, job.key))
        if notice is None:
            return Done()
        try:
            reply = await self._kernel.network.send(
                "POST", notice.url, notice.headers, notice.body
            )
        except Unreachable:
            reply = None
        if reply is None or reply.status >= 500:
            wait = RETRY_MS_FIRST * 2 ** min(job.attempt, 10)
            return Again(after_ms=min(RETRY_MS_MAX, wait))
        now = self._kernel.wire_clock.now()
        await self._kernel.database.run(lambda db: store.mark_delivered(db, job.key, now))
        return Done()

    async def _prepare(self, db: Connection, request_id: str) -> Notice | None:
        request = await store.lock_request(db, request_id)
        if request is None or request.outcome is None or request.delivered_at is not None:
            return None
        known = await self._gate.known(db, request.client_id)
        if isinstance(known, Refused) or request.result is None:
            return None
        if request.outcome == "approved" and not await self._standing.holds(db, request):
            request = await self._withdraw(db, request)
        assert request.result is not None, "an action that ended has a result, or its withdrawal"
        wire, client = WIRES[request.wire], known.facade
        row = FACADE_ERRORS[_REASONS[request.outcome]] if request.outcome in _REASONS else None
        cek = secrets.octets(CEK_BYTES)
        content = self._gate.unseal(f"result/{request.id}", request.result)
        body = msgspec.json.encode(
            {
                "txID": request.id,
                "code": wire.success if row is None else wire.letter + row.oauth,
                "msg": "" if row is None else row.title,
                "secretKey": wrapped(client, cek),
                "content": seal_content(cek, secrets.octets(IV_BYTES), content),
            }
        )
        stamp = str(int(self._kernel.wire_clock.now().timestamp() * 1000))
        nonce = secrets.token(24)
        mac = request_mac(client.secret, client.client_id, stamp, nonce, body)
        headers = {
            "content-type": "application/json", "clientID": client.client_id,
            "signatureMethod": SIGNATURE_METHOD, "timestamp": stamp, "nonce": nonce,
            "signature": quote(mac, safe=""),
        }  # fmt: skip
        return Notice(client.callback_url, headers, body)

    async def _withdraw(self, db: Connection, request: Request) -> Request:
        """Forget a result that nobody has received, because what it stood on has ended."""
        about = {"businessID": request.business_id, "state": request.state}
        sealed = self._gate.seal(f"result/{request.id}", msgspec.json.encode(about))
        await store.withdraw(db, request.id, sealed)
        return msgspec.structs.replace(request, outcome="cancelled", result=sealed)

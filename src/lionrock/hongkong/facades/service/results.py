"""What a client asks about an action that ended: its result, a word on it, the seal that follows.

Each time it is asked anew whether the action still stands (standing.py): a kept result outlives
nothing that it stands on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import ACKNOWLEDGEMENTS, Wire
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.service.gate import Gate, Known
from lionrock.hongkong.facades.service.requests import Requests
from lionrock.hongkong.facades.service.signing import Signatures
from lionrock.hongkong.facades.service.standing import Standing
from lionrock.identity.api import Principal, secret_hash
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Results:
    """Ended actions, each call in the caller's transaction."""

    def __init__(
        self, kernel: Kernel, gate: Gate, requests: Requests, signatures: Signatures,
        standing: Standing,
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._gate = gate
        self._requests = requests
        self._signatures = signatures
        self._standing = standing

    async def fetch(
        self, db: Connection, known: Known, wire: Wire, ticket_id: str, business_id: str,
        asks_for: str,
    ) -> dict[str, Any] | Refused:  # fmt: skip
        """Hand out the result of an action without a log-in, once; TICKET, PENDING, and no's.

        `asks_for`: the list of fields or the digest's field that the action was asked with.
        """
        request = await self._requests.by_ticket(db, known, wire, ticket_id)
        if isinstance(request, Refused):
            return request
        if request.business_id != business_id or request.person_id is not None:
            return Refused(FacadeRefusal.TICKET, field="businessID")
        asked = self._requests.asked(request)
        if asks_for not in (asked.group, asked.digest_name):
            return Refused(FacadeRefusal.TICKET, field="ticketID")
        if request.outcome == "rejected":
            return Refused(FacadeRefusal.REJECTED)
        now = self._kernel.wire_clock.now()
        if request.outcome == "expired" or now >= request.expires_at:
            return Refused(FacadeRefusal.TIMED_OUT)
        if request.outcome is None:
            return Refused(FacadeRefusal.PENDING)
        if request.delivered_at is not None or request.result is None:
            return Refused(FacadeRefusal.TICKET, field="ticketID")
        if request.outcome == "cancelled" or not await self._standing.holds(db, request):
            return Refused(FacadeRefusal.CANCELLED)
        await store.mark_delivered(db, request.id, now)
        opened = self._gate.unseal(f"result/{request.id}", request.result)
        return dict(msgspec.json.decode(opened))

    async def acknowledge(
        self, db: Connection, known: Known, wire: Wire, principal: Principal, business_id: str,
        code: str,
    ) -> Refused | None:  # fmt: skip
        """Note what became of a signature; the same word again changes nothing. REQUEST, TICKET."""
        if code not in ACKNOWLEDGEMENTS:
            return Refused(
                FacadeRefusal.REQUEST, f"One of {', '.join(ACKNOWLEDGEMENTS)}.", "code"
            )
        request = await store.lock_by_business_id(db, business_id, known.client.id, wire.name)
        is_own = (
            request is not None and request.kind == "sign"
            and request.person_id == principal.actor_person_id
            and request.outcome == "approved"
        )  # fmt: skip
        if request is None or not is_own or request.acknowledged not in (None, code):
            return Refused(FacadeRefusal.TICKET, field="businessID")
        await store.acknowledge(db, request.id, code)
        return None

    async def seal(
        self, db: Connection, known: Known, wire: Wire, principal: Principal, business_id: str,
        digest: str, sign_token: str,
    ) -> dict[str, Any] | Refused:  # fmt: skip
        """Add the company's seal to what the person signed: approved then, given once.

        SIGN_TOKEN for another action, digest, company or person, and when it was used.
        """
        refused = Refused(FacadeRefusal.SIGN_TOKEN, field="signToken")
        request = await store.lock_by_business_id(db, business_id, known.client.id, wire.name)
        if request is None or request.sign_token_hash is None:
            return refused
        asked = self._requests.asked(request)
        if not secrets.equal(request.sign_token_hash, secret_hash(sign_token)):
            return refused
        is_same = (
            asked.digests == (digest,) and request.company_id == principal.company_id
            and request.person_id == principal.actor_person_id
        )  # fmt: skip
        if not is_same:
            return refused
        if not await self._standing.holds(db, request):
            return Refused(FacadeRefusal.CANCELLED)
        signed = await self._signatures.sign(db, principal, asked, 1, is_seal=True)
        if isinstance(signed, Refused):
            return signed
        await store.use_sign_token(db, request.id)
        return {"businessID": business_id} | signed

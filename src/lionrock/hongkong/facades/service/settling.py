"""How an action ends: what the person decided is carried out, once, and its result sealed.

The decision comes as an event (a number matched on the ticket's page, one yes or no) or, without a
log-in, with the page that was scanned. In the same transaction it is asked whether the action still
stands (standing.py), what was granted is read or signed, and the push is put on its way.
Invariants: a result is made at most once; what is read or signed is what the person granted.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import Asked, Outcome, Request
from lionrock.hongkong.facades.service.callbacks import QUEUE
from lionrock.hongkong.facades.service.companies import Companies
from lionrock.hongkong.facades.service.gate import Gate
from lionrock.hongkong.facades.service.requests import Requests
from lionrock.hongkong.facades.service.signing import Signatures
from lionrock.hongkong.facades.service.standing import Standing
from lionrock.identity.api import Approval, Identity, Principal, secret_hash
from lionrock.kernel import jobs, secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Settling:
    """Ends of actions, each in the caller's transaction."""

    def __init__(
        self, kernel: Kernel, identity: Identity, gate: Gate, requests: Requests,
        signatures: Signatures, companies: Companies, standing: Standing,
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._identity = identity
        self._gate = gate
        self._requests = requests
        self._signatures = signatures
        self._companies = companies
        self._standing = standing

    async def settle_approval(self, db: Connection, approval_id: str) -> None:
        """Carry a decision over to the action that it decides; others are not ours."""
        request = await store.lock_by_approval(db, approval_id)
        if request is None or request.outcome is not None:
            return
        approval = await self._identity.approval(db, approval_id)
        assert not isinstance(approval, Refused), "an action's approval is on record"
        state = approval.state_at(self._kernel.business_clock.now())
        if state == "pending":
            return
        if state != "approved":
            await self._end(db, request, state)
        elif not await self._standing.holds(db, request):
            await self._end(db, request, "cancelled")
        elif request.kind == "sign":
            await self._settle_signature(db, request)
        elif request.kind == "documents":
            await self._settle_documents(db, request)
        else:
            await self._settle_fields(db, request, approval)

    async def settle_scanned(
        self, db: Connection, request: Request, approval: Approval | None
    ) -> None:
        """Go on with an action whose page was scanned: read what was granted, or ask to sign.

        None: the person said no.
        """
        if approval is None:
            await self._end(db, request, "rejected")
            return
        asked = self._requests.asked(request)
        signer_id = approval.person_ids[0]
        held = msgspec.structs.replace(asked, signer_id=signer_id)
        scanned = msgspec.structs.replace(request, approval_id=approval.id)
        if not await self._standing.holds(db, scanned):
            await self._end(db, request, "cancelled")
        elif request.kind != "sign":
            await store.follow(db, request.id, approval.id, self._requests.sealed(request, held))
            await self._settle_fields(db, scanned, approval)
        else:
            await self._ask_scanned(db, request, held)

    async def _ask_scanned(self, db: Connection, request: Request, asked: Asked) -> None:
        """Who scanned has said who they are; the signature is a second question to them."""
        principal = await self._signatures.principal(db, request, asked.signer_id)
        if isinstance(principal, Refused):
            await self._end(db, request, "cancelled")
            return
        await self._follow(db, request, asked, principal, is_seal=False)

    async def _settle_fields(
        self, db: Connection, request: Request, approval: Approval
    ) -> None:
        asked = self._requests.asked(request)
        content: dict[str, Any] = {"result": "confirmed"}
        if asked.form:
            granted = approval.granted[0]
            assert set(granted["fields"]) <= set(asked.form["fields"]), "a yes never widens"
            found = await self._identity.forms.values(
                db, approval.person_ids[0], granted["fields"]
            )
            content = {
                asked.group: {name: row.value for name, row in found.items()},
                "lastMatched": {
                    name: row.matched_at.isoformat() for name, row in found.items()
                    if row.matched_at is not None
                },
            }  # fmt: skip
        await self._end(db, request, "approved", content)

    async def _settle_documents(self, db: Connection, request: Request) -> None:
        asked = self._requests.asked(request)
        assert request.company_id is not None and request.mandate_id is not None, "a company's"
        mandate = await self._identity.mandates.usable(
            db, request.mandate_id, request.company_id
        )
        assert not isinstance(mandate, Refused), "it was found to stand just now"
        made = await self._companies.documents(
            db, request.company_id, mandate, asked.document_types
        )
        await self._end(db, request, "approved", {"documents": made})

    async def _settle_signature(self, db: Connection, request: Request) -> None:
        """Sign what was approved; of an INTEGRATED_SIGN first ask for the seal that follows."""
        asked = self._requests.asked(request)
        signer_id = request.person_id or asked.signer_id
        principal = await self._signatures.principal(db, request, signer_id)
        if isinstance(principal, Refused):
            await self._end(db, request, "cancelled")
            return
        if asked.sign_type == "INTEGRATED_SIGN" and len(asked.handles) == 1:
            await self._follow(db, request, asked, principal, is_seal=True)
            return
        is_seal = asked.sign_type == "CORPID_SIGN"
        signed = await self._signatures.sign(db, principal, asked, 0, is_seal=is_seal)
        if isinstance(signed, Refused):
            await self._end(db, request, "expired")
            return
        sign_token = secrets.token(32) if asked.sign_type == "INTEGRATED_SIGN" else ""
        content = signed | ({"signToken": sign_token} if sign_token else {})
        await self._end(db, request, "approved", content, sign_token)

    async def _follow(
        self, db: Connection, request: Request, asked: Asked, principal: Principal, *,
        is_seal: bool,
    ) -> None:  # fmt: skip
        """Let the action wait for a further yes; its page shows the new number."""
        started = await self._signatures.authorize(db, principal, asked, is_seal=is_seal)
        if isinstance(started, Refused):
            await self._end(db, request, "rejected")
            return
        handle, approval_id = started
        more = msgspec.structs.replace(asked, handles=(*asked.handles, handle))
        sealed = self._requests.sealed(request, more)
        await store.follow(db, request.id, approval_id, sealed)

    async def _end(
        self, db: Connection, request: Request, outcome: Outcome,
        content: dict[str, Any] | None = None, sign_token: str = "",
    ) -> None:  # fmt: skip
        about = {"businessID": request.business_id, "state": request.state}
        whole = msgspec.json.encode(about | (content or {}))
        await store.save_outcome(
            db, request.id, outcome, self._gate.seal(f"result/{request.id}", whole),
            secret_hash(sign_token) if sign_token else None,
        )  # fmt: skip
        if request.person_id is not None:
            await jobs.schedule(db, queue=QUEUE, key=request.id)

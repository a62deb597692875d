"""Whether an action still stands: asked again whenever its result is made, sent or fetched.

An action waits for a person, and its result for the client's server. What it stands on may end
meanwhile: the grant of the log-in that asked (revoked by the person, the client or an operator),
the mandate, the person, the phone that said yes. Then nothing is made, nor handed out if made.
Invariant: asked in the transaction that hands out, so that an end bites from the next one on.
"""

from __future__ import annotations

from lionrock.hongkong.facades.domain import Request
from lionrock.identity.api import Identity, approval_stands
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Standing:
    """Asks identity, in the caller's transaction."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def holds(self, db: Connection, request: Request) -> bool:
        """Say whether everything that an action stands on is in force now."""
        return (
            await self._grant_holds(db, request)
            and await self._mandate_holds(db, request)
            and await self._approval_holds(db, request)
        )

    async def _grant_holds(self, db: Connection, request: Request) -> bool:
        if request.grant_id is None:
            # Without a log-in there is no grant; the approval is all it stands on.
            return request.person_id is None
        return await self._identity.grants.is_in_force(db, request.client_id, request.grant_id)

    async def _mandate_holds(self, db: Connection, request: Request) -> bool:
        if request.mandate_id is None or request.company_id is None:
            return True
        usable = await self._identity.mandates.usable(db, request.mandate_id, request.company_id)
        return not isinstance(usable, Refused)

    async def _approval_holds(self, db: Connection, request: Request) -> bool:
        if request.approval_id is None:
            return True
        approval = await self._identity.approval(db, request.approval_id)
        if isinstance(approval, Refused):
            return False
        return approval.state != "approved" or await approval_stands(db, approval)

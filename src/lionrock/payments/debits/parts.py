"""What the use cases of direct debits share: the core, the post, the switch, and own mandates."""

from __future__ import annotations

import dataclasses

from lionrock.kernel.db import Connection
from lionrock.payments.debits import store
from lionrock.payments.debits.domain import Mandate
from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.post import Post
from lionrock.payments.service.routing import Router
from lionrock.payments.service.switch import Switch
from lionrock.payments.store.members import Participant

MANDATE_ID_PREFIX = "mdt"
MANDATE_QUEUE = "payments.mandates"
AGREED_TOPIC = "payments.mandate_agreed"
ENDED_TOPIC = "payments.mandate_ended"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Shared parts, built once per process."""

    core: Core
    post: Post
    router: Router
    orders: Orders
    switch: Switch

    async def own(
        self, db: Connection, sender: Participant, wire_id: str
    ) -> Mandate | None:
        """Return an authorisation of the sender's by its MndtId, its row locked."""
        mandate = await store.load_mandate(
            db, self.core.vault, mandate_id_of(wire_id), is_locking=True
        )
        if mandate is None or sender.organisation_id not in {
            mandate.creditor_organisation_id, mandate.debtor_organisation_id
        }:
            return None
        return mandate

    async def record(self, db: Connection, mandate: Mandate, kind: str) -> None:
        """Leave a receipt about an authorisation."""
        digests = {"request": mandate.request_digest.hex()}
        await self.core.record(db, kind, mandate.subject, digests)


def mandate_id_of(wire_id: str) -> str:
    """Our id of a MndtId."""
    return f"{MANDATE_ID_PREFIX}_{wire_id}"

"""The facades composed: what their rows and jobs use, built once in app/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.hongkong.facades.service.callbacks import QUEUE, Callbacks
from lionrock.hongkong.facades.service.companies import Companies
from lionrock.hongkong.facades.service.gate import Gate
from lionrock.hongkong.facades.service.pages import Pages
from lionrock.hongkong.facades.service.requests import Requests
from lionrock.hongkong.facades.service.results import Results
from lionrock.hongkong.facades.service.settling import Settling
from lionrock.hongkong.facades.service.signing import Signatures
from lionrock.hongkong.facades.service.standing import Standing
from lionrock.hongkong.facades.service.tokens import FacadeTokens
from lionrock.identity.api import DECIDED_TOPIC, Identity, Signing
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import JobHandler


class Facades:
    """Both wires over one identity."""

    def __init__(self, kernel: Kernel, identity: Identity, signing: Signing) -> None:
        self.kernel = kernel
        self.identity = identity
        self.gate = Gate(kernel, identity)
        self.pages = Pages(kernel, identity)
        self.tokens = FacadeTokens(kernel, identity)
        self.companies = Companies(kernel, identity)
        signatures, standing = Signatures(kernel, identity, signing), Standing(identity)
        self.requests = Requests(kernel, identity, self.gate, signatures, self.companies)
        self.settling = Settling(
            kernel, identity, self.gate, self.requests, signatures, self.companies, standing
        )
        self.results = Results(kernel, self.gate, self.requests, signatures, standing)
        self.callbacks = Callbacks(kernel, self.gate, standing)

    def handlers(self) -> dict[str, JobHandler]:
        """The job handlers by queue."""
        return {QUEUE: self.callbacks.deliver}

    def subscriptions(self) -> Mapping[str, Sequence[outbox.EventHandler]]:
        """The event handlers by topic."""

        async def decided(event: outbox.Event) -> None:
            approval_id = str(event.payload["approval_id"])

            async def settle(db: Connection) -> None:
                await self.settling.settle_approval(db, approval_id)

            await self.kernel.database.run(settle)

        return {DECIDED_TOPIC: (decided,)}

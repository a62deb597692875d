"""What every simulated data provider shares: the real gateway library over the world's own store.

The provider keeps its memory (nonces, uses, answers, receipts to post) in the world's database and
reaches the platform over HTTP only. Not for: the data themselves (department.py, bank_data.py).
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import PLATFORM_ORGANISATION, RemoteDirectory
from lionrock.exchange.api import (
    FETCHES_PATH,
    Admission,
    Decide,
    DirectoryKeys,
    OwnerAnswer,
    ProviderGateway,
    ProviderSetup,
    Records,
    Use,
)
from lionrock.kernel import jobs, replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done, Job, JobHandler
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.store import Document, insert, read

EXCHANGE_PATH = "/exchange/v1"
RECEIPT_RETRY_MS_FIRST = 200
RECEIPT_RETRY_MS_MAX = 30_000
_USES, _ANSWERS, _OWNERS = "exchange-uses", "exchange-answers", "exchange-owners"
_SESSIONS = "exchange-sessions"


class WorldBooks:
    """A gateway's durable memory in the world's store."""

    def __init__(self, context: WorldContext, party_id: str) -> None:
        self._context = context
        self._party = party_id
        self.receipts_queue = f"{party_id}.exchange-receipts"

    async def remember_nonce(self, caller: str, nonce: str, until: datetime.datetime) -> bool:
        """Remember a signature's nonce; False when it was there already."""
        realm = f"exchange/{self._party}"

        async def use_case(db: Connection) -> bool:
            return await replay.remember(db, realm, f"{caller}\n{nonce}", until)

        return await self._context.database.run(use_case)

    async def admit(self, consent_id: str, decide: Decide) -> Admission | Refused:
        """Decide on the uses of a consent with its document locked."""
        decided: list[Admission | Refused] = []

        def edit(document: Document | None) -> Document:
            before = msgspec.convert((document or {}).get("uses", {}), dict[str, Use])
            outcome = decide(before)
            decided.append(outcome)
            uses = before if isinstance(outcome, Refused) else outcome.uses
            plain: Document = {"uses": msgspec.to_builtins(uses)}
            return plain

        await self._context.store.change(self._party, _USES, consent_id, edit)
        assert decided, "the store calls the edit before it returns"
        return decided[-1]

    async def claim_session_key(self, thumbprint: str, answer_key: str) -> bool:
        """Remember for which request a session's key came first."""

        async def use_case(db: Connection) -> bool:
            document: Document = {"request": answer_key}
            if await insert(db, self._party, _SESSIONS, thumbprint, document):
                return True
            return await read(db, self._party, _SESSIONS, thumbprint) == document

        return await self._context.database.run(use_case)

    async def kept_answer(self, request_id: str) -> str | None:
        """Return the delivery already made for a request id."""
        document = await self._context.store.get(self._party, _ANSWERS, request_id)
        return document["delivery"] if document else None

    async def keep_answer(self, request_id: str, delivery: str, receipt: str) -> str:
        """Keep a delivery and, in the same transaction, its receipt for posting."""

        async def use_case(db: Connection) -> str:
            document = {"delivery": delivery}
            if await insert(db, self._party, _ANSWERS, request_id, document):
                await self._schedule(db, receipt)
                return delivery
            there = await read(db, self._party, _ANSWERS, request_id)
            assert there is not None, "answers are never deleted"
            return str(there["delivery"])

        return await self._context.database.run(use_case)

    async def keep_receipt(self, receipt: str) -> None:
        """Keep a receipt until the platform has taken it."""
        await self._context.database.run(lambda db: self._schedule(db, receipt))

    async def owner(self, consent_id: str) -> OwnerAnswer | None:
        """Return who the owner of a consent is, when the platform has said so before."""
        document = await self._context.store.get(self._party, _OWNERS, consent_id)
        return msgspec.convert(document, OwnerAnswer) if document else None

    async def keep_owner(self, answer: OwnerAnswer) -> None:
        """Keep who the owner of a consent is."""
        document: Document = msgspec.to_builtins(answer)
        await self._context.store.create(self._party, _OWNERS, answer.consent_id, document)

    async def _schedule(self, db: Connection, receipt: str) -> None:
        # The signature part is unique to the receipt and short enough for a key.
        key = receipt.rsplit(".", 1)[1]
        await jobs.schedule(
            db, queue=self.receipts_queue, key=key, payload={"receipt": receipt}
        )


class DataProvider:
    """The exchange side of one simulated party: its gateway's route and its receipt job."""

    def __init__(
        self,
        context: WorldContext,
        party_id: str,
        products: frozenset[tuple[str, int]],
        records: Records,
    ) -> None:
        self._books = WorldBooks(context, party_id)
        self.address = context.address(party_id) + EXCHANGE_PATH
        directory = RemoteDirectory(context.network, context.platform_url, context.wire_clock)
        self.gateway = ProviderGateway(
            ProviderSetup(
                member_id=party_id, address=self.address, hub_url=context.platform_url,
                hub_id=PLATFORM_ORGANISATION, key=context.key_store.get_or_create(party_id),
                members=DirectoryKeys(directory), network=context.network,
                wire_clock=context.wire_clock, business_clock=context.business_clock,
                ids=context.ids, books=self._books, records=records, products=products,
            )
        )  # fmt: skip

    def routes(self) -> Sequence[BaseRoute]:
        """POST /exchange/v1/fetches, relative to the party's address."""
        return [Route(EXCHANGE_PATH + FETCHES_PATH, self.gateway.answer, methods=["POST"])]

    def jobs(self) -> Mapping[str, JobHandler]:
        """Posting of receipts, until the platform has taken each."""
        return {self._books.receipts_queue: self._post_receipt}

    async def _post_receipt(self, job: Job) -> Done | Again:
        if await self.gateway.receipts.post(job.payload["receipt"]):
            return Done()
        wait_ms = RECEIPT_RETRY_MS_FIRST * 2 ** min(job.attempt, 12)
        return Again(after_ms=min(wait_ms, RECEIPT_RETRY_MS_MAX))


def draw(seed: int, *labels: object, below: int) -> int:
    """Return a number in [0, below) that depends on nothing but seed and labels.

    The simulated records must be the same in every process and for every order of questions, so
    each is drawn from a hash of what it is, not from a shared sequence.
    """
    assert below > 0, "there must be something to draw from"
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *labels))).encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def plain(record: msgspec.Struct) -> dict[str, Any]:
    """Return a product's struct as the plain JSON objects that a gateway takes."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins

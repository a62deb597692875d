"""Asking whose proxy it is: answered for many at once, exactly, at a price.

Look-ups that wait at the same moment are read for and charged together (gathering.py): who calls
and what is registered in one round, whether it may be asked in another. Nothing is kept in memory
but which organisations are participants: a registration that was acknowledged is what the next
look-up finds, and a suspended organisation or a retired key is refused at once.
Not for: identity cards (`identify` is for institutions, in a transaction with a receipt).
Invariant: an answer leaves only after its nonce and its price are durable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory, Organisation
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.replay import Value
from lionrock.payments.addressing.domain.answers import Found, FoundEntry, answer_of
from lionrock.payments.addressing.domain.buckets import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.addressing.domain.kinds import Address, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.notices import Receipts
from lionrock.payments.addressing.store import buckets, entries
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.sealing import Vault
from lionrock.payments.store import members

INSTITUTION_LENGTH_MAX = 64


class _Asked(msgspec.Struct, frozen=True):
    question: Question
    nonce: Value


class Lookups:
    """Answers look-ups."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, directory: Directory,
        receipts: Receipts,
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._directory = directory
        self._receipts = receipts
        self._participants: set[str] = set()
        self._readings = Gathering(self._load_all)
        self._admissions = Gathering(self._admit, apart=_nonce)

    async def read(
        self, organisation_id: str, address: Address | None
    ) -> tuple[Organisation | None, list[FoundEntry]]:
        """Return an organisation, and what is registered under a proxy, as both are now."""
        key = self._keyring.lookup(address) if address is not None else b""
        return await self._readings.ask((organisation_id, key))

    async def is_participant(self, organisation_id: str) -> bool:
        """Say whether an organisation is enrolled; whoever is, stays it."""
        if organisation_id not in self._participants:
            found = await self._kernel.database.alone(
                partial(members.load_participant, organisation_id=organisation_id)
            )
            if found is None:
                return False
            self._participants.add(organisation_id)
        return True

    async def admit(
        self, organisation_id: str, payer: str, *, is_found: bool, nonce: Value
    ) -> str:
        """Remember a question's nonce and charge it; returns "" or why it is not answered.

        "replayed": the nonce was used before. "exhausted": the participant or the payer has asked
        too often.
        """
        payer_key = self._keyring.payer(organisation_id, payer)
        cost = COST_FOUND if is_found else COST_NOT_FOUND
        return await self._admissions.ask(
            _Asked(Question(organisation_id, payer_key, cost), nonce)
        )

    async def identify(
        self, db: Connection, organisation_id: str, *, value: str, institution: str, currency: str
    ) -> Found | Refused:
        """Look an identity card number up for a payment by an institution; leaves a receipt.

        The institution's bucket is charged as a payer's. Refused: PROXY_MALFORMED,
        INSTITUTION_MALFORMED, LOOKUPS_EXHAUSTED, PROXY_NOT_FOUND (keeps the charge).
        """
        if not 0 < len(institution) <= INSTITUTION_LENGTH_MAX or not institution.isprintable():
            return Refused(AddressingRefusal.INSTITUTION_MALFORMED, field="institution")
        address = normal_proxy("hkid", value)
        if isinstance(address, Refused):
            return address
        key = self._keyring.lookup(address)
        there = (await entries.find_entries(db, self._vault, [key])).get(key, [])
        found = answer_of(there, currency)
        payer_key = self._keyring.payer(organisation_id, f"institution/{institution}")
        cost = COST_FOUND if found else COST_NOT_FOUND
        [may_ask] = await buckets.charge(
            db, [Question(organisation_id, payer_key, cost)], self._kernel.wire_clock.now()
        )
        if not may_ask:
            return Refused(AddressingRefusal.LOOKUPS_EXHAUSTED)
        await self._receipts.record(
            db, "payments.identity_looked_up", PLATFORM_ORGANISATION,
            {"participant": organisation_id},
            {"institution": hashlib.sha256(institution.encode()).hexdigest()},
        )
        return found or Refused(AddressingRefusal.PROXY_NOT_FOUND, keep=True)

    async def _load_all(
        self, asked: Sequence[tuple[str, bytes]]
    ) -> list[tuple[Organisation | None, list[FoundEntry]]]:
        return await self._kernel.database.alone(partial(self._read_all, asked=asked))

    async def _read_all(
        self, db: Connection, asked: Sequence[tuple[str, bytes]]
    ) -> list[tuple[Organisation | None, list[FoundEntry]]]:
        """Two plain reads, each on a snapshot of its own."""
        callers = await self._directory.get_many(db, sorted({name for name, _ in asked}))
        found = await entries.find_entries(db, self._vault, sorted({key for _, key in asked}))
        return [(callers.get(name), found.get(key, [])) for name, key in asked]

    async def _admit(self, asked: Sequence[_Asked]) -> list[str]:
        return await self._kernel.database.alone(partial(
            buckets.admit, questions=[each.question for each in asked],
            nonces=[each.nonce for each in asked], asked_at=self._kernel.wire_clock.now(),
        ))


def _nonce(asked: _Asked) -> bytes:
    return asked.nonce.key

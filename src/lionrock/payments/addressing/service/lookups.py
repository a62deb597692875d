"""Asking whose proxy it is: answered for many at once, exactly, at a price.

Look-ups that wait at the same moment are answered by one statement (gathering.py, store.lookups).
Who a caller was is kept in memory to check its signature by; the statement answers only whom it
finds to be that still. So a registration that was acknowledged is what the next look-up finds, and
a suspended organisation or a retired key is refused at once.
Not for: identity cards (`identify` is for institutions, in a transaction with a receipt).
Invariant: an answer leaves only after every front sees its nonce and its price. A crash of the
database may give back what the last moments took, and answers nothing signed before it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory, Organisation
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.replay import Value
from lionrock.payments.addressing.domain.answers import Found, LookedUp, answer_of
from lionrock.payments.addressing.domain.buckets import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.addressing.domain.kinds import Address, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.notices import Receipts
from lionrock.payments.addressing.store import buckets, entries, lookups
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.addressing.store.lookups import Lookup
from lionrock.payments.sealing import Vault
from lionrock.payments.store import members

INSTITUTION_LENGTH_MAX = 64
# The role of organisations that may ask.
ROLE = "participant"
# A round that begins sooner after the one before it has few look-ups in it and costs as much.
PACE_MS = 2


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
        # Organisations that were answered before: no more than there are.
        self._believed: dict[str, Organisation] = {}
        self._callers = Gathering(self._load_callers)
        self._questions = Gathering(self._ask_all, apart=_nonce, pace_ms=PACE_MS)

    def believed(self, organisation_id: str) -> Organisation | None:
        """Return an organisation as it was when it last could ask; None: it never did."""
        return self._believed.get(organisation_id)

    def hear(self, caller: Organisation, *, is_fallen: bool) -> None:
        """Remember an organisation that could ask; forget one that may not any more."""
        if is_fallen:
            self._believed.pop(caller.id, None)
        else:
            self._believed[caller.id] = caller

    async def load_caller(self, organisation_id: str) -> Organisation | None:
        """Return an organisation as it is now, read together with others."""
        return await self._callers.ask(organisation_id)

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

    async def ask(
        self, caller: Organisation, kid: str, address: Address, *, currency: str, payer: str,
        nonce: Value, made_at: datetime,
    ) -> LookedUp:
        """Remember a look-up's nonce, charge it, and return what is registered.

        `caller` is an enrolled participant whose signature holds under its key `kid`. Not answered:
        "fallen": it is no active participant with that key any more. "replayed": the nonce was used
        before. "forgotten": it was signed (`made_at`) before the memory of nonces begins.
        "exhausted": the participant or the payer has asked too often.
        """
        answered = await self._questions.ask(Lookup(
            organisation_id=caller.id, kid=kid, lookup_key=self._keyring.lookup(address),
            currency=currency, payer_key=self._keyring.payer(caller.id, payer), nonce=nonce,
            made_at=made_at,
        ))  # fmt: skip
        self.hear(caller, is_fallen=answered.why == "fallen")
        return answered

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

    async def _load_callers(self, names: Sequence[str]) -> list[Organisation | None]:
        callers = await self._kernel.database.alone(
            partial(self._directory.get_many, organisation_ids=sorted(set(names)))
        )
        return [callers.get(name) for name in names]

    async def _ask_all(self, asked: Sequence[Lookup]) -> list[LookedUp]:
        """Ask; whoever shared a round with callers that have fallen is asked for once more."""
        answers = await self._ask(asked)
        fallen = [answered.why == "fallen" for answered in answers]
        if not any(fallen) or all(fallen):
            return answers
        others = [each for each, is_fallen in zip(asked, fallen, strict=True) if not is_fallen]
        again = iter(await self._ask_all(others))
        return [old if old.why == "fallen" else next(again) for old in answers]

    async def _ask(self, asked: Sequence[Lookup]) -> list[LookedUp]:
        return await self._kernel.database.alone(partial(
            lookups.ask, vault=self._vault, lookups=asked, role=ROLE,
            asked_at=self._kernel.wire_clock.now(),
        ))


def _nonce(asked: Lookup) -> bytes:
    return asked.nonce.key

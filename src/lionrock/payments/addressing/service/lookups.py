"""Asking whose proxy it is: answered for many at once, exactly, at a price.

Look-ups that wait at the same moment are answered by one statement (gathering.py, store.lookups).
Who a caller was is kept in memory to check its signature by (callers.py); the statement answers
only whom it finds to be that still. So a registration that was acknowledged is what the next
look-up finds, and a suspended organisation or a retired key is refused at once.
Not for: identity cards (`identify` is for institutions, in a transaction with a receipt).
Invariant: an answer leaves only after every front sees its nonce and its price. A crash of the
database may give back what the last moments took, and answers nothing signed before it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from lionrock.directory.api import PLATFORM_ORGANISATION
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
from lionrock.payments.service.participants import ROLE

INSTITUTION_LENGTH_MAX = 64
# A round that begins sooner after the one before it has few look-ups in it and costs as much.
PACE_MS = 2


class Lookups:
    """Answers look-ups."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, receipts: Receipts
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._receipts = receipts
        self._questions = Gathering(self._ask_all, apart=_nonce, pace_ms=PACE_MS)

    async def ask(
        self, organisation_id: str, kid: str, address: Address, *, currency: str, payer: str,
        nonce: Value, made_at: datetime,
    ) -> LookedUp:
        """Remember a look-up's nonce, charge it, and return what is registered.

        `organisation_id` is an enrolled participant whose signature holds under its key `kid`. Not
        answered: "fallen": it is no active participant with that key any more. "replayed": the
        nonce was used before. "forgotten": it was signed (`made_at`) before the memory of nonces
        begins.
        "exhausted": the participant or the payer has asked too often.
        """
        return await self._questions.ask(Lookup(
            organisation_id=organisation_id, kid=kid, lookup_key=self._keyring.lookup(address),
            currency=currency, payer_key=self._keyring.payer(organisation_id, payer), nonce=nonce,
            made_at=made_at,
        ))  # fmt: skip

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

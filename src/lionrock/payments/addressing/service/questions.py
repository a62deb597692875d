"""Many questions about payees in one call: whose proxy is it, and is it in the name given?

What a look-up and a payee check ask one after the other, asked together and for many payers at
once. Each question is charged to its participant and its payer as a look-up is: 1 token where there
is a registration and the name, if one is given, is its; otherwise 20, for a name that does not
match may be a guess. A question that cannot be asked costs nothing, as it does alone.
Not for: identity cards, accounts without a proxy (payees), one look-up (lookups).
Invariant: an answer leaves only after the nonce and the price of all of its call are durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from lionrock.directory.api import Directory, Organisation
from lionrock.kernel import replay
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.answers import (
    Found,
    FoundEntry,
    answer_of,
    chosen_of,
    is_payer,
)
from lionrock.payments.addressing.domain.buckets import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.addressing.domain.kinds import Address, Kind, normal_proxy
from lionrock.payments.addressing.domain.names import NAME_LENGTH_MAX
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.payees import Verified, judged
from lionrock.payments.addressing.store import buckets, entries
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.domain.orders import is_shown_text
from lionrock.payments.sealing import Vault


class PayeeQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proxy in any spelling; the name that the payer was given, if any; who is about to pay."""

    kind: Kind
    value: str
    currency: str = ""
    payer: str = ""
    name: str = ""


class Answered(msgspec.Struct, frozen=True):
    """What came of a question: who is found, what the name is, or why it is not answered."""

    found: Found | None = None
    verified: Verified | None = None
    refused: Refused | None = None


class _Charged(msgspec.Struct, frozen=True, eq=False):
    """The questions of one call that are to be charged, and its nonce."""

    questions: Sequence[Question]
    nonce: replay.Value


Caller = tuple[Organisation | None, dict[bytes, list[FoundEntry]]]


class Questions:
    """Answers many at once."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, directory: Directory
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._directory = directory
        self._readings: Gathering[tuple[str, frozenset[bytes]], Caller] = Gathering(self._load_all)
        self._admissions: Gathering[_Charged, list[bool] | None] = Gathering(
            self._admit_all, apart=lambda each: each.nonce.key
        )

    async def read(
        self, organisation_id: str, asked: Sequence[PayeeQuestion]
    ) -> tuple[Organisation | None, list[list[FoundEntry]]]:
        """Return an organisation and what is registered under each proxy, as both are now."""
        addresses = [normal_proxy(each.kind, each.value) for each in asked]
        keys = [
            self._keyring.lookup(address)
            if isinstance(address, Address) and address.kind != "hkid" else b""
            for address in addresses
        ]
        caller, found = await self._readings.ask((organisation_id, frozenset(keys) - {b""}))
        return caller, [found.get(key, []) for key in keys]

    async def answer(
        self, organisation_id: str, asked: Sequence[PayeeQuestion],
        there: Sequence[Sequence[FoundEntry]], nonce: replay.Value,
    ) -> list[Answered] | None:
        """Charge and answer questions, in their order; None when the nonce was used before."""
        answers = [_judge(each, found) for each, found in zip(asked, there, strict=True)]
        numbers = [number for number, (_, cost) in enumerate(answers) if cost]
        charged = _Charged([
            Question(
                organisation_id, self._keyring.payer(organisation_id, asked[number].payer),
                answers[number][1],
            )
            for number in numbers
        ], nonce)
        may_ask = await self._admissions.ask(charged)
        if may_ask is None:
            return None
        refused = {number for number, may in zip(numbers, may_ask, strict=True) if not may}
        exhausted = Answered(refused=Refused(AddressingRefusal.LOOKUPS_EXHAUSTED))
        return [
            exhausted if number in refused else answered
            for number, (answered, _) in enumerate(answers)
        ]

    async def _load_all(
        self, asked: Sequence[tuple[str, frozenset[bytes]]]
    ) -> list[Caller]:
        wanted: set[bytes] = set().union(*(keys for _, keys in asked))

        async def read(db: Connection) -> list[Caller]:
            callers = await self._directory.get_many(db, sorted({name for name, _ in asked}))
            found = await entries.find_entries(db, self._vault, sorted(wanted)) if wanted else {}
            return [(callers.get(name), found) for name, _ in asked]

        # Two plain reads, each on a snapshot of its own.
        return await self._kernel.database.alone(read)

    async def _admit_all(self, asked: Sequence[_Charged]) -> list[list[bool] | None]:
        return await self._kernel.database.run(partial(self._admit, asked=asked))

    async def _admit(
        self, db: Connection, asked: Sequence[_Charged]
    ) -> list[list[bool] | None]:
        """Nonces first and then buckets, as a look-up takes its locks."""
        told = await replay.remember_all(db, [[each.nonce] for each in asked])
        new = [each for each, used in zip(asked, told, strict=True) if used is None]
        questions = [question for each in new for question in each.questions]
        now = self._kernel.wire_clock.now()
        may_ask = iter(await buckets.charge(db, questions, now) if questions else [])
        return [
            [next(may_ask) for _ in each.questions] if used is None else None
            for each, used in zip(asked, told, strict=True)
        ]


def _judge(asked: PayeeQuestion, there: Sequence[FoundEntry]) -> tuple[Answered, int]:
    """The answer to a question that may be asked, and its price; 0 if it cannot be asked."""
    refused = _check(asked)
    if refused is not None:
        return Answered(refused=refused), 0
    found, chosen = answer_of(there, asked.currency), chosen_of(there, asked.currency)
    if found is None or chosen is None:
        return Answered(refused=Refused(AddressingRefusal.PROXY_NOT_FOUND)), COST_NOT_FOUND
    if not asked.name:
        return Answered(found), COST_FOUND
    verified = judged(asked.name, chosen.target.account_name)
    return Answered(found, verified), COST_FOUND if verified.result == "match" else COST_NOT_FOUND


def _check(asked: PayeeQuestion) -> Refused | None:
    if asked.kind == "hkid":
        return Refused(AddressingRefusal.IDENTITY_NOT_LOOKED_UP, field="kind")
    if not is_payer(asked.payer):
        return Refused(AddressingRefusal.PAYER_MALFORMED, field="payer")
    if asked.name and not is_shown_text(asked.name, NAME_LENGTH_MAX):
        return Refused(
            AddressingRefusal.PAYEE_MALFORMED, "Expected 1 to 140 printable characters.",
            field="name",
        )
    address = normal_proxy(asked.kind, asked.value)
    return address if isinstance(address, Refused) else None

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
from typing import Literal

import msgspec

from lionrock.kernel import replay
from lionrock.kernel.context import Kernel
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
from lionrock.payments.addressing.store.buckets import Charged, Question, SignedQuestions
from lionrock.payments.domain.orders import is_shown_text
from lionrock.payments.sealing import Vault
from lionrock.payments.service.participants import ROLE

# A round that begins sooner after the one before it has few questions in it and costs as much.
PACE_MS = 2


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


class Questions:
    """Answers many at once."""

    def __init__(self, kernel: Kernel, vault: Vault, keyring: Keyring) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._readings: Gathering[frozenset[bytes], dict[bytes, list[FoundEntry]]] = Gathering(
            self._load_all, pace_ms=PACE_MS
        )
        self._charges: Gathering[SignedQuestions, Charged] = Gathering(
            self._charge_all, apart=lambda each: each.nonce.key, pace_ms=PACE_MS
        )

    async def answer(
        self, organisation_id: str, kid: str, asked: Sequence[PayeeQuestion], nonce: replay.Value
    ) -> list[Answered] | Literal["fallen", "replayed"]:
        """Charge and answer the questions of one call, in their order.

        `organisation_id` is an enrolled participant whose signature holds under its key `kid`.
        "fallen": it is no active participant with that key any more; "replayed": the nonce was used
        before.
        """
        answers = [
            _judge(each, found)
            for each, found in zip(asked, await self._read(asked), strict=True)
        ]
        numbers = [number for number, (_, cost) in enumerate(answers) if cost]
        may_ask = await self._charges.ask(SignedQuestions(
            organisation_id=organisation_id, kid=kid, nonce=nonce,
            questions=[
                Question(
                    organisation_id, self._keyring.payer(organisation_id, asked[number].payer),
                    answers[number][1],
                )
                for number in numbers
            ],
        ))  # fmt: skip
        if isinstance(may_ask, str):
            return may_ask
        refused = {number for number, may in zip(numbers, may_ask, strict=True) if not may}
        exhausted = Answered(refused=Refused(AddressingRefusal.LOOKUPS_EXHAUSTED))
        return [
            exhausted if number in refused else answered
            for number, (answered, _) in enumerate(answers)
        ]

    async def _read(self, asked: Sequence[PayeeQuestion]) -> list[list[FoundEntry]]:
        """What is registered under each proxy now."""
        addresses = [normal_proxy(each.kind, each.value) for each in asked]
        keys = [
            self._keyring.lookup(address)
            if isinstance(address, Address) and address.kind != "hkid" else b""
            for address in addresses
        ]
        wanted = frozenset(keys) - {b""}
        found = await self._readings.ask(wanted) if wanted else {}
        return [found.get(key, []) for key in keys]

    async def _load_all(
        self, asked: Sequence[frozenset[bytes]]
    ) -> list[dict[bytes, list[FoundEntry]]]:
        wanted = sorted(frozenset[bytes]().union(*asked))
        found = await self._kernel.database.alone(
            lambda db: entries.find_entries(db, self._vault, wanted)
        )
        return [found for _ in asked]

    async def _charge_all(self, asked: Sequence[SignedQuestions]) -> list[Charged]:
        """Charge; whoever shared a round with callers that have fallen is charged once more."""
        now = self._kernel.wire_clock.now()
        told = await self._kernel.database.alone(
            lambda db: buckets.charge_calls(db, asked, ROLE, now)
        )
        others = [each for each, charged in zip(asked, told, strict=True) if charged != "fallen"]
        if not others or len(others) == len(asked):
            return told
        again = iter(await self._charge_all(others))
        return [charged if charged == "fallen" else next(again) for charged in told]


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

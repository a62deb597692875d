"""The one statement of a round of look-ups: read, remember, charge (`payments.look_up`).

It says who may still ask, remembers the nonces, reads what is registered and takes the prices,
which depend on what was found. Not for: what an answer shows (domain.answers).
Invariants: where one caller of the round may not ask any more, nothing is remembered or charged.
What it did is seen by every front at once, and is on disk within moments, not before the answer;
after a crash of the server nothing signed before is answered (docs/decisions/0038).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.replay import Value
from lionrock.payments.addressing.domain.answers import FoundEntry, LookedUp, Why
from lionrock.payments.addressing.domain.buckets import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.addressing.store import buckets, entries
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.sealing import Vault


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """One look-up whose signature held: by whom and with which key, of what, for which payer."""

    organisation_id: str
    kid: str
    lookup_key: bytes
    currency: str
    payer_key: bytes
    nonce: Value
    made_at: datetime


_ASK = f"SELECT * FROM payments.look_up({', '.join(f'${n}' for n in range(1, 22))})"


async def ask(
    db: Connection, vault: Vault, lookups: Sequence[Lookup], role: str, asked_at: datetime
) -> list[LookedUp]:
    """Answer look-ups in their order. No nonce may be given twice.

    When callers have fallen, exactly their look-ups are answered with that, and the others with
    nothing done: whoever asked has to ask for those again.
    """
    callers = sorted({(each.organisation_id, each.kid) for each in lookups})
    rows = await db.fetch(
        _ASK, [name for name, _ in callers], [kid for _, kid in callers], role,
        [each.lookup_key for each in lookups], [each.currency for each in lookups],
        COST_FOUND, COST_NOT_FOUND,
        *buckets.arguments_of_nonces([each.nonce for each in lookups]),
        [each.made_at for each in lookups],
        *buckets.arguments_of_buckets(
            [Question(each.organisation_id, each.payer_key, 0) for each in lookups]
        )[:-1],
        asked_at, *buckets.RULES,
    )
    fallen: set[tuple[str, str]] = set()
    whys: dict[int, Why] = {}
    there: dict[int, list[FoundEntry]] = {}
    for position, why, lookup_key, *found in rows:
        if why == "fallen":
            fallen.add(callers[position - 1])
        elif why:
            whys[position] = why
        else:
            entry = entries.found_entry(vault, lookup_key, *found)
            there.setdefault(position, []).append(entry)
    if fallen:
        return [
            LookedUp("fallen" if (each.organisation_id, each.kid) in fallen else "")
            for each in lookups
        ]
    return [
        LookedUp(whys[position]) if position in whys
        else LookedUp("", tuple(there.get(position, ())))
        for position in range(1, len(lookups) + 1)
    ]

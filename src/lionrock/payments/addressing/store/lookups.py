"""The one statement of a round of look-ups: read, remember, charge.

It reads who still may ask and what is registered, then remembers the nonces and takes the prices
(`payments.admit`), which depend on what was found. Not for: what an answer shows (domain.answers).
Invariant: where one caller of the round may not ask any more, nothing is remembered or charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lionrock.directory.api import fallen_callers
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


# Sub-selects that give one value each are looked up one by one, by an index: as joins, PostgreSQL
# would now and then read whole tables for a handful of rows.
_ASK = (
    f"WITH fallen AS MATERIALIZED ({fallen_callers('$1', '$2', '$3')}),"
    f" found AS MATERIALIZED (SELECT e.lookup_key, e.currency, {entries.FOUND}"
    f"  FROM {entries.REGISTERED} WHERE e.lookup_key = ANY($4::bytea[])),"
    " priced AS (SELECT array_agg(CASE WHEN (SELECT count(*) FROM found f"
    "   WHERE f.lookup_key = q.lookup_key AND q.currency IN ('', f.currency)) > 0"
    "   THEN $6::integer ELSE $7::integer END ORDER BY q.position) AS costs"
    "  FROM unnest($4::bytea[], $5::text[]) WITH ORDINALITY AS q (lookup_key, currency, position)"
    "  HAVING NOT EXISTS (SELECT FROM fallen)),"
    " admitted AS MATERIALIZED (SELECT a.position, a.why FROM priced, LATERAL payments.admit("
    "  $8, $9, $10, $11, $12, $13, $14, $15, priced.costs, $16, $17, $18, $19, $20) AS a)"
    " SELECT position, 'fallen' AS why, NULL::bytea AS lookup_key, NULL AS currency,"
    "  NULL AS organisation_id, NULL::bytea AS sealed_target, NULL AS clearing_code,"
    "  NULL AS source, NULL::timestamptz AS listed_at FROM fallen"
    " UNION ALL SELECT position, why, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM admitted"
    " UNION ALL SELECT 0, '', * FROM found"
)


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
        *buckets.arguments_of_buckets(
            [Question(each.organisation_id, each.payer_key, 0) for each in lookups]
        )[:-1],
        asked_at, *buckets.RULES,
    )
    fallen: set[tuple[str, str]] = set()
    whys: dict[int, Why] = {}
    there: dict[bytes, list[FoundEntry]] = {}
    for position, why, lookup_key, *found in rows:
        if why == "fallen":
            fallen.add(callers[position - 1])
        elif why:
            whys[position] = why
        else:
            entry = entries.found_entry(vault, lookup_key, *found)
            there.setdefault(lookup_key, []).append(entry)
    if fallen:
        return [
            LookedUp("fallen" if (each.organisation_id, each.kid) in fallen else "")
            for each in lookups
        ]
    return [
        LookedUp(whys[position]) if position in whys
        else LookedUp("", tuple(there.get(each.lookup_key, ())))
        for position, each in enumerate(lookups, 1)
    ]

"""What speaks against taking messages: read in one statement, before anything is done about them.

It decides nothing for good: whoever takes the messages does so by compare-and-set and unique keys.
Not for: what a message says (service).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.replay import Value

# Who brings messages: an organisation, and the key that it signed with.
Signer: TypeAlias = tuple[str, str]
_FIND = (
    "SELECT what, position FROM payments.find_objections($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)


class Objections(msgspec.Struct, frozen=True, kw_only=True):
    """Of what was asked: signers that may not act any more, the keys of used nonces, (sender,
    MsgId) of messages and (initiator, TxId) and UETRs of payments that there are.
    """

    fallen: frozenset[Signer]
    nonces: frozenset[bytes]
    messages: frozenset[tuple[str, str]]
    transactions: frozenset[tuple[str, str]]
    uetrs: frozenset[str]


async def find_objections(
    db: Connection, role: str, *, signers: Collection[Signer], nonces: Sequence[Value] = (),
    messages: Collection[tuple[str, str]] = (), transactions: Collection[tuple[str, str]] = (),
    uetrs: Collection[str] = (),
) -> Objections:
    """Return which of these there are; signers act in a role of the directory."""
    by_whom, keys = sorted(signers), [each.key for each in nonces]
    names, orders, wanted = sorted(messages), sorted(transactions), sorted(uetrs)
    rows = await db.fetch(
        _FIND, *_columns(by_whom), role, keys, *_columns(names), *_columns(orders), wanted,
    )
    found: dict[str, set[int]] = {}
    for row in rows:
        found.setdefault(row["what"], set()).add(row["position"] - 1)
    return Objections(
        fallen=frozenset(by_whom[n] for n in found.get("fallen", ())),
        nonces=frozenset(keys[n] for n in found.get("nonce", ())),
        messages=frozenset(names[n] for n in found.get("message", ())),
        transactions=frozenset(orders[n] for n in found.get("transaction", ())),
        uetrs=frozenset(wanted[n] for n in found.get("uetr", ())),
    )


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _ in pairs], [second for _, second in pairs]

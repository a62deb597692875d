"""Comparing a participant's books with the switch's register over HTTP (domain/sets.py).

1. GET .../comparison: the key, the root and the digests of 256 buckets.
2. Where a bucket's digest differs: GET .../comparison/{bucket}, its fingerprints.
3. What the switch has and the books have not: POST .../comparison/entries, in full.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply


class DigestReply(msgspec.Struct, frozen=True):
    """A register in short; all octets as hexadecimal digits. `key` makes the fingerprints."""

    key: str
    count: int
    root: str
    buckets: list[str]


class FingerprintsReply(msgspec.Struct, frozen=True):
    """A bucket's fingerprints in order; ask again with `after` the last one."""

    fingerprints: list[str]


class EntriesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """1 to 100 fingerprints."""

    fingerprints: list[str]


class EntryReply(msgspec.Struct, frozen=True, kw_only=True):
    """A registration of the caller's own, in full."""

    fingerprint: str
    kind: str
    value: str
    currency: str
    account_number: str
    account_name: str
    registered_at: str


class EntriesReply(msgspec.Struct, frozen=True):
    """Those of the fingerprints asked for that are the caller's."""

    entries: list[EntryReply]


async def reply_digest(call: SignedCall[Any, None]) -> Response:
    """Answer with the digests of the caller's own register."""
    digest = await call.room.addressing.digest(call.db, call.caller.id)
    key = call.room.addressing.keyring.register(call.caller.id)
    buckets = [bucket.hex() for bucket in digest.buckets]
    return reply(DigestReply(key.hex(), digest.count, digest.root.hex(), buckets))


async def reply_fingerprints(call: SignedCall[Any, None]) -> Refused | Response:
    """Answer with the fingerprints of one bucket."""
    found = await call.room.addressing.fingerprints(
        call.db, call.caller.id, call.path_params["bucket"], call.query.get("after", "")
    )
    if isinstance(found, Refused):
        return found
    return reply(FingerprintsReply([each.hex() for each in found]))


async def reply_entries(call: SignedCall[Any, EntriesBody]) -> Refused | Response:
    """Answer with the caller's own entries of these fingerprints."""
    found = await call.room.addressing.by_fingerprints(
        call.db, call.caller.id, call.body.fingerprints
    )
    if isinstance(found, Refused):
        return found
    return reply(EntriesReply([
        EntryReply(
            fingerprint=e.fingerprint.hex(), kind=e.kind, value=e.target.proxy,
            currency=e.currency, account_number=e.target.account_number,
            account_name=e.target.account_name, registered_at=e.registered_at.isoformat(),
        )
        for e in found
    ]))  # fmt: skip

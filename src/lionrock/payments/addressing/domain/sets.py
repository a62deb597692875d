"""Comparing two registers without sending them: a digest for each of 256 buckets of fingerprints.

A participant keeps what it registered, the switch keeps what stands. Both make a fingerprint of
each entry under a key that only these two have, sort them into buckets by their first octet, and
digest each bucket. Equal roots: equal registers. Else the buckets that differ are listed, and what
one side lacks is found exactly. Digests are of the sorted concatenation (a Merkle tree of two
levels), not a sum, so that no set of entries can be made to cancel out.
Source: the synchronisation of the Pix DICT API (by content identifiers), with SHA-256 and HMAC.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lionrock.payments.addressing.domain.kinds import Address

BUCKETS = 256
FINGERPRINT_BYTES = 32


class RegisterDigest(msgspec.Struct, frozen=True):
    """A register in short: a digest for each bucket, how many entries, and one root over all."""

    count: int
    root: bytes
    buckets: tuple[bytes, ...]


def fingerprint(
    key: bytes, proxy: Address, *, currency: str, account_number: str, account_name: str
) -> bytes:
    """Return the 32-byte HMAC of one entry; fields are prefixed by their length in octets."""
    fields = (proxy.kind, proxy.value, currency, account_number, account_name)
    text = b"".join(
        len(octets).to_bytes(2, "big") + octets for octets in (f.encode() for f in fields)
    )
    return hmac.digest(key, text, hashlib.sha256)


def bucket_of(print_of_entry: bytes) -> int:
    """The bucket of a fingerprint."""
    return print_of_entry[0]


def digest_of(fingerprints: Iterable[bytes]) -> RegisterDigest:
    """Digest a whole register from its fingerprints, in any order."""
    members: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    count = 0
    for each in fingerprints:
        assert len(each) == FINGERPRINT_BYTES, "a fingerprint has 32 octets"
        members[bucket_of(each)].append(each)
        count += 1
    return assembled(count, {
        number: hashlib.sha256(b"".join(sorted(bucket))).digest()
        for number, bucket in enumerate(members) if bucket
    })


def assembled(count: int, digests: Mapping[int, bytes]) -> RegisterDigest:
    """Put a register's digest together from those of its buckets that are not empty."""
    empty = hashlib.sha256(b"").digest()
    buckets = tuple(digests.get(number, empty) for number in range(BUCKETS))
    return RegisterDigest(count, hashlib.sha256(b"".join(buckets)).digest(), buckets)


def differing(first: Sequence[bytes], second: Sequence[bytes]) -> list[int]:
    """Return the buckets in which two registers differ."""
    assert len(first) == len(second) == BUCKETS, "both have all buckets"
    return [
        number for number, (one, other) in enumerate(zip(first, second, strict=True))
        if one != other
    ]

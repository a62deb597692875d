"""Which ids have been archived: a Bloom filter of fixed size, so that memory stays bounded.

`may_have` never forgets an id that was added; it may name one that was not, and then disk is asked.
With 2**28 bits and two probes that happens to one new id in 200 after 10 million, one in 10 after
50 million, and never makes an answer wrong. Nothing is allocated before the first id.

The probes are two cuts of Python's hash of the id's two words: it depends on nothing but them, not
even on PYTHONHASHSEED. `FINGERPRINT` goes along with a saved filter; another interpreter that
hashes otherwise does not trust it and reads the journal instead.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

BITS = 2**28
_MASK = BITS - 1
_SHIFT = 29
_WORDS = struct.Struct("<2Q")
_BIT = (1, 2, 4, 8, 16, 32, 64, 128)
FINGERPRINT = f"{hash((1, 2**63 + 5))}:{hash((2**64 - 1, 0))}:{BITS}"


class Seen:
    """The ids that memory no longer holds, more or less."""

    def __init__(self, bits: bytes = b"", count: int = 0, until_ns: int = 0) -> None:
        assert len(bits) in {0, BITS // 8}, "whole or not yet"
        self._bits = bytearray(bits)
        self.until_ns = until_ns  # it has every id of a timestamp at or before this
        self.count = count  # ids added, repeats included

    @property
    def bits(self) -> bytes:
        """The filter, to be saved; empty before the first id."""
        return bytes(self._bits)

    def add(self, keys: Sequence[bytes]) -> None:
        """Remember ids."""
        if not keys:
            return
        if not self._bits:
            self._bits = bytearray(BITS // 8)
        self.count += len(keys)
        bits, bit = self._bits, _BIT
        for digest in map(hash, _WORDS.iter_unpack(b"".join(keys))):
            first, second = digest & _MASK, digest >> _SHIFT & _MASK
            bits[first >> 3] |= bit[first & 7]
            bits[second >> 3] |= bit[second & 7]

    def may_have(self, keys: Sequence[bytes]) -> list[bytes]:
        """Return those of these ids that were, or just may have been, added."""
        if not self.count or not keys:
            return []
        bits, bit = self._bits, _BIT
        return [
            key for key, digest in zip(
                keys, map(hash, _WORDS.iter_unpack(b"".join(keys))), strict=True)
            if bits[(digest & _MASK) >> 3] & bit[digest & 7]
            and bits[(digest >> _SHIFT & _MASK) >> 3] & bit[digest >> _SHIFT & 7]
        ]

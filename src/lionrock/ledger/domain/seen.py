"""Which ids have been archived: a Bloom filter of fixed size, so that memory stays bounded.

`may_have` never forgets an id that was added; it may name one that was not, and then disk is asked.
With 2**28 bits and two probes that happens to one new id in 200 after 10 million, one in 10 after
50 million, and never makes an answer wrong. Nothing is allocated before the first id.

Most ids are never probed. Callers make ids that begin with the time (UUIDv7), so beside the filter
stands the highest id archived of each stretch of 50 days, by an id's first 16 bits: what is higher
was surely not archived. Ids in no order lose this short cut and nothing else.

The probes are two cuts of Python's hash of the id's two words: it depends on nothing but them, not
even on PYTHONHASHSEED. `FINGERPRINT` goes along with a saved filter; another interpreter that
hashes otherwise does not trust it and reads the journal instead.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from lionrock.ledger.domain.records import RECORD_BYTES

BITS = 2**28
_MASK = BITS - 1
_SHIFT = 29
_WORDS = struct.Struct("<2Q")
_SAVED = struct.Struct(">2Q")
_RECORD_WORDS = RECORD_BYTES // 8
_BIT = (1, 2, 4, 8, 16, 32, 64, 128)
FINGERPRINT = f"{hash((1, 2**63 + 5))}:{hash((2**64 - 1, 0))}:{BITS}"


_STRETCH = 48  # of an id's upper word, the bits below its stretch
_BEFORE_ALL = (-1, -1)


class Seen:
    """The ids that memory no longer holds, more or less."""

    def __init__(
        self, bits: bytes = b"", count: int = 0, until_ns: int = 0, latest: bytes = b""
    ) -> None:
        assert len(bits) in {0, BITS // 8}, "whole or not yet"
        self._latest: dict[int, tuple[int, int]] = {}  # stretch -> upper and lower word
        self._note_latest(_SAVED.iter_unpack(latest))
        self._bits = bytearray(bits)
        self.until_ns = until_ns  # it has every id of a timestamp at or before this
        self.count = count  # ids added, repeats included

    @property
    def bits(self) -> bytes:
        """The filter, to be saved; empty before the first id."""
        return bytes(self._bits)

    @property
    def latest(self) -> bytes:
        """The highest id of each stretch, to be saved: 16 bytes each, big-endian."""
        return b"".join(_SAVED.pack(*pair) for pair in self._latest.values())

    def _note_latest(self, pairs: Iterable[tuple[int, int]]) -> None:
        latest = self._latest
        for pair in pairs:
            stretch = pair[0] >> _STRETCH
            if pair > latest.get(stretch, _BEFORE_ALL):
                latest[stretch] = pair

    def are_later(self, transfers: bytes) -> bool:
        """Say whether the ids of whole transfer records are above all that were added.

        False says nothing: ids of several stretches are not looked at one by one.
        """
        words = memoryview(transfers).cast("Q")
        highs = words[1::_RECORD_WORDS].tolist()
        lowest = min(highs)
        if lowest >> _STRETCH != max(highs) >> _STRETCH:
            return False
        high, low = self._latest.get(lowest >> _STRETCH, _BEFORE_ALL)
        if lowest != high:
            return lowest > high
        lows = words[0::_RECORD_WORDS].tolist()
        return all(own > low for upper, own in zip(highs, lows, strict=True) if upper == high)

    def add(self, keys: Sequence[bytes]) -> None:
        """Remember ids."""
        if not keys:
            return
        if not self._bits:
            self._bits = bytearray(BITS // 8)
        self.count += len(keys)
        ids = b"".join(keys)
        words = memoryview(ids).cast("Q")
        self._note_latest(zip(words[1::2].tolist(), words[0::2].tolist(), strict=True))
        bits, bit = self._bits, _BIT
        for digest in map(hash, _WORDS.iter_unpack(ids)):
            first, second = digest & _MASK, digest >> _SHIFT & _MASK
            bits[first >> 3] |= bit[first & 7]
            bits[second >> 3] |= bit[second & 7]

    def may_have(self, keys: Sequence[bytes]) -> list[bytes]:
        """Return those of these ids that were, or just may have been, added."""
        if not self.count or not keys:
            return []
        bits, bit, latest = self._bits, _BIT, self._latest
        return [
            key for key, words, digest in zip(
                keys, _WORDS.iter_unpack(b"".join(keys)),
                map(hash, _WORDS.iter_unpack(b"".join(keys))), strict=True)
            if words[::-1] <= latest.get(words[1] >> _STRETCH, _BEFORE_ALL)
            and bits[(digest & _MASK) >> 3] & bit[digest & 7]
            and bits[(digest >> _SHIFT & _MASK) >> 3] & bit[digest >> _SHIFT & 7]
        ]

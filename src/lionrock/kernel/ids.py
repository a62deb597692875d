"""Prefixed UUIDv7 identifiers: sortable by time, readable by people, never secret.

An id says what it names (`pay_`, `cns_`, `apr_`). Its 48-bit time comes from the wire clock and its
random part from a generator that tests seed. An id is never a credential: those come from
kernel.secrets. Source: RFC 9562 s5.7 (UUID version 7).

Invariants: within one process ids strictly increase; the same 128 bits name the ledger's object.
"""

from __future__ import annotations

import random
import re
import threading

from lionrock.kernel.clock import WireClock

_ID = re.compile(r"[a-z][a-z0-9]{1,11}_[0-9a-f]{32}")
PREFIX_LENGTH_MAX = 12


class Ids:
    """Makes identifiers. `seed` makes them repeatable (tests, simulation)."""

    def __init__(self, wire_clock: WireClock, seed: int | None = None) -> None:
        self._wire_clock = wire_clock
        # Not secret by design (see module docstring), so a seedable generator is right here.
        self._chance = random.Random(seed) if seed is not None else random.SystemRandom()
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        """Return a new id `<prefix>_<32 hex digits of a UUIDv7>`."""
        assert prefix.isalnum() and prefix.islower() and len(prefix) <= PREFIX_LENGTH_MAX, prefix
        return f"{prefix}_{self.new_u128():032x}"

    def new_u128(self) -> int:
        """Return a new 128-bit id for the ledger."""
        time_ms = int(self._wire_clock.now().timestamp() * 1000)
        with self._lock:
            chance = self._chance.getrandbits(74)
            value = _uuid7(time_ms, chance)
            if value <= self._last:
                # Same millisecond and a smaller draw, or a clock stepped back: keep the order.
                value = _next_uuid7(self._last)
            self._last = value
            return value


def u128(identifier: str) -> int:
    """Return the 128-bit integer inside a prefixed id; ValueError when it is not one."""
    if not is_id(identifier):
        raise ValueError("not a prefixed id")
    return int(identifier.rsplit("_", 1)[1], 16)


def is_id(text: str, prefix: str | None = None) -> bool:
    """Say whether `text` is a well-formed id (of the given prefix)."""
    if not _ID.fullmatch(text):
        return False
    return prefix is None or text.split("_", 1)[0] == prefix


def _uuid7(time_ms: int, chance: int) -> int:
    high_12 = chance >> 62
    low_62 = chance & ((1 << 62) - 1)
    return (time_ms << 80) | (0x7 << 76) | (high_12 << 64) | (0b10 << 62) | low_62


def _next_uuid7(value: int) -> int:
    """The smallest UUIDv7 above `value`, with version and variant bits kept."""
    low_62 = value & ((1 << 62) - 1)
    high_12 = (value >> 64) & 0xFFF
    time_ms = value >> 80
    chance = ((high_12 << 62) | low_62) + 1
    if chance >> 74:
        time_ms, chance = time_ms + 1, 0
    return _uuid7(time_ms, chance)

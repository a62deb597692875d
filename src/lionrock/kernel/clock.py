"""Two clocks.

The business clock decides what consents, holds, deadlines and rule dates mean; the sandbox may
move it. The wire clock dates what goes over the wire (JOSE, DPoP, RFC 9421, cookies, TLS) and never
moves. Nothing else in the code base may ask what time it is; SQL now() is not used.

Invariants: every instant is a timezone-aware UTC datetime; the business clock never runs backwards
within one process.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class WireClock(Protocol):
    """Real time, for signatures and tokens."""

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        ...

    def now_s(self) -> int:
        """Return whole seconds since 1970 (JOSE NumericDate, RFC 7519 s2)."""
        ...


class BusinessClock(Protocol):
    """The clock of obligations; equals real time unless the sandbox moved it."""

    def now(self) -> datetime:
        """Return the present business instant, UTC."""
        ...


class SystemWireClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        return datetime.now(UTC)

    def now_s(self) -> int:
        """Return whole seconds since 1970."""
        return int(time.time())


class OffsetBusinessClock:
    """A business clock that runs at real speed, `offset` ahead of a wire clock."""

    def __init__(self, wire_clock: WireClock, offset: timedelta = timedelta(0)) -> None:
        self._wire_clock = wire_clock
        self._offset = offset

    def now(self) -> datetime:
        """Return the present business instant, UTC."""
        return self._wire_clock.now() + self._offset

    def advance_to_offset(self, offset: timedelta) -> None:
        """Adopt a later offset (a new epoch of the test clock); an earlier one is refused."""
        if offset < self._offset:
            raise ValueError("the business clock cannot run backwards")
        self._offset = offset


class FrozenClock:
    """Both clocks in one for tests: stands still until advanced."""

    def __init__(self, start: datetime) -> None:
        assert start.tzinfo is not None, "instants are timezone-aware"
        self._now = start

    def now(self) -> datetime:
        """Return the frozen instant."""
        return self._now

    def now_s(self) -> int:
        """Return the frozen instant in whole seconds since 1970."""
        return int(self._now.timestamp())

    def advance(self, **delta: float) -> None:
        """Move forward by a timedelta given as keywords, e.g. `advance(hours=2)`."""
        step = timedelta(**delta)
        assert step >= timedelta(0), "clocks do not run backwards"
        self._now += step


def monotonic_ms() -> float:
    """Milliseconds of a monotonic clock: for durations only, never for dates."""
    return time.monotonic() * 1000.0

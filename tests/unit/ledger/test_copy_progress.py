"""How the projection is said to stand: level, copying, stalled, or holding the writer up."""

from __future__ import annotations

import pytest

from lionrock.ledger.service.keeping import UNCOPIED_MAX
from lionrock.ledger.service.reader import STALLED_MS, CopyProgress, copy_progress

MS = 1_000_000
NOW = 1_000_000 * MS


@pytest.mark.parametrize(
    ("copied", "written", "events", "waited_ms", "state"),
    [
        (0, 0, 0, None, "level"),
        (7, 7, 0, None, "level"),
        (7, 8, 1, 0, "copying"),
        (7, 8, UNCOPIED_MAX, STALLED_MS, "copying"),
        (7, 8, 1, STALLED_MS + 1, "stalled"),
        (7, 8, UNCOPIED_MAX + 1, 0, "holding"),
        (7, 8, UNCOPIED_MAX + 1, STALLED_MS + 1, "holding"),
    ],
)
def test_the_state_follows_from_what_waits_and_for_how_long(
    copied: int, written: int, events: int, waited_ms: int | None, state: str
) -> None:
    oldest_ns = None if waited_ms is None else NOW - waited_ms * MS
    found = copy_progress(copied, written, events, oldest_ns, NOW)
    assert found == CopyProgress(written, copied, events, waited_ms or 0, found.state)
    assert found.state == state


def test_a_row_that_a_faster_clock_wrote_has_not_waited_yet() -> None:
    assert copy_progress(1, 2, 1, NOW + 5 * MS, NOW).waits_ms == 0

"""The navigator answers one firm against all schemes within its budget."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import Firm, Navigator, parse_firm

BUDGET_MS_MAX = 5.0
FIRM = Path(__file__).resolve().parents[3] / "examples" / "firm.toml"


def test_all_61_schemes_are_decided_within_five_milliseconds() -> None:
    book = scheme_book()
    firm = parse_firm(FIRM.read_text(encoding="utf-8"), book.vocabulary)
    assert isinstance(firm, Firm)
    navigator = Navigator(book)
    durations_ms = []
    for _ in range(40):
        started = time.process_time()
        navigator.navigate(firm.facts, date(2026, 2, 20))
        durations_ms.append((time.process_time() - started) * 1000)
    # Processor time of the quickest run: what other processes on the machine do is not ours.
    assert min(durations_ms) <= BUDGET_MS_MAX

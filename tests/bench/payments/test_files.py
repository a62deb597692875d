"""The bench of batch files: what it sends is a good file, and every entry of it is paid."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from lionrock.cli.benches import files
from lionrock.kernel.clock import SystemWireClock
from lionrock.payments.domain.payments import settlement_date_of
from lionrock.payments.files.domain.stream import FileReader
from lionrock.payments.files.domain.values import CREDIT_FILE, Totals
from lionrock.payments.files.packaged import file_schema

pytestmark = pytest.mark.city

ENTRIES = 20


@pytest.mark.parametrize("entries", [1, 999, 1_000, 1_001])
def test_the_file_of_the_bench_is_a_good_one(entries: int) -> None:
    now = SystemWireClock().now()
    for day in (now, now + timedelta(days=1)):  # the test may run across midnight
        reader = FileReader(
            CREDIT_FILE, file_schema(CREDIT_FILE), member="700", today=settlement_date_of(day)
        )
        read = []
        for piece in files.file_pieces("700", ["701", "702"], entries):
            found = reader.feed(piece)
            assert isinstance(found, list), found
            read += found
        totals = reader.close()
        assert isinstance(totals, Totals), totals
        assert (len(read), totals.entry_count) == (entries, entries)
        assert {entry.creditor.member for entry in read} <= {"701", "702"}


@pytest.mark.timeout(240)
async def test_a_file_of_the_bench_is_carried_out_from_end_to_end(tmp_path: Path) -> None:
    await files.run(ENTRIES, 120, tmp_path / "bench.json")
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["bench"] == "files"
    uploaded, checked, carried, answered = report["cases"]
    assert [each["case"] for each in report["cases"]] == [
        "uploaded", "checked", "carried-out", "answered"
    ]
    assert (checked["operations"], carried["operations"]) == (ENTRIES, ENTRIES)
    assert [each["errors"] for each in (uploaded, checked, carried, answered)] == [0] * 4
    assert carried["notes"]["state in the end"] == "answered"
    assert answered["notes"]["settled by the answer"] == ENTRIES
    assert {"peak MiB of front", "peak MiB of worker"} <= carried["notes"].keys()

"""The bench of look-ups asks what it says, at the rate it says, and every answer is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionrock.cli.benches import addressing
from lionrock.payments.addressing.domain.kinds import Address, normal_proxy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("position", [0, 99_999, 100_000, 1_999_999, 2_000_000, 19_250_000])
def test_every_number_of_the_directory_is_a_mobile_number(position: int) -> None:
    number = addressing.number_of(position)
    assert normal_proxy("mobile", number) == Address(kind="mobile", value=number)


async def test_every_look_up_of_the_bench_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addressing, "PARTICIPANTS", 20)
    monkeypatch.setattr(addressing, "WARM_UP", 100)
    monkeypatch.setattr(addressing, "PER_S", 200)
    await addressing.run(1.0, tmp_path / "bench.json", entries=2_000)
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["bench"] == "addressing"
    rate, most = report["cases"]
    assert (rate["case"], most["case"]) == ("lookup-2000", "lookup-most")
    assert (rate["errors"], most["errors"]) == (0, 0)
    assert rate["operations"] == 200

"""The cases of `lionrock bench switch`: a closed loop, or so many payments due a second."""

from __future__ import annotations

import pytest

from lionrock.cli.benches.switch import CASES, window_of


def test_a_case_says_how_many_are_due_a_second_or_that_as_many_as_can_be() -> None:
    assert [window_of(name, 2.0).per_s for name in CASES] == [0.0, 400.0]
    assert window_of("switch-150", 2.0).per_s == 150.0
    assert window_of("switch-most", 2.0).callers < window_of("switch-400", 2.0).callers


@pytest.mark.parametrize("case", [
    "", "switch", "switch-", "switch-0", "switch--1", "switch-1.5", "switch-10001", "ledger-1",
    "switch-\u0663",
])  # fmt: skip
def test_another_case_is_refused(case: str) -> None:
    with pytest.raises(ValueError, match="no case"):
        window_of(case, 2.0)

"""Every refusal of the ledger's routes has its sentence."""

from __future__ import annotations

from lionrock.ledger.errors import ERRORS, LedgerRefusal


def test_every_refusal_has_a_row_that_says_what_to_do() -> None:
    assert set(ERRORS) == set(LedgerRefusal)
    for refusal, row in ERRORS.items():
        assert refusal.value.startswith("ledger.")
        assert row.title.endswith(".")

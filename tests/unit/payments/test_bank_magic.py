"""The magic amounts that a simulated bank lists at /<bank>/magic."""

from __future__ import annotations

import pytest

from lionrock.sandbox.world.bank_magic import MAGIC_AMOUNTS, magic_words


def test_every_desk_s_amounts_are_listed_in_their_order() -> None:
    words = magic_words([{9_50: "twice"}, {9_51: "spoilt"}])
    assert list(words) == sorted(words)
    assert words["9.50"] == "twice"
    assert len(words) == len(MAGIC_AMOUNTS) + 2


@pytest.mark.parametrize("desks", [[{9_50: "a"}, {9_50: "b"}], [{9_10: "taken"}]])
def test_an_amount_that_two_desks_understand_is_refused(desks: list[dict[int, str]]) -> None:
    with pytest.raises(AssertionError, match="two desks"):
        magic_words(desks)

"""Grants, refresh tokens and details as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lionrock.identity.domain.details import (
    FORM_FIELDS,
    TYPES,
    consent_ids,
    merged,
    narrowed,
    read_details,
    show_details,
)
from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.management import read_action
from lionrock.identity.domain.refresh import (
    REFRESH_TOKEN_LENGTH_MAX,
    RefreshFamily,
    next_generation,
    read_refresh_token,
)
from lionrock.kernel.config import SettingsRefused, load_settings
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


def family(generation: int, **changes: Any) -> RefreshFamily:
    """A family whose newest token has a generation."""
    members: dict[str, Any] = {
        "handle_hash": b"h", "grant_id": "gra_1", "client_id": "c", "jkt": "k",
        "generation": generation, "started_at": NOW, "idle_expires_at": NOW + timedelta(days=1),
        "expires_at": NOW + timedelta(days=2),
    }  # fmt: skip
    return RefreshFamily(**(members | changes))


@pytest.mark.parametrize(
    ("newest", "shown", "given"),
    [
        (1, 1, 2), (2, 2, 3), (2, 1, 2), (7, 6, 7), (7, 7, 8),
        (3, 1, GrantRefusal.REFRESH_REUSED), (7, 5, GrantRefusal.REFRESH_REUSED),
        (1, 2, GrantRefusal.REFRESH_UNKNOWN),
    ],
)  # fmt: skip
def test_newest_gives_its_successor_its_predecessor_the_newest_and_older_ones_nothing(
    newest: int, shown: int, given: int | GrantRefusal
) -> None:
    answer = next_generation(family(newest), shown, NOW)
    assert (answer.refusal if isinstance(answer, Refused) else answer) == given
    assert not isinstance(answer, Refused) or answer.keep is (
        answer.refusal is GrantRefusal.REFRESH_REUSED
    )


def test_refresh_ends_exactly_at_either_life_and_reuse_is_found_even_then() -> None:
    last = NOW + timedelta(days=1) - timedelta(microseconds=1)
    assert next_generation(family(1), 1, last) == 2
    for over in (
        family(1, idle_expires_at=NOW), family(1, expires_at=NOW, idle_expires_at=NOW),
    ):  # fmt: skip
        answer = next_generation(over, 1, NOW)
        assert isinstance(answer, Refused)
        assert answer.refusal is GrantRefusal.REFRESH_EXPIRED
    reused = next_generation(family(5, expires_at=NOW), 2, NOW)
    assert isinstance(reused, Refused)
    assert reused.refusal is GrantRefusal.REFRESH_REUSED


def test_refresh_token_is_read_at_its_limits_and_not_beyond() -> None:
    handle, mac = "h" * 43, "m" * 43
    assert read_refresh_token(f"{handle}.999999999.{mac}") is not None
    assert read_refresh_token(f"{handle}.9999999999.{mac}") is None
    assert read_refresh_token("x" * (REFRESH_TOKEN_LENGTH_MAX + 1)) is None


def test_every_type_has_words_in_every_language() -> None:
    examples: dict[str, dict[str, Any]] = {
        "data_consent": {"consent_id": "cns_1"},
        "payment_initiation": {
            "instructedAmount": {"currency": "HKD", "amount": "1.00"}, "creditorName": "Tea",
            "creditorAccount": {"identification": "1"},
        },
        "form_filling": {"form": {"name": "Licence"}, "fields": list(FORM_FIELDS)},
    }  # fmt: skip
    for name in TYPES:
        detail = {"type": name} | examples.get(name, {})
        if name in examples:
            shown = {show_details([detail], language)[0] for language in LANGUAGES}
            assert len(shown) == len(LANGUAGES)


def test_merging_keeps_each_different_detail_once_and_narrowing_takes_granted_ones_only() -> None:
    one, two = ({"type": "data_consent", "consent_id": f"cns_{n}"} for n in (1, 2))
    assert merged((one,), (two, one)) == (one, two)
    assert consent_ids((one, two, one)) == ("cns_1", "cns_2")
    assert narrowed((two,), (one, two)) == (two,)
    assert isinstance(narrowed((two,), (one,)), Refused)
    assert narrowed((), (one,)) == ()


@pytest.mark.parametrize("count", [1, 5, 6])
def test_details_are_taken_up_to_their_number(count: int) -> None:
    details = (f'{{"type":"data_consent","consent_id":"cns_{n}"}}' for n in range(count))
    text = f"[{','.join(details)}]"
    answer = read_details(text, frozenset(TYPES))
    assert isinstance(answer, Refused) is (count == 6)


@pytest.mark.parametrize(
    ("action", "grant_id", "is_taken"),
    [
        (None, None, True), ("create", None, True), ("merge", "gra_1", True),
        ("replace", "gra_1", True), ("create", "gra_1", False), ("merge", None, False),
        (None, "gra_1", False), ("delete", "gra_1", False), ("merge", "1", False),
        ("merge", "gra_" + "x" * 61, False), ("", None, False),
    ],
)  # fmt: skip
def test_action_and_grant_id_come_together(
    action: str | None, grant_id: str | None, is_taken: bool
) -> None:
    assert isinstance(read_action(action, grant_id), Refused) is not is_taken


def test_refresh_lives_that_do_not_fit_are_refused_at_start() -> None:
    for overrides in ({"refresh_idle_s": 0}, {"refresh_idle_s": 11, "refresh_life_s": 10}):
        with pytest.raises(SettingsRefused, match="refresh_idle_s"):
            load_settings(environment={}, overrides=overrides)
    assert load_settings(
        environment={}, overrides={"refresh_idle_s": 10, "refresh_life_s": 10}
    ).refresh_life_s == 10

"""Rate limits are settings: any of them from the environment, none only in the sandbox."""

from __future__ import annotations

import pytest

from lionrock.kernel.config import LIMITS, SettingsRefused, is_reached, load_settings

SERVE = {"composition": "serve", "key_passphrase": "x", "public_url": "https://city.example"}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_comes_from_the_environment_and_0_is_none_in_the_sandbox(name: str) -> None:
    settings = load_settings(environment={f"LIONROCK_{name.upper()}": "0"})
    assert getattr(settings, name) == 0
    assert getattr(load_settings(environment={f"LIONROCK_{name.upper()}": "77"}), name) == 77


@pytest.mark.parametrize("name", LIMITS)
def test_a_served_city_keeps_every_limit(name: str) -> None:
    with pytest.raises(SettingsRefused, match=f"{name}: expected 1 or more"):
        load_settings(environment={}, overrides=SERVE | {name: 0})
    assert getattr(load_settings(environment={}, overrides=SERVE), name) > 0


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_below_nothing_is_refused(name: str) -> None:
    with pytest.raises(SettingsRefused, match=f"{name}: expected 0 or more"):
        load_settings(environment={}, overrides={name: -1})


@pytest.mark.parametrize("more", [{"clients_file": "c.json"}, {"phones_answer": "approve"}])
def test_a_served_city_takes_no_settings_of_the_simulated_world(more: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="belong to the sandbox"):
        load_settings(environment={}, overrides=SERVE | more)


@pytest.mark.parametrize(
    ("limit", "count", "reached"),
    [(5, 4, False), (5, 5, True), (5, 6, True), (0, 0, False), (0, 10**6, False)],
)
def test_a_limit_is_reached_at_its_number_and_0_never(
    limit: int, count: int, reached: bool
) -> None:
    assert is_reached(limit, count) is reached

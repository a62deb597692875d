"""How long new devices wait and recoveries take, in each composition."""

from __future__ import annotations

import pytest

from lionrock.kernel.config import Settings, SettingsRefused, load_settings


def test_sandbox_does_not_wait_and_serve_waits_a_day() -> None:
    for composition, seconds in (("sandbox", 0), ("serve", 24 * 3600)):
        settings = Settings(composition=composition)
        assert settings.device_waiting_period_s == seconds
        assert settings.recovery_cooling_period_s == seconds


def test_a_setting_wins_over_the_composition_zero_too() -> None:
    settings = Settings(composition="serve", device_waiting_s=0, recovery_cooling_s=7200)
    assert settings.device_waiting_period_s == 0
    assert settings.recovery_cooling_period_s == 7200


@pytest.mark.parametrize("name", ["device_waiting_s", "recovery_cooling_s"])
def test_a_negative_wait_is_refused(name: str) -> None:
    with pytest.raises(SettingsRefused, match=name):
        load_settings(environment={}, overrides={name: -1})


def test_the_environment_sets_them() -> None:
    settings = load_settings(environment={"LIONROCK_DEVICE_WAITING_S": "60"})
    assert settings.device_waiting_period_s == 60

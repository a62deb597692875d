"""Settings: typed, documented, merged in one order, wrong ones named."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lionrock.kernel.config import SETTINGS, Settings, SettingsRefused, load_settings


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(SETTINGS) == {field.name for field in msgspec.structs.fields(Settings)}


def test_environment_beats_the_file_and_options_beat_both(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text('city = "A"\nfront_count = 2\nlog_level = "debug"\n')
    settings = load_settings(
        file=file, environment={"LIONROCK_CITY": "B", "LIONROCK_FRONT_COUNT": "3"},
        overrides={"city": "C", "log_level": None},
    )
    assert (settings.city, settings.front_count, settings.log_level) == ("C", 3, "debug")


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsRefused, match="did you mean front_count"):
        load_settings(environment={"LIONROCK_FRONT_CONT": "1"})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"composition": "prod"}, "expected sandbox or serve"),
        ({"composition": "serve"}, "key_passphrase"),
        ({"composition": "serve", "key_passphrase": "x"}, "https"),
        ({"composition": "serve", "key_passphrase": "x", "allow_private_targets": True},
         "belongs to the sandbox"),
        ({"front_count": 0}, "1 or more"),
        ({"front_count": "many"}, "int"),
    ],
)
def test_a_wrong_setting_is_named(overrides: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsRefused, match=sentence):
        load_settings(environment={}, overrides=overrides)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="no configuration file"):
        load_settings(file=tmp_path / "none.toml", environment={})
    broken = tmp_path / "broken.toml"
    broken.write_text("city = ")
    with pytest.raises(SettingsRefused, match="not TOML"):
        load_settings(file=broken, environment={})

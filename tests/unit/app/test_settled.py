"""Settling is left out only while nothing that it reads has changed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from lionrock.app.settled import SettledMark
from lionrock.kernel.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a city whose database cluster was made."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    firm = tmp_path / "firm.toml"
    firm.write_text("[company]\n")
    return Settings(data_directory=str(tmp_path), firm_file=str(firm))


def test_a_city_that_was_settled_is_not_settled_again(settings: Settings) -> None:
    assert not SettledMark(settings).holds()
    SettledMark(settings).put()
    assert SettledMark(settings).holds()


def test_another_port_settles_again(settings: Settings) -> None:
    SettledMark(settings).put()
    moved = msgspec.structs.replace(settings, world_url="http://127.0.0.1:9")
    assert not SettledMark(moved).holds()


def test_another_company_in_the_same_file_settles_again(settings: Settings) -> None:
    SettledMark(settings).put()
    Path(settings.firm_file).write_text("[company]\nname = 'other'\n")
    assert not SettledMark(settings).holds()


def test_a_database_made_anew_is_settled_again(settings: Settings) -> None:
    SettledMark(settings).put()
    version = settings.data_path / "postgres" / "PG_VERSION"
    os.utime(version, ns=(1, 1))
    assert not SettledMark(settings).holds()
    version.unlink()
    assert not SettledMark(settings).holds()

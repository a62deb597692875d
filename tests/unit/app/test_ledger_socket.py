"""Where the ledger's socket lies: in the data directory, or in a private folder of its own."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from lionrock.app.supervisor import LEDGER_FOLDER, SOCKET_PATH_BYTES_MAX, City, complete
from lionrock.kernel.config import Settings


def settings_in(directory: Path) -> Settings:
    """A laptop's settings in a directory, completed."""
    directory.mkdir(parents=True)
    return complete(Settings(data_directory=str(directory)))


def directory_of_length(tmp_path: Path, length: int) -> Path:
    """A directory whose socket path has that many bytes."""
    rest = length - len(str(tmp_path)) - len("/ledger.sock") - 1
    assert rest > 0, "the test's own folder is too deep"
    return tmp_path / ("x" * rest)


def test_a_path_that_fits_is_in_the_data_directory(tmp_path: Path) -> None:
    directory = directory_of_length(tmp_path, SOCKET_PATH_BYTES_MAX)
    assert settings_in(directory).ledger_address == str(directory / "ledger.sock")


def test_a_longer_path_is_in_a_private_folder_that_nobody_can_guess(tmp_path: Path) -> None:
    directory = directory_of_length(tmp_path, SOCKET_PATH_BYTES_MAX + 1)
    first = Path(settings_in(directory).ledger_address)
    again = Path(complete(Settings(data_directory=str(directory))).ledger_address)
    try:
        assert first != again
        for folder in (first.parent, again.parent):
            assert folder.name.startswith(LEDGER_FOLDER)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert list(folder.iterdir()) == []
    finally:
        shutil.rmtree(first.parent)
        shutil.rmtree(again.parent)


def test_the_private_folder_goes_with_the_city(tmp_path: Path) -> None:
    directory = directory_of_length(tmp_path, SOCKET_PATH_BYTES_MAX + 1)
    city = City(settings_in(directory))
    folder = Path(city.settings.ledger_address).parent
    assert folder.is_dir()
    city.stop()
    assert not folder.exists()

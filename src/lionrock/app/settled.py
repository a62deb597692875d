"""Remembering that a laptop's city is settled, so that a later start need not do it again.

Settling again changes nothing, it only costs seconds. It is left out when nothing that it reads has
changed since it last ended well: settings, personas, the code of settling, and the very database
cluster. Not for a database by address: what happens to that one cannot be seen from here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

import lionrock
from lionrock.kernel.config import Settings

_SANDBOX = Path(__file__).resolve().parent.parent / "sandbox"


class SettledMark:
    """The file in the data directory that says what the city was settled with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.data_path / "settled"
        self._cluster = settings.data_path / "postgres" / "PG_VERSION"

    def holds(self) -> bool:
        """Say whether settling can be left out."""
        return (
            self._cluster.exists() and self._file.exists()
            and self._file.read_text() == self._digest()
        )

    def put(self) -> None:
        """Note that settling ended well."""
        if self._cluster.exists():
            self._file.write_text(self._digest())

    def _digest(self) -> str:
        digest = hashlib.sha256(lionrock.__version__.encode())
        # Where the ledger's socket lies may be chosen anew at each start.
        settings = msgspec.structs.replace(self._settings, ledger_address="")
        digest.update(msgspec.json.encode(settings))
        # A cluster made anew has another birth.
        digest.update(str(self._cluster.stat().st_mtime_ns).encode())
        read = [
            _SANDBOX / "settle.py", _SANDBOX / "hooks" / "clients.py",
            *sorted((_SANDBOX / "data").glob("*.toml")),
        ]  # fmt: skip
        read += [
            Path(each) for each in (self._settings.firm_file, self._settings.clients_file) if each
        ]
        for file in read:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

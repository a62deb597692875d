"""What a fixture founded once, put away and taken out again: rows, keys and the ids' generator.

Founding a city costs up to a second and says the same every time, while a test needs only one that
stands. So the first test of a process founds it through every check, as an operator would; for the
others its databases' rows, its key files and the state of its generator of ids are put back, and
the services are built anew upon them, as a process that starts on an old database does. Nothing is
shared between tests. LIONROCK_TEST_NEW_DATABASES=1 founds anew for every test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lionrock.kernel.context import Kernel
from lionrock.kernel.ids import Ids
from tests.databases import NEW_EVERY_TIME, Databases, Rows

_KEPT: dict[tuple[str, str, str], PutAway] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutAway:
    """Something founded: rows by database, files by folder, generators, and what was returned."""

    rows: tuple[Rows, ...]
    files: tuple[dict[Path, bytes], ...]
    ids: tuple[tuple[Any, int], ...]
    value: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Where something stands: database addresses, folders, generators of ids.

    What is founded under other settings or at another time is another thing.
    """

    databases: Databases
    kernel: Kernel
    urls: Sequence[str]
    folders: Sequence[Path]
    ids: Sequence[Ids]

    async def keep(self, name: str, value: Any = None) -> PutAway:
        """Put away what stands here, at rest; `value` must not change afterwards."""
        kept = PutAway(
            rows=tuple([await self.databases.rows_of(url) for url in self.urls]),
            files=tuple(_files_of(folder) for folder in self.folders),
            ids=tuple((each._chance.getstate(), each._last) for each in self.ids),
            value=value,
        )
        if not NEW_EVERY_TIME:
            _KEPT[self._key(name)] = kept
        return kept

    async def take_out(self, name: str) -> PutAway | None:
        """Put here what was kept under a name; None when nothing was."""
        kept = _KEPT.get(self._key(name))
        if kept is None:
            return None
        for url, rows in zip(self.urls, kept.rows, strict=True):
            await self.databases.put_rows(url, rows)
        for folder, files in zip(self.folders, kept.files, strict=True):
            for path, content in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                (folder / path).write_bytes(content)
                (folder / path).chmod(0o600)
        for ids, (state, last) in zip(self.ids, kept.ids, strict=True):
            ids._chance.setstate(state)
            ids._last = last
        return kept

    def _key(self, name: str) -> tuple[str, str, str]:
        settings = msgspec.structs.replace(self.kernel.settings, data_directory="")
        times = (self.kernel.wire_clock.now(), self.kernel.business_clock.now())
        return self.databases.prefix, name, repr((settings, times))


def _files_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}

"""Taking a file in: opened with what it will be, sent in signed parts, completed.

A part is a request of its own, signed and digested like every other, so that no request is large,
and an upload that broke off goes on where it stopped. A file's name binds its content: the same
opening again is the same file.
Not for: what is in it (checking.py). Invariant: nothing of a file is read before it is complete.
"""

from __future__ import annotations

import hashlib

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.orders import is_identifier
from lionrock.payments.files.domain.values import (
    FILE_BYTES_MAX,
    FILES_OPEN_MAX,
    PART_BYTES_MAX,
    PARTS_MAX,
    BatchFile,
)
from lionrock.payments.files.errors import FileRefusal
from lionrock.payments.files.store import files as store
from lionrock.payments.service.core import Core
from lionrock.payments.store.members import Participant

CHECK_QUEUE = "payments.file_check"
PREFIX = "fil"
DIGEST_LENGTH = 64
MISSING_SHOWN_MAX = 10


class FileOpening(msgspec.Struct, frozen=True, kw_only=True):
    """What a file will be: `name` is its sender's, `sha256` hexadecimal, of all bytes in order."""

    name: str
    definition: str
    byte_count: int
    part_count: int
    sha256: str


class Opened(msgspec.Struct, frozen=True):
    """The file; `is_repeat` when it was opened before."""

    file: BatchFile
    is_repeat: bool


class Intake:
    """Opens files, takes parts, completes. Each call is its request's transaction."""

    def __init__(self, core: Core, definitions: frozenset[str]) -> None:
        self._core = core
        self._definitions = definitions

    async def open(
        self, db: Connection, sender: Participant, opening: FileOpening
    ) -> Opened | Refused:
        """Open a file. FILE_MALFORMED, FILE_TOO_LARGE, FILES_TOO_MANY, FILE_NAME_REUSED."""
        refused = self._check_opening(opening)
        if refused is not None:
            return refused
        vault = self._core.vault
        before = await store.find_file(db, vault, sender.organisation_id, opening.name)
        if before is not None:
            is_same = _opening_of(before) == opening
            return Opened(before, True) if is_same else Refused(FileRefusal.FILE_NAME_REUSED)
        if await store.count_unfinished(db, sender.organisation_id) >= FILES_OPEN_MAX:
            return Refused(FileRefusal.FILES_TOO_MANY, f"At most {FILES_OPEN_MAX} at a time.")
        file = BatchFile(
            id=self._core.kernel.ids.new(PREFIX), organisation_id=sender.organisation_id,
            name=opening.name, definition=opening.definition, byte_count=opening.byte_count,
            part_count=opening.part_count, digest=bytes.fromhex(opening.sha256),
            opened_at=self._core.kernel.business_clock.now(),
        )
        if not await store.insert_file(db, file):
            return Refused(FileRefusal.FILE_NAME_REUSED)
        return Opened(file, False)

    def _check_opening(self, opening: FileOpening) -> Refused | None:
        if not is_identifier(opening.name):
            return _malformed("name", "1 to 35 of A-Z a-z 0-9 . _ / -")
        if opening.definition not in self._definitions:
            return _malformed("definition", " or ".join(sorted(self._definitions)))
        is_digest = len(opening.sha256) == DIGEST_LENGTH and set(opening.sha256) <= set(
            "0123456789abcdef"
        )
        if not is_digest:
            return _malformed("sha256", "64 lower-case hexadecimal digits")
        if opening.byte_count > FILE_BYTES_MAX:
            return Refused(
                FileRefusal.FILE_TOO_LARGE, f"At most {FILE_BYTES_MAX} bytes.", "byte_count"
            )
        parts_min = -(-opening.byte_count // PART_BYTES_MAX)
        if opening.byte_count < 1 or not parts_min <= opening.part_count <= PARTS_MAX:
            return _malformed("part_count", f"parts of at most {PART_BYTES_MAX} bytes")
        return None

    async def put_part(
        self, db: Connection, sender: Participant, file_id: str, number: int, content: bytes
    ) -> Refused | None:
        """Take a part; the same one again changes nothing.

        FILE_NOT_FOUND, PART_UNKNOWN, PART_TOO_LARGE, PART_DIFFERS.
        """
        file = await self.own(db, sender, file_id)
        if isinstance(file, Refused):
            return file
        if not 1 <= number <= file.part_count:
            return Refused(FileRefusal.PART_UNKNOWN, f"1 to {file.part_count}.")
        if not 0 < len(content) <= min(PART_BYTES_MAX, file.byte_count):
            return Refused(FileRefusal.PART_TOO_LARGE, f"At most {PART_BYTES_MAX} bytes.")
        digest = hashlib.sha256(content).digest()
        there = await store.part_digest(db, file.id, number)
        if there is None:
            assert file.state == "open", "a file is completed with all its parts"
            await store.insert_part(db, self._core.vault, file.id, number, content, digest)
            there = await store.part_digest(db, file.id, number)
        return None if there == digest else Refused(FileRefusal.PART_DIFFERS)

    async def complete(
        self, db: Connection, sender: Participant, file_id: str
    ) -> BatchFile | Refused:
        """Say that all parts were sent: the file is checked now. FILE_NOT_FOUND, PARTS_MISSING."""
        file = await self.own(db, sender, file_id, is_locking=True)
        if isinstance(file, Refused) or file.state != "open":
            return file
        if await store.measure_parts(db, file.id) != (file.part_count, file.byte_count):
            missing = await store.missing_parts(
                db, file.id, file.part_count, MISSING_SHOWN_MAX
            )
            shown = ", ".join(map(str, missing)) or "none, but other sizes"
            return Refused(FileRefusal.PARTS_MISSING, f"Missing: {shown}.")
        await store.mark_received(db, file.id)
        await jobs.schedule(db, queue=CHECK_QUEUE, key=file.id)
        return msgspec.structs.replace(file, state="received")

    async def own(
        self, db: Connection, sender: Participant, file_id: str, *, is_locking: bool = False
    ) -> BatchFile | Refused:
        """Return a file of the caller's own; another's is FILE_NOT_FOUND."""
        file = await store.load_file(db, self._core.vault, file_id, is_locking=is_locking)
        if file is None or file.organisation_id != sender.organisation_id:
            return Refused(FileRefusal.FILE_NOT_FOUND)
        return file


def _opening_of(file: BatchFile) -> FileOpening:
    return FileOpening(
        name=file.name, definition=file.definition, byte_count=file.byte_count,
        part_count=file.part_count, sha256=file.digest.hex(),
    )


def _malformed(field: str, expected: str) -> Refused:
    return Refused(FileRefusal.FILE_MALFORMED, f"Expected {expected}.", field=field)

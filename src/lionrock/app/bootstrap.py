"""The first two operators of a city, entered from a file before anybody can operate it.

Works only while there is no operator; everything after it takes two of them. The enrolment codes
are printed once and kept nowhere. Not for: the sandbox, whose cast has operators.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from lionrock.app.kernels import close_kernel, open_kernel
from lionrock.app.processes import run_prepare
from lionrock.app.supervisor import CityRefused
from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity.api import Identity, PersonDraft
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

FILE_BYTES_MAX = 64 * 1024


class OperatorsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: exactly two persons."""

    operators: list[PersonDraft]


class MadeOperator(msgspec.Struct, frozen=True):
    """An operator that was entered, and the code that enrols a phone or passkey."""

    person_id: str
    name: str
    enrolment_code: str


def read_operators(path: Path) -> list[PersonDraft]:
    """Read the operators' file (JSON); CityRefused says what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CityRefused(f"{path}: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise CityRefused(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(content, type=OperatorsFile).operators
    except msgspec.DecodeError as error:
        raise CityRefused(f"{path}: {error}") from error


async def bootstrap_operators(
    settings: Settings, drafts: list[PersonDraft]
) -> list[MadeOperator]:
    """Enter the operators in a city's database; CityRefused when it has some, or a draft is bad."""
    await run_prepare(settings)
    kernel = await open_kernel(settings)
    try:
        identity = Identity(kernel, Evidence(kernel, Directory(kernel)))

        async def use_case(db: Connection) -> list[MadeOperator] | Refused:
            made = await identity.operations.bootstrap(db, drafts)
            if isinstance(made, Refused):
                return made
            return [MadeOperator(person.id, person.names.en, code) for person, code in made]

        made = await kernel.database.run(use_case)
    finally:
        await close_kernel(kernel)
    if isinstance(made, Refused):
        raise CityRefused(f"{made.refusal.value}: {made.detail or made.field}".rstrip(": "))
    return made

"""Who calls: as it was when it was last answered, or read anew together with others.

What is remembered of a caller is for checking its signature and who it is; whatever it asks for is
done by a statement that finds it to be that still (`directory.fallen_callers`). So a suspended
organisation or a retired key is refused at once, and most calls need no reading before.
Not for: a participant's accounts and limits, which change: of one that is believed only its
organisation and its clearing code hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from lionrock.directory.api import Directory, Organisation
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

# The role of organisations that may call.
ROLE = "participant"


class Caller(msgspec.Struct, frozen=True):
    """An organisation and its participation; None where there is none."""

    organisation: Organisation | None
    participant: Participant | None


class Callers:
    """Knows who calls one process."""

    def __init__(self, kernel: Kernel, directory: Directory) -> None:
        self._kernel = kernel
        self._directory = directory
        # Participants that were answered before: no more than there are.
        self._believed: dict[str, Caller] = {}
        self._enrolled: set[str] = set()
        self._reading: Gathering[str, Caller] = Gathering(self._load_all)

    def believed(self, organisation_id: str) -> Caller | None:
        """Return a caller as it was when it was last answered; None: it never was."""
        return self._believed.get(organisation_id)

    async def load(self, organisation_id: str) -> Caller:
        """Return a caller as it is now, read together with others."""
        return await self._reading.ask(organisation_id)

    def hear(self, organisation_id: str, caller: Caller, *, is_fallen: bool) -> None:
        """Remember a caller that was read and could act; forget one that may not any more.

        What is known better meanwhile stays.
        """
        if is_fallen:
            if self._believed.get(organisation_id) is caller:
                del self._believed[organisation_id]
        elif caller.organisation is not None and caller.participant is not None:
            self._believed[organisation_id] = caller

    async def is_participant(self, organisation_id: str) -> bool:
        """Say whether an organisation is enrolled; whoever is, stays it."""
        if organisation_id not in self._enrolled:
            found = await self._kernel.database.alone(
                partial(members.load_participant, organisation_id=organisation_id)
            )
            if found is None:
                return False
            self._enrolled.add(organisation_id)
        return True

    async def _load_all(self, organisation_ids: Sequence[str]) -> list[Caller]:
        wanted = sorted(set(organisation_ids))

        async def read(db: Connection) -> list[Caller]:
            organisations = await self._directory.get_many(db, wanted)
            there = {each.organisation_id: each
                     for each in await members.load_participants(db, wanted)}
            return [Caller(organisations.get(each), there.get(each)) for each in organisation_ids]

        return await self._kernel.database.alone(read)

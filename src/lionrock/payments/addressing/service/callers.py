"""Who calls: as it was when it was last answered, or read anew together with others.

What is remembered of a caller is for checking its signature and who it is; whatever it asks for is
done by a statement that finds it to be that still (`directory.fallen_callers`). So a suspended
organisation or a retired key is refused at once, and most calls need no reading before.
Not for: a participant's accounts and limits, which change: of one that is believed only its
organisation and its clearing code hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lionrock.directory.api import Directory, Organisation
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant


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
        self._reading: Gathering[str, Caller] = Gathering(self._load_all)

    def believed(self, organisation_id: str) -> Caller | None:
        """Return a caller as it was when it was last answered; None: it never was."""
        return self._believed.get(organisation_id)

    async def load(self, organisation_id: str) -> Caller:
        """Return a caller as it is now, read together with others."""
        return await self._reading.ask(organisation_id)

    def remember(self, organisation_id: str, caller: Caller) -> None:
        """Remember a participant that was read and could act."""
        if caller.organisation is not None and caller.participant is not None:
            self._believed[organisation_id] = caller

    def forget(self, organisation_id: str, caller: Caller) -> None:
        """Forget a caller that may not act any more; one that was read anew meanwhile stays."""
        if self._believed.get(organisation_id) is caller:
            del self._believed[organisation_id]

    async def _load_all(self, organisation_ids: Sequence[str]) -> list[Caller]:
        wanted = sorted(set(organisation_ids))

        async def read(db: Connection) -> list[Caller]:
            organisations = await self._directory.get_many(db, wanted)
            there = {each.organisation_id: each
                     for each in await members.load_participants(db, wanted)}
            return [Caller(organisations.get(each), there.get(each)) for each in organisation_ids]

        return await self._kernel.database.alone(read)

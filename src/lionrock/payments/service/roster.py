"""Participants as register and directory have them at one moment, read for all who need them.

Not for: what is remembered of callers (addressing.service.callers).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard

import msgspec

from lionrock.directory.api import Directory, Organisation
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Connection
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

# The end point of an organisation where it takes messages.
ENDPOINT = "payments"
# After this long the directory is asked again where to send something.
ROSTER_AGE_MS_MAX = 250


class Roster(msgspec.Struct, frozen=True):
    """Participants and their entries in the directory, by organisation; when they were read."""

    participants: dict[str, Participant]
    organisations: dict[str, Organisation]
    read_ms: float

    def holds_for(self, organisation_ids: Collection[str]) -> bool:
        """Say whether these are among them, and were read a moment ago."""
        is_young = monotonic_ms() - self.read_ms < ROSTER_AGE_MS_MAX
        return is_young and self.participants.keys() >= set(organisation_ids)

    def of_code(self, clearing_code: str) -> Participant | None:
        """The participant of a clearing code, if it is among them."""
        return next(
            (each for each in self.participants.values() if each.clearing_code == clearing_code),
            None,
        )

    def is_online(self, organisation_id: str) -> bool:
        """Say whether one is active in the directory and can be sent messages."""
        return is_online(self.organisations.get(organisation_id))


def is_online(organisation: Organisation | None) -> TypeGuard[Organisation]:
    """Say whether an organisation is active and says where it takes messages."""
    return (
        organisation is not None and organisation.is_active and ENDPOINT in organisation.endpoints
    )


async def load_roster(
    db: Connection, directory: Directory, organisation_ids: Collection[str],
    clearing_codes: Collection[str] = (),
) -> Roster:
    """Read participants by their organisations and clearing codes, in two round trips."""
    read_ms = monotonic_ms()
    there = await members.load_participants(
        db, sorted(organisation_ids), sorted(clearing_codes)
    )
    participants = {each.organisation_id: each for each in there}
    return Roster(participants, await directory.get_many(db, list(participants)), read_ms)

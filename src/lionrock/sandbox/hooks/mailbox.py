"""The sandbox's carrier: what is sent arrives at once at the personas' simulated phones.

Nothing leaves the machine. What arrived is read at /sandbox/phones/{persona}/messages; the row in
the platform's own table is the mailbox.
"""

from __future__ import annotations

from lionrock.identity.api import Carried, Channel, Letter


class SimulatedMailbox:
    """A carrier that reaches every simulated phone and mailbox."""

    channels: frozenset[Channel] = frozenset({"phone", "email"})

    async def carry(self, _letter: Letter) -> Carried:
        """It lies in the mailbox already."""
        return "carried"

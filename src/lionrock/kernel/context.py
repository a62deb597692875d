"""What every pillar's service is handed: clocks, chance, keys, database, the way out.

Built once per process in app/ (or by the test fixtures). Not for: pillar services, which are handed
to each other explicitly.
"""

from __future__ import annotations

import dataclasses

from lionrock.kernel.clock import BusinessClock, WireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kernel:
    """The kernel's services of one process."""

    settings: Settings
    database: Database
    business_clock: BusinessClock
    wire_clock: WireClock
    ids: Ids
    key_store: KeyStore
    network: Network

"""The platform's own keys, made once before several processes want them at the same moment.

A room of its own because preparing a city's data must not wait for all pillars to be imported.
"""

from __future__ import annotations

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    PROGRAMME_OFFICE,
    Directory,
    organisation_key,
)
from lionrock.kernel.context import Kernel


async def make_keys(kernel: Kernel) -> None:
    """Make what is not there yet."""
    for organisation_id in (PLATFORM_ORGANISATION, PROGRAMME_OFFICE):
        organisation_key(kernel, organisation_id)
    Directory(kernel).signing_key()

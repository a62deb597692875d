"""Other members' keys from the city's directory, as a gateway needs them."""

from __future__ import annotations

from collections.abc import Mapping

from lionrock.directory.api import RemoteDirectory
from lionrock.kernel.jose import Key, trusted_key


class DirectoryKeys:
    """MemberKeys over the directory's public HTTP interface; remembers for half a minute.

    A member suspended meanwhile is caught by the lease, which is asked for every time.
    """

    def __init__(self, directory: RemoteDirectory) -> None:
        self._directory = directory

    async def keys(self, organisation_id: str) -> Mapping[str, Key]:
        """Return an active member's signing keys by kid; empty for an unknown or suspended one."""
        organisation = await self._directory.get(organisation_id)
        if organisation is None or not organisation.is_active:
            return {}
        return {
            jwk["kid"]: trusted_key(jwk) for jwk in organisation.keys if jwk.get("use") == "sig"
        }

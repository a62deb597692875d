"""Signed request objects of authenticated clients: checked, and used once when they have a jti.

Source: RFC 9101 s6, FAPI 2.0 Message Signing s5.3.1. The rules: domain/request_objects.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.request_objects import (
    CLOCK_BEHIND_S_MAX,
    RequestObjectRefusal,
    check_request_object,
    read_parameters,
)
from lionrock.identity.service.clients import signing_keys
from lionrock.identity.store import request_objects as store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class RequestObjects:
    """What opens request objects, in the caller's transaction."""

    def __init__(self, kernel: Kernel, issuer: str) -> None:
        self._kernel = kernel
        self._issuer = issuer

    async def open(
        self,
        db: Connection,
        client: Client,
        token: str,
        *,
        names: Collection[str],
        required: Collection[str] = ("exp", "nbf"),
    ) -> dict[str, str] | Refused:
        """Return the parameters of a client's request object, as a form would carry them.

        `names`: the parameters taken; `required`: claims that must be there. A jti is remembered,
        so a refusal afterwards must keep the transaction. Outcomes: RequestObjectRefusal.
        """
        checked = check_request_object(
            token, signing_keys(client), client_id=client.id, issuer=self._issuer,
            now_s=self._kernel.wire_clock.now_s(), required=required,
        )  # fmt: skip
        if isinstance(checked, Refused):
            return checked
        if checked.jti is not None:
            key = hashlib.sha256(f"{client.id}\0{checked.jti}".encode()).digest()
            forget_at = datetime.fromtimestamp(checked.expires_at_s + CLOCK_BEHIND_S_MAX, UTC)
            if not await store.remember(db, key, forget_at):
                return Refused(RequestObjectRefusal.REPLAYED, field="jti")
        return read_parameters(checked.claims, names, client_id=client.id)

"""Keys that live at a client's own address (jwks_uri), fetched through the guarded way out.

A key set is fetched when a client registers, when an assertion names a kid that we have not seen
(once a minute at most), and every ten minutes to notice keys that were taken away. No call is made
inside a transaction: note the try, call, keep the outcome. While an address does not answer, the
keys that are there go on counting.
Source: RFC 7591 s2 (jwks_uri), RFC 7517 s5, OIDC Core s10.1.1 (rotation).
Not for: keys named by a header (`jku`, `x5u`), which are never followed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from lionrock.identity.domain.policy import check_policy
from lionrock.identity.domain.registration import RegistrationRefusal, usable_keys
from lionrock.identity.service.clients import Clients
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import registration as store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import strict_json_object
from lionrock.kernel.network import Unreachable

KEY_SET_BYTES_MAX = 64 * 1024
FETCH_MS_MAX = 3_000
TRY_AGAIN_AFTER = timedelta(seconds=60)
FETCH_ANEW_AFTER = timedelta(minutes=10)
ADDRESSES_PER_RUN_MAX = 50
_HEADERS = {"accept": "application/jwk-set+json, application/json"}
_log = structlog.get_logger("lionrock.identity.keys")

Keys = tuple[dict[str, Any], ...]


class KeySets:
    """Fetches key sets. Only `fetch` calls out, and nothing is held while it does."""

    def __init__(self, kernel: Kernel, clients: Clients) -> None:
        self._kernel = kernel
        self._clients = clients

    async def fetch(self, uri: str) -> Keys | Refused:
        """Return the usable keys at an address; KEYS_UNREACHABLE with a reason."""
        refusal = RegistrationRefusal.KEYS_UNREACHABLE
        try:
            answer = await self._kernel.network.send(
                "GET", uri, _HEADERS, timeout_ms=FETCH_MS_MAX
            )
        except Unreachable as error:
            return Refused(refusal, f"No answer: {error.reason.value}.", field="jwks_uri")
        if answer.status != 200:
            return Refused(refusal, f"It answered {answer.status}, not 200.", field="jwks_uri")
        if len(answer.body) > KEY_SET_BYTES_MAX:
            detail = f"At most {KEY_SET_BYTES_MAX} bytes are taken."
            return Refused(refusal, detail, field="jwks_uri")
        members = (strict_json_object(answer.body) or {}).get("keys")
        keys = usable_keys(members) if isinstance(members, list) else None
        if not keys:
            return Refused(refusal, "There is no key set with a usable key.", field="jwks_uri")
        return keys

    async def learn(self, client_id: str, kid: object) -> bool:
        """Fetch a client's keys because of a kid that is not among them; True when it is now.

        Once a minute for a client, whatever kids are named: an attacker who makes up kids must not
        make us call out.
        """
        database, now = self._kernel.database, self._kernel.wire_clock.now()

        async def may_try(db: Connection) -> str | None:
            known = await store.lock_key_address(db, client_id)
            if known is None or not isinstance(kid, str) or kid in known.kids:
                return None
            if known.tried_at is not None and now - known.tried_at < TRY_AGAIN_AFTER:
                return None
            await store.note_try(db, client_id, now)
            return known.uri

        uri = await database.run(may_try)
        if uri is None:
            return False
        keys = await self._renew(client_id, uri)
        return any(jwk.get("kid") == kid for jwk in keys)

    async def renew_stale(self) -> int:
        """Fetch anew the key sets that were last asked for long ago; returns how many."""
        now = self._kernel.wire_clock.now()
        stale = await self._kernel.database.run(
            lambda db: store.stale_key_addresses(db, now - FETCH_ANEW_AFTER, ADDRESSES_PER_RUN_MAX)
        )
        for each in stale:
            tried = partial(store.note_try, client_id=each.client_id, at=now)
            await self._kernel.database.run(tried)
            await self._renew(each.client_id, each.uri)
        return len(stale)

    async def _renew(self, client_id: str, uri: str) -> Keys:
        """Fetch and keep a key set; the keys that were there stay when that fails."""
        keys = await self.fetch(uri)
        if isinstance(keys, Refused):
            _log.warning("keys_not_fetched", client=client_id, reason=keys.detail)
            return ()
        now = self._kernel.wire_clock.now()

        async def keep(db: Connection) -> bool:
            client = await client_store.client(db, client_id)
            # Without the key that its answers are encrypted to, the client could not be answered.
            if client is None or check_policy(client.policy, keys=keys) is not None:
                return False
            return await store.store_keys(db, client_id, uri, list(keys), now)

        is_kept = await self._kernel.database.run(keep)
        self._clients.forget(client_id)
        return keys if is_kept else ()

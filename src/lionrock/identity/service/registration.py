"""Clients that register themselves, and manage what they registered (RFC 7591, RFC 7592).

Who may: nobody (`off`), who holds an initial access token (`token`), or anybody within the limits
(`open`). The registration is managed with a token of its own, given once and replaced with every
change. A deleted client is out of use at once: its tokens, codes and requests are read with it.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.registration import (
    SERVER_MEMBERS,
    ClientMetadata,
    RegistrationRefusal,
    check_metadata,
    client_of,
    read_key_set,
)
from lionrock.identity.service.clients import Clients, check_client
from lionrock.identity.service.key_sets import KeySets
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import registration as store
from lionrock.kernel import secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import strict_json_object

REGISTRATION_PATH = "/identity/register"
METADATA_BYTES_MAX = 32 * 1024
SOURCE_WINDOW = timedelta(hours=1)
REGISTRATIONS_MAX = 10_000
INITIAL_TOKEN_USES_MAX = 1_000
INITIAL_TOKEN_LIFE_S_MAX = 90 * 24 * 3600


class Accepted(msgspec.Struct, frozen=True):
    """Metadata that was accepted, with the keys that go with it."""

    metadata: ClientMetadata
    keys: tuple[dict[str, Any], ...]


class Registrations:
    """Registration and its management. Only `accept` calls out, outside any transaction."""

    def __init__(
        self, kernel: Kernel, issuer: str, vault: Vault, clients: Clients, key_sets: KeySets
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._clients = clients
        self._key_sets = key_sets

    @property
    def mode(self) -> str:
        """Who may register: off, token or open."""
        return self._kernel.settings.registration_mode

    async def admit(
        self, db: Connection, *, source: str, initial_token: str | None
    ) -> Refused | None:
        """Let a caller register, or not: OFF, TOKEN, LIMITED. Uses up one use of the token."""
        if self.mode == "off":
            return Refused(RegistrationRefusal.OFF)
        problem = await self._count(db, source, is_new=True)
        if problem is not None:
            return problem
        if initial_token is None:
            return Refused(RegistrationRefusal.TOKEN) if self.mode == "token" else None
        now = self._kernel.wire_clock.now()
        if not await store.use_initial_token(db, secret_hash(initial_token), now):
            return Refused(RegistrationRefusal.TOKEN)
        return None

    async def accept(
        self, raw: bytes, *, source: str, client_id: str | None = None
    ) -> Accepted | Refused:
        """Read and check metadata, fetching the keys at jwks_uri; before any transaction.

        `client_id`: of the registration that is replaced, which the body must name (RFC 7592 s2.2).
        Whoever registers was counted; a change is counted here, if it makes us call out: LIMITED.
        """
        metadata = _read(raw, client_id)
        if isinstance(metadata, Refused):
            return metadata
        settings = self._kernel.settings
        problem = check_metadata(metadata, allows_loopback=settings.composition == "sandbox")
        if problem is not None:
            return problem
        if metadata.jwks is not None:
            keys = read_key_set(metadata.jwks)
        else:
            if client_id is not None:
                problem = await self._kernel.database.run(
                    lambda db: self._count(db, source, is_new=False)
                )
                if problem is not None:
                    return problem
            keys = await self._key_sets.fetch(metadata.jwks_uri)
        if isinstance(keys, Refused):
            return keys
        # What the client would be is checked before anything is used up or kept.
        client = self._client(metadata, keys, client_id or "dyn-draft")
        return client if isinstance(client, Refused) else Accepted(metadata, keys)

    async def register(
        self, db: Connection, accepted: Accepted, *, source: str
    ) -> dict[str, Any] | Refused:
        """Register a client; returns the answer of RFC 7591 s3.2.1."""
        client_id = f"{store.SELF_REGISTERED}{secrets.octets(16).hex()}"
        client = self._client(accepted.metadata, accepted.keys, client_id)
        assert isinstance(client, Client), "it was checked when it was accepted"
        now, token = self._kernel.wire_clock.now(), secrets.token(32)
        taken = await client_store.insert_client(db, client, self._kernel.business_clock.now())
        assert taken is None, "128 random bits are nobody's id"
        await store.note_try(db, client_id, now)
        shown = _shown(accepted.metadata)
        await store.insert_registration(
            db,
            store.Registration(
                client_id=client_id, token_hash=secret_hash(token), metadata=shown,
                source_key=self._source_key(source), registered_at=now,
            ),
        )  # fmt: skip
        return self._answer(client_id, int(now.timestamp()), shown, token)

    async def read(
        self, db: Connection, client_id: str, token: str
    ) -> dict[str, Any] | Refused:
        """Return a client's own registration (RFC 7592 s2.1); TOKEN."""
        found = await store.lock_registration(db, client_id, secret_hash(token))
        if found is None:
            return Refused(RegistrationRefusal.TOKEN)
        issued_at_s = int(found.registered_at.timestamp())
        return self._answer(client_id, issued_at_s, found.metadata, token)

    async def replace(
        self, db: Connection, client_id: str, token: str, accepted: Accepted
    ) -> dict[str, Any] | Refused:
        """Replace a registration and its token (RFC 7592 s2.2, s5); TOKEN."""
        found = await store.lock_registration(db, client_id, secret_hash(token))
        if found is None:
            return Refused(RegistrationRefusal.TOKEN)
        client = self._client(accepted.metadata, accepted.keys, client_id)
        assert isinstance(client, Client), "it was checked when it was accepted"
        following, shown = secrets.token(32), _shown(accepted.metadata)
        await client_store.replace_client(db, client)
        await store.note_try(db, client_id, self._kernel.wire_clock.now())
        await store.replace_registration(db, client_id, secret_hash(following), shown)
        self._clients.forget(client_id)
        issued_at_s = int(found.registered_at.timestamp())
        return self._answer(client_id, issued_at_s, shown, following)

    async def delete(self, db: Connection, client_id: str, token: str) -> Refused | None:
        """Take a client out of use (RFC 7592 s2.3); TOKEN."""
        if await store.lock_registration(db, client_id, secret_hash(token)) is None:
            return Refused(RegistrationRefusal.TOKEN)
        await store.delete_registration(db, client_id)
        self._clients.forget(client_id)
        return None

    async def remove_unused(self, db: Connection, now: datetime | None = None) -> list[str]:
        """Remove clients that registered long ago and were never given anything; returns which.

        A bounded number a time. `now`: as of another instant than the wire clock's.
        """
        unused_for = timedelta(seconds=self._kernel.settings.registration_unused_s)
        as_of = self._kernel.wire_clock.now() if now is None else now
        removed = await store.remove_unused(db, as_of - unused_for)
        for client_id in removed:
            self._clients.forget(client_id)
        return removed

    async def issue_initial_token(
        self, db: Connection, *, issued_by: str, uses: int = 1, life: timedelta = timedelta(days=1)
    ) -> str:
        """Return a token that lets its holder register `uses` clients; for the operator."""
        assert 1 <= uses <= INITIAL_TOKEN_USES_MAX, "callers keep to the limit"
        assert 0 < life.total_seconds() <= INITIAL_TOKEN_LIFE_S_MAX, "callers keep to the limit"
        token = secrets.token(32)
        await store.insert_initial_token(
            db, secret_hash(token), issued_by=issued_by, uses=uses,
            expires_at=self._kernel.wire_clock.now() + life,
        )  # fmt: skip
        return token

    def _client(
        self, metadata: ClientMetadata, keys: tuple[dict[str, Any], ...], client_id: str
    ) -> Client | Refused:
        client = client_of(
            metadata, client_id=client_id, keys=keys,
            may_hint_login=self._kernel.settings.composition == "sandbox",
        )  # fmt: skip
        if isinstance(client, Refused):
            return client
        problem = check_client(client)
        if problem is None:
            return client
        field = problem.field.removeprefix("policy.")
        detail = f"{field}: {problem.detail}"
        return Refused(RegistrationRefusal.METADATA, detail, field=field)

    async def _count(self, db: Connection, source: str, *, is_new: bool) -> Refused | None:
        """Count an attempt of a source; LIMITED when it had as many as it may have."""
        now = self._kernel.wire_clock.now()
        await store.lock_registering(db)
        source_key = self._source_key(source)
        own, every = await store.count_attempt(db, source_key, now, SOURCE_WINDOW)
        is_full = is_new and every >= REGISTRATIONS_MAX
        if is_full or is_reached(self._kernel.settings.limit_registrations, own):
            return Refused(RegistrationRefusal.LIMITED)
        return None

    def _source_key(self, source: str) -> bytes:
        return self._vault.look_up_key("registration", source_network(source))

    def _answer(
        self, client_id: str, issued_at_s: int, shown: dict[str, Any], token: str
    ) -> dict[str, Any]:
        return {
            **shown, "client_id": client_id, "client_id_issued_at": issued_at_s,
            "registration_access_token": token,
            "registration_client_uri": f"{self._issuer}{REGISTRATION_PATH}/{client_id}",
        }  # fmt: skip


def source_network(address: str) -> str:
    """Return whom an address is counted as: an IPv6 subscriber holds a whole /64 (RFC 6177 s2)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _read(raw: bytes, client_id: str | None) -> ClientMetadata | Refused:
    members = strict_json_object(raw)
    if members is None:
        return Refused(RegistrationRefusal.MALFORMED)
    if client_id is not None:
        if members.get("client_id") != client_id:
            detail = "client_id: It must be the one of the address."
            return Refused(RegistrationRefusal.METADATA, detail, field="client_id")
        stated = sorted(SERVER_MEMBERS & members.keys())
        if stated:
            detail = f"{stated[0]}: Only the server states it."
            return Refused(RegistrationRefusal.METADATA, detail, field=stated[0])
    try:
        return msgspec.convert(members, ClientMetadata)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`").partition("[")[0]
        return Refused(RegistrationRefusal.METADATA, f"{field}: {text}.", field=field)


def _shown(metadata: ClientMetadata) -> dict[str, Any]:
    """What is registered, as the answers show it: members without a value are left out."""
    shown: dict[str, Any] = msgspec.to_builtins(metadata)
    return {name: value for name, value in shown.items() if value not in (None, "", [], ())}

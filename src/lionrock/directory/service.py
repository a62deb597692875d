"""Use cases of the directory: look up, register, change keys by two operators, suspend, export.

Each runs in the caller's transaction. Changes emit events that evidence turns into receipts
(evidence lies above this floor): "directory.key_changed", "directory.status_changed".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lionrock.directory import store
from lionrock.directory.domain import (
    PROPOSAL_LIFETIME,
    ChangeKind,
    DirectoryRefusal,
    KeyChange,
    KeyRecord,
    Organisation,
    Status,
    check_key,
    check_operator,
    check_organisation,
    decide_decision,
    decide_proposal,
    is_slug,
)
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, sign_jws, trusted_key

SNAPSHOT_TYPE = "directory-snapshot+jwt"
DIRECTORY_KEY = "platform/directory"


class Directory:
    """The organisations of a city."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def get(self, db: Connection, organisation_id: str) -> Organisation | None:
        """Return an organisation with its active keys, None when there is none of that id."""
        if not is_slug(organisation_id):
            return None
        return await store.load_organisation(db, organisation_id)

    async def get_many(
        self, db: Connection, organisation_ids: Sequence[str]
    ) -> dict[str, Organisation]:
        """Return those of several organisations that there are, by id, in one round trip."""
        wanted = [each for each in organisation_ids if is_slug(each)]
        return {each.id: each for each in await store.load_organisations(db, wanted)}

    async def list(self, db: Connection, role: str | None = None) -> list[Organisation]:
        """Return all organisations (or those with a role) by id, suspended ones too."""
        if role is not None and not is_slug(role):
            return []
        return await store.list_organisations(db, role)

    async def register(self, db: Connection, organisation: Organisation) -> Organisation | Refused:
        """Add an organisation, or replace the description of one whose keys are the same.

        For provisioning by the composition, never reachable over HTTP. Status is kept. Refused:
        ORGANISATION_MALFORMED, KEY_MALFORMED, KEYS_DIFFER (use a key change), KEY_TAKEN.
        """
        problem = check_organisation(organisation)
        if problem is not None:
            return problem
        keys = [trusted_key(jwk) for jwk in organisation.keys]
        now = self._kernel.wire_clock.now()
        if await store.insert_organisation(db, organisation, now):
            for key in keys:
                record = _record(organisation.id, key, now)
                if not await store.insert_key(db, record):
                    return Refused(DirectoryRefusal.KEY_TAKEN, key.kid)
        else:
            there = await store.lock_organisation(db, organisation.id)
            assert there is not None, "organisations are never deleted"
            if {jwk["kid"] for jwk in there.keys} != {key.kid for key in keys}:
                return Refused(DirectoryRefusal.KEYS_DIFFER, organisation.id)
            await store.update_description(db, organisation)
        registered = await store.load_organisation(db, organisation.id)
        assert registered is not None, "it was just written"
        return registered

    async def verification_key(
        self, db: Connection, organisation_id: str, kid: str
    ) -> Key | None:
        """Return an active signing key of an active organisation, None otherwise."""
        organisation = await self.get(db, organisation_id)
        if organisation is None or not organisation.is_active:
            return None
        return organisation.verification_key(kid)

    async def key_history(self, db: Connection, organisation_id: str) -> tuple[KeyRecord, ...]:
        """Return all keys an organisation has or had, oldest first."""
        return tuple(await store.list_keys(db, organisation_id))

    async def is_key_known(self, db: Connection, kid: str) -> bool:
        """Say whether a key is, or ever was, anybody's."""
        return await store.is_key_known(db, kid)

    async def request_key_change(
        self,
        db: Connection,
        *,
        organisation_id: str,
        kind: ChangeKind,
        operator: str,
        jwk: Mapping[str, Any] | None = None,
        kid: str = "",
    ) -> KeyChange | Refused:
        """Propose to add a key (`jwk`) or to retire one (`kid`); another operator must approve.

        Refused: OPERATOR_MALFORMED, ORGANISATION_UNKNOWN, KEY_MALFORMED, KEY_TAKEN, KEY_UNKNOWN,
        KEY_LAST, KEYS_TOO_MANY, CHANGE_PENDING (one proposal at a time for a key).
        """
        problem = check_operator(operator)
        if problem is not None:
            return problem
        organisation = await store.lock_organisation(db, organisation_id)
        if organisation is None:
            return Refused(DirectoryRefusal.ORGANISATION_UNKNOWN, organisation_id)
        target = _target(organisation, kind, jwk, kid)
        if isinstance(target, Refused):
            return target
        active = await self._active(db, organisation_id)
        refused = decide_proposal(kind, target.kid, target.use, active)
        if refused is not None:
            return refused
        if kind == "add" and await store.is_key_known(db, target.kid):
            return Refused(DirectoryRefusal.KEY_TAKEN, target.kid)
        now = self._kernel.business_clock.now()
        change = KeyChange(
            id=self._kernel.ids.new("kch"),
            organisation_id=organisation_id,
            kind=kind,
            kid=target.kid,
            jwk=target.public_jwk if kind == "add" else None,
            requested_by=operator,
            requested_at=now,
        )
        await store.reject_stale_changes(
            db, organisation_id, target.kid, now - PROPOSAL_LIFETIME, now
        )
        if not await store.insert_change(db, change):
            return Refused(DirectoryRefusal.CHANGE_PENDING, target.kid)
        return change

    async def approve_key_change(
        self, db: Connection, change_id: str, *, operator: str
    ) -> KeyChange | Refused:
        """Approve another operator's proposal and put it into effect at once.

        The rules are checked again, because other changes may have happened since. Refused:
        CHANGE_UNKNOWN, CHANGE_DECIDED, CHANGE_EXPIRED, SAME_OPERATOR, OPERATOR_MALFORMED and
        those of the proposal. Emits "directory.key_changed".
        """
        change = await self._decidable(db, change_id, operator)
        if isinstance(change, Refused):
            return change
        organisation = await store.lock_organisation(db, change.organisation_id)
        assert organisation is not None, "organisations are never deleted"
        active = await self._active(db, change.organisation_id)
        use = next((str(r.jwk.get("use")) for r in active if r.kid == change.kid), "sig")
        refused = decide_proposal(change.kind, change.kid, use, active)
        if refused is not None:
            return refused
        if not await self._apply(db, change):
            return Refused(DirectoryRefusal.KEY_TAKEN, change.kid)
        decided = self._decided(change, "approved", operator)
        assert decided.decided_by != decided.requested_by, "two operators decide over keys"
        await store.save_decision(db, decided)
        await outbox.emit(db, self._kernel.ids, "directory.key_changed", {
            "change_id": decided.id,
            "organisation_id": decided.organisation_id,
            "kind": decided.kind,
            "kid": decided.kid,
            "requested_by": decided.requested_by,
            "approved_by": decided.decided_by,
            "at": self._kernel.business_clock.now().isoformat(),
        })
        return decided

    async def reject_key_change(
        self, db: Connection, change_id: str, *, operator: str
    ) -> KeyChange | Refused:
        """Reject another operator's proposal; outcomes as for approval."""
        change = await self._decidable(db, change_id, operator)
        if isinstance(change, Refused):
            return change
        decided = self._decided(change, "rejected", operator)
        await store.save_decision(db, decided)
        return decided

    async def key_changes(self, db: Connection, organisation_id: str) -> tuple[KeyChange, ...]:
        """Return an organisation's proposals, newest first."""
        return tuple(await store.list_changes(db, organisation_id))

    async def set_status(
        self, db: Connection, organisation_id: str, status: Status, *, operator: str
    ) -> Organisation | Refused:
        """Suspend or reinstate an organisation; bites from this transaction on.

        Emits "directory.status_changed" when it changes anything.
        """
        problem = check_operator(operator)
        if problem is not None:
            return problem
        organisation = await store.lock_organisation(db, organisation_id)
        if organisation is None:
            return Refused(DirectoryRefusal.ORGANISATION_UNKNOWN, organisation_id)
        if organisation.status is status:
            return organisation
        await store.update_status(db, organisation_id, status)
        await outbox.emit(db, self._kernel.ids, "directory.status_changed", {
            "organisation_id": organisation_id,
            "status": status.value,
            "operator": operator,
            "at": self._kernel.business_clock.now().isoformat(),
        })
        return msgspec.structs.replace(organisation, status=status)

    async def snapshot(self, db: Connection) -> dict[str, Any]:
        """Return all organisations with all keys, retired ones too, as plain JSON values.

        `keys` of an entry holds every key it has or had, so that old receipts can be checked;
        `key_periods` says when each was valid.
        """
        records: dict[str, list[KeyRecord]] = {}
        for record in await store.list_keys(db):
            records.setdefault(record.organisation_id, []).append(record)
        entries = [
            _snapshot_entry(organisation, records.get(organisation.id, []))
            for organisation in await store.list_organisations(db, None)
        ]
        return {
            "iat": self._kernel.wire_clock.now_s(),
            "city": self._kernel.settings.city,
            "organisations": entries,
        }

    async def snapshot_jws(self, db: Connection) -> str:
        """Return the snapshot signed by the directory's key, typ "directory-snapshot+jwt"."""
        return sign_jws(self.signing_key(), await self.snapshot(db), typ=SNAPSHOT_TYPE)

    def signing_key(self) -> Key:
        """The directory's own key: a trust anchor of the city, kept apart from all others."""
        return self._kernel.key_store.get_or_create(DIRECTORY_KEY)

    async def _active(self, db: Connection, organisation_id: str) -> tuple[KeyRecord, ...]:
        records = await store.list_keys(db, organisation_id)
        return tuple(record for record in records if record.retired_at is None)

    async def _decidable(
        self, db: Connection, change_id: str, operator: str
    ) -> KeyChange | Refused:
        problem = check_operator(operator)
        if problem is not None:
            return problem
        change = await store.lock_change(db, change_id)
        if change is None:
            return Refused(DirectoryRefusal.CHANGE_UNKNOWN, change_id)
        refused = decide_decision(change, operator, self._kernel.business_clock.now())
        return refused if refused is not None else change

    async def _apply(self, db: Connection, change: KeyChange) -> bool:
        now = self._kernel.wire_clock.now()
        if change.jwk is None:
            return await store.retire_key(db, change.organisation_id, change.kid, now)
        key = trusted_key(change.jwk)
        return await store.insert_key(db, _record(change.organisation_id, key, now))

    def _decided(self, change: KeyChange, status: str, operator: str) -> KeyChange:
        return msgspec.structs.replace(
            change, status=status, decided_by=operator, decided_at=self._kernel.business_clock.now()
        )


def _target(
    organisation: Organisation, kind: ChangeKind, jwk: Mapping[str, Any] | None, kid: str
) -> Key | Refused:
    if kind == "add":
        if jwk is None:
            return Refused(DirectoryRefusal.KEY_MALFORMED, "a JWK to add", field="jwk")
        return check_key(jwk)
    for there in organisation.keys:
        if there["kid"] == kid:
            return trusted_key(there)
    return Refused(DirectoryRefusal.KEY_UNKNOWN, kid, field="kid")


def _record(organisation_id: str, key: Key, valid_from: Any) -> KeyRecord:
    return KeyRecord(
        kid=key.kid, organisation_id=organisation_id, jwk=key.public_jwk, valid_from=valid_from
    )


def _snapshot_entry(organisation: Organisation, records: list[KeyRecord]) -> dict[str, Any]:
    return {
        "id": organisation.id,
        "names": organisation.names,
        "roles": sorted(organisation.roles),
        "endpoints": organisation.endpoints,
        "status": organisation.status.value,
        "simulated": organisation.simulated,
        "keys": [record.jwk for record in records],
        "key_periods": [
            {
                "kid": record.kid,
                "valid_from": record.valid_from.isoformat(),
                "retired_at": record.retired_at.isoformat() if record.retired_at else None,
            }
            for record in records
        ],
    }

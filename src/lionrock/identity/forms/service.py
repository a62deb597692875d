"""A person's values: stated by their holder and by registries, read for a form, once.

A delivery is one transaction: values read, answer sealed, "delivered" noted, receipt left. If the
front dies before it commits, nothing was delivered and the client asks again; if it dies after, the
same call (told by its Idempotency-Key) gets the same answer for two minutes, and any other is
refused. Receipts hold a salted digest: of an identity number a bare one could be tried out.
Source: RFC 9396 s7 (what was granted), Idempotency-Key header (draft), NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.words import canonical_json
from lionrock.identity.forms import store
from lionrock.identity.forms.domain import (
    FIELDS,
    IDENTITY_NUMBER,
    KEY_LENGTH_MAX,
    REGISTRY,
    REPEAT_S,
    SELF,
    FieldValue,
    FormRefusal,
    Source,
    check_statement,
    check_value,
)
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION, ReceiptRecorder
from lionrock.identity.service.vault import Vault
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

DELIVERED_KIND = "identity.form_delivered"
STATED_KIND = "identity.form_stated"


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A filled form: exactly the granted fields. `salt` makes the receipt's digest checkable."""

    form: dict[str, str]
    fields: dict[str, dict[str, Any]]
    salt: str


class Forms:
    """Every function works in the caller's transaction."""

    def __init__(
        self, kernel: Kernel, vault: Vault, parties: Parties, evidence: ReceiptRecorder
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._parties = parties
        self._evidence = evidence

    # Stated.

    async def declare(
        self, db: Connection, person_id: str, field: str, value: Any
    ) -> FieldValue | Refused:
        """Keep a person's own word on a field; FIELD_UNKNOWN, FIELD_SOURCE, FIELD_VALUE."""
        problem = check_value(field, value, SELF)
        if problem is not None:
            return problem
        await self._save(db, person_id, field, value, SELF, "self_declared")
        return (await self.values(db, person_id, [field]))[field]

    async def withdraw(self, db: Connection, person_id: str, field: str) -> Refused | None:
        """Forget a person's own word; FIELD_UNKNOWN when there is none."""
        if not await store.delete_own(db, person_id, field):
            return Refused(FormRefusal.FIELD_UNKNOWN, field="field")
        return None

    async def introduce(self, db: Connection, organisation_id: str, person_id: str) -> str:
        """Return the name by which a registry may speak of a person: pairwise, never a number."""
        subject = self._vault.subject(organisation_id, "person", person_id)
        await store.insert_subject(db, organisation_id, subject, person_id)
        return subject

    async def state(
        self,
        db: Connection,
        *,
        organisation_id: str,
        subject: str,
        source: Source,
        evidence: str,
        matched_at: datetime,
        reference: str,
        fields: Mapping[str, Any],
    ) -> list[str] | Refused:
        """Take a registry's word on a person it was introduced to; returns the fields taken.

        A field with a newer match on record is left as it is. All or nothing otherwise:
        SUBJECT_UNKNOWN, STATEMENT, STATEMENT_TIME, FIELD_UNKNOWN, FIELD_SOURCE, FIELD_VALUE.
        """
        now = self._kernel.business_clock.now()
        problem = check_statement(source, evidence, reference, matched_at, now)
        for field, value in fields.items():
            problem = problem or check_value(field, value, source)
        if problem is not None:
            return problem
        person_id = await store.person_of(db, organisation_id, subject)
        if person_id is None:
            return Refused(FormRefusal.SUBJECT_UNKNOWN)
        taken = [
            field for field, value in fields.items()
            if await self._save(
                db, person_id, field, value, source, evidence, matched_at=matched_at,
                stated_by=organisation_id, reference=reference,
            )
        ]  # fmt: skip
        await self._evidence.record(
            db, kind=STATED_KIND, issuer=PLATFORM_ORGANISATION,
            references={"organisation_id": organisation_id, "reference": reference},
            digests={"statement": _salted({"fields": dict(fields)}, secrets.token(32))},
            about=source,
        )  # fmt: skip
        return taken

    # Read.

    async def values(
        self, db: Connection, person_id: str, fields: Iterable[str] = FIELDS
    ) -> dict[str, FieldValue]:
        """Return what is on record of those fields; a registry's word before the person's own."""
        wanted = set(fields)
        found = {v.field: v for v in await self._of_record(db, person_id) if v.field in wanted}
        # The person's own rows come last; they do not replace a registry's.
        for row in await store.values(db, person_id):
            if row.field in wanted and not (row.is_own and row.field in found):
                found[row.field] = self._opened(row)
        return {name: found[name] for name in FIELDS if name in found}

    async def own_values(self, db: Connection, person_id: str) -> dict[str, FieldValue]:
        """Return a person's own word, also where a registry's goes before it."""
        rows = await store.values(db, person_id)
        return {row.field: self._opened(row) for row in rows if row.is_own}

    async def fill(
        self, db: Connection, principal: Principal, key: str | None
    ) -> Delivered | Refused:
        """Deliver the form that a token was given for, once.

        NOT_GRANTED, EXPIRED, DELIVERED (also to another call than the one it was delivered to).
        """
        held = [
            row for row in await store.lock_form_grants(db, principal.grant_id)
            if row.detail in principal.details and row.client_id == principal.client_id
        ]  # fmt: skip
        if not held or principal.company_id is not None:
            return Refused(FormRefusal.NOT_GRANTED)
        open_ones = [row for row in held if row.delivered_at is None]
        return await self.deliver(db, (open_ones or held)[0], key)

    async def deliver(
        self, db: Connection, granted: store.FormGrant, key: str | None
    ) -> Delivered | Refused:
        """Deliver a held form once; the same call again gets the same answer for REPEAT_S."""
        if key is not None and not (1 <= len(key) <= KEY_LENGTH_MAX and key.isascii()):
            return Refused(FormRefusal.DELIVERY_KEY)
        now = self._kernel.wire_clock.now()
        key_hash = self._vault.look_up_key("form_delivery", f"{granted.id}\n{key}") if key else None
        if granted.delivered_at is not None:
            return self._again(granted, key_hash, now)
        if now >= granted.expires_at:
            return Refused(FormRefusal.EXPIRED)
        known = await self.values(db, granted.person_id, granted.detail["fields"])
        filled = Delivered(
            form=granted.detail["form"], salt=secrets.token(32),
            fields={name: _shown(known.get(name)) for name in granted.detail["fields"]},
        )  # fmt: skip
        sealed = self._vault.seal("form", granted.id, msgspec.json.encode(filled).decode())
        # From here the answer must be given.
        await store.save_delivery(db, granted.id, now, key_hash, sealed)
        await self._evidence.record(
            db, kind=DELIVERED_KIND, issuer=PLATFORM_ORGANISATION,
            references={"approval_id": granted.approval_id, "delivery_id": granted.id},
            digests={"fields": _salted({"fields": filled.fields}, filled.salt)},
        )  # fmt: skip
        return filled

    def _again(
        self, granted: store.FormGrant, key_hash: bytes | None, now: datetime
    ) -> Delivered | Refused:
        assert granted.delivered_at is not None and granted.answer_sealed is not None, "delivered"
        is_same = key_hash is not None and granted.delivery_key == key_hash
        if not is_same or now >= granted.delivered_at + timedelta(seconds=REPEAT_S):
            return Refused(FormRefusal.DELIVERED)
        text = self._vault.unseal("form", granted.id, granted.answer_sealed)
        return msgspec.json.decode(text, type=Delivered)

    async def _save(
        self,
        db: Connection,
        person_id: str,
        field: str,
        value: Any,
        source: Source,
        evidence: str,
        **stated: Any,
    ) -> bool:
        row_id = _row_id(person_id, field, is_own=source == SELF)
        text = msgspec.json.encode(value).decode()
        return await store.save_value(
            db,
            store.ValueRow(
                person_id=person_id, field=field, is_own=source == SELF, source=source,
                value_sealed=self._vault.seal("form", row_id, text), evidence=evidence,
                updated_at=self._kernel.business_clock.now(), **stated,
            ),
        )  # fmt: skip

    def _opened(self, row: store.ValueRow) -> FieldValue:
        row_id = _row_id(row.person_id, row.field, is_own=row.is_own)
        return FieldValue(
            field=row.field, source=row.source, evidence=row.evidence, updated_at=row.updated_at,
            value=msgspec.json.decode(self._vault.unseal("form", row_id, row.value_sealed)),
            matched_at=row.matched_at,
        )  # fmt: skip

    async def _of_record(self, db: Connection, person_id: str) -> list[FieldValue]:
        """What identity itself holds: names and number matched at enrolment, contacts declared."""
        person = await self._parties.person(db, person_id)
        assert not isinstance(person, Refused), "who approved is on record"
        at = await store.enrolled_at(db, person_id)
        sealed = await store.sealed_identity_number(db, person_id)
        number = self._vault.unseal("identity_number", person_id, sealed)
        matched = {
            "enName": person.names.en, "chName": person.names.zh_hant, IDENTITY_NUMBER: number
        }
        own = {"mobileNumber": person.phone, "emailAddress": person.email}
        return [
            FieldValue(
                field=name, value=value, source=REGISTRY, evidence="population_register",
                updated_at=at, matched_at=at,
            )
            for name, value in matched.items()
        ] + [
            FieldValue(
                field=name, value=value, source=SELF, evidence="self_declared", updated_at=at
            )
            for name, value in own.items()
        ]  # fmt: skip


def _row_id(person_id: str, field: str, *, is_own: bool) -> str:
    return f"{person_id}/{field}/{'own' if is_own else 'stated'}"


def _shown(known: FieldValue | None) -> dict[str, Any]:
    """A granted field on the wire; of one that nobody stated all members are null."""
    if known is None:
        return {"value": None, "source": None, "matched_at": None}
    at = known.matched_at.isoformat() if known.matched_at else None
    return {"value": known.value, "source": known.source, "matched_at": at}


def _salted(value: dict[str, Any], salt: str) -> str:
    """SHA-256 (hex) over canonical JSON with 256 random bits: nobody tries values out on it."""
    return hashlib.sha256(canonical_json(value | {"salt": salt})).hexdigest()

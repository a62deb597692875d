"""Recording, accepting and proving receipts: what other pillars call.

`record` and `accept` run in the caller's transaction, so that a receipt exists exactly when the
thing it is about happened. They sign and insert one row; the log is grown later (log.py).

Source: RFC 7515 (receipts). Invariants: the issuer of a receipt is who signed it; an id has one
content for ever; salts come from the operating system and leave only with a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    PROGRAMME_OFFICE,
    Directory,
    organisation_key,
)
from lionrock.evidence import store
from lionrock.evidence.domain import bundle, canonical, merkle, note, receipt, tiles
from lionrock.evidence.domain import trust as trust_files
from lionrock.evidence.domain.container import PART_BYTES_MAX
from lionrock.evidence.domain.proof import Proof, encode_proof
from lionrock.evidence.domain.receipt import Receipt
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.evidence.service import export
from lionrock.evidence.service.log import WITNESS_ROLE, Log, make_proof, witness_key
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.gathered import write_with_others
from lionrock.kernel.jose import sign_jws
from lionrock.kernel.notes import Row

HOSTED_ISSUERS = frozenset({PLATFORM_ORGANISATION, PROGRAMME_OFFICE})
CATCH_UP_ROUNDS_MAX = 100


class Proven(msgspec.Struct, frozen=True):
    """A receipt with its salt, and its proof once it is in the log ("" before)."""

    id: str
    issuer: str
    jws: str
    salt: bytes
    proof: str


class Evidence:
    """The evidence of one city. `hosted` are the organisations whose keys the platform holds."""

    def __init__(
        self, kernel: Kernel, directory: Directory, *, hosted: Iterable[str] = HOSTED_ISSUERS
    ) -> None:
        self._kernel = kernel
        self._directory = directory
        self._hosted = frozenset(hosted)
        self.log = Log(kernel, directory)

    async def record(
        self,
        db: Connection,
        kind: str,
        issuer: str,
        references: Mapping[str, str],
        digests: Mapping[str, str],
        about: str = "",
    ) -> str:
        """Sign and keep a receipt of a hosted issuer, in the caller's transaction; returns its id.

        `references`: names to ids of things (never of people); `digests`: names to SHA-256 hex.
        ValueError names a field that is not in its form, or an issuer not hosted here: a bug.
        """
        receipt_id, rows = self._made(kind, issuer, references, digests, about)
        # Nobody reads it in the transaction that records it: written together with others.
        await write_with_others(db, rows)
        return receipt_id

    def rows(
        self,
        kind: str,
        issuer: str,
        references: Mapping[str, str],
        digests: Mapping[str, str],
        about: str = "",
    ) -> Sequence[Row]:
        """Sign a receipt as `record` does, and return it as rows for kernel.late.claim."""
        return self._made(kind, issuer, references, digests, about)[1]

    def _made(
        self, kind: str, issuer: str, references: Mapping[str, str], digests: Mapping[str, str],
        about: str,
    ) -> tuple[str, list[Row]]:  # fmt: skip
        receipt_id = self._kernel.ids.new(receipt.ID_PREFIX)
        made, row = self._signed(
            receipt_id, kind=kind, issuer=issuer, references=references, digests=digests,
            about=about, at=self._kernel.business_clock.now(),
        )  # fmt: skip
        return receipt_id, store.receipt_rows(row, made.references, self._kernel.wire_clock.now())

    async def record_as(
        self,
        db: Connection,
        receipt_id: str,
        *,
        kind: str,
        issuer: str,
        references: Mapping[str, str],
        digests: Mapping[str, str],
        about: str,
        at: datetime,
    ) -> bool:
        """Record under an id chosen before, for event handlers; False when it is there already."""
        made, row = self._signed(
            receipt_id, kind=kind, issuer=issuer, references=references, digests=digests,
            about=about, at=at,
        )  # fmt: skip
        return await store.insert_receipt(
            db, row, made.references, self._kernel.wire_clock.now()
        )

    def _signed(
        self,
        receipt_id: str,
        *,
        kind: str,
        issuer: str,
        references: Mapping[str, str],
        digests: Mapping[str, str],
        about: str,
        at: datetime,
    ) -> tuple[Receipt, store.StoredReceipt]:
        if issuer not in self._hosted:
            raise ValueError(f"{issuer!r} signs its own receipts; the platform has not its key")
        made = Receipt(
            id=receipt_id, kind=kind, issuer=issuer, at=receipt.instant(at),
            iat=self._kernel.wire_clock.now_s(), references=dict(references),
            digests=dict(digests), about=about,
        )  # fmt: skip
        problem = receipt.check_fields(made)
        if problem is not None:
            raise ValueError(f"receipt {kind!r}, {problem.field}: {problem.detail}")
        key = organisation_key(self._kernel, issuer)
        jws = sign_jws(key, canonical.encode(made), typ=receipt.TYPE)
        return made, _row(made, jws)

    async def accept(
        self, db: Connection, receipt_jws: str, sender_org_id: str
    ) -> str | Refused:
        """Take a member's receipt that it has sent over a signed call; returns the receipt's id.

        The same receipt again (also signed anew) is the same receipt. Refused:
        RECEIPT_TOO_LARGE, RECEIPT_MALFORMED, RECEIPT_KEY_UNKNOWN, RECEIPT_SIGNATURE,
        RECEIPT_FIELD, RECEIPT_ISSUER, RECEIPT_FUTURE, RECEIPT_CONFLICT.
        """
        kid = receipt.claimed_key_id(receipt_jws)
        if isinstance(kid, Refused):
            return kid
        key = await self._directory.verification_key(db, sender_org_id, kid)
        if key is None:
            return Refused(EvidenceRefusal.RECEIPT_KEY_UNKNOWN, field="kid")
        opened = receipt.open_receipt(receipt_jws, [key])
        if isinstance(opened, Refused):
            return opened
        given = opened.receipt
        if given.issuer != sender_org_id:
            return Refused(EvidenceRefusal.RECEIPT_ISSUER, field="issuer")
        if given.iat > self._kernel.wire_clock.now_s() + receipt.FUTURE_S_MAX:
            return Refused(EvidenceRefusal.RECEIPT_FUTURE, field="iat")
        now = self._kernel.wire_clock.now()
        row = _row(given, receipt_jws)
        if await store.insert_receipt(db, row, given.references, now):
            return given.id
        there = await store.load_receipt(db, given.id)
        assert there is not None, "its id was taken"
        if receipt.payload_of(there.jws) != receipt.payload_of(receipt_jws):
            return Refused(EvidenceRefusal.RECEIPT_CONFLICT, field="id")
        return given.id

    async def keep(self, db: Connection, content: bytes, media_type: str) -> str:
        """Keep a document for later bundles, by its digest; returns SHA-256 hex.

        ValueError when it is larger than a part of a bundle or the media type is none.
        """
        if len(content) > PART_BYTES_MAX or not bundle.is_media_type(media_type):
            raise ValueError("a kept document is of a media type and fits into a bundle")
        digest = bundle.digest(content)
        now = self._kernel.wire_clock.now()
        await store.insert_artefact(db, digest, media_type, content, now)
        return digest

    async def artefact(self, db: Connection, sha256: str) -> store.StoredArtefact | None:
        """Return a kept document by its digest."""
        found = await store.list_artefacts(db, [sha256])
        return found[0] if found else None

    async def receipts_about(
        self, db: Connection, references: Mapping[str, str]
    ) -> list[Receipt]:
        """Return the receipts that carry any of the references, oldest first."""
        rows = await store.list_receipts_about(db, _listed(references), bundle.RECEIPTS_MAX)
        return [msgspec.json.decode(receipt.payload_of(row.jws), type=Receipt) for row in rows]

    async def receipt(
        self, db: Connection, receipt_id: str, issuer: str | None = None
    ) -> Proven | Refused:
        """Return a receipt with its proof (of this issuer); RECEIPT_NOT_FOUND for any other."""
        row = await store.load_receipt(db, receipt_id, issuer)
        if row is None:
            return Refused(EvidenceRefusal.RECEIPT_NOT_FOUND)
        proof = await self._prove(db, row)
        return Proven(row.id, row.issuer, row.jws, row.salt, proof)

    async def _prove(self, db: Connection, row: store.StoredReceipt) -> str:
        if row.log_index is None:
            return ""
        witnesses = [each.id for each in await self.log.witnesses(db)]
        signed = await store.load_best_note(db, row.log_index + 1, witnesses)
        head = note.parse_checkpoint(signed.text) if signed else None
        if signed is None or head is None:
            return ""
        hashes = await make_proof(db, merkle.inclusion_plan(row.log_index, head.size))
        return encode_proof(Proof(row.salt, row.log_index, tuple(hashes), signed)).decode()

    async def checkpoint(self, db: Connection) -> str | Refused:
        """Return the newest checkpoint with its cosignatures; NOTHING_LOGGED before the first."""
        newest = await store.load_newest_note(db)
        return newest.encode() if newest else Refused(EvidenceRefusal.NOTHING_LOGGED)

    async def tile(self, db: Connection, path: str) -> bytes | Refused:
        """Return what is under a tile path (C2SP tlog-tiles); TILE_NOT_FOUND otherwise."""
        request = tiles.parse_tile_path(path)
        if request is None:
            return Refused(EvidenceRefusal.TILE_NOT_FOUND)
        if request.is_entries:
            first = request.address.index * tiles.TILE_WIDTH
            entries = await store.list_entries(db, first, request.width)
            if len(entries) == request.width:
                return tiles.encode_entries(entries)
            return Refused(EvidenceRefusal.TILE_NOT_FOUND)
        found = await store.load_tiles(db, [request.address])
        content = found.get(request.address, b"")[: request.width * merkle.HASH_BYTES]
        if len(content) == request.width * merkle.HASH_BYTES:
            return content
        return Refused(EvidenceRefusal.TILE_NOT_FOUND)

    async def export_bundle(
        self,
        db: Connection,
        references: Mapping[str, str | Sequence[str]],
        artefacts: Sequence[bundle.Artefact] = (),
    ) -> bytes | Refused:
        """Return a bundle of all receipts that carry any of the references (one value or several).

        It holds the given documents and those kept (`keep`) whose digest one of the receipts
        states. Refused: NO_RECEIPTS, NOT_INTEGRATED (call `catch_up` first, or later again),
        ARTEFACT_NOT_COVERED, ARTEFACT_FIELD, BUNDLE_TOO_LARGE.
        """
        about = _listed(references)
        content = await export.collect(db, self.log, about, artefacts)
        if isinstance(content, Refused):
            return content
        signer = await self.log.signer(db)
        return export.seal(
            content,
            city=self._kernel.settings.city,
            origin=signer.name,
            references=about,
            now_s=self._kernel.wire_clock.now_s(),
            snapshot_jws=await self._directory.snapshot_jws(db),
            platform_key=organisation_key(self._kernel, PLATFORM_ORGANISATION),
        )

    async def catch_up(self) -> None:
        """Integrate what is pending, sign, and ask every witness once. Holds no connection between.

        Safe beside running workers. Call it outside of any transaction.
        """
        for _ in range(CATCH_UP_ROUNDS_MAX):
            if await self.log.integrate() == 0:
                break
        await self.log.sign_head()
        for witness in await self._kernel.database.run(self.log.witnesses):
            await self.log.cosign(witness.id)

    async def trust_anchors(
        self,
        db: Connection,
        *,
        ca_certificates: Sequence[str] = (),
        witness_quorum: int | None = None,
    ) -> bytes:
        """Return the trust file of this city; the quorum is a majority unless given.

        `ca_certificates` in PEM, from the pillar that signs documents.
        """
        signer = await self.log.signer(db)
        keys = [witness_key(each) for each in await self._directory.list(db, WITNESS_ROLE)]
        vkeys = [key.vkey() for key in keys if key is not None]
        quorum = len(vkeys) // 2 + 1 if vkeys else 0
        return trust_files.encode_trust(
            trust_files.TrustFile(
                city=self._kernel.settings.city,
                log=trust_files.TrustedLog(signer.name, signer.verifier.vkey()),
                witnesses=vkeys,
                witness_quorum=quorum if witness_quorum is None else witness_quorum,
                directory_key=_bare(self._directory.signing_key().public_jwk),
                ca_certificates=list(ca_certificates),
            )
        )


def _row(made: Receipt, jws: str) -> store.StoredReceipt:
    salt = secrets.salt()
    return store.StoredReceipt(
        id=made.id, kind=made.kind, issuer=made.issuer, jws=jws, salt=salt,
        entry=receipt.entry_of(salt, jws), log_index=None,
    )  # fmt: skip


def _listed(references: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    return {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in references.items()
    }


def _bare(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """A public JWK with its members in one order, so that the file reads the same each time."""
    return {name: jwk[name] for name in sorted(jwk)}

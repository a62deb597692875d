"""Putting a bundle together: which receipts, which documents, which checkpoint; then the seal.

Not for: deciding who may export (the caller), or judging a bundle (domain/verifier.py).
Invariants: every document is covered by a receipt of the bundle, and every receipt is proven under
the one checkpoint it carries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from lionrock.evidence import store
from lionrock.evidence.domain import bundle, canonical, container, merkle, note, receipt
from lionrock.evidence.domain.bundle import Artefact, ProvenReceipt
from lionrock.evidence.domain.receipt import Receipt
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.evidence.service.log import Log, make_proof
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, sign_jws

_EXTENSIONS = {
    "application/pdf": ".pdf", "application/xml": ".xml", "application/json": ".json",
    "application/jose": ".jws", "text/csv": ".csv", "text/plain": ".txt",
}  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


References = Mapping[str, Sequence[str]]


class Content(msgspec.Struct, frozen=True):
    """What goes into a bundle."""

    receipts: list[ProvenReceipt]
    artefacts: list[Artefact]
    note: note.Note


async def collect(
    db: Connection, log: Log, references: References, given: Sequence[Artefact]
) -> Content | Refused:
    """Load receipts, documents and checkpoint; outcomes as `Evidence.export_bundle`."""
    problem = _check_given(given)
    if problem is not None:
        return problem
    rows = await store.list_receipts_about(db, references, bundle.RECEIPTS_MAX + 1)
    if not rows:
        return Refused(EvidenceRefusal.NO_RECEIPTS)
    if len(rows) > bundle.RECEIPTS_MAX:
        return Refused(EvidenceRefusal.BUNDLE_TOO_LARGE, f"Over {bundle.RECEIPTS_MAX} receipts.")
    named = _named_digests(rows)
    for artefact in given:
        if bundle.digest(artefact.content) not in named:
            return Refused(EvidenceRefusal.ARTEFACT_NOT_COVERED, field=artefact.name)
    signed = await _best_note(db, log, rows)
    if isinstance(signed, Refused):
        return signed
    proven = await _prove(db, rows, signed)
    artefacts = [*given, *await _kept(db, named, given)]
    if len(artefacts) > bundle.ARTEFACTS_MAX:
        return Refused(EvidenceRefusal.BUNDLE_TOO_LARGE, f"Over {bundle.ARTEFACTS_MAX} documents.")
    return Content(proven, artefacts, signed)


def seal(
    content: Content,
    *,
    city: str,
    origin: str,
    references: References,
    now_s: int,
    snapshot_jws: str,
    platform_key: Key,
) -> bytes | Refused:
    """Lay the parts out, sign the manifest, encode; BUNDLE_TOO_LARGE when it exceeds a limit."""
    parts, lines = bundle.lay_out(
        receipts=content.receipts, artefacts=content.artefacts, note=content.note,
        snapshot_jws=snapshot_jws,
    )  # fmt: skip
    manifest = canonical.encode(
        bundle.Manifest(
            format=bundle.FORMAT, city=city, origin=origin, created_at_s=now_s,
            references={name: list(values) for name, values in references.items()}, parts=lines,
        )
    )
    claims = bundle.ManifestSignature(
        iss=bundle.PLATFORM_ORGANISATION, iat=now_s, sha256=bundle.digest(manifest)
    )
    signature = sign_jws(platform_key, canonical.encode(claims), typ=bundle.MANIFEST_TYPE)
    own = {bundle.MANIFEST: manifest, bundle.MANIFEST_SIGNATURE: signature.encode("ascii")}
    if len(manifest) > bundle.MANIFEST_BYTES_MAX:
        return Refused(EvidenceRefusal.BUNDLE_TOO_LARGE, "Its table of contents is too long.")
    try:
        return container.encode(parts | own)
    except ValueError as error:
        return Refused(EvidenceRefusal.BUNDLE_TOO_LARGE, str(error))


def _check_given(given: Sequence[Artefact]) -> Refused | None:
    for artefact in given:
        if not bundle.is_artefact_name(artefact.name) or not bundle.is_media_type(
            artefact.media_type
        ):
            return Refused(EvidenceRefusal.ARTEFACT_FIELD, field=artefact.name[:80])
    return None


def _named_digests(rows: Sequence[store.StoredReceipt]) -> dict[str, str]:
    """The digests that the receipts state, each with the first name it has there."""
    named: dict[str, str] = {}
    for row in rows:
        stated = msgspec.json.decode(receipt.payload_of(row.jws), type=Receipt).digests
        for name, digest in sorted(stated.items()):
            named.setdefault(digest, name)
    return named


async def _best_note(
    db: Connection, log: Log, rows: Sequence[store.StoredReceipt]
) -> note.Note | Refused:
    if any(row.log_index is None for row in rows):
        return Refused(EvidenceRefusal.NOT_INTEGRATED)
    size_min = max(row.log_index for row in rows if row.log_index is not None) + 1
    witnesses = [each.id for each in await log.witnesses(db)]
    signed = await store.load_best_note(db, size_min, witnesses)
    return signed or Refused(EvidenceRefusal.NOT_INTEGRATED)


async def _prove(
    db: Connection, rows: Sequence[store.StoredReceipt], signed: note.Note
) -> list[ProvenReceipt]:
    head = note.parse_checkpoint(signed.text)
    assert head is not None, "stored checkpoints are well-formed"
    proven = []
    for row in rows:
        assert row.log_index is not None, "only integrated receipts are proven"
        hashes = await make_proof(db, merkle.inclusion_plan(row.log_index, head.size))
        proven.append(
            ProvenReceipt(row.id, row.jws, row.salt, row.log_index, tuple(hashes))
        )
    return proven


async def _kept(
    db: Connection, named: Mapping[str, str], given: Sequence[Artefact]
) -> list[Artefact]:
    """The kept documents that the receipts cover and the caller has not given."""
    have = {bundle.digest(artefact.content) for artefact in given}
    rows = await store.list_artefacts(db, named.keys() - have)
    return [
        Artefact(_artefact_name(named[row.sha256], row.media_type), row.media_type, row.content)
        for row in rows
    ]


def _artefact_name(digest_name: str, media_type: str) -> str:
    """A file name from the name under which a receipt states the digest."""
    stem = _NOT_IN_NAMES.sub("-", digest_name)
    extension = _EXTENSIONS.get(media_type, ".bin")
    return stem if stem.endswith(extension) else stem + extension

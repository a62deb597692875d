"""The evidence bundle: receipts, proofs, the documents they cover, and what ties them together.

    manifest.json                the parts with digests, the city, the log, what the bundle is about
    manifest.jws                 the platform's signature over manifest.json
    directory.jws                who was who: organisations and keys, signed by the directory
    checkpoint.txt               the log's signed tree head with the witnesses' cosignatures
    receipts/<id>.jws            a receipt as its issuer signed it
    receipts/<id>.tlog-proof     its place in the log; the extra data is the salt
    artefacts/<nn>-<name>        a document whose digest at least one receipt states

What for: laying out and reading these parts. Not for: judging them (verifier.py).
Source: C2SP tlog-proof, tlog-checkpoint; RFC 7515.
Invariants: every byte of every part is bound by manifest.json, and manifest.json by manifest.jws;
receipts, proofs and checkpoint stand without them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from lionrock.evidence.domain import canonical, container
from lionrock.evidence.domain.note import Note
from lionrock.evidence.domain.proof import Proof, encode_proof

FORMAT = "lionrock-evidence-bundle/1"
MANIFEST_TYPE = "evidence-manifest+jwt"
PLATFORM_ORGANISATION = "lionrock-platform"

MANIFEST = "manifest.json"
MANIFEST_SIGNATURE = "manifest.jws"
CHECKPOINT = "checkpoint.txt"
DIRECTORY = "directory.jws"
RECEIPT_SUFFIX = ".jws"
PROOF_SUFFIX = ".tlog-proof"

MANIFEST_BYTES_MAX = 1024 * 1024
RECEIPTS_MAX = 1500
ARTEFACTS_MAX = 500
ARTEFACT_NAME_LENGTH_MAX = 80
MEDIA_TYPE_LENGTH_MAX = 80
PDF_MEDIA_TYPE = "application/pdf"

PartKind = Literal["artefact", "checkpoint", "directory", "proof", "receipt"]

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_PART_NAMES: Mapping[PartKind, re.Pattern[str]] = {
    "artefact": re.compile(r"artefacts/[0-9]{3}-[a-z0-9][a-z0-9._-]*"),
    "checkpoint": re.compile(re.escape(CHECKPOINT)),
    "directory": re.compile(re.escape(DIRECTORY)),
    "proof": re.compile(r"receipts/rct_[0-9a-f]{32}\.tlog-proof"),
    "receipt": re.compile(r"receipts/rct_[0-9a-f]{32}\.jws"),
}
_MEDIA_TYPES: Mapping[PartKind, str] = {
    "checkpoint": "text/plain",
    "directory": "application/jose",
    "proof": "text/plain",
    "receipt": "application/jose",
}


class Artefact(msgspec.Struct, frozen=True):
    """A document to go into a bundle; its digest must stand in one of the receipts."""

    name: str
    media_type: str
    content: bytes


class ProvenReceipt(msgspec.Struct, frozen=True):
    """A receipt with what proves its place in the log."""

    id: str
    jws: str
    salt: bytes
    index: int
    hashes: tuple[bytes, ...]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the manifest; `size` in bytes."""

    name: str
    kind: PartKind
    media_type: str
    sha256: str
    size: Annotated[int, msgspec.Meta(ge=0, le=container.PART_BYTES_MAX)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of contents; `created_at_s` in wire seconds."""

    format: str
    city: str
    origin: str
    created_at_s: int
    references: dict[str, list[str]]
    parts: list[Part]


class ManifestSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload of manifest.jws."""

    iss: str
    iat: int
    sha256: str


def digest(content: bytes) -> str:
    """Return SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def is_artefact_name(name: str) -> bool:
    """Say whether a document may go by this name: lower case letters, digits, dot, dash."""
    if len(name) > ARTEFACT_NAME_LENGTH_MAX or "/" in name:
        return False
    return container.is_part_name(name)


def is_media_type(text: str) -> bool:
    """Say whether a text is a media type without parameters (RFC 6838 s4.2)."""
    return len(text) <= MEDIA_TYPE_LENGTH_MAX and _MEDIA_TYPE.fullmatch(text) is not None


def lay_out(
    *,
    receipts: Sequence[ProvenReceipt],
    artefacts: Sequence[Artefact],
    note: Note,
    snapshot_jws: str,
) -> tuple[dict[str, bytes], list[Part]]:
    """Return the parts by name, and their lines of the manifest, in the order of names."""
    contents: dict[str, tuple[PartKind, str, bytes]] = {
        CHECKPOINT: ("checkpoint", _MEDIA_TYPES["checkpoint"], note.encode().encode()),
        DIRECTORY: ("directory", _MEDIA_TYPES["directory"], snapshot_jws.encode("ascii")),
    }
    for receipt in receipts:
        stem = f"receipts/{receipt.id}"
        proof = Proof(receipt.salt, receipt.index, receipt.hashes, note)
        contents[stem + RECEIPT_SUFFIX] = (
            "receipt", _MEDIA_TYPES["receipt"], receipt.jws.encode("ascii"),
        )  # fmt: skip
        contents[stem + PROOF_SUFFIX] = ("proof", _MEDIA_TYPES["proof"], encode_proof(proof))
    for number, artefact in enumerate(artefacts, start=1):
        contents[f"artefacts/{number:03d}-{artefact.name}"] = (
            "artefact", artefact.media_type, artefact.content,
        )  # fmt: skip
    lines = [
        Part(name, kind, media_type, digest(content), len(content))
        for name, (kind, media_type, content) in sorted(contents.items())
    ]
    return {name: content for name, (_, _, content) in contents.items()}, lines


def read_manifest(encoded: bytes) -> Manifest | str:
    """Read a manifest; a sentence that says what is wrong when it is not in canonical form."""
    if len(encoded) > MANIFEST_BYTES_MAX:
        return f"It is larger than {MANIFEST_BYTES_MAX} bytes."
    manifest = canonical.decode(encoded, Manifest)
    if manifest is None:
        return "It is not a manifest in canonical JSON."
    if manifest.format != FORMAT:
        return f"Its format is not {FORMAT}."
    for part in manifest.parts:
        if not container.is_part_name(part.name) or not _PART_NAMES[part.kind].fullmatch(part.name):
            return f"It lists a {part.kind} under a name that no {part.kind} has."
        if not is_media_type(part.media_type):
            return f"{part.name} has no media type."
        if _MEDIA_TYPES.get(part.kind, part.media_type) != part.media_type:
            return f"{part.name} has the media type of something else."
    names = [part.name for part in manifest.parts]
    if names != sorted(set(names)):
        return "It lists a part twice or not in the order of names."
    return _missing_part(manifest) or manifest


def names_of(manifest: Manifest, kind: PartKind) -> list[str]:
    """Return the names of the parts of one kind."""
    return [part.name for part in manifest.parts if part.kind == kind]


def _missing_part(manifest: Manifest) -> str:
    """Say what a complete bundle has and this manifest lacks; "" when it is complete."""
    for kind, name in (("checkpoint", CHECKPOINT), ("directory", DIRECTORY)):
        if not any(part.name == name for part in manifest.parts):
            return f"It lists no {kind}."
    receipts = {name.removesuffix(RECEIPT_SUFFIX) for name in names_of(manifest, "receipt")}
    proofs = {name.removesuffix(PROOF_SUFFIX) for name in names_of(manifest, "proof")}
    if not receipts:
        return "It lists no receipt."
    if receipts != proofs:
        return "It lists a receipt without its proof, or a proof without its receipt."
    if len(receipts) > RECEIPTS_MAX:
        return f"It lists more than {RECEIPTS_MAX} receipts."
    if len(names_of(manifest, "artefact")) > ARTEFACTS_MAX:
        return f"It lists more than {ARTEFACTS_MAX} artefacts."
    return ""

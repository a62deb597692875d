"""Asking a witness: the request's text, and what its answer means. Both sides use this module.

Source: C2SP tlog-witness (add-checkpoint).
Invariants: a cosignature is taken only when it is by the asked witness's key and holds over the
very checkpoint that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lionrock.evidence.domain import merkle, note

BODY_BYTES_MAX = 64 * 1024
SIZE_MEDIA_TYPE = "text/x.tlog.size"


class WitnessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one witness."""

    witness_id: str
    key: note.VerifierKey
    url: str
    old_size: int
    proof: tuple[bytes, ...]
    signed: note.Note
    size: int

    def encode(self) -> bytes:
        """Return the body of POST add-checkpoint."""
        return encode_request(self.old_size, self.proof, self.signed)


class AddCheckpoint(msgspec.Struct, frozen=True):
    """The body as the witness reads it; nothing of it is checked yet but its form."""

    old_size: int
    proof: tuple[bytes, ...]
    signed: note.Note
    checkpoint: note.Checkpoint


def encode_request(old_size: int, proof: tuple[bytes, ...], signed: note.Note) -> bytes:
    """Return old size, proof lines, an empty line and the checkpoint."""
    lines = [f"old {old_size}", *(note.encode_base64(value) for value in proof)]
    return ("\n".join(lines) + "\n\n" + signed.encode()).encode()


def decode_request(body: bytes) -> AddCheckpoint | None:
    """Read a body; None when it is malformed in any way."""
    if len(body) > BODY_BYTES_MAX:
        return None
    head, blank, note_bytes = body.partition(b"\n\n")
    signed = note.parse_note(note_bytes)
    if not blank or signed is None or not head.isascii():
        return None
    checkpoint = note.parse_checkpoint(signed.text)
    first, *lines = head.decode("ascii").split("\n")
    old_size = note.parse_decimal(first.removeprefix("old "), merkle.TREE_SIZE_MAX)
    if checkpoint is None or not first.startswith("old ") or old_size is None:
        return None
    hashes = [note.decode_base64(line) for line in lines]
    good = tuple(v for v in hashes if v is not None and len(v) == merkle.HASH_BYTES)
    if len(good) != len(lines) or len(good) > merkle.PROOF_HASHES_MAX:
        return None
    return AddCheckpoint(old_size, good, signed, checkpoint)


def read_answer(
    request: WitnessRequest, status: int, headers: Mapping[str, str], body: bytes
) -> note.SignatureLine | int | str:
    """Return the cosignature, or the size that the witness has, or why neither came."""
    if len(body) > note.NOTE_BYTES_MAX or not _is_utf8(body):
        return "its answer is not text of a sensible size"
    text = body.decode("utf-8")
    if status == 409 and headers.get("content-type", "").split(";")[0] == SIZE_MEDIA_TYPE:
        size = note.parse_decimal(text.removesuffix("\n"), merkle.TREE_SIZE_MAX)
        if size is None or not text.endswith("\n"):
            return "it names no size"
        if size > request.size:
            return f"it has seen this log at {size} entries, we have {request.size}: a rollback"
        return size if size != request.old_size else "it has another tree of this size: a fork"
    if status != 200:
        return "it did not cosign"
    lines = note.parse_signature_lines(text)
    if not lines:
        return "its answer holds no signature lines"
    for line in lines:
        cosigned = note.check_cosignature(note.Note(request.signed.text, (line,)), request.key)
        if cosigned is not None and cosigned.is_valid:
            return line
    return "no line of its answer is a cosignature of its key over our checkpoint"


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return False
    return True

"""The proof that one entry is in the log, as a text that stands on its own.

Source: C2SP tlog-proof v1. The extra data of our proofs is the receipt's salt (receipt.py), without
which the entry could be found by guessing low-entropy content.
Invariants: reading is strict; `encode_proof(decode_proof(x)) == x` for every accepted x.
"""

from __future__ import annotations

import msgspec

from lionrock.evidence.domain.merkle import HASH_BYTES, PROOF_HASHES_MAX, TREE_SIZE_MAX
from lionrock.evidence.domain.note import (
    NOTE_BYTES_MAX,
    Note,
    decode_base64,
    encode_base64,
    parse_checkpoint,
    parse_decimal,
    parse_note,
)

HEADER = "c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX = 1024
PROOF_BYTES_MAX = NOTE_BYTES_MAX + 8 * 1024


class Proof(msgspec.Struct, frozen=True):
    """Index and audit path of an entry under a checkpoint."""

    extra: bytes
    index: int
    hashes: tuple[bytes, ...]
    note: Note


def encode_proof(proof: Proof) -> bytes:
    """Return the proof as text (C2SP tlog-proof, Format)."""
    assert len(proof.hashes) <= PROOF_HASHES_MAX, "no tree needs more hashes"
    lines = [HEADER]
    if proof.extra:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [encode_base64(value) for value in proof.hashes]
    return ("\n".join(lines) + "\n\n" + proof.note.encode()).encode()


def decode_proof(encoded: bytes) -> Proof | None:
    """Read a proof; None when any byte is not as the format demands."""
    if len(encoded) > PROOF_BYTES_MAX:
        return None
    head, blank, note_bytes = encoded.partition(b"\n\n")
    note = parse_note(note_bytes)
    if not blank or note is None or parse_checkpoint(note.text) is None or not head.isascii():
        return None
    lines = head.decode("ascii").split("\n")
    if lines.pop(0) != HEADER or not lines:
        return None
    extra: bytes | None = b""
    if lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if not extra or len(extra) > EXTRA_BYTES_MAX or not lines:
            return None
    index_line = lines.pop(0)
    if not index_line.startswith("index "):
        return None
    index = parse_decimal(index_line.removeprefix("index "), TREE_SIZE_MAX)
    hashes = [decode_base64(line) for line in lines]
    if index is None or len(hashes) > PROOF_HASHES_MAX:
        return None
    good = tuple(value for value in hashes if value is not None and len(value) == HASH_BYTES)
    return Proof(extra or b"", index, good, note) if len(good) == len(hashes) else None

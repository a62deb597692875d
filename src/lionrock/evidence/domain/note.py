"""Signed notes: the log's checkpoints and the cosignatures of its witnesses.

What for: reading and writing the text formats by which a log commits to a tree and witnesses say
that they saw it only grow. Not for: deciding how many witnesses are enough (verifier.py).

Source: C2SP signed-note (format, key ids, type bytes 0x01 and 0x04), C2SP tlog-checkpoint (note
text), C2SP tlog-cosignature (cosignature/v1), RFC 8032 (Ed25519).
Invariants: reading is strict, so one meaning has one spelling (canonical base64 and decimals); a
signature by an unknown key is ignored, one by a known key that does not hold is a failure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lionrock.evidence.domain.merkle import HASH_BYTES, TREE_SIZE_MAX

TYPE_LOG = 0x01
TYPE_COSIGNATURE = 0x04
NOTE_BYTES_MAX = 16 * 1024
SIGNATURES_MAX = 32  # signed-note: accept at least 16
KEY_NAME_LENGTH_MAX = 128
TIMESTAMP_MAX = 2**63 - 1
SIGNATURE_PREFIX = "— "

_KEY_ID_BYTES = 4
_ED25519_BYTES = 32
_COSIGNATURE = struct.Struct(">Q64s")


class VerifierKey(msgspec.Struct, frozen=True):
    """A trusted Ed25519 key: the name it signs under, its type byte and its 32 bytes."""

    name: str
    type_byte: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before its signatures (signed-note, Signatures)."""
        material = self.name.encode() + b"\n" + bytes([self.type_byte]) + self.public
        return hashlib.sha256(material).digest()[:_KEY_ID_BYTES]

    def vkey(self) -> str:
        """Return the text form `name+keyid+base64(type || key)`."""
        encoded = encode_base64(bytes([self.type_byte]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


class Signer(msgspec.Struct, frozen=True):
    """A private Ed25519 key with the name and type byte it signs under."""

    name: str
    type_byte: int
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.type_byte, self.private.public_key().public_bytes_raw())


class SignatureLine(msgspec.Struct, frozen=True):
    """One signature of a note; `signature` is what follows the key id."""

    key_name: str
    key_id: bytes
    signature: bytes

    def text(self) -> str:
        """Return the line without its newline."""
        return f"{SIGNATURE_PREFIX}{self.key_name} {encode_base64(self.key_id + self.signature)}"


class Note(msgspec.Struct, frozen=True):
    """A parsed note; `text` ends in a newline and excludes the blank line."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def encode(self) -> str:
        """Return the note as it goes over the wire."""
        return self.text + "\n" + "".join(line.text() + "\n" for line in self.signatures)


class Cosignature(msgspec.Struct, frozen=True):
    """What a witness's lines on a note amount to; `at_s` is 0 when one of them is forged."""

    is_valid: bool
    at_s: int


class Checkpoint(msgspec.Struct, frozen=True):
    """A commitment to a tree: whose, how many entries, which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note text (C2SP tlog-checkpoint, Note text), without extension lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def parse_vkey(text: str) -> VerifierKey | None:
    """Read a verifier key; None unless it is Ed25519 of type 0x01 or 0x04 with a fitting key id."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode_base64(encoded)
    if material is None or len(material) != 1 + _ED25519_BYTES or not is_key_name(name):
        return None
    key = VerifierKey(name, material[0], material[1:])
    if key.type_byte not in (TYPE_LOG, TYPE_COSIGNATURE) or key.vkey() != text:
        return None
    return key if key_id == key.key_id.hex() else None


def parse_note(encoded: bytes) -> Note | None:
    """Read a signed note; None when any byte is not as the format demands."""
    if len(encoded) > NOTE_BYTES_MAX:
        return None
    try:
        note = encoded.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None
    if any(character < " " and character != "\n" for character in note):
        return None
    text, blank, block = note.rpartition("\n\n")
    if not blank or not text or not block.endswith("\n"):
        return None
    signatures = parse_signature_lines(block)
    if not signatures:
        return None
    return Note(text + "\n", tuple(signatures))


def parse_signature_lines(block: str) -> list[SignatureLine] | None:
    """Read signature lines, each ending in a newline; None when one is malformed."""
    lines = block.split("\n")
    if lines.pop() != "" or len(lines) > SIGNATURES_MAX:
        return None
    signatures = [_parse_signature_line(line) for line in lines]
    return [line for line in signatures if line is not None] if all(signatures) else None


def parse_checkpoint(text: str) -> Checkpoint | None:
    """Read a note text as a checkpoint; None when malformed or with extension lines.

    Extension lines are refused although the format allows them: our log writes none, and nobody
    audits them (C2SP tlog-checkpoint, Note text 4).
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "" or not lines[0] or len(lines[0]) > KEY_NAME_LENGTH_MAX:
        return None
    size = parse_decimal(lines[1], TREE_SIZE_MAX)
    root = decode_base64(lines[2])
    if size is None or root is None or len(root) != HASH_BYTES:
        return None
    return Checkpoint(lines[0], size, root)


def sign_note(text: str, signer: Signer) -> SignatureLine:
    """Sign a note text as the log does (type 0x01)."""
    assert signer.type_byte == TYPE_LOG, "a witness key signs cosignatures only"
    assert text.endswith("\n"), "a note text ends in a newline"
    return SignatureLine(signer.name, signer.verifier.key_id, signer.private.sign(text.encode()))


def cosign(text: str, signer: Signer, at_s: int) -> SignatureLine:
    """Cosign a checkpoint's text at a time in seconds since 1970 (type 0x04, cosignature/v1)."""
    assert signer.type_byte == TYPE_COSIGNATURE, "a log key signs notes only"
    assert 0 < at_s <= TIMESTAMP_MAX, "a cosignature has a time"
    signature = signer.private.sign(_cosigned_message(text, at_s))
    return SignatureLine(signer.name, signer.verifier.key_id, _COSIGNATURE.pack(at_s, signature))


def check_signature(note: Note, key: VerifierKey) -> bool | None:
    """Say whether the log's signature holds; None when the key has not signed.

    Every line of the key must hold: a forged one beside a good one fails (signed-note, Signatures).
    """
    assert key.type_byte == TYPE_LOG, "a cosignature is checked by check_cosignature"
    lines = _lines_of(note.signatures, key)
    if not lines:
        return None
    return all(_is_signed(key, line.signature, note.text.encode()) for line in lines)


def check_cosignature(note: Note, key: VerifierKey) -> Cosignature | None:
    """Return when a witness saw this checkpoint; None when it did not cosign.

    As for the log, one forged line of the witness spoils its good ones.
    """
    assert key.type_byte == TYPE_COSIGNATURE, "a log signature is checked by check_signature"
    lines = _lines_of(note.signatures, key)
    if not lines:
        return None
    times = [_cosigned_at_s(note.text, line, key) for line in lines]
    return Cosignature(is_valid=all(times), at_s=max(times) if all(times) else 0)


def parse_decimal(text: str, value_max: int) -> int | None:
    """Read an ASCII decimal without sign or leading zeroes, at most `value_max`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 20:
        return None
    if text != "0" and text.startswith("0"):
        return None
    value = int(text)
    return value if value <= value_max else None


def encode_base64(value: bytes) -> str:
    """Return standard base64 with padding (RFC 4648 s4)."""
    return base64.b64encode(value).decode("ascii")


def decode_base64(text: str) -> bytes | None:
    """Read standard base64; None unless it is the one canonical spelling (RFC 4648 s3.5)."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return value if encode_base64(value) == text else None


def decode_base64url(text: str) -> bytes | None:
    """Read unpadded base64url; None unless it is the one canonical spelling (RFC 7515 s2)."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        value = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    spelling = base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
    return value if spelling == text else None


def is_key_name(name: str) -> bool:
    """Say whether a name may sign: non-empty, no plus sign, no space of any script."""
    if not 0 < len(name) <= KEY_NAME_LENGTH_MAX or "+" in name:
        return False
    return name.isprintable() and not any(character.isspace() for character in name)


def _parse_signature_line(line: str) -> SignatureLine | None:
    if not line.startswith(SIGNATURE_PREFIX):
        return None
    name, space, encoded = line.removeprefix(SIGNATURE_PREFIX).partition(" ")
    value = decode_base64(encoded)
    if not space or not is_key_name(name) or value is None or len(value) <= _KEY_ID_BYTES:
        return None
    return SignatureLine(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def _lines_of(lines: Sequence[SignatureLine], key: VerifierKey) -> list[SignatureLine]:
    return [line for line in lines if line.key_name == key.name and line.key_id == key.key_id]


def _cosigned_message(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _cosigned_at_s(text: str, line: SignatureLine, key: VerifierKey) -> int:
    """The time of one cosignature line, 0 when it does not hold."""
    if len(line.signature) != _COSIGNATURE.size:
        return 0
    at_s, signature = _COSIGNATURE.unpack(line.signature)
    if not 0 < at_s <= TIMESTAMP_MAX:
        return 0
    return int(at_s) if _is_signed(key, signature, _cosigned_message(text, at_s)) else 0


def _is_signed(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True

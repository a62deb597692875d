"""A whole city on paper: organisations, a log, witnesses and a bundle, without any process.

For the tests of the verifier: every part is made with the pure code and real keys, so that a test
can change one thing and sign again what an attacker of that kind could sign.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lionrock.evidence.domain import bundle, canonical, container, merkle, note, receipt, snapshot
from lionrock.evidence.domain import trust as trust_file
from lionrock.evidence.domain.verifier import Verdict
from lionrock.kernel.jose import Key, generate_key, sign_jws

NOW_S = 1_771_578_000
CASE = "cas_0123456789abcdef0123456789abcdef"
PLATFORM = bundle.PLATFORM_ORGANISATION
MEMBERS = (PLATFORM, "programme-office", "bank-harbour", "registry-department")


def chance(label: str) -> bytes:
    """32 repeatable bytes: the paper city's salts and Ed25519 seeds."""
    return hashlib.sha256(label.encode()).digest()


def receipt_id(number: int) -> str:
    return f"rct_{number:032x}"


@dataclasses.dataclass
class PaperCity:
    """Keys and log of one city."""

    name: str = "Paper City"
    origin: str = "paper.test/evidence"
    quorum: int = 2
    directory_key: Key = dataclasses.field(default_factory=generate_key)
    member_keys: dict[str, Key] = dataclasses.field(
        default_factory=lambda: {name: generate_key() for name in MEMBERS}
    )
    entries: list[bytes] = dataclasses.field(default_factory=list)
    retired_at: dict[str, str] = dataclasses.field(default_factory=dict)

    def log_signer(self) -> note.Signer:
        return self._signer(self.origin, note.TYPE_LOG)

    def witness(self, number: int) -> note.Signer:
        return self._signer(f"witness-{number}.test/{self.name.split()[0]}", note.TYPE_COSIGNATURE)

    def _signer(self, name: str, type_byte: int) -> note.Signer:
        private = Ed25519PrivateKey.from_private_bytes(chance(f"{self.name}/{name}/{type_byte}"))
        return note.Signer(name, type_byte, private)

    def trust(self, **changes: Any) -> bytes:
        plain = trust_file.TrustFile(
            city=self.name,
            log=trust_file.TrustedLog(self.origin, self.log_signer().verifier.vkey()),
            witnesses=[self.witness(n).verifier.vkey() for n in (1, 2, 3)],
            witness_quorum=self.quorum,
            directory_key=self.directory_key.public_jwk,
            ca_certificates=[],
        )
        for field, value in changes.items():
            object.__setattr__(plain, field, value)
        return trust_file.encode_trust(plain)

    def snapshot(self, key: Key | None = None) -> str:
        organisations = [
            {
                "id": name, "keys": [member.public_jwk], "status": "active",
                "key_periods": [
                    {
                        "kid": member.kid, "valid_from": "2026-01-01T00:00:00+00:00",
                        "retired_at": self.retired_at.get(name),
                    }
                ],
            }
            for name, member in sorted(self.member_keys.items())
        ]
        claims = {"iat": NOW_S, "city": self.name, "organisations": organisations}
        return sign_jws(key or self.directory_key, claims, typ=snapshot.TYPE)

    def sign_receipt(
        self, number: int, issuer: str, digests: Mapping[str, str], **changes: Any
    ) -> str:
        fields: dict[str, Any] = {
            "id": receipt_id(number), "kind": "programmes.case_decided", "issuer": issuer,
            "at": "2026-02-20T09:00:00Z", "iat": NOW_S, "references": {"case_id": CASE},
            "digests": dict(digests), "about": "",
        }  # fmt: skip
        payload = canonical.encode(fields | changes)
        return sign_jws(self.member_keys[issuer], payload, typ=receipt.TYPE)

    def log(self, jws: str, salt: bytes) -> int:
        """Append a receipt to the log; returns its index."""
        self.entries.append(receipt.entry_of(salt, jws))
        return len(self.entries) - 1

    def pad(self, count: int) -> None:
        """Append other people's receipts."""
        start = len(self.entries)
        self.entries += [chance(f"other receipt {start + i}") for i in range(count)]

    def head(self) -> note.Checkpoint:
        hashes = [merkle.leaf_hash(entry) for entry in self.entries]
        return note.Checkpoint(self.origin, len(hashes), merkle.root_of(hashes))

    def note(self, witnesses: Sequence[int] = (1, 2, 3)) -> note.Note:
        text = self.head().text()
        lines = [note.sign_note(text, self.log_signer())]
        lines += [note.cosign(text, self.witness(n), NOW_S + n) for n in witnesses]
        return note.Note(text, tuple(lines))

    def proof(self, index: int) -> tuple[bytes, ...]:
        hashes = [merkle.leaf_hash(entry) for entry in self.entries]

        def lookup(node: merkle.Node) -> bytes:
            return merkle.root_of(hashes[node.index << node.level : (node.index + 1) << node.level])

        plan = merkle.inclusion_plan(index, len(hashes))
        return tuple(merkle.make_proof(plan, lookup))


@dataclasses.dataclass
class PaperBundle:
    """The parts of a bundle, changeable, and everything needed to tie them together again."""

    city: PaperCity
    receipts: list[bundle.ProvenReceipt]
    artefacts: list[bundle.Artefact]
    note: note.Note
    snapshot: str
    references: dict[str, list[str]] = dataclasses.field(
        default_factory=lambda: {"case_id": [CASE]}
    )
    manifest_changes: dict[str, Any] = dataclasses.field(default_factory=dict)

    def parts(self) -> dict[str, bytes]:
        contents, lines = bundle.lay_out(
            receipts=self.receipts, artefacts=self.artefacts, note=self.note,
            snapshot_jws=self.snapshot,
        )  # fmt: skip
        manifest = {
            "format": bundle.FORMAT, "city": self.city.name, "origin": self.city.origin,
            "created_at_s": NOW_S, "references": self.references, "parts": lines,
        }  # fmt: skip
        encoded = canonical.encode(manifest | self.manifest_changes)
        return contents | {
            bundle.MANIFEST: encoded,
            bundle.MANIFEST_SIGNATURE: self.sign_manifest(encoded).encode(),
        }

    def sign_manifest(self, encoded: bytes, issuer: str = PLATFORM) -> str:
        claims = {"iss": issuer, "iat": NOW_S, "sha256": bundle.digest(encoded)}
        key = self.city.member_keys[issuer]
        return sign_jws(key, canonical.encode(claims), typ=bundle.MANIFEST_TYPE)

    def encode(self) -> bytes:
        return container.encode(self.parts())


def with_manifest_repaired(paper: PaperBundle, parts: dict[str, bytes]) -> bytes:
    """Encode changed parts with a manifest that fits them, signed by the platform itself.

    This is the strongest attacker: the platform's own insider. What still fails does so because of
    the log, the witnesses, the issuers and the directory.
    """
    manifest = bundle.read_manifest(paper.parts()[bundle.MANIFEST])
    assert isinstance(manifest, bundle.Manifest)
    lines = [
        bundle.Part(p.name, p.kind, p.media_type, bundle.digest(parts[p.name]), len(parts[p.name]))
        for p in manifest.parts
        if p.name in parts
    ]
    plain = {
        "format": manifest.format, "city": manifest.city, "origin": manifest.origin,
        "created_at_s": manifest.created_at_s, "references": manifest.references, "parts": lines,
    }  # fmt: skip
    encoded = canonical.encode(plain)
    own = {
        bundle.MANIFEST: encoded,
        bundle.MANIFEST_SIGNATURE: paper.sign_manifest(encoded).encode(),
    }
    return container.encode(parts | own)


def flipped(content: bytes, position: int, bit: int) -> bytes:
    """The content with one bit changed."""
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def failed_parts(verdict: Verdict) -> set[str]:
    """The parts that a verdict names as wrong."""
    return {check.part for check in verdict.failures}


def build(city: PaperCity | None = None, artefact_count: int = 3) -> PaperBundle:
    """A bundle of `artefact_count` documents and one receipt for each, amid a log of others'."""
    city = city or PaperCity()
    city.pad(5)
    artefacts, signed = [], []
    for number in range(artefact_count):
        content = f"document {number}\n".encode() * 20
        artefacts.append(bundle.Artefact(f"document-{number}.txt", "text/plain", content))
        issuer = MEMBERS[number % len(MEMBERS)]
        jws = city.sign_receipt(number + 1, issuer, {"document": bundle.digest(content)})
        salt = chance(f"salt {number}")
        signed.append((receipt_id(number + 1), jws, salt, city.log(jws, salt)))
        city.pad(3)
    receipts = [
        bundle.ProvenReceipt(identifier, jws, salt, index, city.proof(index))
        for identifier, jws, salt, index in signed
    ]
    return PaperBundle(city, receipts, artefacts, city.note(), city.snapshot())

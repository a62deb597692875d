"""Judging a bundle without a server, a database or a network: only the bundle and the trust file.

What for: `verify_bundle`. Each check says in a sentence what it looked at and names the part it is
about, so that a failed verdict points at what was changed. Not for: how a PDF's signatures are
checked (that is identity's; the caller passes it in), nor whether receipts were left out: a log
proves what is in it, and a bundle shows what its maker chose to show.

Source: RFC 6962 s2.1.1, C2SP tlog-proof, signed-note, tlog-cosignature, RFC 7515.
Invariants: trust comes from the trust file alone; a check that cannot be made has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from lionrock.evidence.domain import bundle, canonical, container, merkle, note, receipt
from lionrock.evidence.domain.bundle import Manifest
from lionrock.evidence.domain.proof import Proof, decode_proof
from lionrock.evidence.domain.receipt import Receipt
from lionrock.evidence.domain.snapshot import Snapshot, open_snapshot
from lionrock.evidence.domain.trust import Trust, parse_trust
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import verify_jws

TRUST_PART = "trust file"
CONTAINER_PART = "container"
PDF_SNIFF_BYTES = 1024


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: which, about which part, with what outcome, in words."""

    name: str
    part: str
    ok: bool
    sentence: str


class Verdict(msgspec.Struct, frozen=True):
    """All checks in the order they were made; `ok` when none failed."""

    ok: bool
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.ok)


class PdfFinding(msgspec.Struct, frozen=True):
    """What a PDF's signatures amount to."""

    ok: bool
    sentence: str


PdfCheck = Callable[[bytes, tuple[str, ...]], PdfFinding]
"""(document, certification authorities in PEM) -> finding; an unsigned document is not ok."""


def verify_bundle(
    bundle_bytes: bytes, trust_bytes: bytes, pdf_check: PdfCheck | None = None
) -> Verdict:
    """Judge a bundle against a trust file, offline; never raises on what either file holds.

    Without `pdf_check` a bundle that holds a PDF fails: its signatures were not examined.
    """
    trust = parse_trust(trust_bytes)
    if isinstance(trust, str):
        return _verdict([Check("trust file", TRUST_PART, False, trust)])
    checks = [Check("trust file", TRUST_PART, True, f"It names the city {trust.city}.")]
    parts = container.decode(bundle_bytes)
    if isinstance(parts, container.Damage):
        return _verdict([*checks, Check("container", parts.part, False, parts.sentence)])
    sentence = f"It is the canonical encoding of its {len(parts)} parts."
    checks.append(Check("container", CONTAINER_PART, True, sentence))
    manifest = bundle.read_manifest(parts.get(bundle.MANIFEST, b""))
    if isinstance(manifest, str):
        return _verdict([*checks, Check("manifest", bundle.MANIFEST, False, manifest)])
    checks += check_city(manifest, trust)
    part_checks = check_parts(manifest, parts)
    checks += part_checks
    if any(check.part not in parts for check in part_checks if not check.ok):
        return _verdict(checks)  # a part is missing, so that what follows has nothing to look at
    return _verdict([*checks, *_check_contents(manifest, parts, trust, pdf_check)])


def _check_contents(
    manifest: Manifest, parts: Mapping[str, bytes], trust: Trust, pdf_check: PdfCheck | None
) -> list[Check]:
    checks: list[Check] = []
    snapshot = open_snapshot(_text(parts[bundle.DIRECTORY]), trust.directory_key)
    if isinstance(snapshot, str):
        checks.append(Check("directory", bundle.DIRECTORY, False, snapshot))
        snapshot = Snapshot(city=trust.city, organisations={})
    else:
        is_of_city = snapshot.city == trust.city
        sentence = f"{len(snapshot.organisations)} organisations of {snapshot.city!r}, signed."
        checks.append(Check("directory", bundle.DIRECTORY, is_of_city, sentence))
    checks.append(check_manifest_signature(parts, manifest, snapshot))
    checkpoint_checks, root = check_checkpoint(parts[bundle.CHECKPOINT], trust)
    checks += checkpoint_checks
    receipts: dict[str, Receipt] = {}
    for name in bundle.names_of(manifest, "receipt"):
        stem = name.removesuffix(bundle.RECEIPT_SUFFIX)
        opened = open_named_receipt(name, parts[name], snapshot)
        if isinstance(opened, Receipt):
            receipts[name] = opened
        checks.append(check_receipt(name, opened, manifest))
        proof_name = stem + bundle.PROOF_SUFFIX
        checks.append(
            check_inclusion(proof_name, parts[proof_name], parts[name], parts[bundle.CHECKPOINT],
                            root)
        )  # fmt: skip
    for name in bundle.names_of(manifest, "artefact"):
        checks.append(check_coverage(name, parts[name], receipts.values()))
        if is_pdf(manifest, name, parts[name]):
            checks.append(check_pdf(name, parts[name], trust, pdf_check))
    return checks


def check_city(manifest: Manifest, trust: Trust) -> list[Check]:
    """The bundle says it is of the city and the log of the trust file."""
    return [
        Check(
            "city", bundle.MANIFEST, manifest.city == trust.city,
            f"The bundle is of {manifest.city!r}, the trust file of {trust.city!r}.",
        ),
        Check(
            "log", bundle.MANIFEST, manifest.origin == trust.origin,
            f"The bundle is from the log {manifest.origin!r}, trusted is {trust.origin!r}.",
        ),
    ]  # fmt: skip


def check_parts(manifest: Manifest, parts: Mapping[str, bytes]) -> list[Check]:
    """Each listed part is there with its digest, and nothing else is."""
    own = {bundle.MANIFEST, bundle.MANIFEST_SIGNATURE}
    listed = {part.name: part for part in manifest.parts}
    checks = []
    for name in sorted(own - parts.keys()):
        checks.append(Check("part", name, False, "It is missing."))
    for name in sorted(parts.keys() - listed.keys() - own):
        checks.append(Check("part", name, False, "It is not listed in the manifest."))
    for name, part in listed.items():
        content = parts.get(name)
        if content is None:
            checks.append(Check("part", name, False, "It is listed but missing."))
            continue
        is_same = len(content) == part.size and bundle.digest(content) == part.sha256
        word = "has" if is_same else "does not have"
        checks.append(Check("part", name, is_same, f"It {word} the digest stated in the manifest."))
    return checks


def check_manifest_signature(
    parts: Mapping[str, bytes], manifest: Manifest, snapshot: Snapshot
) -> Check:
    """The platform has signed the manifest (RFC 7515; typ evidence-manifest+jwt)."""
    name = bundle.MANIFEST_SIGNATURE
    token = _text(parts[name])
    if not receipt.is_canonical_jws(token):
        return Check("manifest signature", name, False, "It is no compact JWS in its one spelling.")
    keys = snapshot.keys_ever_of(bundle.PLATFORM_ORGANISATION)
    verified = verify_jws(token, keys, typ=bundle.MANIFEST_TYPE, raw=True)
    if isinstance(verified, Refused):
        sentence = f"The platform has not signed it ({verified.refusal.value})."
        return Check("manifest signature", name, False, sentence)
    claims = canonical.decode(verified.payload, bundle.ManifestSignature)
    if claims is None or claims.iss != bundle.PLATFORM_ORGANISATION:
        return Check("manifest signature", name, False, "What is signed is not about a manifest.")
    then = snapshot.keys_of(bundle.PLATFORM_ORGANISATION, claims.iat)
    if verified.key.kid not in {key.kid for key in then}:
        return Check("manifest signature", name, False, "The signing key was not valid then.")
    is_same = claims.sha256 == bundle.digest(parts[bundle.MANIFEST])
    if not is_same or claims.iat != manifest.created_at_s:
        sentence = "It is not the manifest that the platform has signed."
        return Check("manifest signature", bundle.MANIFEST, False, sentence)
    return Check("manifest signature", name, True, "The platform has signed the manifest.")


def check_checkpoint(encoded: bytes, trust: Trust) -> tuple[list[Check], note.Checkpoint | None]:
    """The log has signed the checkpoint, and enough witnesses have cosigned it.

    Returns the checks and the checkpoint, which is None unless the log's signature holds.
    """
    name = bundle.CHECKPOINT
    parsed = note.parse_note(encoded)
    head = note.parse_checkpoint(parsed.text) if parsed else None
    if parsed is None or head is None:
        return [Check("checkpoint", name, False, "It is no signed note of a tree head.")], None
    if head.origin != trust.origin:
        sentence = f"It is of the log {head.origin!r}, trusted is {trust.origin!r}."
        return [Check("checkpoint", name, False, sentence)], None
    if not note.check_signature(parsed, trust.log_key):
        return [Check("checkpoint", name, False, "The log's signature does not hold.")], None
    sentence = f"The log has signed the tree of {head.size} entries."
    return [Check("checkpoint", name, True, sentence), _check_witnesses(parsed, trust)], head


def _check_witnesses(parsed: note.Note, trust: Trust) -> Check:
    seen = {key.name: note.check_cosignature(parsed, key) for key in trust.witness_keys}
    forged = sorted(name for name, found in seen.items() if found and not found.is_valid)
    if forged:
        sentence = f"The cosignature of {', '.join(forged)} does not hold."
        return Check("witnesses", bundle.CHECKPOINT, False, sentence)
    good = sorted(name for name, found in seen.items() if found)
    missing = sorted(seen.keys() - set(good))
    sentence = (
        f"{len(good)} of {len(seen)} witnesses have cosigned, {trust.witness_quorum} are needed"
        + (f"; missing: {', '.join(missing)}." if missing else ".")
    )
    return Check("witnesses", bundle.CHECKPOINT, len(good) >= trust.witness_quorum, sentence)


def open_named_receipt(name: str, jws: bytes, snapshot: Snapshot) -> Receipt | str:
    """Open a receipt with the keys of the issuer it names; a sentence when it does not hold."""
    token = _text(jws)
    payload = receipt.payload_of(token) if receipt.is_canonical_jws(token) else b""
    claimed = receipt.parse_payload(payload)
    if isinstance(claimed, Refused):
        return f"It is no receipt in canonical form. {claimed.detail}"
    if claimed.issuer not in snapshot.organisations:
        return f"Its issuer {claimed.issuer} is not in the directory."
    keys = snapshot.keys_of(claimed.issuer, claimed.iat)
    opened = receipt.open_receipt(token, keys)
    if isinstance(opened, Refused):
        return f"The signature of {claimed.issuer} does not hold ({opened.detail})."
    if name != f"receipts/{opened.receipt.id}{bundle.RECEIPT_SUFFIX}":
        return "It is another receipt than its name says."
    return opened.receipt


def check_receipt(name: str, opened: Receipt | str, manifest: Manifest) -> Check:
    """Its issuer has signed it, and it is about what the bundle is about."""
    if isinstance(opened, str):
        return Check("receipt", name, False, opened)
    is_about = any(
        value in manifest.references.get(name_of, ())
        for name_of, value in opened.references.items()
    )
    if not is_about:
        return Check("receipt", name, False, "It is about something else than the bundle.")
    return Check("receipt", name, True, f"{opened.issuer} has signed: {opened.kind}, {opened.at}.")


def check_inclusion(
    name: str, proof_bytes: bytes, jws: bytes, checkpoint: bytes, head: note.Checkpoint | None
) -> Check:
    """The salted receipt is an entry of the checkpointed tree (RFC 6962 s2.1.1)."""
    proof = decode_proof(proof_bytes)
    if proof is None or len(proof.extra) != receipt.SALT_BYTES:
        return Check("inclusion", name, False, "It is no proof with a salt of 32 bytes.")
    if proof.note.encode().encode() != checkpoint:
        return Check("inclusion", name, False, "It is a proof under another checkpoint.")
    if head is None:
        return Check("inclusion", name, False, "The checkpoint it leads to does not hold.")
    if not _is_included(proof, jws, head):
        return Check("inclusion", name, False, "The salted receipt is not at this place.")
    sentence = f"Entry {proof.index} of the log of {head.size} entries."
    return Check("inclusion", name, True, sentence)


def _is_included(proof: Proof, jws: bytes, head: note.Checkpoint) -> bool:
    token = _text(jws)
    if not token:
        return False
    entry_hash = merkle.leaf_hash(receipt.entry_of(proof.extra, token))
    return merkle.check_inclusion(
        entry_hash=entry_hash, index=proof.index, size=head.size, proof=proof.hashes, root=head.root
    )


def check_coverage(name: str, content: bytes, receipts: Iterable[Receipt]) -> Check:
    """At least one receipt states the document's digest."""
    digest = bundle.digest(content)
    covering = [r for r in receipts if digest in r.digests.values()]
    if not covering:
        return Check("artefact", name, False, "No receipt states the digest of this document.")
    issuers = ", ".join(sorted({r.issuer for r in covering}))
    kinds = ", ".join(sorted({r.kind for r in covering}))
    return Check("artefact", name, True, f"Its digest is stated by {issuers} ({kinds}).")


def is_pdf(manifest: Manifest, name: str, content: bytes) -> bool:
    """Say whether a part is a PDF by its label or by its content: a label alone could hide one."""
    label = next(part.media_type for part in manifest.parts if part.name == name)
    return label == bundle.PDF_MEDIA_TYPE or b"%PDF-" in content[:PDF_SNIFF_BYTES]


def check_pdf(name: str, content: bytes, trust: Trust, pdf_check: PdfCheck | None) -> Check:
    """The document's signatures hold under the trusted certification authorities."""
    if pdf_check is None:
        return Check("pdf signatures", name, False, "Not examined: no PDF check was given.")
    finding = pdf_check(content, trust.ca_certificates)
    return Check("pdf signatures", name, finding.ok, finding.sentence)


def _verdict(checks: Iterable[Check]) -> Verdict:
    made = tuple(checks)
    assert made, "a verdict rests on checks"
    return Verdict(ok=all(check.ok for check in made), checks=made)


def _text(content: bytes) -> str:
    """ASCII text, "" when it is none: everything read so is checked to be non-empty later."""
    return content.decode("ascii") if content.isascii() else ""

"""Whoever changes a bundle with the platform's own keys, the log's or a member's; and PDFs.

An insider can sign the manifest anew. What still fails does so because of the log, the witnesses,
the issuers and the directory.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from lionrock.evidence.domain import bundle, canonical, container, merkle, note, receipt
from lionrock.evidence.domain.bundle import Artefact
from lionrock.evidence.domain.proof import Proof, encode_proof
from lionrock.evidence.domain.verifier import PdfFinding, Verdict, verify_bundle
from lionrock.kernel.jose import generate_key, sign_jws
from tests.unit.evidence.paper_city import (
    CASE,
    NOW_S,
    PLATFORM,
    PaperBundle,
    PaperCity,
    build,
    chance,
    failed_parts,
    flipped,
    receipt_id,
    with_manifest_repaired,
)

SEED = 20260220

PAPER = build()
BUNDLE = PAPER.encode()
TRUST = PAPER.city.trust()
PARTS = PAPER.parts()


# -- The platform's insider: everything signed again that the platform can sign ----------------


def insider(name: str, content: bytes) -> Verdict:
    return verify_bundle(with_manifest_repaired(PAPER, PARTS | {name: content}), TRUST)


def test_the_repaired_bundle_itself_holds() -> None:
    assert verify_bundle(with_manifest_repaired(PAPER, PARTS), TRUST).ok


@pytest.mark.parametrize(
    "name", [n for n in sorted(PARTS) if n not in (bundle.MANIFEST, bundle.MANIFEST_SIGNATURE)]
)
def test_an_insiders_flip_fails_without_the_manifests_help(name: str) -> None:
    luck = random.Random(f"insider {SEED} {name}")
    content = PARTS[name]
    for _ in range(80):
        position = luck.randrange(len(content))
        if name == bundle.CHECKPOINT and position >= first_cosignature(content):
            continue  # see test_an_insider_can_drop_a_witness_but_not_below_the_quorum
        verdict = insider(name, flipped(content, position, luck.randrange(8)))
        assert not verdict.ok, position
        assert is_about(name, failed_parts(verdict)), (name, failed_parts(verdict))


def is_about(name: str, parts: set[str]) -> bool:
    """Whether the failure names the part, or for a receipt the proof that no longer fits it."""
    stem = name.rsplit(".", 1)[0]
    return any(part == name or part.startswith(stem + ".") for part in parts)


def first_cosignature(checkpoint: bytes) -> int:
    return checkpoint.index("— witness".encode())


def rebuilt(**changes: Any) -> Verdict:
    """A bundle laid out anew around changed pieces, signed by the insider."""
    paper = PaperBundle(
        PAPER.city, PAPER.receipts, PAPER.artefacts, PAPER.note, PAPER.snapshot
    )
    for field, value in changes.items():
        setattr(paper, field, value)
    return verify_bundle(paper.encode(), TRUST)


def test_an_insider_can_drop_a_witness_but_not_below_the_quorum() -> None:
    lines = PAPER.note.signatures
    assert rebuilt(note=note.Note(PAPER.note.text, lines[:3])).ok
    verdict = rebuilt(note=note.Note(PAPER.note.text, lines[:2]))
    assert [(c.name, c.part) for c in verdict.failures] == [("witnesses", bundle.CHECKPOINT)]


def test_one_witness_cosigning_twice_counts_once() -> None:
    lines = PAPER.note.signatures
    again = note.cosign(PAPER.note.text, PAPER.city.witness(1), NOW_S + 99)
    verdict = rebuilt(note=note.Note(PAPER.note.text, (lines[0], lines[1], again)))
    assert [c.name for c in verdict.failures] == ["witnesses"]


def test_witnesses_of_nobody_do_not_count() -> None:
    strangers = PaperCity(name="Stranger City")
    lines = [PAPER.note.signatures[0]]
    lines += [note.cosign(PAPER.note.text, strangers.witness(n), NOW_S) for n in (1, 2, 3)]
    verdict = rebuilt(note=note.Note(PAPER.note.text, tuple(lines)))
    assert [c.name for c in verdict.failures] == ["witnesses"]


def test_a_forged_cosignature_beside_a_quorum_fails_and_names_the_witness() -> None:
    lines = PAPER.note.signatures
    forged = msgspec.structs.replace(lines[3], signature=bytes(72))
    verdict = rebuilt(note=note.Note(PAPER.note.text, (*lines[:3], forged)))
    assert [c.name for c in verdict.failures] == ["witnesses"]
    assert "witness-3" in verdict.failures[0].sentence


def test_a_tree_made_only_for_this_bundle_lacks_the_witnesses() -> None:
    # The log itself signs a second history that holds a forged receipt: a split view.
    city = PAPER.city
    forked = PaperCity(name=city.name, origin=city.origin, directory_key=city.directory_key,
                       member_keys=city.member_keys, entries=list(city.entries))
    jws = city.sign_receipt(77, PLATFORM, {"document": bundle.digest(b"forged")})
    salt = chance("forged")
    index = forked.log(jws, salt)
    alone = forked.note(witnesses=())
    cosignatures = PAPER.note.signatures[1:]
    for lines in (alone.signatures, (*alone.signatures, *cosignatures)):
        verdict = rebuilt(
            note=note.Note(alone.text, lines),
            receipts=[
                bundle.ProvenReceipt(receipt_id(77), jws, salt, index, forked.proof(index))
            ],
            artefacts=[Artefact("forged.txt", "text/plain", b"forged")],
        )
        assert {c.name for c in verdict.failures} == {"witnesses"}


def test_a_document_that_no_receipt_covers_fails() -> None:
    extra = Artefact("invented.txt", "text/plain", b"the award was larger")
    verdict = rebuilt(artefacts=[*PAPER.artefacts, extra])
    failures = [(c.name, c.part) for c in verdict.failures]
    assert failures == [("artefact", "artefacts/004-invented.txt")]


def test_a_receipt_that_never_was_in_the_log_fails() -> None:
    jws = PAPER.city.sign_receipt(50, PLATFORM, {"document": "ab" * 32})
    invented = bundle.ProvenReceipt(
        receipt_id(50), jws, chance("x"), PAPER.receipts[0].index, PAPER.receipts[0].hashes
    )
    verdict = rebuilt(receipts=[*PAPER.receipts, invented])
    assert [c.name for c in verdict.failures] == ["inclusion"]
    assert receipt_id(50) in verdict.failures[0].part


def test_the_right_receipt_with_another_salt_index_or_path_fails() -> None:
    first, second = PAPER.receipts[:2]
    replace = msgspec.structs.replace
    for wrong in (
        replace(first, salt=second.salt), replace(first, index=second.index),
        replace(first, hashes=second.hashes), replace(first, hashes=first.hashes[:-1]),
        replace(first, hashes=(*first.hashes, bytes(32))), replace(first, index=2**62),
        replace(first, salt=b"short"), replace(first, salt=b""),
    ):  # fmt: skip
        verdict = rebuilt(receipts=[wrong, *PAPER.receipts[1:]])
        assert [c.name for c in verdict.failures] == ["inclusion"]
        assert first.id in verdict.failures[0].part


def test_a_proof_under_another_checkpoint_of_the_same_log_fails() -> None:
    older = PaperCity(name=PAPER.city.name, origin=PAPER.city.origin,
                      entries=PAPER.city.entries[:10])
    first = PAPER.receipts[0]
    stale = encode_proof(Proof(first.salt, first.index, older.proof(first.index), older.note()))
    verdict = insider(f"receipts/{first.id}.tlog-proof", stale)
    assert [c.name for c in verdict.failures] == ["inclusion"]


def resigned(number: int, signer: str, **changes: Any) -> Verdict:
    """A bundle over a log that does hold a receipt which `signer` has signed as it likes."""
    city = PaperCity()
    fields = {"issuer": signer} | changes
    payload = msgspec.json.decode(
        receipt.payload_of(city.sign_receipt(number, signer, {"d": bundle.digest(b"x")}))
    )
    jws = sign_jws(city.member_keys[signer], canonical.encode(payload | fields), typ=receipt.TYPE)
    city.pad(3)
    salt = chance("resigned")
    index = city.log(jws, salt)
    proven = bundle.ProvenReceipt(receipt_id(number), jws, salt, index, city.proof(index))
    paper = PaperBundle(
        city, [proven], [Artefact("x.txt", "text/plain", b"x")], city.note(), city.snapshot()
    )
    return verify_bundle(paper.encode(), city.trust())


def test_a_logged_receipt_of_the_right_issuer_holds() -> None:
    assert resigned(1, "bank-harbour").ok


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": PLATFORM}, {"issuer": "nobody"}, {"id": receipt_id(2)}, {"kind": "Nonsense"},
        {"references": {"case_id": "cas_other"}}, {"references": {}}, {"more": "member"},
        {"references": {"other_name": CASE}}, {"iat": NOW_S - 10**8}, {"at": "yesterday"},
    ],
)  # fmt: skip
def test_a_logged_receipt_that_says_what_its_signer_may_not_fails(changes: dict[str, Any]) -> None:
    verdict = resigned(1, "bank-harbour", **changes)
    assert "receipt" in {c.name for c in verdict.failures}
    assert f"receipts/{receipt_id(1)}.jws" in failed_parts(verdict)


def test_a_manifest_signed_with_a_key_that_was_retired_before_fails() -> None:
    city = PaperCity(retired_at={PLATFORM: "2026-02-20T08:00:00+00:00"})
    verdict = verify_bundle(build(city).encode(), city.trust())
    assert bundle.MANIFEST_SIGNATURE in failed_parts(verdict)


def test_a_receipt_after_its_issuers_key_was_retired_fails() -> None:
    city = PaperCity(retired_at={"bank-harbour": "2026-02-20T08:00:00+00:00"})
    paper = build(city)
    assert verify_bundle(paper.encode(), city.trust()).ok is False
    city = PaperCity(retired_at={"bank-harbour": "2026-02-21T08:00:00+00:00"})
    assert verify_bundle(build(city).encode(), city.trust()).ok


def test_a_directory_of_ones_own_fails() -> None:
    verdict = rebuilt(snapshot=PAPER.city.snapshot(key=generate_key()))
    assert bundle.DIRECTORY in failed_parts(verdict)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c | {"organisations": c["organisations"] * 2}, lambda c: c | {"city": "Other"},
        lambda c: c | {"organisations": "none"}, lambda c: {}, lambda c: c | {"organisations": [1]},
        lambda c: c | {"organisations": [o | {"keys": [{}]} for o in c["organisations"]]},
        lambda c: c | {"organisations": [o | {"keys": []} for o in c["organisations"]]},
        lambda c: c | {"organisations": [o | {"key_periods": []} for o in c["organisations"]]},
    ],
)  # fmt: skip
def test_a_directory_that_cannot_be_read_fails(change: Callable[[Any], Any]) -> None:
    claims = msgspec.json.decode(receipt.payload_of(PAPER.snapshot))
    jws = sign_jws(PAPER.city.directory_key, change(claims), typ="directory-snapshot+jwt")
    assert bundle.DIRECTORY in failed_parts(rebuilt(snapshot=jws))


def test_the_unused_bits_of_the_directorys_and_manifests_base64_are_not_free() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for name in (bundle.DIRECTORY, bundle.MANIFEST_SIGNATURE):
        token = PARTS[name].decode()
        last = alphabet.index(token[-1])
        for bit in range(4):
            changed = (token[:-1] + alphabet[last ^ (1 << bit)]).encode()
            if name == bundle.DIRECTORY:
                assert name in failed_parts(insider(name, changed))
            else:
                encoded = container.encode(PARTS | {name: changed})
                assert failed_parts(verify_bundle(encoded, TRUST)) == {name}


# -- PDFs --------------------------------------------------------------------------------------


def with_pdf(media_type: str = "application/pdf", content: bytes = b"%PDF-1.7 x") -> PaperBundle:
    city = PaperCity()
    jws = city.sign_receipt(1, PLATFORM, {"agreement": bundle.digest(content)})
    index = city.log(jws, chance("pdf"))
    proven = bundle.ProvenReceipt(receipt_id(1), jws, chance("pdf"), index, city.proof(index))
    artefact = Artefact("agreement.pdf", media_type, content)
    return PaperBundle(city, [proven], [artefact], city.note(), city.snapshot())


def test_a_pdf_is_judged_by_the_given_check_with_the_trusted_authorities() -> None:
    paper = with_pdf()
    seen: list[tuple[bytes, tuple[str, ...]]] = []

    def check(content: bytes, authorities: tuple[str, ...]) -> PdfFinding:
        seen.append((content, authorities))
        return PdfFinding(len(seen) == 1, "looked at")

    assert verify_bundle(paper.encode(), paper.city.trust(), check).ok
    assert seen == [(b"%PDF-1.7 x", ())]
    second = verify_bundle(paper.encode(), paper.city.trust(), check)
    assert [(c.name, c.part) for c in second.failures] == [
        ("pdf signatures", "artefacts/001-agreement.pdf")
    ]


def test_a_pdf_that_nobody_examined_fails() -> None:
    paper = with_pdf()
    verdict = verify_bundle(paper.encode(), paper.city.trust())
    assert [c.name for c in verdict.failures] == ["pdf signatures"]


@pytest.mark.parametrize("content", [b"%PDF-1.7 x", b"\n" * 500 + b"%PDF-1.4"])
def test_a_pdf_under_another_label_is_examined_all_the_same(content: bytes) -> None:
    paper = with_pdf("text/plain", content)
    verdict = verify_bundle(paper.encode(), paper.city.trust())
    assert [c.name for c in verdict.failures] == ["pdf signatures"]


def test_a_pdf_label_on_something_else_is_examined_too() -> None:
    paper = with_pdf("application/pdf", b"plain")
    assert not verify_bundle(paper.encode(), paper.city.trust()).ok


# -- Limits ------------------------------------------------------------------------------------


def test_receipts_and_documents_at_the_limit_are_taken_and_one_more_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in ("RECEIPTS_MAX", "ARTEFACTS_MAX"):
        monkeypatch.setattr(bundle, limit, 3)
        assert verify_bundle(BUNDLE, TRUST).ok
        monkeypatch.setattr(bundle, limit, 2)
        assert failed_parts(verify_bundle(BUNDLE, TRUST)) == {bundle.MANIFEST}
        monkeypatch.undo()
    size = len(PARTS[bundle.MANIFEST])
    monkeypatch.setattr(bundle, "MANIFEST_BYTES_MAX", size)
    assert verify_bundle(BUNDLE, TRUST).ok
    monkeypatch.setattr(bundle, "MANIFEST_BYTES_MAX", size - 1)
    assert failed_parts(verify_bundle(BUNDLE, TRUST)) == {bundle.MANIFEST}


def test_a_hostile_manifest_never_raises() -> None:
    luck = random.Random(SEED)
    encoded = PARTS[bundle.MANIFEST]
    for _ in range(400):
        cut = bytearray(encoded)
        for _ in range(luck.randint(1, 6)):
            cut[luck.randrange(len(cut))] = luck.randrange(256)
        changed = bytes(cut)
        own = {
            bundle.MANIFEST: changed,
            bundle.MANIFEST_SIGNATURE: PAPER.sign_manifest(changed).encode(),
        }
        verify_bundle(container.encode(PARTS | own), TRUST)


def test_hashing_is_of_the_rfc_so_that_a_stranger_can_check_by_hand() -> None:
    first = PAPER.receipts[0]
    entry = receipt.entry_of(first.salt, first.jws)
    assert merkle.check_inclusion(
        entry_hash=merkle.leaf_hash(entry), index=first.index, size=PAPER.city.head().size,
        proof=first.hashes, root=PAPER.city.head().root,
    )  # fmt: skip

"""Whoever changes a bundle: with no key, with a member's key, with the platform's own keys.

Each test names the attacker's means. Every failed verdict names the part that was changed.
"""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import PLATFORM_ORGANISATION
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
    receipt_id,
    with_manifest_repaired,
)

SEED = 20260220
RANDOM_FLIPS = 1500

PAPER = build()
BUNDLE = PAPER.encode()
TRUST = PAPER.city.trust()
PARTS = PAPER.parts()


def flipped(content: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def failed_parts(verdict: Verdict) -> set[str]:
    return {check.part for check in verdict.failures}


def test_the_untouched_bundle_holds() -> None:
    verdict = verify_bundle(BUNDLE, TRUST)
    assert verdict.ok
    assert verdict.failures == ()
    names = {check.name for check in verdict.checks}
    assert names == {
        "trust file", "container", "city", "log", "part", "directory", "manifest signature",
        "checkpoint", "witnesses", "receipt", "inclusion", "artefact",
    }  # fmt: skip


def test_the_platform_is_named_as_in_the_directory() -> None:
    assert bundle.PLATFORM_ORGANISATION == PLATFORM_ORGANISATION


# -- Nobody's keys: bits of the file ----------------------------------------------------------


def test_random_single_bit_flips_fail_and_name_a_part() -> None:
    print(f"seed {SEED}, {RANDOM_FLIPS} flips")
    luck = random.Random(SEED)
    spans = part_spans(BUNDLE)
    for _ in range(RANDOM_FLIPS):
        position, bit = luck.randrange(len(BUNDLE)), luck.randrange(8)
        verdict = verify_bundle(flipped(BUNDLE, position, bit), TRUST)
        assert not verdict.ok, (position, bit)
        assert all(check.part and check.sentence for check in verdict.failures)
        for name, (start, end) in spans.items():
            if start <= position < end:
                assert failed_parts(verdict) == {name}, (position, bit, name)


def part_spans(encoded: bytes) -> dict[str, tuple[int, int]]:
    """Where each part's content lies in the file, by another program's reading."""
    spans = {}
    with zipfile.ZipFile(io.BytesIO(encoded)) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            spans[info.filename] = (start, start + info.file_size)
    return spans


def test_every_bit_of_every_header_counts() -> None:
    inside = set()
    for start, end in part_spans(BUNDLE).values():
        inside |= set(range(start, end))
    outside = [position for position in range(len(BUNDLE)) if position not in inside]
    assert len(outside) > 1000
    for position in outside:
        for bit in range(8):
            verdict = verify_bundle(flipped(BUNDLE, position, bit), TRUST)
            assert not verdict.ok, (position, bit)
            assert all(check.part for check in verdict.failures)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_flip_with_the_container_repaired_names_the_part(name: str) -> None:
    luck = random.Random(f"{SEED}/{name}")
    content = PARTS[name]
    for _ in range(60):
        changed = flipped(content, luck.randrange(len(content)), luck.randrange(8))
        verdict = verify_bundle(container.encode(PARTS | {name: changed}), TRUST)
        assert not verdict.ok
        # A changed manifest may also name parts that then are not there, or another city.
        assert name in failed_parts(verdict) or name == bundle.MANIFEST
        assert failed_parts(verdict)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_left_out_is_named(name: str) -> None:
    rest = {other: content for other, content in PARTS.items() if other != name}
    assert name in failed_parts(verify_bundle(container.encode(rest), TRUST))


@pytest.mark.parametrize("name", ["a.txt", "artefacts/999-more.txt", "receipts/more.jws", "z"])
def test_a_part_too_many_is_named(name: str) -> None:
    more = container.encode(PARTS | {name: b"more"})
    assert failed_parts(verify_bundle(more, TRUST)) == {name}


def test_two_parts_with_their_contents_swapped_are_named() -> None:
    names = bundle.names_of(manifest_of(PARTS), "artefact")
    swapped = PARTS | {names[0]: PARTS[names[1]], names[1]: PARTS[names[0]]}
    assert failed_parts(verify_bundle(container.encode(swapped), TRUST)) == set(names[:2])


@pytest.mark.parametrize("encoded", [b"", b"PK", b"PK\x05\x06" + b"\x00" * 18, b"{}", BUNDLE[:-1]])
def test_what_is_no_bundle_fails(encoded: bytes) -> None:
    verdict = verify_bundle(encoded, TRUST)
    assert not verdict.ok
    assert failed_parts(verdict)


def test_the_same_parts_zipped_by_another_program_fail() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
    assert not verify_bundle(buffer.getvalue(), TRUST).ok


# -- Nobody's keys: another trust file ---------------------------------------------------------


def test_another_citys_trust_file_fails() -> None:
    other = PaperCity(name="Other City", origin="other.test/evidence")
    verdict = verify_bundle(BUNDLE, other.trust())
    assert not verdict.ok
    assert {bundle.MANIFEST, bundle.DIRECTORY, bundle.CHECKPOINT} <= failed_parts(verdict)


def test_another_city_of_the_same_name_and_origin_fails() -> None:
    twin = PaperCity()
    twin_trust = json.loads(twin.trust())
    mine = json.loads(TRUST)
    for field in ("directory_key",):
        verdict = verify_bundle(BUNDLE, json.dumps(mine | {field: twin_trust[field]}).encode())
        assert bundle.DIRECTORY in failed_parts(verdict)
    other_log = PaperCity(name="Twin").log_signer()
    other_key = note.VerifierKey(mine["log"]["origin"], note.TYPE_LOG, other_log.verifier.public)
    log = {"origin": mine["log"]["origin"], "vkey": other_key.vkey()}
    verdict = verify_bundle(BUNDLE, json.dumps(mine | {"log": log}).encode())
    assert bundle.CHECKPOINT in failed_parts(verdict)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t | {"more": 1}, lambda t: {k: v for k, v in t.items() if k != "city"},
        lambda t: t | {"witness_quorum": 4}, lambda t: t | {"witness_quorum": -1},
        lambda t: t | {"witness_quorum": "2"}, lambda t: t | {"witness_quorum": 2.5},
        lambda t: t | {"witnesses": [t["witnesses"][0]] * 3},
        lambda t: t | {"witnesses": [*t["witnesses"], renamed(t["witnesses"][0])]},
        lambda t: t | {"witnesses": [t["log"]["vkey"]]}, lambda t: t | {"witnesses": ["nonsense"]},
        lambda t: t | {"log": t["log"] | {"vkey": t["witnesses"][0]}},
        lambda t: t | {"log": t["log"] | {"origin": ""}}, lambda t: t | {"city": ""},
        lambda t: t | {"city": "x" * 121}, lambda t: t | {"city": "a\nb"},
        lambda t: t | {"directory_key": {}}, lambda t: t | {"ca_certificates": ["nonsense"]},
        lambda t: t | {"directory_key": t["directory_key"] | {"d": "AAAA"}},
        lambda t: t | {"ca_certificates": [""] * 17},
    ],
)  # fmt: skip
def test_a_trust_file_that_is_not_understood_fails(change: Callable[[Any], Any]) -> None:
    verdict = verify_bundle(BUNDLE, json.dumps(change(json.loads(TRUST))).encode())
    assert [(check.name, check.ok) for check in verdict.checks] == [("trust file", False)]


def renamed(vkey: str) -> str:
    """One witness under a second name, so that it could count twice."""
    key = note.parse_vkey(vkey)
    assert key is not None
    return note.VerifierKey("second-name", key.type_byte, key.public).vkey()


@pytest.mark.parametrize(
    "trust",
    [
        b"", b"null", b"[]", b"\xff", b"{" * 5000, TRUST + b"x", TRUST[:-3],
        TRUST.replace(b'"city": ', b'"city": "Paper City", "city": '), b" " * (256 * 1024 + 1),
        TRUST.replace(b'"witness_quorum": 2', b'"witness_quorum": 0, "witness_quorum": 2'),
        TRUST.replace(b'"witness_quorum": 2', b'"witness_quorum": NaN'),
    ],
)  # fmt: skip
def test_a_trust_file_that_is_no_strict_json_fails(trust: bytes) -> None:
    assert not verify_bundle(BUNDLE, trust).ok


# -- Nobody's keys: a manifest of one's own ----------------------------------------------------


def manifest_of(parts: dict[str, bytes]) -> bundle.Manifest:
    manifest = bundle.read_manifest(parts[bundle.MANIFEST])
    assert isinstance(manifest, bundle.Manifest)
    return manifest


MANIFEST: dict[str, Any] = msgspec.json.decode(PARTS[bundle.MANIFEST])


def test_a_manifest_signed_by_a_member_or_a_stranger_fails() -> None:
    encoded = PARTS[bundle.MANIFEST]
    claims = {"iss": PLATFORM, "iat": NOW_S, "sha256": bundle.digest(encoded)}
    for key in (PAPER.city.member_keys["bank-harbour"], generate_key()):
        for kid in (key.kid, PAPER.city.member_keys[PLATFORM].kid):
            jws = sign_jws(
                key, canonical.encode(claims), typ=bundle.MANIFEST_TYPE, headers={"kid": kid}
            )
            changed = PARTS | {bundle.MANIFEST_SIGNATURE: jws.encode()}
            verdict = verify_bundle(container.encode(changed), TRUST)
            assert failed_parts(verdict) == {bundle.MANIFEST_SIGNATURE}


@pytest.mark.parametrize(
    "change",
    [
        {"city": "Other City"}, {"origin": "other.test/evidence"}, {"created_at_s": 0},
        {"references": {"case_id": "cas_other"}}, {"format": "lionrock-evidence-bundle/2"},
        {"more": 1}, {"parts": []}, {"parts": MANIFEST["parts"][:-1]},
        {"parts": MANIFEST["parts"][::-1]}, {"parts": MANIFEST["parts"] + MANIFEST["parts"][:1]},
        {"parts": [p | {"size": p["size"] + 1} for p in MANIFEST["parts"]]},
        {"parts": [p | {"media_type": "text/html"} for p in MANIFEST["parts"]]},
        {"parts": [p | {"kind": "artefact"} for p in MANIFEST["parts"]]},
        {"parts": [p | {"name": "../" + p["name"]} for p in MANIFEST["parts"]]},
        {"parts": [p | {"sha256": "00" * 32} for p in MANIFEST["parts"]]},
    ],
)  # fmt: skip
def test_each_field_of_the_manifest_counts(change: dict[str, Any]) -> None:
    encoded = canonical.encode(MANIFEST | change)
    verdict = verify_bundle(container.encode(PARTS | {bundle.MANIFEST: encoded}), TRUST)
    assert not verdict.ok
    assert bundle.MANIFEST in failed_parts(verdict)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"city"', b'{ "city"'), (b'{"city"', b'{"city":"x","city"'), (b'"}}', b'"}}\n'),
        (b'"format"', b'"\\u0066ormat"'), (b'"size":', b'"size":0,"size":'),
        (b'"size":', b'"size":1e'),
    ],
)  # fmt: skip
def test_a_manifest_spelled_otherwise_fails_even_when_signed(old: bytes, new: bytes) -> None:
    encoded = PARTS[bundle.MANIFEST].replace(old, new, 1)
    assert encoded != PARTS[bundle.MANIFEST]
    signature = PAPER.sign_manifest(encoded).encode()
    own = {bundle.MANIFEST: encoded, bundle.MANIFEST_SIGNATURE: signature}
    assert failed_parts(verify_bundle(container.encode(PARTS | own), TRUST)) == {bundle.MANIFEST}


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

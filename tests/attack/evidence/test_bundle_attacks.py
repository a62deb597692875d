"""Whoever changes a bundle without the platform's keys: bits, parts, trust files, manifests.

Every failed verdict names the part that was changed.
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
from lionrock.evidence.domain import bundle, canonical, container, note
from lionrock.evidence.domain.verifier import verify_bundle
from lionrock.kernel.jose import generate_key, sign_jws
from tests.unit.evidence.paper_city import (
    NOW_S,
    PLATFORM,
    PaperCity,
    build,
    failed_parts,
    flipped,
)

SEED = 20260220
RANDOM_FLIPS = 1500

PAPER = build()
BUNDLE = PAPER.encode()
TRUST = PAPER.city.trust()
PARTS = PAPER.parts()


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
        {"references": {"case_id": ["cas_other"]}}, {"format": "lionrock-evidence-bundle/2"},
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
        (b'{"city"', b'{ "city"'), (b'{"city"', b'{"city":"x","city"'), (b'"]}}', b'"]}}\n'),
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

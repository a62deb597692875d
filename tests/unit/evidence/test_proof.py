"""Proof files: the specification's shape, and nothing but it."""

from __future__ import annotations

import pytest

from lionrock.evidence.domain import proof as proofs
from tests.unit.evidence.paper_city import PaperCity, build


def encoded() -> bytes:
    paper = build(PaperCity())
    first = paper.receipts[0]
    return proofs.encode_proof(proofs.Proof(first.salt, first.index, first.hashes, paper.note))


ENCODED = encoded()


def test_a_proof_is_the_text_of_the_specification() -> None:
    lines = ENCODED.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2] == "index 5"
    assert all(len(line) == 44 for line in lines[3 : lines.index("")])
    assert lines[lines.index("") + 1] == "paper.test/evidence"


def test_what_is_read_encodes_to_the_same_bytes() -> None:
    decoded = proofs.decode_proof(ENCODED)
    assert decoded is not None
    assert proofs.encode_proof(decoded) == ENCODED


def test_a_proof_without_extra_data_is_read() -> None:
    decoded = proofs.decode_proof(ENCODED)
    assert decoded is not None
    bare = proofs.Proof(b"", decoded.index, decoded.hashes, decoded.note)
    assert proofs.decode_proof(proofs.encode_proof(bare)) == bare


def test_a_proof_in_a_tree_of_one_has_no_hashes() -> None:
    decoded = proofs.decode_proof(ENCODED)
    assert decoded is not None
    single = proofs.Proof(decoded.extra, 0, (), decoded.note)
    assert proofs.decode_proof(proofs.encode_proof(single)) == single


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"), (b"extra ", b"extra  "), (b"extra ", b"Extra "),
        (b"index 5", b"index 05"),
        (b"index 5", b"index -5"), (b"index 5", b"index  5"), (b"index 5", b"index 5 "),
        (b"index 5", b"index"), (b"index 5\n", b""), (b"index 5", b"index 99999999999999999999"),
        (b"index 5\n", b"index 5\nAAAA\n"), (b"index 5\n", b"index 5\n\n"),
        (b"index 5\n", b"index 5\n" + (b"A" * 43 + b"=\n") * 64), (b"\n\n", b"\n"),
        (b"c2sp.org/tlog-proof@v1\n", b""), (b"\n", b"\r\n"), (b"index 5", b"index \xef\xbc\x95"),
    ],
)  # fmt: skip
def test_any_other_spelling_is_refused(old: bytes, new: bytes) -> None:
    changed = ENCODED.replace(old, new, 1)
    assert changed != ENCODED
    assert proofs.decode_proof(changed) is None


def test_an_empty_or_oversized_proof_is_refused() -> None:
    decoded = proofs.decode_proof(ENCODED)
    assert decoded is not None
    too_much = proofs.Proof(b"x" * 1025, 5, decoded.hashes, decoded.note)
    assert proofs.decode_proof(proofs.encode_proof(too_much)) is None
    assert proofs.decode_proof(ENCODED.replace(b"index", b"extra \nindex", 1)) is None
    assert proofs.decode_proof(b"") is None
    assert proofs.decode_proof(ENCODED + b"x" * proofs.PROOF_BYTES_MAX) is None

"""The Merkle tree: RFC 6962's published roots, and every proof of every small tree."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionrock.evidence.domain import merkle
from lionrock.evidence.domain.merkle import Node

# Leaves and roots of the certificate-transparency reference test (RFC 6962 s2.1.3 shapes).
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZE_MAX = 34


def leaf(number: int) -> bytes:
    return merkle.leaf_hash(f"entry {number}".encode())


def root(size: int) -> bytes:
    """The root by the recursion of RFC 6962 s2.1, written independently of the code under test."""
    return _recursive([leaf(i) for i in range(size)])


def _recursive(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    cut = 1
    while cut * 2 < len(hashes):
        cut *= 2
    left, right = _recursive(hashes[:cut]), _recursive(hashes[cut:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def node(at: Node) -> bytes:
    return _recursive([leaf(i) for i in range(at.index << at.level, (at.index + 1) << at.level)])


def inclusion(index: int, size: int) -> list[bytes]:
    return merkle.make_proof(merkle.inclusion_plan(index, size), node)


def consistency(old: int, size: int) -> list[bytes]:
    return merkle.make_proof(merkle.consistency_plan(old, size), node)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_rfc_6962_implementations_publish(size: int) -> None:
    hashes = [merkle.leaf_hash(entry) for entry in REFERENCE_LEAVES[:size]]
    assert merkle.root_of(hashes).hex() == REFERENCE_ROOTS[size]


@pytest.mark.parametrize("size", range(70))
def test_root_of_equals_the_recursion_of_the_rfc(size: int) -> None:
    assert merkle.root_of([leaf(i) for i in range(size)]) == root(size)


def test_every_inclusion_proof_of_every_small_tree_holds() -> None:
    for size in range(1, SIZE_MAX):
        for index in range(size):
            proof = inclusion(index, size)
            assert merkle.check_inclusion(
                entry_hash=leaf(index), index=index, size=size, proof=proof, root=root(size)
            ), (index, size)


def test_a_proof_for_another_index_size_entry_or_root_is_refused() -> None:
    for size in range(2, 18):
        for index in range(size):
            good = (leaf(index), index, root(size))
            others = set(range(size + 1)) - {index}
            wrong = [(leaf(index), other, root(size)) for other in sorted(others)]
            wrong += [(leaf(index + 1), index, root(size)), (leaf(index), index, root(size + 1))]
            proof = inclusion(index, size)
            holds = [
                merkle.check_inclusion(entry_hash=e, index=i, size=size, proof=proof, root=r)
                for e, i, r in (good, *wrong)
            ]
            assert holds == [True] + [False] * len(wrong)


def test_a_proof_with_a_hash_more_or_less_or_changed_is_refused() -> None:
    for size in (1, 2, 3, 7, 8, 21):
        for index in range(size):
            proof = inclusion(index, size)
            variants = [[*proof, leaf(99)], [leaf(99), *proof]]
            variants += [proof[:i] + proof[i + 1 :] for i in range(len(proof))]
            variants += [
                [*proof[:i], bytes([proof[i][0] ^ 1]) + proof[i][1:], *proof[i + 1 :]]
                for i in range(len(proof))
            ]
            for variant in variants:
                assert not merkle.check_inclusion(
                    entry_hash=leaf(index), index=index, size=size, proof=variant, root=root(size)
                )


def test_every_consistency_proof_of_every_small_tree_holds() -> None:
    for size in range(SIZE_MAX):
        for old in range(size + 1):
            assert merkle.check_consistency(
                old_size=old, old_root=root(old), size=size, root=root(size),
                proof=consistency(old, size),
            ), (old, size)  # fmt: skip


def test_a_consistency_proof_with_anything_changed_is_refused() -> None:
    for size in range(1, 20):
        for old in range(1, size):
            proof = consistency(old, size)
            variants = [[*proof, leaf(77)]]
            for i in range(len(proof)):
                variants += [[*proof[:i], leaf(77), *proof[i + 1 :]], proof[:i] + proof[i + 1 :]]
            for variant in variants:
                assert not merkle.check_consistency(
                    old_size=old, old_root=root(old), size=size, root=root(size), proof=variant
                )
            for old_root, new_root in ((root(old + 1), root(size)), (root(old), root(size + 1))):
                assert not merkle.check_consistency(
                    old_size=old, old_root=old_root, size=size, root=new_root, proof=proof
                )


def test_a_forked_tree_has_no_consistency_proof_to_the_honest_one() -> None:
    honest, forked = [leaf(i) for i in range(8)], [leaf(i) for i in range(8)]
    forked[2] = leaf(1000)
    for size in range(8, 13):
        proof = consistency(8, size)
        assert not merkle.check_consistency(
            old_size=8, old_root=_recursive(forked), size=size, root=root(size), proof=proof
        )
    assert merkle.check_consistency(
        old_size=8, old_root=_recursive(honest), size=12, root=root(12), proof=consistency(8, 12)
    )


def test_equal_sizes_with_different_roots_are_inconsistent() -> None:
    assert not merkle.check_consistency(
        old_size=5, old_root=root(5), size=5, root=root(6), proof=[]
    )
    assert not merkle.check_consistency(
        old_size=5, old_root=root(5), size=5, root=root(5), proof=[leaf(0)]
    )


def test_an_empty_tree_takes_no_proof_and_no_other_root() -> None:
    assert merkle.check_consistency(
        old_size=0, old_root=merkle.EMPTY_ROOT, size=3, root=root(3), proof=[]
    )
    assert not merkle.check_consistency(
        old_size=0, old_root=leaf(0), size=3, root=root(3), proof=[]
    )
    assert not merkle.check_consistency(
        old_size=0, old_root=merkle.EMPTY_ROOT, size=3, root=root(3), proof=[leaf(0)]
    )


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 4), (4, 4), (0, 0), (0, 2**62 + 1), (2**63, 2**64)]
)
def test_positions_outside_the_tree_are_refused_not_raised(index: int, size: int) -> None:
    assert not merkle.check_inclusion(
        entry_hash=leaf(0), index=index, size=size, proof=[], root=leaf(0)
    )


def test_hashes_of_another_length_are_refused_not_raised() -> None:
    assert not merkle.check_inclusion(
        entry_hash=leaf(0), index=0, size=2, proof=[b"short"], root=root(2)
    )
    assert not merkle.check_consistency(
        old_size=1, old_root=leaf(0), size=2, root=root(2), proof=[b"\x00" * 33]
    )
    assert not merkle.check_inclusion(
        entry_hash=b"", index=0, size=1, proof=[], root=root(1)
    )


def test_more_hashes_than_any_tree_needs_are_refused() -> None:
    assert not merkle.check_inclusion(
        entry_hash=leaf(0), index=0, size=2**62, proof=[leaf(1)] * 200, root=root(2)
    )


def test_a_leaf_cannot_pass_for_an_inner_node() -> None:
    # The second preimage of a tree without domain separation: the entry is "left || right".
    entry = leaf(0) + leaf(1)
    assert merkle.leaf_hash(entry) != root(2)
    assert not merkle.check_inclusion(
        entry_hash=merkle.leaf_hash(entry), index=0, size=1, proof=[], root=root(2)
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**62), st.randoms(use_true_random=False))
def test_proofs_of_huge_trees_stay_short(size: int, chance: random.Random) -> None:
    index = chance.randrange(size)
    assert len(merkle.inclusion_plan(index, size)) <= merkle.PROOF_HASHES_MAX
    assert len(merkle.consistency_plan(index, size)) <= merkle.PROOF_HASHES_MAX

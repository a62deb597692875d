"""The Merkle tree of the log: hashes, inclusion and consistency proofs, made and checked.

What for: turning "this entry is in that tree" and "that tree only grew" into a few hashes. Not for:
where hashes are kept (tiles.py) or who signs a tree (note.py). A proof is made from *nodes*, the
roots of perfect subtrees, so that the maker needs a few tiles and never the whole tree; a proof is
checked by the iterative algorithms, which share no code with the making.

Source: RFC 6962 s2.1 (hashes, proofs), RFC 9162 s2.1.3.2 and s2.1.4.2 (checks).
Invariants: SHA-256 throughout; a leaf's hash starts from byte 0x00 and a node's from 0x01, so that
neither can pass for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

HASH_BYTES = 32
TREE_SIZE_MAX = 2**62  # fits bigint with room; C2SP allows 63 proof lines
PROOF_HASHES_MAX = 63
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(msgspec.Struct, frozen=True, order=True):
    """The root of the perfect subtree over entries [index << level, (index + 1) << level)."""

    level: int
    index: int


Plan = tuple[tuple[Node, ...], ...]
"""A proof to be made: one hash per element, each folded from one or more nodes, left to right."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry (RFC 6962 s2.1: SHA-256(0x00 || entry))."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 s2.1: SHA-256(0x01 || left || right))."""
    assert len(left) == HASH_BYTES, "children are hashes"
    assert len(right) == HASH_BYTES, "children are hashes"
    return hashlib.sha256(b"\x01" + left + right).digest()


def range_nodes(start: int, end: int) -> tuple[Node, ...]:
    """Cut entries [start, end) into perfect subtrees, left to right.

    The range must be one that RFC 6962's recursion produces: `start` aligned to the smallest power
    of two that is not below the length.
    """
    assert 0 <= start < end <= TREE_SIZE_MAX, "a range holds at least one entry"
    assert start % (1 << (end - start - 1).bit_length()) == 0, "a range of the recursion is aligned"
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return tuple(nodes)


def inclusion_plan(index: int, size: int) -> Plan:
    """Plan the audit path of entry `index` in the tree of `size` entries (RFC 6962 s2.1.1)."""
    assert 0 <= index < size <= TREE_SIZE_MAX, "the entry lies in the tree"
    plan: list[tuple[Node, ...]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            plan.append(range_nodes(middle, end))
            end = middle
        else:
            plan.append(range_nodes(start, middle))
            start = middle
    return tuple(reversed(plan))


def consistency_plan(old_size: int, size: int) -> Plan:
    """Plan the proof that the tree of `old_size` is a prefix of that of `size` (s2.1.2)."""
    assert 0 <= old_size <= size <= TREE_SIZE_MAX, "trees only grow"
    if old_size in (0, size):
        return ()
    plan: list[tuple[Node, ...]] = []
    start, end = 0, size
    is_old_root_known = True
    while end != old_size:
        middle = start + _largest_power_below(end - start)
        if old_size <= middle:
            plan.append(range_nodes(middle, end))
            end = middle
        else:
            plan.append(range_nodes(start, middle))
            start, is_old_root_known = middle, False
    if not is_old_root_known:
        plan.append(range_nodes(start, end))
    return tuple(reversed(plan))


def fold(nodes: Sequence[Node], lookup: Callable[[Node], bytes]) -> bytes:
    """Return the hash over neighbouring nodes, joined from the right (RFC 6962 s2.1)."""
    assert nodes, "there is nothing to fold"
    result = lookup(nodes[-1])
    for node in reversed(nodes[:-1]):
        result = node_hash(lookup(node), result)
    return result


def make_proof(plan: Plan, lookup: Callable[[Node], bytes]) -> list[bytes]:
    """Return the hashes of a planned proof, leaf's side first."""
    return [fold(nodes, lookup) for nodes in plan]


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 6962 s2.1 MTH); for small trees and for tests."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        # Pairing from the left and carrying an odd last one up equals the RFC's recursion.
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def check_inclusion(
    *, entry_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Say whether `proof` shows `entry_hash` at `index` of the tree (RFC 9162 s2.1.3.2)."""
    if not 0 <= index < size <= TREE_SIZE_MAX or not _are_hashes([entry_hash, root, *proof]):
        return False
    position, last, result = index, size - 1, entry_hash
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and result == root


def check_consistency(
    *, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether `proof` shows that the old tree is a prefix of the new (RFC 9162 s2.1.4.2).

    An empty old tree is consistent with every tree, by an empty proof; equal sizes need equal roots
    and an empty proof (C2SP tlog-witness).
    """
    if not 0 <= old_size <= size <= TREE_SIZE_MAX:
        return False
    if not _are_hashes([old_root, root, *proof]):
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)  # a perfect old tree is itself the first node of the path
    return bool(path) and _is_path_consistent(path, old_size, old_root, size, root)


def _is_path_consistent(
    path: Sequence[bytes], old_size: int, old_root: bytes, size: int, root: bytes
) -> bool:
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_result = result = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_result = node_hash(sibling, old_result)
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_result == old_root and result == root


def _largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 6962 s2.1: k < n <= 2k)."""
    assert count > 1, "one entry is not cut"
    return 1 << ((count - 1).bit_length() - 1)


def _are_hashes(values: Sequence[bytes]) -> bool:
    return len(values) <= PROOF_HASHES_MAX + 2 and all(len(v) == HASH_BYTES for v in values)

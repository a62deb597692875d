"""Tiles: their paths, their growth, and proofs made from them alone."""

from __future__ import annotations

import random

import pytest

from lionrock.evidence.domain import merkle, tiles
from lionrock.evidence.domain.tiles import TileAddress

SEED = 20260220
SIZES = (1, 2, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 70_000)


def leaf(number: int) -> bytes:
    return merkle.leaf_hash(number.to_bytes(8, "big"))


class KeptTree:
    """A tree grown in batches, with all its tiles kept as a store would keep them."""

    def __init__(self) -> None:
        self.size = 0
        self.root = merkle.EMPTY_ROOT
        self.tiles: dict[TileAddress, bytes] = {}

    def grow(self, count: int) -> None:
        edge = {address: self.tiles[address] for address in tiles.right_edge(self.size)}
        growth = tiles.grow(edge, self.size, [leaf(self.size + i) for i in range(count)])
        self.tiles |= growth.changed
        self.size, self.root = growth.size, growth.root

    def proof(self, plan: merkle.Plan) -> list[bytes]:
        wanted = tiles.tiles_for(plan)
        have = {address: self.tiles[address] for address in wanted}
        return merkle.make_proof(
            plan, lambda node: tiles.node_from_tile(node, have[tiles.tile_of(node)])
        )


@pytest.fixture(scope="module")
def tree() -> KeptTree:
    kept = KeptTree()
    chance = random.Random(SEED)
    while kept.size < 70_000:
        kept.grow(min(chance.choice((1, 2, 3, 255, 256, 257, 4000)), 70_000 - kept.size))
    return kept


def test_growing_in_any_batches_gives_the_tree_of_all_entries(tree: KeptTree) -> None:
    assert tree.root == merkle.root_of([leaf(i) for i in range(70_000)])


@pytest.mark.parametrize("size", range(0, 600, 7))
def test_the_root_after_each_batch_is_that_of_the_rfc(size: int) -> None:
    kept = KeptTree()
    chance = random.Random(size)
    while kept.size < size:
        kept.grow(min(chance.randint(1, 90), size - kept.size))
    assert kept.root == merkle.root_of([leaf(i) for i in range(size)])


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts(tree: KeptTree) -> None:
    widths = {address: len(content) // 32 for address, content in tree.tiles.items()}
    level_0 = [width for address, width in widths.items() if address.level == 0]
    assert (level_0.count(256), widths[TileAddress(0, 273)]) == (273, 112)
    assert (widths[TileAddress(1, 0)], widths[TileAddress(1, 1)]) == (256, 17)
    assert widths[TileAddress(2, 0)] == 1
    assert len(widths) == 274 + 2 + 1
    assert all(tiles.tile_width(address, 70_000) == width for address, width in widths.items())


def test_proofs_for_earlier_trees_come_from_the_tiles_of_the_present_one(tree: KeptTree) -> None:
    chance = random.Random(SEED)
    roots: dict[int, bytes] = {}
    for size in SIZES:
        roots[size] = merkle.root_of([leaf(i) for i in range(size)])
        for index in {0, size - 1, size // 2, chance.randrange(size)}:
            proof = tree.proof(merkle.inclusion_plan(index, size))
            assert merkle.check_inclusion(
                entry_hash=leaf(index), index=index, size=size, proof=proof, root=roots[size]
            )
    for old in SIZES:
        for size in SIZES:
            if old <= size:
                proof = tree.proof(merkle.consistency_plan(old, size))
                assert merkle.check_consistency(
                    old_size=old, old_root=roots[old], size=size, root=roots[size], proof=proof
                )


def test_an_earlier_tile_is_a_prefix_of_the_same_tile_later() -> None:
    kept = KeptTree()
    before: dict[TileAddress, bytes] = {}
    for _ in range(40):
        kept.grow(31)
        assert all(kept.tiles[address].startswith(content) for address, content in before.items())
        before = dict(kept.tiles)


def test_a_damaged_edge_stops_the_growth() -> None:
    kept = KeptTree()
    kept.grow(300)
    edge = {address: kept.tiles[address] for address in tiles.right_edge(300)}
    for address in edge:
        for damaged in (b"", edge[address][:-32], edge[address][:-1]):
            with pytest.raises(ValueError, match="damaged"):
                tiles.grow(edge | {address: damaged}, 300, [leaf(300)])
    with pytest.raises(ValueError, match="damaged"):
        tiles.root_from_edge({}, 300)


@pytest.mark.parametrize(
    ("address", "width", "path"),
    [
        (TileAddress(0, 0), 256, "0/000"),
        (TileAddress(0, 1), 1, "0/001.p/1"),
        (TileAddress(5, 999), 255, "5/999.p/255"),
        (TileAddress(0, 1000), 256, "0/x001/000"),
        (TileAddress(63, 1_234_067), 256, "63/x001/x234/067"),
        (TileAddress(1, 1_000_000), 17, "1/x001/x000/000.p/17"),
    ],
)
def test_paths_are_those_of_the_specification(address: TileAddress, width: int, path: str) -> None:
    assert tiles.tile_path(address, width) == path
    assert tiles.parse_tile_path(path) == tiles.TileRequest(address, width, is_entries=False)


def test_entry_bundle_paths_read_back() -> None:
    for index in (0, 7, 999, 1000, 10**9):
        for width in (1, 255, 256):
            request = tiles.parse_tile_path(tiles.entries_path(index, width))
            assert request == tiles.TileRequest(TileAddress(0, index), width, is_entries=True)


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "0/0", "0/00", "0/0000", "00/000", "01/000", "64/000", "99/000", "-1/000",
        "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/999", "0/000.p/", "0/000.p", "0/000/",
        "/0/000", "0//000", "0/x000/001", "0/x001/x000", "0/001/000", "0/x1/000", "entries",
        "entries/x000/000", "entries/000.p/256", "Entries/000", "data/000", "0/../0/000",
        "0/000\n", "0/٠٠٠", "0/000.p/٣", "0/" + "x999/" * 6 + "999", "0/" + "x001/" * 40 + "000",
    ],
)  # fmt: skip
def test_any_other_spelling_of_a_path_is_refused(path: str) -> None:
    assert tiles.parse_tile_path(path) is None


def test_entries_read_back_and_a_cut_bundle_is_refused() -> None:
    entries = [bytes([i]) * 32 for i in range(256)]
    encoded = tiles.encode_entries(entries)
    assert tiles.decode_entries(encoded) == entries
    assert tiles.decode_entries(b"") == []
    for broken in (encoded[:-1], encoded + b"\x00", encoded + b"\x00\x00", b"\x00"):
        with pytest.raises(ValueError, match="entry bundle"):
            tiles.decode_entries(broken)


def test_a_tile_that_is_no_sequence_of_hashes_is_refused() -> None:
    for broken in (b"\x00", b"\x00" * 31, b"\x00" * (32 * 257)):
        with pytest.raises(ValueError, match="not a sequence"):
            tiles.split_hashes(broken)
    with pytest.raises(ValueError, match="too short"):
        tiles.node_from_tile(merkle.Node(3, 0), b"\x00" * 32 * 7)

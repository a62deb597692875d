"""Tiles: the Merkle tree cut into files of at most 256 hashes that never change once full.

What for: keeping the tree, growing it from its right edge alone, finding the few tiles that a proof
needs, and the paths under which strangers fetch them. Not for: keeping tiles (store.py).

Source: C2SP tlog-tiles (Merkle Tree, Partial Tiles, Log entries).
Invariants: a tile only ever grows at its end, so the tile of an earlier tree is a prefix of the
same tile later; a partial tile is never hashed into the level above.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lionrock.evidence.domain import merkle
from lionrock.evidence.domain.merkle import HASH_BYTES, Node

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES_MAX = TILE_WIDTH * HASH_BYTES
LEVEL_MAX = 63
ENTRY_BYTES_MAX = 0xFFFF
PATH_LENGTH_MAX = 80

_PATH = re.compile(
    r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


class TileAddress(msgspec.Struct, frozen=True, order=True):
    """Tile `index` of a level; level 0 holds leaf hashes."""

    level: int
    index: int


class TileRequest(msgspec.Struct, frozen=True):
    """What a tile path asks for; `width` 256 is the full tile; `is_entries` asks for entries."""

    address: TileAddress
    width: int
    is_entries: bool


class Growth(msgspec.Struct, frozen=True):
    """The tree after growing: its size and root, and every tile that changed."""

    size: int
    root: bytes
    changed: dict[TileAddress, bytes]


def tile_path(address: TileAddress, width: int = TILE_WIDTH) -> str:
    """Return the path below `tile/`, e.g. "0/x001/234" or "1/000.p/17"."""
    assert 1 <= width <= TILE_WIDTH, "an empty tile has no path"
    return f"{address.level}/{_index_path(address.index)}{_partial(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle below `tile/`, e.g. "entries/000.p/3"."""
    assert 1 <= width <= TILE_WIDTH, "an empty bundle has no path"
    return f"entries/{_index_path(index)}{_partial(width)}"


def parse_tile_path(path: str) -> TileRequest | None:
    """Read a path below `tile/`; None unless it is the one spelling of a tile's path."""
    if len(path) > PATH_LENGTH_MAX:
        return None
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    kind, index_path, partial = match.groups()
    digits = "".join(part.removeprefix("x") for part in index_path.split("/"))
    index = int(digits)
    width = int(partial) if partial else TILE_WIDTH
    level = 0 if kind == "entries" else int(kind)
    if level > LEVEL_MAX or (partial and width >= TILE_WIDTH):
        return None
    if _index_path(index) != index_path:
        return None  # leading x000 elements would give one tile a second name
    return TileRequest(TileAddress(level, index), width, kind == "entries")


def right_edge(size: int) -> list[TileAddress]:
    """Return the partial tiles of a tree of `size`: all that growing it needs."""
    edge = []
    level, width = 0, size
    while width:
        if width % TILE_WIDTH:
            edge.append(TileAddress(level, width // TILE_WIDTH))
        level, width = level + 1, width // TILE_WIDTH
    return edge


def tile_width(address: TileAddress, size: int) -> int:
    """Return how many hashes the tile holds in a tree of `size` (0: there is no such tile)."""
    hashes_of_level = size >> (TILE_HEIGHT * address.level)
    return max(0, min(TILE_WIDTH, hashes_of_level - address.index * TILE_WIDTH))


def grow(edge: Mapping[TileAddress, bytes], size: int, leaf_hashes: Sequence[bytes]) -> Growth:
    """Add leaf hashes to a tree of `size` whose partial tiles are `edge`.

    `edge` holds every address of `right_edge(size)`; a missing or short one is damage: ValueError.
    """
    changed: dict[TileAddress, bytes] = {}
    new_hashes: list[bytes] = list(leaf_hashes)
    level, width = 0, size
    while new_hashes:
        finished: list[bytes] = []
        for new_hash in new_hashes:
            address = TileAddress(level, width // TILE_WIDTH)
            before = changed.get(address)
            if before is None:
                before = _edge_tile(edge, address, width % TILE_WIDTH)
            changed[address] = before + new_hash
            width += 1
            if width % TILE_WIDTH == 0:
                finished.append(merkle.root_of(split_hashes(changed[address])))
        new_hashes, level = finished, level + 1
        width = size >> (TILE_HEIGHT * level)
    new_size = size + len(leaf_hashes)
    return Growth(new_size, root_from_edge({**edge, **changed}, new_size), changed)


def root_from_edge(edge: Mapping[TileAddress, bytes], size: int) -> bytes:
    """Return the root of a tree of `size` from its partial tiles; ValueError on a damaged one."""
    if size == 0:
        return merkle.EMPTY_ROOT
    parts: list[bytes] = []  # from the right end of the tree to its left
    for address in right_edge(size):
        hashes = split_hashes(_edge_tile(edge, address, tile_width(address, size)))
        nodes = merkle.range_nodes(0, len(hashes))
        parts.extend(merkle.root_of(hashes[n.index << n.level : (n.index + 1) << n.level])
                     for n in reversed(nodes))
    root = parts[0]
    for part in parts[1:]:
        root = merkle.node_hash(part, root)
    return root


def tiles_for(plan: merkle.Plan) -> set[TileAddress]:
    """Return the tiles that hold every node of a planned proof."""
    return {tile_of(node) for nodes in plan for node in nodes}


def tile_of(node: Node) -> TileAddress:
    """Return the tile whose hashes make up this node."""
    level, height = divmod(node.level, TILE_HEIGHT)
    return TileAddress(level, (node.index << height) // TILE_WIDTH)


def node_from_tile(node: Node, tile: bytes) -> bytes:
    """Return a node's hash out of its tile; ValueError when the tile is too short for it."""
    height = node.level % TILE_HEIGHT
    start = (node.index << height) % TILE_WIDTH
    hashes = split_hashes(tile)[start : start + (1 << height)]
    if len(hashes) != 1 << height:
        raise ValueError(f"tile {tile_of(node)} is too short for node {node}")
    return merkle.root_of(hashes)


def split_hashes(tile: bytes) -> list[bytes]:
    """Cut a tile into its hashes; ValueError when its length is not that of a tile."""
    if len(tile) % HASH_BYTES or len(tile) > TILE_BYTES_MAX:
        raise ValueError(f"a tile of {len(tile)} bytes is not a sequence of hashes")
    return [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its big-endian 16-bit length."""
    parts = []
    for entry in entries:
        assert len(entry) <= ENTRY_BYTES_MAX, "an entry fits its length prefix"
        parts.append(struct.pack(">H", len(entry)) + entry)
    return b"".join(parts)


def decode_entries(bundle: bytes) -> list[bytes]:
    """Read an entry bundle; ValueError when it is cut short or holds more than 256 entries."""
    entries: list[bytes] = []
    offset = 0
    while offset < len(bundle):
        if len(entries) == TILE_WIDTH or offset + 2 > len(bundle):
            raise ValueError("not an entry bundle")
        (length,) = struct.unpack_from(">H", bundle, offset)
        offset += 2
        if offset + length > len(bundle):
            raise ValueError("the entry bundle is cut short")
        entries.append(bundle[offset : offset + length])
        offset += length
    return entries


def _edge_tile(edge: Mapping[TileAddress, bytes], address: TileAddress, width: int) -> bytes:
    """The first `width` hashes of an edge tile (none at all when it is not begun yet)."""
    tile = edge.get(address, b"")[: width * HASH_BYTES]
    if len(tile) != width * HASH_BYTES:
        raise ValueError(f"tile {address} is damaged: it should hold {width} hashes")
    return tile


def _index_path(index: int) -> str:
    assert index >= 0, "indices start at 0"
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _partial(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"

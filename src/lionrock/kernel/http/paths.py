"""Which endpoint a path names: a tree of its segments, so that finding it does not grow with rows.

A literal segment goes before a parameter, so /awards.csv is not taken for /{id}. A parameter is one
whole segment that is not empty; `{name:path}` at the end takes whatever is left.
Not for: methods, percent-decoding (the server's), redirects of slashes (there are none).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

EndpointT = TypeVar("EndpointT")
_REST = ":path}"


class _Node(Generic[EndpointT]):
    __slots__ = ("any", "ends", "literal", "rest")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[EndpointT]] = {}
        self.any: _Node[EndpointT] | None = None
        # The endpoint of a path that ends here, or that takes what is left, with its names.
        self.ends: tuple[EndpointT, tuple[str, ...]] | None = None
        self.rest: tuple[EndpointT, tuple[str, ...]] | None = None


class PathTree(Generic[EndpointT]):
    """Endpoints by path. Two paths of one shape are a mistake in the tables."""

    def __init__(self) -> None:
        self._root: _Node[EndpointT] = _Node()
        # Paths without parameters: literal segments go first, so that nothing else can be meant.
        self._plain: dict[str, EndpointT] = {}

    def add(self, path: str, endpoint: EndpointT) -> None:
        """Add a path such as /cases/{case_id}/parts/{name}."""
        assert path.startswith("/"), f"{path} does not begin with a slash"
        node, names, segments = self._root, [], path[1:].split("/")
        for segment in segments:
            if segment.endswith(_REST):
                assert segment is segments[-1], f"{path}: {segment} takes all that follows"
                names.append(segment[1 : -len(_REST)])
                assert node.rest is None, f"{path} stands twice"
                node.rest = (endpoint, tuple(names))
                return
            if "{" not in segment:
                node = node.literal.setdefault(segment, _Node())
                continue
            assert segment[0] == "{" and segment[-1] == "}", f"{path}: a parameter is a segment"
            names.append(segment[1:-1])
            node.any = node.any or _Node()
            node = node.any
        assert node.ends is None, f"{path} stands twice"
        node.ends = (endpoint, tuple(names))
        if not names:
            self._plain[path] = endpoint

    def find(self, path: str) -> tuple[EndpointT, dict[str, str]] | None:
        """Return the endpoint of a path and its parameters, by name; None when there is none."""
        plain = self._plain.get(path)
        if plain is not None:
            return plain, {}
        if not path.startswith("/"):
            return None
        found = _walk(self._root, path[1:].split("/"), 0, ())
        if found is None:
            return None
        (endpoint, names), values = found
        return endpoint, dict(zip(names, values, strict=True))


def _walk(
    node: _Node[EndpointT], segments: Sequence[str], index: int, values: tuple[str, ...]
) -> tuple[tuple[EndpointT, tuple[str, ...]], tuple[str, ...]] | None:
    """Follow the segments, literal ones first; as deep as the deepest row at most."""
    if index == len(segments):
        return (node.ends, values) if node.ends is not None else None
    segment = segments[index]
    child = node.literal.get(segment)
    found = _walk(child, segments, index + 1, values) if child is not None else None
    if found is None and node.any is not None and segment:
        found = _walk(node.any, segments, index + 1, (*values, segment))
    if found is None and node.rest is not None:
        return node.rest, (*values, "/".join(segments[index:]))
    return found

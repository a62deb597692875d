"""Finding an endpoint by its path (kernel.http.paths)."""

from __future__ import annotations

import pytest

from lionrock.kernel.http.paths import PathTree


def tree(*paths: str) -> PathTree[str]:
    made: PathTree[str] = PathTree()
    for path in paths:
        made.add(path, path)
    return made


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/cases", ("/cases", {})),
        ("/cases/c1", ("/cases/{case_id}", {"case_id": "c1"})),
        ("/cases/new", ("/cases/new", {})),
        ("/cases/new/parts", ("/cases/{case_id}/parts", {"case_id": "new"})),
        ("/cases/c1/parts/p2", ("/cases/{case}/parts/{part}", {"case": "c1", "part": "p2"})),
        ("/tile/0/x001/067", ("/tile/{tile_path:path}", {"tile_path": "0/x001/067"})),
        ("/tile/", ("/tile/{tile_path:path}", {"tile_path": ""})),
        ("/awards.csv", ("/awards.csv", {})),
        ("/other", ("/{name}", {"name": "other"})),
    ],
)
def test_a_path_leads_to_its_own_row_literals_first(
    path: str, expected: tuple[str, dict[str, str]]
) -> None:
    found = tree(
        "/", "/cases", "/cases/new", "/cases/{case_id}", "/cases/{case_id}/parts",
        "/cases/{case}/parts/{part}", "/tile/{tile_path:path}", "/awards.csv", "/{name}",
    ).find(path)  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    "path",
    ["", "cases", "/cases/", "/cases//parts", "/cases/c1/", "/cases/c1/parts/p/q", "//cases",
     "/a/b", "*"],
)  # fmt: skip
def test_what_no_row_names_leads_nowhere(path: str) -> None:
    paths = tree("/cases", "/cases/{case_id}", "/cases/{case_id}/parts", "/{name}/parts/{part}")
    assert paths.find(path) is None


@pytest.mark.parametrize(
    "twice",
    [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/a/{x:path}", "/a/{y:path}")],
)
def test_two_rows_of_one_shape_are_refused(twice: tuple[str, str]) -> None:
    with pytest.raises(AssertionError, match="twice"):
        tree(*twice)


@pytest.mark.parametrize("path", ["a", "/a-{b}", "/{a}.csv", "/{a:path}/b"])
def test_a_shape_that_the_tree_cannot_tell_apart_is_refused(path: str) -> None:
    with pytest.raises(AssertionError):
        tree(path)


def test_hostile_depth_and_length_cost_no_more_than_the_rows_are_deep() -> None:
    paths = tree("/{a}/{b}/c", "/x/{b}/d", "/x/y/e")
    assert paths.find("/x/y/" + "z/" * 20_000) is None
    assert paths.find("/" * 60_000) is None

"""What is found in an element is what the XML library finds by the same path."""

from __future__ import annotations

import random

import pytest
from lxml import etree

from lionrock.payments.domain.iso20022.elements import Fields, find, optional_text, text_of

NAMES = ("A", "B", "C")
TREES = 300


def tree_of(draw: random.Random, depth: int = 0) -> etree._Element:
    """A small tree in which names are repeated, with comments between."""
    element = etree.Element(f"{{urn:x}}{draw.choice(NAMES)}")
    element.text = str(draw.randrange(1_000))
    for _ in range(draw.randrange(4) if depth < 3 else 0):
        element.append(tree_of(draw, depth + 1))
        if draw.random() < 0.2:
            element.append(etree.Comment("between"))
    return element


def paths() -> list[str]:
    """Every path of up to three names."""
    found, longest = list(NAMES), list(NAMES)
    for _ in range(2):
        longest = [f"{path}/{name}" for path in longest for name in NAMES]
        found += longest
    return found


def test_the_first_of_a_path_is_the_one_that_the_library_finds() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw, found_count = random.Random(seed), 0
    for _ in range(TREES):
        root = tree_of(draw)
        fields = Fields(root)
        for path in paths():
            expected = root.find("/".join(f"{{urn:x}}{name}" for name in path.split("/")))
            assert fields.get(path) is expected, etree.tostring(root)
            found_count += expected is not None
    assert found_count > TREES, "the trees were not empty"


def test_what_is_below_a_path_is_found_by_the_rest_of_it() -> None:
    fields = Fields(etree.fromstring("<r><A><B> 1 </B></A></r>"))
    assert text_of(find(fields, "A"), "B") == text_of(fields, "A/B") == "1"
    assert optional_text(find(fields, "A"), "C") == ""


@pytest.mark.parametrize("path", ["C", "A/C", "A/B/C"])
def test_what_the_schema_demands_and_is_not_there_is_a_fault(path: str) -> None:
    fields = Fields(etree.fromstring("<r><A><B>1</B></A></r>"))
    with pytest.raises(AssertionError, match=path):
        text_of(fields, path)
    with pytest.raises(AssertionError, match=path):
        find(fields, path)

"""A member given twice is found wherever it is and however it is spelt; nothing else is."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lionrock.kernel.http.members import repeated_member
from tests.conftest import SEED

BACKSLASH = "\\"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a":1,"a":2}', "a"),
        ('{"a":1,"b":{"c":[{"d":1,\n "d" \t:2}]}}', "d"),
        ('{"a":1,"\\u0061":2}', "a"),
        ('{"a\\/b":1,"a/b":2}', "a/b"),
        ('{"\\"":1,"\\u0022":2}', '"'),
        ('{"\\\\":1,"\\u005c":2}', BACKSLASH),
        ('{":a":"b",":a":",","c":":"}', ":a"),
        ('{"":1,"":2}', ""),
        ('[{"a":1},{"a":1,"a":2}]', "a"),
        ('{"a":"\\\\","a":"x"}', "a"),
        ('{"\u6e2f":1,"\\u6e2f":2}', "\u6e2f"),
    ],
)
def test_name_given_twice_is_found(text: str, name: str) -> None:
    assert repeated_member(text.encode()) == name


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", '"a"', "1", '{"a":"a"}', '["a","a"]', '{"a":{"a":{"a":1}}}',
        '[{"a":1},{"a":1}]', '{"a":"b","b":"b"}', '{"a":"\\"a\\":1,\\"a\\":2"}',
        '{"a":"x\\\\","b":"\\\\\\"a"}', '{"a":",\\"a\\":","b":":"}', '{"\\u0061":1,"A":2}',
    ],
)
def test_name_given_once_an_object_is_not(text: str) -> None:
    assert repeated_member(text.encode()) is None


def test_search_agrees_with_a_strict_parser_on_any_json() -> None:
    chance = random.Random(SEED)
    alphabet = ['a', 'b', ':', ',', '"', BACKSLASH, '{', '}', '/', '\u6e2f', ' ', '\n']

    def spelt(text: str) -> str:
        quoted = json.dumps(text, ensure_ascii=chance.random() < 0.5)
        return quoted.replace("a", "\\u0061") if chance.random() < 0.2 else quoted

    def some(length_max: int) -> str:
        return "".join(chance.choices(alphabet, k=chance.randrange(length_max)))

    def value(depth: int) -> str:
        kind = chance.randrange(4 if depth else 2)
        if kind == 0:
            return spelt(some(6))
        if kind == 1:
            return chance.choice(["1", "null", "true", "-0.5e3"])
        if kind == 2:
            return "[" + ", ".join(value(depth - 1) for _ in range(chance.randrange(4))) + "]"
        members = (f"{spelt(some(3))} :{value(depth - 1)}" for _ in range(chance.randrange(4)))
        return "{" + ",".join(members) + "}"

    def strictly(text: str) -> bool:
        found = False

        def pairs(members: list[tuple[str, Any]]) -> None:
            nonlocal found
            found = found or len({name for name, _ in members}) < len(members)

        json.loads(text, object_pairs_hook=pairs)
        return found

    seen = set()
    for _ in range(5_000):
        text = value(3)
        assert (repeated_member(text.encode()) is not None) == strictly(text), text
        seen.add(strictly(text))
    assert seen == {True, False}

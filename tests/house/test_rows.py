"""Refusals and routes: every member has a row, every row a purpose, every endpoint a table."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import lionrock
from lionrock.app.platform import Platform
from lionrock.directory.api import SIGNED_CALL_ERRORS, SignedCall, check_signed_call
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import KERNEL_ERRORS, ErrorRow, Refusal
from lionrock.kernel.http import Route, RouteTable
from lionrock.ledger import api as ledger_api

STEP_PREFIXES = ("check_", "load_", "decide_", "save_", "reply_")
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9_]+")
METHODS_WITHOUT_BODY = {"GET"}


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the package, imported."""
    found = pkgutil.walk_packages(lionrock.__path__, "lionrock.")
    names = [each.name for each in found if not each.name.endswith("__main__")]
    return tuple(importlib.import_module(name) for name in names)


def pillar_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def refusals() -> list[type[Refusal]]:
    """Every closed enum of refusals in the package."""
    found: dict[str, type[Refusal]] = {}
    for module in modules():
        for value in vars(module).values():
            is_enum = inspect.isclass(value) and issubclass(value, Refusal) and list(value)
            if is_enum and value.__module__ == module.__name__:
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return [found[name] for name in sorted(found)]


def error_tables() -> Iterator[tuple[ModuleType, Mapping[Refusal, ErrorRow]]]:
    """Every error table that stands at the top of a module."""
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Mapping) and value and all(map(is_row, value.items())):
                yield module, value


def is_row(item: tuple[object, object]) -> bool:
    return isinstance(item[0], Refusal) and isinstance(item[1], ErrorRow)


@pytest.mark.parametrize("enum", refusals(), ids=lambda enum: enum.__qualname__)
def test_every_refusal_has_a_row_in_its_own_pillar(enum: type[Refusal]) -> None:
    pillar = pillar_of(enum.__module__)
    rows = {
        refusal
        for module, table in error_tables()
        if pillar_of(module.__name__) == pillar
        for refusal in table
    }
    assert set(enum) - rows == set()


def test_a_refusal_without_a_row_would_be_noticed() -> None:
    class Planted(Refusal):
        FORGOTTEN = "planted.forgotten"

    rows = {refusal for _, table in error_tables() for refusal in table}
    assert set(Planted) - rows == {Planted.FORGOTTEN}


def test_every_code_is_unique_in_the_city_and_well_formed() -> None:
    codes = [str(member.value) for enum in refusals() for member in enum]
    assert len(codes) == len(set(codes))
    assert [code for code in codes if not CODE.fullmatch(code)] == []


def test_a_code_begins_with_its_pillar() -> None:
    own = {
        "kernel": {"kernel", "jose", "signature"},
        "identity": {"identity", "relying_party"},  # the library on the other side of the wire
    }
    wrong = [
        member.value
        for enum in refusals()
        for member in enum
        if str(member.value).split(".")[0]
        not in own.get(pillar_of(enum.__module__), {pillar_of(enum.__module__)})
    ]
    assert wrong == []


def test_every_row_is_a_refusal_in_words_for_a_person() -> None:
    for _, table in error_tables():
        for refusal, row in table.items():
            assert 400 <= row.status <= 599, refusal
            assert row.title.endswith((".", "?")), refusal
            assert 10 <= len(row.title) <= 200, refusal


@pytest.fixture
async def platform(kernel: Kernel) -> Platform:
    return Platform(kernel, ledger_api.connect("unix:/nowhere"))


def rows(platform: Platform) -> list[tuple[RouteTable, Route]]:
    """All rows of the served application, with their tables."""
    tables = platform.application().tables
    return [(table, route) for table in tables for route in table.routes]


async def test_every_row_is_served_at_its_own_path(platform: Platform) -> None:
    application = platform.application()
    for _, route in rows(platform):
        names = re.findall(r"{(\w+)(?::path)?}", route.path)
        path = re.sub(r"{\w+(?::path)?}", "x", route.path)
        found = application._paths.find(path)
        assert found is not None, path
        methods, parameters = found
        assert methods[route.method][1].name == route.name
        assert list(parameters) == names


async def test_rows_are_unique_by_name_and_by_method_and_path(platform: Platform) -> None:
    found = [route for _, route in rows(platform)]
    places = [(route.method, route.path) for route in found]
    names = [route.name for route in found]
    assert len(set(places)) == len(places)
    assert sorted(n for n in set(names) if names.count(n) > 1) == []


async def test_every_row_says_what_it_is_for(platform: Platform) -> None:
    for _, route in rows(platform):
        assert len(route.summary) >= 10, route.name
        assert route.scope, route.name
        assert route.replies or route.family in ("html", "oauth", "iso20022"), route.name
        assert route.body is None or route.method not in METHODS_WITHOUT_BODY, route.name


def named(step: Any) -> str:
    return str(getattr(step, "__name__", type(step).__name__))


async def test_every_step_says_in_its_name_and_words_what_it_does(platform: Platform) -> None:
    steps = {step for _, route in rows(platform) for step in route.steps}
    misnamed = sorted({named(s) for s in steps if not named(s).startswith(STEP_PREFIXES)})
    silent = sorted({named(s) for s in steps if not inspect.getdoc(s)})
    assert (misnamed, silent) == ([], [])


async def test_a_row_that_checks_signatures_can_word_every_refusal_of_theirs(
    platform: Platform,
) -> None:
    signed = [route for _, route in rows(platform) if check_signed_call in route.steps]
    assert signed, "members call somewhere"
    for route in signed:
        missing = SIGNED_CALL_ERRORS.keys() - route.errors.keys()
        assert not missing, f"{route.name} lacks {missing}"
        assert issubclass(route.call, SignedCall), route.name
        assert route.steps[0] is check_signed_call, f"{route.name}: who calls is asked first"


def mentioned(step: Any) -> set[Refusal]:
    """The refusals that a step's own text names, through whatever alias."""
    try:
        text = inspect.getsource(step)
    except (OSError, TypeError):
        return set()
    # A refusal at a resource is dressed by identity itself (WWW-Authenticate, RFC 9449 s7.1).
    text = re.sub(r"resource_refusal\(.*?\)\)", "", text, flags=re.DOTALL)
    scope = getattr(step, "__globals__", {})
    found: set[Refusal] = set()
    for alias, member in re.findall(r"\b(\w+)\.([A-Z][A-Z0-9_]+)\b", text):
        enum = scope.get(alias)
        if inspect.isclass(enum) and issubclass(enum, Enum) and member in enum.__members__:
            value = enum[member]
            found |= {value} if isinstance(value, Refusal) else set()
    return found


async def test_every_refusal_that_a_step_names_has_a_row_in_its_route(platform: Platform) -> None:
    lacking = [
        f"{route.name}: {named(step)} {refusal}"
        for _, route in rows(platform)
        for step in route.steps
        for refusal in mentioned(step) - route.errors.keys() - KERNEL_ERRORS.keys()
    ]
    assert lacking == []

"""The platform as it is composed: one description of all its routes, the same in every city.

The description is of the pillars' tables; the kernel's four operational addresses (/health, /ready,
/openapi.json, /reference) stand beside it and are on the page of routes.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema.validators import (  # type: ignore[import-untyped]  # it has no stubs
    SPECIFICATIONS,
    Draft202012Validator,
)
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import schema_v31
from referencing.jsonschema import DRAFT202012

from lionrock.app.platform import Platform
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import KERNEL_ERRORS
from lionrock.ledger import api as ledger_api

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src" / "lionrock"
SECTIONS = ("words", "invariants", "standards")


def composed(kernel: Kernel, composition: str) -> Platform:
    """The platform as a front of that composition builds it."""
    settings = msgspec.structs.replace(kernel.settings, composition=composition)
    own = dataclasses.replace(kernel, settings=settings)
    return Platform(own, ledger_api.connect("unix:/nowhere"))


@pytest.fixture
def platform(kernel: Kernel) -> Platform:
    """The sandbox's platform."""
    return composed(kernel, "sandbox")


def described(platform: Platform) -> list[tuple[Any, ...]]:
    """Each route of the application in what a caller can see of it."""
    return [
        (
            table.pillar, route.method, route.path, route.name, route.summary, route.scope,
            route.clause, route.mode, route.family, route.body, route.body_kind,
            route.body_bytes_max, route.query, dict(route.replies), dict(route.errors),
            [getattr(step, "__qualname__", type(step).__qualname__) for step in route.steps],
        )
        for table in platform.application().tables
        for route in table.routes
    ]  # fmt: skip


async def served(platform: Platform, path: str) -> httpx.Response:
    """An answer of the composed application."""
    transport = httpx.ASGITransport(platform.application())
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as client:
        return await client.get(path)


def specification() -> Draft202012Validator:
    """OpenAPI's own schema, its references found in one registry.

    The library's validator looks through the whole schema again at each reference: 30 s of our
    document, for the same errors.
    """
    schema = dict(schema_v31)
    known = SPECIFICATIONS.with_resource(schema["$id"], DRAFT202012.create_resource(schema)).crawl()
    return Draft202012Validator(
        schema, registry=known, _resolver=known.resolver(base_uri=schema["$id"])
    )


class Validator(OpenAPIV31SpecValidator):
    """The library's validator of OpenAPI 3.1 on that schema."""

    schema_validator = specification()


def errors_of(document: dict[str, Any]) -> list[str]:
    """What is wrong with an OpenAPI document."""
    return [error.message for error in Validator(document).iter_errors()]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("openapi",), "2.0"), (("info",), {}), (("paths",), {"no-slash": {}}),
        (("paths", "/a", "get", "responses"), {"200": {}}),
        (("paths", "/a", "get", "parameters"), [{"name": "a", "in": "soup", "schema": {}}]),
        (("paths", "/a", "get", "parameters", 0, "schema", "type"), "strin"),
        (("paths", "/a", "get", "requestBody"), {"content": []}),
        (("paths", "/b", "get", "operationId"), "a"),
    ],
)
def test_a_wrong_openapi_document_is_found_wrong_as_the_library_does(
    path: tuple[Any, ...], value: object
) -> None:
    def operation(name: str) -> dict[str, Any]:
        return {"operationId": name, "responses": {"200": {"description": "Done."}},
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}]}

    document: dict[str, Any] = {
        "openapi": "3.1.0", "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": operation("a")}, "/b": {"get": operation("b")}},
    }
    assert errors_of(document) == []
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    wrong = errors_of(document)
    assert wrong
    assert wrong == [each.message for each in OpenAPIV31SpecValidator(document).iter_errors()]


async def test_all_tables_make_one_valid_openapi_document(platform: Platform) -> None:
    answer = await served(platform, "/openapi.json")
    document = answer.json()
    assert answer.status_code == 200
    assert document["openapi"].startswith("3.1")
    assert errors_of(document) == []
    operations = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    rows = {
        (route.method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for table in platform.tables()
        for route in table.routes
    }
    assert operations.keys() == rows, "no route is left out, none is invented"
    identifiers = [operation["operationId"] for operation in operations.values()]
    assert len(set(identifiers)) == len(identifiers)


async def test_the_reference_page_shows_every_route(platform: Platform) -> None:
    page = (await served(platform, "/reference")).text
    for table in platform.tables():
        for route in table.routes:
            assert route.path.replace("&", "&amp;") in page, route.name


async def test_a_served_city_has_the_same_routes_as_the_sandbox_but_for_its_hooks(
    kernel: Kernel,
) -> None:
    sandbox = described(composed(kernel, "sandbox"))
    hooks = [row for row in sandbox if row[0] == "sandbox"]
    assert hooks
    assert all(row[2].startswith("/sandbox/") for row in hooks)
    assert described(composed(kernel, "serve")) == [row for row in sandbox if row not in hooks]


async def test_every_route_and_every_code_it_can_answer_is_on_the_pages(
    platform: Platform,
) -> None:
    routes = (ROOT / "docs" / "routes.md").read_text()
    errors = (ROOT / "docs" / "errors.md").read_text()
    for table in platform.application().tables:
        for route in table.routes:
            assert f"| `{route.method} {route.path}` |" in routes, route.name
            for refusal in (*route.errors, *KERNEL_ERRORS):
                assert f"| `{refusal.value}` |" in errors, f"{route.name}: {refusal}"


async def test_every_event_that_anyone_waits_for_is_on_the_page(platform: Platform) -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    patterns = [
        re.compile(re.sub(r"<\w+>", r"\\w+", re.escape(topic).replace(r"\<", "<")))
        for topic in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    ]
    topics = platform._subscriptions()
    assert topics
    for topic in topics:
        assert any(pattern.fullmatch(topic) for pattern in patterns), topic


@pytest.mark.parametrize(
    "pillar", sorted(each.parent.name for each in SOURCE.glob("*/__init__.py"))
)
def test_every_pillar_has_a_page_of_its_own(pillar: str) -> None:
    if pillar == "cli":
        return  # docs/commands.md is its page
    page = SOURCE / pillar / "README.md"
    assert page.exists(), f"write {page.relative_to(ROOT)}"
    text = page.read_text().lower()
    assert [word for word in SECTIONS if word not in text] == []
    assert 8 <= len(text.splitlines()) <= 160, "one page"

"""Schemas within a version: what was released stays true; what would break somebody is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

import lionrock.exchange
from lionrock.exchange.domain.products import PRODUCTS, Cut, Product, check_payload, json_schema
from lionrock.exchange.domain.schemas import breaking_changes, schema_sha256
from lionrock.kernel.errors import Refused

RELEASED = Path(lionrock.exchange.__file__).parent / "schemas"


def released(product: Product) -> dict[str, Any]:
    text = (RELEASED / f"{product.id}.{product.version}.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda product: str(product.id))
def test_a_product_still_has_the_schema_that_was_released(product: Product) -> None:
    """A failure names what breaks members' software: make a new version of the product instead."""
    assert breaking_changes(released(product), json_schema(product)) == ()


def test_every_released_schema_has_its_product() -> None:
    names = {path.name for path in RELEASED.iterdir()}
    assert names == {f"{product.id}.{product.version}.json" for product in PRODUCTS.values()}


SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Data",
    "$defs": {
        "Data": {
            "title": "Data", "type": "object", "additionalProperties": False,
            "properties": {
                "title": {"$ref": "#/$defs/Name"},
                "kind": {"enum": ["a", "b"]},
                "rows": {"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/Row"}},
            },
            "required": ["kind"],
        },
        "Row": {"type": "object", "properties": {"on": {"type": "string"}}, "required": ["on"]},
        "Name": {"type": "string", "description": "a name", "maxLength": 9},
    },
}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    change(schema["$defs"])
    return schema


@pytest.mark.parametrize(
    "change",
    [
        lambda defs: defs["Data"]["properties"].update(more={"type": "string"}),
        lambda defs: defs["Data"].update(description="in other words", title="Other"),
        lambda defs: defs["Name"].pop("description"),
        lambda defs: defs["Data"]["properties"]["kind"].update(enum=["b", "a"]),
    ],
)
def test_what_breaks_nobody_is_allowed(change: Callable[[dict[str, Any]], object]) -> None:
    assert breaking_changes(SCHEMA, changed(change)) == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda defs: defs["Data"]["properties"].pop("title"), "title: removed"),
        (lambda defs: defs["Name"].update(maxLength=10), "title: changed"),
        (lambda defs: defs["Name"].update(type="integer"), "title: changed"),
        (lambda defs: defs["Data"]["properties"]["kind"]["enum"].append("c"), "kind: changed"),
        (lambda defs: defs["Data"]["properties"]["kind"]["enum"].pop(), "kind: changed"),
        (lambda defs: defs["Row"]["properties"].update(more={}), "rows: changed"),
        (lambda defs: defs["Row"].pop("required"), "rows: changed"),
        (lambda defs: defs["Data"]["properties"]["rows"].update(maxItems=4), "rows: changed"),
        (lambda defs: defs["Data"]["required"].append("rows"), "rows: required now"),
        (lambda defs: defs["Data"].pop("required"), "kind: not required any more"),
        (lambda defs: defs["Data"].update(additionalProperties=True),
         "the object itself: changed"),
    ],
)
def test_what_breaks_somebody_is_named(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    after = changed(change)
    assert breaking_changes(SCHEMA, after) == (named,)
    assert schema_sha256(after) != schema_sha256(SCHEMA)


def test_the_digest_of_a_schema_is_that_of_what_decides() -> None:
    other = changed(lambda defs: defs["Data"].update(description="in other words"))
    assert schema_sha256(other) == schema_sha256(SCHEMA)


PAYLOADS: tuple[dict[str, Any], ...] = (
    {"status": [{"account_reference": "acc-0001", "status": "active"}]},
    {"status": [{"account_reference": "acc-0001", "status": "asleep"}]},
    {"status": [{"account_reference": "acc-0001"}]},
    {"status": [{"account_reference": "acc-0001", "status": "active", "more": 1}]},
    {"status": {"account_reference": "acc-0001", "status": "active"}},
    {"status": None},
    {"status": [{"account_reference": "A", "status": "active"}]},
    {"status": [{"account_reference": "acc-0001", "status": "active"}] * 51},
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_released_schema_and_the_gateway_agree_on_a_payload(payload: dict[str, Any]) -> None:
    product = PRODUCTS["account-data", 1]
    refused = check_payload(product, payload, Cut(fields=frozenset({"status"})))
    is_valid = jsonschema.Draft202012Validator(released(product)).is_valid(payload)
    assert is_valid == (not isinstance(refused, Refused)), refused

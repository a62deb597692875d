"""What of a product's schema may change within a version, and what needs a new one.

Both sides are strict: a consumer of the older schema refuses what the newer provider adds inside a
field, and a consumer of the newer one refuses what the older provider leaves out. So inside a
version exactly one change is harmless: one more top-level field that need not be there, because it
is only ever sent to whoever has a consent that names it. Everything else breaks somebody.

Released schemas lie in exchange/schemas as they were given out; nobody edits one.
Source: JSON Schema 2020-12. Not for: checking payloads (products.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lionrock.exchange.domain.consent import sha256_hex

# Words for readers; no payload is valid or not because of them.
_REMARKS = frozenset({"title", "description"})
_DEPTH_MAX = 16
Schema = Mapping[str, Any]


def breaking_changes(before: Schema, after: Schema) -> tuple[str, ...]:
    """Return what in `after` breaks a party that knows `before`, each named by its path; sorted."""
    old, new = _resolved(before, before), _resolved(after, after)
    was, now = old.get("properties", {}), new.get("properties", {})
    found = [f"{name}: removed" for name in was.keys() - now.keys()]
    found += [f"{name}: changed" for name in was.keys() & now.keys() if was[name] != now[name]]
    required_before, required_now = set(old.get("required", ())), set(new.get("required", ()))
    found += [f"{name}: required now" for name in required_now - required_before]
    found += [f"{name}: not required any more" for name in required_before - required_now]
    rest = (_without_fields(old), _without_fields(new))
    if rest[0] != rest[1]:
        found.append("the object itself: changed")
    return tuple(sorted(found))


def schema_sha256(schema: Schema) -> str:
    """Return the digest by which a member pins a schema: of what decides, not of the remarks."""
    plain = json.dumps(_resolved(schema, schema), sort_keys=True, separators=(",", ":"))
    return sha256_hex(plain)


def _without_fields(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items()
            if name not in ("properties", "required")}


def _resolved(node: Any, root: Schema, depth: int = 0) -> Any:
    """Put definitions in the place of references, in one order, without remarks."""
    assert depth <= _DEPTH_MAX, "products are trees of a few levels"
    if isinstance(node, list):
        return [_resolved(each, root, depth + 1) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        return _resolved(root["$defs"][name], root, depth + 1)
    kept: dict[str, Any] = {}
    for name, value in node.items():
        if name == "$defs" or (name in _REMARKS and isinstance(value, str)):
            continue
        if name == "properties":
            # Here the names are members of the payload, one of which may be called "title".
            kept[name] = {each: _resolved(inner, root, depth + 1)
                          for each, inner in value.items()}
        elif name in ("required", "enum"):
            kept[name] = sorted(value, key=str)
        else:
            kept[name] = _resolved(value, root, depth + 1)
    return kept

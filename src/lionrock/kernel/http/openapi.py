"""OpenAPI 3.1 from the rows: nothing is described twice, nothing is described that is not there.

Source: OpenAPI 3.1.0; msgspec's JSON Schema keeps `additionalProperties: false` of strict bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from lionrock.kernel.errors import KERNEL_ERRORS, ErrorRow, KernelRefusal
from lionrock.kernel.http.application import step_name
from lionrock.kernel.http.replies import OAuthError, Problem
from lionrock.kernel.http.table import Route, RouteTable

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
SIGNED_SCOPES = frozenset({"member", "signed", "device"})
SECURITY_SCHEMES: dict[str, Any] = {
    "dpop_token": {
        "type": "http", "scheme": "dpop",
        "description": "An access token with a fresh proof of its key (RFC 9449).",
    },
    "message_signature": {
        "type": "apiKey", "in": "header", "name": "Signature",
        "description": "An HTTP message signature by the member's or the device's key (RFC 9421).",
    },
    "session": {
        "type": "apiKey", "in": "cookie", "name": "lionrock-portal",
        "description": "A signed-in browser session of the portal.",
    },
}  # fmt: skip
_BODY_MEDIA = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def openapi_document(
    tables: Iterable[RouteTable], *, title: str, version: str, server_url: str
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the given tables."""
    pairs = [(table, route) for table in tables for route in table.routes]
    types: list[type] = [Problem, OAuthError]
    for _, route in pairs:
        types += [t for t in (route.body, *route.replies.values()) if _is_struct(t) and t]
    unique = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(unique, schemas, strict=True))
    paths: dict[str, Any] = {}
    for table, route in pairs:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(table, route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server_url}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": components, "securitySchemes": SECURITY_SCHEMES},
    }


def _operation(table: RouteTable, route: Route, schema_of: dict[type, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{table.pillar}_{route.name}",
        "summary": route.summary,
        "tags": [table.pillar],
        "description": _description(route),
        "security": _security(route),
        "x-scope": route.scope,
        "x-steps": [step_name(step) for step in route.steps],
        "responses": _responses(route, schema_of),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ] + [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in route.query or ()
    ]
    if parameters:
        operation["parameters"] = parameters
    body = _request_body(route, schema_of)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    """What a call of this row must carry; an empty list is a row open to all."""
    if route.scope == "public":
        return []
    if route.scope in SIGNED_SCOPES:
        return [{"message_signature": []}]
    if route.family == "html":
        return [{"session": []}]
    return [{"dpop_token": [route.scope]}]


def _request_body(route: Route, schema_of: dict[type, Any]) -> dict[str, Any] | None:
    if route.body is None:
        if route.body_kind != "raw" or route.method == "GET":
            return None
        media = route.body_media_types or ("application/octet-stream",)
        content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media}
    else:
        schema = schema_of.get(route.body, {})
        content = {_BODY_MEDIA[route.body_kind]: {"schema": schema}}
    return {"required": True, "content": content}


def _responses(route: Route, schema_of: dict[type, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, reply_type in route.replies.items():
        entry: dict[str, Any] = {"description": "Success" if status < 400 else "Refused"}
        if reply_type is not None:
            schema = schema_of.get(reply_type, {})
            entry["content"] = {route.reply_media_type: {"schema": schema}}
        responses[str(status)] = entry
    error_type = OAuthError if route.family == "oauth" else Problem
    media = "application/json" if route.family == "oauth" else "application/problem+json"
    kernel_rows = {r: KERNEL_ERRORS[r] for r in KernelRefusal if r is not KernelRefusal.BUG}
    rows: dict[int, list[str]] = {}
    for refusal, row in (*route.errors.items(), *kernel_rows.items()):
        rows.setdefault(row.status, []).append(_error_line(refusal.value, row))
    for status, lines in sorted(rows.items()):
        if str(status) not in responses:
            responses[str(status)] = {
                "description": "\n".join(sorted(set(lines))),
                "content": {media: {"schema": schema_of[error_type]}},
            }
    return responses


def _error_line(code: str, row: ErrorRow) -> str:
    source = f" ({row.clause})" if row.clause else ""
    return f"- `{code}`: {row.title}{source}"


def _description(route: Route) -> str:
    lines = [f"Source: {route.clause}." if route.clause else "", "Checks, in order:"]
    for step in route.steps:
        sentence = (getattr(step, "__doc__", None) or "").strip().split("\n")[0]
        lines.append(f"1. `{step_name(step)}` {sentence}".rstrip())
    return "\n".join(line for line in lines if line)


def _is_struct(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, msgspec.Struct)

"""What every front answers besides the pillars: health, readiness, OpenAPI and the reference page.

/health says that the process lives. /ready asks each part that requests need and names what is not
there. /reference is made from the rows: it cannot describe what does not exist.
"""

from __future__ import annotations

import asyncio
import functools
import html as html_escape
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import KERNEL_ERRORS
from lionrock.kernel.http.application import step_name
from lionrock.kernel.http.openapi import openapi_document
from lionrock.kernel.http.replies import html, reply
from lionrock.kernel.http.table import Call, Route, RouteTable

Probe = Callable[[], Awaitable[None]]
PROBE_S_MAX = 2.0


class StandardRoom:
    """What the standard rows show: the pillars' tables and the probes of readiness."""

    def __init__(
        self, tables: Iterable[RouteTable], probes: Mapping[str, Probe], *, title: str,
        version: str, server_url: str,
    ) -> None:
        self.tables = tuple(tables)
        self.probes = dict(probes)
        self.title = title
        self._version, self._server_url = version, server_url

    # Made when first asked for, and off the loop: a front that starts need not wait for them.
    @functools.cached_property
    def openapi_json(self) -> bytes:
        """The OpenAPI 3.1 document of all rows."""
        return msgspec.json.encode(openapi_document(
            self.tables, title=self.title, version=self._version, server_url=self._server_url))

    @functools.cached_property
    def reference_page(self) -> str:
        """The same rows as a page for people."""
        return _reference_page(self.title, self.tables)


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    ok: bool


StandardCall = Call[StandardRoom, None]


async def reply_health(_call: StandardCall) -> Response:
    """Answer without asking anything else."""
    return reply(Health(ok=True))


async def reply_ready(call: StandardCall) -> Response:
    """Ask every part that requests need, all at once."""

    async def ask(probe: Probe) -> str:
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                await probe()
        except TimeoutError:
            return "no answer in time"
        except Exception as error:  # noqa: BLE001 - whatever a part raises, it is not ready
            return f"unavailable ({type(error).__name__})"
        return "ready"

    states = dict(zip(
        call.room.probes, await asyncio.gather(*map(ask, call.room.probes.values())), strict=True
    ))
    is_ready = all(state == "ready" for state in states.values())
    return reply(states, status=200 if is_ready else 503)


async def reply_openapi(call: StandardCall) -> Response:
    """Answer with the OpenAPI 3.1 document of all rows."""
    document = await asyncio.to_thread(lambda: call.room.openapi_json)
    return Response(document, media_type="application/json")


async def reply_reference(call: StandardCall) -> Response:
    """Answer with the reference page."""
    return html(await asyncio.to_thread(lambda: call.room.reference_page))


def standard_table(room: StandardRoom) -> RouteTable:
    """The rows of every front."""

    def row(path: str, name: str, summary: str, step: Any, **more: Any) -> Route:
        return Route(method="GET", path=path, name=name, summary=summary, steps=(step,),
                     errors=KERNEL_ERRORS, mode="none", **more)

    return RouteTable(pillar="kernel", room=room, routes=(
        row("/health", "health", "Is this process alive?", reply_health, replies={200: Health}),
        row("/ready", "ready", "Can this front serve, and if not, which part is missing?",
            reply_ready, replies={200: None, 503: None}),
        row("/openapi.json", "openapi", "All endpoints as OpenAPI 3.1.", reply_openapi,
            replies={200: None}),
        row("/reference", "reference", "All endpoints for people.", reply_reference,
            replies={200: None}, reply_media_type="text/html"),
    ))


def _reference_page(title: str, tables: tuple[RouteTable, ...]) -> str:
    escape = html_escape.escape
    parts = []
    contents = []
    for table in tables:
        contents.append(f"<li><a href='#{table.pillar}'>{escape(table.pillar)}</a> "
                        f"({len(table.routes)})</li>")
        parts.append(f"<h2 id='{table.pillar}'>{escape(table.pillar)}</h2>")
        parts += [_entry(route) for route in table.routes]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<link rel=stylesheet href=/portal/static/lionrock.css>"
        f"<title>Reference · {escape(title)}</title></head><body><main>"
        f"<h1>Reference</h1><p class=lead>Every endpoint with its checks in the order they run. "
        "The same rows make the router and the <a href=/openapi.json>OpenAPI description</a>.</p>"
        f"<ul>{''.join(contents)}</ul>{''.join(parts)}</main></body></html>"
    )


def _entry(route: Route) -> str:
    escape = html_escape.escape
    steps = "".join(
        f"<li><code>{escape(step_name(step))}</code> "
        f"{escape((getattr(step, '__doc__', None) or '').strip().split(chr(10))[0])}</li>"
        for step in route.steps
    )
    errors = "".join(
        f"<tr><td>{row.status}</td><td><code>{escape(refusal.value)}</code></td>"
        f"<td>{escape(row.title)}</td><td>{escape(row.clause)}</td></tr>"
        for refusal, row in sorted(route.errors.items(), key=lambda item: item[0].value)
    )
    table = (
        "<div class=scroll><table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th>"
        f"<th>Source</th></tr></thead><tbody>{errors}</tbody></table></div>"
    )
    source = f"<p class=quiet>Source: {escape(route.clause)}</p>" if route.clause else ""
    return (
        f"<details><summary><code>{route.method} {escape(route.path)}</code> "
        f"{escape(route.summary)}</summary><div>{source}<p>Scope: <code>{escape(route.scope)}"
        f"</code></p><h3>Checks</h3><ol>{steps}</ol><h3>Refusals</h3>{table}</div></details>"
    )

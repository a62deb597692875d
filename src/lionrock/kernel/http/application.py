"""The router made from the rows, and the one place where a request begins and ends.

Order for every request: host allow-list, route, method, query, body size, media type, shape, then
the row's own steps inside its mode. `except Exception` is here and in the worker loop only.
Source of the host check: GHSA-86qp-5c8j-p5mr (authorise on the matched route, not the path).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import KERNEL_ERRORS, KernelRefusal, Refused
from lionrock.kernel.http.bodies import parse_body, parse_query, read_body
from lionrock.kernel.http.paths import PathTree
from lionrock.kernel.http.replies import (
    API_POLICY,
    error_page,
    oauth_reply,
    problem_reply,
)
from lionrock.kernel.http.served import ServerScope, read_request, send_answer
from lionrock.kernel.http.table import Call, Route, RouteTable
from lionrock.kernel.late import LateTransaction
from lionrock.kernel.log import forget_request, name_request
from lionrock.kernel.network import Unreachable
from lionrock.kernel.notes import GroupCommit

_log = structlog.get_logger("lionrock.http")
_DATABASE_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
)
# PostgreSQL stores no NUL character, in whatever spelling it came (%00, \u0000).
_TEXT_NOT_STORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
    "cache-control": "no-store",
    "content-security-policy": API_POLICY,
}
_FIELDS = [(name.encode("ascii"), value.encode("ascii")) for name, value in _HEADERS.items()]


class PartyUnreachable(Exception):
    """Another process or party that a request needs does not answer; becomes 503."""


class Application:
    """The application over route tables: RSGI for the server, ASGI for whoever is inside.

    Both faces only carry: what is decided about a request is decided in `respond`.
    """

    def __init__(self, kernel: Kernel, tables: Iterable[RouteTable]) -> None:
        self.kernel = kernel
        self.tables = tuple(tables)
        self._group = GroupCommit(kernel.database)
        self._hosts = frozenset(kernel.settings.hosts)
        by_path: dict[str, dict[str, tuple[RouteTable, Route]]] = {}
        for table in self.tables:
            for route in table.routes:
                methods = by_path.setdefault(route.path, {})
                assert route.method not in methods, f"two rows for {route.method} {route.path}"
                methods[route.method] = (table, route)
        self._paths: PathTree[dict[str, tuple[RouteTable, Route]]] = PathTree()
        for path, methods in by_path.items():
            self._paths.add(path, methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "there are neither websockets nor lifespan"
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def __rsgi__(self, told: ServerScope, server: Any) -> None:
        send_answer(await self.respond(read_request(told, server)), server)

    async def respond(self, request: Request) -> Response:
        """Find the row that a request is for and take it through; always returns a response."""
        scope = request.scope
        refused = self._check_target(scope)
        if refused is not None:
            return self._kernel_refusal(refused, "check_host")
        found = self._paths.find(scope["path"])
        if found is None:
            refused = Refused(KernelRefusal.NOT_FOUND)
            return self._kernel_refusal(refused, "find_route", for_browser=_is_browser(scope))
        methods, scope["path_params"] = found
        method = scope["method"]
        row = methods.get("GET" if method == "HEAD" else method)
        if row is None:
            return self._refuse_method(scope, methods)
        return await self.answer(*row, request)

    def _check_target(self, scope: Scope) -> Refused | None:
        """Exactly one Host, ours (RFC 9112 s3.2): of two, a proxy may have read the other.

        A target in absolute form names its own (RFC 9112 s3.2.2); where the two differ, what stands
        before us may have judged by the one and we by the other (RFC 9110 s15.5.20).
        """
        if scope.get("is_field_hidden"):
            return Refused(KernelRefusal.FIELD_NOT_ASCII)
        if not self._hosts:
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return Refused(KernelRefusal.HOST_UNKNOWN)
        host = hosts[0].decode("latin-1")
        if host not in self._hosts or (scope.get("authority") or host) != host:
            return Refused(KernelRefusal.HOST_UNKNOWN)
        return None

    def _refuse_method(
        self, scope: Scope, methods: Mapping[str, tuple[RouteTable, Route]]
    ) -> Response:
        allow = ", ".join(sorted(methods))
        response = self._kernel_refusal(
            Refused(KernelRefusal.METHOD_NOT_ALLOWED, f"Taken here: {allow}."), "find_route",
            for_browser=_is_browser(scope),
        )
        response.headers["allow"] = allow
        return response

    def _kernel_refusal(
        self, refused: Refused, step: str, *, for_browser: bool = False
    ) -> Response:
        """Dress a refusal from before any row was found, as a page for somebody who looks."""
        request_id = self.kernel.ids.new("req")
        row = KERNEL_ERRORS[refused.refusal]
        dress = error_page if for_browser else problem_reply
        return _dress(dress(row, refused, step, request_id), request_id)

    async def answer(self, table: RouteTable, route: Route, request: Request) -> Response:
        """Take one request through its row; always returns a response."""
        request_id = self.kernel.ids.new("req")
        logged = name_request(request_id, route.name)
        begun_ms = monotonic_ms()
        try:
            response = await self._answer(table, route, request, request_id)
        except (PartyUnreachable, Unreachable) as error:
            _log.warning("party_unreachable", reason=str(error))
            response = self._refuse_plain(route, KernelRefusal.PARTY_UNREACHABLE, request_id)
        except asyncpg.DiskFullError:
            _log.error("disk_full")
            response = self._refuse_plain(route, KernelRefusal.DISK_FULL, request_id)
        except _TEXT_NOT_STORABLE:
            response = self._refuse_plain(route, KernelRefusal.BODY_MALFORMED, request_id)
        except _DATABASE_GONE as error:
            _log.warning("database_unavailable", error=type(error).__name__)
            response = self._refuse_plain(route, KernelRefusal.DATABASE_UNAVAILABLE, request_id)
        except Exception:  # noqa: BLE001 - a bug becomes a 500 with a request id, never a trace
            _log.exception("bug", method=route.method, path=route.path)
            response = self._refuse_plain(route, KernelRefusal.BUG, request_id)
        finally:
            forget_request(logged)
        if route.is_even:
            least_ms = self.kernel.settings.answer_least_ms
            await asyncio.sleep(max(0.0, begun_ms + least_ms - monotonic_ms()) / 1_000)
        return _dress(response, request_id)

    async def _answer(
        self, table: RouteTable, route: Route, request: Request, request_id: str
    ) -> Response:
        query = parse_query(route, request)
        if isinstance(query, Refused):
            return render(route, None, query, "check_query", request_id)
        raw = await read_body(request, route.body_bytes_max)
        if isinstance(raw, Refused):
            return render(route, None, raw, "check_body_size", request_id)
        body = parse_body(route, request, raw)
        if isinstance(body, Refused):
            return render(route, None, body, "check_body_shape", request_id)
        call = route.call(
            kernel=self.kernel, room=table.room, request=request, route=route, body=body,
            raw_body=raw, query=query, request_id=request_id,
        )
        step, result = await self._run(route, call)
        mend = route.mend
        if mend is not None and isinstance(result, Refused) and await mend(call, result):
            step, result = await self._run(route, call)
        if isinstance(result, Refused):
            result = render(route, call, result, step, request_id)
        if call.reply_headers:
            result.headers.update(call.reply_headers)
        return result

    async def _run(self, route: Route, call: Call[Any, Any]) -> tuple[str, Response | Refused]:
        if route.mode != "transaction":
            return await _run_steps(route, call)
        return await self._run_in_transaction(route, call)

    async def _run_in_transaction(
        self, route: Route, call: Call[Any, Any]
    ) -> tuple[str, Response | Refused]:
        late = LateTransaction(self.kernel.database, self._group)
        call._db = late
        return await late.run(partial(_run_steps, route, call, late))

    def _refuse_plain(self, route: Route, refusal: KernelRefusal, request_id: str) -> Response:
        return render(route, None, Refused(refusal), "answer", request_id)


async def _run_steps(
    route: Route, call: Call[Any, Any], late: LateTransaction | None = None
) -> tuple[str, Response | Refused]:
    for step in route.steps:
        if late is not None:
            late.step = step_name(step)
        result = await step(call)
        if result is not None:
            return step_name(step), result
    raise AssertionError(f"{route.name}: the last step gave no answer")


def step_name(step: Any) -> str:
    """The name shown as the failed check."""
    return str(getattr(step, "__name__", type(step).__name__))


def render(
    route: Route, call: Call[Any, Any] | None, refused: Refused, step: str, request_id: str
) -> Response:
    """Dress a refusal in its row's family."""
    row = route.errors.get(refused.refusal) or KERNEL_ERRORS.get(refused.refusal)
    assert row is not None, f"{refused.refusal} has no row in the error table of {route.name}"
    if route.render_refusal is not None and call is not None:
        special = route.render_refusal(call, refused, step)
        if special is not None:
            return special
    if route.family == "oauth":
        sent = call.request.headers.get("authorization", "") if call is not None else ""
        return oauth_reply(row, refused, step, request_id, sent)
    if route.family == "html":
        return error_page(row, refused, step, request_id)
    return problem_reply(row, refused, step, request_id)


def _is_browser(scope: Scope) -> bool:
    """Whether the answer is for a person's eyes: programs do not ask for HTML by name."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _dress(response: Response, request_id: str) -> Response:
    fields = response.raw_headers
    present = {name for name, _ in fields}
    fields += [field for field in _FIELDS if field[0] not in present]
    assert b"request-id" not in present, "the id of a request is given here only"
    fields.append((b"request-id", request_id.encode("ascii")))
    return response


def build_application(kernel: Kernel, tables: Iterable[RouteTable]) -> Application:
    """Build the ASGI application of a front from all pillars' tables."""
    return Application(kernel, tables)

"""A request as the server hands it over and an answer as the server takes it (RSGI 1.5).

RSGI costs a third less than ASGI: one call an answer, and no call at all for a body that is not
there. What it does not tell, and what follows from it:

- The path comes percent-decoded only. `raw_path`, which signatures and proofs cover, is therefore
  the decoded path encoded again with the fewest escapes (RFC 3986 s3.3): what is signed is what is
  routed, and a sender who escapes what needs no escape is refused by his own signature.
- A field whose value is not printable ASCII is left out. A request that loses a whole field that
  way is marked, so that it is refused rather than judged without the field.
- A body without a Content-Length that breaks off ends like one that is complete, but for one empty
  piece more; so does one with trailer fields, which nobody here takes. Both are "broken off".

Not for: applications that are called as ASGI (in tests, and parties in one process).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

from granian.rsgi import ProtocolClosed, ProtocolError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

# What a path may hold unescaped (RFC 3986 s3.3, pchar and the slash); letters and digits besides.
_PATH_SAFE = "/-._~!$&'()*+,;=:@"
# A body of a told length up to this is taken at once, a longer one piece by piece.
WHOLE_BYTES_MAX = 1024 * 1024
# Paths that are asked for again and again.
PATHS_KEPT_MAX = 256


class ServerScope(Protocol):
    """What the server tells of a request (granian's RSGIHTTPScope)."""

    authority: str | None
    client: str
    headers: Any
    http_version: str
    method: str
    path: str
    query_string: str
    scheme: str


class ServedRequest(Request):
    """A request whose body is read from the server, in pieces or at once, and never twice."""

    def __init__(self, scope: dict[str, Any], server: Any) -> None:
        super().__init__(scope)
        self._server = server

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body; ClientDisconnect when its sender broke it off."""
        length = self.headers.get("content-length", "")
        if self.is_short:
            yield await self.whole()
            return
        self._begin()
        is_ended = False
        size = 0
        async for chunk in self._server:
            if is_ended:
                raise ClientDisconnect
            is_ended = not chunk
            size += len(chunk)
            yield chunk
        if length.isdigit() and size < int(length):
            raise ClientDisconnect

    @property
    def is_short(self) -> bool:
        """Whether the body is of a told length, and small enough to be taken at once."""
        headers = self.headers
        length = headers.get("content-length", "")
        # A server that was sent both goes by the encoding (RFC 9112 s6.3).
        is_short = length.isdigit() and int(length) <= WHOLE_BYTES_MAX
        return is_short and "transfer-encoding" not in headers

    def _begin(self) -> None:
        if self._stream_consumed:
            raise RuntimeError("the body was read before")
        self._stream_consumed = True

    async def whole(self) -> bytes:
        """Return a short body; ClientDisconnect when its sender broke it off."""
        self._begin()
        try:
            whole: bytes = await self._server()
        except (ProtocolClosed, ProtocolError) as error:
            raise ClientDisconnect from error
        return whole


@lru_cache(maxsize=PATHS_KEPT_MAX)
def _raw_path(path: str) -> bytes:
    return quote(path, safe=_PATH_SAFE).encode("ascii")


def read_request(told: ServerScope, server: Any) -> ServedRequest:
    """Build the request from what the server tells; `server` gives its body."""
    named = told.headers
    fields = [(name.encode("ascii"), value.encode("ascii")) for name, value in named.items()]
    path = told.path
    host, _, port = told.client.rpartition(":")
    return ServedRequest({
        "type": "http",
        "http_version": told.http_version,
        "method": told.method,
        "scheme": told.scheme,
        "path": path,
        "raw_path": _raw_path(path),
        "query_string": told.query_string.encode("utf-8"),
        "headers": fields,
        "client": (host.strip("[]"), int(port) if port.isdigit() else 0),
        "authority": told.authority,
        "is_field_hidden": len(named.keys()) != len({name for name, _ in fields}),
    }, server)


def send_answer(response: Response, server: Any) -> None:
    """Give the server the whole answer; it leaves the body out for HEAD itself."""
    fields = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
    ]
    server.response_bytes(response.status_code, fields, bytes(response.body))

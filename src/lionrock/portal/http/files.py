"""The packaged files of the pages: style sheet, mark, the waiting page's helper. Nothing else.

A file is named in FILES or is not served; no path of the request reaches the file system.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall

_STATIC = Path(__file__).resolve().parent.parent / "static"
FILES = {
    "lionrock.css": "text/css; charset=utf-8",
    "lionrock.svg": "image/svg+xml",
    "wait.js": "text/javascript; charset=utf-8",
    "renew.js": "text/javascript; charset=utf-8",
}
CACHED = "public, max-age=300"


async def reply_file(call: PortalCall) -> Response | Refused:
    """Serve a packaged file; 304 when the browser has it (RFC 9110 s13.1.2)."""
    return _file(call, call.path_params["name"])


async def reply_favicon(call: PortalCall) -> Response | Refused:
    """Serve the mark to browsers that ask under its old name."""
    return _file(call, "lionrock.svg")


def _file(call: PortalCall, name: str) -> Response | Refused:
    media_type = FILES.get(name)
    if media_type is None:
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    content, tag = _read(name)
    headers = {"cache-control": CACHED, "etag": tag, "cross-origin-resource-policy": "cross-origin"}
    if call.request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@functools.cache
def _read(name: str) -> tuple[bytes, str]:
    content = (_STATIC / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'

"""Pages of the simulated parties: rendered on the server, three languages, marked as simulated."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse

from lionrock.kernel.http.table import preferred_language
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.sandbox.world.frame import WorldContext

BODY_BYTES_MAX = 16 * 1024
_TEMPLATES = Path(__file__).resolve().parent / "templates"


def page(
    template: str,
    context: WorldContext,
    language: str,
    texts: Mapping[str, Text],
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Render a party's page with the platform's style sheet and no script."""
    shown = {name: text.in_language(language) for name, text in texts.items()}
    content = _environment().get_template(template).render(
        language=language, languages=LANGUAGES, text=shown, platform_url=context.platform_url,
        **values,
    )  # fmt: skip
    # Forms of these pages redirect across parties, so form-action is left open.
    policy = (
        f"default-src 'none'; style-src {context.platform_url}; font-src {context.platform_url}; "
        "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy, "cache-control": "no-store",
        "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
    }  # fmt: skip
    return HTMLResponse(content, status, headers)


def page_language(request: Request) -> str:
    """Choose the language: `?lang=`, else Accept-Language."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return asked
    return preferred_language(request.headers.get("accept-language", ""))


async def read_body(request: Request) -> bytes:
    """Read a bounded body; what is longer, or breaks off, counts as empty."""
    return await read_within(request, BODY_BYTES_MAX) or b""


async def read_within(request: Request, bytes_max: int) -> bytes | None:
    """Read the body up to its limit; None when it is larger or breaks off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip

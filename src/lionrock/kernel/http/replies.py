"""Answers: JSON from structs, redirects, pages, and refusals in the shape of their family.

Source: RFC 9457 (problem+json), RFC 6749 s5.2 (OAuth). One error shape per family.
"""

from __future__ import annotations

import html as html_escape
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import ErrorRow, Refused

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A scheme's name as an answer may repeat it (RFC 9110 s11.1, bounded).
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457 problem details; `code` is stable, `step` is the check that refused."""

    type: str
    title: str
    status: int
    code: str
    step: str
    request_id: str
    detail: str = ""
    field: str = ""
    clause: str = ""


class OAuthError(msgspec.Struct, omit_defaults=True):
    """RFC 6749 s5.2, with our stable `code` and the failed `step` beside it."""

    error: str
    error_description: str
    code: str
    step: str
    request_id: str
    clause: str = ""


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a struct (or plain objects) as JSON."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )


def redirect(url: str, status: int = 303) -> Response:
    """Send the browser elsewhere; 303 so that a POST is not repeated (RFC 9700 s4.12)."""
    return Response(status_code=status, headers={"location": url})


def html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a page under the strict content policy."""
    response = Response(
        text, status_code=status, media_type="text/html", headers=dict(headers or {})
    )
    response.headers.setdefault("content-security-policy", PAGE_POLICY)
    return response


def problem_reply(row: ErrorRow, refused: Refused, step: str, request_id: str) -> Response:
    """A refusal as application/problem+json."""
    code = refused.refusal.value
    problem = Problem(
        type=f"urn:lionrock:error:{code}", title=row.title, status=row.status, code=code,
        step=step, request_id=request_id, detail=refused.detail, field=refused.field,
        clause=row.clause,
    )
    return Response(
        msgspec.json.encode(problem), status_code=row.status,
        media_type="application/problem+json",
    )


def oauth_reply(
    row: ErrorRow, refused: Refused, step: str, request_id: str, authorization: str = ""
) -> Response:
    """A refusal in the OAuth shape; the description is ASCII without quotes (RFC 6749 s5.2).

    `authorization`: the request's header of that name, empty without one.
    """
    text = f"{row.title} {refused.detail}".strip()
    safe = "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)
    error = OAuthError(
        error=row.oauth or "invalid_request", error_description=safe,
        code=refused.refusal.value, step=step, request_id=request_id, clause=row.clause,
    )
    headers = {"cache-control": "no-store"}
    challenge = _challenge(error.error, authorization) if row.status == 401 else ""
    if challenge:
        headers["www-authenticate"] = challenge
    return Response(
        msgspec.json.encode(error), status_code=row.status,
        media_type="application/json", headers=headers,
    )


def _challenge(error: str, authorization: str) -> str:
    """Return what a 401 asks for; nothing of a client that used no scheme of HTTP.

    A client that failed to authenticate in the body has nothing to try in a header, least of all
    DPoP, which authenticates no client (RFC 6749 s5.2, RFC 9449 s7.1). One that tried in the header
    is told of the scheme that it used.
    """
    if error != "invalid_client":
        return f'DPoP error="{error}", algs="ES256"'
    scheme = authorization.split(" ", 1)[0]
    return f'{scheme} realm="client"' if _SCHEME.fullmatch(scheme) else ""


def error_page(row: ErrorRow, refused: Refused, step: str, request_id: str) -> Response:
    """A refusal as a page: a sentence for the person, the stable code for the engineer."""
    escape = html_escape.escape
    code = escape(refused.refusal.value)
    details = [f"<dt>Code</dt><dd><code>{code}</code></dd>",
               f"<dt>Check</dt><dd><code>{escape(step)}</code></dd>"]
    if row.clause:
        details.append(f"<dt>Source</dt><dd>{escape(row.clause)}</dd>")
    details.append(f"<dt>Request</dt><dd><code>{escape(request_id)}</code></dd>")
    sentence = escape(row.title)
    detail = f"<p>{escape(refused.detail)}</p>" if refused.detail else ""
    return html(
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        "<link rel=stylesheet href=/portal/static/lionrock.css><title>Refused</title></head>"
        f"<body><main class=refused data-error-code='{code}'><h1>This cannot go on</h1>"
        f"<p>{sentence}</p>{detail}<dl>{''.join(details)}</dl>"
        "<p><a href=/>Start again</a></p></main></body></html>",
        status=row.status,
    )

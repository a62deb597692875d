"""The browser's secret at this server: the cookie that ties a sign-in and its forms to it."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

COOKIE_LIFE_S = 12 * 3600
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def browser_secret(request: Request, issuer: str) -> str | None:
    """Return the secret of the browser's cookie, if it has the form of one."""
    value = request.cookies.get(_cookie_name(issuer), "")
    return value if _SECRET.fullmatch(value) else None


def set_browser_secret(response: Response, issuer: str, secret: str) -> None:
    """Give a browser its secret, or the same one for longer."""
    response.set_cookie(
        _cookie_name(issuer), secret, max_age=COOKIE_LIFE_S, path="/", httponly=True,
        secure=issuer.startswith("https://"), samesite="lax",
    )  # fmt: skip


def is_own_site(request: Request) -> bool:
    """Fetch metadata, where the browser sends it. Origin is "null" under our no-referrer policy."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _cookie_name(issuer: str) -> str:
    """__Host- pins the cookie to this host and to https, where there is https (RFC 6265bis)."""
    return f"{'__Host-' if issuer.startswith('https://') else ''}lionrock-sign-in"

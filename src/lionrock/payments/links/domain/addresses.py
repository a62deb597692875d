"""Addresses that a payee gives: where the result is called back, where the payer goes afterwards.

Both must lie under the address that the payee registered in the directory (endpoint
"payment-links"), which two operators agreed to: so a link calls nobody else's machine and sends
nobody to a foreign page. Whether the machine behind the name may be reached at all is the guarded
client's to say, at each delivery (kernel.network).

Pure. Source: OWASP SSRF prevention; CWE-601 (open redirect); RFC 3986.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

ENDPOINT = "payment-links"
ADDRESS_LENGTH_MAX = 512
_PORTS = {"http": 80, "https": 443}
# Encoded dots and slashes, which one reader takes for a path and another one does not.
_TWO_READINGS = re.compile(r"%(?:2e|2f|5c|00|25)", re.IGNORECASE)


def is_under(address: str, base: str) -> bool:
    """Say whether an address is plain and lies under a registered one: same origin, path below."""
    parts, registered = _plain(address), _plain(base)
    if parts is None or registered is None:
        return False
    if (parts.scheme, parts.hostname, _port(parts)) != (
        registered.scheme, registered.hostname, _port(registered)
    ):
        return False
    below = registered.path.rstrip("/")
    return parts.path == below or parts.path.startswith(f"{below}/")


def _plain(address: str) -> SplitResult | None:
    if len(address) > ADDRESS_LENGTH_MAX or not address.isascii() or not address.isprintable():
        return None
    if any(sign in address for sign in "\\ \"<>'`{}|^") or _TWO_READINGS.search(address):
        return None
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    is_http = parts.scheme in _PORTS and bool(parts.hostname) and has_port
    if not is_http or "@" in parts.netloc or parts.fragment or "#" in address:
        return None
    segments = parts.path.split("/")
    return None if ".." in segments or "." in segments or "" in segments[1:-1] else parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]

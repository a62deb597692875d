"""The one way out: a guarded HTTP client for addresses that others chose.

A name is resolved once, every address it has is checked, and the connection goes to a checked
address: an answer that changes between check and connect (DNS rebinding) has no effect. TLS still
verifies the name. Only http and https, listed ports, no redirects, no proxies or credentials from
the environment, no cookies, no decompression, one deadline for the whole exchange, a limit on the
answer's size.

Not for: the database, or retrying (jobs do that).
Source: OWASP SSRF prevention; IANA special-purpose address registries (RFC 6890).
Invariants: without `allow_private` no packet leaves for a loopback or private address; link-local,
multicast, unspecified and cloud metadata addresses are never reached.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from functools import cache, lru_cache
from typing import Any

import httpx
import msgspec

from lionrock.kernel.wire import (
    Answer,
    BrokenOff,
    Place,
    Pool,
    TooLarge,
    open_connection,
    request_bytes,
)

URL_CHARACTERS_MAX = 2048
TIMEOUT_MS = 5_000
TIMEOUT_MS_MAX = 60_000
RESPONSE_BYTES_MAX = 4 * 1024 * 1024
REQUEST_BYTES_MAX = 16 * 1024 * 1024
URLS_KNOWN_MAX = 512
ADDRESSES_MAX = 16
WEB_PORTS = frozenset({80, 443})
PORT_MAX = 65_535
_SCHEME_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]
AsgiApplication = Callable[..., Awaitable[None]]

# Addresses of cloud metadata services that are neither private nor link-local.
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "fd00:ec2::254")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Set by the connection or by this client; a caller that could set them could smuggle requests.
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
)


class UnreachableReason(Enum):
    """Why there is no answer. The value is stable and may be logged."""

    URL_REFUSED = "url_refused"
    PORT_REFUSED = "port_refused"
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_REFUSED = "address_refused"
    CONNECTION_REFUSED = "connection_refused"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    BROKEN_OFF = "broken_off"
    RESPONSE_TOO_LARGE = "response_too_large"
    RESPONSE_ENCODED = "response_encoded"


# After these the other side may have received and carried out the request.
_MAYBE_ARRIVED = frozenset(
    {
        UnreachableReason.TIMED_OUT,
        UnreachableReason.BROKEN_OFF,
        UnreachableReason.RESPONSE_TOO_LARGE,
        UnreachableReason.RESPONSE_ENCODED,
    }
)


class Unreachable(OSError):
    """There is no usable answer; callers handle it in the "call" beat."""

    def __init__(self, reason: UnreachableReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason

    @property
    def may_have_arrived(self) -> bool:
        """Whether the other side may have carried out the request all the same."""
        return self.reason in _MAYBE_ARRIVED


class Reply(msgspec.Struct, frozen=True):
    """An answer; header names are lower case, repeated fields joined by ", " (RFC 9110 s5.3)."""

    status: int
    headers: dict[str, str]
    body: bytes


@cache
def _public_tls() -> ssl.SSLContext:
    """Return the context that verifies against public CAs; reading those takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Network:
    """A pooled client.

    `applications` maps origins such as "http://bank.test" (lower case, no default port) to ASGI
    applications that answer in this process; it may be changed at any time.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        ports: Iterable[int] | None = WEB_PORTS,
        applications: Mapping[str, AsgiApplication] | None = None,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
    ) -> None:
        """`ports` None allows every port (the sandbox); `tls` None verifies against public CAs."""
        self.applications: dict[str, AsgiApplication] = dict(applications or {})
        self._ports = frozenset(ports) if ports is not None else None
        self._response_bytes_max = response_bytes_max
        context = tls if tls is not None else _public_tls()
        context.set_alpn_protocols(["http/1.1"])
        self._pool = Pool(_GuardedOpener(allow_private, resolver or _resolve, context).open)

    async def close(self) -> None:
        """Close the idle connections."""
        await self._pool.close()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_ms: int = TIMEOUT_MS,
    ) -> Reply:
        """Send one request and return the whole answer, whatever its status.

        `timeout_ms` is the deadline for everything together. Raises Unreachable; ValueError for
        headers that the connection owns or for a body over `REQUEST_BYTES_MAX`.
        """
        assert 0 < timeout_ms <= TIMEOUT_MS_MAX, "a deadline is between 1 ms and a minute"
        fields = dict(headers or {})
        if _OWN_HEADERS & {name.lower() for name in fields}:
            raise ValueError("host, length, encoding and connection headers are set here")
        if len(body) > REQUEST_BYTES_MAX:
            raise ValueError("the request body is too large")
        target = self._checked_url(url)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._exchange(target, method, fields, body)
        except TimeoutError as error:
            raise Unreachable(UnreachableReason.TIMED_OUT, f"{timeout_ms} ms") from error

    def _checked_url(self, url: str) -> httpx.URL:
        """Refuse what is no plain absolute http(s) address on an allowed port."""
        if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable():
            raise Unreachable(UnreachableReason.URL_REFUSED, "not a printable ASCII address")
        try:
            target = _parsed(url)
        except httpx.InvalidURL as error:
            raise Unreachable(UnreachableReason.URL_REFUSED, "not an address") from error
        if target.scheme not in ("http", "https") or not target.host:
            raise Unreachable(UnreachableReason.URL_REFUSED, "only http and https addresses")
        if target.userinfo or target.fragment:
            raise Unreachable(UnreachableReason.URL_REFUSED, "no user name, password or fragment")
        if _origin(target) in self.applications:
            return target
        port = target.port if target.port is not None else _SCHEME_PORTS[target.scheme]
        if not 0 < port <= PORT_MAX:
            raise Unreachable(UnreachableReason.URL_REFUSED, "no such port")
        if self._ports is not None and port not in self._ports:
            raise Unreachable(UnreachableReason.PORT_REFUSED, str(port))
        return target

    async def _exchange(
        self, target: httpx.URL, method: str, fields: Mapping[str, str], body: bytes
    ) -> Reply:
        application = self.applications.get(_origin(target)) if self.applications else None
        if application is not None:
            inside = httpx.ASGITransport(application, raise_app_exceptions=False)
            request = httpx.Request(
                method, target, headers={"accept-encoding": "identity", **fields}, content=body
            )
            answer = await inside.handle_async_request(request)
            assert isinstance(answer.stream, httpx.AsyncByteStream), "ASGI answers are async"
            return await self._read(answer.status_code, answer.headers.raw, answer.stream)
        try:
            reply = await self._over_the_wire(target, method, fields, body)
        except _AddressRefused as error:
            raise Unreachable(UnreachableReason.ADDRESS_REFUSED, str(error)) from error
        except _NameUnknown as error:
            raise Unreachable(UnreachableReason.NAME_UNKNOWN, str(error)) from error
        except TooLarge as error:
            raise Unreachable(UnreachableReason.RESPONSE_TOO_LARGE) from error
        except BrokenOff as error:
            raise Unreachable(UnreachableReason.BROKEN_OFF, target.host) from error
        except ssl.SSLError as error:
            raise Unreachable(UnreachableReason.TLS_FAILED, target.host) from error
        except OSError as error:
            raise Unreachable(UnreachableReason.CONNECTION_REFUSED, target.host) from error
        headers = _headers(reply.fields)
        return Reply(status=reply.status, headers=headers, body=reply.body)

    async def _over_the_wire(
        self, target: httpx.URL, method: str, fields: Mapping[str, str], body: bytes
    ) -> Answer:
        port = target.port if target.port is not None else _SCHEME_PORTS[target.scheme]
        request = request_bytes(
            method, target.raw_path,
            (("host", target.netloc.decode("ascii")), ("accept-encoding", "identity"),
             *fields.items()),
            body,
        )
        place = Place(target.scheme, target.raw_host.decode("ascii"), port)
        return await self._pool.exchange(place, method, request, self._response_bytes_max)

    async def _read(self, status: int, raw: Iterable[tuple[bytes, bytes]], chunks: Any) -> Reply:
        headers = _headers(raw)
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > self._response_bytes_max:
                raise Unreachable(UnreachableReason.RESPONSE_TOO_LARGE)
        return Reply(status=status, headers=headers, body=bytes(body))


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Combine an answer's fields; refuse one that is encoded."""
    headers: dict[str, str] = {}
    for name, value in raw:
        field, text = name.decode("ascii").lower(), value.decode("latin-1")
        headers[field] = f"{headers[field]}, {text}" if field in headers else text
    # We ask for identity; decompressing what came all the same would let a small answer grow
    # beyond the limit.
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreachable(UnreachableReason.RESPONSE_ENCODED)
    return headers


@lru_cache(maxsize=URLS_KNOWN_MAX)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


class _AddressRefused(Exception):
    """An address of the name may not be reached."""


class _NameUnknown(Exception):
    """The name has no address."""


class _GuardedOpener:
    """Opens TCP connections to checked addresses only; the pool before it knows names only."""

    def __init__(self, allow_private: bool, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._tls = tls

    async def open(
        self, place: Place, factory: Callable[[], asyncio.Protocol]
    ) -> asyncio.BaseProtocol:
        """Resolve, check every address, connect to the first that answers."""
        addresses = await self._resolver(place.host, place.port)
        if not addresses:
            raise _NameUnknown(place.host)
        # One forbidden address refuses the name: whoever mixes them is probing.
        for address in addresses:
            reason = refused_because(address, allow_private=self._allow_private)
            if reason:
                raise _AddressRefused(f"{place.host}: {reason}")
        failure: Exception = _NameUnknown(place.host)
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await open_connection(address, place, factory, self._tls)
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        raise failure


def refused_because(address: str, *, allow_private: bool) -> str:
    """Say why a literal IP address may not be reached; "" when it may (RFC 6890)."""
    try:
        ip: Address = ipaddress.ip_address(address)
    except ValueError:
        return "not an IP address"
    for candidate in (ip, *_embedded(ip)):
        if candidate in _METADATA:
            return "a cloud metadata address"
        if candidate.is_link_local or candidate.is_multicast or candidate.is_unspecified:
            return "a link-local, multicast or unspecified address"
        if candidate.is_global:
            continue
        if not allow_private:
            return "a private, loopback or reserved address"
        if not (candidate.is_loopback or candidate.is_private):
            return "a reserved address"
    return ""


def _embedded(ip: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address carries and a gateway would unpack."""
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    carried: list[Address | None] = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        carried.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [address for address in carried if address is not None]


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (socket.gaierror, UnicodeError):
        return []
    # A scope ("fe80::1%eth0") is cut off: link-local addresses are refused anyway.
    return list(dict.fromkeys(str(entry[4][0]).split("%")[0] for entry in found))


def _origin(url: httpx.URL) -> str:
    """Scheme, host and, unless it is the scheme's own, port: the key of `applications`."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"

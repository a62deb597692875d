"""The way out: which addresses it reaches, and what it does with hostile answers.

Real sockets on loopback where the wire matters; a resolver that says what the test wants; nothing
leaves the machine.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lionrock.kernel.network import (
    REQUEST_BYTES_MAX,
    TIMEOUT_MS_MAX,
    URL_CHARACTERS_MAX,
    Network,
    Resolver,
    Unreachable,
    UnreachableReason,
    refused_because,
)

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::5db8:d70e"]
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "::1", "fc00::1", "fdff::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
]  # fmt: skip
RESERVED = ["100.64.0.1", "100.100.100.200", "2002:6440:1::"]
NEVER = [
    "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "168.63.129.16",
    "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "::ffff:0.0.0.0", "not an address", "127.1", "0x7f000001", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address: str) -> None:
    assert refused_because(address, allow_private=False) == ""


@pytest.mark.parametrize("address", [*PRIVATE, *RESERVED, *NEVER])
def test_an_address_that_is_not_public_is_not_reached(address: str) -> None:
    assert refused_because(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_the_sandbox_reaches_private_addresses(address: str) -> None:
    assert refused_because(address, allow_private=True) == ""


@pytest.mark.parametrize("address", NEVER)
def test_even_the_sandbox_never_reaches_metadata_or_link_local(address: str) -> None:
    assert refused_because(address, allow_private=True)


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_an_address_inside_an_address_is_found(inner: str) -> None:
    a, b, c, d = (int(part) for part in inner.split("."))
    for wrapped in (
        f"::ffff:{inner}", f"64:ff9b::{inner}", f"2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1",
    ):  # fmt: skip
        assert refused_because(wrapped, allow_private=False), wrapped


def resolver(*addresses: str) -> Resolver:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


async def reason(network: Network, url: str, **options: int) -> UnreachableReason:
    with pytest.raises(Unreachable) as caught:
        await network.send("GET", url, timeout_ms=options.get("timeout_ms", 2_000))
    await network.close()
    return caught.value.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    network = Network(resolver=resolver(address))
    assert await reason(network, "http://bank.example/") is UnreachableReason.ADDRESS_REFUSED


async def test_one_forbidden_address_refuses_the_whole_name() -> None:
    network = Network(resolver=resolver("93.184.215.14", "127.0.0.1"))
    assert await reason(network, "http://bank.example/") is UnreachableReason.ADDRESS_REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1"])
async def test_a_spelling_of_loopback_is_refused(host: str) -> None:
    expected = {UnreachableReason.ADDRESS_REFUSED, UnreachableReason.URL_REFUSED}
    assert await reason(Network(), f"http://{host}/") in expected


async def test_a_name_without_address_is_unknown() -> None:
    network = Network(resolver=resolver())
    assert await reason(network, "http://nobody.example/") is UnreachableReason.NAME_UNKNOWN


async def test_the_operating_system_resolver_is_used_and_its_failure_named() -> None:
    network = Network()
    assert await reason(network, "http://nobody.invalid/") is UnreachableReason.NAME_UNKNOWN


@pytest.mark.parametrize(
    "url",
    [
        "", "bank", "//bank/", "ftp://bank/", "file:///etc/passwd", "gopher://bank/", "http://",
        "http:///x", "http://user@bank/", "http://user:pw@bank/", "http://bank/#x",
        "http://bank/\n", "http://bank/ä", "http://bank/\0", "http://[::1", "http://bank:99999/",
        "http://bank:0/", "http://bank:-1/",
        "javascript:alert(1)", "http://bank/" + "x" * URL_CHARACTERS_MAX,
    ],
)  # fmt: skip
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    assert await reason(Network(), url) is UnreachableReason.URL_REFUSED


async def test_only_listed_ports_are_reached() -> None:
    for port in (22, 25, 5432, 6379, 8080):
        network = Network(resolver=resolver("93.184.215.14"))
        assert await reason(network, f"http://bank:{port}/") is UnreachableReason.PORT_REFUSED


async def test_headers_that_the_connection_owns_cannot_be_given() -> None:
    network = Network()
    for name in ("Host", "content-length", "Transfer-Encoding", "connection", "accept-encoding"):
        with pytest.raises(ValueError, match="set here"):
            await network.send("GET", "http://bank/", {name: "x"})
    with pytest.raises(ValueError, match="too large"):
        await network.send("POST", "http://bank/", body=b"x" * (REQUEST_BYTES_MAX + 1))
    with pytest.raises(AssertionError):
        await network.send("GET", "http://bank/", timeout_ms=TIMEOUT_MS_MAX + 1)
    await network.close()


@asynccontextmanager
async def server(connected: Connected) -> AsyncIterator[int]:
    """A raw TCP server on loopback that answers as the test says."""
    running = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Connected:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(head)
            writer.write(answer)
            await writer.drain()
        writer.close()

    return connected


def inside(**options: object) -> Network:
    return Network(allow_private=True, ports=None, **options)  # type: ignore[arg-type]  # options


async def test_a_whole_exchange_over_a_socket() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 201 Created\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok"
    async with server(answering(answer, seen=seen)) as port:
        network = inside()
        reply = await network.send("GET", f"http://localhost:{port}/a%2Fb?c=1", {"X-B": "3"})
        await network.close()
    assert (reply.status, reply.body, reply.headers["x-a"]) == (201, b"ok", "1, 2")
    head = seen[0].decode().lower()
    assert head.startswith("get /a%2fb?c=1 http/1.1\r\n")
    assert f"host: localhost:{port}\r\n" in head
    assert "x-b: 3\r\n" in head
    assert "accept-encoding: identity\r\n" in head
    assert "cookie" not in head


async def test_an_address_that_changes_after_the_check_has_no_effect() -> None:
    """DNS rebinding: the second answer would lead inside; the connection uses the first."""
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async with server(answering(GOOD, GOOD)) as port:
        network = inside(resolver=rebinding)
        for _ in range(2):
            assert (await network.send("GET", f"http://bank.example:{port}/")).status == 200
        await network.close()
    assert asked == ["bank.example"], "resolved once, connected once, the connection reused"


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with server(answering(GOOD)) as port:
        network = inside(resolver=resolver("127.0.0.2", "127.0.0.1"))
        assert (await network.send("GET", f"http://bank.example:{port}/")).body == b"ok"
        await network.close()


async def test_a_redirect_is_returned_and_not_followed() -> None:
    answer = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    async with server(answering(answer)) as port:
        network = inside()
        reply = await network.send("GET", f"http://127.0.0.1:{port}/")
        await network.close()
    assert (reply.status, reply.headers["location"]) == (302, "http://169.254.169.254/")


async def test_a_cookie_is_not_kept() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with server(answering(answer, answer, seen=seen)) as port:
        network = inside()
        for _ in range(2):
            await network.send("GET", f"http://127.0.0.1:{port}/")
        await network.close()
    assert b"cookie" not in seen[1].lower()


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with server(answering(GOOD)) as port:
        network = inside()
        assert (await network.send("GET", f"http://127.0.0.1:{port}/")).body == b"ok"
        await network.close()


async def test_credentials_in_the_users_netrc_are_not_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine localhost login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []
    async with server(answering(GOOD, seen=seen)) as port:
        network = inside()
        await network.send("GET", f"http://localhost:{port}/")
        await network.close()
    assert b"authorization" not in seen[0].lower()


@pytest.mark.parametrize("framing", ["length", "chunks", "until-close"])
async def test_an_answer_is_read_up_to_its_limit_and_no_further(framing: str) -> None:
    def answer(size: int) -> bytes:
        body = b"x" * size
        if framing == "length":
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + body
        if framing == "chunks":
            head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            return head + b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body

    async with server(answering(answer(1000))) as port:
        network = inside(response_bytes_max=1000)
        assert len((await network.send("GET", f"http://127.0.0.1:{port}/")).body) == 1000
        await network.close()
    async with server(answering(answer(1001))) as port:
        network = inside(response_bytes_max=1000)
        found = await reason(network, f"http://127.0.0.1:{port}/")
    assert found is UnreachableReason.RESPONSE_TOO_LARGE


async def test_an_answer_compressed_against_our_wish_is_refused() -> None:
    """A few kilobytes of gzip could become gigabytes."""
    body = gzip.compress(b"\0" * 1_000_000)
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    ) + body
    async with server(answering(answer)) as port:
        found = await reason(inside(), f"http://127.0.0.1:{port}/")
    assert found is UnreachableReason.RESPONSE_ENCODED


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000 + b"\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_breaks_off_is_no_answer(answer: bytes) -> None:
    async with server(answering(answer)) as port:
        found = await reason(inside(), f"http://127.0.0.1:{port}/")
    assert found is UnreachableReason.BROKEN_OFF


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as port:
        found = await reason(inside(), f"http://127.0.0.1:{port}/", timeout_ms=100)
    assert found is UnreachableReason.TIMED_OUT


async def test_a_server_that_drips_is_given_up_at_the_same_deadline() -> None:
    """One octet at a time renews a per-read time-out for ever; ours is for the whole exchange."""

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(5_000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = asyncio.get_running_loop().time()
    async with server(dripping) as port:
        found = await reason(inside(), f"http://127.0.0.1:{port}/", timeout_ms=300)
    assert found is UnreachableReason.TIMED_OUT
    assert asyncio.get_running_loop().time() - started < 60


async def test_a_closed_port_is_a_refused_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = await reason(inside(), f"http://127.0.0.1:{port}/")
    assert found is UnreachableReason.CONNECTION_REFUSED


async def test_a_server_that_speaks_no_tls_fails_tls() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with server(plain) as port:
        found = await reason(inside(), f"https://127.0.0.1:{port}/")
    assert found is UnreachableReason.TLS_FAILED


@pytest.mark.parametrize("cause", list(UnreachableReason))
def test_a_caller_knows_whether_the_request_may_have_arrived(cause: UnreachableReason) -> None:
    never_sent = {
        UnreachableReason.URL_REFUSED, UnreachableReason.PORT_REFUSED,
        UnreachableReason.NAME_UNKNOWN, UnreachableReason.ADDRESS_REFUSED,
        UnreachableReason.CONNECTION_REFUSED, UnreachableReason.TLS_FAILED,
    }  # fmt: skip
    assert Unreachable(cause).may_have_arrived is (cause not in never_sent)


async def echo(request: Request) -> Response:
    return Response(await request.body(), headers={"x-path": str(request.url)})


async def elsewhere(_request: Request) -> Response:
    return RedirectResponse("http://bank.test/echo")


async def broken(_request: Request) -> Response:
    raise RuntimeError("a bug in the other party")


def party() -> Starlette:
    return Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/elsewhere", elsewhere),
            Route("/broken", broken),
        ]
    )


async def test_an_application_in_this_process_answers_for_its_origin() -> None:
    network = Network(applications={"http://bank.test": party()})
    reply = await network.send("POST", "http://bank.test:80/echo?a=1", {"a": "b"}, b"body")
    assert (reply.status, reply.body) == (200, b"body")
    assert reply.headers["x-path"] == "http://bank.test/echo?a=1"
    assert (await network.send("GET", "http://bank.test/elsewhere")).status == 307
    assert (await network.send("GET", "http://bank.test/broken")).status == 500
    network.applications["http://late.test:8701"] = party()
    assert (await network.send("GET", "http://late.test:8701/echo")).status == 200
    await network.close()


async def test_an_answer_from_this_process_is_limited_too() -> None:
    network = Network(applications={"http://bank.test": party()}, response_bytes_max=10)
    with pytest.raises(Unreachable) as caught:
        await network.send("POST", "http://bank.test/echo", body=b"x" * 11)
    assert caught.value.reason is UnreachableReason.RESPONSE_TOO_LARGE
    await network.close()

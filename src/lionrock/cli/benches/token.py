"""lionrock bench token: DPoP client-credentials tokens a second, on a real city.

Each request is a client's own: authenticated with private_key_jwt, bound to a DPoP key, both
single-use, the token durable before the answer. Assertions and proofs are signed before the window:
that work is the clients', not the server's. They are valid for a minute, which bounds a window.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from lionrock.cli.benches.driver import Connection, connect, form
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.town import Service, Town, town
from lionrock.identity.api import ASSERTION_TYPE
from lionrock.kernel import log, secrets
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.jose import Key, sign_jws

CLIENTS = 20
CALLERS = 64
PER_S_MAX = 4_000
SECONDS_MAX = 20.0
WARM_UP = 640
TOKEN_PATH = "/identity/token"  # noqa: S105 - a path
FRONTS = 2


async def run(seconds: float, json_path: Path | None) -> None:
    """Measure for `seconds` (at most SECONDS_MAX), print, and write the report if asked."""
    log.configure("warning")
    async with town(FRONTS) as city:
        services = await city.services(
            CLIENTS, frozenset({"resource"}), grant_types=["client_credentials"]
        )
        case = await measure(city, services, min(seconds, SECONDS_MAX))
    report("token", [case], json_path)


async def measure(city: Town, services: list[Service], seconds: float) -> Case:
    """Warm up, then run CALLERS callers in closed loops until the time or the requests are up."""
    count = WARM_UP + int(seconds * PER_S_MAX)
    started_ms = monotonic_ms()
    requests = [token_request(city, services[n % CLIENTS]) for n in range(count)]
    prepared_ms = monotonic_ms() - started_ms
    connections = [await connect(city.port) for _ in range(CALLERS)]
    try:
        await _drive(connections, requests[:WARM_UP], float("inf"))
        watch = Stopwatch(city.processes)
        until_ms = monotonic_ms() + seconds * 1_000
        durations, errors = await _drive(connections, requests[WARM_UP:], until_ms)
        notes = {"callers": CALLERS, "fronts": FRONTS, "clients": CLIENTS,
                 "signed before the window": f"{count} requests in {prepared_ms / 1000:.1f} s"}
        return watch.case("client-credentials", durations, errors, notes)
    finally:
        for connection in connections:
            connection.close()


async def _drive(
    connections: list[Connection], requests: list[bytes], until_ms: float
) -> tuple[list[float], int]:
    durations: list[float] = []
    errors = 0
    left = iter(requests)

    async def call(connection: Connection) -> None:
        nonlocal errors
        for request in left:
            started_ms = monotonic_ms()
            if started_ms >= until_ms:
                return
            answer = await connection.send(request)
            durations.append(monotonic_ms() - started_ms)
            errors += answer.status != 200

    await asyncio.gather(*map(call, connections))
    return durations, errors


def token_request(city: Town, service: Service) -> bytes:
    """Return a client-credentials request with a fresh assertion and a fresh proof."""
    fields = {"grant_type": "client_credentials"} | authentication(city, service)
    headers = {"dpop": proof(service.proof_key, "POST", f"{city.issuer}{TOKEN_PATH}")}
    return form(TOKEN_PATH, city.host, fields, headers)


def authentication(city: Town, service: Service) -> dict[str, str]:
    """Return the fields of private_key_jwt with a fresh assertion."""
    now_s = SystemWireClock().now_s()
    claims = {
        "iss": service.id, "sub": service.id, "aud": city.issuer, "jti": secrets.token(16),
        "iat": now_s, "exp": now_s + 300,
    }  # fmt: skip
    return {
        "client_assertion": sign_jws(service.key, claims, typ="JWT"),
        "client_assertion_type": ASSERTION_TYPE,
    }


def proof(key: Key, method: str, url: str, ath: str | None = None) -> str:
    """Return a fresh DPoP proof."""
    claims = {
        "jti": secrets.token(16), "htm": method, "htu": url, "iat": SystemWireClock().now_s(),
    }  # fmt: skip
    if ath is not None:
        claims["ath"] = ath
    return sign_jws(key, claims, typ="dpop+jwt", headers={"jwk": key.bare_jwk})

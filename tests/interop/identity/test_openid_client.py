"""A certified client, npm openid-client, signs in here over real HTTP and acts for a company."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from granian.constants import Interfaces
from granian.server.embed import Server

from lionrock.identity.domain.clients import CIBA, REFRESH_TOKEN
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.ids import Ids
from lionrock.kernel.jose import Key
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser
from tests.http.identity.city import REDIRECT, City, found
from tests.http.identity.clients import TestClient, new_client

FOLDER = Path(__file__).resolve().parent


@pytest.fixture
async def served(kernel: Kernel, tmp_path: Path) -> AsyncIterator[tuple[City, str]]:
    """The city on a real port and a real clock."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    issuer, clock = f"http://127.0.0.1:{port}", SystemWireClock()
    settings = msgspec.structs.replace(kernel.settings, public_url=issuer, ciba_interval_s=1)
    real = dataclasses.replace(kernel, wire_clock=clock, settings=settings, ids=Ids(clock))
    city = await found(real, tmp_path, issuer)
    application: Any = city.application
    server = Server(application, address="127.0.0.1", port=port, interface=Interfaces.ASGINL,
                    log_enabled=False, websockets=False)  # fmt: skip
    serving = asyncio.ensure_future(server.serve())
    await asyncio.sleep(0.3)
    yield city, issuer
    server.stop()
    await serving


def _private_jwk(key: Key) -> dict[str, str]:
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    number = key.private.private_numbers().private_value.to_bytes(32, "big")
    return key.bare_jwk | {"d": base64.urlsafe_b64encode(number).rstrip(b"=").decode()}


@pytest.mark.interop
async def test_certified_client_signs_in_acts_for_the_company_and_sees_reuse_refused(
    served: tuple[City, str],
) -> None:
    city, issuer = served
    assert (FOLDER.parent / "node_modules" / "openid-client").is_dir(), "run: make test-interop"
    client: TestClient = await new_client(city)
    arguments = {
        "issuer": issuer, "clientId": client.client_id, "jwk": _private_jwk(client.key),
        "kid": client.key.kid, "redirectUri": REDIRECT, "company": city.company.id,
    }  # fmt: skip
    node = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "sign_in.mjs"), json.dumps(arguments),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert node.stdin is not None and node.stdout is not None and node.stderr is not None
    first = await node.stdout.readline()
    assert first, (await node.stderr.read()).decode()
    query = dict(parse_qsl(urlsplit(json.loads(first)["address"]).query))
    assert set(query) == {"client_id", "request_uri"}
    callback = await Browser(city).sign_in(client.client_id, query["request_uri"], "ada")
    address = REDIRECT + "?" + "&".join(f"{n}={v}" for n, v in callback.items())
    out, errors = await node.communicate(f"{address}\n".encode())
    assert node.returncode == 0, errors.decode()
    result = json.loads(out)
    assert result["tokenType"] == "dpop"
    assert result["userinfo"]["name"] == "Ada"
    assert result["userinfo"]["sub"] == result["claims"]["sub"]
    assert result["acting"]["act"]["sub"] == result["claims"]["sub"]
    assert result["acting"]["company"]["id"] == city.company.id
    assert result["twice"] == "invalid_grant"
    assert result["revoked"] != "accepted"


@pytest.mark.interop
async def test_certified_client_asks_over_the_back_channel_polls_and_refreshes(
    served: tuple[City, str],
) -> None:
    city, issuer = served
    assert (FOLDER.parent / "node_modules" / "openid-client").is_dir(), "run: make test-interop"
    grants = frozenset({CIBA, REFRESH_TOKEN})
    client = await new_back_channel_client(city, grant_types=grants)
    arguments = {
        "issuer": issuer, "clientId": client.client_id, "jwk": _private_jwk(client.key),
        "kid": client.key.kid, "bindingMessage": "確認 88",
    }  # fmt: skip
    node = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "back_channel.mjs"), json.dumps(arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert node.stdout is not None and node.stderr is not None
    first = await node.stdout.readline()
    assert first, (await node.stderr.read()).decode()
    assert json.loads(first) == {"expiresIn": 300, "interval": 1}
    question = await client.decide()
    assert "確認 88" in question["words"]
    out, errors = await node.communicate()
    assert node.returncode == 0, errors.decode()
    result = json.loads(out)
    assert result["userinfo"]["name"] == "Ada"
    assert result["userinfo"]["sub"] == result["claims"]["sub"]
    assert (result["tokenType"], result["refreshed"]) == ("dpop", "dpop")
    assert result["again"] == "invalid_grant"

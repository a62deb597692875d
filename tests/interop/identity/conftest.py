"""Clients of a running city, registered from a clients file as its documentation says."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lionrock.app.platform import open_platform
from lionrock.app.supervisor import City
from lionrock.kernel.jose import Key, generate_key
from lionrock.sandbox.hooks.clients import read_clients
from lionrock.sandbox.settle import register_client
from tests.interop.conftest import _free_ports, run_node

REDIRECT = "https://client.example/callback"
ENCRYPTED = {"alg": "ECDH-ES", "enc": "A256GCM"}
STRICT = {
    "require_signed_request_object": True, "require_signed_response": True,
    "require_code_binding": True, "userinfo_signed_response_alg": "ES256",
} | {
    f"{what}_encrypted_response_{part}": value
    for what in ("id_token", "userinfo") for part, value in ENCRYPTED.items()
}  # fmt: skip


class Parties(msgspec.Struct, frozen=True):
    """The clients' private keys by id, and the ports of their own servers."""

    city: City
    keys: dict[str, dict[str, Any]]
    ping_port: int
    logout_port: int

    def walk(self, script: str, timeout_s: int = 90) -> dict[str, Any]:
        """Run one of the scripts beside this file; returns the facts that it prints."""
        done = run_node(
            f"identity/{script}", self.city, timeout_s, LIONROCK_CLIENTS=json.dumps(self.keys),
            LIONROCK_PING_PORT=str(self.ping_port), LIONROCK_LOGOUT_PORT=str(self.logout_port),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts


@pytest.fixture(scope="session")
def parties(running_city: City, tmp_path_factory: pytest.TempPathFactory) -> Parties:
    """Clients with every control that another people's client can meet."""
    ping_port, logout_port = _free_ports(2)
    entries = _entries(ping_port, logout_port)
    keys = {}
    for entry in entries:
        made = [generate_key() for _ in range(2)]
        entry["jwks"] = {"keys": [made[0].public_jwk, _encryption_jwk(made[1])]}
        shown = [{"jwk": private_jwk(each), "kid": each.kid} for each in made]
        keys[entry["id"]] = {**shown[0], "enc": shown[1]}
    file = tmp_path_factory.mktemp("clients") / "clients.json"
    file.write_text(json.dumps({"clients": entries}))

    async def register() -> None:
        platform = await open_platform(running_city.settings)
        for client in read_clients(file):
            await register_client(platform, client)
        await platform.close()

    asyncio.run(register())
    return Parties(running_city, keys, ping_port, logout_port)


def private_jwk(key: Key) -> dict[str, str]:
    """The private key as other people's clients import it."""
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    number = key.private.private_numbers().private_value.to_bytes(32, "big")
    return key.bare_jwk | {"d": base64.urlsafe_b64encode(number).rstrip(b"=").decode()}


def _encryption_jwk(key: Key) -> dict[str, str]:
    return key.bare_jwk | {"kid": key.kid, "use": "enc", "alg": "ECDH-ES"}


def _entries(ping_port: int, logout_port: int) -> list[dict[str, Any]]:
    browser = {"redirect_uris": [REDIRECT], "scopes": "openid profile"}
    notices = f"http://127.0.0.1:{ping_port}/ciba"
    return [
        {
            "id": "interop-keeper", **browser,
            "grant_types": ["authorization_code", "refresh_token"],
            "controls": {
                "may_introspect": True,
                "backchannel_logout_uri": f"http://127.0.0.1:{logout_port}/logged-out",
                "post_logout_redirect_uris": ["https://client.example/goodbye"],
            },
        },
        {"id": "interop-strict", **browser, "controls": STRICT},
        {"id": "interop-second", **browser},
        {
            "id": "interop-machine", "scopes": "resource", "grant_types": ["client_credentials"],
            "controls": ["require_dpop_nonce"],
        },
        {
            "id": "interop-ping", "scopes": "openid profile", "grant_types": ["ciba"],
            "ciba": {"mode": "ping", "notification_uri": notices},
        },
        {
            "id": "interop-poll", "scopes": "openid profile", "grant_types": ["ciba"],
            "ciba": {"mode": "poll"},
        },
    ]  # fmt: skip

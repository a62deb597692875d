"""A certified client, npm openid-client, refreshes with two keys, introspects and revokes here."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.http.identity.browser import Browser
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.keepers import new_keeper
from tests.interop.identity.test_openid_client import FOLDER, _private_jwk, served

__all__ = ["served"]
DETAILS = [{"type": "form_filling", "form": {"name": "Licence"}, "fields": ["enName"]}]


@pytest.mark.interop
@pytest.mark.behaviour("refresh-token")
async def test_certified_client_refreshes_with_two_keys_introspects_and_revokes(
    served: tuple[City, str],
) -> None:
    city, issuer = served
    assert (FOLDER.parent / "node_modules" / "openid-client").is_dir(), "run: make test-interop"
    client = await new_keeper(city)
    arguments = {
        "issuer": issuer, "clientId": client.client_id, "jwk": _private_jwk(client.key),
        "kid": client.key.kid, "redirectUri": REDIRECT, "details": DETAILS,
    }  # fmt: skip
    node = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "refresh.mjs"), json.dumps(arguments),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert node.stdin is not None and node.stdout is not None and node.stderr is not None
    first = await node.stdout.readline()
    assert first, (await node.stderr.read()).decode()
    query = dict(parse_qsl(urlsplit(json.loads(first)["address"]).query))
    callback = await Browser(city).sign_in(client.client_id, query["request_uri"], "ada")
    address = REDIRECT + "?" + "&".join(f"{n}={v}" for n, v in callback.items())
    out, errors = await node.communicate(f"{address}\n".encode())
    assert node.returncode == 0, errors.decode()
    result = json.loads(out)
    assert result["rotated"] == 3
    assert result["details"] == DETAILS
    assert result["scope"] == "openid"
    assert result["userinfo"] == {"sub": result["sub"], "email": "ada@harbour.example"}
    assert result["introspection"]["active"] is True
    assert result["introspection"]["sub"] == result["sub"]
    assert result["afterwards"] == {"active": False}
    assert result["refused"] == "invalid_grant"

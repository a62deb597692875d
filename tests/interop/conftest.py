"""A real city in its own processes for tests with other people's clients and browsers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lionrock.app.platform import open_platform
from lionrock.app.supervisor import City
from lionrock.identity.api import Client
from lionrock.kernel.config import Settings
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, generate_key
from lionrock.sandbox.settle import register_client

HERE = Path(__file__).resolve().parent
CLIENT_ID = "interop-client"
REDIRECT = "https://client.example/callback"


@pytest.fixture(scope="session")
def running_city() -> Iterator[City]:
    """A city on free ports, stopped at the end."""
    platform_port, world_port = _free_ports(2)
    # Not under pytest's own folder: as root the database runs as another user, who may not enter.
    directory = Path(tempfile.mkdtemp(prefix="lri-"))
    directory.chmod(0o755)
    settings = Settings(
        data_directory=str(directory),
        public_url=f"http://127.0.0.1:{platform_port}", world_url=f"http://127.0.0.1:{world_port}",
    )  # fmt: skip
    with City(settings) as city:
        yield city
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def client_key(running_city: City) -> Key:
    """The key of a client that the city's operator has registered."""
    key = generate_key()
    client = Client(
        id=CLIENT_ID, names=Text("Interop client", "互通測試客戶端", "互通测试客户端"),
        organisation_id="harbour-service", sector=CLIENT_ID, redirect_uris=(REDIRECT,),
        scopes=frozenset({"openid", "profile", "contact", "company", "programmes"}),
        keys=(key.public_jwk,),
    )  # fmt: skip

    async def register() -> None:
        platform = await open_platform(running_city.settings)
        await register_client(platform, client)
        await platform.close()

    asyncio.run(register())
    return key


def run_node(
    script: str, city: City, timeout_s: int, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts beside this file against a city."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        pytest.fail("Node.js or its packages are missing: run make test-interop")
    environment = {
        **os.environ, "LIONROCK_CITY": city.settings.public_url,
        "LIONROCK_WORLD": city.settings.world_url, **more,
    }
    return subprocess.run(
        [node, script], cwd=HERE, env=environment, capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

"""Results pushed to a service, and the composition that has the wires on or off."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import msgspec
import pytest

from lionrock.app.platform import Platform
from lionrock.hongkong.facades.domain import request_mac
from lionrock.kernel.context import Kernel
from lionrock.ledger.api import in_process
from lionrock.sandbox.hooks import read_clients, read_facades
from tests.http.hongkong.facade_city import CALLBACK, KEK, FacadeCity, certificate, open_facade
from tests.http.hongkong.facade_client import FacadeCaller


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """Both wires on, one service."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened


async def test_a_push_is_signed_and_tried_again_until_the_service_takes_it(
    facade: FacadeCity,
) -> None:
    caller, service = FacadeCaller(facade), facade.service
    await caller.get_key()
    token = await caller.log_in("carmen")
    fields = caller.action(token) | {"profileFields": ["enName"]}
    answer = await caller.call("/account/auth/profile/initiateRequest", fields)
    service.status = 503
    url = caller.qr_url(ticketID=answer.content["ticketID"], state="act-1")
    page = await facade.open_in_browser(url)
    await facade.approve("carmen", page.number, "approve")
    assert not service.received
    service.status = 200
    for _ in range(200):
        if service.received:
            break
        await asyncio.sleep(0.05)
    (body,), (headers,) = service.received, service.headers
    expected = request_mac(
        service.client_secret.encode(), service.client_id, headers["timestamp"],
        headers["nonce"], body,
    )  # fmt: skip
    assert unquote(headers["signature"]) == expected
    assert json.loads(body)["code"] == "D00000"


@pytest.mark.parametrize(("names", "status"), [((), 404), (("iam",), 401)])
async def test_a_wire_that_is_not_named_is_not_there(
    kernel: Kernel, names: tuple[str, ...], status: int
) -> None:
    settings = msgspec.structs.replace(
        kernel.settings, hosts=("platform.test",), facades=names
    )
    own = dataclasses.replace(kernel, settings=settings)
    async with in_process(kernel.database, kernel.business_clock) as ledger:
        platform = Platform(own, ledger)
        transport = httpx.ASGITransport(platform.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as http:
            assert (await http.post("/api/v1/security/getKey")).status_code == status
            assert (await http.post("/api/eservice/v1/security/getKey")).status_code == 404


def test_a_clients_file_registers_a_facade(tmp_path: Path) -> None:
    entries = json.loads(Path("examples/clients.json").read_text(encoding="utf-8"))
    entries = entries["clients"] if isinstance(entries, dict) else entries
    facade = {"secret": "s" * 32, "kek_certificate": certificate(KEK), "callback_url": CALLBACK}
    file = tmp_path / "clients.json"
    file.write_text(json.dumps([entries[0] | {"facade": facade}]), encoding="utf-8")
    (client,) = read_clients(file)
    assert read_facades(file)[client.id].secret == "s" * 32

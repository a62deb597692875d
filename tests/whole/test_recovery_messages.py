"""A recovery in a whole sandbox: its codes are read at the persona's phone, and nowhere else."""

from __future__ import annotations

import re

import httpx

from tests.whole.conftest import PLATFORM, WholeCity


async def test_recovery_codes_are_read_at_the_persona_in_the_sandbox(city: WholeCity) -> None:
    transport = httpx.ASGITransport(city.application)
    async with httpx.AsyncClient(transport=transport, base_url=PLATFORM) as http:
        assert (await http.get("/sandbox/phones/ada/messages")).json() == []
        begun = await http.post("/identity/v1/recoveries", json={"identifier": "ada"})
        assert re.search(r"\d{8}", begun.text.replace(begun.json()["secret"], "")) is None
        sent = (await http.get("/sandbox/phones/ada/messages")).json()
        assert sorted(message["channel"] for message in sent) == ["email", "phone"]
        found = re.search(r"\d{8}", sent[0]["body"])
        assert found is not None
        body = {"secret": begun.json()["secret"], "code": found.group()}
        proven = await http.post("/identity/v1/recoveries/codes", json=body)
        assert proven.json()["proven"] == ["message"]
        assert (await http.get("/sandbox/phones/ben/messages")).json() == []
        assert (await http.get("/sandbox/phones/nobody/messages")).status_code == 404

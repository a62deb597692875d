"""Text that the database cannot store, in a push that shares its commit with others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.identity.city import City
from tests.http.identity.clients import TestClient

NUL_IN_CLAIMS = json.dumps({"userinfo": {"sub": {"value": "a\0b"}}})


@pytest.mark.parametrize(
    "changes", [{"state": "a\0b"}, {"ui_locales": "\0"}, {"claims": NUL_IN_CLAIMS}]
)
async def test_a_nul_is_refused_and_costs_its_assertion(
    client: TestClient, changes: dict[str, Any]
) -> None:
    assertion = client.assertion()
    form = client.request(**changes)
    answer = await client.post("/identity/par", form, assertion=assertion, proof=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    again = await client.post("/identity/par", form, assertion=assertion, proof=None)
    assert again.json()["code"] == "identity.client_assertion_replayed"


@pytest.mark.parametrize("state", ["\\u0000", "\\\\u0000"])
async def test_text_that_only_looks_like_one_is_taken(
    city: City, client: TestClient, state: str
) -> None:
    assert (await client.push(state=state)).status_code == 201

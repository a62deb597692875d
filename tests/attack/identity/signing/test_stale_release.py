"""Signatures that a lost phone released, asked for after it was taken out of use."""

from __future__ import annotations

import pytest

from tests.attack.identity.test_stale_yes import lose_device
from tests.http.identity.city import City
from tests.http.identity.signing.conftest import with_signing
from tests.http.identity.signing.csc_client import b64_hash, client_of


@pytest.mark.parametrize("is_lost_before_the_data", [True, False])
async def test_a_lost_phones_yes_signs_nothing(city: City, is_lost_before_the_data: bool) -> None:
    client = await client_of(with_signing(city))
    token = await client.signing_token()
    credential = await client.credential(token)
    value = b64_hash(b"a lease")
    asked = await client.authorize(token, {
        "credentialID": credential, "numSignatures": 1, "hashes": [value], "labels": ["Lease"],
    })  # fmt: skip
    await client.decide(asked)
    if is_lost_before_the_data:
        await lose_device(city)
    answer = await client.call("credentials/authorizeCheck", token, {"handle": asked["handle"]})
    if is_lost_before_the_data:
        assert answer.json()["code"] == "identity.csc_denied", answer.text
        return
    sad = answer.json()["SAD"]
    await lose_device(city)
    signed = await client.call("signatures/signHash", token, {
        "credentialID": credential, "SAD": sad, "hashes": [value],
    })  # fmt: skip
    assert signed.json()["code"] == "identity.csc_denied", signed.text

"""An attacker who tries out identity numbers: at every door, and in a stolen database.

An identity number with one letter has about 26 million values. A plain hash of one, salted with
anything that lies beside it, is as good as the number itself.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from lionrock.identity import api
from lionrock.identity.api import PersonDraft
from lionrock.identity.service.vault import Vault
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.keys import KeyStore
from tests.attack.identity.effects import rows
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser
from tests.http.identity.city import PEOPLE, City, identity_number
from tests.http.identity.clients import TestClient
from tests.http.identity.test_recovery import post

NUMBER = identity_number(PEOPLE["ada"][0])
SPELLINGS = (NUMBER, NUMBER.lower(), f"{NUMBER[:-1]}({NUMBER[-1]})", NUMBER[:-1])


@pytest.mark.behaviour("attack-hkid-brute-force")
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_identity_number_signs_nobody_in_and_rings_no_phone(
    city: City, client: TestClient, spelling: str
) -> None:
    back = await new_back_channel_client(city)
    before = (await rows(city))["identity.approvals"]
    path, _ = await Browser(city).start(client.client_id, await client.pushed(), spelling)
    assert (await back.ask(login_hint=spelling)).status_code == 200
    assert path
    assert await city.phone.pending("ada") == []
    assert (await rows(city))["identity.approvals"] == before


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_recovery_by_identity_number_reaches_nobody(city: City) -> None:
    real, tried = await post(city, identifier="nobody"), await post(city, identifier=NUMBER)
    assert real.status_code == tried.status_code
    assert set(real.json()) == set(tried.json())
    assert await city.phone.pending("ada") == []


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_no_door_of_the_network_takes_an_identity_number(city: City) -> None:
    """Whoever could send one and compare the answers could try them all out."""
    for route in api.table(city.identity).routes:
        names = set(route.query or ()) | set(getattr(route.body, "__struct_fields__", ()))
        assert not {n for n in names if "hkid" in n.lower() or "identity_number" in n}, route.name
        assert "identity_number" not in route.path


def digests(number: str) -> list[bytes]:
    """What a careless system would keep of a number, and how it would write it."""
    made = []
    for text in (number, number[:-1], number.lower(), f"{number[:-1]}({number[-1]})"):
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            made.append(hashlib.new(name, text.encode()).digest())
    return made


async def _everything(city: City) -> list[str]:
    """Every row of every table of every pillar, as text."""

    async def dump(db: Connection) -> list[str]:
        tables = await db.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        texts: list[str] = []
        for table in tables:
            found = await db.fetch(f"SELECT t::text AS row FROM {table['name']} t")
            texts += [row["row"] for row in found]
        return texts

    return await city.kernel.database.read(dump)


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_stolen_tables_hold_no_identity_number_and_no_plain_hash_of_one(
    city: City, client: TestClient
) -> None:
    await client.token()
    stored = "\n".join(await _everything(city))
    assert city.people["ada"].id in stored
    for spelling in SPELLINGS:
        assert spelling not in stored
        assert spelling.encode().hex() not in stored
    for digest in digests(NUMBER):
        for text in (
            digest.hex(), base64.b64encode(digest).decode(),
            base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        ):  # fmt: skip
            assert text not in stored


async def _keys(city: City) -> tuple[bytes, bytes]:
    async def read(db: Connection) -> Any:
        return await db.fetchrow(
            "SELECT identity_number_key, identity_number_sealed FROM identity.persons"
            " WHERE id = $1", city.people["ada"].id,
        )  # fmt: skip

    row = await city.kernel.database.read(read)
    return bytes(row["identity_number_key"]), bytes(row["identity_number_sealed"])


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_look_up_key_cannot_be_computed_without_the_city_s_secret(
    city: City, tmp_path: Any
) -> None:
    look_up_key, sealed = await _keys(city)
    thief = Vault(KeyStore(tmp_path / "thief", "guess", scrypt_cost=2**4))
    assert city.identity.vault.look_up_key("identity_number", NUMBER) == look_up_key
    # The thief tries the true number and its neighbours, with every key he could have.
    for offset in range(200):
        number = identity_number(f"Z{100000 + offset:06d}")
        assert thief.look_up_key("identity_number", number) != look_up_key
        for salt in (b"", city.people["ada"].id.encode(), b"identity_number\n", sealed[:12]):
            assert hashlib.sha256(salt + number.encode()).digest() != look_up_key
    assert len(look_up_key) == 32
    assert NUMBER.encode() not in sealed


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_nothing_that_leaves_the_city_depends_on_the_number(
    city: City, client: TestClient
) -> None:
    answer = await client.redeem(await client.code(scope="openid profile contact"))
    told = answer.text + (await client.get(answer.json()["access_token"])).text
    told += str(await city.events()) + str(await city.receipts("identity.approval_decided"))
    for spelling in SPELLINGS:
        assert spelling not in told
    for digest in digests(NUMBER):
        assert digest.hex() not in told
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() not in told


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_number_already_held_is_refused_without_saying_whose(city: City) -> None:
    """Only the operator's own tools come here; even they are not told who holds it."""
    draft = PersonDraft(
        names=Text("Mallory", "馬", "马"), identity_number=NUMBER, phone="+85259000777",
        email="mallory@harbour.example", handle="mallory",
    )  # fmt: skip
    refused = await city.kernel.database.run(lambda db: city.identity.create_person(db, draft))
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "identity.person_exists"
    assert NUMBER not in refused.detail
    assert city.people["ada"].id not in refused.detail

"""Attackers of the wire-style facades: forged, replayed, moved and damaged calls."""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lionrock.identity import api
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from tests.http.hongkong.facade_city import REDIRECT, FacadeCity, open_facade
from tests.http.hongkong.facade_client import FacadeCaller, other_client


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """Both wires on, one service."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened


@pytest.fixture
def caller(facade: FacadeCity) -> FacadeCaller:
    """A caller with the service's secret."""
    return FacadeCaller(facade)


def damaged(content: str, how: str) -> str:
    """A content with one thing wrong."""
    raw = bytearray(base64.b64decode(content))
    if how == "truncated":
        raw = raw[:-20]
    elif how == "iv of 16":
        raw[:4] = (16).to_bytes(4, "big")
    elif how == "iv of 2^31":
        raw[:4] = (2**31).to_bytes(4, "big")
    elif how == "tag":
        raw[-1] ^= 1
    elif how == "iv":
        raw[5] ^= 1
    elif how == "ciphertext":
        raw[17] ^= 1
    elif how == "header only":
        raw = raw[:4]
    return base64.b64encode(bytes(raw)).decode()


@pytest.mark.parametrize(
    "how", ["truncated", "iv of 16", "iv of 2^31", "tag", "iv", "ciphertext", "header only"]
)
async def test_damaged_content_is_refused_and_gives_no_token(
    caller: FacadeCaller, facade: FacadeCity, how: str
) -> None:
    await caller.get_key()
    fields = {"code": "x", "grantType": "authorization_code"}
    body = caller.sealed(fields, lambda content: damaged(content, how))
    assert (await caller.send("/auth/getToken", body)).code == "D30004"
    assert await facade.count("tokens") == 0


async def test_another_clients_content_key_opens_nothing(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    await caller.get_key()
    await other.get_key()
    caller.cek, other.cek = other.cek, caller.cek
    for each in (caller, other):
        assert (await each.call("/auth/getToken", {"code": "x"})).code == "D30004"


async def test_the_content_key_of_one_wire_opens_nothing_on_the_other(
    caller: FacadeCaller,
) -> None:
    await caller.get_key()
    own = caller.cek
    caller.prefix = "/api/eservice/v1"
    await caller.get_key()
    assert caller.cek != own
    caller.cek = own
    assert (await caller.call("/auth/getToken", {"code": "x"})).code == "M30004"


async def test_a_signed_call_is_no_call_on_the_other_wire(caller: FacadeCaller) -> None:
    """The signature names no path: the nonce, remembered over both wires, stops the second."""
    headers = caller.headers(b"")
    assert (await caller.send("/security/getKey", b"", headers)).code == "D00000"
    caller.prefix = "/api/eservice/v1"
    assert (await caller.send("/security/getKey", b"", headers)).code == "M20006"


async def test_a_nonce_stays_used_when_its_call_was_refused(caller: FacadeCaller) -> None:
    headers = caller.headers(b"{}")
    assert (await caller.send("/auth/getToken", b"{}", headers)).code == "D30002"
    await caller.get_key()
    again = await caller.send("/auth/getToken", b"{}", headers)
    assert again.code == "D20006" and "nonce" in again.message


@pytest.mark.parametrize("shift_ms", [-301_000, 301_000])
async def test_a_time_outside_the_window_is_refused_and_leaves_the_nonce(
    caller: FacadeCaller, shift_ms: int
) -> None:
    nonce = uuid.uuid4().hex
    late = caller.headers(b"", shift_ms=shift_ms, nonce=nonce)
    assert (await caller.send("/security/getKey", b"", late)).code == "D20006"
    good = caller.headers(b"", nonce=nonce)
    assert (await caller.send("/security/getKey", b"", good)).code == "D00000"


@pytest.mark.parametrize("shift_ms", [-295_000, 295_000])
async def test_a_time_within_the_window_is_taken(caller: FacadeCaller, shift_ms: int) -> None:
    headers = caller.headers(b"", shift_ms=shift_ms)
    assert (await caller.send("/security/getKey", b"", headers)).code == "D00000"


async def test_an_unknown_client_and_a_wrong_secret_look_alike(caller: FacadeCaller) -> None:
    caller.secret = secrets.token(32)
    wrong = await caller.send("/security/getKey", b"")
    caller.client_id = "nobody-here"
    unknown = await caller.send("/security/getKey", b"")
    assert (wrong.code, wrong.message) == (unknown.code, unknown.message) == (
        "D20006", wrong.message)


async def test_the_method_is_signed_and_only_one(caller: FacadeCaller) -> None:
    headers = caller.headers(b"") | {"signatureMethod": "HmacSHA1"}
    assert (await caller.send("/security/getKey", b"", headers)).code == "D20006"


@pytest.mark.parametrize(
    "address",
    [
        REDIRECT + "&x=1", REDIRECT.split("?")[0], REDIRECT.upper(), REDIRECT + "#f",
        "https://service.example.attacker.example/return?tenant=7", "//service.example/return",
        "javascript:alert(1)", "",
    ],
)  # fmt: skip
async def test_a_redirect_address_that_is_not_registered_begins_nothing(
    caller: FacadeCaller, facade: FacadeCity, address: str
) -> None:
    page = await facade.open_in_browser(caller.qr_url(redirectURI=address))
    assert page.away is None and page.status == 400 and "D20008" in page.text
    assert await facade.count("pages") == 0


@pytest.mark.parametrize("state", ["", "s" * 37, "a b", "<script>"])
async def test_a_page_without_a_proper_state_begins_nothing(
    caller: FacadeCaller, facade: FacadeCity, state: str
) -> None:
    page = await facade.open_in_browser(caller.qr_url(state=state))
    assert page.away is None and page.status == 400
    assert await facade.count("pages") == 0


async def test_a_page_belongs_to_the_browser_that_began(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    mine = await facade.open_in_browser(caller.qr_url())
    theirs = await facade.open_in_browser(mine.url)
    assert theirs.status == 404 and theirs.number is None


async def test_a_code_is_of_one_client_one_wire_and_works_once(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    await caller.get_key()
    await other.get_key()
    code = (await caller.signed_in_back("carmen"))["code"]
    fields = {"code": code, "grantType": "authorization_code"}
    assert (await other.call("/auth/getToken", fields)).code == "D40004"
    assert (await caller.call("/auth/getToken", fields | {"grantType": "password"})).code == (
        "D20000")
    first = await caller.call("/auth/getToken", fields)
    assert first.code == "D00000"
    assert (await caller.call("/auth/getToken", fields)).code == "D40004"
    # What a code brought ends with its reuse.
    asked = caller.action(first.content) | {"profileFields": ["enName"]}
    assert (await caller.call("/account/auth/profile/initiateRequest", asked)).code == "D20011"


async def test_identitys_own_code_and_token_are_good_for_nothing_elsewhere(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    await caller.get_key()
    token = await caller.log_in("carmen")
    answer = await facade.http.get(
        f"{facade.base_url}/identity/userinfo",
        headers={"authorization": f"Bearer {token['accessToken']}"},
    )
    assert answer.status_code == 401


async def test_a_token_needs_its_own_open_id_and_client(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    await caller.get_key()
    await other.get_key()
    token = await caller.log_in("carmen")
    ask = "/account/auth/profile/initiateRequest"
    for who, change in ((caller, {"openID": "somebody"}), (other, {})):
        fields = who.action(token) | {"profileFields": ["enName"]} | change
        assert (await who.call(ask, fields)).code == "D20011"
    assert await facade.count("requests") == 0


async def test_a_scope_that_was_not_granted_asks_nobody(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    await caller.get_key()
    token = await caller.log_in("carmen", scope="eidapi_auth")
    fields = caller.action(token) | {"profileFields": ["enName"]}
    answer = await caller.call("/account/auth/profile/initiateRequest", fields)
    assert answer.code == "D20012"
    assert await facade.count("requests") == 0 and not await facade.phones.pending("carmen")


async def test_an_identity_hash_is_neither_taken_nor_kept(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    await caller.get_key()
    token = await caller.log_in("carmen")
    fields = caller.action(token) | {
        "hashCode": base64.b64encode(bytes(32)).decode(), "sigAlgo": "SHA256withRSA",
        "documentName": "Deed", "HKICHash": "ab" * 32,
    }  # fmt: skip
    answer = await caller.call("/account/signing/initiateRequest", fields)
    assert answer.code == "D20014" and "HKICHash" in answer.message
    assert await facade.count("requests") == 0


async def test_a_business_id_names_one_action(caller: FacadeCaller, facade: FacadeCity) -> None:
    await caller.get_key()
    token = await caller.log_in("carmen")
    fields = caller.action(token) | {"profileFields": ["enName"]}
    ask = "/account/auth/profile/initiateRequest"
    assert (await caller.call(ask, fields)).code == "D00000"
    assert (await caller.call(ask, fields)).code == "D20017"
    assert len(await facade.phones.pending("carmen")) == 1


async def test_a_client_whose_policy_demands_more_cannot_use_the_wire(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    async def demand(db: Any) -> None:
        identity = facade.city.identity
        client = await identity.clients.find(db, caller.client_id)
        assert client is not None
        policy = api.ClientPolicy(require_dpop_nonce=True)
        changed = api.Client(
            **{name: getattr(client, name) for name in client.__struct_fields__}
            | {"policy": policy}
        )
        assert not isinstance(await identity.clients.replace(db, changed), Refused)

    await facade.city.kernel.database.run(demand)
    assert (await caller.send("/security/getKey", b"")).code == "D20009"


async def test_a_revoked_mandate_stops_a_companys_token_at_once(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    caller.prefix = "/api/eservice/v1"
    await caller.get_key()
    token = await caller.log_in_company("ada")
    fields = {"accessToken": token["cAccessToken"], "openID": token["cOpenID"]}
    assert (await caller.call("/corp/corpList", fields)).code == "M00000"

    async def revoke(db: Any) -> None:
        identity = facade.city.identity
        for mandate in await identity.mandates.of_person(db, facade.city.people["ada"].id):
            revoked = await identity.revoke_mandate(db, mandate.id, mandate.company_id, "operator")
            assert not isinstance(revoked, Refused)

    await facade.city.kernel.database.run(revoke)
    assert (await caller.call("/corp/corpList", fields)).code == "M20011"

"""Attackers of the facades' actions: signing without log-in, in bulk, company data, documents."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lionrock.hongkong.facades.domain import DIGEST_INFO, open_content
from lionrock.identity import api
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import verify_jws
from tests.http.hongkong.facade_city import FacadeCity, open_facade
from tests.http.hongkong.facade_client import OAEP, FacadeCaller, other_client

DIGEST = base64.b64encode(b"\1" * 32).decode()
INFO = base64.b64encode(DIGEST_INFO + b"\1" * 32).decode()
ANONYMOUS = "/anonymous/signing/initiateRequest"
BULK = "/account/bulksigning/initiateRequest"
SHARING = "/corp/requestDocSharing"


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """Both wires on, one service."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened


@pytest.fixture
async def caller(facade: FacadeCity) -> FacadeCaller:
    """A caller of the persons' wire with a content key."""
    made = FacadeCaller(facade)
    await made.get_key()
    return made


@pytest.fixture
async def company(facade: FacadeCity) -> FacadeCaller:
    """A caller of the companies' wire with a content key."""
    made = FacadeCaller(facade)
    made.prefix = "/api/eservice/v1"
    await made.get_key()
    return made


def signing(caller: FacadeCaller, **changes: Any) -> dict[str, Any]:
    """A request for a signature without log-in."""
    asked = caller.action({}) | {
        "hashCode": DIGEST, "sigAlgo": "SHA256withECDSA", "documentName": "Deed",
    }  # fmt: skip
    del asked["accessToken"], asked["openID"]
    return asked | changes


async def visited(
    facade: FacadeCity, caller: FacadeCaller, ticket: str, decision: Any = "approve",
    persona: str = "carmen",
) -> None:  # fmt: skip
    """Open the page of a ticket and decide."""
    page = await facade.open_in_browser(caller.qr_url(ticketID=ticket, state="act-1"))
    await facade.approve(persona, page.number, decision)


async def expire(facade: FacadeCity) -> None:
    """Let the time of every action be over."""

    async def age(db: Connection) -> None:
        await db.execute("UPDATE hongkong_facades.requests SET expires_at = created_at")

    await facade.city.kernel.database.run(age)


BENT_SIGNATURES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"hashCode": base64.b64encode(bytes(31)).decode()}, "D20000"),
    ({"hashCode": "not base64"}, "D20000"),
    ({"hashCode": INFO}, "D20000"),
    ({"sigAlgo": "NONEwithRSA"}, "D20000"),
    ({"sigAlgo": "SM3withSM2"}, "D77003"),
    ({"sigAlgo": "SHA1withRSA"}, "D77003"),
    ({"signType": "CORPID_SIGN"}, "D20000"),
    ({"documentName": 7}, "D20000"),
    ({"documentName": "x" * 5_000}, "D20000"),
    ({"documentName": "Deed\nApproved already"}, "D20000"),
    ({"documentName": "Deed \u202efdp.exe"}, "D20000"),
    ({"HKICHash": "ab" * 32}, "D20014"),
    ({"requireAuthProof": True}, "D20000"),
    ({"redirectURI": "https://elsewhere.example/"}, "D20008"),
    ({"state": ""}, "D20000"),
)


async def test_a_bent_request_for_a_signature_asks_nobody(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    for changes, code in BENT_SIGNATURES:
        answer = await caller.call(ANONYMOUS, signing(caller, **changes))
        assert answer.code == code, changes
    assert await facade.count("requests") == 0


async def test_a_forged_request_for_a_signature_is_no_request(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    caller.secret = "x" * 40
    assert (await caller.call(ANONYMOUS, signing(caller))).code == "D20006"
    assert await facade.count("requests") == 0


async def test_a_signature_without_log_in_is_its_own_clients_and_of_its_own_door(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    await other.get_key()
    asked = signing(caller)
    ticket = (await caller.call(ANONYMOUS, asked)).content["ticketID"]
    await visited(facade, caller, ticket)
    await facade.settled()
    fetch = {"businessID": asked["businessID"], "ticketID": ticket}
    assert (await other.call("/anonymous/signing/getResult", fetch)).code == "D20018"
    for door in ("/anonymous/pdfsigning/getResult", "/anonymous/eme/getResult"):
        assert (await caller.call(door, fetch)).code == "D20018"
    assert (await caller.call("/anonymous/signing/getResult", fetch)).code == "D00000"
    assert (await caller.call("/anonymous/signing/getResult", fetch)).code == "D20018"


async def test_a_signature_without_log_in_is_not_fetched_late(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    asked = signing(caller)
    ticket = (await caller.call(ANONYMOUS, asked)).content["ticketID"]
    fetch = {"businessID": asked["businessID"], "ticketID": ticket}
    assert (await caller.call("/anonymous/signing/getResult", fetch)).code == "D40002"
    await visited(facade, caller, ticket)
    await facade.settled()
    await expire(facade)
    assert (await caller.call("/anonymous/signing/getResult", fetch)).code == "D40003"


async def test_of_two_who_scan_one_action_only_the_first_signs(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    asked = signing(caller)
    ticket = (await caller.call(ANONYMOUS, asked)).content["ticketID"]
    url = caller.qr_url(ticketID=ticket, state="act-1")
    late = await facade.open_in_browser(url)
    await late.reload()
    await facade.city.phone.scan("ben", late.content or "")
    await visited(facade, caller, ticket)
    await facade.settled()
    await facade._answer("ben", late.number, "approve")
    await late.reload()
    assert late.status == 404 and not await facade.phones.pending("ben")
    fetch = {"businessID": asked["businessID"], "ticketID": ticket}
    found = await caller.call("/anonymous/signing/getResult", fetch)
    assert found.code == "D00000"


async def test_a_lost_phones_yes_hands_out_no_signature(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    asked = signing(caller)
    ticket = (await caller.call(ANONYMOUS, asked)).content["ticketID"]
    await visited(facade, caller, ticket)
    await facade.settled()
    carmen = facade.city.people["carmen"].id

    async def lose_phone(db: Connection) -> None:
        identity = facade.city.identity
        for device in await identity.devices.devices_of(db, carmen):
            await identity.devices.revoke(db, device.id)

    await facade.city.kernel.database.run(lose_phone)
    fetch = {"businessID": asked["businessID"], "ticketID": ticket}
    # The very next call: nothing is remembered of the yes.
    assert (await caller.call("/anonymous/signing/getResult", fetch)).code == "D40000"


BENT_BULKS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"hashCode": DIGEST, "documentName": "A"}] * 2,
    [{"hashCode": DIGEST}],
    [{"hashCode": DIGEST, "documentName": "A", "more": 1}],
    [{"hashCode": DIGEST, "documentName": "A\u2028B"}],
    [
        {"hashCode": base64.b64encode(bytes([n]) * 32).decode(), "documentName": "A"}
        for n in range(17)
    ],
)


async def test_a_bent_bulk_asks_nobody(caller: FacadeCaller, facade: FacadeCity) -> None:
    token = await caller.log_in("carmen")
    for documents in BENT_BULKS:
        fields = caller.action(token) | {"sigAlgo": "SHA256withECDSA", "documents": documents}
        assert (await caller.call(BULK, fields)).code == "D20000", documents
    fields = caller.action(token) | {"sigAlgo": "SM3withSM2", "documents": BENT_BULKS[-1][:1]}
    assert (await caller.call(BULK, fields)).code == "D77003"
    assert await facade.count("requests") == 0 and not await facade.phones.pending("carmen")


async def test_a_bulk_needs_its_own_scope_client_and_name(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    await other.get_key()
    token = await caller.log_in("carmen")
    documents = [{"hashCode": DIGEST, "documentName": "A"}]
    more = {"sigAlgo": "SHA256withECDSA", "documents": documents}
    assert (await other.call(BULK, other.action(token) | more)).code == "D20011"
    fields = caller.action(token) | more
    assert (await caller.call(BULK, fields)).code == "D00000"
    assert (await caller.call(BULK, fields)).code == "D20017"
    narrow = await caller.log_in("carmen", scope="eidapi_auth eidapi_sign")
    assert (await caller.call(BULK, caller.action(narrow) | more)).code == "D20012"


async def test_none_with_rsa_signs_nothing_but_a_wrapped_sha_256(
    caller: FacadeCaller, facade: FacadeCity
) -> None:
    asked = signing(caller, sigAlgo="NONEwithRSA", hashCode=INFO)
    ticket = (await caller.call(ANONYMOUS, asked)).content["ticketID"]
    await visited(facade, caller, ticket)
    await facade.settled()
    fetch = {"businessID": asked["businessID"], "ticketID": ticket}
    found = (await caller.call("/anonymous/signing/getResult", fetch)).content
    assert found["sigAlgo"] == "NONEwithRSA"
    assert len(base64.b64decode(found["signature"])) == 384


async def test_company_data_is_told_to_the_government_only(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    other.prefix = company.prefix
    await other.get_key()
    page = await facade.open_in_browser(other.qr_url())
    assert page.away is None and "M20012" in page.text
    token = await company.log_in_company("ada")
    fields = {"accessToken": token["cAccessToken"], "openID": token["cOpenID"]}
    assert (await other.call("/profiles", fields)).code == "M20019"
    told = await company.call("/profiles", fields)
    assert told.content["ubi"] == token["ubi"]
    assert (await company.call("/profiles", fields | {"openID": "x"})).code == "M20011"
    narrow = await company.log_in_company("ada", cScope="corpidapi_auth")
    less = {"accessToken": narrow["cAccessToken"], "openID": narrow["cOpenID"]}
    assert (await company.call("/profiles", less)).code == "M20012"


async def test_a_bent_wish_for_documents_asks_nobody(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    token = await company.log_in_company("ada")
    bent: tuple[tuple[Any, str], ...] = (
        ([], "M80001"), (["moonLanding"], "M80001"), (["mandate", "mandate"], "M80001"),
        ("mandate", "M20000"), ([1], "M20000"),
    )  # fmt: skip
    for types, code in bent:
        fields = company.action(token) | {"docTypes": types}
        assert (await company.call(SHARING, fields)).code == code, types
    assert await facade.count("requests") == 0 and not await facade.phones.pending("ada")


async def test_documents_are_signed_and_of_the_tokens_company(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    token = await company.log_in_company("ada")
    fields = company.action(token) | {"docTypes": ["businessRegistration", "mandate"]}
    ticket = (await company.call(SHARING, fields)).content["ticketID"]
    assert (await company.call(SHARING, fields)).code == "M20017"
    await visited(facade, company, ticket, persona="ada")
    await facade.settled()
    key = facade.city.identity.tokens.signing_key().public_only()
    opened = json.loads(await content(facade))
    for document in opened["documents"]:
        verified = verify_jws(document["document"], key, typ="lionrock-company-document+jwt")
        assert not isinstance(verified, Refused)
        assert verified.claims["ubi"] == token["ubi"]


async def content(facade: FacadeCity) -> bytes:
    """What the newest push says."""
    body = json.loads(facade.service.received[-1])
    cek = facade.service.kek.decrypt(base64.b64decode(body["secretKey"]), OAEP)
    opened = open_content(cek, body["content"])
    assert isinstance(opened, bytes)
    return opened


async def test_a_company_no_registry_spoke_of_has_no_registration(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    token = await company.log_in_company("ada")

    async def forget(db: Connection) -> None:
        await db.execute("DELETE FROM identity.company_statuses")

    await facade.city.kernel.database.run(forget)
    fields = company.action(token) | {"docTypes": ["businessRegistration"]}
    assert (await company.call(SHARING, fields)).code == "M80002"
    assert await facade.count("requests") == 0


async def test_a_mandate_that_covers_no_sharing_asks_nobody(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    identity, now = facade.city.identity, facade.city.kernel.business_clock.now()

    async def grant(db: Connection) -> None:
        draft = api.MandateDraft(
            person_id=facade.city.people["ben"].id, company_id=facade.city.company.id,
            role="user", scopes=api.ROLE_SCOPES["user"], valid_from=now - timedelta(days=1),
        )  # fmt: skip
        assert not isinstance(await identity.grant_mandate(db, draft, "operator"), Refused)

    await facade.city.kernel.database.run(grant)
    token = await company.log_in_company("ben")
    fields = company.action(token) | {"docTypes": ["mandate"]}
    assert (await company.call(SHARING, fields)).code == "M80003"
    assert not await facade.phones.pending("ben")


async def test_documents_need_their_scope_and_client(
    company: FacadeCaller, facade: FacadeCity
) -> None:
    other = await other_client(facade)
    other.prefix = company.prefix
    await other.get_key()
    token = await company.log_in_company("ada", cScope="corpidapi_auth")
    more = {"docTypes": ["mandate"]}
    assert (await company.call(SHARING, company.action(token) | more)).code == "M20012"
    assert (await other.call(SHARING, other.action(token) | more)).code == "M20011"

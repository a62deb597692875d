"""What releases a key, asked again right then: the company's status, the values' one use."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from lionrock.identity.api import ApprovalRequest
from lionrock.identity.signing import store
from lionrock.identity.signing.domain import (
    CompanySealSigner,
    PersonSigner,
    ReleaseRequest,
    Signer,
    SigningRefusal,
    approval_request,
    sha256_hex,
)
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.identity.desk import Desk, new_desk
from tests.http.identity.signing.conftest import SigningCity
from tests.http.identity.signing.csc_client import SigningClient, b64_hash, client_of
from tests.http.identity.signing.test_csc import code
from tests.http.identity.signing.test_verification import signed, verified
from tests.unit.identity.signing.signing_world import plain_pdf

OPERATIONS = "/identity/v1/operations"


@pytest.fixture
async def client(signing_city: SigningCity) -> SigningClient:
    """A client of remote signing."""
    return await client_of(signing_city)


def _signers(city: SigningCity) -> tuple[Signer, Signer]:
    company, ada = city.city.company, city.city.people["ada"].id
    seal = CompanySealSigner(
        company_id=company.id, name=company.names.en, officer_id=ada,
        business_number=company.business_number,
    )  # fmt: skip
    return seal, PersonSigner(person_id=ada, name="Ada", company_id=company.id)


@pytest.mark.parametrize(
    ("place", "chain"), [(0, "agreement"), (1, "single")], ids=["seal", "person"]
)
async def test_company_suspended_between_approval_and_signature_signs_nothing(
    signing_city: SigningCity, place: int, chain: str
) -> None:
    city, pdf = signing_city.city, plain_pdf()
    signer = _signers(signing_city)[place]
    run, identity = city.kernel.database.run, city.identity
    request: ApprovalRequest = approval_request(ReleaseRequest(
        signer=signer, person_ids=(city.people["ada"].id,), document_sha256=sha256_hex(pdf),
        title="Application", language="en", reference=f"cas_{'0' * 32}",
        requester_org="programme-office", quorum=1,
    ))  # fmt: skip
    approval = await run(lambda db: identity.request_approval(db, request))
    assert not isinstance(approval, Refused), approval
    await city.phone.answer("ada", approval.id, "approved", approval.number or "")
    await run(lambda db: identity.parties.set_company_status(db, city.company.id, "suspended"))
    sign = partial(
        signing_city.signing.sign_pdf, pdf=pdf, signer=signer, approval_id=approval.id, chain=chain
    )
    refused = await run(sign)
    assert isinstance(refused, Refused)
    assert refused.refusal is SigningRefusal.SIGNING_MANDATE
    await run(lambda db: identity.parties.set_company_status(db, city.company.id, "live"))
    done = await run(sign)
    assert not isinstance(done, Refused), "live again, the same approval releases it"


async def test_of_two_calls_at_once_with_one_activation_exactly_one_signs(
    client: SigningClient,
) -> None:
    token, value = await client.signing_token(), b"once"
    credential, sad = await client.authorized(token, [value])
    answers = await asyncio.gather(
        *(client.sign_hash(token, credential, sad, [b64_hash(value)]) for _ in range(2))
    )
    lost = [answer for answer in answers if answer.status_code != 200]
    assert len(lost) == 1, [answer.text for answer in answers]
    assert code(lost[0]) == "identity.csc_hash_signed"


@pytest.fixture
async def desk(signing_city: SigningCity) -> Desk:
    """The operators' service; Ben and Carmen are operators."""
    city = signing_city.city
    city.identity.operations.certificate_desk = signing_city.signing.authority
    for persona in ("ben", "carmen"):
        person_id = city.people[persona].id

        async def grant(db: Connection, held_by: str = person_id) -> None:
            assert await city.identity.grant_staff_role(db, held_by, "operator") is None

        await city.kernel.database.run(grant)
    return await new_desk(city)


async def _operator(desk: Desk, persona: str) -> str:
    return await desk.token(persona, scope="openid company staff")


async def _certificate(db: Connection, serial: str) -> x509.Certificate:
    pem = await store.certificate(db, serial)
    assert pem is not None
    return x509.load_pem_x509_certificate(pem.encode())


async def test_certificate_revoked_by_two_operators_is_revoked_wherever_one_asks(
    signing_city: SigningCity, client: SigningClient, desk: Desk
) -> None:
    city, run = signing_city.city, signing_city.city.kernel.database.run
    early = await signed(client, level="Ades-B-T")
    (first,) = (await verified(signing_city, early))["signatures"]
    serial = first["certificate_serial"]
    city.wire_clock.advance(seconds=10)
    shown = ":".join(f"{int(serial, 16):040X}"[n : n + 2] for n in range(0, 40, 2))
    deed = {"kind": "revoke_certificate", "serial": shown, "reason": "key_compromise"}
    bens, carmens = await _operator(desk, "ben"), await _operator(desk, "carmen")
    asked = await desk.send(bens, "POST", OPERATIONS, {"deed": deed})
    assert asked.status_code == 202, asked.text
    path = f"{OPERATIONS}/{asked.json()['operation_id']}"
    (waiting,) = (await verified(signing_city, early))["signatures"]
    assert waiting["revoked_at"] is None, "one operator alone revokes nothing"
    done = await desk.send(carmens, "POST", f"{path}/approval")
    assert (done.status_code, done.json()["outcome"]) == (200, {"id": serial})
    (receipt,) = await city.receipts("identity.certificate_revoked")
    assert receipt["references"]["serial"] == serial
    (verdict,) = (await verified(signing_city, early))["signatures"]
    assert verdict["is_valid"], "the time-stamp proves that it was signed before"
    authority = signing_city.signing.authority
    listed = x509.load_der_x509_crl(await run(authority.revocation_list))
    entry = listed.get_revoked_certificate_by_serial_number(int(serial, 16))
    assert entry is not None
    (ca_pem,) = await run(signing_city.signing.ca_certificates)
    ca = x509.load_pem_x509_certificate(ca_pem.encode())
    row = await run(lambda db: _certificate(db, serial))
    question = ocsp.OCSPRequestBuilder().add_certificate(row, ca, hashes.SHA256()).build()
    asked_der = question.public_bytes(Encoding.DER)
    answer = ocsp.load_der_ocsp_response(
        await run(lambda db: authority.answer_status(db, asked_der))
    )
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    instants = {
        answer.revocation_time_utc, entry.revocation_date_utc,
    }  # fmt: skip
    assert len(instants) == 1
    (instant,) = instants
    assert instant is not None and verdict["revoked_at"] == f"{instant:%Y-%m-%dT%H:%M:%SZ}"
    (later,) = (await verified(signing_city, await signed(client)))["signatures"]
    assert later["is_valid"] and later["certificate_serial"] != serial


async def test_unknown_certificate_is_not_revoked_and_the_operation_waits_still(
    desk: Desk,
) -> None:
    bens, carmens = await _operator(desk, "ben"), await _operator(desk, "carmen")
    deed = {"kind": "revoke_certificate", "serial": "abc", "reason": "superseded"}
    asked = await desk.send(bens, "POST", OPERATIONS, {"deed": deed})
    path = f"{OPERATIONS}/{asked.json()['operation_id']}"
    refused = await desk.send(carmens, "POST", f"{path}/approval")
    assert (refused.status_code, refused.json()["code"]) == (400, "identity.operation_malformed")
    assert (await desk.send(bens, "GET", path)).json()["state"] == "pending"
    odd = deed | {"reason": "because"}
    assert (await desk.send(bens, "POST", OPERATIONS, {"deed": odd})).status_code in (400, 422)

"""Black-box scenarios in the CorpID style.

Read as
-------
- A log-in brings ``code`` and ``cCode``; each prefix exchanges its own at its own getToken.
- The officer's phone takes the first company during log-in; others are reached by tokenExchange.
- tokenExchange for a company outside the list is a UBI mismatch, M20013.
- A spent company code is treated as M40004: it can no longer be exchanged.
- Refusals of the shared scheme (signature, address, content key) have a code that begins with M
  and is not M00000; no other property of it is known.
- A person who rejects a log-in brings back neither code, whoever tells the reason.
- The seal has a certificate of the company, another one than the person's.
- A signToken serves for one seal and for the digest that the person signed.
"""

import time
import uuid

import pytest
from cryptography.exceptions import InvalidSignature

from tests.blackbox.hongkong import steps
from tests.blackbox.hongkong.client import Fields, Refused, Signed, Ticket, Token
from tests.blackbox.hongkong.facade import Decision, Facade
from tests.blackbox.hongkong.signatures import digest_of, verify_digest, verify_pdf
from tests.blackbox.hongkong.styles import CorpStyle

ELSEWHERE = "https://elsewhere.example/return"


async def settle(
    facade: Facade, client: CorpStyle, ticket: Ticket, decision: Decision = "approve"
) -> Fields:
    """Let the officer decide on a ticket and open what is pushed for it."""
    before = len(facade.service.received)
    url = client.qr_page(
        facade.service.redirect_uri,
        ["eidapi_sign"],
        ["corpidapi_sign"],
        ticket.state,
        ticket_id=ticket.ticket_id,
    )
    await steps.decide(facade, facade.officer, ticket, url, decision)
    return client.open(await steps.pushed(facade, before)).fields()


async def signed_in(facade: Facade) -> tuple[CorpStyle, Token]:
    """A client with a content key and a token of the officer's first company."""
    client = steps.corp(facade)
    return client, await steps.log_in_company(facade, client)


def assert_refused(code: str) -> None:
    """A refusal of this style."""
    assert code.startswith("M")
    assert code != "M00000"


async def sealed_by(facade: Facade, client: CorpStyle, token: Token, digest: str) -> Signed:
    """The seal of the token's company over a digest."""
    uri = facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Deed", "CORPID_SIGN")
    return Signed.read(await settle(facade, client, ticket))


async def test_log_in_gives_a_token_for_the_company(facade: Facade) -> None:
    _, token = await signed_in(facade)
    assert token.open_id
    assert "corpidapi_auth" in token.scope


async def test_the_persons_page_brings_both_codes(facade: Facade) -> None:
    person, company = steps.iam(facade), steps.corp(facade)
    await person.get_key()
    await company.get_key()
    uri = facade.service.redirect_uri
    url = person.company_qr_page(uri, steps.PERSON_SCOPE, steps.COMPANY_SCOPE, "both")
    back = await steps.visit(facade, facade.officer, url, "approve")
    assert back["state"] == "both"
    assert back["code"] != back["cCode"]
    token = await person.get_token(back["code"])
    company_token = await company.get_token(back["cCode"])
    assert token.access_token != company_token.access_token


async def test_a_company_code_is_good_for_one_token(facade: Facade) -> None:
    client = steps.corp(facade)
    await client.get_key()
    uri = facade.service.redirect_uri
    url = client.qr_page(uri, steps.PERSON_SCOPE, steps.COMPANY_SCOPE, "once")
    back = await steps.visit(facade, facade.officer, url, "approve")
    await client.get_token(back["cCode"])
    with pytest.raises(Refused) as refusal:
        await client.get_token(back["cCode"])
    assert refusal.value.code == "M40004"


async def test_company_list_and_switch(facade: Facade) -> None:
    client, token = await signed_in(facade)
    identifiers = [company["ubi"] for company in await client.companies(token)]
    assert len(set(identifiers)) == len(identifiers) >= 2
    digest = digest_of(b"a deed of two companies")
    subjects = []
    for ubi in identifiers[:2]:
        exchanged = await client.switch(token, ubi)
        assert exchanged.access_token != token.access_token
        signed = await sealed_by(facade, client, exchanged, digest)
        verify_digest(signed.certificate, signed.signature, digest)
        subjects.append(signed.certificate.subject)
    assert subjects[0] != subjects[1]


async def test_a_company_outside_the_list_is_a_mismatch(facade: Facade) -> None:
    client, token = await signed_in(facade)
    identifiers = {company["ubi"] for company in await client.companies(token)}
    assert "00000000" not in identifiers
    with pytest.raises(Refused) as refusal:
        await client.switch(token, "00000000")
    assert refusal.value.code == "M20013"


async def test_a_seal_verifies_and_is_acknowledged(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"a deed"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Deed", "CORPID_SIGN")
    content = await settle(facade, client, ticket)
    assert content["hashCode"] == digest
    assert content["timestamp"]
    signed = Signed.read(content)
    verify_digest(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_digest(signed.certificate, signed.signature, digest_of(b"another deed"))
    await client.ack_result(token, ticket, "SR001")


async def test_a_personal_signature_is_not_the_seal(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"minutes"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Minutes", "PERSONAL_SIGN")
    personal = Signed.read(await settle(facade, client, ticket))
    verify_digest(personal.certificate, personal.signature, digest)
    seal = await sealed_by(facade, client, token, digest)
    verify_digest(seal.certificate, seal.signature, digest)
    assert personal.certificate.subject != seal.certificate.subject


async def test_the_person_signs_first_and_the_seal_follows(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"a contract"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Contract", "INTEGRATED_SIGN")
    content = await settle(facade, client, ticket)
    personal = Signed.read(content)
    verify_digest(personal.certificate, personal.signature, digest)
    sign_token = content["signToken"]
    seal = await client.seal_hash(token, ticket, digest, "Contract", sign_token)
    verify_digest(seal.certificate, seal.signature, digest)
    assert seal.certificate.subject != personal.certificate.subject
    with pytest.raises(Refused):
        await client.seal_hash(token, ticket, digest, "Contract", sign_token)


async def test_a_sign_token_seals_no_other_document(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"a lease"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Lease", "INTEGRATED_SIGN")
    content = await settle(facade, client, ticket)
    with pytest.raises(Refused) as refusal:
        await client.seal_hash(
            token, ticket, digest_of(b"another lease"), "Lease", content["signToken"]
        )
    assert_refused(refusal.value.code)


async def test_a_seal_needs_a_sign_token(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"a bond"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Bond", "INTEGRATED_SIGN")
    with pytest.raises(Refused) as refusal:
        await client.seal_hash(token, ticket, digest, "Bond", str(uuid.uuid4()))
    assert_refused(refusal.value.code)


async def test_a_sealed_pdf_digest_verifies(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"%PDF-1.7 a deed"), facade.service.redirect_uri
    ticket = await client.sign_pdf(token, uri, digest, "Deed.pdf", "CORPID_SIGN")
    signed = Signed.read(await settle(facade, client, ticket))
    verify_pdf(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_pdf(signed.certificate, signed.signature, digest_of(b"%PDF-1.7 others"))


async def test_a_revoked_key_serves_no_longer(facade: Facade) -> None:
    client, token = await signed_in(facade)
    await client.revoke_key()
    with pytest.raises(Refused) as refusal:
        await client.companies(token)
    assert_refused(refusal.value.code)
    await client.get_key()
    assert await client.companies(token)


async def test_a_key_never_issued_is_refused(facade: Facade) -> None:
    client = steps.corp(facade)
    client.cek = bytes(range(32))
    with pytest.raises(Refused) as refusal:
        await client.get_token("no-such-code")
    assert_refused(refusal.value.code)


async def test_a_bad_signature_is_refused(facade: Facade) -> None:
    client = steps.corp(facade)
    client.client_secret += "x"
    with pytest.raises(Refused) as refusal:
        await client.get_key()
    assert_refused(refusal.value.code)


async def test_an_unregistered_url_is_refused(facade: Facade) -> None:
    client, token = await signed_in(facade)
    with pytest.raises(Refused) as refusal:
        await client.sign_hash(token, ELSEWHERE, digest_of(b"x"), "Deed", "CORPID_SIGN")
    assert_refused(refusal.value.code)
    url = client.qr_page(ELSEWHERE, steps.PERSON_SCOPE, steps.COMPANY_SCOPE, "elsewhere")
    response = await facade.http.get(url, follow_redirects=False)
    assert "elsewhere.example" not in response.headers.get("location", "")


async def test_an_undecryptable_body_is_refused(facade: Facade) -> None:
    client, token = await signed_in(facade)
    key, client.cek = client.cek, bytes(32)
    body = client.sealed({"accessToken": token.access_token, "openID": token.open_id})
    client.cek = key
    answer = await client.send("/corp/corpList", body, client.sign(body))
    assert_refused(answer.code)


async def test_a_rejected_log_in_brings_neither_code(facade: Facade) -> None:
    client = steps.corp(facade)
    uri = facade.service.redirect_uri
    url = client.qr_page(uri, steps.PERSON_SCOPE, steps.COMPANY_SCOPE, "rejected")
    back = await steps.visit(facade, facade.officer, url, "reject")
    assert back["state"] == "rejected"
    assert "cCode" not in back
    assert back.get("code", "D40001")[1:] == "40001"


async def test_a_rejected_seal_is_told_to_the_callback(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"unwanted"), facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Unwanted", "CORPID_SIGN")
    with pytest.raises(Refused) as refusal:
        await settle(facade, client, ticket, "reject")
    assert_refused(refusal.value.code)


async def test_a_replayed_request_is_refused(facade: Facade) -> None:
    client = steps.corp(facade)
    headers = client.sign(b"")
    assert (await client.send("/security/getKey", b"", headers)).code == "M00000"
    assert_refused((await client.send("/security/getKey", b"", headers)).code)


async def test_requests_may_arrive_out_of_order(facade: Facade) -> None:
    client = steps.corp(facade)
    now = time.time_ns() // 1_000_000
    for timestamp in (now, now - 2_000):
        headers = client.sign(b"", timestamp=timestamp)
        assert (await client.send("/security/getKey", b"", headers)).code == "M00000"

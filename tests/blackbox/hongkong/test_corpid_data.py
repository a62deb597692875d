"""Black-box scenarios in the CorpID style: company data, documents, forms, more signing.

Facts followed (identity.md): 2 "API surface" (``profiles``, ``corp/requestDocSharing``,
``formFilling``, ``signing/anonymous``, ``pdfsigning/requestCorpSigning``), its scopes, "Company
data", "M8000x wallet". What the facts leave open: see styles.py.

Read as
-------
- The service of the tests counts as one of the government, which ``profiles`` is for.
- Company data names the company by ``ubi``, and has at least a name and a status.
- A document that the company does not have is a refusal of the wallet, M8000x, and not an empty
  list. Documents of another company are never in it.
"""

import asyncio
import uuid

import pytest

from tests.blackbox.hongkong import steps
from tests.blackbox.hongkong.client import Fields, Refused, Signed, Ticket, Token
from tests.blackbox.hongkong.facade import Decision, Facade
from tests.blackbox.hongkong.signatures import digest_of, verify_digest, verify_pdf
from tests.blackbox.hongkong.styles import CorpStyle

SCOPE = (
    "corpidapi_auth",
    "corpidapi_profiles",
    "corpidapi_formFilling",
    "corpidapi_sign",
    "corpidapi_docwallet",
)


async def signed_in(facade: Facade, scope: tuple[str, ...] = SCOPE) -> tuple[CorpStyle, Token]:
    """A client with a content key and a token of the officer's first company."""
    client = steps.corp(facade)
    await client.get_key()
    state = uuid.uuid4().hex
    url = client.qr_page(facade.service.redirect_uri, steps.PERSON_SCOPE, scope, state)
    back = await steps.visit(facade, facade.officer, url, "approve")
    return client, await client.get_token(back["cCode"])


async def decided(
    facade: Facade,
    client: CorpStyle,
    ticket: Ticket,
    scope: tuple[str, str],
    decision: Decision = "approve",
) -> None:
    """Let the officer decide on a ticket."""
    uri = facade.service.redirect_uri
    url = client.qr_page(uri, scope[:1], scope[1:], ticket.state, ticket_id=ticket.ticket_id)
    await steps.decide(facade, facade.officer, ticket, url, decision)


async def settled(
    facade: Facade,
    client: CorpStyle,
    ticket: Ticket,
    scope: tuple[str, str],
    decision: Decision = "approve",
) -> Fields:
    """What is pushed once the officer decided on a ticket."""
    before = len(facade.service.received)
    await decided(facade, client, ticket, scope, decision)
    return client.open(await steps.pushed(facade, before)).fields()


async def test_company_data_is_of_the_tokens_company(facade: Facade) -> None:
    client, token = await signed_in(facade)
    identifiers = [company["ubi"] for company in await client.companies(token)]
    found = []
    for ubi in identifiers[:2]:
        profile = await client.company_profile(await client.switch(token, ubi))
        assert profile["ubi"] == ubi
        assert profile["lastMatched"]
        found.append(profile)
    assert found[0] != found[1]


async def test_company_data_needs_its_scope(facade: Facade) -> None:
    client, token = await signed_in(facade, ("corpidapi_auth", "corpidapi_sign"))
    with pytest.raises(Refused) as refusal:
        await client.company_profile(token)
    assert refusal.value.code.startswith("M")


async def test_a_persons_token_reads_no_company(facade: Facade) -> None:
    client, token = await signed_in(facade)
    person = await steps.log_in(facade, steps.iam(facade))
    forged = Token(person.access_token, token.open_id, token.scope, {})
    with pytest.raises(Refused):
        await client.company_profile(forged)


async def test_documents_are_shared_with_the_officers_word(facade: Facade) -> None:
    client, token = await signed_in(facade)
    kinds = ["businessRegistration"]
    ticket = await client.share_documents(token, facade.service.redirect_uri, kinds)
    content = await settled(facade, client, ticket, ("eidapi_auth", "corpidapi_docwallet"))
    documents = content["documents"]
    assert [one["docType"] for one in documents] == kinds


async def test_a_rejected_sharing_shares_nothing(facade: Facade) -> None:
    client, token = await signed_in(facade)
    uri = facade.service.redirect_uri
    ticket = await client.share_documents(token, uri, ["businessRegistration"])
    scope = ("eidapi_auth", "corpidapi_docwallet")
    with pytest.raises(Refused) as refusal:
        await settled(facade, client, ticket, scope, "reject")
    assert refusal.value.code == "M40001"


async def test_a_document_nobody_issues_is_refused(facade: Facade) -> None:
    client, token = await signed_in(facade)
    uri = facade.service.redirect_uri
    with pytest.raises(Refused) as refusal:
        await client.share_documents(token, uri, ["moonLanding"])
    assert refusal.value.code.startswith("M8000")


async def test_sharing_needs_its_scope(facade: Facade) -> None:
    client, token = await signed_in(facade, ("corpidapi_auth", "corpidapi_sign"))
    uri = facade.service.redirect_uri
    with pytest.raises(Refused):
        await client.share_documents(token, uri, ["businessRegistration"])


async def test_a_form_of_the_company_is_pushed(facade: Facade) -> None:
    client, token = await signed_in(facade)
    ticket = await client.fill_form(token, facade.service.redirect_uri, ["emailAddress"])
    scope = ("eidapi_formFilling", "corpidapi_formFilling")
    content = await settled(facade, client, ticket, scope)
    assert steps.values(content, "eMEFields").get("emailAddress")


async def test_a_signature_without_log_in_is_fetched(facade: Facade) -> None:
    client = steps.corp(facade)
    await client.get_key()
    digest, uri = digest_of(b"a petition"), facade.service.redirect_uri
    ticket = await client.sign_anonymously(uri, "hashCode", digest, "Petition")
    await decided(facade, client, ticket, ("eidapi_sign", "corpidapi_sign"))
    for _ in range(50):
        try:
            signed = await client.anonymous_signature(ticket, "hashCode")
            break
        except Refused:
            await asyncio.sleep(0.1)
    else:
        raise TimeoutError("no signature came")
    verify_digest(signed.certificate, signed.signature, digest)


async def test_the_seal_follows_the_signature_of_a_pdf(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest, uri = digest_of(b"%PDF-1.7 a contract"), facade.service.redirect_uri
    ticket = await client.sign_pdf(token, uri, digest, "Contract.pdf", "INTEGRATED_SIGN")
    content = await settled(facade, client, ticket, ("eidapi_sign", "corpidapi_sign"))
    personal = Signed.read(content)
    verify_pdf(personal.certificate, personal.signature, digest)
    sign_token = content["signToken"]
    seal = await client.seal_pdf(token, ticket, digest, "Contract.pdf", sign_token)
    verify_pdf(seal.certificate, seal.signature, digest)
    assert seal.certificate.subject != personal.certificate.subject

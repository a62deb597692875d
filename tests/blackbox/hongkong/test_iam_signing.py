"""Black-box scenarios in the iAM Smart style: signing without log-in and signing in bulk.

Facts followed (identity.md): 1.1 "Sign a hash", "Signing, no login", the scope eidapi_bulksign;
1.3 on ``HKICHash``; 2 on ``sigAlgo``. What the facts leave open: see styles.py.

Read as
-------
- A signature asked for as SHA256withRSA comes with an RSA key in its certificate.
- Nothing is signed, and no result is given, before the person decided, nor to another ticket.
- A result without log-in is handed over once: it can be asked for again only as a refusal.
- A bulk signing is one decision: all digests are signed, or none.
"""

import asyncio
import uuid
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.blackbox.hongkong import steps
from tests.blackbox.hongkong.client import Fields, Refused, Signed, Ticket, Token
from tests.blackbox.hongkong.facade import Decision, Facade
from tests.blackbox.hongkong.signatures import digest_of, verify_digest, verify_pdf
from tests.blackbox.hongkong.styles import Bulk, DigestField, IamStyle

BULK_SCOPE = (*steps.PERSON_SCOPE, "eidapi_bulksign")
KINDS: tuple[DigestField, ...] = ("hashCode", "docDigest")


async def keyed(facade: Facade) -> IamStyle:
    """A client with a content key."""
    client = steps.iam(facade)
    await client.get_key()
    return client


async def decided(
    facade: Facade, client: IamStyle, ticket: Ticket, scope: str, decision: Decision = "approve"
) -> None:
    """Let the person decide on a ticket."""
    uri = facade.service.redirect_uri
    url = client.qr_page(uri, [scope], ticket.state, ticket_id=ticket.ticket_id)
    await steps.decide(facade, facade.person, ticket, url, decision)


async def signature(client: IamStyle, ticket: Ticket, kind: DigestField) -> Signed:
    """The signature without log-in once it is there."""
    for _ in range(50):
        try:
            return await client.anonymous_signature(ticket, kind)
        except Refused as refusal:
            if refusal.code in ("D40000", "D40001", "D40003"):
                raise
        await asyncio.sleep(0.1)
    raise TimeoutError("no signature came")


async def pushed(facade: Facade, client: IamStyle, ticket: Ticket, decision: Decision) -> Fields:
    """What the callback brings once the person decided on a bulk signing."""
    before = len(facade.service.received)
    await decided(facade, client, ticket, "eidapi_bulksign", decision)
    return client.open(await steps.pushed(facade, before)).fields()


async def bulk_token(facade: Facade) -> tuple[IamStyle, Token]:
    """A client with a content key and a token that may sign in bulk."""
    client = steps.iam(facade)
    return client, await steps.log_in(facade, client, BULK_SCOPE)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_signature_without_log_in_is_fetched_once(
    facade: Facade, kind: DigestField
) -> None:
    client = await keyed(facade)
    digest = digest_of(b"a petition")
    uri = facade.service.redirect_uri
    ticket = await client.sign_anonymously(uri, kind, digest, "Petition")
    with pytest.raises(Refused):
        await client.anonymous_signature(ticket, kind)
    await decided(facade, client, ticket, "eidapi_sign")
    signed = await signature(client, ticket, kind)
    assert signed.raw[kind] == digest
    assert signed.raw["timestamp"]
    verify_pdf(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_pdf(signed.certificate, signed.signature, digest_of(b"another petition"))
    assert "accessToken" not in signed.raw
    assert "openID" not in signed.raw
    with pytest.raises(Refused):
        await client.anonymous_signature(ticket, kind)


async def test_another_ticket_fetches_no_signature(facade: Facade) -> None:
    client = await keyed(facade)
    uri = facade.service.redirect_uri
    ticket = await client.sign_anonymously(uri, "hashCode", digest_of(b"a note"), "Note")
    await decided(facade, client, ticket, "eidapi_sign")
    with pytest.raises(Refused):
        await client.anonymous_signature(replace(ticket, ticket_id=str(uuid.uuid4())), "hashCode")
    with pytest.raises(Refused):
        await client.anonymous_signature(
            replace(ticket, business_id=str(uuid.uuid4())), "hashCode"
        )
    with pytest.raises(Refused):
        await client.form_result(ticket)
    assert (await signature(client, ticket, "hashCode")).signature


async def test_a_rejected_signature_without_log_in_yields_nothing(facade: Facade) -> None:
    client = await keyed(facade)
    uri = facade.service.redirect_uri
    ticket = await client.sign_anonymously(uri, "hashCode", digest_of(b"no"), "No")
    await decided(facade, client, ticket, "eidapi_sign", "reject")
    with pytest.raises(Refused) as refusal:
        await signature(client, ticket, "hashCode")
    assert refusal.value.code == "D40001"


async def test_a_signature_without_log_in_takes_no_hash_of_an_identity_number(
    facade: Facade,
) -> None:
    client = await keyed(facade)
    uri = facade.service.redirect_uri
    guessable = {"HKICHash": digest_of(b"A123456")}
    with pytest.raises(Refused) as refusal:
        await client.sign_anonymously(
            uri, "hashCode", digest_of(b"a form"), "Form", more=guessable
        )
    assert refusal.value.code != "D00000"


async def test_who_asks_for_rsa_gets_an_rsa_signature(facade: Facade) -> None:
    client, token = await bulk_token(facade)
    digest = digest_of(b"a deed")
    uri = facade.service.redirect_uri
    ticket = await client.sign_hash(token, uri, digest, "Deed")
    before = len(facade.service.received)
    await decided(facade, client, ticket, "eidapi_sign")
    signed = Signed.read(client.open(await steps.pushed(facade, before)).fields())
    assert isinstance(signed.certificate.public_key(), rsa.RSAPublicKey)
    verify_digest(signed.certificate, signed.signature, digest)


async def test_many_documents_are_signed_with_one_decision(facade: Facade) -> None:
    client, token = await bulk_token(facade)
    names = [f"Letter {number}" for number in range(5)]
    digests = [digest_of(name.encode()) for name in names]
    uri = facade.service.redirect_uri
    ticket = await client.sign_many(token, uri, list(zip(digests, names, strict=True)))
    bulk = Bulk.read(await pushed(facade, client, ticket, "approve"))
    assert bulk.digests == digests
    for digest, signed in zip(digests, bulk.signatures, strict=True):
        verify_digest(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_digest(bulk.signatures[0].certificate, bulk.signatures[0].signature, digests[1])
    await client.ack_result(token, ticket, "SR001")


async def test_a_rejected_bulk_signs_nothing(facade: Facade) -> None:
    client, token = await bulk_token(facade)
    uri = facade.service.redirect_uri
    documents = [(digest_of(b"one"), "One"), (digest_of(b"two"), "Two")]
    ticket = await client.sign_many(token, uri, documents)
    with pytest.raises(Refused) as refusal:
        await pushed(facade, client, ticket, "reject")
    assert refusal.value.code == "D40001"


async def test_bulk_signing_needs_its_own_scope(facade: Facade) -> None:
    client = steps.iam(facade)
    token = await steps.log_in(facade, client)
    uri = facade.service.redirect_uri
    with pytest.raises(Refused):
        await client.sign_many(token, uri, [(digest_of(b"one"), "One")])


@pytest.mark.parametrize(
    "digests",
    [[], [b"the same", b"the same"], [b"%d" % number for number in range(1_001)]],
    ids=["none", "one twice", "too many"],
)
async def test_a_bulk_of_no_sense_is_refused(facade: Facade, digests: list[bytes]) -> None:
    client, token = await bulk_token(facade)
    uri = facade.service.redirect_uri
    with pytest.raises(Refused):
        await client.sign_many(token, uri, [(digest_of(one), "Document") for one in digests])

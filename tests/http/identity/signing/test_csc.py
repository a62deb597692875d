"""Remote signing: what is approved on the phone is signed once, and nothing else is."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from lionrock.identity.api import SCOPES, validate_pdf
from lionrock.identity.signing.csc.domain import HASHES_MAX, SAD_LIFE_S
from tests.http.identity.signing.conftest import SigningCity
from tests.http.identity.signing.csc_client import (
    SHA_256,
    SigningClient,
    b64_hash,
    client_of,
    new_signing_client,
)
from tests.unit.identity.signing.signing_world import plain_pdf

ONE, TWO = b"first value", b"second value"


@pytest.fixture
async def client(signing_city: SigningCity) -> SigningClient:
    """A client of remote signing."""
    return await client_of(signing_city)


def code(answer: httpx.Response) -> str:
    """The stable code of a CSC error."""
    body = answer.json()
    assert answer.status_code >= 400, answer.text
    assert set(body) >= {"error", "error_description"}, body
    return str(body["code"])


async def certificate_of(client: SigningClient, token: str, credential: str) -> x509.Certificate:
    """The certificate of a credential."""
    answer = await client.call(
        "credentials/info", token, {"credentialID": credential, "certificates": "chain"}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["SCAL"] == "2"
    assert len(body["cert"]["certificates"]) == 2
    return x509.load_der_x509_certificate(base64.b64decode(body["cert"]["certificates"][0]))


async def test_service_description_needs_no_token(signing_city: SigningCity) -> None:
    async with signing_city.http() as http:
        answer = await http.post("/csc/v2/info", json={})
    assert answer.status_code == 200
    assert "signatures/signHash" in answer.json()["methods"]


async def test_approved_batch_is_signed_and_the_words_name_every_document(
    client: SigningClient,
) -> None:
    token = await client.signing_token()
    credential = await client.credential(token)
    values = [b64_hash(ONE), b64_hash(TWO)]
    asked = await client.authorize(token, {
        "credentialID": credential, "numSignatures": 2, "hashes": values,
        "hashAlgorithmOID": SHA_256, "labels": ["Lease.pdf", "Annex.pdf"],
    })  # fmt: skip
    waiting = await client.call(
        "credentials/authorizeCheck", token, {"handle": asked["handle"]}
    )
    assert waiting.status_code == 202
    words = await client.decide(asked)
    for value, name in zip(values, ("Lease.pdf", "Annex.pdf"), strict=True):
        digest = base64.b64decode(value).hex()
        assert f"“{name}” ({digest[:8]}…{digest[-8:]})" in words
    sad = await client.sad(token, asked["handle"])
    answer = await client.sign_hash(token, credential, sad, values)
    assert answer.status_code == 200, answer.text
    certificate = await certificate_of(client, token, credential)
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for content, signature in zip((ONE, TWO), answer.json()["signatures"], strict=True):
        public.verify(base64.b64decode(signature), content, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(answer.json()["signatures"][0]), TWO,
                      ec.ECDSA(hashes.SHA256()))  # fmt: skip


async def test_every_hash_is_bound_by_the_words_hash(client: SigningClient) -> None:
    token = await client.signing_token()
    credential = await client.credential(token)
    contents = [bytes((n,)) for n in range(HASHES_MAX)]
    asked = await client.authorize(token, {
        "credentialID": credential, "numSignatures": HASHES_MAX,
        "hashes": [b64_hash(c) for c in contents], "description": "A quarter's invoices, " * 6,
    })  # fmt: skip
    (shown,) = await client.city.phone.pending("ada")
    approval = await client.city.approval(shown["approval_id"])
    listed = approval.shown.fields["hashes"].split(" ")
    assert [base64.urlsafe_b64decode(v + "=") for v in listed] == [
        base64.b64decode(b64_hash(c)) for c in contents
    ]
    await client.decide(asked)


async def test_other_hash_more_hashes_and_replay_are_refused(client: SigningClient) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized(token, [ONE])
    good, other = b64_hash(ONE), b64_hash(b"other")
    for values in ([other], [good, other]):
        answer = await client.sign_hash(token, credential, sad, values)
        assert code(answer) == "identity.csc_hash_not_authorized"
    twice = await client.sign_hash(token, credential, sad, [good, good])
    assert code(twice) == "identity.csc_hashes"
    assert (await client.sign_hash(token, credential, sad, [good])).status_code == 200
    replay = await client.sign_hash(token, credential, sad, [good])
    assert code(replay) == "identity.csc_hash_signed"


async def test_refused_call_signs_nothing_of_a_batch(client: SigningClient) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized(token, [ONE, TWO])
    mixed = [b64_hash(ONE), b64_hash(b"other")]
    refused = await client.sign_hash(token, credential, sad, mixed)
    assert code(refused) == "identity.csc_hash_not_authorized"
    both = await client.sign_hash(token, credential, sad, [b64_hash(TWO), b64_hash(ONE)])
    assert both.status_code == 200


async def test_expired_activation_data_signs_nothing(client: SigningClient) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized(token, [ONE])
    client.city.wire_clock.advance(seconds=SAD_LIFE_S)
    answer = await client.sign_hash(token, credential, sad, [b64_hash(ONE)])
    assert code(answer) == "identity.csc_sad_expired"


async def test_activation_data_is_the_clients_the_persons_and_the_credentials_own(
    client: SigningClient,
) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized(token, [ONE])
    values = [b64_hash(ONE)]
    stranger = await new_signing_client(client.city, "other-client")
    strange = await stranger.signing_token()
    theirs = await stranger.sign_hash(
        strange, await stranger.credential(strange), sad, values
    )
    assert code(theirs) == "identity.csc_sad_unknown"
    ben = await client.signing_token("ben")
    of_ben = await client.sign_hash(ben, await client.credential(ben), sad, values)
    assert code(of_ben) == "identity.csc_sad_unknown"
    foreign = await client.sign_hash(ben, credential, sad, values)
    assert code(foreign) == "identity.csc_credential_unknown"
    company = await client.company_token(token)
    seal = await client.credential(company, "seal.")
    sealed = await client.sign_hash(company, seal, sad, values)
    assert code(sealed) == "identity.csc_sad_unknown"
    guessed = await client.sign_hash(token, credential, "A" * 43, values)
    assert code(guessed) == "identity.csc_sad_unknown"
    assert (await client.sign_hash(token, credential, sad, values)).status_code == 200


async def test_denied_and_unanswered_authorizations_give_no_activation_data(
    client: SigningClient,
) -> None:
    token = await client.signing_token()
    body = {
        "credentialID": await client.credential(token), "numSignatures": 1,
        "hashes": [b64_hash(ONE)],
    }
    denied = await client.authorize(token, body)
    await client.decide(denied, decision="rejected")
    check = {"handle": denied["handle"]}
    answer = await client.call("credentials/authorizeCheck", token, check)
    assert (code(answer), answer.json()["error"]) == ("identity.csc_denied", "access_denied")
    late = await client.authorize(token, body)
    client.city.business_clock.advance(seconds=601)
    answer = await client.call("credentials/authorizeCheck", token, {"handle": late["handle"]})
    assert code(answer) == "identity.csc_expired"
    ben = await client.signing_token("ben")
    for handle in (late["handle"], "sau_" + "0" * 32):
        answer = await client.call("credentials/authorizeCheck", ben, {"handle": handle})
        assert code(answer) == "identity.csc_handle_unknown"


async def test_fresh_activation_data_ends_the_older(client: SigningClient) -> None:
    token = await client.signing_token()
    credential = await client.credential(token)
    asked = await client.authorize(token, {
        "credentialID": credential, "numSignatures": 1, "hashes": [b64_hash(ONE)],
    })  # fmt: skip
    await client.decide(asked)
    older = await client.sad(token, asked["handle"])
    newer = await client.sad(token, asked["handle"])
    refused = await client.sign_hash(token, credential, older, [b64_hash(ONE)])
    assert code(refused) == "identity.csc_sad_unknown"
    done = await client.sign_hash(token, credential, newer, [b64_hash(ONE)])
    assert done.status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"hashes": []}, "identity.csc_hashes"),
        ({"hashes": ["not base64"]}, "identity.csc_hashes"),
        ({"hashes": [base64.b64encode(b"x" * 20).decode()]}, "identity.csc_hashes"),
        ({"hashes": [b64_hash(ONE)] * 2, "numSignatures": 2}, "identity.csc_hashes"),
        ({"numSignatures": 2}, "identity.csc_hashes"),
        ({"hashes": [b64_hash(bytes((n,))) for n in range(HASHES_MAX + 1)],
          "numSignatures": HASHES_MAX + 1}, "identity.csc_hashes"),
        ({"documentDigests": [{"hash": b64_hash(ONE)}]}, "identity.csc_hashes"),
        ({"hashAlgorithmOID": "1.3.14.3.2.26"}, "identity.csc_hash_algorithm"),
        ({"hashAlgo": "1.3.14.3.2.26", "hashAlgorithmOID": SHA_256},
         "identity.csc_hash_algorithm"),
        ({"labels": ["one", "two"]}, "identity.csc_labels"),
        ({"labels": ["line\nbreak"]}, "identity.csc_labels"),
        ({"labels": ["\u202egnp.exe"]}, "identity.csc_labels"),
        ({"labels": ["x" * 141]}, "identity.csc_labels"),
        ({"credentialID": "person.of-somebody-else"}, "identity.csc_credential_unknown"),
        ({"credentialID": 7}, "kernel.body_malformed"),
    ],
)  # fmt: skip
async def test_malformed_authorization_asks_no_phone(
    client: SigningClient, changes: dict[str, Any], expected: str
) -> None:
    token = await client.signing_token()
    body = {
        "credentialID": await client.credential(token), "numSignatures": 1,
        "hashes": [b64_hash(ONE)],
    }
    answer = await client.call("credentials/authorize", token, body | changes)
    assert code(answer) == expected
    assert await client.city.phone.pending("ada") == []


async def test_call_without_proof_scope_or_with_anothers_key_is_refused(
    client: SigningClient,
) -> None:
    assert "signing" in SCOPES
    token = await client.signing_token()
    async with client.city.http() as http:
        bearer = await http.post("/csc/v2/credentials/list", json={},
                                 headers={"authorization": f"Bearer {token}"})  # fmt: skip
    assert bearer.status_code == 401
    assert bearer.headers["www-authenticate"].startswith("DPoP")
    unscoped = await client.call("credentials/list", await client.token(), {})
    assert unscoped.status_code == 403
    assert unscoped.json()["error"] == "insufficient_scope"


async def test_seal_needs_a_mandate_when_asked_and_when_signed(client: SigningClient) -> None:
    token = await client.company_token(await client.signing_token())
    credential, sad = await client.authorized(token, [ONE, TWO], prefix="seal.")
    first = await client.sign_hash(token, credential, sad, [b64_hash(ONE)])
    assert first.status_code == 200, first.text
    certificate = await certificate_of(client, token, credential)
    assert "Seal of Harbour Robotics Limited" in certificate.subject.rfc4514_string()
    city = client.city
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    after = await client.sign_hash(token, credential, sad, [b64_hash(TWO)])
    assert after.status_code == 403


@pytest.mark.parametrize("level", ["Ades-B-B", "Ades-B-T", "Ades-B-LT", "Ades-B-LTA"])
async def test_approved_documents_are_signed_at_the_level_asked_for(
    client: SigningClient, signing_city: SigningCity, level: str
) -> None:
    token = await client.signing_token()
    documents = {"Lease.pdf": plain_pdf("Lease"), "Annex.pdf": plain_pdf("Annex")}
    credential, sad = await client.authorized_documents(token, documents)
    answer = await client.sign_doc(token, credential, sad, list(documents.values()), level)
    assert answer.status_code == 200, answer.text
    ca = await client.city.kernel.database.run(signing_city.signing.ca_certificates)
    for encoded in answer.json()["DocumentWithSignature"]:
        (report,) = validate_pdf(base64.b64decode(encoded), ca)
        assert report.is_valid, report
        assert report.level == level.replace("Ades", "B").replace("B-B-", "B-")


async def test_document_swapped_after_approval_is_not_signed(client: SigningClient) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized_documents(token, {"a.pdf": plain_pdf("Shown")})
    swapped = await client.sign_doc(token, credential, sad, [plain_pdf("Swapped")])
    assert code(swapped) == "identity.csc_hash_not_authorized"


async def test_approval_of_documents_signs_no_values_and_the_other_way_round(
    client: SigningClient,
) -> None:
    token = await client.signing_token()
    pdf = plain_pdf()
    credential, sad = await client.authorized_documents(token, {"a.pdf": pdf})
    value = await client.sign_hash(token, credential, sad, [b64_hash(pdf)])
    assert code(value) == "identity.csc_other_purpose"
    credential, sad = await client.authorized(token, [pdf])
    document = await client.sign_doc(token, credential, sad, [pdf])
    assert code(document) == "identity.csc_other_purpose"


@pytest.mark.parametrize(
    ("content", "level", "form", "expected"),
    [
        (b"no pdf", "Ades-B-B", "P", "identity.csc_document_refused"),
        (plain_pdf(), "Ades-B-X", "P", "identity.csc_format"),
        (plain_pdf(), "Ades-B-B", "C", "identity.csc_format"),
    ],
)
async def test_document_that_cannot_be_signed_says_why(
    client: SigningClient, content: bytes, level: str, form: str, expected: str
) -> None:
    token = await client.signing_token()
    credential, sad = await client.authorized_documents(token, {"a": content})
    assert code(await client.sign_doc(token, credential, sad, [content], level, form)) == expected


async def test_digest_is_time_stamped_with_its_nonce(client: SigningClient) -> None:
    from asn1crypto import cms

    token = await client.signing_token()
    answer = await client.call("signatures/timestamp", token, {
        "hash": b64_hash(ONE), "hashAlgo": SHA_256, "nonce": "0a1b",
    })  # fmt: skip
    assert answer.status_code == 200, answer.text
    parsed = cms.ContentInfo.load(base64.b64decode(answer.json()["timestamp"]))
    info = parsed["content"]["encap_content_info"]["content"].parsed.native
    assert info["nonce"] == 0x0A1B
    for wrong in ({"hash": "x"}, {"hashAlgo": "1.3.14.3.2.26"}, {"nonce": "zz"}):
        body = {"hash": b64_hash(ONE), "hashAlgo": SHA_256} | wrong
        assert code(await client.call("signatures/timestamp", token, body)).startswith("identity.")

"""One call answers: is it valid, and was the signer entitled to bind the company at that time?"""

from __future__ import annotations

import base64
import io
import re
import zlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from lionrock.identity.api import ROLE_SCOPES, Mandate, MandateDraft, PersonSigner
from lionrock.identity.signing.verification.domain import DOCUMENT_BYTES_MAX, VerificationRefusal
from lionrock.identity.signing.verification.errors import VERIFICATION_ERRORS
from lionrock.identity.signing.verification.http import PAGE_PATH, VERIFICATIONS_PATH
from lionrock.identity.signing.verification.uploads import read_upload
from lionrock.kernel.money import Money
from tests.http.identity.signing.conftest import SigningCity
from tests.http.identity.signing.csc_client import SigningClient, client_of
from tests.unit.identity.signing.signing_world import plain_pdf

PDF = {"content-type": "application/pdf"}


@pytest.fixture
async def client(signing_city: SigningCity) -> SigningClient:
    """A client of remote signing."""
    return await client_of(signing_city)


async def post(city: SigningCity, content: bytes, company: str = "") -> httpx.Response:
    """Send a document for verification."""
    query = {"company": company} if company else {}
    async with city.http() as http:
        return await http.post(VERIFICATIONS_PATH, content=content, headers=PDF, params=query)


async def verified(city: SigningCity, content: bytes, company: str = "") -> dict[str, Any]:
    """The verdict on a document."""
    answer = await post(city, content, company)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def signed(
    client: SigningClient, prefix: str = "person.", level: str = "Ades-B-B", pdf: bytes = b""
) -> bytes:
    """A document signed by Ada, or sealed for her company, through remote signing."""
    pdf = pdf or plain_pdf()
    token = await client.signing_token()
    if prefix == "seal.":
        token = await client.company_token(token)
    credential, sad = await client.authorized_documents(token, {"Lease.pdf": pdf}, prefix)
    answer = await client.sign_doc(token, credential, sad, [pdf], level)
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["DocumentWithSignature"][0])


async def revoke_mandate(client: SigningClient) -> None:
    """End Ada's mandate now."""
    city = client.city
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )


async def test_sealed_document_is_valid_and_binds_its_company(
    signing_city: SigningCity, client: SigningClient
) -> None:
    pdf = await signed(client, "seal.", "Ades-B-LTA")
    verdict = await verified(signing_city, pdf)
    assert verdict["is_valid"]
    (signature,) = verdict["signatures"]
    assert (signature["kind"], signature["level"]) == ("company-seal", "B-LTA")
    assert signature["approval_id"].startswith("apr_")
    bound = signature["entitlement"]
    assert bound["is_entitled"]
    assert bound["business_number"] == "70000017"
    assert (bound["role"], bound["amount_max"]) == ("responsible_person", None)


async def test_mandate_revoked_later_changes_nothing(
    signing_city: SigningCity, client: SigningClient
) -> None:
    pdf = await signed(client, "seal.")
    client.city.business_clock.advance(seconds=60)
    await revoke_mandate(client)
    client.city.business_clock.advance(days=30)
    (signature,) = (await verified(signing_city, pdf))["signatures"]
    assert signature["entitlement"]["is_entitled"]


async def test_person_whose_mandate_was_revoked_before_did_not_bind_the_company(
    signing_city: SigningCity, client: SigningClient
) -> None:
    before = await signed(client)
    client.city.business_clock.advance(seconds=60)
    await revoke_mandate(client)
    after = await signed(client)
    number = client.city.company.business_number
    (early,) = (await verified(signing_city, before, number))["signatures"]
    (late,) = (await verified(signing_city, after, number))["signatures"]
    assert early["is_valid"]
    assert late["is_valid"]
    assert early["entitlement"]["is_entitled"]
    assert not late["entitlement"]["is_entitled"]
    assert late["entitlement"]["reason"] == "identity.mandate_missing"
    (private,) = (await verified(signing_city, after))["signatures"]
    assert private["entitlement"] is None


async def test_amount_limit_of_the_mandate_is_shown(
    signing_city: SigningCity, client: SigningClient
) -> None:
    city = client.city
    await revoke_mandate(client)
    draft = MandateDraft(
        person_id=city.people["ada"].id, company_id=city.company.id, role="representative",
        scopes=ROLE_SCOPES["representative"], amount_max=Money(5_000_000, "HKD"),
        valid_from=city.business_clock.now() - timedelta(days=1),
    )
    granted = await city.kernel.database.run(
        lambda db: city.identity.grant_mandate(db, draft, "operator")
    )
    assert isinstance(granted, Mandate), granted
    (signature,) = (await verified(signing_city, await signed(client, "seal.")))["signatures"]
    bound = signature["entitlement"]
    assert bound["is_entitled"]
    assert bound["amount_max"] == {"amount": "50000.00", "currency": "HKD"}


async def test_changed_document_is_not_valid_and_entitles_nobody(
    signing_city: SigningCity, client: SigningClient
) -> None:
    pdf = await signed(client, "seal.")
    changed = pdf.replace(b"/Producer", b"/Producex", 1)
    assert changed != pdf
    verdict = await verified(signing_city, changed)
    assert not verdict["is_valid"]
    (signature,) = verdict["signatures"]
    assert "changed" in signature["problems"]
    assert signature["entitlement"] is None
    assert signature["kind"] == "", "a broken signature says nothing of who signed"


async def test_revoked_certificate_fails_from_then_on_and_not_before(
    signing_city: SigningCity, client: SigningClient
) -> None:
    early = await signed(client, level="Ades-B-T")
    (first,) = (await verified(signing_city, early))["signatures"]
    serial = first["certificate_serial"]
    client.city.wire_clock.advance(seconds=10)
    authority = signing_city.signing.authority
    await client.city.kernel.database.run(
        lambda db: authority.revoke(db, serial, "key_compromise", "operator")
    )
    client.city.wire_clock.advance(seconds=10)
    (before,) = (await verified(signing_city, early))["signatures"]
    assert before["is_valid"], "the time-stamp proves that it was signed before"
    assert before["revoked_at"] is not None
    (after,) = (await verified(signing_city, await signed(client)))["signatures"]
    assert after["certificate_serial"] != serial
    assert after["is_valid"]


async def test_unsigned_document_is_not_valid(signing_city: SigningCity) -> None:
    verdict = await verified(signing_city, plain_pdf())
    assert (verdict["is_valid"], verdict["signatures"]) == (False, [])


async def test_signature_of_another_city_is_intact_but_not_trusted(
    signing_city: SigningCity,
) -> None:
    from lionrock.identity.signing import SignerKind, Statement
    from lionrock.identity.signing import certificates as profile
    from lionrock.identity.signing.domain import sha256_hex
    from lionrock.identity.signing.pdf import add_signature
    from lionrock.kernel.jose_keys import generate_key

    pdf, ca_key, key = plain_pdf(), generate_key(), generate_key()
    person = PersonSigner(person_id="prs_" + "a" * 32, name="Ada")
    now = signing_city.city.wire_clock.now()
    ca = profile.build_ca(ca_key, "Lion Rock Sandbox", now)
    statement = Statement(
        kind=SignerKind.PERSON, subject_id=person.person_id, approval_id="apr_" + "0" * 32,
        mandate_id="", document_sha256=sha256_hex(pdf), document_bytes=len(pdf),
    )
    forged = await add_signature(
        pdf, statement, key=key, signed_at=now, field_name="x", signer_name="Ada", place="x",
        certificate=profile.issue(person, key, ca=ca, ca_key=ca_key, now=now),
    )
    (signature,) = (await verified(signing_city, forged))["signatures"]
    assert signature["is_intact"]
    assert not signature["is_trusted"]
    assert "not_trusted" in signature["problems"]


def _bomb() -> bytes:
    """A PDF whose cross-reference stream inflates to 400 MB."""
    squeezed = zlib.compress(zlib.compress(bytes(400 * 1024 * 1024), 9), 9)
    head = b"%PDF-1.7\n"
    body = (
        b"1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 2 0 R/Filter[/FlateDecode/FlateDecode]"
        b"/Length " + str(len(squeezed)).encode() + b">>\nstream\n" + squeezed
        + b"\nendstream\nendobj\n"
    )
    return head + body + b"startxref\n" + str(len(head)).encode() + b"\n%%EOF\n"


def _encrypted() -> bytes:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(plain_pdf())))
    writer.encrypt(owner_pass="secret", user_pass="secret")
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", VerificationRefusal.NOT_SENT),
        (b"hello", VerificationRefusal.NOT_A_DOCUMENT),
        (b"\x89PNG\r\n\x1a\n", VerificationRefusal.NOT_A_DOCUMENT),
        (b"%PDF-1.7\n" + b"\xff" * 1000, VerificationRefusal.MALFORMED),
        (b"%PDF-1.4\n1 0 obj\n<<", VerificationRefusal.MALFORMED),
        (re.sub(rb"startxref\s+\d+", b"startxref\n7", plain_pdf()), VerificationRefusal.MALFORMED),
        (b"%PDF-1.4\n" + b"[" * 200_000 + b"\nstartxref\n9\n%%EOF", VerificationRefusal.MALFORMED),
        pytest.param(_bomb(), VerificationRefusal.MALFORMED, id="bomb"),
        pytest.param(_encrypted(), VerificationRefusal.ENCRYPTED, id="encrypted"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_plain_reason(
    signing_city: SigningCity, content: bytes, expected: VerificationRefusal
) -> None:
    answer = await post(signing_city, content)
    assert answer.status_code == VERIFICATION_ERRORS[expected].status, answer.text
    assert answer.json()["code"] == expected.value


async def test_document_over_the_limit_is_not_even_read(signing_city: SigningCity) -> None:
    answer = await post(signing_city, b"%PDF-" + bytes(DOCUMENT_BYTES_MAX))
    assert answer.status_code == 413


async def test_unknown_company_is_refused(signing_city: SigningCity) -> None:
    answer = await post(signing_city, plain_pdf(), "99999999")
    assert answer.json()["code"] == VerificationRefusal.COMPANY.value


async def test_checker_that_takes_too_long_is_ended(
    signing_city: SigningCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lionrock.identity.signing.verification import service

    monkeypatch.setattr(service, "CHECK_S_MAX", 0.05)
    answer = await post(signing_city, plain_pdf())
    assert answer.json()["code"] == VerificationRefusal.TOO_COSTLY.value


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "was entitled to bind"), ("zh-Hant", "當時有權約束"), ("zh-Hans", "当时有权约束")],
)
async def test_page_says_it_in_plain_words_in_three_languages(
    signing_city: SigningCity, client: SigningClient, language: str, words: str
) -> None:
    pdf = await signed(client, "seal.")
    async with signing_city.http() as http:
        form = await http.get(PAGE_PATH, params={"lang": language})
        assert form.status_code == 200
        assert "multipart/form-data" in form.text
        page = await http.post(
            PAGE_PATH, params={"lang": language}, data={"company": ""},
            files={"document": ("a.pdf", pdf, "application/pdf")},
        )
    assert page.status_code == 200, page.text
    assert 'data-valid="true"' in page.text
    assert words in page.text


async def test_page_refuses_in_words_and_escapes_what_a_document_says(
    signing_city: SigningCity,
) -> None:
    async with signing_city.http() as http:
        broken = await http.post(PAGE_PATH, files={"document": ("a", b"junk", "text/plain")})
        no_form = await http.post(
            PAGE_PATH, content=b"x", headers={"content-type": "multipart/form-data; boundary=b"}
        )
    assert broken.status_code == 422
    assert "data-refused" in broken.text
    assert no_form.status_code == 422


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b""),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx"),
        ("multipart/form-data; boundary=b", b"--b\r\nno name\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b",
         b'--b\r\ncontent-disposition: form-data; name="company"\r\n\r\n1\r\n' * 2 + b"--b--"),
        ("multipart/form-data; boundary=b", b"--b" * 50),
    ],
)  # fmt: skip
def test_form_that_is_not_ours_is_not_read(content_type: str, body: bytes) -> None:
    assert read_upload(content_type, body) is None

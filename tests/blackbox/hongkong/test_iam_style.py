"""Black-box scenarios in the iAM Smart style.

Read as
-------
- The next body at the callback URL belongs to the action that is under way; a callback of a
  signature repeats its ``hashCode``.
- Profile values are pushed to the callback URL as those of a form are.
- An anonymous form is answered by getResult alone, which names its ticket; asked before the
  person has decided, it is refused.
- A person who rejects a log-in is told by D40001 as the value of some query parameter of the
  address the browser returns to, beside the state and without an authorisation code.
- An unregistered redirectURI in the browser ends on a page of the platform that shows D20008:
  the browser is never sent there.
- A revoked content key is a missing one (D30002). One that ran out by the clock is the same case
  and is not waited for.
- No code is given for a replayed nonce, a stale timestamp or a spent code: any code but D00000.
- A request may carry an earlier timestamp than the one before it, within the window.
- A content that is not even base64 is undecryptable as much as an altered one.
"""

import asyncio
import base64
import time
import uuid
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature

from tests.blackbox.hongkong import steps
from tests.blackbox.hongkong.client import Fields, Refused, Signed, Ticket, Token
from tests.blackbox.hongkong.facade import Decision, Facade
from tests.blackbox.hongkong.signatures import Malformed, digest_of, verify_digest, verify_pdf
from tests.blackbox.hongkong.styles import IamStyle

ELSEWHERE = "https://elsewhere.example/return"


async def settle(
    facade: Facade, client: IamStyle, ticket: Ticket, scope: str, decision: Decision = "approve"
) -> Fields:
    """Let the person decide on a ticket and open what is pushed for it."""
    before = len(facade.service.received)
    url = client.qr_page(
        facade.service.redirect_uri, [scope], ticket.state, ticket_id=ticket.ticket_id
    )
    await steps.decide(facade, facade.person, ticket, url, decision)
    return client.open(await steps.pushed(facade, before)).fields()


async def signed_in(facade: Facade) -> tuple[IamStyle, Token]:
    """A client with a content key and a token of the person."""
    client = steps.iam(facade)
    return client, await steps.log_in(facade, client)


async def test_log_in_gives_a_token_and_the_same_pseudonym_each_time(facade: Facade) -> None:
    client, first = await signed_in(facade)
    second = await steps.log_in(facade, client)
    assert first.open_id
    assert first.open_id == second.open_id
    assert first.access_token != second.access_token
    for name in ("tokenType", "issueAt", "expiresIn", "userType", "lastModifiedDate"):
        assert name in first.raw, name
    assert "eidapi_auth" in first.scope


async def test_the_key_answer_is_complete(facade: Facade) -> None:
    client = steps.iam(facade)
    answer = await client.get_key()
    for name in ("secretKey", "pubKey", "issueAt", "expiresIn"):
        assert answer.get(name), name
    assert client.cek is not None


async def test_a_code_is_good_for_one_token(facade: Facade) -> None:
    client = steps.iam(facade)
    await client.get_key()
    url = client.qr_page(facade.service.redirect_uri, steps.PERSON_SCOPE, "once")
    back = await steps.visit(facade, facade.person, url, "approve")
    assert back["state"] == "once"
    await client.get_token(back["code"])
    with pytest.raises(Refused):
        await client.get_token(back["code"])


async def test_profile(facade: Facade) -> None:
    client, token = await signed_in(facade)
    names = ["idNo", "enName", "birthDate"]
    ticket = await client.profile(token, facade.service.redirect_uri, names)
    content = await settle(facade, client, ticket, "eidapi_profiles")
    profile = steps.values(content, "profileFields")
    for name in names:
        assert profile.get(name), name
    assert "gender" not in profile


async def test_a_form_is_pushed_to_the_callback(facade: Facade) -> None:
    client, token = await signed_in(facade)
    names = ["emailAddress", "residentialAddress"]
    ticket = await client.fill_form(token, facade.service.redirect_uri, names)
    content = await settle(facade, client, ticket, "eidapi_formFilling")
    form = steps.values(content, "eMEFields")
    for name in names:
        assert form.get(name), name
    assert "maritalStatus" not in form


async def test_an_anonymous_form_is_fetched(facade: Facade) -> None:
    client = steps.iam(facade)
    await client.get_key()
    uri = facade.service.redirect_uri
    ticket = await client.fill_form(None, uri, ["emailAddress"])
    with pytest.raises(Refused):
        await client.form_result(ticket)
    url = client.qr_page(uri, ["eidapi_formFilling"], ticket.state, ticket_id=ticket.ticket_id)
    await steps.decide(facade, facade.person, ticket, url, "approve")
    content = await fetched(client, ticket)
    assert steps.values(content, "eMEFields").get("emailAddress")
    assert "accessToken" not in content


async def fetched(client: IamStyle, ticket: Ticket) -> Fields:
    """The result of an anonymous form once it is there."""
    end = time.monotonic() + steps.PATIENCE
    while True:
        try:
            return await client.form_result(ticket)
        except Refused:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.2)


async def test_another_ticket_fetches_nothing(facade: Facade) -> None:
    client = steps.iam(facade)
    await client.get_key()
    ticket = await client.fill_form(None, facade.service.redirect_uri, ["emailAddress"])
    with pytest.raises(Refused):
        await client.form_result(replace(ticket, ticket_id=str(uuid.uuid4())))


async def test_a_signed_hash_verifies_and_is_acknowledged(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest = digest_of(b"an agreement")
    ticket = await client.sign_hash(token, facade.service.redirect_uri, digest, "Agreement")
    content = await settle(facade, client, ticket, "eidapi_sign")
    assert content["hashCode"] == digest
    assert content["timestamp"]
    signed = Signed.read(content)
    verify_digest(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_digest(signed.certificate, signed.signature, digest_of(b"another agreement"))
    await client.ack_result(token, ticket, "SR001")


@pytest.mark.parametrize("verdict", ["SR002", "SR003"])
async def test_a_signature_may_be_acknowledged_as_unused(facade: Facade, verdict: str) -> None:
    client, token = await signed_in(facade)
    digest = digest_of(b"a letter")
    ticket = await client.sign_hash(token, facade.service.redirect_uri, digest, "Letter")
    await settle(facade, client, ticket, "eidapi_sign")
    await client.ack_result(token, ticket, verdict)


async def test_an_unknown_acknowledgement_is_refused(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest = digest_of(b"a note")
    ticket = await client.sign_hash(token, facade.service.redirect_uri, digest, "Note")
    await settle(facade, client, ticket, "eidapi_sign")
    with pytest.raises(Refused):
        await client.ack_result(token, ticket, "SR999")


async def test_a_signed_pdf_digest_verifies(facade: Facade) -> None:
    client, token = await signed_in(facade)
    digest = digest_of(b"%PDF-1.7 the signed byte ranges")
    ticket = await client.sign_pdf(token, facade.service.redirect_uri, digest, "Agreement.pdf")
    signed = Signed.read(await settle(facade, client, ticket, "eidapi_sign"))
    verify_pdf(signed.certificate, signed.signature, digest)
    with pytest.raises(InvalidSignature):
        verify_pdf(signed.certificate, signed.signature, digest_of(b"%PDF-1.7 others"))


async def test_an_altered_callback_does_not_open(facade: Facade) -> None:
    client, token = await signed_in(facade)
    ticket = await client.profile(token, facade.service.redirect_uri, ["idNo"])
    await settle(facade, client, ticket, "eidapi_profiles")
    body = facade.service.received[-1]
    assert client.open(body).tx_id
    middle = body.rindex(b'"content"') + 40
    altered = body[:middle] + (b"A" if body[middle : middle + 1] != b"A" else b"B")
    with pytest.raises(Malformed):
        client.open(altered + body[middle + 1 :])


async def test_a_revoked_key_is_a_missing_key(facade: Facade) -> None:
    client, token = await signed_in(facade)
    await client.revoke_key()
    with pytest.raises(Refused) as refusal:
        await client.profile(token, facade.service.redirect_uri, ["enName"])
    assert refusal.value.code == "D30002"
    await client.get_key()
    await client.profile(token, facade.service.redirect_uri, ["enName"])


async def test_a_key_never_issued_is_a_missing_key(facade: Facade) -> None:
    client = steps.iam(facade)
    client.cek = bytes(range(32))
    with pytest.raises(Refused) as refusal:
        await client.get_token("no-such-code")
    assert refusal.value.code == "D30002"


async def test_a_wrong_secret_is_a_bad_signature(facade: Facade) -> None:
    client = steps.iam(facade)
    client.client_secret += "x"
    with pytest.raises(Refused) as refusal:
        await client.get_key()
    assert refusal.value.code == "D20006"


@pytest.mark.parametrize("header", ["timestamp", "nonce", "signature"])
async def test_an_altered_header_is_a_bad_signature(facade: Facade, header: str) -> None:
    client = steps.iam(facade)
    headers = client.sign(b"")
    if header == "timestamp":
        headers[header] = str(int(headers[header]) - 1)
    else:
        headers[header] = ("b" if headers[header][0] == "a" else "a") + headers[header][1:]
    answer = await client.send("/security/getKey", b"", headers)
    assert answer.code == "D20006"


async def test_an_altered_body_is_a_bad_signature(facade: Facade) -> None:
    client = steps.iam(facade)
    await client.get_key()
    body = client.sealed({"code": "any", "grantType": "authorization_code"})
    answer = await client.send("/auth/getToken", body + b" ", client.sign(body))
    assert answer.code == "D20006"


async def test_a_request_without_its_headers_is_refused(facade: Facade) -> None:
    client = steps.iam(facade)
    for header in ("clientID", "signatureMethod", "timestamp", "nonce", "signature"):
        headers = client.sign(b"")
        del headers[header]
        assert (await client.send("/security/getKey", b"", headers)).code != "D00000", header


async def test_an_unregistered_url_is_refused(facade: Facade) -> None:
    client, token = await signed_in(facade)
    with pytest.raises(Refused) as refusal:
        await client.profile(token, ELSEWHERE, ["enName"])
    assert refusal.value.code == "D20008"


async def test_the_browser_is_never_sent_to_an_unregistered_url(facade: Facade) -> None:
    client = steps.iam(facade)
    url = client.qr_page(ELSEWHERE, steps.PERSON_SCOPE, "elsewhere")
    response = await facade.http.get(url, follow_redirects=False)
    assert "elsewhere.example" not in response.headers.get("location", "")
    assert "D20008" in response.text


@pytest.mark.parametrize("kind", ["altered", "other key", "not base64", "too short"])
async def test_an_undecryptable_body_is_refused(facade: Facade, kind: str) -> None:
    client = steps.iam(facade)
    await client.get_key()
    key = client.cek
    assert key is not None
    fields = {"code": "any", "grantType": "authorization_code"}
    if kind == "altered":
        whole = client.sealed(fields)
        content = bytearray(base64.b64decode(whole[len(b'{"content": "') : -2]))
        content[-1] ^= 1
        body = b'{"content": "' + base64.b64encode(content) + b'"}'
    elif kind == "other key":
        client.cek = bytes(32)
        body = client.sealed(fields)
        client.cek = key
    else:
        body = b'{"content": "***"}' if kind == "not base64" else b'{"content": "AAAADA=="}'
    answer = await client.send("/auth/getToken", body, client.sign(body))
    assert answer.code == "D30004"


async def test_a_rejected_log_in_brings_no_code(facade: Facade) -> None:
    client = steps.iam(facade)
    url = client.qr_page(facade.service.redirect_uri, steps.PERSON_SCOPE, "rejected")
    back = await steps.visit(facade, facade.person, url, "reject")
    assert back["state"] == "rejected"
    assert "D40001" in back.values()
    assert back.get("code", "D40001") == "D40001"


@pytest.mark.parametrize("action", ["profile", "form", "hash", "pdf"])
async def test_a_rejected_action_is_told_to_the_callback(facade: Facade, action: str) -> None:
    client, token = await signed_in(facade)
    uri, digest = facade.service.redirect_uri, digest_of(b"unwanted")
    if action == "profile":
        ticket, scope = await client.profile(token, uri, ["enName"]), "eidapi_profiles"
    elif action == "form":
        ticket = await client.fill_form(token, uri, ["emailAddress"])
        scope = "eidapi_formFilling"
    elif action == "hash":
        ticket, scope = await client.sign_hash(token, uri, digest, "Unwanted"), "eidapi_sign"
    else:
        ticket, scope = await client.sign_pdf(token, uri, digest, "Unwanted"), "eidapi_sign"
    with pytest.raises(Refused) as refusal:
        await settle(facade, client, ticket, scope, "reject")
    assert refusal.value.code == "D40001"


async def test_a_rejected_anonymous_form_yields_nothing(facade: Facade) -> None:
    client = steps.iam(facade)
    await client.get_key()
    uri = facade.service.redirect_uri
    ticket = await client.fill_form(None, uri, ["emailAddress"])
    url = client.qr_page(uri, ["eidapi_formFilling"], ticket.state, ticket_id=ticket.ticket_id)
    await steps.decide(facade, facade.person, ticket, url, "reject")
    with pytest.raises(Refused) as refusal:
        await client.form_result(ticket)
    assert refusal.value.code == "D40001"


async def test_a_replayed_request_is_refused(facade: Facade) -> None:
    client = steps.iam(facade)
    headers = client.sign(b"")
    assert (await client.send("/security/getKey", b"", headers)).code == "D00000"
    assert (await client.send("/security/getKey", b"", headers)).code != "D00000"


async def test_a_nonce_is_spent_for_other_requests_too(facade: Facade) -> None:
    client = steps.iam(facade)
    nonce = uuid.uuid4().hex
    first = client.sign(b"", nonce=nonce)
    second = client.sign(b"", nonce=nonce, timestamp=int(first["timestamp"]) + 1)
    assert (await client.send("/security/getKey", b"", first)).code == "D00000"
    assert (await client.send("/security/getKey", b"", second)).code != "D00000"


async def test_a_request_cut_at_another_place_is_a_replay(facade: Facade) -> None:
    """The signed text has no separators, so the nonce's end could be taken for a body."""
    client = steps.iam(facade)
    nonce = uuid.uuid4().hex + "12"
    headers = client.sign(b"", nonce=nonce)
    assert (await client.send("/security/getKey", b"", headers)).code == "D00000"
    cut = {**headers, "nonce": nonce[:-2]}
    assert (await client.send("/security/getKey", b"12", cut)).code != "D00000"


async def test_one_nonce_sent_many_times_at_once_counts_once(facade: Facade) -> None:
    client = steps.iam(facade)
    headers = client.sign(b"")
    answers = await asyncio.gather(
        *(client.send("/security/getKey", b"", headers) for _ in range(8))
    )
    assert [answer.code for answer in answers].count("D00000") == 1


async def test_requests_may_arrive_out_of_order(facade: Facade) -> None:
    client = steps.iam(facade)
    now = time.time_ns() // 1_000_000
    for timestamp in (now, now - 2_000):
        headers = client.sign(b"", timestamp=timestamp)
        assert (await client.send("/security/getKey", b"", headers)).code == "D00000"


@pytest.mark.parametrize("hours", [-24, 24])
async def test_a_timestamp_far_off_is_refused(facade: Facade, hours: int) -> None:
    client = steps.iam(facade)
    timestamp = time.time_ns() // 1_000_000 + hours * 3_600_000
    answer = await client.send("/security/getKey", b"", client.sign(b"", timestamp=timestamp))
    assert answer.code != "D00000"


async def test_a_nonce_too_long_is_refused(facade: Facade) -> None:
    client = steps.iam(facade)
    answer = await client.send("/security/getKey", b"", client.sign(b"", nonce="n" * 37))
    assert answer.code != "D00000"

"""Who calls? Impersonation, replay and swapped messages at `check_signed_call`."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import (
    Directory,
    Sender,
    Status,
    check_signed_reply,
    keyid,
    organisation_key,
    send_signed,
)
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import Checked, SignatureRefusal, sign_request
from tests.http.directory.members import (
    PLATFORM,
    Member,
    application,
    good,
    organisation,
    register,
    run,
)

BODY = b'{"a":1}'


@pytest.fixture
async def member(kernel: Kernel) -> Member:
    kernel.network.applications[PLATFORM] = application(kernel)
    return await register(kernel)


def signed(kernel: Kernel, sender: Sender, **options: Any) -> dict[str, str]:
    return sign_request(
        method=options.get("method", "POST"), url=options.get("url", f"{PLATFORM}/echo"),
        headers={"content-type": "application/json"}, body=BODY, key=sender.key,
        keyid=options.get("keyid", sender.keyid), now_s=kernel.wire_clock.now_s(),
    )  # fmt: skip


async def send(
    kernel: Kernel, headers: dict[str, str], path: str = "/echo", body: bytes = BODY
) -> Reply:
    return await kernel.network.send("POST", f"{PLATFORM}{path}", headers, body)


def code(reply: Reply) -> str:
    return str(msgspec.json.decode(reply.body)["code"])


@pytest.mark.parametrize("path", ["/echo", "/beats"])
async def test_a_members_call_is_accepted_and_its_answer_is_signed(
    kernel: Kernel, member: Member, path: str
) -> None:
    exchange = await send_signed(
        kernel.network, kernel.wire_clock, member.sender, method="POST",
        url=f"{PLATFORM}{path}?x=%20y", body=BODY, headers={"content-type": "application/json"},
    )  # fmt: skip
    assert exchange.reply.status == 200, exchange.reply
    assert msgspec.json.decode(exchange.reply.body)["caller"] == "bank-harbour"
    platform = organisation(
        "lionrock-platform", organisation_key(kernel, "lionrock-platform").public_only()
    )
    assert isinstance(check_signed_reply(exchange, platform, kernel.wire_clock), Checked)
    stranger = check_signed_reply(exchange, member.organisation, kernel.wire_clock)
    assert isinstance(stranger, Refused)
    assert stranger.refusal is SignatureRefusal.KEY_UNKNOWN


async def test_a_call_without_content_is_accepted(kernel: Kernel, member: Member) -> None:
    exchange = await send_signed(
        kernel.network, kernel.wire_clock, member.sender, method="GET", url=f"{PLATFORM}/echo"
    )
    assert exchange.reply.status == 200


@pytest.mark.parametrize("path", ["/echo", "/beats"])
async def test_the_same_request_twice_is_refused(
    kernel: Kernel, member: Member, wire_clock: FrozenClock, path: str
) -> None:
    headers = signed(kernel, member.sender, url=f"{PLATFORM}{path}")
    assert (await send(kernel, headers, path)).status == 200
    for _ in range(2):
        again = await send(kernel, headers, path)
        assert (again.status, code(again)) == (403, "signature.replayed")
    wire_clock.advance(seconds=59)
    assert code(await send(kernel, headers, path)) == "signature.replayed"
    wire_clock.advance(seconds=2)
    assert code(await send(kernel, headers, path)) == "signature.created_too_old"


async def test_the_same_request_many_times_at_once_is_accepted_once(
    kernel: Kernel, member: Member
) -> None:
    headers = signed(kernel, member.sender)
    replies = await asyncio.gather(*(send(kernel, headers) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] + [403] * 7


async def test_a_refused_request_may_be_sent_again(kernel: Kernel, member: Member) -> None:
    """Nothing was done, the transaction was rolled back, and the nonce with it."""
    headers = signed(kernel, member.sender, url=f"{PLATFORM}/refuse")
    for _ in range(2):
        assert code(await send(kernel, headers, "/refuse")) == "directory.organisation_suspended"


async def test_two_members_may_use_the_same_nonce(kernel: Kernel, member: Member) -> None:
    other = await register(kernel, "bank-peak")
    for sender in (member.sender, other.sender):
        headers = signed(kernel, sender)
        nonce = headers["signature-input"].split('nonce="')[1].split('"')[0]
        assert nonce
        assert (await send(kernel, headers)).status == 200


async def test_an_unsigned_call_is_refused(kernel: Kernel, member: Member) -> None:
    reply = await send(kernel, {"content-type": "application/json"})
    assert (reply.status, code(reply)) == (400, "signature.missing")


async def test_a_member_cannot_speak_for_another(kernel: Kernel, member: Member) -> None:
    other = await register(kernel, "bank-peak")
    for claimed in (
        keyid("bank-peak", member.key.kid),
        keyid("bank-peak", "unknown"),
        keyid("nobody", member.key.kid),
        member.key.kid,
        "bank-harbour#",
        "#" + member.key.kid,
    ):
        headers = signed(kernel, member.sender, keyid=claimed)
        assert code(await send(kernel, headers)) == "signature.key_unknown", claimed
    headers = signed(kernel, member.sender, keyid=other.sender.keyid)
    assert code(await send(kernel, headers)) == "signature.wrong"


async def test_a_stranger_with_a_good_signature_is_refused(
    kernel: Kernel, member: Member
) -> None:
    stranger = Sender("bank-harbour", generate_key())
    assert code(await send(kernel, signed(kernel, stranger))) == "signature.key_unknown"


async def test_a_suspended_member_is_refused_from_that_transaction_on(
    kernel: Kernel, member: Member
) -> None:
    assert (await send(kernel, signed(kernel, member.sender))).status == 200
    directory = Directory(kernel)

    async def turn(status: Status) -> None:
        good(await run(kernel, directory.set_status, "bank-harbour", status, operator="alice"))

    await turn(Status.SUSPENDED)
    refused = await send(kernel, signed(kernel, member.sender))
    assert (refused.status, code(refused)) == (403, "directory.organisation_suspended")
    unsigned = signed(kernel, Sender("bank-harbour", generate_key()), keyid=member.sender.keyid)
    assert code(await send(kernel, unsigned)) == "signature.wrong", "status is no oracle"
    await turn(Status.ACTIVE)
    assert (await send(kernel, signed(kernel, member.sender))).status == 200


async def test_a_retired_key_is_refused_and_the_new_one_taken(
    kernel: Kernel, member: Member
) -> None:
    directory, new = Directory(kernel), generate_key()
    steps = {"kind": "add", "jwk": new.public_jwk}, {"kind": "retire", "kid": member.key.kid}
    for step in steps:
        arguments: dict[str, Any] = {"organisation_id": "bank-harbour", "operator": "a"} | step
        change = good(await run(kernel, directory.request_key_change, **arguments))
        good(await run(kernel, directory.approve_key_change, change.id, operator="b"))
    assert code(await send(kernel, signed(kernel, member.sender))) == "signature.key_unknown"
    renewed = Sender("bank-harbour", new)
    assert (await send(kernel, signed(kernel, renewed))).status == 200


async def test_a_request_signed_for_another_server_is_refused(
    kernel: Kernel, member: Member
) -> None:
    """A bank that received a signed request cannot hand it on to the platform."""
    headers = signed(kernel, member.sender, url="http://bank-peak.test/echo")
    assert code(await send(kernel, headers)) == "signature.wrong"
    kernel.network.applications["http://bank-peak.test"] = kernel.network.applications[PLATFORM]
    through = await kernel.network.send("POST", "http://bank-peak.test/echo", headers, BODY)
    assert code(through) == "signature.wrong", "the Host header does not decide who we are"


@pytest.mark.parametrize(
    ("path", "body", "change", "expected"),
    [
        ("/beats", BODY, {}, "signature.wrong"),
        ("/echo?x", BODY, {}, "signature.wrong"),
        ("/echo", b'{"a":2}', {}, "signature.digest_wrong"),
        ("/echo", b"", {}, "signature.digest_wrong"),
        ("/echo", BODY, {"content-type": "text/plain"}, "signature.wrong"),
        ("/echo", BODY, {"authorization": "DPoP x"}, "signature.component_not_covered"),
    ],
)
async def test_a_changed_message_is_refused(
    kernel: Kernel, member: Member, path: str, body: bytes, change: dict[str, str], expected: str
) -> None:
    headers = signed(kernel, member.sender) | change
    assert code(await send(kernel, headers, path, body)) == expected


async def test_a_refused_signature_uses_up_no_nonce(kernel: Kernel, member: Member) -> None:
    """Else a stranger who saw a request could make the honest one fail."""
    headers = signed(kernel, member.sender)
    assert code(await send(kernel, headers, body=b"other")) == "signature.digest_wrong"
    assert (await send(kernel, headers)).status == 200

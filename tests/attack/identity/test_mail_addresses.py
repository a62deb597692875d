"""A person whose address is written so that a mailer reads somebody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lionrock.identity.domain.parties import normal_email
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.mail import Mail, SmtpRelay
from tests.http.identity.city import City
from tests.http.identity.relay import relay_open
from tests.http.identity.test_messages import settings_of

ENCODED = (
    "=?utf-8?q?ben?=@harbour.example", "=?utf-8?q?=c3=b6?=@harbour.example",
    "=?utf-8?q?ben=40harbour=2eexample=2c?=@x.example",
    "=?utf-8?q?=0d=0abcc:ben=40harbour.example?=@x.example",
)  # fmt: skip


@pytest.mark.parametrize("address", ENCODED)
def test_encoded_word_is_no_address(address: str) -> None:
    refused = normal_email(address)
    assert isinstance(refused, Refused) and refused.refusal is IdentityRefusal.EMAIL_ADDRESS


@pytest.mark.parametrize(
    "address", [*ENCODED, "ada@x.example, ben@x.example", "ada@x.example\r\nBcc: ben@x.example",
                "Ben <ben@x.example>", ""],
)  # fmt: skip
async def test_relay_is_handed_no_address_but_the_one_on_record(city: City, address: str) -> None:
    async with relay_open() as relay:
        mailer = SmtpRelay(settings_of(city, relay), city.kernel.wire_clock)
        mail = Mail(
            id="msg_1", recipient=address, subject="s", body="b",
            written_at=city.kernel.wire_clock.now(),
        )  # fmt: skip
        assert await mailer.send(mail) == "refused"
        assert relay.connections == 0
        fit = Mail(
            id="msg_2", recipient="o'ada+x@harbour.example", subject="s", body="b",
            written_at=city.kernel.wire_clock.now() + timedelta(seconds=1),
        )  # fmt: skip
        assert await mailer.send(fit) == "sent", "it waits for nobody else's address"
        assert relay.recipients == ["o'ada+x@harbour.example"]

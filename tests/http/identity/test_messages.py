"""Messages to persons leave over the city's relay, in a job of their own, or the city says no."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import MailCarrier, NoCarrier
from lionrock.kernel.config import Settings
from lionrock.kernel.jobs import Job
from lionrock.kernel.mail import REST_S, SmtpRelay
from tests.http.identity.city import City
from tests.http.identity.relay import Relay, relay_open
from tests.http.identity.test_recovery import begin, message_code, messages, post


@pytest.fixture
async def relay(city: City) -> AsyncIterator[Relay]:
    """The city's relay: it carries e-mail, and reaches no phone."""
    async with relay_open() as opened:
        bind(city, opened)
        yield opened


def settings_of(city: City, relay: Relay, **changes: Any) -> Settings:
    """The city's settings with a relay."""
    return msgspec.structs.replace(
        city.kernel.settings, mail_relay=f"127.0.0.1:{relay.port}",
        **{"mail_security": "none", "mail_from": "city@lionrock.example",
           "mail_timeout_ms": 300, **changes},
    )  # fmt: skip


def bind(city: City, relay: Relay, **changes: Any) -> None:
    """Let the city send over a relay."""
    settings = settings_of(city, relay, **changes)
    carrier = MailCarrier(SmtpRelay(settings, city.kernel.wire_clock))
    city.identity.recovery.messages.carrier = carrier


async def waiting(city: City) -> list[Any]:
    """The jobs of messages."""
    return await city.kernel.database.run(
        lambda db: db.fetch("SELECT * FROM kernel.jobs WHERE queue = 'identity.message'")
    )


async def test_code_of_a_recovery_arrives_as_mail_and_proves_a_way(
    city: City, relay: Relay
) -> None:
    secret = await begin(city)
    assert relay.taken == [], "whoever begins waits for no relay"
    await city.worker().run_due()
    (mail,) = relay.taken
    assert relay.recipients == ["ada@harbour.example"]
    assert mail["From"] == "city@lionrock.example" and mail["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<msg_\w+@lionrock\.example>", mail["Message-ID"])
    code = re.search(r"\d{8}", mail.get_content())
    assert code is not None
    shown = await post(city, "/codes", secret=secret, code=code.group())
    assert shown.json()["proven"] == ["message"] and shown.json()["channels"] == ["email"]
    await city.worker().run_due()
    assert len(relay.taken) == 1 and await waiting(city) == []


async def test_decoy_sends_nothing_and_looks_the_same(city: City, relay: Relay) -> None:
    begun = [
        (await post(city, identifier=name)).json() for name in ("ada", "nobody-of-that-name")
    ]
    assert begun[0].keys() == begun[1].keys()
    assert begun[0]["channels"] == begun[1]["channels"] == ["email"]
    await city.worker().run_due()
    assert relay.recipients == ["ada@harbour.example"]


@pytest.mark.parametrize(("answer", "waits"), [("550 no", 0), ("451 later", 1)])
async def test_mail_refused_for_good_ends_and_one_put_off_comes_again(
    city: City, relay: Relay, answer: str, waits: int
) -> None:
    relay.answer_to_recipient = answer
    await begin(city)
    await city.worker().run_due()
    assert len(await waiting(city)) == waits
    relay.answer_to_recipient = "250 ok"
    city.wire_clock.advance(seconds=REST_S)
    await city.worker().run_due()
    assert len(relay.taken) == waits and await waiting(city) == []


@pytest.mark.parametrize("answer", ["250 ok", "421 too busy for that", "554 never"])
async def test_mail_that_was_taken_is_not_sent_again_whatever_the_relay_says_at_the_end(
    city: City, relay: Relay, answer: str
) -> None:
    relay.answer_to_quit = answer
    await begin(city)
    for _ in range(3):
        await city.worker().run_due()
        city.wire_clock.advance(seconds=REST_S)
    assert len(relay.taken) == 1 and await waiting(city) == []


async def test_silent_relay_is_left_alone_for_a_while(city: City, relay: Relay) -> None:
    relay.is_silent = True
    await begin(city)
    await city.worker().run_due()
    await begin(city, "ben")
    await city.worker().run_due()
    assert relay.connections == 1 and len(await waiting(city)) == 2
    relay.is_silent = False
    city.wire_clock.advance(seconds=REST_S)
    await city.worker().run_due()
    assert sorted(relay.recipients) == ["ada@harbour.example", "ben@harbour.example"]


async def test_relay_without_tls_gets_nothing_when_tls_is_asked_for(
    city: City, relay: Relay
) -> None:
    bind(city, relay, mail_security="starttls")
    await begin(city)
    await city.worker().run_due()
    assert relay.connections == 1 and relay.recipients == [] and len(await waiting(city)) == 1


async def test_message_whose_time_is_over_is_carried_no_more(city: City, relay: Relay) -> None:
    await begin(city)
    city.business_clock.advance(days=2)
    await city.worker().run_due()
    assert relay.connections == 0 and await waiting(city) == []


async def test_message_is_carried_again_by_nobody_once_it_was_carried(
    city: City, relay: Relay
) -> None:
    await begin(city)
    (job,) = await waiting(city)
    for attempt in (1, 2):
        await city.identity.recovery.messages.carry(job["key"], attempt)
    assert len(relay.taken) == 1


@pytest.mark.parametrize("lang", ["en", "zh-Hant", "zh-Hans"])
async def test_city_without_a_carrier_says_so_and_keeps_no_code(city: City, lang: str) -> None:
    city.identity.recovery.messages.carrier = NoCarrier()
    async with city.http() as http:
        begun = await http.post(
            f"/identity/v1/recoveries?lang={lang}", json={"identifier": "ada"},
            headers={"accept-language": lang},
        )  # fmt: skip
    assert begun.json()["channels"] == []
    expected = {"en": "sends no messages", "zh-Hant": "不發送訊息", "zh-Hans": "不发送消息"}
    assert expected[lang] in begun.json()["note"]
    assert await messages(city) == [] and await waiting(city) == []


async def test_message_left_before_the_carrier_went_away_waits_for_nobody(city: City) -> None:
    await begin(city)
    await message_code(city)
    city.identity.recovery.messages.carrier = NoCarrier()
    jobs = await waiting(city)
    for row in jobs:
        job = Job(row["queue"], row["key"], {}, 1)
        await city.identity.recovery.messages.carry(job.key, job.attempt)
        await city.identity.recovery.messages.carry(job.key, job.attempt)
    await city.worker().run_due()
    assert len(jobs) == 2 and await waiting(city) == []

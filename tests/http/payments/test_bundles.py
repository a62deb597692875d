"""What waits for one participant goes in one exchange, and each message is answered for itself."""

from __future__ import annotations

import asyncio

import pytest

from lionrock.directory.api import PLATFORM_ORGANISATION, Sender, organisation_key, send_signed
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.kernel.network import Network, Reply, Unreachable, UnreachableReason
from lionrock.payments import api
from lionrock.payments.api import Enrolment, Payment, read_answers, read_bundle, write_bundle
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, WORLD, PaymentsCity

BUNDLES, MESSAGES = f"{WORLD}/{HARBOUR}{api.BUNDLES_PATH}", f"{WORLD}/{HARBOUR}{api.MESSAGES_PATH}"


class Watch:
    """Notes what the switch sends; `answer` may answer in a bank's place."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, int]] = []
        self.broken: dict[str, Reply | None] = {}
        send = network.send

        async def watched(
            method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"",
            **rest: int,
        ) -> Reply:
            contents = read_bundle(body) if url.endswith(api.BUNDLES_PATH) else [body]
            assert not isinstance(contents, Refused)
            self.sent.append((url, len(contents)))
            if url in self.broken:
                said = self.broken[url]
                if said is None:
                    raise Unreachable(UnreachableReason.TIMED_OUT)
                return said
            return await send(method, url, headers, body, **rest)

        monkeypatch.setattr(network, "send", watched)


@pytest.fixture
def watch(city: PaymentsCity, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The switch's way out, watched."""
    return Watch(city.kernel.network, monkeypatch)


async def pay(city: PaymentsCity, minors: list[int]) -> list[Payment]:
    """Payments of these amounts, ordered at one moment."""
    return list(await asyncio.gather(*(
        city.initiate(city.order(Money(minor, "HKD"), end_to_end_id=f"B-{minor}"))
        for minor in minors
    )))


async def ends(city: PaymentsCity, payments: list[Payment]) -> list[str]:
    """How payments stand."""
    return [(await city.load(payment.id)).state for payment in payments]


async def balance(city: PaymentsCity) -> str:
    """What the firm has at its bank."""
    shown = await city.statement(HARBOUR, FIRM_ACCOUNT)
    return str(shown["balances"]["HKD"])


async def test_many_payments_to_one_bank_are_asked_for_and_told_in_one_exchange_each(
    city: PaymentsCity, watch: Watch
) -> None:
    payments = await pay(city, [1_00, 2_00, 3_00])
    await city.settle()
    assert await ends(city, payments) == ["settled"] * 3
    assert max(count for url, count in watch.sent if url == BUNDLES) == 3
    assert sum(count for _, count in watch.sent) == 6
    assert await balance(city) == "1006.00"


async def test_one_message_goes_in_the_plain_form(city: PaymentsCity, watch: Watch) -> None:
    payments = await pay(city, [1_00])
    await city.settle()
    assert await ends(city, payments) == ["settled"]
    assert watch.sent == [(MESSAGES, 1)] * 2


async def test_who_does_not_take_bundles_is_sent_each_message_alone(
    city: PaymentsCity, watch: Watch
) -> None:
    for said in (False, None):  # None changes nothing.
        enrolled = await city.payments.enrol_participant(
            Enrolment(organisation_id=HARBOUR, clearing_code="307", takes_bundles=said)
        )
        assert not isinstance(enrolled, Refused)
    payments = await pay(city, [1_00, 2_00])
    await city.settle()
    assert await ends(city, payments) == ["settled"] * 2
    assert watch.sent == [(MESSAGES, 1)] * 4


async def test_a_message_that_is_put_off_or_refused_in_a_bundle_holds_up_no_other(
    city: PaymentsCity, watch: Watch
) -> None:
    # Busy at the first try; refused by admi.002; refused by pacs.002; credited.
    payments = await pay(city, [9_14, 9_15, 9_04, 5_00])
    await city.settle()
    assert max(count for url, count in watch.sent if url == BUNDLES) == 4
    assert await ends(city, payments) == ["sent", "rejected", "rejected", "settled"]
    await city.pass_seconds(5)
    assert await ends(city, payments) == ["settled", "rejected", "rejected", "settled"]
    assert await balance(city) == "1014.14"


@pytest.mark.parametrize("said", [
    None, Reply(404, {}, b""), Reply(200, {}, b""), Reply(200, {}, b"202 0\n\n"),
    Reply(503, {}, b""),
])  # fmt: skip
async def test_a_bundle_that_is_not_answered_as_one_comes_again_message_by_message(
    city: PaymentsCity, watch: Watch, said: Reply | None
) -> None:
    watch.broken[BUNDLES] = said
    payments = await pay(city, [1_00, 2_00])
    await city.settle()
    assert await ends(city, payments) == ["sent"] * 2
    await city.pass_seconds(10)
    assert await ends(city, payments) == ["settled"] * 2
    assert await balance(city) == "1003.00"
    # The outcomes were told too, each in the end.
    untold = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT count(*) FROM payments.messages m WHERE is_outcome AND NOT EXISTS"
        " (SELECT FROM payments.deliveries d WHERE d.message_id = m.id)"
    ))
    assert untold == 0


async def test_a_banks_answers_of_one_moment_come_in_one_bundle(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = Watch(city.world.context.network, monkeypatch)
    payments = await pay(city, [1_00, 2_00, 3_00, 4_00])
    await city.settle()
    assert await ends(city, payments) == ["settled"] * 4
    to_switch = [count for url, count in brought.sent if url.endswith(api.BUNDLES_PATH)]
    assert to_switch == [4]


async def test_a_bank_takes_a_bundle_of_the_switch_alone_and_once(city: PaymentsCity) -> None:
    body = write_bundle([b"<a/>", b""])
    switch = Sender(PLATFORM_ORGANISATION, organisation_key(city.kernel, PLATFORM_ORGANISATION))
    for sender, content, status in (
        (Sender(LANTAU, city.banks[LANTAU].key), body, 401), (switch, b"3\nab", 400),
        (switch, b"1\n" + b"a" * api.BUNDLE_BYTES_MAX, 413), (switch, body, 200),
    ):  # fmt: skip
        exchange = await send_signed(
            city.kernel.network, city.clock, sender, method="POST", url=BUNDLES, body=content,
            headers={"content-type": api.BUNDLE_TYPE},
        )
        assert exchange.reply.status == status
    told = read_answers(exchange.reply.body, 2)
    assert told is not None and [each.status for each in told] == [400, 400]
    headers = {k: v for k, v in exchange.request_headers.items() if k != "host"}
    again = await city.kernel.network.send("POST", BUNDLES, headers, body)
    assert again.status == 401


async def test_a_bundle_of_messages_is_answered_under_the_switchs_signature(
    city: PaymentsCity,
) -> None:
    body = write_bundle([b"<a/>"])
    exchange = await city.call(LANTAU, api.BUNDLES_PATH, body, media_type=api.BUNDLE_TYPE)
    assert exchange.reply.status == 200
    assert "signature" in exchange.reply.headers and "content-digest" in exchange.reply.headers
    [told] = read_answers(exchange.reply.body, 1) or []
    assert told.status == 400

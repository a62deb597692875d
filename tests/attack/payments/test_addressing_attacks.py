"""Addressing under attack: scanning by every door, replays, races, others' registrations."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import PLATFORM_ORGANISATION, Sender, Status, send_signed
from lionrock.identity.api import identity_check_digit
from lionrock.kernel.jose import generate_key
from lionrock.kernel.signatures import sign_request
from lionrock.payments.api import Address, differing, digest_of, fingerprint
from tests.http.payments.test_addressing import (
    NUMBER,
    PROXIES,
    account,
    ask,
    look_up,
    register,
)
from tests.http.payments.test_addressing_claims import CLAIMS
from tests.unit.payments.city import HARBOUR, LANTAU, PLATFORM, PaymentsCity

LOOKUPS = f"{PROXIES}/lookups"


def absent(number: int) -> dict[str, str]:
    """A number that nobody has."""
    return {"kind": "mobile", "value": f"+852520{number:05}"}


async def test_a_payer_scans_five_numbers_and_its_bank_fifty(city: PaymentsCity) -> None:
    one = [(await look_up(city, **absent(n), payer="512-1")).status for n in range(7)]
    assert one == [404] * 5 + [429] * 2
    # Another payer of the same bank may still ask, until the bank's own bucket is empty.
    rest = [(await look_up(city, **absent(n), payer=f"p{n}")).status for n in range(50)]
    assert rest.count(404) == 45
    assert rest[45:] == [429] * 5
    assert (await look_up(city, value="51230001", payer="new")).status == 429
    city.clock.advance(seconds=1)
    assert (await look_up(city, value="51230001", payer="new")).status == 200


async def test_who_names_no_payer_shares_one_bucket_of_a_person(city: PaymentsCity) -> None:
    answers = [(await look_up(city, **absent(n))).status for n in range(7)]
    assert answers == [404] * 5 + [429] * 2


async def test_identity_card_numbers_are_not_found_by_trying(city: PaymentsCity) -> None:
    await register(city, HARBOUR, kind="hkid", value="A1234563")
    answers = []
    for number in range(7):
        digits = f"{123400 + number}"
        card = f"A{digits}{identity_check_digit('A', digits)}"
        body = {"value": card, "institution": "One Department"}
        answers.append((await ask(city, LANTAU, f"{PROXIES}/identity-lookups", body)).status)
    assert answers == [404] * 5 + [429] * 2


@pytest.mark.parametrize("door", ["claims", "registrations", "batches", "payees"])
async def test_every_door_that_tells_who_is_registered_costs_as_much(
    city: PaymentsCity, door: str
) -> None:
    statuses: list[Any] = []
    for number in range(60):
        wanted = account(**absent(number), account_number="512-1", replace=False)
        if door == "claims":
            del wanted["replace"]
            answer = await ask(city, LANTAU, CLAIMS, {"claim": "portability", **wanted})
        elif door == "registrations":
            wanted = wanted | {"kind": "fps_id", "value": f"{1_000_000 + number}"}
            answer = await ask(city, LANTAU, PROXIES, wanted)
        elif door == "batches":
            wanted = wanted | {"kind": "fps_id", "value": f"{1_000_000 + number}"}
            answer = await ask(city, LANTAU, f"{PROXIES}/batches", {"registrations": [wanted]})
        else:
            payee = {"name": "x", "proxy_kind": "mobile", "proxy": wanted["value"],
                     "payer": f"p{number}"}  # fmt: skip
            answer = await ask(city, LANTAU, "/payments/v1/payee-verifications", payee)
        statuses.append(answer.status)
    assert 429 not in statuses[:50]
    assert statuses[50:] == [429] * 10


async def test_a_look_up_that_is_replayed_tells_nothing_and_costs_nobody(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    body = msgspec.json.encode({**NUMBER, "payer": "512-1"})
    key = city.world.context.key_store.get_or_create(LANTAU)
    sender = Sender(LANTAU, key)
    headers = sign_request(
        method="POST", url=PLATFORM + LOOKUPS, body=body, key=key, keyid=sender.keyid,
        now_s=city.clock.now_s(), headers={"content-type": "application/json"},
    )  # fmt: skip

    async def send() -> int:
        reply = await city.world.context.network.send("POST", PLATFORM + LOOKUPS, headers, body)
        return reply.status

    # Also when all come at once, and share a round.
    answers = await asyncio.gather(*(send() for _ in range(8)))
    assert sorted(answers) == [200] + [403] * 7
    tokens = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT tokens FROM payments.asking_buckets WHERE organisation_id = $1"
        " AND payer_key = ''", LANTAU,
    ))
    assert tokens == 999


async def test_a_registration_that_is_replayed_is_refused(city: PaymentsCity) -> None:
    body = msgspec.json.encode(account())
    key = city.world.context.key_store.get_or_create(HARBOUR)
    exchange = await send_signed(
        city.world.context.network, city.clock, Sender(HARBOUR, key), method="POST",
        url=PLATFORM + PROXIES, body=body, headers={"content-type": "application/json"},
    )
    again = await city.world.context.network.send(
        "POST", PLATFORM + PROXIES, exchange.request_headers, body
    )
    assert (exchange.reply.status, again.status) == (201, 403)


@pytest.mark.parametrize("replace", [True, False])
async def test_of_two_registrations_at_once_one_stands_and_the_other_is_told(
    city: PaymentsCity, replace: bool
) -> None:
    first, second = await asyncio.gather(
        register(city, HARBOUR, replace=replace),
        register(city, LANTAU, replace=replace, account_number="512-7"),
    )
    holder = (await look_up(city)).body["clearing_code"]
    if replace:
        assert first.status == second.status == 201
        assert [first.body["is_replacement"], second.body["is_replacement"]].count(True) == 1
        assert holder == ("307" if first.body["is_replacement"] else "512")
    else:
        assert sorted((first.status, second.status)) == [201, 409]
        loser = first if first.status == 409 else second
        assert loser.body["code"] == "payments.proxy_held"
        assert holder == ("307" if first.status == 201 else "512")


async def test_batches_that_cross_do_not_wait_for_each_other_for_ever(city: PaymentsCity) -> None:
    numbers = [f"+8525200{n:04}" for n in range(40)]

    def batch(bank: str, values: list[str]) -> Any:
        return ask(city, bank, f"{PROXIES}/batches", {
            "registrations": [account(value=value) for value in values],
        })  # fmt: skip

    answers = await asyncio.gather(
        batch(HARBOUR, numbers), batch(LANTAU, numbers[::-1]), batch(HARBOUR, numbers[::-1]),
        batch(LANTAU, numbers),
    )
    assert [answer.body["registered"] for answer in answers] == [40] * 4


async def test_a_look_up_sees_a_registration_as_soon_as_it_was_acknowledged(
    city: PaymentsCity,
) -> None:
    for round_number in range(6):
        bank, code = ((HARBOUR, "307"), (LANTAU, "512"))[round_number % 2]
        done, *_ = await asyncio.gather(
            register(city, bank), *(look_up(city, payer=f"p{n}") for n in range(4))
        )
        assert done.status == 201
        found = await asyncio.gather(*(look_up(city, payer=f"q{n}") for n in range(4)))
        assert {each.body["clearing_code"] for each in found} == {code}


async def test_another_participants_registrations_cannot_be_read_or_removed(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    assert (await ask(city, LANTAU, f"{PROXIES}/removals", NUMBER)).status == 404
    mine = await ask(city, HARBOUR, f"{PROXIES}/comparison", method="GET")
    proxy = Address(kind="mobile", value="+85251990001")
    wanted = fingerprint(
        bytes.fromhex(mine.body["key"]), proxy, currency="HKD", account_number="307-000002",
        account_name="Chan Tai Man",
    ).hex()
    body = {"fingerprints": [wanted]}
    own = await ask(city, HARBOUR, f"{PROXIES}/comparison/entries", body)
    assert own.body["entries"][0]["value"] == "+85251990001"
    foreign = await ask(city, LANTAU, f"{PROXIES}/comparison/entries", body)
    assert foreign.body == {"entries": []}
    theirs = await ask(city, LANTAU, f"{PROXIES}/comparison", method="GET")
    assert theirs.body["key"] != mine.body["key"]


async def test_a_bank_finds_exactly_where_its_books_and_the_register_differ(
    city: PaymentsCity,
) -> None:
    for number in range(30):
        await register(city, HARBOUR, value=f"+8525200{number:04}")
    start = (await ask(city, HARBOUR, f"{PROXIES}/comparison", method="GET")).body
    key = bytes.fromhex(start["key"])

    def print_of(value: str, name: str = "Chan Tai Man") -> bytes:
        proxy = Address(kind="mobile", value=value)
        return fingerprint(
            key, proxy, currency="HKD", account_number="307-000002", account_name=name
        )

    # The books have one that the switch lost, lack one that it has, and one under another name.
    books = {print_of(f"+8525200{n:04}") for n in range(1, 29)} | {print_of("+85252009999")}
    books |= {print_of("+85252000029", "Chan Tai Ming")}
    there = [bytes.fromhex(bucket) for bucket in start["buckets"]]
    held: set[bytes] = set()
    buckets = differing(digest_of(books).buckets, there)
    for bucket in buckets:
        path = f"{PROXIES}/comparison/{bucket}"
        listed = (await ask(city, HARBOUR, path, method="GET")).body["fingerprints"]
        held |= {bytes.fromhex(each) for each in listed}
        if listed:
            rest = await ask(city, HARBOUR, f"{path}?after={listed[-1]}", method="GET")
            assert rest.body == {"fingerprints": []}
    mine = {each for each in books if each[0] in buckets}
    assert mine - held == {print_of("+85252009999"), print_of("+85252000029", "Chan Tai Ming")}
    surplus = sorted(each.hex() for each in held - mine)
    body = {"fingerprints": surplus}
    entries = (await ask(city, HARBOUR, f"{PROXIES}/comparison/entries", body)).body["entries"]
    values = {each["value"] for each in entries if each["value"].startswith("+8525200")}
    assert {"+85252000000", "+85252000029"} <= values
    firm = values - {"+85252000000", "+85252000029"}
    assert firm == set()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/256", None), ("/-1", None), ("/x", None), ("/1?after=zz", None),
        ("/1?after=" + "0" * 63, None), ("/entries", {"fingerprints": []}),
        ("/entries", {"fingerprints": ["0" * 63]}),
        ("/entries", {"fingerprints": ["0" * 64] * 101}),
        ("/entries", {"fingerprints": ["g" * 64]}),
    ],
)  # fmt: skip
async def test_a_comparison_not_as_documented_is_refused(
    city: PaymentsCity, path: str, body: Any
) -> None:
    method = "GET" if body is None else "POST"
    answer = await ask(city, HARBOUR, f"{PROXIES}/comparison{path}", body, method=method)
    assert (answer.status, answer.body["code"]) == (400, "payments.comparison_malformed")


async def test_who_is_no_active_participant_learns_nothing(city: PaymentsCity) -> None:
    body = msgspec.json.encode(NUMBER)

    async def status(sender: str, **more: Any) -> int:
        exchange = await city.call(sender, LOOKUPS, body, media_type="application/json", **more)
        return exchange.reply.status

    assert await status(LANTAU, key=generate_key()) == 403
    assert await status("nobody", key=generate_key()) == 403
    operator = await ask(city, PLATFORM_ORGANISATION, LOOKUPS, NUMBER)
    assert (operator.status, operator.body["code"]) == (403, "payments.not_a_participant")
    await city.kernel.database.run(lambda db: city.directory.set_status(
        db, LANTAU, Status.SUSPENDED, operator="op"
    ))
    assert await status(LANTAU) == 403
    tokens = await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.asking_buckets")
    )
    assert tokens == 0


_FALLS = {
    "suspended": "UPDATE directory.organisations SET status = 'suspended' WHERE id = $1",
    "without its role": "UPDATE directory.organisations SET roles = '{}' WHERE id = $1",
    "without its key": "UPDATE directory.keys SET retired_at = valid_from"
    " WHERE organisation_id = $1",
}  # fmt: skip


@pytest.mark.parametrize("how", _FALLS)
async def test_who_asked_before_and_may_no_longer_ask_is_refused_at_once_and_charged_nothing(
    city: PaymentsCity, how: str
) -> None:
    await register(city, HARBOUR)
    assert (await look_up(city)).status == 200
    await city.kernel.database.run(lambda db: db.execute(_FALLS[how], LANTAU))
    # Who shares a round with one that has fallen is answered all the same.
    answers = await asyncio.gather(*(
        ask(city, bank, LOOKUPS, NUMBER) for bank in (LANTAU, HARBOUR) * 3
    ))
    assert [answer.status for answer in answers] == [403, 200] * 3
    tokens = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT organisation_id, tokens FROM payments.asking_buckets WHERE payer_key = ''"
        " AND organisation_id = ANY($1)", [LANTAU, HARBOUR],
    ))
    assert dict(map(tuple, tokens)) == {LANTAU: 999, HARBOUR: 997}


async def test_a_key_added_after_the_last_look_up_is_good_for_the_next_one(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    assert (await look_up(city)).status == 200
    key = generate_key()
    body = msgspec.json.encode(NUMBER)

    async def status() -> int:
        exchange = await city.call(LANTAU, LOOKUPS, body, media_type="application/json", key=key)
        return exchange.reply.status

    assert await status() == 403
    await city.kernel.database.run(lambda db: db.execute(
        "INSERT INTO directory.keys (kid, organisation_id, jwk, valid_from)"
        " VALUES ($1, $2, $3, $4)", key.kid, LANTAU, key.public_jwk, city.clock.now(),
    ))
    assert await status() == 200


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "mobile", "value": "5" * 300}, {"kind": "mobile", "value": "+852-5123\u202e0001"},
        {"kind": "email", "value": "pay@xn--frm-yla.example"}, {**NUMBER, "payer": "x" * 65},
        {**NUMBER, "payer": "\u00e9"}, {**NUMBER, "payer": " x"}, {**NUMBER, "payer": "a\nb"},
        {"kind": "passport", "value": "1"}, {**NUMBER, "extra": 1}, {"value": "1"}, [],
    ],
)  # fmt: skip
async def test_a_question_not_as_documented_is_refused_and_free(
    city: PaymentsCity, body: Any
) -> None:
    answer = await ask(city, LANTAU, LOOKUPS, body)
    assert answer.status == 400
    rows = await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.asking_buckets")
    )
    assert rows == 0


async def test_a_stolen_copy_of_the_register_lists_no_proxy_owner_payer_or_account(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, owner="HKID:A1234563")
    await look_up(city, payer="512-000009")
    await ask(city, LANTAU, CLAIMS, {"claim": "portability", **account(account_number="512-7")})
    tables = ("proxy_entries", "asking_buckets", "proxy_claims", "proxy_notices", "fps_ids")

    async def dump(db: Any) -> str:
        rows = [
            row["t"] for table in tables
            for row in await db.fetch(f"SELECT t::text AS t FROM payments.{table} t")
        ]
        return "\n".join(rows)

    text = await city.kernel.database.read(dump)
    for secret in ("51990001", "A1234563", "307-000002", "512-000009", "512-7", "Chan"):
        assert secret not in text
        assert secret.encode().hex() not in text


async def test_entries_of_two_currencies_cannot_be_exchanged_in_the_database(
    city: PaymentsCity,
) -> None:
    from cryptography.exceptions import InvalidTag

    await register(city, HARBOUR)
    await register(city, LANTAU, currencies=["CNY"], account_number="512-7")
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.proxy_entries e SET sealed_target = o.sealed_target FROM"
        " payments.proxy_entries o WHERE o.lookup_key = e.lookup_key AND o.currency <> e.currency"
    ))
    with pytest.raises(InvalidTag):
        await city.kernel.database.run(
            lambda db: city.payments.addressing.entry(db, "mobile", "51990001", "HKD")
        )

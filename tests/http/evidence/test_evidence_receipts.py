"""Members' receipts over signed calls, and the platform's own in the caller's transaction."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from lionrock.directory import api as directory_api
from lionrock.directory.api import Status
from lionrock.evidence import api as evidence_api
from lionrock.evidence.api import Evidence, EvidenceRefusal, canonical_json
from lionrock.evidence.domain import receipt as receipts
from lionrock.evidence.http import ERRORS
from lionrock.kernel import outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import generate_key, sign_jws
from lionrock.kernel.network import Reply
from tests.http.evidence.town import CASE, PLATFORM, Town, payload

PATH = "/evidence/v1/receipts"
BANK, REGISTRY = "bank-harbour", "registry-department"


async def post(town: Town, jws: str, sender: str = BANK) -> Reply:
    return await town.send(sender, "POST", PATH, {"receipt": jws})


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, msgspec.json.decode(reply.body).get("code", "")


async def count(town: Town) -> int:
    return int(
        await town.kernel.database.run(
            lambda db: db.fetchval("SELECT count(*) FROM evidence.receipts")
        )
    )


def test_every_refusal_has_a_row_that_says_what_to_do() -> None:
    assert set(EvidenceRefusal) == set(ERRORS)
    assert all(row.title.endswith(".") and len(row.title) > 20 for row in ERRORS.values())


def test_the_platforms_name_is_the_directorys() -> None:
    assert evidence_api.Evidence is Evidence
    assert directory_api.PLATFORM_ORGANISATION == PLATFORM


async def test_a_members_receipt_is_kept_proven_and_read_back(town: Town) -> None:
    jws = town.receipt(BANK)
    accepted = await post(town, jws)
    assert accepted.status == 202
    identifier = payload(jws).id
    assert msgspec.json.decode(accepted.body) == {"id": identifier}
    before = await town.send(BANK, "GET", f"{PATH}/{identifier}")
    assert msgspec.json.decode(before.body)["proof"] == ""
    await town.evidence.catch_up()
    after = msgspec.json.decode((await town.send(BANK, "GET", f"{PATH}/{identifier}")).body)
    assert (after["receipt"], after["issuer"]) == (jws, BANK)
    assert after["proof"].startswith("c2sp.org/tlog-proof@v1\nextra " + after["salt"])


async def test_the_same_receipt_again_is_the_same_receipt(town: Town) -> None:
    jws = town.receipt(BANK)
    again = sign_jws(town.member_keys[BANK], receipts.payload_of(jws), typ=receipts.TYPE)
    assert again != jws
    for each in (jws, jws, again):
        assert (await post(town, each)).status == 202
    assert await count(town) == 1


async def test_another_receipt_under_a_taken_id_is_refused(town: Town) -> None:
    jws = town.receipt(BANK)
    assert (await post(town, jws)).status == 202
    changed = town.receipt(BANK, id=payload(jws).id, digests={"payload": "cd" * 32})
    assert code(await post(town, changed)) == (409, "evidence.receipt_conflict")
    foreign = town.receipt(REGISTRY, id=payload(jws).id)
    assert code(await post(town, foreign, REGISTRY)) == (409, "evidence.receipt_conflict")
    assert await count(town) == 1


async def test_a_receipt_in_anothers_name_is_refused(town: Town) -> None:
    as_other = town.receipt(BANK, issuer=REGISTRY)
    assert code(await post(town, as_other)) == (403, "evidence.receipt_issuer")
    as_platform = town.receipt(BANK, issuer=PLATFORM)
    assert code(await post(town, as_platform)) == (403, "evidence.receipt_issuer")
    relayed = town.receipt(REGISTRY)
    assert code(await post(town, relayed)) == (400, "evidence.receipt_key_unknown")
    assert await count(town) == 0


async def test_a_receipt_with_a_key_of_nobody_is_refused(town: Town) -> None:
    stranger = generate_key()
    good = receipts.payload_of(town.receipt(BANK))
    assert code(await post(town, sign_jws(stranger, good, typ=receipts.TYPE))) == (
        400, "evidence.receipt_key_unknown",
    )  # fmt: skip
    borrowed = sign_jws(
        stranger, good, typ=receipts.TYPE, headers={"kid": town.member_keys[BANK].kid}
    )
    assert code(await post(town, borrowed)) == (400, "evidence.receipt_signature")


async def test_a_receipt_dated_in_the_future_is_refused_and_an_old_one_taken(town: Town) -> None:
    now_s = town.kernel.wire_clock.now_s()
    at_limit = town.receipt(BANK, iat=now_s + receipts.FUTURE_S_MAX)
    assert (await post(town, at_limit)).status == 202
    beyond = town.receipt(BANK, iat=now_s + receipts.FUTURE_S_MAX + 1)
    assert code(await post(town, beyond)) == (400, "evidence.receipt_future")
    assert (await post(town, town.receipt(BANK, iat=now_s - 86_400))).status == 202


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"receipt": ""}, "evidence.receipt_malformed"),
        ({"receipt": "a.b.c"}, "evidence.receipt_malformed"),
        ({"receipt": "x" * 16_385}, "evidence.receipt_too_large"),
        ({"receipt": "x" * 20_000}, "kernel.body_too_large"),
        ({"receipt": "a", "more": 1}, "kernel.body_malformed"),
        ({}, "kernel.body_malformed"),
    ],
)
async def test_a_body_that_is_no_receipt_is_refused(
    town: Town, body: dict[str, object], expected: str
) -> None:
    reply = await town.send(BANK, "POST", PATH, body)
    assert code(reply)[1] == expected
    assert reply.status in (400, 413)


async def test_a_field_outside_its_form_is_named(town: Town) -> None:
    reply = await post(town, town.receipt(BANK, references={"person": "per_" + "0" * 32}))
    problem = msgspec.json.decode(reply.body)
    assert (problem["code"], problem["field"]) == ("evidence.receipt_field", "references")


async def test_an_unsigned_or_wrongly_signed_call_is_refused(town: Town) -> None:
    body = msgspec.json.encode({"receipt": town.receipt(BANK)})
    unsigned = await town.kernel.network.send(
        "POST", f"http://platform.test{PATH}", {"content-type": "application/json"}, body
    )
    assert 400 <= unsigned.status < 500
    forged = await town.send(BANK, "POST", PATH, {"receipt": town.receipt(BANK)}, generate_key())
    assert 400 <= forged.status < 500
    assert await count(town) == 0


async def test_a_suspended_member_can_send_nothing(town: Town) -> None:
    await town.kernel.database.run(
        lambda db: town.directory.set_status(db, BANK, Status.SUSPENDED, operator="op-1")
    )
    assert (await post(town, town.receipt(BANK))).status == 403
    assert await count(town) == 0


async def test_anothers_receipt_is_simply_not_there(town: Town) -> None:
    own = await town.run()
    jws = town.receipt(BANK)
    await post(town, jws)
    for identifier in (own, payload(jws).id, "rct_" + "0" * 32, "nonsense"):
        reply = await town.send(REGISTRY, "GET", f"{PATH}/{identifier}")
        assert code(reply) == (404, "evidence.receipt_not_found")
    assert (await town.get(f"{PATH}/{payload(jws).id}")).status in (400, 401)


async def test_a_receipt_exists_exactly_when_its_transaction_does(town: Town) -> None:
    async def fails(db: Connection) -> None:
        await town.evidence.record(db, "test.thing_done", PLATFORM, CASE, {})
        raise RuntimeError("the thing did not happen")

    with pytest.raises(RuntimeError):
        await town.kernel.database.run(fails)

    async def refused(db: Connection) -> Refused:
        await town.evidence.record(db, "test.thing_done", PLATFORM, CASE, {})
        return Refused(EvidenceRefusal.NO_RECEIPTS)

    await town.kernel.database.run(refused)
    await town.evidence.catch_up()
    assert await count(town) == 0


async def test_the_platform_does_not_sign_for_a_member(town: Town) -> None:
    with pytest.raises(ValueError, match="bank-harbour"):
        await town.run(issuer=BANK)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "Nonsense"}, "kind"), ({"references": {"person_id": "per_1"}}, "references"),
        ({"references": {"phone": "91234567"}}, "references"), ({"digests": {"a": "b"}}, "digests"),
        ({"about": "two\nlines"}, "about"),
    ],
)  # fmt: skip
async def test_recording_a_field_outside_its_form_is_a_bug_that_names_it(
    town: Town, changes: dict[str, object], field: str
) -> None:
    kind = str(changes.pop("kind", "test.thing_done"))
    with pytest.raises(ValueError, match=field):
        await town.run(kind, **changes)


async def test_the_receipt_says_business_and_wire_time(town: Town) -> None:
    identifier = await town.run()
    row = await town.kernel.database.run(lambda db: town.evidence.receipt(db, identifier))
    assert not isinstance(row, Refused)
    made = payload(row.jws)
    assert (made.at, made.iat) == ("2026-02-20T09:00:00Z", town.kernel.wire_clock.now_s())


async def test_receipts_about_a_thing_are_found_by_name_and_value(town: Town) -> None:
    await town.run("test.first")
    await town.run("test.second", references={"payment_id": "pay_1"} | CASE)
    await town.run("test.other", references={"other_id": CASE["case_id"]})

    async def kinds(references: dict[str, str]) -> list[str]:
        found = await town.kernel.database.run(
            lambda db: town.evidence.receipts_about(db, references)
        )
        return [each.kind for each in found]

    assert await kinds(CASE) == ["test.first", "test.second"]
    assert await kinds({"payment_id": "pay_1"}) == ["test.second"]
    assert await kinds({"payment_id": CASE["case_id"]}) == []


async def test_a_change_of_keys_leaves_one_receipt_however_often_it_is_told(town: Town) -> None:
    new_key = generate_key()

    async def change(db: Connection) -> None:
        asked = await town.directory.request_key_change(
            db, organisation_id=BANK, kind="add", operator="op-1", jwk=new_key.public_jwk
        )
        assert not isinstance(asked, Refused)
        approved = await town.directory.approve_key_change(db, asked.id, operator="op-2")
        assert not isinstance(approved, Refused)

    await town.kernel.database.run(change)
    topics = evidence_api.subscriptions(town.kernel, town.evidence)
    deliver = outbox.dispatcher(topics)
    told = 0

    async def twice(job: object) -> object:
        nonlocal told
        told += 1
        await deliver(job)  # type: ignore[arg-type]  # the job of the worker below
        return await deliver(job)  # type: ignore[arg-type]  # told again, as after a crash

    worker = Worker(
        town.kernel.database, town.kernel.wire_clock, town.kernel.business_clock,
        {outbox.QUEUE: twice},  # type: ignore[dict-item]  # returns what deliver returns
    )  # fmt: skip
    await worker.run_until_idle()
    assert told == 1
    found = await town.kernel.database.run(
        lambda db: town.evidence.receipts_about(db, {"organisation_id": BANK})
    )
    assert [(each.kind, each.issuer, each.about) for each in found] == [
        ("directory.key_changed", PLATFORM, "add key")
    ]


async def test_a_receipt_signed_with_the_new_key_counts_from_then_on(town: Town) -> None:
    new_key = generate_key()
    jws = sign_jws(new_key, receipts.payload_of(town.receipt(BANK)), typ=receipts.TYPE)
    assert code(await post(town, jws)) == (400, "evidence.receipt_key_unknown")

    async def change(db: Connection) -> None:
        asked = await town.directory.request_key_change(
            db, organisation_id=BANK, kind="add", operator="op-1", jwk=new_key.public_jwk
        )
        assert not isinstance(asked, Refused)
        await town.directory.approve_key_change(db, asked.id, operator="op-2")

    await town.kernel.database.run(change)
    assert (await post(town, jws)).status == 202


async def test_a_kept_document_is_found_by_its_digest_and_once(town: Town) -> None:
    content = b"%PDF-1.7 agreement"
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        kept = await town.kernel.database.run(
            lambda db: town.evidence.keep(db, content, "application/pdf")
        )
        assert kept == digest
    found = await town.kernel.database.run(lambda db: town.evidence.artefact(db, digest))
    assert found is not None
    assert (found.content, found.media_type) == (content, "application/pdf")
    assert await town.kernel.database.run(lambda db: town.evidence.artefact(db, "00" * 32)) is None
    with pytest.raises(ValueError, match="media type"):
        await town.kernel.database.run(lambda db: town.evidence.keep(db, content, "pdf"))


async def test_the_payload_on_the_wire_is_canonical(town: Town) -> None:
    identifier = await town.run(about="說明 “quoted”")
    row = await town.kernel.database.run(lambda db: town.evidence.receipt(db, identifier))
    assert not isinstance(row, Refused)
    assert canonical_json(payload(row.jws)) == receipts.payload_of(row.jws)

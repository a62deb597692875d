"""The directory through its service and its routes, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.directory import api
from lionrock.directory.api import (
    Directory,
    DirectoryRefusal,
    Organisation,
    RemoteDirectory,
    Status,
)
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Worker
from lionrock.kernel.jose import generate_encryption_key, generate_key, verify_jws
from lionrock.kernel.network import Network, Unreachable
from lionrock.kernel.outbox import QUEUE, Event, dispatcher
from tests.http.directory.members import PLATFORM, application, good, organisation, register, run


@pytest.fixture
def directory(kernel: Kernel) -> Directory:
    kernel.network.applications[PLATFORM] = application(kernel)
    return Directory(kernel)


def code(result: object) -> object:
    assert isinstance(result, Refused), result
    return result.refusal


async def get(kernel: Kernel, path: str) -> Any:
    reply = await kernel.network.send("GET", f"{PLATFORM}{path}")
    return reply.status, msgspec.json.decode(reply.body)


async def test_a_registered_organisation_is_found(kernel: Kernel, directory: Directory) -> None:
    member = await register(kernel)
    found = await kernel.database.read(lambda db: directory.get(db, "bank-harbour"))
    assert found == member.organisation
    key = await kernel.database.read(
        lambda db: directory.verification_key(db, "bank-harbour", member.key.kid)
    )
    assert key is not None
    assert (key.kid, key.is_private) == (member.key.kid, False)


async def test_registering_again_updates_the_description_only(
    kernel: Kernel, directory: Directory
) -> None:
    member = await register(kernel)
    await run(
        kernel, directory.set_status, "bank-harbour", Status.SUSPENDED, operator="alice"
    )
    moved = msgspec.structs.replace(
        member.organisation, endpoints={"home": "http://elsewhere.test/"}, roles=frozenset({"new"})
    )
    again = good(await run(kernel, directory.register, moved))
    assert again == msgspec.structs.replace(moved, status=Status.SUSPENDED)


async def test_registering_again_cannot_change_keys(kernel: Kernel, directory: Directory) -> None:
    member = await register(kernel)
    for keys in ((generate_key(),), (member.key, generate_key())):
        other = organisation("bank-harbour", *keys)
        result = await run(kernel, directory.register, other)
        assert code(result) is DirectoryRefusal.KEYS_DIFFER
    found = await kernel.database.read(lambda db: directory.get(db, "bank-harbour"))
    assert found is not None
    assert [jwk["kid"] for jwk in found.keys] == [member.key.kid]


async def test_one_key_belongs_to_one_organisation(kernel: Kernel, directory: Directory) -> None:
    member = await register(kernel)
    thief = organisation("bank-thief", member.key)
    result = await run(kernel, directory.register, thief)
    assert code(result) is DirectoryRefusal.KEY_TAKEN
    assert await kernel.database.read(lambda db: directory.get(db, "bank-thief")) is None


async def test_a_malformed_organisation_is_not_registered(
    kernel: Kernel, directory: Directory
) -> None:
    bad = organisation("Bad Id", generate_key())
    result = await run(kernel, directory.register, bad)
    assert code(result) is DirectoryRefusal.ORGANISATION_MALFORMED


async def propose(kernel: Kernel, directory: Directory, **options: Any) -> Any:
    arguments = {"organisation_id": "bank-harbour", "kind": "add", "operator": "alice"} | options
    return await run(kernel, directory.request_key_change, **arguments)


async def approve(kernel: Kernel, directory: Directory, change_id: str, operator: str) -> Any:
    return await run(kernel, directory.approve_key_change, change_id, operator=operator)


async def kids(kernel: Kernel, directory: Directory) -> set[str]:
    found = await kernel.database.read(lambda db: directory.get(db, "bank-harbour"))
    assert found is not None
    return {jwk["kid"] for jwk in found.keys}


async def test_a_key_is_rotated_by_two_operators_and_leaves_events(
    kernel: Kernel, directory: Directory
) -> None:
    member, new = await register(kernel), generate_key()
    change = await propose(kernel, directory, jwk=new.public_jwk)
    assert await kids(kernel, directory) == {member.key.kid}
    assert code(await approve(kernel, directory, change.id, "alice")) is (
        DirectoryRefusal.SAME_OPERATOR
    )
    assert await kids(kernel, directory) == {member.key.kid}
    good(await approve(kernel, directory, change.id, "bob"))
    assert await kids(kernel, directory) == {member.key.kid, new.kid}
    change = await propose(kernel, directory, kind="retire", kid=member.key.kid, operator="bob")
    good(await approve(kernel, directory, change.id, "alice"))
    assert await kids(kernel, directory) == {new.kid}
    events = await delivered(kernel)
    topics = [(e.topic, e.payload["kind"], e.payload["kid"]) for e in events]
    assert sorted(topics) == sorted([
        ("directory.key_changed", "add", new.kid),
        ("directory.key_changed", "retire", member.key.kid),
    ])
    assert {(e.payload["requested_by"], e.payload["approved_by"]) for e in events} == {
        ("alice", "bob"), ("bob", "alice"),
    }  # fmt: skip
    history = await kernel.database.read(lambda db: directory.key_history(db, "bank-harbour"))
    assert {(r.kid, r.retired_at is None) for r in history} == {
        (member.key.kid, False), (new.kid, True),
    }  # fmt: skip


async def delivered(kernel: Kernel) -> list[Event]:
    """Run the worker and return every event of the directory that it hands out."""
    events: list[Event] = []

    async def receive(event: Event) -> None:
        events.append(event)

    topics = {"directory.key_changed": [receive], "directory.status_changed": [receive]}
    worker = Worker(
        kernel.database, kernel.wire_clock, kernel.business_clock, {QUEUE: dispatcher(topics)}
    )
    await worker.run_until_idle()
    return events


async def test_every_refusal_of_a_proposal(kernel: Kernel, directory: Directory) -> None:
    member = await register(kernel)
    other = await register(kernel, "bank-peak")
    new = generate_key().public_jwk
    cases: list[tuple[dict[str, Any], DirectoryRefusal]] = [
        ({"operator": ""}, DirectoryRefusal.OPERATOR_MALFORMED),
        ({"organisation_id": "nobody"}, DirectoryRefusal.ORGANISATION_UNKNOWN),
        ({"jwk": None}, DirectoryRefusal.KEY_MALFORMED),
        ({"jwk": new | {"d": "AA"}}, DirectoryRefusal.KEY_MALFORMED),
        ({"jwk": member.key.public_jwk}, DirectoryRefusal.KEY_TAKEN),
        ({"jwk": other.key.public_jwk}, DirectoryRefusal.KEY_TAKEN),
        ({"kind": "retire", "kid": "unknown"}, DirectoryRefusal.KEY_UNKNOWN),
        ({"kind": "retire", "kid": other.key.kid}, DirectoryRefusal.KEY_UNKNOWN),
        ({"kind": "retire", "kid": member.key.kid}, DirectoryRefusal.KEY_LAST),
    ]
    for options, expected in cases:
        assert code(await propose(kernel, directory, **options)) is expected, options
    good(await propose(kernel, directory, jwk=new))
    result = await propose(kernel, directory, jwk=new, operator="carol")
    assert code(result) is DirectoryRefusal.CHANGE_PENDING


async def test_every_refusal_of_a_decision(
    kernel: Kernel, directory: Directory, business_clock: FrozenClock
) -> None:
    await register(kernel)
    new = generate_key().public_jwk
    first = await propose(kernel, directory, jwk=new)
    for change_id, operator, expected in [
        ("kch_unknown", "bob", DirectoryRefusal.CHANGE_UNKNOWN),
        (first.id, "alice", DirectoryRefusal.SAME_OPERATOR),
        (first.id, "", DirectoryRefusal.OPERATOR_MALFORMED),
    ]:
        assert code(await approve(kernel, directory, change_id, operator)) is expected
    rejected = good(await run(kernel, directory.reject_key_change, first.id, operator="bob"))
    assert rejected.status == "rejected"
    assert code(await approve(kernel, directory, first.id, "carol")) is (
        DirectoryRefusal.CHANGE_DECIDED
    )
    late = await propose(kernel, directory, jwk=new)
    business_clock.advance(days=7)
    assert code(await approve(kernel, directory, late.id, "bob")) is (
        DirectoryRefusal.CHANGE_EXPIRED
    )
    again = await propose(kernel, directory, jwk=new)
    good(await approve(kernel, directory, again.id, "bob"))
    changes = await kernel.database.read(lambda db: directory.key_changes(db, "bank-harbour"))
    assert {c.id: c.status for c in changes} == {
        first.id: "rejected", late.id: "rejected", again.id: "approved",
    }  # fmt: skip


async def test_two_approvals_together_never_leave_an_organisation_without_keys(
    kernel: Kernel, directory: Directory
) -> None:
    """Retiring A and retiring B are each fine alone; both at once would be one too many."""
    member, second = await register(kernel), generate_key()
    change = await propose(kernel, directory, jwk=second.public_jwk)
    good(await approve(kernel, directory, change.id, "bob"))
    changes = [
        await propose(kernel, directory, kind="retire", kid=kid)
        for kid in (member.key.kid, second.kid)
    ]
    results = await asyncio.gather(
        *(approve(kernel, directory, each.id, "bob") for each in changes)
    )
    refused = [r.refusal for r in results if isinstance(r, Refused)]
    assert refused == [DirectoryRefusal.KEY_LAST]
    assert len(await kids(kernel, directory)) == 1


async def test_the_last_signing_key_stays_although_an_encryption_key_remains(
    kernel: Kernel, directory: Directory
) -> None:
    member = await register(kernel)
    sealed = generate_encryption_key()
    change = await propose(kernel, directory, jwk=sealed.public_jwk)
    good(await approve(kernel, directory, change.id, "bob"))
    result = await propose(kernel, directory, kind="retire", kid=member.key.kid)
    assert code(result) is DirectoryRefusal.KEY_LAST
    change = await propose(kernel, directory, kind="retire", kid=sealed.kid)
    good(await approve(kernel, directory, change.id, "bob"))


async def test_the_same_approval_twice_at_once_is_one(
    kernel: Kernel, directory: Directory
) -> None:
    await register(kernel)
    change = await propose(kernel, directory, jwk=generate_key().public_jwk)
    results = await asyncio.gather(
        *(approve(kernel, directory, change.id, name) for name in ("bob", "carol", "dora"))
    )
    refused = [r.refusal for r in results if isinstance(r, Refused)]
    assert refused == [DirectoryRefusal.CHANGE_DECIDED] * 2
    assert len(await delivered(kernel)) == 1


async def test_a_retired_key_cannot_come_back(kernel: Kernel, directory: Directory) -> None:
    member, new = await register(kernel), generate_key()
    change = await propose(kernel, directory, jwk=new.public_jwk)
    good(await approve(kernel, directory, change.id, "bob"))
    change = await propose(kernel, directory, kind="retire", kid=member.key.kid)
    good(await approve(kernel, directory, change.id, "bob"))
    result = await propose(kernel, directory, jwk=member.key.public_jwk)
    assert code(result) is DirectoryRefusal.KEY_TAKEN


async def test_suspension_bites_and_is_undone(kernel: Kernel, directory: Directory) -> None:
    member = await register(kernel)

    async def key(db: Connection) -> object:
        return await directory.verification_key(db, "bank-harbour", member.key.kid)

    async def turn(status: Status) -> object:
        return await run(
            kernel, directory.set_status, "bank-harbour", status, operator="alice"
        )

    await turn(Status.SUSPENDED)
    await turn(Status.SUSPENDED)
    assert await kernel.database.read(key) is None
    assert (await get(kernel, "/directory/v1/organisations/bank-harbour/jwks"))[1] == {"keys": []}
    await turn(Status.ACTIVE)
    assert await kernel.database.read(key) is not None
    events = await delivered(kernel)
    assert sorted(event.payload["status"] for event in events) == ["active", "suspended"]


async def test_a_status_is_refused_for_nobody_and_by_nobody(
    kernel: Kernel, directory: Directory
) -> None:
    for name, operator, expected in [
        ("nobody", "alice", DirectoryRefusal.ORGANISATION_UNKNOWN),
        ("nobody", "", DirectoryRefusal.OPERATOR_MALFORMED),
    ]:
        result = await run(kernel, directory.set_status, name, Status.ACTIVE, operator=operator)
        assert code(result) is expected


async def test_the_public_reads_organisations_over_http(
    kernel: Kernel, directory: Directory
) -> None:
    member = await register(kernel)
    other = await register(kernel, "bank-peak")
    status, body = await get(kernel, "/directory/v1/organisations")
    ids = [each["id"] for each in body["organisations"]]
    assert (status, ids) == (200, ["bank-harbour", "bank-peak"])
    status, body = await get(kernel, "/directory/v1/organisations?role=witness")
    assert (status, body) == (200, {"organisations": []})
    status, body = await get(kernel, "/directory/v1/organisations?role=%00")
    assert (status, body) == (200, {"organisations": []})
    status, body = await get(kernel, "/directory/v1/organisations/bank-peak")
    assert status == 200
    assert msgspec.convert(body, Organisation) == other.organisation
    status, body = await get(kernel, "/directory/v1/organisations/bank-harbour/jwks")
    assert (status, body) == (200, {"keys": [member.key.public_jwk]})


@pytest.mark.parametrize("path", ["nobody", "nobody/jwks", "%00", "Bank", "bank-harbour%23"])
async def test_an_unknown_organisation_is_not_found(
    kernel: Kernel, directory: Directory, path: str
) -> None:
    status, body = await get(kernel, f"/directory/v1/organisations/{path}")
    assert (status, body["code"]) == (404, "directory.organisation_unknown")


async def test_the_snapshot_is_signed_and_holds_retired_keys(
    kernel: Kernel, directory: Directory
) -> None:
    member, new = await register(kernel), generate_key()
    change = await propose(kernel, directory, jwk=new.public_jwk)
    good(await approve(kernel, directory, change.id, "bob"))
    change = await propose(kernel, directory, kind="retire", kid=member.key.kid)
    good(await approve(kernel, directory, change.id, "bob"))
    reply = await kernel.network.send("GET", f"{PLATFORM}/directory/v1/snapshot")
    verified = good(verify_jws(
        reply.body.decode(), directory.signing_key().public_only(), typ=api.SNAPSHOT_TYPE
    ))
    (entry,) = verified.claims["organisations"]
    assert {jwk["kid"] for jwk in entry["keys"]} == {member.key.kid, new.kid}
    periods = {p["kid"]: p["retired_at"] for p in entry["key_periods"]}
    assert periods[new.kid] is None
    assert periods[member.key.kid] is not None
    assert verified.claims["iat"] == kernel.wire_clock.now_s()


async def test_the_directory_is_read_from_outside_and_remembered_for_seconds(
    kernel: Kernel, directory: Directory, wire_clock: FrozenClock
) -> None:
    member = await register(kernel)
    remote = RemoteDirectory(kernel.network, PLATFORM, wire_clock)
    assert await remote.get("bank-harbour") == member.organisation
    assert await remote.get("nobody") is None
    assert await remote.get("not/a/slug") is None
    await run(
        kernel, directory.set_status, "bank-harbour", Status.SUSPENDED, operator="alice"
    )
    cached = await remote.get("bank-harbour")
    assert cached is not None
    assert cached.is_active
    wire_clock.advance(seconds=30)
    fresh = await remote.get("bank-harbour")
    assert fresh is not None
    assert not fresh.is_active
    remote.forget()
    assert await remote.get("bank-harbour") == fresh


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id":"other"}'])
async def test_a_directory_that_answers_nonsense_counts_as_unreachable(
    wire_clock: FrozenClock, body: bytes
) -> None:
    async def nonsense(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    network = Network(applications={"http://other.test": nonsense})
    with pytest.raises(Unreachable):
        await RemoteDirectory(network, "http://other.test", wire_clock).get("bank-harbour")
    await network.close()

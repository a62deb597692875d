"""Witnesses: they refuse a log that does not only grow, and their absence stops nothing."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lionrock.directory.api import Status
from lionrock.evidence.api import verify_bundle
from lionrock.evidence.domain import merkle, note, witnessing
from lionrock.kernel.network import Reply
from lionrock.sandbox.world.witness import Witness
from tests.http.evidence.town import WITNESSES, Town

FIRST, SECOND = WITNESSES


def leaves(count: int, fork_at: int | None = None) -> list[bytes]:
    return [
        merkle.leaf_hash(f"{'forked' if i == fork_at else 'entry'} {i}".encode())
        for i in range(count)
    ]


async def signer(town: Town) -> note.Signer:
    return await town.kernel.database.run(town.evidence.log.signer)


async def ask(
    town: Town, old: int, hashes: list[bytes], proof: list[bytes] | None = None,
    by: note.Signer | None = None, origin: str | None = None,
) -> Reply:  # fmt: skip
    """Ask the first witness to cosign a tree of these leaves."""
    log = by or await signer(town)
    text = note.Checkpoint(origin or log.name, len(hashes), merkle.root_of(hashes)).text()
    signed = note.Note(text, (note.sign_note(text, log),))
    if proof is None:
        def lookup(node: merkle.Node) -> bytes:
            return merkle.root_of(hashes[node.index << node.level : (node.index + 1) << node.level])

        plan = merkle.consistency_plan(old, len(hashes)) if old <= len(hashes) else ()
        proof = merkle.make_proof(plan, lookup)
    return await post(town, witnessing.encode_request(old, tuple(proof), signed))


async def post(town: Town, body: bytes) -> Reply:
    return await town.kernel.network.send(
        "POST", f"http://world.test/{FIRST}/add-checkpoint", {"content-type": "text/plain"}, body
    )


async def test_a_growing_log_is_cosigned_each_time(town: Town) -> None:
    key = note.VerifierKey(
        FIRST, note.TYPE_COSIGNATURE, town.witnesses[0].key.public.public_bytes_raw()  # type: ignore[union-attr]  # Ed25519
    )  # fmt: skip
    log = await signer(town)
    old = 0
    for size in (1, 2, 5, 5, 200):
        reply = await ask(town, old, leaves(size))
        assert reply.status == 200
        text = note.Checkpoint(log.name, size, merkle.root_of(leaves(size))).text()
        lines = note.parse_signature_lines(reply.body.decode())
        assert lines
        found = note.check_cosignature(note.Note(text, tuple(lines)), key)
        assert found == note.Cosignature(True, town.kernel.wire_clock.now_s())
        old = size


async def test_a_fork_is_refused_and_the_book_keeps_the_first_tree(town: Town) -> None:
    assert (await ask(town, 0, leaves(8))).status == 200
    assert (await ask(town, 8, leaves(8, fork_at=3))).status == 409
    assert (await ask(town, 8, leaves(12, fork_at=3))).status == 422
    assert (await ask(town, 8, leaves(12))).status == 200


async def test_a_rollback_is_refused_with_the_size_that_was_seen(town: Town) -> None:
    assert (await ask(town, 0, leaves(8))).status == 200
    back = await ask(town, 0, leaves(4))
    assert (back.status, back.body, back.headers["content-type"].split(";")[0]) == (
        409, b"8\n", "text/x.tlog.size",
    )  # fmt: skip
    assert (await ask(town, 4, leaves(8))).status == 409
    assert (await ask(town, 8, leaves(4))).status == 400


async def test_an_old_size_of_zero_takes_no_proof(town: Town) -> None:
    assert (await ask(town, 0, leaves(3), proof=[leaves(1)[0]])).status == 422
    assert (await ask(town, 0, leaves(3))).status == 200


async def test_an_unknown_log_or_another_key_for_a_known_one_is_refused(town: Town) -> None:
    log = await signer(town)
    key = town.kernel.key_store.get_or_create("stranger", "Ed25519").private
    stranger = note.Signer(log.name, note.TYPE_LOG, key)  # type: ignore[arg-type]  # Ed25519
    assert (await ask(town, 0, leaves(3), by=stranger)).status == 403
    elsewhere = note.Signer("elsewhere.test", note.TYPE_LOG, key)  # type: ignore[arg-type]  # Ed25519
    assert (await ask(town, 0, leaves(3), by=elsewhere)).status == 404
    assert (await ask(town, 0, leaves(3), by=log, origin="elsewhere.test")).status == 404


async def test_a_known_log_keeps_the_key_it_was_introduced_with(town: Town) -> None:
    log = await signer(town)
    key = town.kernel.key_store.get_or_create("stranger", "Ed25519").private
    stranger = note.Signer(log.name, note.TYPE_LOG, key)  # type: ignore[arg-type]  # Ed25519
    assert not await town.witnesses[0].introduce(stranger.verifier.vkey())
    assert (await ask(town, 0, leaves(3), by=stranger)).status == 403
    assert (await ask(town, 0, leaves(3))).status == 200
    with pytest.raises(ValueError, match="type 1"):
        Witness(town.world.context, "witness-new", ["nonsense"])


async def test_an_operator_introduces_a_log_once_and_for_ever(town: Town) -> None:
    newcomer = Witness(town.world.context, "witness-new")
    origin = "http://new.test"
    town.kernel.network.applications[origin] = Starlette(routes=list(newcomer.routes()))
    log = await signer(town)
    key = town.kernel.key_store.get_or_create("stranger", "Ed25519").private
    stranger = note.Signer(log.name, note.TYPE_LOG, key)  # type: ignore[arg-type]  # Ed25519
    as_witness = note.VerifierKey(log.name, note.TYPE_COSIGNATURE, log.verifier.public)

    async def put(body: str) -> int:
        reply = await town.kernel.network.send(
            "PUT", f"{origin}/operator/logs", {}, body.encode()
        )
        return reply.status

    for nonsense in ("", "nonsense", as_witness.vkey(), "x" * 2000):
        assert await put(nonsense) == 400
    assert await put(log.verifier.vkey()) == 200
    assert await put(log.verifier.vkey() + "\n") == 200
    assert await put(stranger.verifier.vkey()) == 409
    restarted = Witness(town.world.context, "witness-new")
    assert not await restarted.introduce(stranger.verifier.vkey())
    assert await restarted.introduce(log.verifier.vkey())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"old 0", b"old 0\n\n", b"old -1\n\nx", b"old 00\n\nx", b"x" * 70_000,
        b"old 0\nAAAA\n\nlog\n1\nAAAA\n\n", "old ٠\n\nx".encode(), b"\xff\xfe", b"0\n\n",
    ],
)  # fmt: skip
async def test_a_malformed_request_is_refused(town: Town, body: bytes) -> None:
    assert (await post(town, body)).status == 400


async def test_a_request_without_old_or_with_too_many_hashes_is_refused(town: Town) -> None:
    hashes = leaves(3)
    log = await signer(town)
    text = note.Checkpoint(log.name, 3, merkle.root_of(hashes)).text()
    signed = note.Note(text, (note.sign_note(text, log),))
    good = witnessing.encode_request(0, (), signed)
    assert (await post(town, good.removeprefix(b"old "))).status == 400
    assert (await post(town, witnessing.encode_request(0, (hashes[0],) * 64, signed))).status == 400
    assert (await post(town, good)).status == 200


async def test_of_two_different_trees_at_once_one_is_cosigned(town: Town) -> None:
    replies = await asyncio.gather(
        *(ask(town, 0, leaves(8, fork_at=i)) for i in range(8)), return_exceptions=False
    )
    assert sorted(reply.status for reply in replies) == [200] + [409] * 7


async def test_a_witness_remembers_after_a_restart(town: Town) -> None:
    assert (await ask(town, 0, leaves(8))).status == 200
    log = await signer(town)
    context = town.world.context
    restarted = Witness(context, FIRST, [log.verifier.vkey()])
    application = Starlette(routes=list(restarted.routes()))
    town.kernel.network.applications["http://again.test"] = application
    hashes = leaves(8, fork_at=1)
    text = note.Checkpoint(log.name, 8, merkle.root_of(hashes)).text()
    signed = note.Note(text, (note.sign_note(text, log),))
    reply = await town.kernel.network.send(
        "POST", "http://again.test/add-checkpoint", {}, witnessing.encode_request(0, (), signed)
    )
    assert (reply.status, reply.body) == (409, b"8\n")


def stand_in(town: Town, answer: Response | None) -> list[bytes]:
    """Put something else where the second witness answers; None: nothing answers."""
    asked: list[bytes] = []

    async def add_checkpoint(request: Request) -> Response:
        asked.append(await request.body())
        assert answer is not None
        return answer

    world = town.world.application
    broken = Starlette(routes=[Route("/{path:path}", add_checkpoint, methods=["POST"])])

    async def application(scope: dict[str, object], receive: object, send: object) -> None:
        is_second = str(scope["path"]).startswith(f"/{SECOND}/")
        if is_second and answer is None:
            raise ConnectionError("down")
        await (broken if is_second else world)(scope, receive, send)  # type: ignore[arg-type]  # ASGI

    town.kernel.network.applications["http://world.test"] = application
    return asked


ANSWERS: dict[str, Response | None] = {
    "down": None,
    "error": PlainTextResponse("oops", 500),
    "empty": PlainTextResponse(""),
    "no lines": PlainTextResponse("cosigned, believe me\n"),
    "forged": PlainTextResponse(f"— {SECOND} AAAAAAAAAAAAAAAAAAAAAAA=\n"),
    "many": PlainTextResponse("— a AAAAAAA=\n" * 1000),
    "not text": Response(b"\xff\xfe"),
    "no size": Response("eight\n", 409, media_type="text/x.tlog.size"),
    "rollback": Response("1000000\n", 409, media_type="text/x.tlog.size"),
    "fork": Response("0\n", 409, media_type="text/x.tlog.size"),
}


@pytest.mark.parametrize("how", ANSWERS)
async def test_a_witness_that_is_down_or_lies_is_missing_and_stops_nothing(
    town: Town, how: str
) -> None:
    stand_in(town, ANSWERS[how])
    await town.run()
    await town.evidence.catch_up()
    verdict = verify_bundle(await town.export(), await town.trust())
    assert [check.name for check in verdict.failures] == ["witnesses"]
    assert f"missing: {SECOND}" in verdict.failures[0].sentence
    one_is_enough = await town.kernel.database.run(
        lambda db: town.evidence.trust_anchors(db, witness_quorum=1)
    )
    assert verify_bundle(await town.export(), one_is_enough).ok


async def test_a_witness_that_returns_catches_up(town: Town) -> None:
    await town.run()
    await town.evidence.catch_up()
    stand_in(town, None)
    for _ in range(3):
        await town.run()
        await town.evidence.catch_up()
    town.kernel.network.applications["http://world.test"] = town.world.application
    await town.evidence.catch_up()
    verdict = verify_bundle(await town.export(), await town.trust())
    assert verdict.ok, verdict.failures


async def test_a_log_that_forgot_what_was_cosigned_asks_from_the_witnesses_size(town: Town) -> None:
    await town.run()
    await town.evidence.catch_up()
    await town.run()
    await town.kernel.database.run(lambda db: db.execute("DELETE FROM evidence.cosignatures"))
    await town.evidence.catch_up()
    assert verify_bundle(await town.export(), await town.trust()).ok


async def test_a_suspended_witness_is_not_asked(town: Town) -> None:
    await town.kernel.database.run(
        lambda db: town.directory.set_status(db, SECOND, Status.SUSPENDED, operator="op-1")
    )
    asked = stand_in(town, PlainTextResponse("", 500))
    await town.run()
    await town.evidence.catch_up()
    assert asked == []


async def test_the_worker_tries_a_missing_witness_again_later(town: Town) -> None:
    from lionrock.evidence.api import start

    asked = stand_in(town, PlainTextResponse("", 503))
    await town.run()
    await town.kernel.database.run(start)
    worker = town.worker()
    await worker.run_until_idle()
    assert len(asked) == 1
    town.kernel.wire_clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's clock
    await worker.run_until_idle()
    assert len(asked) == 2
    town.kernel.network.applications["http://world.test"] = town.world.application
    town.kernel.wire_clock.advance(seconds=60)  # type: ignore[attr-defined]  # the test's clock
    await worker.run_until_idle()
    assert verify_bundle(await town.export(), await town.trust()).ok

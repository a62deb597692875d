"""A refusal whose cause another party can mend, and fields that go with any answer."""

from __future__ import annotations

import httpx
from starlette.responses import Response

from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal, Refused
from lionrock.kernel.http import Call, Route, RouteTable, build_application, reply


class DemoRefusal(Refusal):
    """One refusal."""

    NOT_YET = "demo.not_yet"


ERRORS: ErrorTable = {DemoRefusal.NOT_YET: ErrorRow(409, "Not yet.")}


class Room:
    """What the steps work on: how often they ran, and how often mending was asked for."""

    def __init__(self, *, can_mend: bool, good_after: int) -> None:
        self.can_mend = can_mend
        self.good_after = good_after
        self.runs = 0
        self.asked = 0


async def save_row(call: Call[Room, None]) -> None:
    """Write something that a refusal must take back."""
    await call.db.execute(
        "INSERT INTO kernel.replays (key, slot, expires_at) VALUES ('\\x01', 0, '2030-01-01')"
    )


async def decide(call: Call[Room, None]) -> Response | Refused:
    """Refuse until it has run often enough."""
    call.room.runs += 1
    call.reply_headers["dpop-nonce"] = f"run-{call.room.runs}"
    is_good = call.room.runs > call.room.good_after
    return reply({"runs": call.room.runs}) if is_good else Refused(DemoRefusal.NOT_YET)


async def mend(call: Call[Room, None], _refused: Refused) -> bool:
    """Mend, or not; there is no transaction of the request's at this moment."""
    call.room.asked += 1
    await call.kernel.database.run(_nothing)
    return call.room.can_mend


async def _nothing(db: Connection) -> None:
    assert await db.fetchval("SELECT count(*) FROM kernel.replays") == 0


async def _answer(kernel: Kernel, room: Room) -> httpx.Response:
    table = RouteTable(pillar="demo", room=room, routes=(
        Route(method="POST", path="/demo", name="demo", summary="Demo.",
              steps=(save_row, decide), errors=ERRORS, mend=mend),
    ))  # fmt: skip
    transport = httpx.ASGITransport(build_application(kernel, [table]))
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as http:
        return await http.post("/demo")


async def test_mended_cause_lets_the_steps_run_once_more_in_a_transaction_of_their_own(
    kernel: Kernel,
) -> None:
    room = Room(can_mend=True, good_after=1)
    answer = await _answer(kernel, room)
    assert answer.status_code == 200
    assert (room.runs, room.asked) == (2, 1)
    assert answer.headers["dpop-nonce"] == "run-2"


async def test_what_stays_broken_is_refused_after_one_more_run(kernel: Kernel) -> None:
    room = Room(can_mend=True, good_after=9)
    assert (await _answer(kernel, room)).status_code == 409
    assert (room.runs, room.asked) == (2, 1)


async def test_what_cannot_be_mended_is_refused_at_once_with_its_fields(kernel: Kernel) -> None:
    room = Room(can_mend=False, good_after=9)
    answer = await _answer(kernel, room)
    assert answer.status_code == 409
    assert (room.runs, room.asked) == (1, 1)
    assert answer.headers["dpop-nonce"] == "run-1"


async def test_success_is_never_mended(kernel: Kernel) -> None:
    room = Room(can_mend=True, good_after=0)
    assert (await _answer(kernel, room)).status_code == 200
    assert room.asked == 0

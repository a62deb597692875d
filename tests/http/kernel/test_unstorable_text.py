"""Text that PostgreSQL cannot hold is the sender's mistake, not a bug of ours."""

from __future__ import annotations

import msgspec
import pytest
from starlette.responses import Response

from lionrock.kernel.context import Kernel
from lionrock.kernel.http import Call, Route, RouteTable, build_application, reply
from lionrock.kernel.network import Network


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


async def save_text(call: Call[None, Body]) -> None:
    await call.db.fetchval("SELECT $1::text", call.body.text)
    await call.db.fetchval("SELECT $1::jsonb ->> 'a'", {"a": call.body.text})


async def reply_text(call: Call[None, Body]) -> Response:
    return reply(call.body)


@pytest.mark.parametrize(("text", "status"), [("\\u0000", 400), ("a\\u0000b", 400), ("é", 200)])
async def test_a_nul_character_is_refused_and_not_a_server_error(
    kernel: Kernel, network: Network, text: str, status: int
) -> None:
    route = Route(
        method="POST", path="/text", name="text", summary="Text.", body=Body,
        steps=(save_text, reply_text), replies={200: Body},
    )  # fmt: skip
    table = RouteTable(pillar="demo", room=None, routes=(route,))
    network.applications["http://platform.test"] = build_application(kernel, [table])
    sent = await network.send(
        "POST", "http://platform.test/text", {"content-type": "application/json"},
        f'{{"text":"{text}"}}'.encode(),
    )  # fmt: skip
    assert sent.status == status, sent.body

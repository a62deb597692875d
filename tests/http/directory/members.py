"""A directory with one member, the application that serves it, and calls signed by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from lionrock.directory import api
from lionrock.directory.api import Directory, Organisation, Sender, SignedCall
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Application, Route, RouteTable, build_application, reply
from lionrock.kernel.http.table import Mode
from lionrock.kernel.jose import Key, generate_key

T = TypeVar("T")
PLATFORM = "http://platform.test"


class Member(msgspec.Struct):
    """An organisation of the directory together with its private key."""

    organisation: Organisation
    key: Key

    @property
    def sender(self) -> Sender:
        return Sender(self.organisation.id, self.key)


def organisation(name: str, *keys: Key, **changes: Any) -> Organisation:
    whole = Organisation(
        id=name, names={"en": name, "zh-Hant": "甲", "zh-Hans": "乙"},
        roles=frozenset({"participant"}), endpoints={"home": f"http://world.test/{name}"},
        keys=tuple(key.public_jwk for key in keys), simulated=True,
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


def good(result: T | Refused) -> T:
    assert not isinstance(result, Refused), result
    return result


async def run(
    kernel: Kernel, use_case: Callable[..., Awaitable[T]], *arguments: Any, **options: Any
) -> T:
    """Run one of the directory's use cases in a transaction of its own."""
    return await kernel.database.run(lambda db: use_case(db, *arguments, **options))


async def register(kernel: Kernel, name: str = "bank-harbour") -> Member:
    """Register an organisation with a new key."""
    key, directory = generate_key(), Directory(kernel)
    wanted = organisation(name, key)
    registered = good(await run(kernel, directory.register, wanted))
    return Member(registered, key)


class EchoReply(msgspec.Struct, frozen=True):
    caller: str
    covered: list[str]
    body: str


async def reply_echo(call: SignedCall[None, bytes]) -> Response:
    answer = reply(EchoReply(call.caller.id, list(call.signature.covered), call.body.decode()))
    return api.sign_reply(call, answer)


async def reply_nothing(call: SignedCall[None, bytes]) -> Refused:
    return Refused(api.DirectoryRefusal.ORGANISATION_SUSPENDED, "as a business refusal")


def application(kernel: Kernel) -> Application:
    """The directory's own rows, and three member-facing ones that echo or refuse."""

    def route(path: str, mode: Mode, last: Any = reply_echo, method: str = "POST") -> Route:
        return Route(
            method=method, path=path, name=f"{method}{path}", summary="Echo for tests.",
            steps=(api.check_signed_call, last), call=SignedCall, body_kind="raw",
            errors=api.SIGNED_CALL_ERRORS, mode=mode, query=None, replies={200: EchoReply},
        )  # fmt: skip

    echo = RouteTable(pillar="test", room=None, routes=(
        route("/echo", "transaction"), route("/beats", "beats"),
        route("/refuse", "transaction", reply_nothing),
        route("/echo", "transaction", method="GET"),
    ))  # fmt: skip
    return build_application(kernel, [api.table(Directory(kernel)), echo])

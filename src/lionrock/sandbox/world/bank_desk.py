"""What a further desk of a simulated bank is built with, and what it adds to the bank.

A family of features (lookups at the counter, payment links, ...) is a module of its own with a desk
in it; bank.py lists the desks in one table. A desk works with the bank's books and calls the
platform as the bank does.
Not for: the payments desk itself (bank_payments.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from starlette.requests import Request
from starlette.routing import BaseRoute

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Handler
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import Checked
from lionrock.payments.api import Header
from lionrock.sandbox.world.bank_payments import BankPayments
from lionrock.sandbox.world.frame import WorldContext

# (path, body, media type) -> the platform's answer to a call signed by the bank; None without one.
SignedPost = Callable[[str, bytes, str], Awaitable[Reply | None]]
# Whether the platform signed a request with this body; raises Unreachable.
SignatureCheck = Callable[[Request, bytes], Awaitable[Checked | Refused]]

# (method, path, body, media type) -> the same, for other methods.
SignedCallAs = Callable[[str, str, bytes, str], Awaitable[Reply | None]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BankParts:
    """A bank as its desks see it."""

    context: WorldContext
    bank_id: str
    clearing_code: str
    payments: BankPayments
    post: SignedPost
    call: SignedCallAs
    check: SignatureCheck


# (db, header, document): what a desk does with a message of the switch.
Take = Callable[[Connection, Header, Any], Awaitable[None]]


@runtime_checkable
class MessageDesk(Protocol):
    """A desk that also understands messages of the switch."""

    def takes(self) -> Mapping[type, Take]:
        """Its messages by kind of document."""
        ...

    def reports(self) -> Mapping[str, Take]:
        """The pacs.002 that are about its own messages, by definition of the original."""
        ...

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, each with what it does."""
        ...


class Desk(Protocol):
    """One more desk."""

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to the bank's address."""
        ...

    def jobs(self) -> Mapping[str, Handler]:
        """Its background work by queue; queue names begin with the bank's id."""
        ...

"""Registering and withdrawing proxies over HTTP, notices, and the list of high-risk proxies."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.payments.addressing.domain.entries import ProxyRegistration, Registered
from lionrock.payments.addressing.domain.kinds import Kind, mask_value
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.store.notices import NoticeContent


class RegistrationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proxy and the account of the participant's customer that it stands for.

    An empty `value` of kind fps_id asks for a new FPS id of `fps_id_digits`.
    """

    kind: Kind
    account_number: str
    account_name: str
    value: str = ""
    currencies: list[str] = msgspec.field(default_factory=lambda: ["HKD"])
    owner: str = ""
    replace: bool = True
    fps_id_digits: Literal[7, 9] = 9

    def registration(self) -> ProxyRegistration:
        """The same in the words of the service."""
        return ProxyRegistration(
            kind=self.kind, value=self.value, account_number=self.account_number,
            account_name=self.account_name, currencies=tuple(self.currencies), owner=self.owner,
            replace=self.replace, fps_id_digits=self.fps_id_digits,
        )


class RegistrationReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The registration that stands now; `value` is the FPS id that was given."""

    masked_proxy: str
    is_replacement: bool
    value: str = ""


class BatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """1 to 1,000 registrations."""

    registrations: list[RegistrationBody]


class BatchAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one registration of a batch: registered, or refused with a code."""

    is_registered: bool
    masked_proxy: str = ""
    is_replacement: bool = False
    value: str = ""
    code: str = ""
    detail: str = ""


class BatchReply(msgspec.Struct, frozen=True):
    """The answers in the order of the registrations."""

    registered: int
    answers: list[BatchAnswer]


class RemovalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proxy in any spelling; without currencies in all of them."""

    kind: Kind
    value: str
    currencies: list[str] = []


class ClosureBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account that is closed."""

    account_number: str


class ClosureReply(msgspec.Struct, frozen=True):
    """The proxies that no longer stand for the account, masked."""

    withdrawn: list[str]


class NoticeReply(msgspec.Struct, frozen=True):
    """One notice."""

    number: int
    topic: str
    reference: str
    content: NoticeContent
    recorded_at: str


class NoticesReply(msgspec.Struct, frozen=True):
    """Notices in order; ask again with `after` the last number."""

    notices: list[NoticeReply]


class HighRiskProxy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One proxy in any spelling."""

    kind: Kind
    value: str


class HighRiskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proxies that a source lists (or no longer lists) as high risk."""

    source: str
    proxies: list[HighRiskProxy]
    is_listed: bool = True


class HighRiskReply(msgspec.Struct, frozen=True):
    """How many changed."""

    changed: int


async def save_registration(call: SignedCall[Any, RegistrationBody]) -> Refused | Response:
    """Register; a registration that was there is replaced."""
    registered = await call.room.addressing.registry.register(
        call.db, call.caller.id, call.body.registration()
    )
    if isinstance(registered, Refused):
        return registered
    return reply(RegistrationReply(
        registered.masked_proxy, registered.is_replacement, registered.value
    ), 201)  # fmt: skip


async def save_batch(call: SignedCall[Any, BatchBody]) -> Refused | Response:
    """Register many; each is answered for itself."""
    answers = await call.room.addressing.registry.register_all(
        call.db, call.caller.id, [each.registration() for each in call.body.registrations]
    )
    if isinstance(answers, Refused):
        return answers
    shown = [_answer(each) for each in answers]
    return reply(BatchReply(sum(each.is_registered for each in shown), shown))


def _answer(answer: Registered | Refused) -> BatchAnswer:
    if isinstance(answer, Refused):
        return BatchAnswer(False, code=answer.refusal.value, detail=answer.detail)
    return BatchAnswer(True, answer.masked_proxy, answer.is_replacement, answer.value)


async def save_removal(call: SignedCall[Any, RemovalBody]) -> Refused | Response:
    """Withdraw the caller's own registration."""
    removed = await call.room.addressing.registry.remove(
        call.db, call.caller.id, call.body.kind, call.body.value, call.body.currencies
    )
    return removed if isinstance(removed, Refused) else Response(status_code=204)


async def save_closure(call: SignedCall[Any, ClosureBody]) -> Refused | Response:
    """Withdraw all proxies of an account of the caller's."""
    removed = await call.room.addressing.registry.close_account(
        call.db, call.caller.id, call.body.account_number
    )
    if isinstance(removed, Refused):
        return removed
    return reply(ClosureReply(sorted({mask_value(entry.address) for entry in removed})))


async def reply_notices(call: SignedCall[Any, None]) -> Refused | Response:
    """Answer with the caller's own notices after a number, at most 100."""
    after = call.query.get("after", "0")
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        return Refused(AddressingRefusal.COMPARISON_MALFORMED, "Expected a number.", "after")
    found = await call.room.addressing.notices.list(call.db, call.caller.id, int(after))
    return reply(NoticesReply([
        NoticeReply(n.number, n.topic, n.reference, n.content, n.recorded_at.isoformat())
        for n in found
    ]))  # fmt: skip


async def save_high_risk(call: SignedCall[Any, HighRiskBody]) -> Refused | Response:
    """List proxies as high risk, or take them off; for the operator."""
    body = call.body
    changed = await call.room.addressing.list_high_risk(
        call.db, call.caller.id, body.source,
        [(proxy.kind, proxy.value) for proxy in body.proxies], is_listed=body.is_listed,
    )
    return changed if isinstance(changed, Refused) else reply(HighRiskReply(changed))

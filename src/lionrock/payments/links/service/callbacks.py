"""Calling a link's result back to its payee: signed, again and again until it is taken.

The body has one `id` for ever, so that a payee acts once. Redirects are never followed; private
addresses are refused by the guarded client at each try, whatever the name resolves to by then.
After CALLBACK_TRIES_MAX tries, or at once for an address that may not be called, it is given up;
the payee can always read the link.
Source: RFC 9421, RFC 9530; OWASP SSRF prevention.
"""

from __future__ import annotations

import msgspec
import structlog

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Sender,
    organisation_key,
    send_signed,
)
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job
from lionrock.kernel.network import Unreachable, UnreachableReason
from lionrock.payments.links.domain.links import Link, result_of
from lionrock.payments.links.store import links as store
from lionrock.payments.service.core import Core

CALLBACK_TRIES_MAX = 12
CALLBACK_TIMEOUT_MS = 4_000
PAUSE_MS_FIRST = 1_000
PAUSE_MS_MAX = 3_600_000
_HOPELESS = frozenset({
    UnreachableReason.URL_REFUSED, UnreachableReason.PORT_REFUSED,
    UnreachableReason.ADDRESS_REFUSED,
})  # fmt: skip
_log = structlog.get_logger("lionrock.payments")


class Callbacks:
    """The job that calls results back."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def deliver(self, job: Job) -> Done | Again:
        """Send one result once; say whether to come again."""
        kernel = self._core.kernel

        async def load(db: Connection) -> tuple[Link, int] | None:
            link = await store.load_link(db, self._core.vault, job.key)
            assert link is not None, "links are never deleted"
            state, tries = await store.callback_of(db, job.key)
            return (link, tries) if state == "due" else None

        found = await kernel.database.read(load)
        if found is None:
            return Done()
        link, tries = found[0], found[1] + 1
        is_taken, is_hopeless = await self._send(link)
        is_over = is_hopeless or tries >= CALLBACK_TRIES_MAX
        state: store.CallbackState = "due"
        if is_taken or is_over:
            state = "delivered" if is_taken else "given_up"
        await kernel.database.run(lambda db: store.set_callback(db, link.id, state, tries))
        if state != "due":
            return Done()
        return Again(after_ms=min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 4 ** (tries - 1)))

    async def _send(self, link: Link) -> tuple[bool, bool]:
        kernel = self._core.kernel
        sender = Sender(PLATFORM_ORGANISATION, organisation_key(kernel, PLATFORM_ORGANISATION))
        try:
            exchange = await send_signed(
                kernel.network, kernel.wire_clock, sender, method="POST",
                url=link.draft.callback_url, body=msgspec.json.encode(result_of(link)),
                headers={"content-type": "application/json"}, timeout_ms=CALLBACK_TIMEOUT_MS,
            )
        except Unreachable as error:
            _log.info("link_callback_failed", link=link.id, reason=error.reason.value)
            return False, error.reason in _HOPELESS
        return 200 <= exchange.reply.status < 300, False

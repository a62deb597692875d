"""A bank that registers proxies: writes that the platform acknowledges one by one.

Each acknowledged one must be found afterwards, whatever was killed or full meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import msgspec

from lionrock.app.world import world_key_store
from lionrock.directory.api import Sender, send_signed
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.network import Network, Unreachable
from tests.crash.journey.harness import Watched

BANK = "bank-harbour"
ANSWER_KEPT = "acknowledged"


class Registering:
    """Registers one new e-mail proxy after another as a bank does, and remembers the answers."""

    def __init__(self, settings: Settings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._key = world_key_store(settings).get_or_create(BANK)
        self._numbers = itertools.count(1)
        self.kept = 0
        self.answers: Counter[str] = Counter()

    async def once(self) -> str:
        """Register one; returns ANSWER_KEPT, or status and code of what came instead."""
        value = f"customer-{next(self._numbers)}@example.hk"
        body = msgspec.json.encode({
            "kind": "email", "value": value, "account_number": "012345678901",
            "account_name": "A customer", "currencies": ["HKD"],
        })
        try:
            exchange = await send_signed(
                self._network, SystemWireClock(), Sender(BANK, self._key), method="POST",
                url=f"{self._settings.public_url}/payments/v1/proxies", body=body,
                headers={"content-type": "application/json"}, timeout_ms=60_000,
            )
        except Unreachable as error:
            answer = f"unreachable {error.reason.value}"
        else:
            status = exchange.reply.status
            answer = ANSWER_KEPT if status == 201 else f"{status} {code_of(exchange.reply.body)}"
        self.kept += answer == ANSWER_KEPT
        self.answers[answer] += 1
        return answer

    async def until_kept(self, count: int, tries_max: int = 400) -> None:
        """Go on until so many more are acknowledged."""
        wanted = self.kept + count
        for _ in range(tries_max):
            await self.once()
            if self.kept >= wanted:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"no more is acknowledged: {self.answers}")

    async def stored(self, platform: Watched) -> int:
        """How many the platform has."""
        return int(await platform.value(
            "SELECT count(*) FROM payments.proxy_entries WHERE kind = 'email'"
            " AND organisation_id = $1", BANK))


def code_of(body: bytes) -> str:
    """The stable code of a refusal."""
    try:
        return str(msgspec.json.decode(body).get("code", ""))
    except msgspec.DecodeError:
        return body[:80].decode(errors="replace")

"""A provider's questions to the platform: is this consent active, and whose is it.

Both are signed requests whose signed answers are bound to them, so that an old "active" cannot be
played again after a revocation. Source: RFC 9421 s2.4.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import msgspec

from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.leases import HeldLease
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.gateway.ports import MemberKeys
from lionrock.kernel.clock import WireClock, monotonic_ms
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key
from lionrock.kernel.network import Network, Unreachable
from lionrock.kernel.signatures import check_response, sign_request

HUB_TIMEOUT_MS = 2_000
T = TypeVar("T", StatusAnswer, OwnerAnswer)


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's word on a consent with the lease that counts from our question."""

    answer: StatusAnswer
    lease: HeldLease


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hub:
    """The platform's exchange as one member reaches it."""

    url: str
    hub_id: str
    member_id: str
    key: Key
    network: Network
    wire_clock: WireClock
    members: MemberKeys

    async def ask_status(self, consent_id: str) -> Leased | Refused:
        """Ask whether a consent is active; LEASE_UNAVAILABLE or LEASE_REFUSED."""
        asked_at_ms = monotonic_ms()
        answer = await self._ask(f"/exchange/v1/consents/{consent_id}/status", StatusAnswer)
        if isinstance(answer, Refused):
            return answer
        lease = HeldLease(asked_at_ms=asked_at_ms, lease_ms=answer.lease_ms)
        return Leased(answer=answer, lease=lease)

    async def ask_owner(self, consent_id: str) -> OwnerAnswer | Refused:
        """Ask who the owner of an active consent is to us."""
        return await self._ask(f"/exchange/v1/consents/{consent_id}/owner", OwnerAnswer)

    async def _ask(self, path: str, shape: type[T]) -> T | Refused:
        url = self.url + path
        headers = sign_request(
            method="GET", url=url, key=self.key, keyid=f"{self.member_id}#{self.key.kid}",
            now_s=self.wire_clock.now_s(),
        )  # fmt: skip
        try:
            keys = await self.members.keys(self.hub_id)
            reply = await self.network.send("GET", url, headers, timeout_ms=HUB_TIMEOUT_MS)
        except Unreachable as error:
            return Refused(ExchangeRefusal.LEASE_UNAVAILABLE, error.reason.value)
        named = {f"{self.hub_id}#{kid}": key for kid, key in keys.items()}
        if reply.status != 200:
            return Refused(ExchangeRefusal.LEASE_REFUSED, f"status {reply.status}")
        checked = check_response(
            status=reply.status, headers=reply.headers, body=reply.body,
            request_headers=headers, key_of=named.get, now_s=self.wire_clock.now_s(),
        )  # fmt: skip
        if isinstance(checked, Refused):
            return Refused(ExchangeRefusal.LEASE_REFUSED, checked.refusal.value)
        try:
            return msgspec.json.decode(reply.body, type=shape)
        except msgspec.DecodeError as error:
            return Refused(ExchangeRefusal.LEASE_REFUSED, str(error)[:200])

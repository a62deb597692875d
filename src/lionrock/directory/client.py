"""The member's side of signed calls: sign and send, check the answer, look keys up from outside.

Used by pillars that call members (they have the callee's `Organisation`) and by the simulated
world's parties, which know the platform's address only. Not for: storing anything.
Source: RFC 9421, RFC 9530.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lionrock.directory.domain import Organisation, check_organisation, is_slug, keyid
from lionrock.kernel.clock import WireClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key
from lionrock.kernel.network import TIMEOUT_MS, Network, Reply, Unreachable, UnreachableReason
from lionrock.kernel.signatures import Checked, check_response, sign_request

CACHE_S_MAX = 30
CACHED_MAX = 1_000


class Sender(msgspec.Struct, frozen=True):
    """Who signs: an organisation and its private key."""

    organisation_id: str
    key: Key

    @property
    def keyid(self) -> str:
        """The keyid that goes into its signatures."""
        return keyid(self.organisation_id, self.key.kid)


class SignedExchange(msgspec.Struct, frozen=True):
    """A sent request's headers and the answer to it, whose signature nobody checked yet."""

    request_headers: dict[str, str]
    reply: Reply


async def send_signed(
    network: Network,
    wire_clock: WireClock,
    sender: Sender,
    *,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout_ms: int = TIMEOUT_MS,
) -> SignedExchange:
    """Sign a request and send it; raises Unreachable. `headers` needs content-type with a body."""
    signed = sign_request(
        method=method, url=url, headers=headers, body=body, key=sender.key, keyid=sender.keyid,
        now_s=wire_clock.now_s(),
    )  # fmt: skip
    reply = await network.send(method, url, signed, body, timeout_ms=timeout_ms)
    return SignedExchange(signed, reply)


def check_signed_reply(
    exchange: SignedExchange, signer: Organisation, wire_clock: WireClock
) -> Checked | Refused:
    """Check that `signer` signed this answer to this request; outcomes: SignatureRefusal."""
    return check_response(
        status=exchange.reply.status,
        headers=exchange.reply.headers,
        body=exchange.reply.body,
        request_headers=exchange.request_headers,
        key_of=signer.key_of,
        now_s=wire_clock.now_s(),
    )


class RemoteDirectory:
    """Reads organisations from a city's directory over HTTP, remembering them for 30 s at most."""

    def __init__(self, network: Network, platform_url: str, wire_clock: WireClock) -> None:
        self._network = network
        self._platform_url = platform_url.rstrip("/")
        self._wire_clock = wire_clock
        self._cached: dict[str, tuple[int, Organisation]] = {}

    async def get(self, organisation_id: str) -> Organisation | None:
        """Return an organisation, None when the directory has none; raises Unreachable."""
        if not is_slug(organisation_id):
            return None
        now_s = self._wire_clock.now_s()
        cached = self._cached.get(organisation_id)
        if cached is not None and now_s - cached[0] < CACHE_S_MAX:
            return cached[1]
        url = f"{self._platform_url}/directory/v1/organisations/{organisation_id}"
        reply = await self._network.send("GET", url)
        if reply.status == 404:
            return None
        organisation = _read(reply)
        if organisation.id != organisation_id:
            raise Unreachable(UnreachableReason.BROKEN_OFF, "the directory answered for another")
        if len(self._cached) >= CACHED_MAX:
            self._cached.clear()
        self._cached[organisation_id] = (now_s, organisation)
        return organisation

    def forget(self) -> None:
        """Read everything anew: after a signature by an unknown key, which may be a new one."""
        self._cached.clear()


def _read(reply: Reply) -> Organisation:
    try:
        raw: dict[str, Any] = msgspec.json.decode(reply.body, type=dict[str, Any])
        organisation = msgspec.convert(raw, Organisation)
    except msgspec.MsgspecError as error:
        raise Unreachable(UnreachableReason.BROKEN_OFF, f"directory: {reply.status}") from error
    if reply.status != 200 or isinstance(check_organisation(organisation), Refused):
        raise Unreachable(UnreachableReason.BROKEN_OFF, f"directory: {reply.status}")
    return organisation

"""A gateway's signed answers, and the last look at the lease before the first byte."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lionrock.exchange.domain.leases import HeldLease
from lionrock.kernel.clock import WireClock, monotonic_ms
from lionrock.kernel.jose import Key
from lionrock.kernel.signatures import sign_response


class Signer:
    """Signs a provider's responses, each bound to its request (RFC 9421 s2.4)."""

    def __init__(self, member_id: str, key: Key, wire_clock: WireClock) -> None:
        self._keyid = f"{member_id}#{key.kid}"
        self._key = key
        self._wire_clock = wire_clock

    def sign(self, response: Response, request_headers: Headers) -> Response:
        """Add the signature headers; a request without signature gets an unsigned response."""
        if "signature" not in request_headers:
            return response
        given = {name: value for name, value in response.headers.items()
                 if name != "content-length"}
        signed = sign_response(
            status=response.status_code, headers=given, body=bytes(response.body),
            request_headers=request_headers, key=self._key, keyid=self._keyid,
            now_s=self._wire_clock.now_s(),
        )  # fmt: skip
        response.headers.update(signed)
        return response


class LeasedResponse(Response):
    """A response that begins only while its lease lasts; otherwise another goes in its place.

    The look is taken where the server asks for the first byte, not where the answer was made:
    between the two the owner may have revoked.
    """

    def __init__(
        self, content: bytes, *, lease: HeldLease, withheld: Callable[[], Awaitable[Response]]
    ) -> None:
        super().__init__(
            content, media_type="application/json", headers={"cache-control": "no-store"}
        )
        self._lease = lease
        self._withheld = withheld

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or the refusal when the lease has run out."""
        if self._lease.covers(monotonic_ms()):
            await super().__call__(scope, receive, send)
            return
        refusal = await self._withheld()
        await refusal(scope, receive, send)

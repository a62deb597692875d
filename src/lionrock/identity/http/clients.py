"""What every back-channel endpoint of the server begins with: who is the client, may it do this."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.resource import request_url
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call


class ClientForm(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of private_key_jwt that every such form has (RFC 7523 s2.2)."""

    client_assertion: str | None = None
    client_assertion_type: str | None = None
    client_id: str | None = None


class ClientCall(Call[Identity, Any]):
    """A request of an authenticated client; `body` is a form that holds the ClientForm fields."""

    client: Client


async def check_client(call: ClientCall) -> Refused | None:
    """Authenticate the client by private_key_jwt; the assertion is used up (RFC 7523 s3)."""
    client = await call.room.clients.authenticate(
        call.db, assertion=call.body.client_assertion,
        assertion_type=call.body.client_assertion_type, client_id=call.body.client_id,
    )  # fmt: skip
    if isinstance(client, Refused):
        return client
    call.client = client
    return None


def endpoint_url(call: ClientCall) -> str:
    """The address that a DPoP proof of this request must name (RFC 9449 s4.3)."""
    return request_url(call, call.room.issuer)

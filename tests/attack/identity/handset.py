"""A device's calls, made by hand so that each part can be wrong."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.identity.api import ANSWER_TYPE, Approval
from lionrock.kernel.jose import Key, sign_jws
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import sign_request
from tests.http.identity.city import ISSUER, City

LIST = "/identity/v1/device/approvals"


async def device(city: City, persona: str = "ada") -> tuple[Key, str]:
    """The persona's key and device id."""
    return await city.phone._device(persona)


async def call(
    city: City,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    persona: str = "ada",
    key: Key | None = None,
    keyid: str | None = None,
    offset_s: int = 0,
    signed_url: str | None = None,
) -> Reply:
    """A signed call of the persona's phone."""
    own, device_id = await device(city, persona)
    headers = sign_request(
        method=method, url=signed_url or f"{ISSUER}{path}", body=body, key=key or own,
        keyid=keyid or device_id, now_s=city.kernel.wire_clock.now_s() + offset_s,
        headers={"content-type": "application/json"} if body else None,
    )  # fmt: skip
    return await city.kernel.network.send(method, f"{ISSUER}{path}", headers, body)


async def answer(
    city: City,
    approval: Approval,
    *,
    persona: str = "ada",
    key: Key | None = None,
    typ: str = ANSWER_TYPE,
    approval_id: str | None = None,
    **changes: Any,
) -> Reply:
    """An answer of the persona's phone, approving unless told otherwise."""
    own, _ = await device(city, persona)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    } | changes  # fmt: skip
    body = {"answer": sign_jws(key or own, claims, typ=typ)}
    path = f"{LIST}/{approval_id or approval.id}/answer"
    return await call(city, "POST", path, msgspec.json.encode(body), persona=persona)


def code_of(reply: Reply) -> str:
    """The stable code of a refusal."""
    return str(msgspec.json.decode(reply.body)["code"])

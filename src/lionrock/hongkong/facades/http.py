"""What the rows of both wires share: the steps of a signed call, its envelope, and its fields.

One rule for every POST: signed, its nonce used once, its body encrypted (getKey and revokeKey: no
body), its answer's content encrypted with the same key. Refusals are envelopes too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from lionrock.hongkong.facades.domain import (
    IV_BYTES,
    SignedHeaders,
    Wire,
    read_headers,
    seal_content,
)
from lionrock.hongkong.facades.errors import FACADE_ERRORS, FacadeRefusal
from lionrock.hongkong.facades.room import Facades
from lionrock.hongkong.facades.service.gate import Known
from lionrock.hongkong.facades.service.tokens import Bearer
from lionrock.kernel import secrets
from lionrock.kernel.errors import KERNEL_ERRORS, Refused
from lionrock.kernel.http import Call, Route, reply

F = TypeVar("F", bound=msgspec.Struct)
BODY_BYTES_MAX = 64 * 1024
CLAUSE = "docs/facades.md"
Act = Callable[["SignedCall"], Awaitable[Any]]


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every answer; `content` is encrypted but in the answers to getKey and to refusals."""

    txID: str  # noqa: N815 - the wire's own name
    code: str
    msg: str = ""
    content: Any = None


class SignedCall(Call[Facades, bytes]):
    """A signed call on its way."""

    wire: Wire
    known: Known
    fields: dict[str, Any]
    cek: bytes


class BearerFields(msgspec.Struct, frozen=True):
    """What each call with a token has."""

    accessToken: str  # noqa: N815 - the wire's own name
    openID: str  # noqa: N815 - the wire's own name


def convert(fields: dict[str, Any], kind: type[F]) -> F | Refused:
    """Read the fields of a call; HKICHash is refused wherever it stands; REQUEST.

    Who demands requireAuthProof is not left to believe that the answer has one.
    """
    if "HKICHash" in fields:
        return Refused(FacadeRefusal.IDENTITY_HASH, field="HKICHash")
    if fields.get("requireAuthProof", False) is not False:
        return Refused(FacadeRefusal.REQUEST, "None is made here.", "requireAuthProof")
    try:
        return msgspec.convert(fields, kind, strict=True)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        return Refused(FacadeRefusal.REQUEST, text, path.strip("`."))


async def load_bearer(call: SignedCall, scope: str) -> Bearer | Refused:
    """Check the token of a call, its openID and its scope."""
    fields = convert(call.fields, BearerFields)
    if isinstance(fields, Refused):
        return fields
    return await call.room.tokens.bearer(
        call.db, call.known, call.wire, fields.accessToken, fields.openID, scope
    )


def kept(refused: Refused) -> Refused:
    """A refusal after the nonce was used: it stays used."""
    return msgspec.structs.replace(refused, keep=True)


def signed_row(
    wire: Wire, path: str, name: str, summary: str, act: Act, *, is_plain: bool = False
) -> Route:
    """Return a POST row: signature, nonce, decryption, then `act`, whose value is the content.

    `is_plain`: no body and no encryption (getKey, revokeKey).
    """

    async def check_signature(call: SignedCall) -> Refused | None:
        call.wire = wire
        headers = read_headers(call.request.headers)
        if isinstance(headers, Refused):
            return headers
        return await _check(call, headers)

    async def load_fields(call: SignedCall) -> Refused | None:
        if is_plain:
            is_empty = not call.raw_body
            return None if is_empty else kept(Refused(FacadeRefusal.REQUEST, "It has no body."))
        opened = await call.room.gate.open_body(call.db, call.known, wire, call.raw_body)
        if isinstance(opened, Refused):
            return kept(opened)
        call.fields, call.cek = opened
        return None

    async def reply_content(call: SignedCall) -> Response | Refused:
        content = await act(call)
        if isinstance(content, Refused):
            return kept(content)
        if not is_plain:
            plaintext = msgspec.json.encode(content)
            content = seal_content(call.cek, secrets.octets(IV_BYTES), plaintext)
        answer = Envelope(call.request_id, wire.success, "", content)
        return reply(answer, headers={"cache-control": "no-store"})

    return Route(
        method="POST", path=f"{wire.prefix}{path}", name=f"{wire.name}_{name}", summary=summary,
        steps=(check_signature, load_fields, reply_content), call=SignedCall, body_kind="raw",
        body_bytes_max=BODY_BYTES_MAX, replies={200: Envelope}, errors=FACADE_ERRORS,
        clause=CLAUSE, query=(), render_refusal=enveloped(wire),
    )  # fmt: skip


async def _check(call: SignedCall, headers: SignedHeaders) -> Refused | None:
    known = await call.room.gate.known(call.db, headers.client_id)
    if isinstance(known, Refused):
        return known
    call.known = known
    return await call.room.gate.check(call.db, known, headers, call.raw_body)


def enveloped(wire: Wire) -> Callable[[Any, Refused, str], Response]:
    """Return how refusals of a wire look: its code, and a sentence that says what to do."""

    def render(call: Any, refused: Refused, step: str) -> Response:
        row = FACADE_ERRORS.get(refused.refusal)
        code = wire.letter + (row.oauth if row is not None else "20000")
        shown = row or KERNEL_ERRORS[refused.refusal]
        text = f"{shown.title} {refused.field} {refused.detail}"
        answer = Envelope(call.request_id, code, " ".join(text.split()))
        return reply(answer, status=shown.status, headers={"cache-control": "no-store"})

    return render


async def get_key(call: SignedCall) -> dict[str, Any]:
    """Give the content key, wrapped."""
    return await call.room.gate.issue_key(call.db, call.known, call.wire)


async def revoke_key(call: SignedCall) -> None:
    """Forget the content key."""
    await call.room.gate.revoke_key(call.db, call.known, call.wire)


class CodeFields(msgspec.Struct, frozen=True):
    """What getToken has."""

    code: str
    grantType: str  # noqa: N815 - the wire's own name


async def get_token(call: SignedCall) -> dict[str, Any] | Refused:
    """Exchange a code for a token."""
    fields = convert(call.fields, CodeFields)
    if isinstance(fields, Refused):
        return fields
    if fields.grantType != "authorization_code":
        return Refused(FacadeRefusal.REQUEST, "It is authorization_code.", "grantType")
    return await call.room.tokens.redeem(call.db, call.known, call.wire, fields.code)


def common_rows(wire: Wire) -> tuple[Route, ...]:
    """Return the rows that both wires have under the same names."""
    return (
        signed_row(wire, "/security/getKey", "get_key", "The content key, wrapped", get_key,
                   is_plain=True),
        signed_row(wire, "/security/revokeKey", "revoke_key", "Forget the content key",
                   revoke_key, is_plain=True),
        signed_row(wire, "/auth/getToken", "get_token", "A code to a token", get_token),
    )  # fmt: skip

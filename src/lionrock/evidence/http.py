"""The log over HTTP for everybody, receipts for the members who issue them.

The log's part follows C2SP tlog-tiles and is public: it holds salted hashes. Receipts and their
salts go to their issuer only, over a signed call; another's receipt is simply not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SIGNED_CALL_ERRORS, SignedCall, check_signed_call
from lionrock.evidence.domain.note import encode_base64
from lionrock.evidence.domain.receipt import RECEIPT_CHARACTERS_MAX
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.evidence.service import Evidence
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply

_R = EvidenceRefusal
ERRORS: ErrorTable = {
    _R.RECEIPT_TOO_LARGE: ErrorRow(413, "The receipt is larger than is taken. State less in it."),
    _R.RECEIPT_MALFORMED: ErrorRow(
        400, "That is no receipt: a compact JWS over canonical JSON.", "RFC 7515 s3.1, RFC 8785"
    ),
    _R.RECEIPT_SIGNATURE: ErrorRow(
        400, "The receipt's signature does not hold. Sign it with ES256, typ receipt+jwt.",
        "RFC 7515 s5.2",
    ),
    _R.RECEIPT_FIELD: ErrorRow(400, "A field of the receipt is not as expected."),
    _R.RECEIPT_ISSUER: ErrorRow(
        403, "The receipt names another issuer than you. Send your own receipts."
    ),
    _R.RECEIPT_KEY_UNKNOWN: ErrorRow(
        400, "You have no active key of that kid in the directory.", "RFC 7515 s4.1.4"
    ),
    _R.RECEIPT_FUTURE: ErrorRow(400, "The receipt is dated in the future. Check your clock."),
    _R.RECEIPT_CONFLICT: ErrorRow(
        409, "Another receipt has this id. A receipt never changes: make one with a new id."
    ),
    _R.RECEIPT_NOT_FOUND: ErrorRow(404, "You have no receipt of that id here."),
    _R.NOTHING_LOGGED: ErrorRow(404, "The log is empty. Come back after the first receipt."),
    _R.TILE_NOT_FOUND: ErrorRow(
        404, "The log has no such tile. Derive the path from a checkpoint.", "C2SP tlog-tiles"
    ),
    _R.NOT_INTEGRATED: ErrorRow(
        409, "A receipt is not in the log yet, usually for under a second. Try again shortly."
    ),
    _R.NO_RECEIPTS: ErrorRow(404, "There are no receipts about that."),
    _R.ARTEFACT_NOT_COVERED: ErrorRow(
        409, "No receipt states the digest of this document. Leave it out."
    ),
    _R.ARTEFACT_FIELD: ErrorRow(400, "Name documents in lower case, with their media type."),
    _R.BUNDLE_TOO_LARGE: ErrorRow(
        413, "The bundle would be larger than a verifier takes. Ask for less."
    ),
}  # fmt: skip
_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
_FRESH = {"cache-control": "public, max-age=1"}


class ReceiptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt as its issuer signed it (compact JWS)."""

    receipt: str


class AcceptedReply(msgspec.Struct, frozen=True):
    """The receipt is kept and will be in the log."""

    id: str


class ReceiptReply(msgspec.Struct, frozen=True):
    """A receipt, the salt (base64) of its entry, and its proof; "" until it is in the log."""

    id: str
    issuer: str
    receipt: str
    salt: str
    proof: str


class AcceptCall(SignedCall[Evidence, ReceiptBody]):
    """A member sends a receipt."""


class ReceiptCall(SignedCall[Evidence, None]):
    """A member reads back a receipt of its own."""


async def reply_checkpoint(call: Call[Evidence, None]) -> Response | Refused:
    """Answer with the newest checkpoint (C2SP tlog-tiles, Checkpoints)."""
    text = await call.room.checkpoint(call.db)
    if isinstance(text, Refused):
        return text
    return Response(text, media_type="text/plain", headers=_FRESH)


async def reply_tile(call: Call[Evidence, None]) -> Response | Refused:
    """Answer with a tile or an entry bundle (C2SP tlog-tiles, Merkle Tree, Log entries)."""
    content = await call.room.tile(call.db, call.path_params["tile_path"])
    if isinstance(content, Refused):
        return content
    return Response(content, media_type="application/octet-stream", headers=_IMMUTABLE)


async def save_receipt(call: AcceptCall) -> Response | Refused:
    """Check the receipt against the caller's directory key and keep it."""
    accepted = await call.room.accept(call.db, call.body.receipt, call.caller.id)
    if isinstance(accepted, Refused):
        return accepted
    return reply(AcceptedReply(accepted), status=202)


async def reply_receipt(call: ReceiptCall) -> Response | Refused:
    """Answer with the caller's own receipt and its proof."""
    proven = await call.room.receipt(call.db, call.path_params["receipt_id"], call.caller.id)
    if isinstance(proven, Refused):
        return proven
    return reply(
        ReceiptReply(
            id=proven.id, issuer=proven.issuer, receipt=proven.jws,
            salt=encode_base64(proven.salt), proof=proven.proof,
        )
    )


def table(room: Evidence) -> RouteTable:
    """The rows of evidence."""
    signed: Mapping[str, Any] = {"errors": {**SIGNED_CALL_ERRORS, **ERRORS}, "scope": "signed"}
    public: Mapping[str, Any] = {"errors": ERRORS, "scope": "public"}
    base = "/evidence/v1"
    return RouteTable(pillar="evidence", room=room, routes=(
        Route(
            method="GET", path=f"{base}/checkpoint", name="get_checkpoint",
            summary="Read the log's newest signed tree head with its witnesses' cosignatures.",
            steps=(reply_checkpoint,), replies={200: None}, reply_media_type="text/plain",
            clause="C2SP tlog-checkpoint", **public,
        ),
        Route(
            method="GET", path=f"{base}/tile/{{tile_path:path}}", name="get_tile",
            summary="Read a tile of the log's Merkle tree, or a bundle of its entries.",
            steps=(reply_tile,), replies={200: None},
            reply_media_type="application/octet-stream", clause="C2SP tlog-tiles", **public,
        ),
        Route(
            method="POST", path=f"{base}/receipts", name="send_receipt",
            summary="Send a receipt that you have signed; it will be in the log.",
            steps=(check_signed_call, save_receipt), call=AcceptCall, body=ReceiptBody,
            body_bytes_max=RECEIPT_CHARACTERS_MAX + 1024, replies={202: AcceptedReply},
            clause="RFC 7515", **signed,
        ),
        Route(
            method="GET", path=f"{base}/receipts/{{receipt_id}}", name="get_receipt",
            summary="Read back a receipt of your own with its salt and its proof.",
            steps=(check_signed_call, reply_receipt), call=ReceiptCall,
            replies={200: ReceiptReply}, clause="C2SP tlog-proof", **signed,
        ),
    ))  # fmt: skip

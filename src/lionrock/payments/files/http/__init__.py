"""The endpoints of batch files: open, send parts, complete, read progress and answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import SIGNED_CALL_ERRORS, check_signed_call
from lionrock.kernel.http import Route
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.files.domain.values import PART_BYTES_MAX
from lionrock.payments.files.errors import ERRORS
from lionrock.payments.files.http import files
from lionrock.payments.http.errors import ERRORS as PAYMENT_ERRORS
from lionrock.payments.http.messages import load_participant

_MEMBER: Mapping[str, Any] = {
    "errors": {
        **SIGNED_CALL_ERRORS, **ERRORS,
        PaymentRefusal.NOT_A_PARTICIPANT: PAYMENT_ERRORS[PaymentRefusal.NOT_A_PARTICIPANT],
    },
    "scope": "member",
    "clause": "RFC 9421",
}
_FIRST = (check_signed_call, load_participant)
# One more than a part may have, so that a larger one is refused in this room's words.
_BODY_BYTES_MAX = PART_BYTES_MAX + 1


def routes() -> tuple[Route, ...]:
    """The rows of batch files."""
    return (
        Route(
            method="POST", path="/payments/v1/files", name="open_payment_file",
            summary="Open a batch file (pain.001, pain.008): its name, size, parts and SHA-256.",
            steps=(*_FIRST, files.save_file), call=files.OpenCall, body=files.OpenBody,
            replies={200: files.FileReply, 201: files.FileReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/files", name="list_payment_files",
            summary="List one's batch files, newest first.",
            steps=(*_FIRST, files.reply_files), call=files.FileCall,
            replies={200: files.FilesReply}, **_MEMBER,
        ),
        Route(
            method="PUT", path="/payments/v1/files/{file_id}/parts/{number}",
            name="put_payment_file_part", summary="Send one part of a batch file.",
            steps=(*_FIRST, files.save_part), call=files.FileCall, body_kind="raw",
            body_bytes_max=_BODY_BYTES_MAX, replies={204: None}, **_MEMBER,
        ),
        Route(
            method="POST", path="/payments/v1/files/{file_id}/completion",
            name="complete_payment_file", summary="Say that all parts were sent.",
            steps=(*_FIRST, files.save_completion), call=files.FileCall,
            replies={202: files.FileReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/files/{file_id}", name="payment_file",
            summary="Read how a batch file stands: state, counts, refusal.",
            steps=(*_FIRST, files.reply_file), call=files.FileCall,
            replies={200: files.FileReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/files/{file_id}/entries",
            name="payment_file_entries", summary="Read how the entries of a batch file stand.",
            steps=(*_FIRST, files.reply_entries), call=files.FileCall, query=("after",),
            replies={200: files.EntriesReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/files/{file_id}/answer/{number}",
            name="payment_file_answer", summary="Read a part of the answer (pain.002).",
            steps=(*_FIRST, files.reply_answer), call=files.FileCall, replies={200: None},
            reply_media_type="application/xml", **_MEMBER,
        ),
    )

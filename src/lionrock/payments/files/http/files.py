"""Batch files over HTTP, signed by participants."""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.money import format_minor
from lionrock.payments.files.domain.values import BatchFile, EntryState
from lionrock.payments.files.errors import FileRefusal
from lionrock.payments.files.service.intake import FileOpening
from lionrock.payments.http.messages import ParticipantCall
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,5})")


class OpenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file will be; `name` is its sender's own, `sha256` of all its bytes in order."""

    name: str
    definition: str
    byte_count: int
    part_count: int
    sha256: str


class FileReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a file stands; `refusal` and `detail` say why one was refused as a whole."""

    id: str
    name: str
    definition: str
    state: str
    byte_count: int
    part_count: int
    sha256: str
    refusal: str
    detail: str
    message_id: str
    entry_count: int
    control_sum: str
    begun_count: int
    settled_count: int
    rejected_count: int
    answer_parts: int
    answer_sha256: str


class FilesReply(msgspec.Struct, frozen=True):
    """One's files, newest first."""

    files: list[FileReply]


class EntriesReply(msgspec.Struct, frozen=True):
    """Entries in order; `after` asks for the next, if not null."""

    entries: list[EntryState]
    after: int | None


class OpenCall(SignedCall[Payments, OpenBody]):
    """A new file."""

    participant: Participant


class FileCall(ParticipantCall):
    """A call about one file, or all of one's own."""


async def save_file(call: OpenCall) -> Refused | Response:
    """Open the file; 200 where it was opened before."""
    body = call.body
    opened = await call.room.files.intake.open(call.db, call.participant, FileOpening(
        name=body.name, definition=body.definition, byte_count=body.byte_count,
        part_count=body.part_count, sha256=body.sha256,
    ))
    if isinstance(opened, Refused):
        return opened
    return sign_reply(call, reply(_reply_of(opened.file), 200 if opened.is_repeat else 201))


async def save_part(call: FileCall) -> Refused | Response:
    """Take a part."""
    assert call.participant is not None, "an earlier step loaded it"
    number = call.path_params["number"]
    if not _NUMBER.fullmatch(number):
        return Refused(FileRefusal.PART_UNKNOWN)
    refused = await call.room.files.intake.put_part(
        call.db, call.participant, call.path_params["file_id"], int(number), call.raw_body
    )
    return refused if refused is not None else sign_reply(call, Response(status_code=204))


async def save_completion(call: FileCall) -> Refused | Response:
    """Have the file checked."""
    assert call.participant is not None, "an earlier step loaded it"
    file = await call.room.files.intake.complete(
        call.db, call.participant, call.path_params["file_id"]
    )
    return file if isinstance(file, Refused) else sign_reply(call, reply(_reply_of(file), 202))


async def reply_files(call: FileCall) -> Response:
    """Answer with all files of the caller's."""
    assert call.participant is not None, "an earlier step loaded it"
    found = await call.room.files.list_files(call.db, call.participant)
    return sign_reply(call, reply(FilesReply([_reply_of(each) for each in found])))


async def reply_file(call: FileCall) -> Refused | Response:
    """Answer with one file."""
    assert call.participant is not None, "an earlier step loaded it"
    file = await call.room.files.intake.own(
        call.db, call.participant, call.path_params["file_id"]
    )
    return file if isinstance(file, Refused) else sign_reply(call, reply(_reply_of(file)))


async def reply_entries(call: FileCall) -> Refused | Response:
    """Answer with the next entries after a number."""
    assert call.participant is not None, "an earlier step loaded it"
    after = call.query.get("after", "0")
    if not _NUMBER.fullmatch(after):
        return Refused(FileRefusal.FILE_MALFORMED, "Expected a number.", field="after")
    found = await call.room.files.entries(
        call.db, call.participant, call.path_params["file_id"], int(after)
    )
    if isinstance(found, Refused):
        return found
    return sign_reply(call, reply(EntriesReply(found, found[-1].number if found else None)))


async def reply_answer(call: FileCall) -> Refused | Response:
    """Answer with a part of the answer, numbered from 0."""
    assert call.participant is not None, "an earlier step loaded it"
    number = call.path_params["number"]
    if not _NUMBER.fullmatch(number):
        return Refused(FileRefusal.ANSWER_NOT_READY)
    found = await call.room.files.answer_part(
        call.db, call.participant, call.path_params["file_id"], int(number)
    )
    if isinstance(found, Refused):
        return found
    return sign_reply(call, Response(found, media_type="application/xml"))


def _reply_of(file: BatchFile) -> FileReply:
    return FileReply(
        id=file.id, name=file.name, definition=file.definition, state=file.state,
        byte_count=file.byte_count, part_count=file.part_count, sha256=file.digest.hex(),
        refusal=file.refusal, detail=file.detail, message_id=file.message_id,
        entry_count=file.entry_count, control_sum=format_minor(file.control_sum, "HKD"),
        begun_count=file.begun_count, settled_count=file.settled_count,
        rejected_count=file.rejected_count, answer_parts=file.answer_parts,
        answer_sha256=file.answer_digest.hex() if file.answer_digest else "",
    )

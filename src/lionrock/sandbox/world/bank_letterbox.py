"""Where a simulated bank and the switch exchange messages: one by one, or many in a bundle.

    POST /payments/v1/messages           one message of the switch, signed (RFC 9421)
    POST /payments/v1/message-bundles    many, with an answer to each (payments' domain/bundles.py)

What the bank's outbox holds at one moment goes to the switch the same way. Each message of a bundle
is taken, refused or put off by itself, as if it had come alone.
Not for: what a message does (bank_payments.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done, Handler, Job, Together
from lionrock.kernel.network import Unreachable
from lionrock.kernel.signatures import Checked
from lionrock.payments.api import (
    BUNDLE_BYTES_MAX,
    BUNDLE_TYPE,
    BUNDLES_PATH,
    MEDIA_TYPE,
    MESSAGE_BYTES_MAX,
    MESSAGES_PATH,
    SWITCH_MEMBER,
    CreditTransfer,
    Envelope,
    MessageReject,
    Told,
    envelope_schema,
    read_answers,
    read_bundle,
    read_envelope,
    split_bundles,
    write_answers,
    write_bundle,
)
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.bank_magic import Behaviour, behaviour_of
from lionrock.sandbox.world.pages import read_within

RETRY_MS_FIRST = 200
RETRY_MS_MAX = 10_000
# What the switch says to a message that it will not take, however often it comes.
REFUSED_FOR_GOOD = frozenset({400, 409, 422})


class Letterbox:
    """The letterbox of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._books = parts.payments.books
        self._database = parts.context.database

    def routes(self) -> Sequence[BaseRoute]:
        """Its two slots."""
        return (
            Route(MESSAGES_PATH, self._take_message, methods=["POST"]),
            Route(BUNDLES_PATH, self._take_bundle, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, Handler]:
        """Sending what is in the outbox."""
        return {self._books.outbox_queue: Together(self._send_all, self._send)}

    async def _take_message(self, request: Request) -> Response:
        """Take a message of the switch: signature, shape, addresses, then the books."""
        opened = await self._open(request, MESSAGE_BYTES_MAX)
        if isinstance(opened, Response):
            return opened
        body, checked = opened
        envelope = self._read(body)
        if isinstance(envelope, str):
            return problem(envelope, 400)

        async def use_case(db: Connection) -> int:
            if not await self._is_new(db, checked):
                return 401
            return await self._take(db, envelope)

        return Response(status_code=await self._database.run(use_case))

    async def _take_bundle(self, request: Request) -> Response:
        """Take many: one signature and one nonce, then each message for itself."""
        opened = await self._open(request, BUNDLE_BYTES_MAX)
        if isinstance(opened, Response):
            return opened
        body, checked = opened
        contents = read_bundle(body)
        if isinstance(contents, Refused):
            return problem(contents.refusal.value, 400)
        if not await self._database.run(lambda db: self._is_new(db, checked)):
            return Response(status_code=401)
        told = [await self._take_one(content) for content in contents]
        return Response(write_answers(told), media_type=BUNDLE_TYPE)

    async def _take_one(self, content: bytes) -> Told:
        envelope = self._read(content)
        if isinstance(envelope, str):
            return Told(400, bytes(problem(envelope, 400).body))
        return Told(await self._database.run(lambda db: self._take(db, envelope)))

    async def _open(self, request: Request, bytes_max: int) -> tuple[bytes, Checked] | Response:
        body = await read_within(request, bytes_max)
        if body is None:
            return problem("message_too_large", 413)
        try:
            checked = await self._parts.check(request, body)
        except Unreachable as error:
            return problem("directory_unreachable", 503, error.reason.value)
        if isinstance(checked, Refused):
            return problem(checked.refusal.value, 401)
        return body, checked

    async def _is_new(self, db: Connection, checked: Checked) -> bool:
        realm = f"payments/{self._parts.bank_id}"
        return await replay.remember(db, realm, checked.nonce, checked.remember_until)

    def _read(self, content: bytes) -> Envelope | str:
        """Read a message; a code says why it is refused."""
        envelope = read_envelope(content, envelope_schema())
        if isinstance(envelope, Refused):
            return str(envelope.refusal.value)
        header = envelope.header
        if (header.from_member, header.to_member) != (SWITCH_MEMBER, self._parts.clearing_code):
            return "wrong_address"
        return envelope

    async def _take(self, db: Connection, envelope: Envelope) -> int:
        if await self._is_busy(db, envelope):
            return 503
        await self._parts.payments.take(db, envelope)
        return 202

    async def _is_busy(self, db: Connection, envelope: Envelope) -> bool:
        document = envelope.document
        if not isinstance(document, CreditTransfer):
            return False
        if behaviour_of(document.amount.amount_minor) is not Behaviour.BUSY_ONCE:
            return False
        return await self._books.is_first(db, f"busy/{document.uetr}")

    async def _send(self, job: Job) -> Done | Again:
        """Send a message until the switch takes it or says that it never will."""
        found = await self._database.run(lambda db: self._books.outbox(db, job.key))
        if found is None:
            return Done()
        content = found.content.encode()
        reply = await self._parts.post(MESSAGES_PATH, content, MEDIA_TYPE)
        return await self._ended(
            job, content, Told(reply.status, reply.body) if reply else Told(503)
        )

    async def _send_all(self, jobs: Sequence[Job]) -> list[Done | Again]:
        """Send what is due at one moment in one exchange; what is not answered so goes alone."""
        if len(jobs) == 1:
            return [await self._send(jobs[0])]
        contents = {job.key: await self._content(job) for job in jobs}
        there = [job for job in jobs if contents[job.key]]
        outcomes: dict[str, Done | Again] = {job.key: Done() for job in jobs}
        for part in split_bundles([contents[job.key] for job in there]):
            some = there[part.start : part.stop]
            body = write_bundle([contents[job.key] for job in some])
            reply = await self._parts.post(BUNDLES_PATH, body, BUNDLE_TYPE)
            told = None
            if reply is not None and reply.status == 200:
                told = read_answers(reply.body, len(some))
            for number, job in enumerate(some):
                outcomes[job.key] = (
                    await self._send(job) if told is None
                    else await self._ended(job, contents[job.key], told[number])
                )
        return [outcomes[job.key] for job in jobs]

    async def _content(self, job: Job) -> bytes:
        found = await self._database.run(lambda db: self._books.outbox(db, job.key))
        return found.content.encode() if found is not None else b""

    async def _ended(self, job: Job, content: bytes, told: Told) -> Done | Again:
        """How a message's job ends with what the switch answered."""
        if told.status >= 500 or told.status == 429:
            return later(job)
        if told.status in REFUSED_FOR_GOOD:
            await self._give_back(content, told.content)
        is_taken = 200 <= told.status < 300
        await self._books.mark_outgoing(job.key, "taken" if is_taken else "refused")
        return Done()

    async def _give_back(self, content: bytes, answer: bytes) -> None:
        """A transfer that the switch refuses as it stands was never taken: the customer hears why.

        Other refusals (of a signature, of the bank itself) say nothing of an earlier try.
        """
        sent = read_envelope(content, envelope_schema())
        said = read_envelope(answer, envelope_schema())
        if isinstance(sent, Refused) or isinstance(said, Refused):
            return
        transfer, reject = sent.document, said.document
        if isinstance(transfer, CreditTransfer) and isinstance(reject, MessageReject):
            await self._database.run(
                lambda db: self._parts.payments.take_refusal(db, transfer.uetr, reject.reason)
            )


def later(job: Job) -> Again:
    """Try again, more slowly each time."""
    return Again(after_ms=min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** min(job.attempt - 1, 10)))


def problem(code: str, status: int, detail: str = "") -> Response:
    """A simulated bank's refusal."""
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

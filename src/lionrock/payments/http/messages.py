"""POST /payments/v1/messages: one ISO 20022 message a request, signed; and bundles of them.

Taken: 202, empty, signed by the switch. Refused: admi.002 in the same envelope, signed too where
the request was. The outcome of a payment never comes in this reply; it is pushed as pacs.002.
A bundle (domain/bundles.py) has one signature, and an answer for each message, in 200.
Source: RFC 9421, RFC 9530 (signatures), ISO 20022 admi.002.001.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.responses import Response

from lionrock.directory.api import SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.http.callers import (
    BelievedCall,
    ask_as_believed,
    nonce_of,
)
from lionrock.payments.domain.bundles import (
    BUNDLE_TYPE,
    TAKEN,
    UNDECIDED,
    Told,
    read_bundle,
    write_answers,
)
from lionrock.payments.domain.iso20022 import (
    Envelope,
    Header,
    MessageReject,
    reference_of,
    write_envelope,
)
from lionrock.payments.domain.orders import is_identifier, shown
from lionrock.payments.domain.payments import SWITCH_MEMBER
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http.errors import ERRORS
from lionrock.payments.service.brought import Brought
from lionrock.payments.service.courier import MEDIA_TYPE
from lionrock.payments.service.inbox import Taken
from lionrock.payments.service.intake import FALLEN, Answered, Answers, Delivery
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant

# Above the limit of messages, so that one that is too large is answered as a message too.
BODY_BYTES_MAX = 64 * 1024
DESCRIPTION_LENGTH_MAX = 350
MEMBER_UNKNOWN = "UNKNOWN"


class ParticipantCall(SignedCall[Payments, None]):
    """A call by a participant."""

    participant: Participant | None = None


class MessageCall(BelievedCall[None]):
    """A call that brings a message."""

    participant: Participant | None = None
    envelope: Envelope


class BundleCall(MessageCall):
    """A call that brings many."""

    contents: list[bytes]


async def load_sender(call: MessageCall) -> None:
    """Name the sender, to whom refusals are addressed from here on (admi.002)."""
    call.participant = call.known.participant


async def load_participant(call: ParticipantCall) -> Refused | None:
    """Only organisations of role participant that are enrolled may call."""
    found = await call.room.participant(call.db, call.caller.id)
    if found is None or ROLE not in call.caller.roles:
        return Refused(PaymentRefusal.NOT_A_PARTICIPANT)
    call.participant = found
    return None


async def check_media_type(call: MessageCall) -> Refused | None:
    """Messages are application/xml (RFC 7303 s4.1); a charset other than UTF-8 is refused."""
    media_type, _, parameters = call.request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() == MEDIA_TYPE and charset in {"", "charset=utf-8"}:
        return None
    return await _kept(call, Refused(PaymentRefusal.MEDIA_TYPE_WRONG))


async def load_message(call: MessageCall) -> Refused | None:
    """Read the message: well-formed, without dangerous markup, valid, header and document agree."""
    envelope = call.room.inbox.read(call.raw_body)
    if isinstance(envelope, Refused):
        return await _kept(call, envelope)
    call.envelope = envelope
    return None


async def save_message(call: MessageCall) -> Refused | Response:
    """Keep the message and act on it once."""
    assert call.participant is not None, "an earlier step loaded it"
    taken = await _brought(call, call.envelope)
    if isinstance(taken, Refused):
        return taken
    return sign_reply(call, Response(status_code=202))


async def _kept(call: MessageCall, refused: Refused) -> Refused:
    answer = await _brought(call, refused)
    assert isinstance(answer, Refused), "it is refused, or its nonce was"
    return answer


async def _brought(call: MessageCall, envelope: Envelope | Refused) -> Taken | Refused:
    """Have a message, or one that cannot be read, taken with others; answered after the commit."""
    assert call.participant is not None, "an earlier step loaded it"
    answers = await _deliver(call, [Brought(call.participant, envelope, call.raw_body)])
    if isinstance(answers, Refused):
        return answers
    [answer] = answers
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _deliver(call: MessageCall, brought: Sequence[Brought]) -> Answers | Refused:
    """Have what came under one signature taken with others; answered after the commit.

    A caller that is no longer what it was when its signature was checked is checked anew.
    """
    delivery = Delivery(brought, nonce_of(call), (call.caller.id, call.signature.key.kid))
    answers: Answered = await ask_as_believed(
        call, partial(call.room.intake.take, delivery), lambda answers: answers == FALLEN
    )
    assert answers != FALLEN, "that is refused"
    return answers


async def check_bundle_type(call: BundleCall) -> Refused | None:
    """A bundle says that it is one: its bytes could be taken for nothing else (RFC 9110 s8.3)."""
    if call.request.headers.get("content-type", "").strip().lower() == BUNDLE_TYPE:
        return None
    return Refused(PaymentRefusal.BUNDLE_TYPE_WRONG)


async def load_bundle(call: BundleCall) -> Refused | None:
    """Take the frames apart; a bundle that is none is refused whole, and nothing of it is kept."""
    contents = read_bundle(call.raw_body)
    if isinstance(contents, Refused):
        return contents
    call.contents = contents
    return None


async def save_bundle(call: BundleCall) -> Refused | Response:
    """Keep each message and act on it once; each is answered for itself, in the bundle's order."""
    assert call.participant is not None, "an earlier step loaded it"
    sender, read = call.participant, call.room.inbox.read
    brought = [Brought(sender, read(content), content) for content in call.contents]
    answers = await _deliver(call, brought)
    if isinstance(answers, Refused):
        return answers
    told = [
        _told(call, each, answer, number)
        for number, (each, answer) in enumerate(zip(brought, answers, strict=True))
    ]
    return sign_reply(call, Response(write_answers(told), media_type=BUNDLE_TYPE))


def _told(
    call: BundleCall, each: Brought, answer: Taken | Refused | Exception, number: int
) -> Told:
    """What a message is answered; one that made the database fail is to come again, alone."""
    if isinstance(answer, Exception):
        return Told(UNDECIDED)
    if isinstance(answer, Taken):
        return Told(TAKEN)
    step = "load_message" if isinstance(each.envelope, Refused) else "save_message"
    refusal = _rejection(call, answer, step, each.raw, number)
    assert refusal is not None, "messages are refused in payments' own words"
    return refusal


def render_message_refusal(call: MessageCall, refused: Refused, step: str) -> Response | None:
    """Dress a refusal as admi.002, with the stable code as reason; None for the kernel's own."""
    told = _rejection(call, refused, step, call.raw_body)
    if told is None:
        return None
    response = Response(told.content, status_code=told.status, media_type=MEDIA_TYPE)
    if refused.retry_after_s:
        response.headers["retry-after"] = str(refused.retry_after_s)
    # Bound to the request's signature, so only where that one held.
    is_signed = getattr(call, "caller", None) is not None
    return sign_reply(call, response) if is_signed else response


def _rejection(
    call: MessageCall, refused: Refused, step: str, raw: bytes, number: int = 0
) -> Told | None:
    """The admi.002 about a message, with its status; `number`: which of its bundle it is."""
    row = ERRORS.get(refused.refusal)
    if row is None:
        return None
    now = call.kernel.business_clock.now()
    sender = call.participant.clearing_code if call.participant else MEMBER_UNKNOWN
    code = refused.refusal.value
    assert is_identifier(code), f"{code} does not fit RjctgPtyRsn"
    source = f"[{', '.join(filter(None, (step, row.clause)))}]"
    description = " ".join(filter(None, (row.title, refused.detail, source)))
    message_id = call.request_id.rpartition("_")[2]
    header = Header(
        from_member=SWITCH_MEMBER, to_member=sender, created_at=now,
        # Of a bundle's refusals each is a message of its own.
        message_id=f"{message_id}-{number}" if number else message_id,
    )
    reject = MessageReject(
        related_reference=reference_of(raw), reason=code, rejected_at=now,
        description=shown(description, DESCRIPTION_LENGTH_MAX),
        location=shown(refused.field, DESCRIPTION_LENGTH_MAX),
    )
    return Told(row.status, write_envelope(Envelope(header, reject)))

"""POST /payments/v1/messages: one ISO 20022 message a request, signed.

Taken: 202, empty, signed by the switch. Refused: admi.002 in the same envelope, signed too where
the request was. The outcome of a payment never comes in this reply; it is pushed as pacs.002.
Source: RFC 9421, RFC 9530 (signatures), ISO 20022 admi.002.001.01.
"""

from __future__ import annotations

from starlette.responses import Response

from lionrock.directory.api import (
    REPLAY_REALM,
    ClaimedCall,
    SignedCall,
    parse_keyid,
    sign_reply,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.replay import value_of
from lionrock.kernel.signatures import signature_keyid
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
from lionrock.payments.service.inbox import Taken
from lionrock.payments.service.intake import Brought
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.payments import Payments
from lionrock.payments.service.post import MEDIA_TYPE
from lionrock.payments.store.members import Participant

# Above the limit of messages, so that one that is too large is answered as a message too.
BODY_BYTES_MAX = 64 * 1024
DESCRIPTION_LENGTH_MAX = 350
MEMBER_UNKNOWN = "UNKNOWN"


class ParticipantCall(SignedCall[Payments, None]):
    """A call by a participant."""

    participant: Participant | None = None


class MessageCall(ParticipantCall, ClaimedCall[Payments, None]):
    """A call that brings a message."""

    enrolled: Participant | None = None
    envelope: Envelope


async def load_caller(call: MessageCall) -> Refused | None:
    """Read who says to call and its participation, in one round with others."""
    claimed = signature_keyid(call.request.headers)
    if isinstance(claimed, Refused):
        return claimed
    named = parse_keyid(claimed)
    call.claimed, call.enrolled = await call.room.intake.caller(named[0] if named else "")
    return None


async def check_participant(call: MessageCall) -> Refused | None:
    """Only organisations of role participant that are enrolled may send."""
    if call.enrolled is None or ROLE not in call.caller.roles:
        return Refused(PaymentRefusal.NOT_A_PARTICIPANT)
    call.participant = call.enrolled
    return None


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
    signature = call.signature
    nonce = value_of(
        REPLAY_REALM, f"{signature.keyid}\n{signature.nonce}", signature.remember_until
    )
    return await call.room.intake.take(
        Brought(call.participant, envelope, call.raw_body, nonce)
    )


def render_message_refusal(call: MessageCall, refused: Refused, step: str) -> Response | None:
    """Dress a refusal as admi.002, with the stable code as reason; None for the kernel's own."""
    row = ERRORS.get(refused.refusal)
    if row is None:
        return None
    now = call.kernel.business_clock.now()
    sender = call.participant.clearing_code if call.participant else MEMBER_UNKNOWN
    code = refused.refusal.value
    assert is_identifier(code), f"{code} does not fit RjctgPtyRsn"
    source = f"[{', '.join(filter(None, (step, row.clause)))}]"
    description = " ".join(filter(None, (row.title, refused.detail, source)))
    header = Header(
        from_member=SWITCH_MEMBER, to_member=sender,
        message_id=call.request_id.rpartition("_")[2], created_at=now,
    )
    reject = MessageReject(
        related_reference=reference_of(call.raw_body), reason=code, rejected_at=now,
        description=shown(description, DESCRIPTION_LENGTH_MAX),
        location=shown(refused.field, DESCRIPTION_LENGTH_MAX),
    )
    response = Response(
        write_envelope(Envelope(header, reject)), status_code=row.status, media_type=MEDIA_TYPE
    )
    if refused.retry_after_s:
        response.headers["retry-after"] = str(refused.retry_after_s)
    # Bound to the request's signature, so only where that one held.
    is_signed = getattr(call, "caller", None) is not None
    return sign_reply(call, response) if is_signed else response

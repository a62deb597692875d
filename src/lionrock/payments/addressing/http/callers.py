"""The steps of calls whose caller is believed to be what it was when it was last answered.

A call is checked by what is remembered and then done by a statement that says whether the caller is
that still; if not ("fallen") it is checked anew, once. Nobody is refused by what is remembered.
Whoever may not act any more may still be told that what it sent is no call, which changes nothing.
Source: RFC 9421 s3.2 (signatures).
"""

from __future__ import annotations

from typing import Any, TypeVar

from lionrock.directory.api import (
    REPLAY_REALM,
    ClaimedCall,
    SignedCall,
    check_claimed_signature,
    parse_keyid,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.replay import Value, value_of
from lionrock.kernel.signatures import signature_keyid
from lionrock.payments.addressing.service.callers import ROLE, Caller, Callers
from lionrock.payments.domain.refusals import PaymentRefusal

BodyT = TypeVar("BodyT")


class BelievedCall(ClaimedCall[Any, BodyT]):
    """A call whose caller may be believed to be what it was when it was last answered."""

    organisation_id: str
    is_believed: bool
    known: Caller


async def load_caller(call: BelievedCall[Any]) -> Refused | None:
    """Find who says to call: as remembered from when it last called, else read with others."""
    claimed = signature_keyid(call.fields)
    if isinstance(claimed, Refused):
        return claimed
    named = parse_keyid(claimed)
    call.organisation_id = named[0] if named else ""
    believed = _callers(call).believed(call.organisation_id)
    call.is_believed = believed is not None
    if believed is None:
        await _load_anew(call)
    else:
        _set(call, believed)
    return None


async def check_caller_signature(call: BelievedCall[Any]) -> Refused | None:
    """Check the signature (RFC 9421 s3.2); nobody is refused by what is remembered of him."""
    refused = await check_claimed_signature(call)
    if refused is None or not call.is_believed:
        return refused
    await _load_anew(call)
    return await check_claimed_signature(call)


async def check_participant(call: BelievedCall[Any]) -> Refused | None:
    """Only organisations of role participant that are enrolled may call."""
    if call.known.participant is not None and ROLE in call.caller.roles:
        return None
    return Refused(PaymentRefusal.NOT_A_PARTICIPANT)


async def check_enrolled(call: SignedCall[Any, Any]) -> Refused | None:
    """The same for a call that was checked as it came."""
    is_one = ROLE in call.caller.roles
    if is_one and await _callers(call).is_participant(call.caller.id):
        return None
    return Refused(PaymentRefusal.NOT_A_PARTICIPANT)


async def check_anew(call: BelievedCall[Any]) -> Refused | None:
    """Check a caller that is not any more what it was when its signature was checked."""
    await _load_anew(call)
    return await check_claimed_signature(call) or await check_participant(call)


def hear(call: BelievedCall[Any], *, is_fallen: bool) -> None:
    """Remember of a caller whether it could act."""
    # One that was believed is remembered already, or was read anew by another call.
    if is_fallen or not call.is_believed:
        _callers(call).hear(call.organisation_id, call.known, is_fallen=is_fallen)


def nonce_of(call: SignedCall[Any, Any]) -> Value:
    """What is remembered of a signature, so that it is answered once."""
    signature = call.signature
    return value_of(
        REPLAY_REALM, f"{signature.keyid}\n{signature.nonce}", signature.remember_until
    )


async def _load_anew(call: BelievedCall[Any]) -> None:
    _set(call, await _callers(call).load(call.organisation_id))
    call.is_believed = False


def _set(call: BelievedCall[Any], known: Caller) -> None:
    call.known, call.claimed = known, known.organisation


def _callers(call: SignedCall[Any, Any]) -> Callers:
    found: Callers = call.room.addressing.callers
    return found

"""The steps of calls whose caller is believed to be what it was when it was last answered.

A call is checked by what is remembered and then done by a statement that says whether the caller is
that still; if not ("fallen") it is checked anew, once. Nobody is refused by what is remembered.
Whoever may not act any more may still be told that what it sent is no call, which changes nothing.
Source: RFC 9421 s3.2 (signatures).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from lionrock.kernel.signatures import SignatureRefusal, signature_keyid
from lionrock.payments.addressing.service.callers import Caller, Callers
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.participants import ROLE

BodyT = TypeVar("BodyT")
T = TypeVar("T")


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
    """Only enrolled organisations of role participant may call; for `check_signed_call`."""
    known = await _callers(call).load(call.caller.id)
    if known.participant is not None and ROLE in call.caller.roles:
        return None
    return Refused(PaymentRefusal.NOT_A_PARTICIPANT)


async def ask_as_believed(
    call: BelievedCall[Any], ask: Callable[[], Awaitable[T]], is_fallen: Callable[[T], bool]
) -> T | Refused:
    """Have done what is asked, by what says whether the caller has fallen; then it is checked anew.

    Refused: as that check says; KEY_UNKNOWN for one that has fallen twice while it asked.
    """
    answered = await ask()
    if is_fallen(answered):
        _callers(call).forget(call.organisation_id, call.known)
        await _load_anew(call)
        refused = await check_claimed_signature(call) or await check_participant(call)
        if refused is not None:
            return refused
        answered = await ask()
        if is_fallen(answered):
            return Refused(SignatureRefusal.KEY_UNKNOWN)
    # One that was believed is remembered already, or was read anew by another call.
    if not call.is_believed:
        _callers(call).remember(call.organisation_id, call.known)
    return answered


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

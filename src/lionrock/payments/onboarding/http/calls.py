"""Whose call it is: a candidate's, by the keys of its application or, later, of the directory.

An application itself is signed by one of the keys in it, so that who asks is seen to hold it. A
suspended organisation may call here, and only here: it must be able to test before it returns.
Source: RFC 9421 s3.2, s7.2.2.
"""

from __future__ import annotations

from typing import Any

from lionrock.directory.api import (
    REPLAY_REALM,
    Organisation,
    SignedCall,
    check_call_signature,
    parse_keyid,
)
from lionrock.kernel import replay
from lionrock.kernel.errors import Refused
from lionrock.kernel.signatures import SignatureRefusal, signature_keyid
from lionrock.payments.onboarding.domain.application import Application, check_key, public_jwk
from lionrock.payments.onboarding.domain.candidates import Candidate
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.service.payments import Payments


class ApplyCall(SignedCall[Payments, Application]):
    """A call that brings an application."""


class CandidateCall(SignedCall[Payments, Any]):
    """A call of a candidate about its own application."""

    candidate: Candidate

    @property
    def signed_kid(self) -> str:
        """The name of the key that signed."""
        return self.signature.keyid.partition("#")[2]


async def check_applicant(call: ApplyCall) -> Refused | None:
    """Check that the application is signed by one of its own keys (RFC 9421 s3.2)."""
    application = call.body
    for jwk in application.keys:
        key = check_key(jwk)
        if isinstance(key, Refused):
            return key
    organisation = Organisation(
        id=application.organisation_id, names={}, roles=frozenset(),
        keys=tuple(map(public_jwk, application.keys)),
    )
    return await _check_signed(call, organisation)


async def check_candidate(call: CandidateCall) -> Refused | None:
    """Check that one of the candidate's keys in force signed; another's application is unknown."""
    claimed = signature_keyid(call.request.headers)
    if isinstance(claimed, Refused):
        return claimed
    onboarding, named = call.room.onboarding.applications, parse_keyid(claimed)
    candidate_id, candidate = call.path_params["candidate_id"], None
    if named is not None:
        asked = await call.room.onboarding.candidate(call.db, candidate_id)
        # An application that has ended can still be read: its words say why.
        is_own = isinstance(asked, Candidate) and asked.organisation_id == named[0]
        candidate = asked if is_own else await onboarding.of_organisation(call.db, named[0])
    assert not isinstance(candidate, Refused), "only the candidate's own is taken"
    organisation = await onboarding.organisation(call.db, candidate) if candidate else None
    refused = await _check_signed(call, organisation)
    if refused is not None:
        return refused
    assert candidate is not None, "a key of it was found"
    if candidate_id != candidate.id:
        return Refused(OnboardingRefusal.UNKNOWN)
    call.candidate = candidate
    return None


async def load_held_candidate(call: CandidateCall) -> Refused | None:
    """Hold the application's row, so that deeds about it come one after the other."""
    held = await call.room.onboarding.candidate(call.db, call.candidate.id, is_locking=True)
    if isinstance(held, Refused):
        return held
    call.candidate = held
    return None


async def _check_signed(
    call: SignedCall[Payments, Any], organisation: Organisation | None
) -> Refused | None:
    checked = check_call_signature(call, organisation)
    if isinstance(checked, Refused):
        return checked
    assert organisation is not None, "the key was found in it"
    if not await replay.remember(
        call.db, REPLAY_REALM, f"{checked.keyid}\n{checked.nonce}", checked.remember_until
    ):
        return Refused(SignatureRefusal.REPLAYED)
    call.caller, call.signature = organisation, checked
    return None

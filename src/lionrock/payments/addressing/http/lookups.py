"""Looking up over HTTP: whose proxy is it, and is this the payee that the payer means?

A look-up is signed, cheap, and answered together with others (service/lookups.py), so its row has
no transaction: the steps below are those of a signed call, each for many at once. Identity card
numbers have their own row, with a transaction and a receipt.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import (
    REPLAY_REALM,
    ClaimedCall,
    SignedCall,
    parse_keyid,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.replay import value_of
from lionrock.kernel.signatures import SignatureRefusal, signature_keyid
from lionrock.payments.addressing.domain.answers import Found, FoundEntry, answer_of, is_payer
from lionrock.payments.addressing.domain.kinds import Address, Kind, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.payees import Payee
from lionrock.payments.domain.refusals import PaymentRefusal

ROLE = "participant"


class LookupBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proxy in any spelling. `payer` names the participant's customer who is about to pay, best
    by the account number that will be debited; `currency` asks for that account alone."""

    kind: Kind
    value: str
    currency: str = ""
    payer: str = ""


class IdentityLookupBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identity card number with its check digit, and the institution that pays."""

    value: str
    institution: str
    currency: str = ""


class LookupCall(ClaimedCall[Any, LookupBody]):
    """A look-up on its way: who says to call, the proxy, what is registered."""

    address: Address | Refused
    there: list[FoundEntry]
    found: Found | None = None


class IdentityLookupCall(SignedCall[Any, IdentityLookupBody]):
    """An institution that asks by an identity number."""


class PayeeCall(SignedCall[Any, Payee]):
    """A bank that asks whether a name and an account belong together."""


async def load_caller_and_registration(call: LookupCall) -> Refused | None:
    """Read who says to call and what is registered, in one round with others.

    Before the signature is checked, which nothing but a refusal can come before; for an identity
    card number nothing is read.
    """
    claimed = signature_keyid(call.request.headers)
    if isinstance(claimed, Refused):
        return claimed
    named = parse_keyid(claimed)
    call.address = normal_proxy(call.body.kind, call.body.value)
    is_read = isinstance(call.address, Address) and call.address.kind != "hkid"
    call.claimed, call.there = await call.room.addressing.lookups.read(
        named[0] if named else "", call.address if is_read else None
    )
    return None


async def check_participant(call: LookupCall) -> Refused | None:
    """Only organisations of role participant that are enrolled may ask."""
    is_one = ROLE in call.caller.roles
    if is_one and await call.room.addressing.lookups.is_participant(call.caller.id):
        return None
    return Refused(PaymentRefusal.NOT_A_PARTICIPANT)


async def check_question(call: LookupCall) -> Refused | None:
    """The proxy is one, and none that is an identity card number; the payer can be named so."""
    if call.body.kind == "hkid":
        return Refused(AddressingRefusal.IDENTITY_NOT_LOOKED_UP, field="kind")
    if not is_payer(call.body.payer):
        return Refused(AddressingRefusal.PAYER_MALFORMED, field="payer")
    if isinstance(call.address, Refused):
        return call.address
    call.found = answer_of(call.there, call.body.currency)
    return None


async def save_question(call: LookupCall) -> Refused | None:
    """Remember the nonce and take the price, found or not, before anything is told."""
    signature = call.signature
    nonce = value_of(
        REPLAY_REALM, f"{signature.keyid}\n{signature.nonce}", signature.remember_until
    )
    why_not = await call.room.addressing.lookups.admit(
        call.caller.id, call.body.payer, is_found=call.found is not None, nonce=nonce
    )
    if why_not == "replayed":
        return Refused(SignatureRefusal.REPLAYED)
    return Refused(AddressingRefusal.LOOKUPS_EXHAUSTED) if why_not else None


async def reply_registration(call: LookupCall) -> Refused | Response:
    """Answer with bank and masked name; PROXY_NOT_FOUND, which was paid for as well."""
    return reply(call.found) if call.found else Refused(AddressingRefusal.PROXY_NOT_FOUND)


async def reply_identity(call: IdentityLookupCall) -> Refused | Response:
    """Look an identity card number up for an institution's payment; leaves a receipt."""
    body = call.body
    found = await call.room.addressing.lookups.identify(
        call.db, call.caller.id, value=body.value, institution=body.institution,
        currency=body.currency,
    )
    return found if isinstance(found, Refused) else reply(found)


async def reply_verified(call: PayeeCall) -> Refused | Response:
    """Compare name and account; match, close_match, no_match or cannot_tell."""
    verified = await call.room.addressing.payees.verify(call.caller.id, call.body)
    return verified if isinstance(verified, Refused) else reply(verified)

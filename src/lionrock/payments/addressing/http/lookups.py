"""Looking up over HTTP: whose proxy is it, and is this the payee that the payer means?

A look-up is signed, cheap, and answered together with others (service/lookups.py), so its row has
no transaction: its caller is believed (callers.py). Identity card numbers have their own row, with
a transaction and a receipt.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.signatures import SignatureRefusal
from lionrock.payments.addressing.domain.answers import Found, LookedUp, answer_of, is_payer
from lionrock.payments.addressing.domain.kinds import Address, Kind, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.http.callers import BelievedCall, ask_as_believed, nonce_of
from lionrock.payments.addressing.service.lookups import Lookups
from lionrock.payments.addressing.service.payees import Payee

WHY_NOT: dict[str, Refused] = {
    "forgotten": Refused(
        SignatureRefusal.CREATED_TOO_OLD,
        "It was signed before the database was started anew, and may have been answered then.",
    ),
    "replayed": Refused(SignatureRefusal.REPLAYED),
    "exhausted": Refused(AddressingRefusal.LOOKUPS_EXHAUSTED),
}


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


class LookupCall(BelievedCall[LookupBody]):
    """A look-up on its way: who says to call, the proxy, what is registered."""

    address: Address
    found: Found | None = None


class IdentityLookupCall(SignedCall[Any, IdentityLookupBody]):
    """An institution that asks by an identity number."""


class PayeeCall(SignedCall[Any, Payee]):
    """A bank that asks whether a name and an account belong together."""


async def check_question(call: LookupCall) -> Refused | None:
    """The proxy is one, and none that is an identity card number; the payer can be named so."""
    if call.body.kind == "hkid":
        return Refused(AddressingRefusal.IDENTITY_NOT_LOOKED_UP, field="kind")
    if not is_payer(call.body.payer):
        return Refused(AddressingRefusal.PAYER_MALFORMED, field="payer")
    address = normal_proxy(call.body.kind, call.body.value)
    if isinstance(address, Refused):
        return address
    call.address = address
    return None


async def save_question(call: LookupCall) -> Refused | None:
    """Remember the nonce and take the price, found or not, before anything is told.

    A caller that is no longer what it was when its signature was checked is checked anew.
    """
    answered = await ask_as_believed(
        call, partial(_ask, call), lambda answered: answered.why == "fallen"
    )
    if isinstance(answered, Refused):
        return answered
    if answered.why:
        return WHY_NOT[answered.why]
    call.found = answer_of(answered.there, call.body.currency)
    return None


async def _ask(call: LookupCall) -> LookedUp:
    lookups: Lookups = call.room.addressing.lookups
    return await lookups.ask(
        call.caller.id, call.signature.key.kid, call.address, currency=call.body.currency,
        payer=call.body.payer, nonce=nonce_of(call),
        made_at=datetime.fromtimestamp(call.signature.created_s, UTC),
    )


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

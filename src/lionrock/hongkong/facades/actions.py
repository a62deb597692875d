"""The actions that both wires ask of a person, under their wire's names."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lionrock.hongkong.facades.domain import LANGUAGES, SIGN_ALGORITHMS, SIGN_TYPES, Asked
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.http import SignedCall, convert, load_bearer
from lionrock.hongkong.facades.service.requests import (
    ActionFields,
    Ticket,
    check_action,
    read_form,
    read_profile,
)
from lionrock.kernel.errors import Refused

A = TypeVar("A", bound=ActionFields)


class ProfileFields(ActionFields, frozen=True, kw_only=True):
    """profile/initiateRequest."""

    profileFields: list[str]  # noqa: N815 - the wire's own name


class FormFields(ActionFields, frozen=True, kw_only=True):
    """eme/initiateRequest and formFilling/initiateRequest."""

    eMEFields: list[str]  # noqa: N815 - the wire's own name
    formName: str  # noqa: N815 - the wire's own name
    formNum: str = ""  # noqa: N815 - the wire's own name
    formDesc: str = ""  # noqa: N815 - the wire's own name


class SignFields(ActionFields, frozen=True, kw_only=True):
    """signing/initiateRequest (hashCode) and pdfsigning/initiateRequest (docDigest)."""

    sigAlgo: str  # noqa: N815 - the wire's own name
    documentName: str  # noqa: N815 - the wire's own name
    hashCode: str = ""  # noqa: N815 - the wire's own name
    docDigest: str = ""  # noqa: N815 - the wire's own name
    department: str = ""
    serviceName: str = ""  # noqa: N815 - the wire's own name
    signType: str = "PERSONAL_SIGN"  # noqa: N815 - the wire's own name


class ResultFields(msgspec.Struct, frozen=True):
    """getResult of an action without a log-in."""

    businessID: str  # noqa: N815 - the wire's own name
    ticketID: str  # noqa: N815 - the wire's own name


class AckFields(msgspec.Struct, frozen=True):
    """ackResult."""

    businessID: str  # noqa: N815 - the wire's own name
    code: str


async def _read_action(call: SignedCall, kind: type[A]) -> A | Refused:
    """Read and check an action before anybody is asked: a refusal keeps the used nonce only."""
    fields = convert(call.fields, kind)
    if isinstance(fields, Refused):
        return fields
    problem = check_action(fields, call.known) or await call.room.requests.check_new(
        call.db, call.known, call.wire, fields.businessID
    )
    return fields if problem is None else problem


async def ask_profile(call: SignedCall) -> Ticket | Refused:
    """Ask for profile fields."""
    fields = await _read_action(call, ProfileFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, "eidapi_profiles")
    if isinstance(bearer, Refused):
        return bearer
    form = read_profile(fields.profileFields)
    if isinstance(form, Refused):
        return form
    return await call.room.requests.ask_form(
        call.db, call.known, call.wire, bearer.principal, fields, "profileFields", form
    )


async def ask_form(call: SignedCall) -> Ticket | Refused:
    """Ask a person, who is logged in, to fill a form."""
    return await _ask_form(call, is_anonymous=False)


async def ask_form_of_anybody(call: SignedCall) -> Ticket | Refused:
    """Ask whoever scans the page to fill a form, without a log-in."""
    return await _ask_form(call, is_anonymous=True)


async def _ask_form(call: SignedCall, *, is_anonymous: bool) -> Ticket | Refused:
    fields = await _read_action(call, FormFields)
    if isinstance(fields, Refused):
        return fields
    principal = None
    if not is_anonymous:
        scope = "eidapi_formFilling" if call.wire.name == "iam" else "corpidapi_formFilling"
        bearer = await load_bearer(call, scope)
        if isinstance(bearer, Refused):
            return bearer
        principal = bearer.principal
    form = read_form(fields.formName, fields.formNum, fields.formDesc, fields.eMEFields)
    if isinstance(form, Refused):
        return form
    return await call.room.requests.ask_form(
        call.db, call.known, call.wire, principal, fields, "eMEFields", form
    )


async def get_result(call: SignedCall) -> dict[str, Any] | Refused:
    """Hand out the result of an action without a log-in, once."""
    fields = convert(call.fields, ResultFields)
    if isinstance(fields, Refused):
        return fields
    return await call.room.requests.fetch(
        call.db, call.known, call.wire, fields.ticketID, fields.businessID
    )


async def ask_step_up(call: SignedCall) -> Ticket | Refused:
    """Ask the person to confirm once more."""
    fields = await _read_action(call, ActionFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, "eidapi_fr")
    if isinstance(bearer, Refused):
        return bearer
    return await call.room.requests.ask_step_up(
        call.db, call.known, call.wire, bearer.principal, fields
    )


async def ask_hash_signature(call: SignedCall) -> Ticket | Refused:
    """Ask to sign a digest."""
    return await _ask_signature(call, "hashCode")


async def ask_pdf_signature(call: SignedCall) -> Ticket | Refused:
    """Ask to sign the digest of a PDF's byte ranges."""
    return await _ask_signature(call, "docDigest")


async def _ask_signature(call: SignedCall, digest_name: str) -> Ticket | Refused:
    fields = await _read_action(call, SignFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, sign_scope(call))
    if isinstance(bearer, Refused):
        return bearer
    if fields.sigAlgo not in SIGN_ALGORITHMS:
        return Refused(FacadeRefusal.REQUEST, f"One of {', '.join(SIGN_ALGORITHMS)}.", "sigAlgo")
    is_personal_only = call.wire.name == "iam" and fields.signType != "PERSONAL_SIGN"
    if fields.signType not in SIGN_TYPES or is_personal_only:
        return Refused(FacadeRefusal.REQUEST, f"One of {', '.join(SIGN_TYPES)}.", "signType")
    asked = Asked(
        language=LANGUAGES[fields.lang], digest=getattr(fields, digest_name),
        digest_name=digest_name, document=fields.documentName, sign_type=fields.signType,
    )  # fmt: skip
    return await call.room.requests.ask_signature(
        call.db, call.known, call.wire, bearer.principal, fields, asked
    )


async def acknowledge(call: SignedCall) -> dict[str, str] | Refused:
    """Note what became of a signature."""
    fields = convert(call.fields, AckFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, sign_scope(call))
    if isinstance(bearer, Refused):
        return bearer
    problem = await call.room.requests.acknowledge(
        call.db, call.known, call.wire, bearer.principal, fields.businessID, fields.code
    )
    return problem if problem is not None else {"businessID": fields.businessID}


def sign_scope(call: SignedCall) -> str:
    """The scope that signing takes on the call's wire."""
    return "eidapi_sign" if call.wire.name == "iam" else "corpidapi_sign"

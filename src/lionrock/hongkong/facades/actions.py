"""The actions that both wires ask of a person, under their wire's names."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lionrock.hongkong.facades.domain import (
    BULK_MAX,
    GOVERNMENT_SCOPE,
    LANGUAGES,
    SIGN_ALGORITHMS,
    SIGN_TYPES,
    Asked,
)
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.http import SignedCall, convert, load_bearer
from lionrock.hongkong.facades.service.requests import (
    ActionFields,
    Ticket,
    check_action,
    read_form,
    read_profile,
)
from lionrock.identity.api import Principal
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


class BulkDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One document of a bulk signing."""

    hashCode: str  # noqa: N815 - the wire's own name
    documentName: str  # noqa: N815 - the wire's own name


class BulkFields(ActionFields, frozen=True, kw_only=True):
    """bulksigning/initiateRequest."""

    sigAlgo: str  # noqa: N815 - the wire's own name
    documents: list[BulkDocument]
    department: str = ""
    serviceName: str = ""  # noqa: N815 - the wire's own name


class SharingFields(ActionFields, frozen=True, kw_only=True):
    """corp/requestDocSharing."""

    docTypes: list[str]  # noqa: N815 - the wire's own name


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


async def get_form(call: SignedCall) -> dict[str, Any] | Refused:
    """Hand out the form that somebody filled without a log-in, once."""
    return await _get_result(call, "eMEFields")


async def get_hash_signature(call: SignedCall) -> dict[str, Any] | Refused:
    """Hand out the signature of a digest that somebody made without a log-in, once."""
    return await _get_result(call, "hashCode")


async def get_pdf_signature(call: SignedCall) -> dict[str, Any] | Refused:
    """The same for a PDF's digest."""
    return await _get_result(call, "docDigest")


async def _get_result(call: SignedCall, asks_for: str) -> dict[str, Any] | Refused:
    fields = convert(call.fields, ResultFields)
    if isinstance(fields, Refused):
        return fields
    return await call.room.results.fetch(
        call.db, call.known, call.wire, fields.ticketID, fields.businessID, asks_for
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
    return await _ask_signature(call, "hashCode", is_anonymous=False)


async def ask_pdf_signature(call: SignedCall) -> Ticket | Refused:
    """Ask to sign the digest of a PDF's byte ranges."""
    return await _ask_signature(call, "docDigest", is_anonymous=False)


async def ask_hash_signature_of_anybody(call: SignedCall) -> Ticket | Refused:
    """Ask whoever scans the page to sign a digest, without a log-in."""
    return await _ask_signature(call, "hashCode", is_anonymous=True)


async def ask_pdf_signature_of_anybody(call: SignedCall) -> Ticket | Refused:
    """The same for a PDF's digest."""
    return await _ask_signature(call, "docDigest", is_anonymous=True)


async def _ask_signature(
    call: SignedCall, digest_name: str, *, is_anonymous: bool
) -> Ticket | Refused:
    fields = await _read_action(call, SignFields)
    if isinstance(fields, Refused):
        return fields
    principal = await _signer(call, sign_scope(call), is_anonymous=is_anonymous)
    if isinstance(principal, Refused):
        return principal
    is_personal_only = is_anonymous or call.wire.name == "iam"
    types = ("PERSONAL_SIGN",) if is_personal_only else SIGN_TYPES
    if fields.signType not in types:
        return Refused(FacadeRefusal.REQUEST, f"One of {', '.join(types)}.", "signType")
    if fields.sigAlgo not in SIGN_ALGORITHMS:
        return Refused(FacadeRefusal.SIGN_ALGORITHM, field="sigAlgo")
    asked = Asked(
        language=LANGUAGES[fields.lang], digests=(getattr(fields, digest_name),),
        digest_name=digest_name, documents=(fields.documentName,), algorithm=fields.sigAlgo,
        sign_type=fields.signType,
    )  # fmt: skip
    requests = call.room.requests
    if principal is None:
        return await requests.ask_signature_of_anybody(
            call.db, call.known, call.wire, fields, asked
        )
    return await requests.ask_signature(
        call.db, call.known, call.wire, principal, fields, asked
    )


async def _signer(
    call: SignedCall, scope: str, *, is_anonymous: bool
) -> Principal | Refused | None:
    """Who is to sign: the token's person, or None for whoever scans; TOKEN, SCOPE."""
    if not is_anonymous:
        bearer = await load_bearer(call, scope)
        return bearer if isinstance(bearer, Refused) else bearer.principal
    if "signing" not in call.known.client.scopes:
        return Refused(FacadeRefusal.SCOPE, "The client has not registered signing.")
    return None


async def ask_bulk_signature(call: SignedCall) -> Ticket | Refused:
    """Ask to sign several digests with one decision."""
    fields = await _read_action(call, BulkFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, "eidapi_bulksign")
    if isinstance(bearer, Refused):
        return bearer
    if fields.sigAlgo not in SIGN_ALGORITHMS:
        return Refused(FacadeRefusal.SIGN_ALGORITHM, field="sigAlgo")
    if not 1 <= len(fields.documents) <= BULK_MAX:
        return Refused(FacadeRefusal.REQUEST, f"1 to {BULK_MAX} documents.", "documents")
    asked = Asked(
        language=LANGUAGES[fields.lang], digests=tuple(d.hashCode for d in fields.documents),
        digest_name="hashCode", documents=tuple(d.documentName for d in fields.documents),
        is_bulk=True, algorithm=fields.sigAlgo, sign_type="PERSONAL_SIGN",
    )  # fmt: skip
    return await call.room.requests.ask_signature(
        call.db, call.known, call.wire, bearer.principal, fields, asked
    )


async def ask_documents(call: SignedCall) -> Ticket | Refused:
    """Ask for documents of the token's company."""
    fields = await _read_action(call, SharingFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, "corpidapi_docwallet")
    if isinstance(bearer, Refused):
        return bearer
    return await call.room.requests.ask_documents(
        call.db, call.known, call.wire, bearer.principal, fields, tuple(fields.docTypes)
    )


async def read_company(call: SignedCall) -> dict[str, Any] | Refused:
    """Return the data of the token's company, to a service of the government."""
    if not call.known.facade.is_government:
        return Refused(FacadeRefusal.GOVERNMENT)
    bearer = await load_bearer(call, GOVERNMENT_SCOPE)
    if isinstance(bearer, Refused):
        return bearer
    company_id = bearer.principal.company_id
    assert company_id is not None, "a token of this wire is a company's"
    return await call.room.companies.profile(call.db, company_id)


async def acknowledge(call: SignedCall) -> dict[str, str] | Refused:
    """Note what became of a signature."""
    fields = convert(call.fields, AckFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, sign_scope(call))
    if isinstance(bearer, Refused):
        return bearer
    problem = await call.room.results.acknowledge(
        call.db, call.known, call.wire, bearer.principal, fields.businessID, fields.code
    )
    return problem if problem is not None else {"businessID": fields.businessID}


def sign_scope(call: SignedCall) -> str:
    """The scope that signing takes on the call's wire."""
    return "eidapi_sign" if call.wire.name == "iam" else "corpidapi_sign"

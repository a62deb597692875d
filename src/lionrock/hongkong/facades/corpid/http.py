"""The rows of the CorpID-style wire: as the other wire's, and companies, seals, exchange."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.hongkong.facades import actions
from lionrock.hongkong.facades.domain import CORPID
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.http import (
    SignedCall,
    common_rows,
    convert,
    load_bearer,
    signed_row,
)
from lionrock.hongkong.facades.pages import page_rows
from lionrock.kernel.errors import Refused


class ExchangeFields(msgspec.Struct, frozen=True):
    """corp/tokenExchange."""

    ubi: str


class SealFields(msgspec.Struct, frozen=True):
    """requestCorpSigning: what the person signed, to be sealed."""

    businessID: str  # noqa: N815 - the wire's own name
    signToken: str  # noqa: N815 - the wire's own name
    hashCode: str = ""  # noqa: N815 - the wire's own name
    docDigest: str = ""  # noqa: N815 - the wire's own name


async def list_companies(call: SignedCall) -> dict[str, Any] | Refused:
    """List the companies that the person may act for now."""
    bearer = await load_bearer(call, "corpidapi_auth")
    if isinstance(bearer, Refused):
        return bearer
    principal, room = bearer.principal, call.room
    companies = await room.pages.companies(call.db, principal.actor_person_id)
    return {
        "corpList": [
            await room.tokens.shown_company(call.db, principal, each) for each in companies
        ]
    }


async def exchange(call: SignedCall) -> dict[str, Any] | Refused:
    """Turn a token into one of another company."""
    fields = convert(call.fields, ExchangeFields)
    if isinstance(fields, Refused):
        return fields
    bearer = await load_bearer(call, "corpidapi_auth")
    if isinstance(bearer, Refused):
        return bearer
    return await call.room.tokens.exchange(call.db, call.known, call.wire, bearer, fields.ubi)


async def seal_hash(call: SignedCall) -> dict[str, Any] | Refused:
    """Add the company's seal to a digest that the person signed."""
    return await _seal(call, "hashCode")


async def seal_pdf(call: SignedCall) -> dict[str, Any] | Refused:
    """The same for a PDF's digest."""
    return await _seal(call, "docDigest")


async def _seal(call: SignedCall, digest_name: str) -> dict[str, Any] | Refused:
    fields = convert(call.fields, SealFields)
    if isinstance(fields, Refused):
        return fields
    digest = str(getattr(fields, digest_name))
    if not digest:
        return Refused(FacadeRefusal.REQUEST, "It is needed.", digest_name)
    bearer = await load_bearer(call, "corpidapi_sign")
    if isinstance(bearer, Refused):
        return bearer
    return await call.room.results.seal(
        call.db, call.known, call.wire, bearer.principal, fields.businessID, digest,
        fields.signToken,
    )  # fmt: skip


ROUTES = (
    *page_rows(CORPID),
    *common_rows(CORPID),
    signed_row(CORPID, "/corp/corpList", "companies", "The person's companies", list_companies),
    signed_row(CORPID, "/corp/tokenExchange", "exchange", "A token of another company", exchange),
    signed_row(CORPID, "/profiles", "company_profile", "The company's data (government only)",
               actions.read_company),
    signed_row(CORPID, "/corp/requestDocSharing", "documents", "Ask for the company's documents",
               actions.ask_documents),
    signed_row(CORPID, "/formFilling/initiateRequest", "form", "Ask to fill a form",
               actions.ask_form),
    signed_row(CORPID, "/formFilling/anonymous/initiateRequest", "anonymous_form",
               "Ask whoever scans to fill a form", actions.ask_form_of_anybody),
    signed_row(CORPID, "/formFilling/anonymous/getResult", "anonymous_form_result",
               "Fetch a filled form once", actions.get_form),
    signed_row(CORPID, "/signing/initiateRequest", "sign_hash", "Ask to sign or seal a digest",
               actions.ask_hash_signature),
    signed_row(CORPID, "/signing/requestCorpSigning", "seal_hash",
               "Seal what the person signed", seal_hash),
    signed_row(CORPID, "/signing/ackResult", "acknowledge", "Say what became of a signature",
               actions.acknowledge),
    signed_row(CORPID, "/signing/anonymous/initiateRequest", "anonymous_sign_hash",
               "Ask whoever scans to sign a digest", actions.ask_hash_signature_of_anybody),
    signed_row(CORPID, "/signing/anonymous/getResult", "anonymous_hash_signature",
               "Fetch a signature once", actions.get_hash_signature),
    signed_row(CORPID, "/pdfsigning/anonymous/initiateRequest", "anonymous_sign_pdf",
               "Ask whoever scans to sign a PDF's digest", actions.ask_pdf_signature_of_anybody),
    signed_row(CORPID, "/pdfsigning/anonymous/getResult", "anonymous_pdf_signature",
               "Fetch a signature once", actions.get_pdf_signature),
    signed_row(CORPID, "/pdfsigning/initiateRequest", "sign_pdf",
               "Ask to sign or seal a PDF's digest", actions.ask_pdf_signature),
    signed_row(CORPID, "/pdfsigning/requestCorpSigning", "seal_pdf",
               "Seal a PDF that the person signed", seal_pdf),
)  # fmt: skip

"""The two styles: the calls of each prefix, over the same wire.

Facts followed (identity.md)
----------------------------
- 1.1 "Sign a hash", "Sign a PDF", "Acknowledge", "Signing, no login"; the list of scopes, which
  alone tells of bulk signing (``eidapi_bulksign``) and of the step-up's face (``eidapi_fr``).
- 1.3 on ``HKICHash``: it is not sent, although "Signing, no login" calls it mandatory.
- 2 "API surface": ``profiles``, ``formFilling``, ``signing`` and ``pdfsigning`` with their
  anonymous and corporate parts, ``corp/requestDocSharing``; the list of ``sigAlgo``; company data;
  "M8000x wallet".

Read as
-------
- A signature without log-in is fetched from ``getResult`` like a form without log-in, by
  ``businessID`` and ``ticketID``; it is what a callback would have held.
- No path of bulk signing is stated. It is taken to be a sibling of signing,
  ``/account/bulksigning/initiateRequest``, with a list ``documents`` of ``hashCode`` and
  ``documentName``; the callback holds ``results`` in the order asked, each with its ``hashCode``
  and ``signature``, beside one ``cert`` for all.
- ``profiles`` has no initiateRequest, so that its answer itself holds what the log-in's scope
  corpidapi_profiles allowed: the company's data with ``ubi``, and ``lastMatched``.
- ``corp/requestDocSharing`` names wanted ``docTypes`` and is an action like the others: the
  callback holds ``documents``, a list with a ``docType`` and the document itself, or the refusal.
- A form's list of fields is ``eMEFields`` under both prefixes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.blackbox.hongkong.client import (
    Acknowledgement,
    Fields,
    Language,
    Signed,
    SignType,
    Ticket,
    Token,
    Wire,
    page_parameters,
    signing_fields,
)
from tests.blackbox.hongkong.signatures import Malformed

DigestField = Literal["hashCode", "docDigest"]
SIGNING_PATHS: dict[DigestField, str] = {"hashCode": "signing", "docDigest": "pdfsigning"}


@dataclass(frozen=True)
class Bulk:
    """What a bulk signing brings: one signature for each digest, in the order asked."""

    signatures: list[Signed]
    digests: list[str]

    @classmethod
    def read(cls, content: Fields) -> Bulk:
        """Read ``results`` and the ``cert`` they share."""
        results = content.get("results")
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise Malformed("the results of a bulk signing are no list of objects")
        cert = content["cert"]
        return cls(
            [Signed.read({"cert": cert, **one}) for one in results],
            [one["hashCode"] for one in results],
        )


class IamStyle(Wire):
    """Persons: prefix ``/api/v1``, codes that begin with D."""

    prefix = "/api/v1"
    success = "D00000"

    def qr_page(
        self,
        redirect_uri: str,
        scope: Sequence[str],
        state: str,
        *,
        lang: Language = "en-US",
        ticket_id: str | None = None,
    ) -> str:
        """The address of the log-in page, or of the page for a ticket."""
        parameters = page_parameters(redirect_uri, scope, state, lang=lang, ticket_id=ticket_id)
        return self.page("/auth/getQR", parameters)

    def company_qr_page(
        self, redirect_uri: str, scope: Sequence[str], company_scope: Sequence[str], state: str
    ) -> str:
        """The address of the log-in page that also brings a CorpID code."""
        parameters = page_parameters(redirect_uri, scope, state)
        parameters["cScope"] = " ".join(company_scope)
        return self.page("/auth/corpId/getQR", parameters)

    async def profile(self, token: Token, redirect_uri: str, names: Sequence[str]) -> Ticket:
        """Ask for fields of the profile; the values come to the callback URL."""
        return await self.initiate(
            "/account/auth/profile/initiateRequest",
            token,
            redirect_uri,
            {"profileFields": list(names)},
        )

    async def fill_form(
        self, token: Token | None, redirect_uri: str, names: Sequence[str]
    ) -> Ticket:
        """Ask for the fields of a form, with a token or anonymously."""
        part = "/anonymous" if token is None else "/account"
        fields = {
            "formName": "Black box form",
            "formNum": "BB-1",
            "formDesc": "A form of the tests",
            "eMEFields": list(names),
        }
        return await self.initiate(f"{part}/eme/initiateRequest", token, redirect_uri, fields)

    async def form_result(self, ticket: Ticket) -> Fields:
        """Fetch the result of an anonymous form."""
        fields = {"businessID": ticket.business_id, "ticketID": ticket.ticket_id}
        return (await self.call("/anonymous/eme/getResult", fields)).fields()

    async def sign_hash(
        self, token: Token, redirect_uri: str, digest: str, document: str
    ) -> Ticket:
        """Ask the person to sign a digest; the signature comes to the callback URL."""
        fields = signing_fields("hashCode", digest, document)
        return await self.initiate("/account/signing/initiateRequest", token, redirect_uri, fields)

    async def sign_pdf(self, token: Token, redirect_uri: str, digest: str, document: str) -> Ticket:
        """Ask the person to sign the digest of a PDF."""
        fields = signing_fields("docDigest", digest, document)
        return await self.initiate(
            "/account/pdfsigning/initiateRequest", token, redirect_uri, fields
        )

    async def sign_anonymously(
        self,
        redirect_uri: str,
        name: DigestField,
        digest: str,
        document: str,
        *,
        more: Mapping[str, object] | None = None,
    ) -> Ticket:
        """Ask whoever opens the page to sign a digest; ``more`` are further fields."""
        fields = {**signing_fields(name, digest, document), **(more or {})}
        path = f"/anonymous/{SIGNING_PATHS[name]}/initiateRequest"
        return await self.initiate(path, None, redirect_uri, fields)

    async def anonymous_signature(self, ticket: Ticket, name: DigestField) -> Signed:
        """Fetch the signature of somebody who did not log in."""
        fields = {"businessID": ticket.business_id, "ticketID": ticket.ticket_id}
        path = f"/anonymous/{SIGNING_PATHS[name]}/getResult"
        return Signed.read((await self.call(path, fields)).fields())

    async def sign_many(
        self, token: Token, redirect_uri: str, documents: Sequence[tuple[str, str]]
    ) -> Ticket:
        """Ask the person to sign several digests, each with its document's name, at once."""
        fields: Fields = {
            "sigAlgo": "SHA256withRSA",
            "department": "Tests",
            "serviceName": "Black box",
            "documents": [
                {"hashCode": digest, "documentName": name} for digest, name in documents
            ],
        }
        path = "/account/bulksigning/initiateRequest"
        return await self.initiate(path, token, redirect_uri, fields)

    async def step_up(self, token: Token, redirect_uri: str) -> Ticket:
        """Ask the person to confirm once more."""
        return await self.initiate("/account/stepup/initiateRequest", token, redirect_uri, {})

    async def ack_result(
        self, token: Token, ticket: Ticket, verdict: Acknowledgement | str
    ) -> None:
        """Acknowledge a signature."""
        await self.acknowledge("/account/signing/ackResult", token, ticket.business_id, verdict)


class CorpStyle(Wire):
    """Companies: prefix ``/api/eservice/v1``, codes that begin with M."""

    prefix = "/api/eservice/v1"
    success = "M00000"

    def qr_page(
        self,
        redirect_uri: str,
        scope: Sequence[str],
        company_scope: Sequence[str],
        state: str,
        *,
        ticket_id: str | None = None,
    ) -> str:
        """The address of the log-in page, or of the page for a ticket."""
        parameters = page_parameters(redirect_uri, scope, state, ticket_id=ticket_id)
        parameters["cScope"] = " ".join(company_scope)
        return self.page("/auth/getQR", parameters)

    async def companies(self, token: Token) -> list[Fields]:
        """The companies that the person may act for."""
        fields = {"accessToken": token.access_token, "openID": token.open_id}
        content = (await self.call("/corp/corpList", fields)).content
        entries = content.get("corpList") if isinstance(content, dict) else content
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise Malformed("the list of companies is no list of objects")
        return entries

    async def switch(self, token: Token, ubi: str) -> Token:
        """Exchange the token for one of another company."""
        fields = {"accessToken": token.access_token, "openID": token.open_id, "ubi": ubi}
        return Token.read((await self.call("/corp/tokenExchange", fields)).fields())

    async def sign_hash(
        self, token: Token, redirect_uri: str, digest: str, document: str, sign_type: SignType
    ) -> Ticket:
        """Ask for a signature over a digest, the person's or the company's."""
        fields = signing_fields("hashCode", digest, document) | {"signType": sign_type}
        return await self.initiate("/signing/initiateRequest", token, redirect_uri, fields)

    async def sign_pdf(
        self, token: Token, redirect_uri: str, digest: str, document: str, sign_type: SignType
    ) -> Ticket:
        """Ask for a signature over the digest of a PDF."""
        fields = signing_fields("docDigest", digest, document) | {"signType": sign_type}
        return await self.initiate("/pdfsigning/initiateRequest", token, redirect_uri, fields)

    async def seal_hash(
        self, token: Token, ticket: Ticket, digest: str, document: str, sign_token: str
    ) -> Signed:
        """Add the company's seal after the person's signature."""
        fields = signing_fields("hashCode", digest, document) | {
            "businessID": ticket.business_id,
            "accessToken": token.access_token,
            "openID": token.open_id,
            "signToken": sign_token,
        }
        return Signed.read((await self.call("/signing/requestCorpSigning", fields)).fields())

    async def seal_pdf(
        self, token: Token, ticket: Ticket, digest: str, document: str, sign_token: str
    ) -> Signed:
        """Add the company's seal to a PDF's digest after the person's signature."""
        fields = signing_fields("docDigest", digest, document) | {
            "businessID": ticket.business_id,
            "accessToken": token.access_token,
            "openID": token.open_id,
            "signToken": sign_token,
        }
        return Signed.read((await self.call("/pdfsigning/requestCorpSigning", fields)).fields())

    async def sign_anonymously(
        self, redirect_uri: str, name: DigestField, digest: str, document: str
    ) -> Ticket:
        """Ask whoever opens the page to sign a digest as a person."""
        fields = signing_fields(name, digest, document) | {"signType": "PERSONAL_SIGN"}
        path = f"/{SIGNING_PATHS[name]}/anonymous/initiateRequest"
        return await self.initiate(path, None, redirect_uri, fields)

    async def anonymous_signature(self, ticket: Ticket, name: DigestField) -> Signed:
        """Fetch the signature of somebody who did not log in."""
        fields = {"businessID": ticket.business_id, "ticketID": ticket.ticket_id}
        path = f"/{SIGNING_PATHS[name]}/anonymous/getResult"
        return Signed.read((await self.call(path, fields)).fields())

    async def company_profile(self, token: Token) -> Fields:
        """What the registries hold of the token's company."""
        fields = {"accessToken": token.access_token, "openID": token.open_id}
        return (await self.call("/profiles", fields)).fields()

    async def share_documents(
        self, token: Token, redirect_uri: str, kinds: Sequence[str]
    ) -> Ticket:
        """Ask for documents of the company; they come to the callback URL."""
        fields = {"docTypes": list(kinds)}
        return await self.initiate("/corp/requestDocSharing", token, redirect_uri, fields)

    async def fill_form(
        self, token: Token | None, redirect_uri: str, names: Sequence[str]
    ) -> Ticket:
        """Ask for the fields of a form, with a token or anonymously."""
        part = "/anonymous" if token is None else ""
        fields = {
            "formName": "Black box form",
            "formNum": "BB-2",
            "formDesc": "A form of the tests",
            "eMEFields": list(names),
        }
        path = f"/formFilling{part}/initiateRequest"
        return await self.initiate(path, token, redirect_uri, fields)

    async def form_result(self, ticket: Ticket) -> Fields:
        """Fetch the result of an anonymous form."""
        fields = {"businessID": ticket.business_id, "ticketID": ticket.ticket_id}
        return (await self.call("/formFilling/anonymous/getResult", fields)).fields()

    async def ack_result(
        self, token: Token, ticket: Ticket, verdict: Acknowledgement | str
    ) -> None:
        """Acknowledge a signature."""
        await self.acknowledge("/signing/ackResult", token, ticket.business_id, verdict)

"""The two styles: the calls of each prefix, over the same wire."""

from __future__ import annotations

from collections.abc import Sequence

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

    async def ack_result(
        self, token: Token, ticket: Ticket, verdict: Acknowledgement | str
    ) -> None:
        """Acknowledge a signature."""
        await self.acknowledge("/signing/ackResult", token, ticket.business_id, verdict)

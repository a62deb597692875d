"""pyHanko's own CSC client signs PDFs through our server, over real HTTP, phone and all.

The client is pyHanko's, unchanged: its `hash`/`hashAlgo` member names, its batches. It would send a
bearer token; the one thing added is an aiohttp middleware that puts a DPoP proof beside it, as any
client of ours must (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, async_sign_pdf
from pyhanko.sign.signers.csc_signer import (
    CSCAuthorizationInfo,
    CSCAuthorizationManager,
    CSCServiceSessionInfo,
    CSCSigner,
    fetch_certs_in_csc_credential,
)
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.ids import Ids
from tests.http.identity.city import found
from tests.http.identity.signing.conftest import SigningCity, with_signing
from tests.http.identity.signing.csc_client import SigningClient, new_signing_client
from tests.http.identity.signing.test_verification import verified
from tests.ports import free_ports, until_listening
from tests.unit.identity.signing.signing_world import plain_pdf


@dataclasses.dataclass
class Served:
    """A city on a real port: the in-process client signs in, pyHanko speaks to `origin`."""

    signing_city: SigningCity
    client: SigningClient
    origin: str


@pytest.fixture
async def served(kernel: Kernel, tmp_path: Path) -> AsyncIterator[Served]:
    """The city on a real port and a real clock."""
    port = free_ports()
    clock = SystemWireClock()
    real = dataclasses.replace(kernel, wire_clock=clock, ids=Ids(clock))
    city = with_signing(await found(real, tmp_path))
    server = Server(city.application, address="127.0.0.1", port=port,
                    interface=Interfaces.ASGINL, log_enabled=False, websockets=False)  # fmt: skip
    serving = asyncio.ensure_future(server.serve())
    await until_listening(port)
    yield Served(city, await new_signing_client(city.city), f"http://127.0.0.1:{port}")
    server.stop()
    await serving


class Session(CSCServiceSessionInfo):  # type: ignore[misc]  # pyHanko ships no types
    """pyHanko's session with our scheme: DPoP instead of Bearer (RFC 9449 s7.1)."""

    @property
    def auth_headers(self) -> dict[str, str]:
        """The token; the proof is added per request."""
        return {"Authorization": f"DPoP {self.oauth_token}"}


class PhoneAuthorization(CSCAuthorizationManager):  # type: ignore[misc]  # the same
    """Asks for activation data of these hashes, lets the phone answer, and fetches it."""

    def __init__(self, session: Any, about: Any, credential: Any, client: SigningClient) -> None:
        super().__init__(about, credential)
        self._session = session
        self._client = client

    async def authorize_signature(self, hash_b64s: list[str]) -> CSCAuthorizationInfo:
        """Authorize exactly these hashes."""
        asked = await self._post("credentials/authorize", self.format_csc_auth_request(
            hash_b64s=hash_b64s, description="Lease.pdf",
        ))  # fmt: skip
        await self._client.decide(asked)
        granted = await self._post("credentials/authorizeCheck", {"handle": asked["handle"]})
        return self.parse_csc_auth_response(granted)

    async def _post(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        url = self.csc_session_info.endpoint_url(method)
        async with self._session.post(url, json=body, headers=self.auth_headers) as answer:
            return dict(await answer.json())


def _proving(served: Served, token: str) -> Any:
    """An aiohttp middleware that adds the DPoP proof of each request."""

    async def middleware(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        # The server knows itself by its public address, whatever port the test gave it.
        url = str(request.url).replace(served.origin, "http://platform.test")
        request.headers["DPoP"] = served.client.proof(request.method, url, token=token)
        answer: aiohttp.ClientResponse = await handler(request)
        return answer

    return middleware


async def _validated(pdf: bytes, roots: list[str]) -> list[Any]:
    reader = PdfFileReader(io.BytesIO(pdf))
    trusted = [c for pem in roots for c in load_certs_from_pemder_data(pem.encode())]
    context = ValidationContext(trust_roots=trusted)
    return [
        await async_validate_pdf_signature(signature, context)
        for signature in reader.embedded_regular_signatures
    ]


async def test_pyhankos_own_client_signs_two_documents_with_one_approval(served: Served) -> None:
    client, token = served.client, await served.client.signing_token()
    session = Session(served.origin, await client.credential(token), token, "v2")
    async with aiohttp.ClientSession(middlewares=[_proving(served, token)]) as http:
        credential = await fetch_certs_in_csc_credential(http, session)
        assert credential.hash_pinning_required
        manager = PhoneAuthorization(http, session, credential, client)
        signer = CSCSigner(http, manager, batch_size=2)

        async def sign(name: str) -> bytes:
            writer = IncrementalPdfFileWriter(io.BytesIO(plain_pdf(name)))
            metadata = PdfSignatureMetadata(
                field_name="Signature", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
            )
            output = await async_sign_pdf(writer, metadata, signer=signer)
            return bytes(output.getvalue())

        signed = await asyncio.gather(sign("Lease"), sign("Annex"))
    signing = served.signing_city.signing
    roots = await client.city.kernel.database.run(signing.ca_certificates)
    for pdf in signed:
        (status,) = await _validated(pdf, roots)
        assert status.bottom_line, status.summary()
        assert status.signing_cert.subject.native["common_name"] == "Ada"
        verdict = await verified(served.signing_city, pdf, client.city.company.business_number)
        (signature,) = verdict["signatures"]
        assert signature["is_valid"], signature
        assert signature["approval_id"].startswith("apr_"), "found by what the key signed"
        assert signature["entitlement"]["is_entitled"]


async def test_pyhankos_client_gets_nothing_when_the_phone_says_no(served: Served) -> None:
    client, token = served.client, await served.client.signing_token()
    session = Session(served.origin, await client.credential(token), token, "v2")

    async def refuse(asked: dict[str, Any], persona: str = "ada", decision: str = "") -> str:
        return await SigningClient.decide(client, asked, persona, "rejected")

    async with aiohttp.ClientSession(middlewares=[_proving(served, token)]) as http:
        credential = await fetch_certs_in_csc_credential(http, session)
        manager = PhoneAuthorization(http, session, credential, client)
        client.decide = refuse  # type: ignore[method-assign]  # this one says no
        writer = IncrementalPdfFileWriter(io.BytesIO(plain_pdf()))
        metadata = PdfSignatureMetadata(field_name="Signature", md_algorithm="sha256")
        with pytest.raises(SigningError):
            await async_sign_pdf(writer, metadata, signer=CSCSigner(http, manager))


async def test_bearer_token_that_pyhanko_would_send_is_refused(served: Served) -> None:
    client, token = served.client, await served.client.signing_token()
    plain = CSCServiceSessionInfo(served.origin, await client.credential(token), token, "v2")
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SigningError):
            await fetch_certs_in_csc_credential(http, plain)

"""A client of remote signing that can be told to do anything wrong."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import msgspec

from lionrock.identity.api import Client
from lionrock.kernel.errors import Refused
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient
from tests.http.identity.signing.conftest import SigningCity

ECDSA = "1.2.840.10045.4.3.2"
SHA_256 = "2.16.840.1.101.3.4.2.1"


def b64_hash(content: bytes) -> str:
    """The base64 SHA-256 of a content."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class SigningClient(TestClient):
    """A registered client with the scope "signing"."""

    def registration(self) -> Client:
        """As any client's, with the scope of signing."""
        client = super().registration()
        return msgspec.structs.replace(client, scopes=client.scopes | {"signing"})

    async def signing_token(self, persona: str = "ada") -> str:
        """A person's token for signing."""
        return await self.token(persona, scope="openid company signing")

    async def company_token(self, token: str) -> str:
        """The company's token in exchange for its officer's."""
        answer = await self.post("/identity/token", {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token, "company": self.city.company.id,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        })  # fmt: skip
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(
        self, method: str, token: str, body: dict[str, Any], **changes: Any
    ) -> httpx.Response:
        """POST to /csc/v2/<method> with token and proof."""
        url = f"{ISSUER}/csc/v2/{method}"
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": self.proof("POST", url, token=token, **changes),
        }
        async with self.city.http() as http:
            return await http.post(url, json=body, headers=headers)

    async def credential(self, token: str, prefix: str = "person.") -> str:
        """The id of the bearer's own credential, or of the company's seal."""
        answer = await self.call("credentials/list", token, {})
        (found,) = [c for c in answer.json()["credentialIDs"] if c.startswith(prefix)]
        return str(found)

    async def authorize(self, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for authorization; expects to wait for the phone."""
        answer = await self.call("credentials/authorize", token, body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def decide(
        self, asked: dict[str, Any], persona: str = "ada", decision: str = "approved"
    ) -> str:
        """Answer on the phone; returns the words that were shown."""
        pending = await self.city.phone.pending(persona)
        shown = pending[-1]
        await self.city.phone.answer(persona, shown["approval_id"], decision, asked["number"])
        return str(shown["words"])

    async def sad(self, token: str, handle: str) -> str:
        """Fetch the activation data."""
        answer = await self.call("credentials/authorizeCheck", token, {"handle": handle})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["SAD"])

    async def authorized(
        self, token: str, contents: list[bytes], *, prefix: str = "person.",
        personas: tuple[str, ...] = ("ada",), **more: Any,
    ) -> tuple[str, str]:
        """Authorize hashes of contents on the phone; credential and activation data."""
        credential = await self.credential(token, prefix)
        asked = await self.authorize(token, {
            "credentialID": credential, "numSignatures": len(contents),
            "hashes": [b64_hash(c) for c in contents], "hashAlgorithmOID": SHA_256,
        } | more)  # fmt: skip
        for persona in personas:
            await self.decide(asked, persona)
        return credential, await self.sad(token, asked["handle"])

    async def authorized_documents(
        self, token: str, documents: dict[str, bytes], prefix: str = "person."
    ) -> tuple[str, str]:
        """Authorize documents by name; credential and activation data."""
        credential = await self.credential(token, prefix)
        digests = [{"hash": b64_hash(c), "label": name} for name, c in documents.items()]
        asked = await self.authorize(
            token, {"credentialID": credential, "documentDigests": digests}
        )
        await self.decide(asked)
        return credential, await self.sad(token, asked["handle"])

    async def sign_hash(
        self, token: str, credential: str, sad: str, hashes: list[str], **more: Any
    ) -> httpx.Response:
        """Call signatures/signHash."""
        return await self.call("signatures/signHash", token, {
            "credentialID": credential, "SAD": sad, "hashes": hashes,
            "hashAlgorithmOID": SHA_256, "signAlgo": ECDSA,
        } | more)  # fmt: skip

    async def sign_doc(
        self, token: str, credential: str, sad: str, documents: list[bytes],
        level: str = "Ades-B-B", form: str = "P",
    ) -> httpx.Response:
        """Call signatures/signDoc."""
        sent = [
            {"document": base64.b64encode(d).decode(), "signature_format": form,
             "conformance_level": level}
            for d in documents
        ]
        return await self.call("signatures/signDoc", token, {
            "credentialID": credential, "SAD": sad, "documents": sent,
        })  # fmt: skip


async def new_signing_client(city: City, client_id: str = "signing-client") -> SigningClient:
    """Register a client that may ask for signatures."""
    client = SigningClient(city, client_id)
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client


async def client_of(signing_city: SigningCity) -> SigningClient:
    """A signing client of a city that serves signing."""
    return await new_signing_client(signing_city.city)

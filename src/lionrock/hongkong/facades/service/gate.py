"""The gate: which client sends, is it signed, is it fresh, what does it say.

Secrets and content keys are sealed at rest with a secret of the key store, bound to their row.
Source: interface facts of the wire styles (docs/facades.md); RFC 8017 s7.1 (OAEP).
Invariants: a nonce counts once for a client over both wires (a signature names no path), and stays
counted when the request is refused later.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import (
    CEK_BYTES,
    CEK_LIFE_S,
    IV_BYTES,
    SECRET_BYTES_MIN,
    WINDOW_MS,
    FacadeClient,
    SignedHeaders,
    Wire,
    check_signature,
    open_content,
)
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.identity.api import Client, Identity
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import strict_json_object
from lionrock.kernel.late import once

KEK_BITS_MIN = 2048
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class FacadeDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client registers for the wire styles; `kek_certificate` is PEM."""

    secret: str
    kek_certificate: str
    callback_url: str
    is_government: bool = False


class Known(msgspec.Struct, frozen=True):
    """A client of the facades, and its registration in identity."""

    facade: FacadeClient
    client: Client


class ContentKey(msgspec.Struct, frozen=True):
    """A content key in force."""

    cek: bytes
    issued_at: datetime
    expires_at: datetime


class Gate:
    """Clients and their keys, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, identity: Identity) -> None:
        self._kernel = kernel
        self._identity = identity

    async def register(self, db: Connection, client_id: str, draft: FacadeDraft) -> str | None:
        """Register a client, or replace its registration; returns what is wrong with the draft."""
        problem = check_draft(draft)
        if problem is None:
            sealed = self.seal(f"secret/{client_id}", draft.secret.encode())
            await store.save_client(
                db,
                store.ClientRow(
                    client_id=client_id, secret=sealed, kek_certificate=draft.kek_certificate,
                    callback_url=draft.callback_url, is_government=draft.is_government,
                ),
            )  # fmt: skip
        return problem

    async def known(self, db: Connection, client_id: str) -> Known | Refused:
        """Return an active client of the facades; SIGNATURE (who exists is not told).

        CLIENT_CONTROLS for one whose policy demands what these wires cannot show: a facade is
        no way around a control.
        """
        row = await store.client(db, client_id)
        client = await self._identity.clients.find(db, client_id)
        if row is None or client is None:
            return Refused(FacadeRefusal.SIGNATURE)
        policy = client.policy
        if (
            policy.require_signed_request_object or policy.require_signed_response
            or policy.require_code_binding or policy.require_dpop_nonce
        ):  # fmt: skip
            return Refused(FacadeRefusal.CLIENT_CONTROLS)
        secret = self.unseal(f"secret/{client_id}", row.secret)
        return Known(
            FacadeClient(
                client_id=client_id, secret=secret, kek_certificate=row.kek_certificate,
                callback_url=row.callback_url, is_government=row.is_government,
            ),
            client,
        )  # fmt: skip

    async def check(
        self, db: Connection, known: Known, headers: SignedHeaders, body: bytes
    ) -> Refused | None:
        """Check signature and time, then use the nonce up; every later refusal keeps it used."""
        now_ms = int(self._kernel.wire_clock.now().timestamp() * 1000)
        problem = check_signature(known.facade.secret, headers, body, now_ms)
        if problem is not None:
            return problem
        forget_at = datetime.fromtimestamp((int(headers.timestamp) + WINDOW_MS) / 1000 + 1, UTC)
        realm = f"hongkong.facade/{known.client.id}"
        return await once(
            db, realm, headers.nonce, forget_at, Refused(FacadeRefusal.NONCE_USED)
        )

    async def open_body(
        self, db: Connection, known: Known, wire: Wire, body: bytes
    ) -> tuple[dict[str, Any], bytes] | Refused:
        """Return the fields of an encrypted body and its key; KEY, DECRYPTION, REQUEST."""
        key = await self.key(db, known.client.id, wire)
        if key is None:
            return Refused(FacadeRefusal.KEY)
        outer = strict_json_object(body)
        content = outer.get("content") if isinstance(outer, dict) else None
        if outer is None or set(outer) != {"content"} or not isinstance(content, str):
            return Refused(FacadeRefusal.DECRYPTION, "The body is {content}.", "content")
        opened = open_content(key.cek, content)
        if isinstance(opened, Refused):
            return opened
        fields = strict_json_object(opened)
        if not isinstance(fields, dict):
            return Refused(FacadeRefusal.REQUEST, "The content is one JSON object.", "content")
        return fields, key.cek

    async def key(self, db: Connection, client_id: str, wire: Wire) -> ContentKey | None:
        """Return the content key in force."""
        now = self._kernel.wire_clock.now()
        row = await store.content_key(db, client_id, wire.name, now)
        if row is None:
            return None
        cek = self.unseal(f"cek/{wire.name}/{client_id}", row.sealed)
        return ContentKey(cek, row.issued_at, row.expires_at)

    async def issue_key(self, db: Connection, known: Known, wire: Wire) -> dict[str, Any]:
        """Return the content key wrapped for the client; a new one when there is none in force.

        The same one is given again while it lasts, so that a client's nodes share it.
        """
        await store.lock_client(db, known.client.id)
        key = await self.key(db, known.client.id, wire)
        now = self._kernel.wire_clock.now()
        if key is None:
            key = ContentKey(secrets.octets(CEK_BYTES), now, now + timedelta(seconds=CEK_LIFE_S))
            sealed = self.seal(f"cek/{wire.name}/{known.client.id}", key.cek)
            row = store.KeyRow(sealed=sealed, issued_at=now, expires_at=key.expires_at)
            await store.save_content_key(db, known.client.id, wire.name, row)
        return {
            "secretKey": wrapped(known.facade, key.cek),
            "pubKey": public_key(known.facade),
            "issueAt": int(key.issued_at.timestamp() * 1000),
            "expiresIn": int((key.expires_at - now).total_seconds()),
        }

    async def revoke_key(self, db: Connection, known: Known, wire: Wire) -> None:
        """Forget the content key."""
        await store.delete_content_key(db, known.client.id, wire.name)

    def seal(self, label: str, value: bytes) -> bytes:
        """Encrypt a value for its place."""
        iv = secrets.octets(IV_BYTES)
        return iv + self._cipher().encrypt(iv, value, label.encode())

    def unseal(self, label: str, sealed: bytes) -> bytes:
        """Decrypt a value; InvalidTag when it is damaged or was moved."""
        return self._cipher().decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], label.encode())

    def _cipher(self) -> AESGCM:
        return AESGCM(self._kernel.key_store.secret("hongkong/facades"))


def wrapped(client: FacadeClient, cek: bytes) -> str:
    """Return a content key under the client's certificate: RSA-OAEP with SHA-256, always."""
    return base64.b64encode(_kek(client.kek_certificate).encrypt(cek, _OAEP)).decode()


def public_key(client: FacadeClient) -> str:
    """Return the public key that wraps (base64 of SubjectPublicKeyInfo)."""
    key = _kek(client.kek_certificate)
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def check_draft(draft: FacadeDraft) -> str | None:
    """Say what is wrong with a registration: field, colon, expectation."""
    if len(draft.secret.encode()) < SECRET_BYTES_MIN:
        return f"secret: at least {SECRET_BYTES_MIN} bytes"
    try:
        key = x509.load_pem_x509_certificate(draft.kek_certificate.encode()).public_key()
    except ValueError:
        return "kek_certificate: a certificate in PEM"
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEK_BITS_MIN:
        return f"kek_certificate: of an RSA key of {KEK_BITS_MIN} bits or more"
    parts = urlsplit(draft.callback_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        return "callback_url: an absolute http(s) address"
    return None


def _kek(certificate: str) -> rsa.RSAPublicKey:
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey), "checked when it was registered"
    return key

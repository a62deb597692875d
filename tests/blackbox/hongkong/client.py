"""A client of services in the iAM Smart style and in the CorpID style.

Read as
-------
- Every answer is an envelope ``txID, code, msg, content``; ``code`` decides, whatever the HTTP
  status is.
- ``content`` of an answer may be encrypted (text) or plain (an object or a list); both are read.
  Requests are always encrypted, except getKey and revokeKey, whose bodies are empty.
- The answer to getKey is plain, since no content key is known before it.
- A wrapped content key is 32 raw bytes under RSA-OAEP, SHA-256 for the label and for MGF1.
- A callback carries its own wrapped content key and is opened with that one only. A refused
  action is told by the outer ``code`` and needs neither key nor content.
- ``signature`` is percent-encoded with capital hexadecimal digits; the client secret enters the
  HMAC as UTF-8 text; header names are those of the facts, their case does not matter.
- Several scopes are joined by one space. ``brokerPage`` is sent as ``true`` or ``false``.
- A page for a ticket has the same address as the log-in page, with ``ticketID`` in addition.
- ``authByQR`` is a boolean: true sends the browser to the page of the ticket, false means that
  the request already waits on the person's phone.
- Requested fields are a list of names; the values come back in an object under the name of that
  list, or directly in the content.
- ``hashCode`` and ``docDigest`` are standard base64 of a SHA-256 digest. ``signature`` is
  standard base64, ``cert`` is base64 of DER, or PEM; the first certificate is the signer's.
- SHA256withRSA over ``hashCode`` means that the digest given is the digest signed (PKCS #1 v1.5):
  the signature is that of the document. It is not hashed a second time. Who asks for it gets a
  certificate with an RSA key, or a refusal; another ``sigAlgo`` is asked for by its own name.
- The result for a PDF digest is either such a signature or a detached CMS signature whose
  message digest is ``docDigest``; both prove the same and both are accepted.
- ackResult names the action by ``businessID`` and tells SR001, SR002 or SR003 in ``code``.
- ``HKICHash`` is never sent: it gives the identity number away (1.3). Signing without log-in,
  which demands it in the facts, is asked for without it; who signed is read in the certificate.
- ``expiresIn`` is kept as sent; whether it is a duration or a moment is not decided here.
- Both prefixes have content keys of their own.
- Under the second prefix the log-in page takes the parameters of ``auth/corpId/getQR``; the
  CorpID code ``cCode`` is sent to getToken as ``code``. Only answers prefix token fields with c;
  requests say accessToken and openID. The list of companies is the content itself or its member
  ``corpList``; each entry has ``ubi``.
- requestCorpSigning takes the ``signToken`` that the personal part of INTEGRATED_SIGN brought,
  and its answer itself holds the seal's signature. CORPID_SIGN goes through initiateRequest like
  a personal signature, and the callback then holds the seal's signature.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlencode

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.blackbox.hongkong.signatures import Malformed, load_certificate

SIGNATURE_METHOD = "HmacSHA256"
IV_BYTES = 12
CEK_BYTES = 32

Fields = dict[str, Any]
Language = Literal["en-US", "zh-HK", "zh-CN"]
SignType = Literal["PERSONAL_SIGN", "CORPID_SIGN", "INTEGRATED_SIGN"]
Acknowledgement = Literal["SR001", "SR002", "SR003"]


class Refused(Exception):
    """The server or the person said no; ``code`` is the envelope's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Answer:
    """An opened envelope."""

    tx_id: str
    code: str
    message: str
    content: Any

    def fields(self) -> Fields:
        """The content, which has to be an object."""
        if not isinstance(self.content, dict):
            raise Malformed(f"content is no object in the answer {self.code}")
        return self.content


@dataclass(frozen=True)
class Token:
    """What getToken and tokenExchange return."""

    access_token: str
    open_id: str
    scope: str
    raw: Fields

    @classmethod
    def read(cls, content: Fields) -> "Token":
        """Read a token answer whose fields may be prefixed with c."""

        def field(name: str) -> str:
            prefixed = "c" + name[0].upper() + name[1:]
            value = content.get(prefixed, content.get(name))
            if not isinstance(value, str):
                raise Malformed(f"the token answer has no {name}")
            return value

        return cls(field("accessToken"), field("openID"), field("scope"), content)


@dataclass(frozen=True)
class Ticket:
    """What an initiateRequest returns, with the businessID it was asked under."""

    business_id: str
    state: str
    ticket_id: str
    auth_by_qr: bool


@dataclass(frozen=True)
class Signed:
    """A signature as a callback or an answer brings it."""

    signature: bytes
    certificate: x509.Certificate
    raw: Fields

    @classmethod
    def read(cls, content: Fields) -> "Signed":
        """Read ``signature`` and ``cert``."""
        return cls(
            base64.b64decode(content["signature"], validate=True),
            load_certificate(content["cert"]),
            content,
        )


def request_signature(secret: str, client_id: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The value of the signature header for a body exactly as sent."""
    message = f"{client_id}{SIGNATURE_METHOD}{timestamp}{nonce}".encode() + body
    mac = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return quote(base64.b64encode(mac).decode(), safe="")


def signed_headers(
    client_id: str,
    secret: str,
    body: bytes,
    *,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """All headers of a request; timestamp (ms) and nonce are fresh unless given."""
    stamp = str(time.time_ns() // 1_000_000 if timestamp is None else timestamp)
    once = str(uuid.uuid4()) if nonce is None else nonce
    return {
        "Content-Type": "application/json",
        "clientID": client_id,
        "signatureMethod": SIGNATURE_METHOD,
        "timestamp": stamp,
        "nonce": once,
        "signature": request_signature(secret, client_id, stamp, once, body),
    }


def encrypt(cek: bytes, plaintext: bytes) -> str:
    """Encrypt to the text of a ``content`` field."""
    iv = secrets.token_bytes(IV_BYTES)
    sealed = AESGCM(cek).encrypt(iv, plaintext, None)
    return base64.b64encode(IV_BYTES.to_bytes(4, "big") + iv + sealed).decode()


def decrypt(cek: bytes, content: str) -> bytes:
    """Decrypt the text of a ``content`` field."""
    raw = base64.b64decode(content, validate=True)
    if int.from_bytes(raw[:4], "big") != IV_BYTES:
        raise Malformed("the content does not begin with the length of its IV")
    try:
        return AESGCM(cek).decrypt(raw[4 : 4 + IV_BYTES], raw[4 + IV_BYTES :], None)
    except InvalidTag:
        raise Malformed("the content does not open with this key") from None


def unwrap(kek: RSAPrivateKey, secret_key: str) -> bytes:
    """Unwrap a content key; only RSA-OAEP with SHA-256 is tried."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    cek = kek.decrypt(base64.b64decode(secret_key, validate=True), oaep)
    if len(cek) != CEK_BYTES:
        raise Malformed(f"the content key has {len(cek)} bytes")
    return cek


def open_callback(kek: RSAPrivateKey, body: bytes, success: str) -> Answer:
    """Open a body pushed to the callback URL; raise Refused when its code is not ``success``."""
    envelope = json.loads(body)
    code, message = str(envelope["code"]), str(envelope.get("msg", ""))
    if code != success:
        raise Refused(code, message)
    content = json.loads(decrypt(unwrap(kek, envelope["secretKey"]), envelope["content"]))
    return Answer(str(envelope["txID"]), code, message, content)


class Wire:
    """What both prefixes share: signed, encrypted posts and the content key."""

    prefix: ClassVar[str]
    success: ClassVar[str]

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        *,
        client_id: str,
        client_secret: str,
        kek: RSAPrivateKey,
    ) -> None:
        self.http = http
        self.root = base_url + self.prefix
        self.client_id = client_id
        self.client_secret = client_secret
        self.kek = kek
        self.cek: bytes | None = None

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post bytes and headers as they are and open the answer, whatever its code."""
        response = await self.http.post(self.root + path, content=body, headers=dict(headers))
        try:
            envelope = response.json()
        except ValueError:
            raise Malformed(f"{path} answered {response.status_code} without JSON") from None
        if not isinstance(envelope, dict) or not isinstance(envelope.get("code"), str):
            raise Malformed(f"{path} answered {response.status_code} without an envelope")
        content = envelope.get("content")
        if isinstance(content, str) and content:
            if self.cek is None:
                raise Malformed(f"{path} answered encrypted before any content key")
            content = json.loads(decrypt(self.cek, content))
        return Answer(
            str(envelope.get("txID", "")), envelope["code"], str(envelope.get("msg", "")), content
        )

    def sign(
        self, body: bytes, *, timestamp: int | None = None, nonce: str | None = None
    ) -> dict[str, str]:
        """The headers for a body of this service."""
        return signed_headers(
            self.client_id, self.client_secret, body, timestamp=timestamp, nonce=nonce
        )

    def sealed(self, fields: Mapping[str, object]) -> bytes:
        """The encrypted body of a request."""
        if self.cek is None:
            raise Malformed("no content key: call get_key first")
        content = encrypt(self.cek, json.dumps(fields, ensure_ascii=False).encode())
        return json.dumps({"content": content}).encode()

    async def call(self, path: str, fields: Mapping[str, object] | None) -> Answer:
        """Post fields encrypted (None: an empty body); raise Refused unless it succeeded."""
        body = b"" if fields is None else self.sealed(fields)
        answer = await self.send(path, body, self.sign(body))
        if answer.code != self.success:
            raise Refused(answer.code, answer.message)
        return answer

    async def get_key(self) -> Fields:
        """Fetch the content key, keep it for the calls that follow, and return the answer."""
        fields = (await self.call("/security/getKey", None)).fields()
        self.cek = unwrap(self.kek, fields["secretKey"])
        return fields

    async def revoke_key(self) -> None:
        """Give the content key up. It stays in ``cek`` until another one is fetched."""
        await self.call("/security/revokeKey", None)

    async def get_token(self, code: str) -> Token:
        """Exchange a code for a token."""
        fields = {"code": code, "grantType": "authorization_code"}
        return Token.read((await self.call("/auth/getToken", fields)).fields())

    def open(self, callback: bytes) -> Answer:
        """Open a body that was pushed to the callback URL."""
        return open_callback(self.kek, callback, self.success)

    def page(self, path: str, parameters: Mapping[str, str]) -> str:
        """The address of a page for the browser."""
        return f"{self.root}{path}?{urlencode({'clientID': self.client_id, **parameters})}"

    async def initiate(
        self, path: str, token: Token | None, redirect_uri: str, fields: Mapping[str, object]
    ) -> Ticket:
        """Start an action of the person; without a token it is an anonymous one."""
        business_id, state = str(uuid.uuid4()), uuid.uuid4().hex
        request: Fields = {
            "businessID": business_id,
            "source": "PC_Browser",
            "redirectURI": redirect_uri,
            "state": state,
            **fields,
        }
        if token is not None:
            request |= {"accessToken": token.access_token, "openID": token.open_id}
        answer = (await self.call(path, request)).fields()
        if not isinstance(answer.get("authByQR", True), bool):
            raise Malformed("authByQR is no boolean")
        return Ticket(business_id, state, str(answer["ticketID"]), answer.get("authByQR", True))

    async def acknowledge(
        self, path: str, token: Token, business_id: str, verdict: Acknowledgement | str
    ) -> None:
        """Tell what became of a signature."""
        fields = {
            "accessToken": token.access_token,
            "openID": token.open_id,
            "businessID": business_id,
            "code": verdict,
        }
        await self.call(path, fields)


def page_parameters(
    redirect_uri: str,
    scope: Sequence[str],
    state: str,
    *,
    lang: Language = "en-US",
    ticket_id: str | None = None,
) -> dict[str, str]:
    """The parameters that every log-in or ticket page has."""
    parameters = {
        "responseType": "code",
        "source": "PC_Browser",
        "redirectURI": redirect_uri,
        "scope": " ".join(scope),
        "lang": lang,
        "state": state,
        "brokerPage": "false",
    }
    if ticket_id is not None:
        parameters["ticketID"] = ticket_id
    return parameters


def signing_fields(
    name: str, digest: str, document: str, *, algorithm: str = "SHA256withRSA"
) -> Fields:
    """What a request for a signature says about the document; ``name`` is the digest's field."""
    return {
        name: digest,
        "sigAlgo": algorithm,
        "department": "Tests",
        "serviceName": "Black box",
        "documentName": document,
    }

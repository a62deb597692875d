"""The two wire styles: request signature, content encryption, scopes, parameters. Pure.

"iAM Smart-style" and "CorpID-style": made from public interface facts, not from the operators'
specifications; nothing here is compatible or certified. Where the facts show a weakness we are
stricter; docs/facades.md lists each difference.

Not for: who a person is, what a mandate gives, what was approved (identity, through its api).
Source: interface facts of both styles (docs/facades.md); RFC 2104 (HMAC), NIST SP 800-38D (GCM).
Invariants: a signature covers client, method, time, nonce and body; the split of these is the only
one, for each has a fixed length or its own alphabet.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.kernel.errors import Refused

SIGNATURE_METHOD = "HmacSHA256"
WINDOW_MS = 5 * 60 * 1000
NONCE_LENGTH_MAX = 36
STATE_LENGTH_MAX = 36
BUSINESS_ID_LENGTH_MAX = 36
IV_BYTES = 12
TAG_BYTES = 16
CEK_BYTES = 32
CEK_LIFE_S = 3600
CODE_LIFE_S = 30
# A person has so long to act on a request.
ACTION_LIFE_S = 18 * 60
SECRET_BYTES_MIN = 32
DIGEST_BYTES = 32
WireName = Literal["iam", "corpid"]
Outcome = Literal["approved", "rejected", "expired", "cancelled"]
_TIMESTAMP = re.compile(r"[0-9]{13}")
_NONCE = re.compile(rf"[A-Za-z0-9_-]{{1,{NONCE_LENGTH_MAX}}}")
_SIGNATURE_LENGTH_MAX = 160
_STATE = re.compile(rf"[A-Za-z0-9._~-]{{1,{STATE_LENGTH_MAX}}}")
_BUSINESS_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{BUSINESS_ID_LENGTH_MAX}}}")
_SOURCE = re.compile(
    r"PC_Browser|App_Link|App_Package"
    r"|(?:Android|iOS)_(?:[A-Z][A-Za-z]{1,15})(?:_IMS_InAppBrowser)?"
)

LANGUAGES = {"en-US": "en", "zh-HK": "zh-Hant", "zh-CN": "zh-Hans"}
# What each scope of the wire asks of identity: shown to the person in identity's own words.
SCOPES: Mapping[WireName, Mapping[str, tuple[str, ...]]] = {
    "iam": {
        "eidapi_auth": ("openid",),
        "eidapi_profiles": ("openid",),
        "eidapi_formFilling": ("openid",),
        "eidapi_sign": ("openid", "signing"),
        "eidapi_fr": ("openid",),
        "eidapi_bulksign": ("openid", "signing"),
    },
    "corpid": {
        "corpidapi_auth": ("company",),
        "corpidapi_profiles": ("company",),
        "corpidapi_formFilling": ("company",),
        "corpidapi_sign": ("company", "signing"),
        "corpidapi_docwallet": ("company",),
    },
}
# A company's data is for services of the government only.
GOVERNMENT_SCOPE = "corpidapi_profiles"
PROFILE_FIELDS = ("idNo", "enName", "chName", "birthDate", "gender")
# Each algorithm that can be asked for, and the kind of key that signs so.
SIGN_ALGORITHMS: Mapping[str, Literal["ES256", "RSA-3072"]] = {
    "SHA256withRSA": "RSA-3072", "NONEwithRSA": "RSA-3072",
    "SHA256withECDSA": "ES256", "NONEwithECDSA": "ES256",
}  # fmt: skip
# NONEwithRSA pads what it is given: a DigestInfo, of a SHA-256 here (RFC 8017 s9.2, note 1).
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
BULK_MAX = 16
DOCUMENT_TYPES = ("businessRegistration", "mandate")
SIGN_TYPES = ("PERSONAL_SIGN", "CORPID_SIGN", "INTEGRATED_SIGN")
ACKNOWLEDGEMENTS = ("SR001", "SR002", "SR003")


class Wire(msgspec.Struct, frozen=True):
    """One of the two styles: where its addresses are, what its codes begin with."""

    name: WireName
    prefix: str
    letter: str

    @property
    def success(self) -> str:
        """The code of a request that was done."""
        return f"{self.letter}00000"


IAM = Wire("iam", "/api/v1", "D")
CORPID = Wire("corpid", "/api/eservice/v1", "M")
WIRES: Mapping[str, Wire] = {"iam": IAM, "corpid": CORPID}


class FacadeClient(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of a wire style has beside its registration; the secret is opened."""

    client_id: str
    secret: bytes
    kek_certificate: str
    callback_url: str
    is_government: bool = False


class SignedHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of a request, each of its right form."""

    client_id: str
    timestamp: str
    nonce: str
    signature: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that a QR page began; with `request_id` it belongs to an anonymous request."""

    sign_in_id: str
    client_id: str
    wire: WireName
    scopes: tuple[str, ...]
    company_scopes: tuple[str, ...]
    redirect_uri: str
    state: str
    language: str
    expires_at: datetime
    request_id: str | None = None


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What a code of the wire stands for."""

    code_hash: bytes
    client_id: str
    wire: WireName
    scopes: tuple[str, ...]
    person_id: str
    company_id: str | None
    grant_id: str
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is about; kept sealed.

    `digests` are as sent, each with the name of its document. `handles`: of the signature, and in
    INTEGRATED_SIGN of the seal that follows it. `signer_id`: who scanned, without a log-in.
    """

    language: str = "en"
    group: str = ""
    form: dict[str, Any] = {}
    digests: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    digest_name: str = ""
    is_bulk: bool = False
    algorithm: str = ""
    sign_type: str = ""
    handles: tuple[str, ...] = ()
    signer_id: str = ""
    document_types: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An action asked of a person; without `person_id` whoever scans its page."""

    id: str
    client_id: str
    wire: WireName
    kind: str
    business_id: str
    ticket_hash: bytes
    redirect_uri: str
    state: str
    person_id: str | None
    company_id: str | None
    mandate_id: str | None
    approval_id: str | None
    asked: bytes
    created_at: datetime
    expires_at: datetime
    outcome: Outcome | None = None
    result: bytes | None = None
    sign_token_hash: bytes | None = None
    acknowledged: str | None = None
    delivered_at: datetime | None = None
    grant_id: str | None = None


def read_headers(headers: Mapping[str, str]) -> SignedHeaders | Refused:
    """Read the five headers; SIGNATURE names one that is missing or of another form."""
    names = ("clientID", "signatureMethod", "timestamp", "nonce", "signature")
    given = {name: headers.get(name.lower(), "") for name in names}
    if given["signatureMethod"] != SIGNATURE_METHOD:
        return _unsigned(f"signatureMethod is {SIGNATURE_METHOD}.")
    if not _TIMESTAMP.fullmatch(given["timestamp"]):
        return _unsigned("timestamp is 13 digits of milliseconds.")
    if not _NONCE.fullmatch(given["nonce"]):
        return _unsigned(f"nonce is 1 to {NONCE_LENGTH_MAX} letters, digits, hyphens, underscores.")
    if not given["clientID"] or not 0 < len(given["signature"]) <= _SIGNATURE_LENGTH_MAX:
        return _unsigned("clientID and signature are needed.")
    return SignedHeaders(
        client_id=given["clientID"], timestamp=given["timestamp"], nonce=given["nonce"],
        signature=given["signature"],
    )  # fmt: skip


def _unsigned(detail: str) -> Refused:
    return Refused(FacadeRefusal.SIGNATURE, detail)


def request_mac(secret: bytes, client_id: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Return the base64 HMAC-SHA256 over client, method, time, nonce and body as sent."""
    message = f"{client_id}{SIGNATURE_METHOD}{timestamp}{nonce}".encode() + body
    return base64.b64encode(hmac.digest(secret, message, "sha256")).decode()


def check_signature(
    secret: bytes, headers: SignedHeaders, body: bytes, now_ms: int
) -> Refused | None:
    """Check the MAC, then that the time is within WINDOW_MS; SIGNATURE, TIMESTAMP."""
    expected = request_mac(secret, headers.client_id, headers.timestamp, headers.nonce, body)
    given = unquote(headers.signature, errors="replace")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        return Refused(FacadeRefusal.SIGNATURE)
    if abs(int(headers.timestamp) - now_ms) > WINDOW_MS:
        return Refused(FacadeRefusal.TIMESTAMP)
    return None


def seal_content(cek: bytes, iv: bytes, plaintext: bytes) -> str:
    """Return base64 of the IV's length, the IV, ciphertext and tag (AES-256-GCM)."""
    assert len(cek) == CEK_BYTES and len(iv) == IV_BYTES, "a 256-bit key and a 96-bit IV"
    sealed = AESGCM(cek).encrypt(iv, plaintext, None)
    return base64.b64encode(IV_BYTES.to_bytes(4, "big") + iv + sealed).decode()


def open_content(cek: bytes, content: str) -> bytes | Refused:
    """Open what `seal_content` made; DECRYPTION for another length, key, or a changed bit."""
    refused = Refused(FacadeRefusal.DECRYPTION, field="content")
    try:
        raw = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return refused
    if len(raw) < 4 + IV_BYTES + TAG_BYTES or int.from_bytes(raw[:4], "big") != IV_BYTES:
        return refused
    try:
        return AESGCM(cek).decrypt(raw[4 : 4 + IV_BYTES], raw[4 + IV_BYTES :], None)
    except InvalidTag:
        return refused


def bound_thumbprint(wire: WireName, client_id: str) -> str:
    """Return what a facade's token is bound to in the place of a proof's key.

    No key has this thumbprint, so the token is good for nothing but this client on this wire.
    """
    digest = hashlib.sha256(f"lionrock facade\n{wire}\n{client_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def read_scopes(wire: WireName, text: str) -> tuple[str, ...] | Refused:
    """Read the scopes of a wire, joined by blanks; SCOPE names the first unknown one."""
    asked = text.split(" ") if text else []
    known = SCOPES[wire]
    for name in asked:
        if name not in known:
            return Refused(FacadeRefusal.SCOPE, f"Known: {', '.join(known)}.", "scope")
    return tuple(name for name in known if name in asked)


def core_scopes(*groups: tuple[WireName, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the scopes of identity that scopes of the wires stand for."""
    found = {core for wire, names in groups for name in names for core in SCOPES[wire][name]}
    return tuple(sorted(found))


def check_state(state: str) -> Refused | None:
    """State is needed, so that the service can tie the answer to its browser (RFC 6749 s10.12)."""
    if _STATE.fullmatch(state):
        return None
    detail = f"1 to {STATE_LENGTH_MAX} letters, digits, and any of . _ ~ -"
    return Refused(FacadeRefusal.REQUEST, detail, "state")


def check_source(source: str) -> Refused | None:
    """The kind of browser or app that a request names."""
    if _SOURCE.fullmatch(source):
        return None
    return Refused(FacadeRefusal.REQUEST, "Such as PC_Browser or iOS_Safari.", "source")


def check_business_id(business_id: str) -> Refused | None:
    """The service's own name of an action."""
    if _BUSINESS_ID.fullmatch(business_id):
        return None
    detail = f"1 to {BUSINESS_ID_LENGTH_MAX} letters, digits, hyphens, underscores."
    return Refused(FacadeRefusal.REQUEST, detail, "businessID")


def read_digest(text: str, field: str, algorithm: str) -> bytes | Refused:
    """Read a base64 SHA-256, or with NONEwithRSA the base64 of its DigestInfo; REQUEST."""
    is_info = algorithm == "NONEwithRSA"
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if is_info and raw.startswith(DIGEST_INFO):
        raw = raw.removeprefix(DIGEST_INFO)
    elif is_info:
        raw = b""
    if len(raw) != DIGEST_BYTES:
        wanted = "the DigestInfo of a SHA-256" if is_info else "a SHA-256"
        return Refused(FacadeRefusal.REQUEST, f"Base64 of {wanted}.", field)
    return raw

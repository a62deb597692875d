"""The routes of remote signing, /csc/v2/..., for clients that bear a person's DPoP-bound token.

Each row begins with the check of the token (scope "signing"); errors are CSC's JSON. Not for: the
phone's side (identity's own routes), verification. Source: CSC API v2 in shape (docs/decisions/0018
says what differs); RFC 9449 s7 (proof at every call).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import Response

import lionrock
from lionrock.identity.service.identity import PrincipalCall
from lionrock.identity.signing.csc import bodies
from lionrock.identity.signing.csc.domain import (
    EC_PUBLIC_KEY_OID,
    ECDSA_SHA_256_OID,
    HASHES_MAX,
    P_256_OID,
    SHA_256_OID,
    CscRefusal,
    Digest,
    credential_ids,
    read_hashes,
)
from lionrock.identity.signing.csc.errors import CSC_ERRORS
from lionrock.identity.signing.csc.service import Granted, RemoteSigning, Sent, Started
from lionrock.identity.signing.domain import Level, Signer
from lionrock.identity.signing.timestamps import NONCE_BYTES_MAX
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply
from lionrock.kernel.i18n import LANGUAGES

SPECIFICATION = "2.0.0.2"
BASE = "/csc/v2"
METHODS = (
    "info", "credentials/list", "credentials/info", "credentials/authorize",
    "credentials/authorizeCheck", "signatures/signHash", "signatures/signDoc",
    "signatures/timestamp",
)  # fmt: skip
DOCUMENTS_BYTES_MAX = 12 * 1024 * 1024
SCOPE = "signing"
_LEVELS = {f"ades-{level.value.lower()}": level for level in Level}
_NONCE = re.compile(rf"[0-9a-fA-F]{{1,{2 * NONCE_BYTES_MAX}}}")
_BAD_HASH = "It is no base64 of 32 octets."


class CredentialCall(PrincipalCall):
    """A call about one credential of the token's bearer."""

    signer: Signer
    digests: list[Digest]


async def check_access_token(call: PrincipalCall) -> Response | None:
    """Check token, proof and scope; a refusal keeps its challenge and takes CSC's shape."""
    refused: Response | None = await call.room.identity.check_access_token(call)
    if refused is None:
        return None
    challenge = refused.headers.get("www-authenticate", "")
    _, _, named = challenge.partition('error="')
    error = {
        "error": named.partition('"')[0] or "invalid_request",
        "error_description": "The access token or its proof was not accepted.",
    }
    names = ("www-authenticate", "dpop-nonce")
    kept = {name: refused.headers[name] for name in names if name in refused.headers}
    return reply(error, refused.status_code, kept)


async def load_signer(call: CredentialCall) -> Refused | None:
    """Load whose key the credential is; it must be the token bearer's own."""
    signer = await _remote(call).signer(call.db, call.principal, call.body.credentialID)
    if isinstance(signer, Refused):
        return signer
    call.signer = signer
    return None


async def check_algorithms(call: CredentialCall) -> Refused | None:
    """Take SHA-256 and ECDSA only; what is not named is taken as these."""
    body = call.body
    named = bodies.chosen(
        getattr(body, "hashAlgorithmOID", None), getattr(body, "hashAlgo", None)
    )
    is_contradicting = named is None and getattr(body, "hashAlgorithmOID", None) is not None
    if is_contradicting or named not in (None, SHA_256_OID):
        return Refused(CscRefusal.HASH_ALGORITHM, field="hashAlgorithmOID")
    if getattr(body, "signAlgo", None) not in (None, ECDSA_SHA_256_OID):
        return Refused(CscRefusal.SIGN_ALGORITHM, field="signAlgo")
    return None


async def load_digests(call: CredentialCall) -> Refused | None:
    """Read what is to be authorized: hashes or documents' digests, with their names."""
    body: bodies.AuthorizeBody = call.body
    hashes = bodies.chosen(body.hashes, body.hash)
    documents = body.documentDigests
    if (hashes is None) is (documents is None):
        return Refused(CscRefusal.HASHES, "Send hashes or documentDigests, one of them.", "hashes")
    values = hashes if documents is None else [d.hash for d in documents]
    read = read_hashes(values, body.numSignatures)
    if isinstance(read, Refused):
        return read
    labels = body.labels or [body.description] * len(read)
    if documents is not None:
        labels = [d.label or body.description for d in documents]
    if len(labels) != len(read):
        return Refused(CscRefusal.LABELS, "There must be one for each hash.", "labels")
    call.digests = [Digest(hash=h, label=n) for h, n in zip(read, labels, strict=True)]
    return None


async def reply_service(call: Call[Any, Any]) -> Response:
    """Say what this service is and which methods it has (CSC API v2 info)."""
    public_url = call.kernel.settings.public_url.rstrip("/")
    return reply({
        "specs": SPECIFICATION, "name": f"{call.kernel.settings.city} remote signing (simulated)",
        "logo": "", "region": "HK", "lang": "en",
        "description": "Signatures released by approvals on phones. CSC-shaped, not certified.",
        "authType": ["oauth2code"], "oauth2": public_url, "asynchronousOperationMode": True,
        "methods": list(METHODS), "version": lionrock.__version__,
    })  # fmt: skip


async def reply_list(call: PrincipalCall) -> Response:
    """List the token bearer's credentials."""
    return reply({"credentialIDs": list(credential_ids(call.principal))})


async def reply_credential(call: CredentialCall) -> Response:
    """Describe a credential: key, certificates, how it is authorized."""
    authority = call.room.signing.authority
    certificate, _ = await authority.certificate(call.db, call.signer)
    chain = [certificate]
    if call.body.certificates == "chain":
        chain.append((await authority.ca(call.db))[0])
    shown = {
        "status": "valid",
        "certificates": [
            base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in chain
        ] if call.body.certificates != "none" else [],
        "issuerDN": certificate.issuer.rfc4514_string(),
        "subjectDN": certificate.subject.rfc4514_string(),
        "serialNumber": f"{certificate.serial_number:x}",
        "validFrom": _generalized(certificate, "not_valid_before_utc"),
        "validTo": _generalized(certificate, "not_valid_after_utc"),
    }  # fmt: skip
    return reply({
        "description": call.signer.name,
        "signatureQualifier": "simulated",
        "key": {
            "status": "enabled", "algo": [ECDSA_SHA_256_OID, EC_PUBLIC_KEY_OID], "len": 256,
            "curve": P_256_OID,
        },
        "cert": shown, "auth": {"mode": "explicit", "expression": "approval"},
        "SCAL": "2", "multisign": HASHES_MAX, "lang": "en",
    })  # fmt: skip


async def reply_authorize(call: CredentialCall) -> Response | Refused:
    """Ask the phone; the answer comes through credentials/authorizeCheck."""
    body: bodies.AuthorizeBody = call.body
    started = await _remote(call).authorize(
        call.db, call.principal, call.signer, call.digests,
        is_of_documents=body.documentDigests is not None,
        language=body.lang if body.lang in LANGUAGES else call.lang,
    )  # fmt: skip
    return started if isinstance(started, Refused) else _waiting(call, started)


async def reply_authorize_check(call: PrincipalCall) -> Response | Refused:
    """Give the activation data once the phone has said yes; 202 with the handle until then."""
    found = await _remote(call).check(call.db, call.principal, call.body.handle)
    if isinstance(found, Refused):
        return found
    if isinstance(found, Granted):
        return reply(bodies.SadReply(found.sad, found.expires_in_s))
    return _waiting(call, found)


async def reply_sign_hash(call: CredentialCall) -> Response | Refused:
    """Sign authorized values (CSC API v2 signatures/signHash)."""
    values = read_hashes(bodies.chosen(call.body.hashes, call.body.hash) or [], None)
    if isinstance(values, Refused):
        return values
    made = await _remote(call).sign_hashes(
        call.db, call.principal, call.signer, call.body.SAD, values
    )
    if isinstance(made, Refused):
        return made
    return reply({"signatures": [base64.b64encode(value).decode() for value in made]})


async def reply_sign_document(call: CredentialCall) -> Response | Refused:
    """Sign authorized documents (CSC API v2 signatures/signDoc)."""
    if not 1 <= len(call.body.documents) <= HASHES_MAX:
        return Refused(CscRefusal.HASHES, f"1 to {HASHES_MAX} documents.", "documents")
    documents: list[Sent] = []
    for sent in call.body.documents:
        level = _LEVELS.get(sent.conformance_level.lower())
        if sent.signature_format not in ("P", "X") or level is None:
            return Refused(CscRefusal.FORMAT, field="documents")
        content = _decoded(sent.document)
        if content is None:
            return Refused(CscRefusal.DOCUMENT_REFUSED, "It is no base64.", "documents")
        documents.append(Sent(content, level, sent.signature_format == "X"))
    made = await _remote(call).sign_documents(
        call.db, call.principal, call.signer, call.body.SAD, documents
    )
    if isinstance(made, Refused):
        return made
    return reply({"DocumentWithSignature": [base64.b64encode(pdf).decode() for pdf in made]})


async def reply_time_stamp(call: PrincipalCall) -> Response | Refused:
    """Time-stamp a digest (CSC API v2 signatures/timestamp): the RFC 3161 token as base64."""
    if call.body.hashAlgo != SHA_256_OID:
        return Refused(CscRefusal.HASH_ALGORITHM, field="hashAlgo")
    digest = _decoded(call.body.hash)
    if digest is None or len(digest) != 32:
        return Refused(CscRefusal.HASHES, _BAD_HASH, "hash")
    nonce: int | None = None
    if call.body.nonce is not None:
        raw = call.body.nonce.removeprefix("0x")
        if _NONCE.fullmatch(raw) is None:
            return Refused(CscRefusal.HASHES, "The nonce is hexadecimal.", "nonce")
        nonce = int(raw, 16)
    maker = await call.room.signing.authority.time_stamper(call.db)
    token = maker.stamp(digest, "sha256", nonce=nonce)
    return reply({"timestamp": base64.b64encode(token).decode()})


def _remote(call: PrincipalCall) -> RemoteSigning:
    return RemoteSigning(call.kernel, call.room.signing, call.room.identity)


def _waiting(call: PrincipalCall, started: Started) -> Response:
    now = call.kernel.business_clock.now()
    left = max(0, int((started.approval.expires_at - now).total_seconds()))
    waiting = bodies.AuthorizeReply(
        handle=started.authorization.id, expiresIn=left, number=started.approval.number or ""
    )
    return reply(waiting, 202)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _generalized(certificate: x509.Certificate, name: str) -> str:
    return str(getattr(certificate, name).strftime("%Y%m%d%H%M%SZ"))


def _row(
    name: str, summary: str, body: type, *steps: Any, call: type = CredentialCall,
    bytes_max: int = 64 * 1024, status: int = 200,
) -> Route:  # fmt: skip
    """A row of this API: POST, JSON, a token of scope "signing", CSC's errors."""
    return Route(
        method="POST", path=f"{BASE}/{name}", name=f"csc_{name.replace('/', '_')}",
        summary=summary, steps=(check_access_token, *steps), call=call, body=body,
        body_bytes_max=bytes_max, replies={status: None}, errors=CSC_ERRORS, family="oauth",
        scope=SCOPE, clause=f"CSC API v2 {name}",
    )  # fmt: skip


ROUTES = (
    Route(
        method="POST", path=f"{BASE}/info", name="csc_info",
        summary="What the remote signing service can do", steps=(reply_service,), body=bodies.Empty,
        replies={200: None}, family="oauth", clause="CSC API v2 info",
    ),
    _row("credentials/list", "The signing credentials of the person or company", bodies.Empty,
         reply_list, call=PrincipalCall),
    _row("credentials/info", "One credential: key and certificates", bodies.CredentialBody,
         load_signer, reply_credential),
    _row("credentials/authorize", "Ask the phone to release hashes for signing",
         bodies.AuthorizeBody, load_signer, check_algorithms, load_digests, reply_authorize,
         status=202),
    _row("credentials/authorizeCheck", "Fetch the activation data once approved",
         bodies.HandleBody, reply_authorize_check, call=PrincipalCall),
    _row("signatures/signHash", "Sign released hashes", bodies.SignHashBody, load_signer,
         check_algorithms, reply_sign_hash),
    _row("signatures/signDoc", "Sign released documents", bodies.SignDocBody, load_signer,
         check_algorithms, reply_sign_document, bytes_max=DOCUMENTS_BYTES_MAX),
    _row("signatures/timestamp", "Time-stamp a digest (simulated)", bodies.TimestampBody,
         reply_time_stamp, call=PrincipalCall),
)  # fmt: skip

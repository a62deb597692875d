"""The public routes of the city's CA and time-stamp authority: plain bytes in, plain bytes out.

Not for: signing for clients (csc/), checking signed documents (verification/). Anybody may ask;
nothing here names a person. Source: RFC 3161 s3.4, RFC 5280 s4.2.1.13, RFC 6960 appendix A.1,
RFC 2585 (media types of certificates and lists).
"""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import Response

from lionrock.identity.service.identity import Identity
from lionrock.identity.signing import timestamps
from lionrock.identity.signing.authority import (
    CA_PATH,
    LIST_PATH,
    RESPONDER_PATH,
    TIME_STAMP_PATH,
)
from lionrock.identity.signing.service import Signing
from lionrock.identity.signing.verification.service import Verification
from lionrock.kernel.http import Call, Route

# A verifier may keep a certificate or list this long; the list says itself how long it lasts.
CACHE_S = 60
QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"


class SigningRoom(msgspec.Struct, frozen=True):
    """What the routes of this room work with."""

    signing: Signing
    identity: Identity
    verification: Verification


SigningCall = Call[SigningRoom, Any]


async def reply_time_stamp(call: SigningCall) -> Response:
    """Stamp a digest, or say in the protocol's own words why not (RFC 3161 s2.4.2)."""
    maker = await call.room.signing.authority.time_stamper(call.db)
    return Response(timestamps.answer(call.raw_body, maker), media_type=REPLY_TYPE)


async def reply_ca(call: SigningCall) -> Response:
    """Answer with the CA's certificate as DER."""
    (newest, *_) = reversed(await call.room.signing.authority.roots(call.db))
    der = x509.load_pem_x509_certificate(newest.encode()).public_bytes(Encoding.DER)
    return _cached(der, "application/pkix-cert")


async def reply_list(call: SigningCall) -> Response:
    """Answer with the list of revoked certificates (RFC 5280 s5)."""
    made = await call.room.signing.authority.revocation_list(call.db)
    return _cached(made, "application/pkix-crl")


async def reply_status(call: SigningCall) -> Response:
    """Answer an OCSP question about one certificate (RFC 6960 s2)."""
    made = await call.room.signing.authority.answer_status(call.db, call.raw_body)
    return Response(made, media_type="application/ocsp-response")


def _cached(content: bytes, media_type: str) -> Response:
    headers = {"cache-control": f"public, max-age={CACHE_S}"}
    return Response(content, media_type=media_type, headers=headers)


ROUTES = (
    Route(
        method="POST", path=TIME_STAMP_PATH, name="time_stamp",
        summary="Time-stamp a digest (simulated authority)", steps=(reply_time_stamp,),
        body_kind="raw", body_media_types=(QUERY_TYPE,), replies={200: None},
        reply_media_type=REPLY_TYPE, clause="RFC 3161 s3.4",
    ),
    Route(
        method="GET", path=CA_PATH, name="ca_certificate",
        summary="The certificate of the city's CA (simulated)", steps=(reply_ca,),
        replies={200: None}, reply_media_type="application/pkix-cert", clause="RFC 2585 s4.1",
    ),
    Route(
        method="GET", path=LIST_PATH, name="revoked_certificates",
        summary="The CA's list of revoked certificates", steps=(reply_list,),
        replies={200: None}, reply_media_type="application/pkix-crl", clause="RFC 5280 s5",
    ),
    Route(
        method="POST", path=RESPONDER_PATH, name="certificate_status",
        summary="The status of one certificate (OCSP)", steps=(reply_status,), body_kind="raw",
        body_media_types=("application/ocsp-request",), replies={200: None},
        reply_media_type="application/ocsp-response", clause="RFC 6960 s2",
    ),
)  # fmt: skip

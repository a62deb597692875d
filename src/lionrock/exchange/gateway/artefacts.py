"""Signing and reading the consent artefact (JWS, typ "consent+jwt").

Used by the hub, which signs, and by every gateway, which believes nothing else. Source: RFC 7515,
RFC 8725 s3.11 (explicit typing: no other token of the platform can pass for a consent).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lionrock.exchange.domain.consent import ARTEFACT_BYTES_MAX, CONSENT_TYP, Artefact
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, sign_jws, verify_jws


def sign_artefact(key: Key, artefact: Artefact) -> str:
    """Return one revision as a compact JWS."""
    signed = sign_jws(key, msgspec.json.encode(artefact), typ=CONSENT_TYP)
    assert len(signed) <= ARTEFACT_BYTES_MAX, "the terms are bounded, so is the artefact"
    return signed


def read_artefact(jws: str, platform_keys: Sequence[Key], platform_id: str) -> Artefact | Refused:
    """Check an artefact's signature, type, issuer and shape.

    CONSENT_FORGED when it is not the platform's; CONSENT_MALFORMED when it has another shape.
    """
    if len(jws) > ARTEFACT_BYTES_MAX:
        return Refused(ExchangeRefusal.CONSENT_FORGED, "larger than any consent", field="consent")
    verified = verify_jws(jws, list(platform_keys), typ=CONSENT_TYP)
    if isinstance(verified, Refused):
        detail = verified.refusal.value
        return Refused(ExchangeRefusal.CONSENT_FORGED, detail, field="consent")
    try:
        artefact = msgspec.convert(verified.claims, Artefact, strict=True)
    except msgspec.ValidationError as error:
        return Refused(ExchangeRefusal.CONSENT_MALFORMED, str(error)[:200], field="consent")
    if artefact.iss != platform_id:
        return Refused(ExchangeRefusal.CONSENT_FORGED, "another issuer", field="consent")
    return artefact

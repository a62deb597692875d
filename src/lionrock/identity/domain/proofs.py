"""The proof of an answer: what a person's device signed, of one of two kinds that count the same.

- "jws": a JWS of the device's own key, typ approval-answer+jwt; its claims are the answer.
- "webauthn": a passkey's assertion, whose challenge is the hash of the answer (domain/webauthn.py).

Both can be checked again from the stored text and the device's key, without the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.webauthn import Site, read_proof
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import trusted_key, verify_jws

ProofKind = Literal["jws", "webauthn"]
ANSWER_TYPE = "approval-answer+jwt"
# Members of a passkey's statement beside the answer itself.
_STATEMENT_EXTRA = ("purpose", "nonce")
ANSWER_PURPOSE = "approval-answer"


class Proof(msgspec.Struct, frozen=True):
    """A proof as it is stored."""

    kind: ProofKind
    text: str


def answer_claims(proof: Proof, device: Device, site: Site) -> Mapping[str, Any] | Refused:
    """Check a proof by a device's key; returns what was signed, as the answer's claims.

    ANSWER_SIGNATURE: it does not hold, or is not of the kind that this device makes.
    """
    expected: ProofKind = "webauthn" if device.kind == "passkey" else "jws"
    if proof.kind != expected:
        return Refused(IdentityRefusal.ANSWER_SIGNATURE, "Not a proof of this kind of device.")
    if proof.kind == "jws":
        verified = verify_jws(proof.text, trusted_key(device.public_jwk), typ=ANSWER_TYPE)
        if isinstance(verified, Refused):
            return Refused(IdentityRefusal.ANSWER_SIGNATURE, verified.refusal.value)
        return verified.claims
    statement = read_proof(proof.text, device.public_jwk, site=site)
    if isinstance(statement, Refused):
        return Refused(IdentityRefusal.ANSWER_SIGNATURE, statement.refusal.value)
    if statement.get("purpose") != ANSWER_PURPOSE:
        return Refused(IdentityRefusal.ANSWER_SIGNATURE, "It was signed for something else.")
    return {name: value for name, value in statement.items() if name not in _STATEMENT_EXTRA}

"""Devices: enrolment with a single-use code and a proof of the new key, and taking out of use.

Thin: the operator (or the sandbox) issues the code after it has identified the person; there is no
self-service identification yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.store import parties as store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import key_from_jwk, thumbprint, verify_jws

ENROLMENT_CODE_LIFE = timedelta(days=7)
ENROLMENT_TYPE = "device-enrolment+jwt"
PROOF_SKEW_S_MAX = 300


class Devices:
    """Phones and their keys. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def issue_enrolment_code(self, db: Connection, person_id: str) -> str | Refused:
        """Return a code that enrols one device of a person within seven days; kept as a hash."""
        if await store.person(db, person_id) is None:
            return Refused(IdentityRefusal.PERSON_UNKNOWN)
        code = secrets.token(16)
        expires_at = self._kernel.business_clock.now() + ENROLMENT_CODE_LIFE
        await store.insert_enrolment_code(db, secret_hash(code), person_id, expires_at)
        return code

    async def enrol(
        self, db: Connection, code: str, public_jwk: Mapping[str, Any], proof: str
    ) -> Device | Refused:
        """Bind a key to the code's person.

        `proof` is a JWS by the new key (typ device-enrolment+jwt) over {"code", "aud", "iat"}, so
        that nobody enrols a key that is not theirs. Refused: DEVICE_KEY, DEVICE_SIGNATURE,
        ENROLMENT_CODE, DEVICE_KEY_TAKEN.
        """
        key = key_from_jwk(public_jwk)
        if isinstance(key, Refused) or key.alg != "ES256" or key.use != "sig":
            return Refused(IdentityRefusal.DEVICE_KEY, field="public_jwk")
        # The thumbprint of the bare key, not the kid the sender chose: one key is one device.
        bare = key_from_jwk(key.bare_jwk)
        assert not isinstance(bare, Refused), "its members were just read"
        verified = verify_jws(proof, bare, typ=ENROLMENT_TYPE)
        if isinstance(verified, Refused) or not self._is_right(verified.claims, code):
            return Refused(IdentityRefusal.DEVICE_SIGNATURE, field="proof")
        now = self._kernel.business_clock.now()
        person_id = await store.use_enrolment_code(db, secret_hash(code), now)
        if person_id is None:
            return Refused(IdentityRefusal.ENROLMENT_CODE, field="code")
        device = Device(
            id=self._kernel.ids.new("dev"), person_id=person_id, public_jwk=bare.bare_jwk,
            enrolled_at=now,
        )  # fmt: skip
        problem = await store.insert_device(db, device, thumbprint(bare.bare_jwk))
        return problem if problem is not None else device

    async def device(self, db: Connection, device_id: str) -> Device | Refused:
        """Return a device in use of an active person; DEVICE_UNKNOWN."""
        return await store.device(db, device_id) or Refused(IdentityRefusal.DEVICE_UNKNOWN)

    async def revoke(self, db: Connection, device_id: str) -> Refused | None:
        """Take a device out of use for ever; its next request is refused."""
        if not await store.end_device(db, device_id, self._kernel.business_clock.now()):
            return Refused(IdentityRefusal.DEVICE_UNKNOWN)
        return None

    def _is_right(self, claims: Mapping[str, Any], code: str) -> bool:
        issued_at = claims.get("iat")
        now_s = self._kernel.wire_clock.now_s()
        return (
            claims.get("code") == code
            and claims.get("aud") == self._kernel.settings.public_url
            and type(issued_at) is int
            and abs(now_s - issued_at) <= PROOF_SKEW_S_MAX
        )

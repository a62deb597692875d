"""Devices: enrolment with a single-use code and a proof of the new key, and taking out of use.

The code comes from somebody who has identified the person: an operator, a recovery
(passkeys/recovery.py) or the sandbox. A person has few devices. A new one waits: until its waiting
period ends, or an older device vouches for it, it reaches the lowest level of assurance only; an
older device that says no takes it out of use.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lionrock.identity.domain.approvals import Approval, ApprovalRequest, State
from lionrock.identity.domain.assurance import ACR_DEVICE_NUMBER, meets_acr
from lionrock.identity.domain.grants import Principal, secret_hash
from lionrock.identity.domain.parties import DEVICES_PER_PERSON_MAX, Device
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.assurance import grant_authentication
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of_text,
)
from lionrock.identity.store import devices as store
from lionrock.identity.store import parties as parties_store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import show_instant
from lionrock.kernel.jose import key_from_jwk, thumbprint, verify_jws

ENROLMENT_CODE_LIFE = timedelta(days=7)
ENROLMENT_TYPE = "device-enrolment+jwt"
PROOF_SKEW_S_MAX = 300
NOTICE_KIND = "identity.device"
NOTICE_LIFE_S = 24 * 3600
ENROLLED_RECEIPT = "identity.device_enrolled"
REVOKED_RECEIPT = "identity.device_revoked"


class Devices:
    """Phones, passkeys and their keys. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, approvals: Approvals, evidence: ReceiptRecorder) -> None:
        self._kernel = kernel
        self._approvals = approvals
        self._evidence = evidence
        approvals.listen(NOTICE_KIND, self._notice_decided)

    async def issue_enrolment_code(self, db: Connection, person_id: str) -> str | Refused:
        """Return a code that enrols one device of a person within seven days; kept as a hash."""
        if await parties_store.person(db, person_id) is None:
            return Refused(IdentityRefusal.PERSON_UNKNOWN)
        code = secrets.token(16)
        expires_at = self._kernel.business_clock.now() + ENROLMENT_CODE_LIFE
        await store.insert_enrolment_code(db, secret_hash(code), person_id, expires_at)
        return code

    async def enrol(
        self,
        db: Connection,
        code: str,
        public_jwk: Mapping[str, Any],
        proof: str,
        language: str = "en",
    ) -> Device | Refused:
        """Bind a key to the code's person.

        `proof` is a JWS by the new key (typ device-enrolment+jwt) over {"code", "aud", "iat"}, so
        that nobody enrols a key that is not theirs. Refused: DEVICE_KEY, DEVICE_SIGNATURE,
        ENROLMENT_CODE, DEVICES_MAX, DEVICE_KEY_TAKEN.
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
        person_id = await self.use_code(db, code)
        if isinstance(person_id, Refused):
            return person_id
        return await self.add(db, person_id, bare.bare_jwk, language=language)

    async def code_person(self, db: Connection, code: str) -> str | Refused:
        """Return a good enrolment code's person, the code unused; ENROLMENT_CODE."""
        now = self._kernel.business_clock.now()
        found = await store.enrolment_code_person(db, secret_hash(code), now)
        return found or Refused(IdentityRefusal.ENROLMENT_CODE, field="code")

    async def use_code(self, db: Connection, code: str) -> str | Refused:
        """Use up an enrolment code and return its person; ENROLMENT_CODE."""
        now = self._kernel.business_clock.now()
        found = await store.use_enrolment_code(db, secret_hash(code), now)
        return found or Refused(IdentityRefusal.ENROLMENT_CODE, field="code")

    async def add(
        self,
        db: Connection,
        person_id: str,
        public_jwk: dict[str, str],
        *,
        language: str,
        credential_id: bytes | None = None,
        sign_count: int = 0,
    ) -> Device | Refused:
        """Add a checked key to a person's devices, with a credential id as a passkey.

        Its waiting period begins, and the older devices are asked about it. Refused: DEVICES_MAX,
        DEVICE_KEY_TAKEN.
        """
        is_found = await parties_store.lock_person(db, person_id)
        assert is_found, "a code's person is on record"
        others = await store.devices_of(db, person_id)
        if len(others) >= DEVICES_PER_PERSON_MAX:
            return Refused(
                IdentityRefusal.DEVICES_MAX, f"At most {DEVICES_PER_PERSON_MAX} devices."
            )
        now = self._kernel.business_clock.now()
        waiting = timedelta(seconds=self._kernel.settings.device_waiting_period_s)
        device = Device(
            id=self._kernel.ids.new("dev"), person_id=person_id, public_jwk=public_jwk,
            enrolled_at=now, trusted_from=now + waiting,
            kind="key" if credential_id is None else "passkey", credential_id=credential_id,
            sign_count=sign_count,
        )  # fmt: skip
        problem = await store.insert_device(db, device, thumbprint(public_jwk))
        if problem is not None:
            return problem
        await self._record(db, ENROLLED_RECEIPT, device.id)
        if others:
            await self._ask_others(db, device, language)
        return await self.device(db, device.id)

    async def device(self, db: Connection, device_id: str) -> Device | Refused:
        """Return a device in use of an active person; DEVICE_UNKNOWN."""
        return await store.device(db, device_id) or Refused(IdentityRefusal.DEVICE_UNKNOWN)

    async def devices_of(self, db: Connection, person_id: str) -> list[Device]:
        """Return a person's devices in use, oldest first."""
        return await store.devices_of(db, person_id)

    async def revoke(self, db: Connection, device_id: str) -> Refused | None:
        """Take a device out of use for ever; its next request is refused."""
        if not await store.end_device(db, device_id, self._kernel.business_clock.now()):
            return Refused(IdentityRefusal.DEVICE_UNKNOWN)
        await self._record(db, REVOKED_RECEIPT, device_id)
        return None

    async def revoke_own(self, db: Connection, device: Device, device_id: str) -> Refused | None:
        """Take one of the holder's devices out of use, the asking one too.

        DEVICE_UNKNOWN: it is not in use, or somebody else's. DEVICE_WAITING: a device that waits
        cannot throw out the ones that it has to wait for.
        """
        other = await store.device(db, device_id)
        if other is None or other.person_id != device.person_id:
            return Refused(IdentityRefusal.DEVICE_UNKNOWN)
        if other.id != device.id and not device.is_trusted(self._kernel.business_clock.now()):
            return Refused(IdentityRefusal.DEVICE_WAITING)
        return await self.revoke(db, device_id)

    async def revoke_signed_in(
        self, db: Connection, principal: Principal, device_id: str
    ) -> Refused | None:
        """Take one of the signed-in person's devices out of use.

        DEVICE_UNKNOWN: not in use, or somebody else's. DEVICE_WAITING: the person was signed in
        with a device that waits, which must not throw out the ones that it has to wait for.
        """
        other = await store.device(db, device_id)
        if other is None or other.person_id != principal.actor_person_id:
            return Refused(IdentityRefusal.DEVICE_UNKNOWN)
        how = await grant_authentication(
            db, principal.grant_id, self._kernel.wire_clock.now()
        )
        if not meets_acr(how.acr, (ACR_DEVICE_NUMBER,)):
            return Refused(IdentityRefusal.DEVICE_WAITING)
        return await self.revoke(db, device_id)

    async def _ask_others(self, db: Connection, device: Device, language: str) -> None:
        """Ask the older devices: yes ends the waiting period, no takes the new one out of use."""
        asked = ApprovalRequest(
            kind=NOTICE_KIND, person_ids=(device.person_id,), template="identity.new_device",
            fields={"enrolled_at": show_instant(device.enrolled_at, language)},
            language=language, requester_org=PLATFORM_ORGANISATION,
            reference=self._kernel.ids.new("ntc"), expires_in_s=NOTICE_LIFE_S,
        )  # fmt: skip
        notice = await self._approvals.request(db, asked)
        if isinstance(notice, Refused):
            # A suspended holder is asked nothing, and none of the devices works.
            assert notice.refusal is IdentityRefusal.PERSON_UNKNOWN, notice
            return
        await store.set_notice(db, device.id, notice.id)

    async def _notice_decided(self, db: Connection, approval: Approval, state: State) -> None:
        device = await store.device_by_notice(db, approval.id)
        if device is None:
            return
        if state == "approved":
            await store.trust_device(db, device.id, self._kernel.business_clock.now())
        elif state == "rejected":
            await self.revoke(db, device.id)

    async def _record(self, db: Connection, kind: str, device_id: str) -> None:
        """Receipts never name devices or persons: the digest shows which one, to who knows it."""
        await self._evidence.record(
            db, kind=kind, issuer=PLATFORM_ORGANISATION, references={},
            digests={"device": digest_of_text(device_id)},
        )  # fmt: skip

    def _is_right(self, claims: Mapping[str, Any], code: str) -> bool:
        issued_at = claims.get("iat")
        now_s = self._kernel.wire_clock.now_s()
        return (
            claims.get("code") == code
            and claims.get("aud") == self._kernel.settings.public_url
            and type(issued_at) is int
            and abs(now_s - issued_at) <= PROOF_SKEW_S_MAX
        )

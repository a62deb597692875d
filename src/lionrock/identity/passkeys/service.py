"""Passkeys: enrolling one, signing in to the authenticator's page, answering with it.

Every ceremony has two halves. The first makes a *statement* and keeps its hash as the challenge;
the second uses the challenge up, whatever comes of it, and checks what the authenticator signed.
For an answer the statement is the answer itself (approval, words_hash, decision, number), so that
the assertion is as good a proof as a phone's JWS and is stored with it. The page's session reads;
it never answers: each answer takes the person's finger, face or PIN anew.
Source: W3C Web Authentication Level 2, s7; NIST SP 800-63B-4 (phishing resistance).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from lionrock.identity.domain.approvals import Approval, Decision
from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.proofs import ANSWER_PURPOSE
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.webauthn import (
    ES256_COSE,
    Assertion,
    PasskeyRefusal,
    check_assertion,
    check_counter,
    client_challenge,
    proof_text,
    read_registration,
    site_of,
    statement_challenge,
)
from lionrock.identity.passkeys import store
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.devices import Devices
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import devices as devices_store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import b64url

CHALLENGE_LIFE_S = 120
SESSION_LIFE_S = 600
NUMBER_LENGTH_MAX = 16


class Challenged(msgspec.Struct, frozen=True):
    """The first half's answer: options for navigator.credentials, binary as base64url."""

    public_key: dict[str, Any]


class Passkeys:
    """Use cases of the authenticator's page, each in the caller's transaction.

    `holder` is the secret in the browser's cookie: a challenge is good in the browser that got it.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        vault: Vault,
        parties: Parties,
        devices: Devices,
        approvals: Approvals,
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._parties = parties
        self._devices = devices
        self._approvals = approvals
        self.site = site_of(kernel.settings.public_url)

    async def begin_enrolment(
        self, db: Connection, code: str, holder: str, language: str
    ) -> Challenged | Refused:
        """Return what to make a passkey with, for the person of an enrolment code.

        The code stays good until the second half. ENROLMENT_CODE.
        """
        person_id = await self._devices.code_person(db, code)
        if isinstance(person_id, Refused):
            return person_id
        person = await self._parties.person(db, person_id)
        assert not isinstance(person, Refused), "a code's person is on record"
        name = person.names.in_language(language)
        statement = self._statement("passkey-enrolment")
        challenge = await self._keep(db, "enrol", holder, statement)
        return Challenged({
            "challenge": challenge,
            "rp": {"id": self.site.rp_id, "name": self._kernel.settings.city},
            "user": {"id": self._user_handle(person_id), "name": name, "displayName": name},
            "pubKeyCredParams": [{"type": "public-key", "alg": ES256_COSE}],
            "timeout": CHALLENGE_LIFE_S * 1000,
            "excludeCredentials": await self._credentials(db, person_id),
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": "none",
        })  # fmt: skip

    async def finish_enrolment(
        self,
        db: Connection,
        code: str,
        holder: str,
        *,
        attestation: bytes,
        client_data: bytes,
        language: str,
    ) -> Device | Refused:
        """Use the code up and add the passkey to its person's devices.

        Refused: PasskeyRefusal as in domain/webauthn.py, ENROLMENT_CODE, DEVICES_MAX,
        DEVICE_KEY_TAKEN. A refusal costs the challenge, not the code.
        """
        statement = await self._take(db, "enrol", holder, client_data)
        if isinstance(statement, Refused):
            return statement
        credential = read_registration(
            attestation, client_data, challenge=statement_challenge(statement), site=self.site
        )
        if isinstance(credential, Refused):
            return _kept(credential)
        person_id = await self._devices.use_code(db, code)
        if isinstance(person_id, Refused):
            return _kept(person_id)
        return await self._devices.add(
            db, person_id, credential.public_jwk, language=language,
            credential_id=credential.credential_id, sign_count=credential.sign_count,
        )  # fmt: skip

    async def begin_sign_in(self, db: Connection, holder: str) -> Challenged:
        """Return what to sign in to the page with: any passkey for this site, nobody is named."""
        challenge = await self._keep(db, "sign_in", holder, self._statement("authenticator"))
        return self._request(challenge, [])

    async def finish_sign_in(
        self, db: Connection, holder: str, assertion: Assertion, user_handle: str | None
    ) -> str | Refused:
        """Begin a session of the page with a passkey; returns the session's secret."""
        statement = await self._take(db, "sign_in", holder, assertion.client_data)
        if isinstance(statement, Refused):
            return statement
        device = await self._check(db, assertion, statement)
        if isinstance(device, Refused):
            return _kept(device)
        if user_handle is not None and user_handle != self._user_handle(device.person_id):
            return _kept(Refused(PasskeyRefusal.CREDENTIAL, field="user_handle"))
        session = secrets.token(32)
        expires_at = self._kernel.wire_clock.now() + timedelta(seconds=SESSION_LIFE_S)
        await store.insert_session(db, secret_hash(session), device.id, expires_at)
        return session

    async def session_device(self, db: Connection, session: str) -> Device | Refused:
        """Return the passkey that a session began with, while both are good; SESSION."""
        now = self._kernel.wire_clock.now()
        device_id = await store.session_device_id(db, secret_hash(session), now)
        device = await self._devices.device(db, device_id or "")
        return Refused(PasskeyRefusal.SESSION) if isinstance(device, Refused) else device

    async def end_session(self, db: Connection, session: str) -> None:
        """Sign out of the page."""
        await store.end_session(db, secret_hash(session))

    async def begin_answer(
        self,
        db: Connection,
        device: Device,
        session: str,
        *,
        approval_id: str,
        decision: Decision,
        number: str,
    ) -> Challenged | Refused:
        """Return the challenge that binds one answer: these words, this decision, this number."""
        approval = await self._approvals.approval(db, approval_id)
        if isinstance(approval, Refused) or device.person_id not in approval.person_ids:
            return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
        if len(number) > NUMBER_LENGTH_MAX:
            return Refused(IdentityRefusal.NUMBER_WRONG, field="number")
        assert device.credential_id is not None, "a session begins with a passkey"
        statement = self._statement(ANSWER_PURPOSE) | {
            "approval_id": approval.id, "words_hash": approval.words_hash, "decision": decision,
            "iat": self._kernel.wire_clock.now_s(),
        } | ({"number": number} if number else {})  # fmt: skip
        challenge = await self._keep(db, "answer", session, statement)
        return self._request(challenge, [_descriptor(device.credential_id)])

    async def finish_answer(
        self,
        db: Connection,
        device: Device,
        session: str,
        *,
        approval_id: str,
        assertion: Assertion,
    ) -> Approval | Refused:
        """Count the answer that the passkey signed; its assertion is kept as the proof.

        Refused: PasskeyRefusal, and whatever a phone's answer is refused for.
        """
        statement = await self._take(db, "answer", session, assertion.client_data)
        if isinstance(statement, Refused):
            return statement
        if statement["approval_id"] != approval_id:
            return _kept(Refused(PasskeyRefusal.CHALLENGE))
        used = await self._check(db, assertion, statement)
        if isinstance(used, Refused):
            return _kept(used)
        if used.id != device.id:
            return _kept(Refused(PasskeyRefusal.CREDENTIAL, field="credential_id"))
        answered = await self._approvals.answer(
            db, used, approval_id, proof_text(assertion, statement), "webauthn"
        )
        return _kept(answered) if isinstance(answered, Refused) else answered

    async def _check(
        self, db: Connection, assertion: Assertion, statement: Mapping[str, Any]
    ) -> Device | Refused:
        """Check an assertion by its passkey, whose counter must rise; returns the passkey."""
        device = await devices_store.lock_passkey(db, assertion.credential_id)
        if device is None:
            return Refused(PasskeyRefusal.CREDENTIAL, field="credential_id")
        count = check_assertion(
            assertion, device.public_jwk, challenge=statement_challenge(statement),
            site=self.site,
        )  # fmt: skip
        if isinstance(count, Refused):
            return count
        problem = check_counter(device.sign_count, count)
        if problem is not None:
            return problem
        await devices_store.set_sign_count(db, device.id, count)
        return device

    async def _keep(
        self, db: Connection, purpose: store.Purpose, holder: str, statement: Mapping[str, Any]
    ) -> str:
        challenge = statement_challenge(statement)
        expires_at = self._kernel.wire_clock.now() + timedelta(seconds=CHALLENGE_LIFE_S)
        await store.insert_challenge(
            db, challenge, purpose, secret_hash(holder), statement, expires_at
        )
        return b64url(challenge)

    async def _take(
        self, db: Connection, purpose: store.Purpose, holder: str, client_data: bytes
    ) -> dict[str, Any] | Refused:
        """Use up the challenge that client data names; it must be this browser's, and in time."""
        named = client_challenge(client_data)
        if named is None:
            return Refused(PasskeyRefusal.MALFORMED, field="client_data")
        found = await store.take_challenge(db, named)
        if (
            found is None
            or found.purpose != purpose
            or not secrets.equal(found.holder_hash, secret_hash(holder))
            or self._kernel.wire_clock.now() >= found.expires_at
        ):
            return Refused(PasskeyRefusal.CHALLENGE, field="client_data", keep=found is not None)
        return found.statement

    def _statement(self, purpose: str) -> dict[str, Any]:
        return {"purpose": purpose, "nonce": secrets.token(32)}

    def _request(self, challenge: str, allowed: list[dict[str, str]]) -> Challenged:
        return Challenged({
            "challenge": challenge, "rpId": self.site.rp_id, "allowCredentials": allowed,
            "userVerification": "required", "timeout": CHALLENGE_LIFE_S * 1000,
        })  # fmt: skip

    async def _credentials(self, db: Connection, person_id: str) -> list[dict[str, str]]:
        return [
            _descriptor(device.credential_id)
            for device in await self._devices.devices_of(db, person_id)
            if device.credential_id is not None
        ]

    def _user_handle(self, person_id: str) -> str:
        """What an authenticator knows a person by: opaque, the same for all their passkeys."""
        return b64url(self._vault.look_up_key("passkey_user", person_id))


def _kept(refused: Refused) -> Refused:
    """What was used up before a refusal stays used up."""
    return msgspec.structs.replace(refused, keep=True)


def _descriptor(credential_id: bytes) -> dict[str, str]:
    return {"type": "public-key", "id": b64url(credential_id)}

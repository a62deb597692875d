"""A hosted consumer's fetch in three beats: save the intent, ask the provider, save the outcome.

T1 saves the request with its id and the session's key; the call holds no connection; T2 saves what
came, unless the consent ended meanwhile. A fetch that stopped in between is taken up again under
the same id by asking for the same `reference`, so the provider counts it once and gives the answer
it has already made.

The platform hosts the programme office as a consumer with a key of its own. What it keeps of a
delivery is ciphertext; the session's private key is kept encrypted to the consumer's key and is
erased at the end of the retention, which erases the data (service/erasure below).

Invariants: no delivery is handed out or kept after a revocation was saved; the exchange writes no
plaintext of a delivery anywhere.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping

import msgspec

from lionrock.directory.api import Directory, Organisation, organisation_key
from lionrock.evidence.api import Evidence
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.fetching import FetchRequest, check_use
from lionrock.exchange.domain.refusals import ExchangeRefusal as R
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.exchange.gateway.consumer import Received, Session, ask_provider, open_delivery
from lionrock.exchange.records import Consent, Fetch
from lionrock.exchange.requests import Delivery
from lionrock.exchange.service.standing import Standing
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import (
    Key,
    decrypt_jwe,
    encrypt_jwe,
    generate_encryption_key,
    key_from_pkcs8,
    trusted_key,
)

ERASE_QUEUE = "exchange.erase"
ENDPOINT = "exchange"

# What may turn out otherwise at a later try under the same request id: somebody on the way, or a
# provider's no of today. Everything else is final: the consent ended, or what the provider signed
# is not what was asked, and it would give the same answer again.
TRANSIENT: frozenset[Refusal] = frozenset({
    R.PROVIDER_UNREACHABLE, R.PROVIDER_REFUSED, R.ANSWER_TOO_LARGE, R.ANSWER_SIGNATURE_WRONG,
    R.ANSWER_MALFORMED, R.ANSWER_OTHER_REQUEST, R.ANSWER_NOT_FOR_US, R.DELIVERY_SIGNATURE_WRONG,
    R.CONSENT_PAUSED,
})  # fmt: skip
_STATUS_REFUSALS: Mapping[rules.Status, R] = {
    "pending": R.CONSENT_NOT_ACTIVE,
    "rejected": R.CONSENT_NOT_ACTIVE,
    "paused": R.CONSENT_PAUSED,
    "revoked": R.CONSENT_REVOKED,
    "expired": R.CONSENT_EXPIRED,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Intent:
    """What T1 hands to the call: the saved fetch, its session, whether it was delivered before."""

    fetch: Fetch
    session: Session


class Fetches:
    """Fetching for consumers that the platform hosts."""

    def __init__(
        self,
        kernel: Kernel,
        directory: Directory,
        evidence: Evidence,
        standing: Standing,
        hosted: frozenset[str],
    ) -> None:
        self._kernel = kernel
        self._directory = directory
        self._evidence = evidence
        self._standing = standing
        self._hosted = hosted

    async def fetch(self, consent_id: str, reference: str) -> Delivery | Refused:
        """Fetch everything a consent opens; the same reference again returns the same delivery.

        Refused: CONSENT_ (state, unknown), CONSUMER_NOT_HOSTED, MANDATE_ENDED, MEMBER_UNKNOWN,
        PROVIDER_, ANSWER_, DELIVERY_ (see gateway/consumer.py). Those of TRANSIENT may be tried
        again under the same reference; the others are final for it.
        """
        intent = await self._kernel.database.run(lambda db: self._intend(db, consent_id, reference))
        if isinstance(intent, Refused):
            return intent
        if intent.fetch.state == "delivered":
            return self._again(intent)
        outcome = await ask_provider(self._kernel.network, self._kernel.wire_clock, intent.session)
        return await self._kernel.database.run(lambda db: self._save_outcome(db, intent, outcome))

    async def erase(self, db: Connection, fetch_id: str) -> bool:
        """End the retention of a delivery: without the session's key its ciphertext is noise."""
        fetch = await store.lock_fetch(db, fetch_id)
        if fetch is None or fetch.state != "delivered":
            return False
        await store.save_outcome(
            db,
            msgspec.structs.replace(fetch, state="erased", delivery=None, session_key=None),
        )
        assert fetch.delivery_sha256 is not None, "a delivery is kept with its digest"
        await self._evidence.record(
            db, kind="exchange.erased", issuer=fetch.consumer,
            references={"consent_id": fetch.consent_id, "fetch_id": fetch.id},
            digests={"delivery": fetch.delivery_sha256},
        )  # fmt: skip
        return True

    async def _intend(
        self, db: Connection, consent_id: str, reference: str
    ) -> _Intent | Refused:
        """T1: the consent opens now; save request id and session key, or find the saved ones."""
        consent = await store.share_consent(db, consent_id)
        if consent is None:
            return Refused(R.CONSENT_UNKNOWN)
        refused = await self._check_usable(db, consent)
        if refused is not None:
            return refused
        provider = await self._directory.get(db, consent.provider)
        if provider is None or not provider.is_active or ENDPOINT not in provider.endpoints:
            return Refused(R.MEMBER_UNKNOWN, consent.provider, field="provider")
        fetch = await store.fetch_of_reference(db, consent_id, reference)
        if fetch is not None and fetch.state == "intended":
            fetch = await self._of_this_revision(db, consent, fetch)
        if fetch is None:
            made = await self._new_fetch(db, consent, reference)
            if not await store.insert_fetch(db, made):
                # Asked twice at the same instant: the other one saved its intent first.
                fetch = await store.fetch_of_reference(db, consent_id, reference)
            else:
                fetch = made
        assert fetch is not None, "it was found or just written"
        if fetch.state == "erased":
            return Refused(R.DELIVERY_ERASED)
        if fetch.state == "refused":
            return Refused(R(fetch.refusal), fetch.refusal_detail or "")
        session = await self._session(db, consent, fetch, provider)
        if fetch.state == "delivered":
            # What came before an amendment is handed out again only as far as it is consented now.
            current = msgspec.structs.replace(
                session.artefact, status=consent.status, terms=consent.terms
            )
            beyond = check_use(session.request, current)
            if beyond is not None:
                return beyond
        return _Intent(fetch=fetch, session=session)

    async def _of_this_revision(
        self, db: Connection, consent: Consent, fetch: Fetch
    ) -> Fetch | None:
        """Return an open intent, or None when it was made under an earlier revision.

        No provider answers that one any more; it is closed and gives its reference away.
        """
        held = await store.lock_fetch(db, fetch.id)
        assert held is not None, "fetches are never deleted"
        if held.state != "intended":
            return await store.fetch_of_reference(db, consent.id, fetch.reference)
        request = msgspec.json.decode(held.request, type=FetchRequest)
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        if request.consent == revision.artefact:
            return held
        await store.supersede_fetch(db, msgspec.structs.replace(
            held, state="refused", refusal=R.CONSENT_SUPERSEDED.value, refusal_detail="",
            ended_at=self._kernel.business_clock.now(),
        ))  # fmt: skip
        return None

    async def _check_usable(self, db: Connection, consent: Consent) -> Refused | None:
        if consent.consumer not in self._hosted:
            return Refused(R.CONSUMER_NOT_HOSTED, consent.consumer)
        now = self._kernel.business_clock.now()
        status = rules.status_at(consent.status, consent.terms, now)
        if status != "active":
            return Refused(_STATUS_REFUSALS[status], f"it is {status}")
        obstacle = await self._standing.obstacle(db, consent)
        if obstacle == "mandate_ended":
            return Refused(R.MANDATE_ENDED)
        return Refused(R.MEMBER_UNKNOWN, obstacle) if obstacle else None

    async def _new_fetch(self, db: Connection, consent: Consent, reference: str) -> Fetch:
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        session_key = generate_encryption_key()
        terms = consent.terms
        request = FetchRequest(
            request_id=self._kernel.ids.new("fch"), consent=revision.artefact,
            product=terms.product, product_version=terms.product_version, fields=terms.fields,
            purpose=terms.purpose, recipient_key=session_key.public_jwk,
            data_from=terms.data_from, data_until=terms.data_until,
        )  # fmt: skip
        return Fetch(
            id=request.request_id, consent_id=consent.id, consumer=consent.consumer,
            reference=reference, request=msgspec.json.encode(request).decode(),
            session_kid=session_key.kid, state="intended",
            session_key=encrypt_jwe(session_key.pkcs8(), self._wrapping_key(consent.consumer)),
            intended_at=self._kernel.business_clock.now(),
        )  # fmt: skip

    async def _session(
        self, db: Connection, consent: Consent, fetch: Fetch, provider: Organisation
    ) -> Session:
        """Put a saved fetch's keys and consent together for the call."""
        request = msgspec.json.decode(fetch.request, type=FetchRequest)
        platform = organisation_key(self._kernel, rules.PLATFORM_ISSUER)
        artefact = read_artefact(request.consent, [platform], rules.PLATFORM_ISSUER)
        assert not isinstance(artefact, Refused), "we signed it ourselves"
        assert artefact.jti == consent.id, "a fetch belongs to one consent"
        assert fetch.session_key is not None, "kept until erased"
        sealed = decrypt_jwe(fetch.session_key, self._wrapping_key(consent.consumer))
        assert not isinstance(sealed, Refused), "we encrypted it ourselves"
        return Session(
            request=request, artefact=artefact, endpoint=provider.endpoints[ENDPOINT],
            session_key=key_from_pkcs8(sealed, use="enc"),
            consumer_key=organisation_key(self._kernel, consent.consumer),
            provider_keys=[
                trusted_key(jwk) for jwk in provider.keys if jwk.get("use", "sig") == "sig"
            ],
        )  # fmt: skip

    async def _save_outcome(
        self, db: Connection, intent: _Intent, outcome: Received | Refused
    ) -> Delivery | Refused:
        """T2: keep the delivery, unless the consent ended while it was under way."""
        consent = await store.share_consent(db, intent.fetch.consent_id)
        fetch = await store.lock_fetch(db, intent.fetch.id)
        assert consent is not None and fetch is not None, "neither is ever deleted"
        if fetch.state == "delivered":
            return self._again(dataclasses.replace(intent, fetch=fetch))
        if fetch.state in ("refused", "erased"):
            # Ended by another try meanwhile (its consent has a later revision, or is over).
            return Refused(R(fetch.refusal), fetch.refusal_detail or "") if fetch.refusal \
                else Refused(R.DELIVERY_ERASED)
        if isinstance(outcome, Refused):
            return await self._save_refusal(db, fetch, outcome)
        refused = await self._check_usable(db, consent)
        if refused is not None:
            return await self._save_refusal(db, fetch, refused)
        # From here the delivery must be saved.
        now = self._kernel.business_clock.now()
        receipt_id = await self._evidence.record(
            db, kind="exchange.received", issuer=consent.consumer,
            references={
                "consent_id": consent.id, "fetch_id": fetch.id, "provider": consent.provider,
                "product": f"{consent.terms.product}/{consent.terms.product_version}",
            },
            digests={
                "consent": rules.sha256_hex(intent.session.request.consent),
                "request": outcome.request_sha256, "delivery": outcome.delivery_sha256,
            },
        )  # fmt: skip
        delivered = msgspec.structs.replace(
            fetch, state="delivered", delivery=outcome.delivery, refusal=None,
            refusal_detail=None, request_sha256=outcome.request_sha256,
            delivery_sha256=outcome.delivery_sha256, receipt_id=receipt_id, ended_at=now,
        )  # fmt: skip
        await store.save_outcome(db, delivered)
        erase_at = now + datetime.timedelta(days=consent.terms.retention_days)
        await jobs.schedule(db, queue=ERASE_QUEUE, key=fetch.id, business_due_at=erase_at)
        return _delivery(delivered, intent.session, outcome)

    async def _save_refusal(self, db: Connection, fetch: Fetch, refused: Refused) -> Refused:
        """A final refusal ends the fetch; a transient one leaves the intent for another try."""
        # The provider's memory of the request is over: no later try under this id can succeed.
        is_too_late = refused.detail == R.REQUEST_ID_REUSED.value
        is_transient = refused.refusal in TRANSIENT and not is_too_late
        ended = msgspec.structs.replace(
            fetch, state="intended" if is_transient else "refused",
            refusal=str(refused.refusal.value), refusal_detail=refused.detail[:200],
            ended_at=None if is_transient else self._kernel.business_clock.now(),
        )  # fmt: skip
        await store.save_outcome(db, ended)
        return Refused(refused.refusal, refused.detail, refused.field, keep=True)

    def _again(self, intent: _Intent) -> Delivery | Refused:
        """Open a delivery that is kept: every check is made again."""
        assert intent.fetch.delivery is not None, "a delivered fetch keeps its ciphertext"
        received = open_delivery(intent.fetch.delivery, intent.session)
        if isinstance(received, Refused):
            return received
        return _delivery(intent.fetch, intent.session, received)

    def _wrapping_key(self, consumer: str) -> Key:
        """The hosted consumer's own key for keeping session keys."""
        assert consumer in self._hosted, "only a hosted consumer's keys are here"
        return self._kernel.key_store.get_or_create(f"org/{consumer}.sessions", use="enc")


def _delivery(fetch: Fetch, session: Session, received: Received) -> Delivery:
    assert fetch.receipt_id is not None, "a delivered fetch has its receipt"
    return Delivery(
        fetch_id=fetch.id, consent_id=fetch.consent_id,
        provider=session.artefact.parties.provider, product=session.request.product,
        product_version=session.request.product_version, data=received.data,
        signed=received.signed, delivery_sha256=received.delivery_sha256,
        receipt_id=fetch.receipt_id,
    )  # fmt: skip

"""The back channel: from a service's request over the phone to the tokens.

The client is not told whether anybody of that `login_hint` exists: a request for nobody, and one
beyond what a person may be asked, is answered like any other and runs out of time. An
`id_token_hint` proves that the client knows the person; only there `unknown_user_id` is answered.
Tokens are made once, under the request's row: by the first good poll, or, for push, before the
first try to deliver.
Source: OpenID Connect CIBA Core 1.0 s7, s10, s11; FAPI-CIBA s5.2.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.identity.domain.approvals import Approval, ApprovalRequest, State
from lionrock.identity.domain.assurance import meets_acr
from lionrock.identity.domain.ciba import (
    OBJECT_CLAIMS,
    PARAMETERS,
    SLOWER_S,
    CibaForm,
    CibaLimits,
    CibaRecord,
    CibaRefusal,
    CibaRequest,
    CibaState,
    check_mixed,
)
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import joined_details
from lionrock.identity.domain.grants import TokenBasis, secret_hash
from lionrock.identity.domain.parties import Person, read_identifier
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.domain.scopes import show_scopes
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.identity.forms.granted import grant_details
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.assurance import approval_acr, record_authentication
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION
from lionrock.identity.service.request_objects import RequestObjects
from lionrock.identity.service.tokens import Tokens
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import approvals as approvals_store
from lionrock.identity.store import ciba as store
from lionrock.kernel import jobs, secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES
from lionrock.kernel.jose import read_unverified

KIND = "ciba"
NOTICE_QUEUE = "identity.ciba_notice"
WINDOW = timedelta(minutes=10)


class CibaReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of the back-channel endpoint (CIBA Core s7.3); no interval for push."""

    auth_req_id: str
    expires_in: int
    interval: int | None = None


class NoticeSecrets(msgspec.Struct, frozen=True):
    """What a notice needs and nobody else may read; sealed for the request's row."""

    auth_req_id: str
    notification_token: str


class Ciba:
    """The back channel's use cases, each in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        parties: Parties,
        approvals: Approvals,
        mandates: Mandates,
        tokens: Tokens,
        grants: Grants,
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._parties = parties
        self._approvals = approvals
        self._mandates = mandates
        self._tokens = tokens
        self._grants = grants
        self._objects = RequestObjects(kernel, issuer)
        approvals.listen(KIND, self._on_decision)

    @property
    def limits(self) -> CibaLimits:
        """The operator's bounds."""
        settings = self._kernel.settings
        return CibaLimits(
            life_s=settings.ciba_life_s, life_s_max=settings.ciba_life_s_max,
            interval_s=settings.ciba_interval_s,
        )  # fmt: skip

    async def open_object(
        self, db: Connection, client: Client, form: CibaForm, token: str
    ) -> CibaForm | Refused:
        """Return the parameters of a signed request object, which is remembered as used.

        OBJECT_MIXED, OBJECT_ALGORITHM, RequestObjectRefusal.
        """
        problem = check_mixed(form)
        if problem is not None:
            return problem
        values = await self._objects.open(
            db, client, token, names=PARAMETERS, required=OBJECT_CLAIMS
        )
        if isinstance(values, Refused):
            return values
        seen, wanted = read_unverified(token), client.policy.ciba_request_signing_alg
        if isinstance(seen, Refused) or wanted not in ("", seen.header["alg"]):
            return Refused(CibaRefusal.OBJECT_ALGORITHM, f"It is {wanted}.", "request")
        return CibaForm(**values)

    async def begin(
        self, db: Connection, client: Client, request: CibaRequest, language: str
    ) -> CibaReply | Refused:
        """Ask the person meant; ID_TOKEN_HINT, PERSON_UNKNOWN (with an id_token_hint only)."""
        person = await self._person(db, client, request)
        if isinstance(person, Refused):
            return person
        if person is not None and not await self._mandates.admits(db, client, person.id):
            person = None
        problem = await self._grants.check_request(db, client, _as_request(request))
        if problem is not None:
            return problem
        subject_key = self._subject_key(person, request.login_hint or "")
        await store.lock_subject(db, subject_key)
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=request.life_s)
        secret = store.REQUESTS.stamp(secrets.token(32), expires_at)
        record = CibaRecord(
            id=self._kernel.ids.new("cib"), request_hash=secret_hash(secret),
            client_id=client.id, mode=request.mode, scopes=request.scopes,
            acr_values=request.acr_values, details=request.details, jkt=request.jkt,
            subject_key=subject_key,
            person_id=None, approval_id=None, interval_s=self.limits.interval_s, started_at=now,
            expires_at=expires_at,
        )  # fmt: skip
        if request.notification_token is not None:
            kept = NoticeSecrets(secret, request.notification_token)
            sealed = self._vault.seal("ciba", record.id, msgspec.json.encode(kept).decode())
            record = msgspec.structs.replace(record, sealed=sealed)
        if person is not None and await self._may_ask(db, record, person.id):
            record = await self._ask(db, record, person, client, request, language)
        await store.insert(db, record)
        if record.mode != "poll":
            # Found again when it expires; a decision makes it due at once.
            await jobs.schedule(db, queue=NOTICE_QUEUE, key=record.id, due_at=expires_at)
        return CibaReply(
            auth_req_id=secret, expires_in=request.life_s,
            interval=None if record.mode == "push" else record.interval_s,
        )  # fmt: skip

    async def redeem(
        self, db: Connection, client: Client, form: TokenForm, jkt: str
    ) -> TokenReply | Refused:
        """Answer a poll: the tokens once, or how the request stands (CIBA Core s10.1, s11)."""
        if not form.auth_req_id:
            return Refused(CibaRefusal.ID_MISSING, field="auth_req_id")
        record = await store.lock(db, secret_hash(form.auth_req_id), client.id)
        if record is None:
            return Refused(CibaRefusal.ID_UNKNOWN, field="auth_req_id")
        if record.mode == "push":
            return Refused(CibaRefusal.PUSHED)
        if record.used_at is not None:
            return Refused(CibaRefusal.ID_USED)
        if record.jkt not in (None, jkt):
            return Refused(CibaRefusal.KEY_MISMATCH)
        state = await self.state(db, record)
        if state == "pending":
            return await self._wait(db, record)
        if self._kernel.wire_clock.now() >= record.expires_at or state == "expired":
            return Refused(CibaRefusal.EXPIRED)
        if state == "rejected":
            return Refused(CibaRefusal.DENIED)
        return await self.issue(db, client, record, jkt)

    async def issue(
        self, db: Connection, client: Client, record: CibaRecord, jkt: str, auth_req_id: str = ""
    ) -> TokenReply | Refused:
        """Make the tokens of an approved, held, unused request.

        DENIED when the yes stands no longer (phone out of use, person suspended), LEVEL when
        acr_values is not met, NOT_GRANTED when a detail is not the person's to give.

        With `auth_req_id` the id_token is bound to it and to the tokens (CIBA Core s10.3.1).
        """
        assert record.used_at is None, "a request brings tokens once"
        assert record.person_id is not None and record.approval_id is not None, "it was approved"
        acr = await approval_acr(db, record.approval_id)
        if acr is None:
            return Refused(CibaRefusal.DENIED)
        if not meets_acr(acr, record.acr_values):
            return Refused(CibaRefusal.LEVEL)
        if await self._grants.obstacle(db, client, _as_request(record), record.person_id):
            return Refused(CibaRefusal.NOT_GRANTED)
        now = self._kernel.wire_clock.now()
        grant_id = self._kernel.ids.new("gra")
        await record_authentication(db, grant_id, acr, now)
        details = await grant_details(
            db, self._kernel, record.details, grant_id=grant_id, client_id=client.id,
            approval_id=record.approval_id, now=now,
        )  # fmt: skip
        basis = TokenBasis(
            grant_id=grant_id, person_id=record.person_id, scopes=record.scopes, signed_in_at=now,
            details=details, auth_req_id=auth_req_id or None,
        )  # fmt: skip
        answer = await self._tokens.issue(db, client, basis, jkt)
        delivery = None
        if auth_req_id:
            body = {"auth_req_id": auth_req_id} | msgspec.to_builtins(answer)
            delivery = self._vault.seal("ciba", record.id, msgspec.json.encode(body).decode())
        await store.use(db, record, now, delivery)
        return answer

    async def state(self, db: Connection, record: CibaRecord) -> CibaState:
        """Say how a request stands; a yes in time stays a yes."""
        if record.approval_id is not None:
            approval = await self._approvals.approval(db, record.approval_id)
            assert not isinstance(approval, Refused), "a request's approval is on record"
            state = approval.state_at(self._kernel.business_clock.now())
            if state != "pending":
                return state
        return "expired" if self._kernel.wire_clock.now() >= record.expires_at else "pending"

    async def _wait(self, db: Connection, record: CibaRecord) -> Refused:
        """Not answered yet: who asks before the interval is over waits longer from now on."""
        now = self._kernel.wire_clock.now()
        interval = timedelta(seconds=record.interval_s)
        is_fast = record.polled_at is not None and now < record.polled_at + interval
        longer_s = record.interval_s + (SLOWER_S if is_fast else 0)
        await store.save_poll(db, record, now, longer_s)
        return Refused(CibaRefusal.TOO_FAST if is_fast else CibaRefusal.PENDING, keep=True)

    async def _person(
        self, db: Connection, client: Client, request: CibaRequest
    ) -> Person | Refused | None:
        if request.login_hint is not None:
            return await self._parties.find_person(db, request.login_hint)
        claims = self._tokens.signing_keys.read_own(request.id_token_hint or "", typ="JWT")
        if claims is None:
            return Refused(CibaRefusal.ID_TOKEN_HINT, field="id_token_hint")
        subject = claims.get("sub")
        is_ours = claims.get("iss") == self._issuer and claims.get("aud") == client.id
        if not is_ours or not isinstance(subject, str):
            return Refused(CibaRefusal.ID_TOKEN_HINT, field="id_token_hint")
        person_id = await store.person_of_subject(db, client.sector, subject)
        if person_id is None:
            return Refused(CibaRefusal.PERSON_UNKNOWN, field="id_token_hint")
        return await self._parties.person(db, person_id)

    async def _may_ask(self, db: Connection, record: CibaRecord, person_id: str) -> bool:
        settings = self._kernel.settings
        own, every = await store.count_asked(
            db, record.subject_key, record.started_at - WINDOW, record.client_id
        )
        if is_reached(settings.limit_ciba_per_client, own) or is_reached(
            settings.limit_ciba, every
        ):
            return False
        pending = await approvals_store.count_pending(
            db, person_id, self._kernel.business_clock.now()
        )
        # As with sign-ins: what strangers begin leaves room on the phone for the person's deeds.
        return not is_reached(settings.limit_sign_ins_pending, pending)

    async def _ask(
        self,
        db: Connection,
        record: CibaRecord,
        person: Person,
        client: Client,
        request: CibaRequest,
        language: str,
    ) -> CibaRecord:
        """Ask on the phone; beyond the person's open questions nobody is asked."""
        wished = [name for name in request.ui_locales.split(" ") if name in LANGUAGES]
        language = wished[0] if wished else language
        fields = {
            "service": client.names.in_language(language), "origin": client.sector,
            "receives": show_scopes(request.scopes, language),
        }  # fmt: skip
        template = "identity.ciba"
        if request.details:
            template += "_details"
            fields["details"] = joined_details(request.details, language)
        if request.binding_message is not None:
            template += "_bound"
            fields["binding_message"] = request.binding_message
        asked = ApprovalRequest(
            kind=KIND, person_ids=(person.id,), fields=fields, language=language,
            template=template,
            requester_org=client.organisation_id or PLATFORM_ORGANISATION, reference=record.id,
            expires_in_s=request.life_s, details=request.details, is_passing=True,
        )  # fmt: skip
        approval = await self._approvals.request(db, asked)
        if isinstance(approval, Refused):
            return record
        return msgspec.structs.replace(record, person_id=person.id, approval_id=approval.id)

    async def _on_decision(self, db: Connection, approval: Approval, _state: State) -> None:
        """Make the notice due with the decision: it cannot be lost between the two."""
        if await store.mode(db, approval.reference) in ("ping", "push"):
            await jobs.schedule(db, queue=NOTICE_QUEUE, key=approval.reference)

    def _subject_key(self, person: Person | None, hint: str) -> bytes:
        if person is not None:
            return self._vault.look_up_key("ciba", person.id)
        found = read_identifier(hint)
        kind, value = found if found is not None else ("text", hint.strip().lower())
        return self._vault.look_up_key(f"ciba/{kind}", value)


def _as_request(asked: CibaRequest | CibaRecord) -> AuthorizationRequest:
    """The part of a request that records are compared with: there is no redirect and no code."""
    return AuthorizationRequest(
        client_id=asked.client_id, redirect_uri="", scopes=asked.scopes, code_challenge="",
        details=asked.details,
    )  # fmt: skip

"""Grants on record: made when tokens are first issued on them, changed, revoked, asked about.

A grant is kept when it outlives one access token: the client may refresh, it asked for details or
claims, it manages grants, or what it asks for takes longer than a token lives. Any other grant
ends with its token and leaves no row.
Invariants: only the grant's own client and person change it; a grant that gives data references its
consents, and the end of either ends both; a revoked grant never comes back.
Source: RFC 6749 s1.5, RFC 9396, Grant Management for OAuth 2.0.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from lionrock.identity.domain.claims import ClaimsRequest
from lionrock.identity.domain.clients import REFRESH_TOKEN, Client
from lionrock.identity.domain.details import (
    ConsentOutline,
    consent_ids,
    enriched,
    merged,
    names_identity_number,
)
from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.grants import CodeGrant, Grant, TokenBasis
from lionrock.identity.domain.management import show_grant
from lionrock.identity.domain.refresh import RefreshFamily
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION, ReceiptRecorder
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import grants as store
from lionrock.identity.store import tokens as token_store
from lionrock.identity.store.assurance import keep_authentication
from lionrock.kernel import outbox, secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

GRANT_REVOKED_TOPIC = "identity.grant_revoked"
# A grant on record is kept while a token issued on its last second may still live.
KEPT_AFTER = timedelta(hours=1)


class ConsentDesk(Protocol):
    """What identity asks the exchange; bound in app/ (identity does not import the exchange)."""

    async def outline(self, db: Connection, consent_id: str) -> ConsentOutline | None:
        """Return a consent that is active now, else None; it stays so while `db` is open."""
        ...

    async def may_give(self, db: Connection, outline: ConsentOutline, person_id: str) -> bool:
        """Say whether the person may let a client use the consent: its owner, or an officer."""
        ...


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the token's answer tells of its grant; both None when there is none on record."""

    grant_id: str | None = None
    refresh_token: str | None = None


class Grants:
    """Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, vault: Vault, evidence: ReceiptRecorder) -> None:
        self._kernel = kernel
        self._vault = vault
        self._evidence = evidence
        self.consent_desk: ConsentDesk | None = None

    # Made and changed.

    async def keep(self, db: Connection, client: Client, basis: TokenBasis, jkt: str) -> Kept:
        """Put on record what tokens are issued on, and begin its refresh tokens.

        `check_usable` (for merge and replace) comes before; here nothing is refused.
        """
        if basis.refresh_token is not None:
            return Kept(grant_id=basis.grant_id, refresh_token=basis.refresh_token)
        may_refresh = REFRESH_TOKEN in client.policy.grant_types and basis.kept_s is None
        if not (may_refresh or basis.details or basis.claims or basis.action or basis.kept_s):
            return Kept()
        now = self._kernel.wire_clock.now()
        before = None
        if basis.action in ("merge", "replace"):
            before = await store.hold_grant(db, basis.grant_id)
        if before is not None and basis.action == "replace":
            await token_store.revoke_grant(db, before.id, now)
            await store.end_families(db, before.id)
        grant = self._made(client, basis, before, now)
        await store.save_grant(db, grant)
        await keep_authentication(db, grant.id, grant.expires_at + KEPT_AFTER)
        if before is not None:
            await self._announce_dropped(db, before, grant)
        token = await self._begin_family(db, grant, jkt, now) if may_refresh else None
        return Kept(grant_id=grant.id, refresh_token=token)

    async def check_usable(self, db: Connection, client: Client, code: CodeGrant) -> Refused | None:
        """Refuse a code whose grant or consent ended since, or is not of this client and person.

        GRANT_REVOKED; GRANT_COMPANY when a merge would carry scopes over to another company.
        """
        if not await self._may_give(db, code.request, code.person_id):
            return Refused(GrantRefusal.GRANT_REVOKED, "A data consent has ended.")
        if code.request.grant_action not in ("merge", "replace"):
            return None
        held = await store.hold_live_grant(db, code.grant_id, client.id)
        if held is None or held.person_id != code.person_id:
            return Refused(GrantRefusal.GRANT_REVOKED)
        # What was granted for one company would otherwise count for another one.
        is_other = held.company_id != code.request.company_id
        if code.request.grant_action == "merge" and is_other:
            return Refused(GrantRefusal.GRANT_COMPANY)
        return None

    async def check_request(
        self, db: Connection, client: Client, request: AuthorizationRequest
    ) -> Refused | None:
        """Check what a push says of records: its grant_id, and the consents that it names.

        GRANT_ID, DETAILS. A consent must be active, and given to the client's own organisation.
        """
        if request.grant_id is not None:
            held = await store.hold_live_grant(db, request.grant_id, client.id)
            if held is None:
                return Refused(GrantRefusal.GRANT_ID, field="grant_id")
        if names_identity_number(request.details) and not client.policy.may_ask_identity_number:
            return Refused(
                GrantRefusal.DETAILS, "This client may not ask for idNo.", "authorization_details"
            )
        for consent_id in consent_ids(request.details):
            outline = await self._outline(db, consent_id)
            if outline is None or outline.consumer != client.organisation_id:
                return Refused(
                    GrantRefusal.DETAILS, "No such consent for this client is active.",
                    "authorization_details",
                )  # fmt: skip
        return None

    async def enrich(
        self, db: Connection, request: AuthorizationRequest
    ) -> AuthorizationRequest:
        """Add to each data consent what it is about, for the words that the person reads."""
        details = []
        for detail in request.details:
            named = consent_ids((detail,))
            outline = await self._outline(db, named[0]) if named else None
            details.append(enriched(detail, outline) if outline is not None else detail)
        return msgspec.structs.replace(request, details=tuple(details))

    async def obstacle(
        self, db: Connection, client: Client, request: AuthorizationRequest, person_id: str
    ) -> str | None:
        """Return the OAuth error of a request that this person cannot fulfil, else None.

        Another person's grant, another subject than the one asked for (OIDC Core s5.5.1), a data
        consent that is not the person's to use.
        """
        if request.grant_id is not None:
            held = await store.hold_live_grant(db, request.grant_id, client.id)
            if held is None or held.person_id != person_id:
                return "invalid_grant_id"
        wanted = request.claims.wanted_subject if request.claims is not None else None
        subject = self._vault.subject(client.sector, "person", person_id)
        if wanted is not None and not secrets.equal(wanted, subject):
            return "access_denied"
        return None if await self._may_give(db, request, person_id) else "access_denied"

    # Revoked.

    async def revoke(self, db: Connection, grant_id: str, by: str) -> bool:
        """Revoke a grant with every token on it; False when it was not in force on record.

        Its tokens end either way: a grant that needs no row has tokens too. `by` says who did it:
        "client", "owner", "consent", "code_reuse", "refresh_reuse" or "operator".
        """
        now = self._kernel.wire_clock.now()
        held = await store.hold_grant(db, grant_id)
        await token_store.revoke_grant(db, grant_id, now)
        if held is None or held.revoked_at is not None:
            return False
        await store.revoke(db, grant_id, now, by)
        await self._evidence.record(
            db, kind=GRANT_REVOKED_TOPIC, issuer=PLATFORM_ORGANISATION,
            references={"grant_id": grant_id}, digests={}, about=by,
        )  # fmt: skip
        await self._announce(db, grant_id, held.consent_ids, by)
        return True

    async def consent_ended(self, db: Connection, consent_id: str) -> int:
        """Revoke every grant that gives data by a consent; returns how many. Safe to repeat."""
        ids = await store.grants_of_consent(db, consent_id)
        for grant_id in ids:
            await self.revoke(db, grant_id, "consent")
        return len(ids)

    # Asked about and revoked by the person who gave it.

    async def of_person(self, db: Connection, person_id: str) -> list[Grant]:
        """Return a person's grants in force, newest first: which services may do what."""
        return await store.grants_of_person(db, person_id, self._kernel.wire_clock.now())

    async def revoke_of_person(
        self, db: Connection, person_id: str, grant_id: str
    ) -> Refused | None:
        """Take a person's own grant back; GRANT_UNKNOWN for anybody else's."""
        held = await store.hold_grant(db, grant_id)
        if held is None or held.person_id != person_id:
            return Refused(GrantRefusal.GRANT_UNKNOWN)
        is_revoked = await self.revoke(db, grant_id, "owner")
        return None if is_revoked else Refused(GrantRefusal.GRANT_UNKNOWN)

    # Asked about, by its own client.

    async def query(
        self, db: Connection, client_id: str, grant_id: str
    ) -> dict[str, Any] | Refused:
        """Return what a client's own grant lets it do; GRANT_UNKNOWN for any other."""
        found = await store.grant(db, grant_id, client_id)
        if found is None or not self._is_in_force(found):
            return Refused(GrantRefusal.GRANT_UNKNOWN)
        names = claim_names(found.claims)
        return show_grant(found.scopes, found.details, names)

    async def is_in_force(self, db: Connection, client_id: str, grant_id: str) -> bool:
        """Say whether a client's grant on record stands: for what is handed out later."""
        found = await store.grant(db, grant_id, client_id)
        return found is not None and self._is_in_force(found)

    async def revoke_own(self, db: Connection, client_id: str, grant_id: str) -> Refused | None:
        """Revoke a client's own grant; GRANT_UNKNOWN for any other."""
        found = await store.grant(db, grant_id, client_id)
        if found is None or not await self.revoke(db, grant_id, "client"):
            return Refused(GrantRefusal.GRANT_UNKNOWN)
        return None

    # Refresh tokens.

    def refresh_token(self, handle: str, generation: int) -> str:
        """Return the refresh token of a generation: derived, the same each time."""
        mac = self._vault.look_up_key("refresh_token", f"{handle}.{generation}")
        shown = base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")
        return f"{handle}.{generation}.{shown}"

    async def _begin_family(
        self, db: Connection, grant: Grant, jkt: str, now: datetime
    ) -> str:
        handle, settings = secrets.token(32), self._kernel.settings
        await store.insert_family(
            db,
            RefreshFamily(
                handle_hash=handle_hash(handle), grant_id=grant.id, client_id=grant.client_id,
                jkt=jkt, generation=1, started_at=now,
                idle_expires_at=now + timedelta(seconds=settings.refresh_idle_s),
                expires_at=now + timedelta(seconds=settings.refresh_life_s),
            ),
        )  # fmt: skip
        return self.refresh_token(handle, 1)

    def _made(
        self, client: Client, basis: TokenBasis, before: Grant | None, now: datetime
    ) -> Grant:
        scopes, details, claims = basis.scopes, basis.details, basis.claims
        if before is not None and basis.action == "merge":
            held = set(before.scopes)
            scopes = before.scopes + tuple(name for name in scopes if name not in held)
            details = merged(before.details, details)
            claims = _merged_claims(before.claims, claims)
        return Grant(
            id=basis.grant_id, client_id=client.id, person_id=basis.person_id,
            company_id=basis.company_id, scopes=scopes,
            details=details, claims=claims, consent_ids=consent_ids(details),
            signed_in_at=basis.signed_in_at, created_at=before.created_at if before else now,
            updated_at=now,
            expires_at=now + timedelta(
                seconds=basis.kept_s or self._kernel.settings.refresh_life_s
            ),
        )  # fmt: skip

    def _is_in_force(self, grant: Grant) -> bool:
        return grant.revoked_at is None and self._kernel.wire_clock.now() < grant.expires_at

    async def _may_give(
        self, db: Connection, request: AuthorizationRequest, person_id: str
    ) -> bool:
        """Say whether every consent named is active and the person's to use; holds each."""
        for consent_id in consent_ids(request.details):
            outline = await self._outline(db, consent_id)
            desk = self.consent_desk
            if outline is None or desk is None or not await desk.may_give(db, outline, person_id):
                return False
        return True

    async def _outline(self, db: Connection, consent_id: str) -> ConsentOutline | None:
        return await self.consent_desk.outline(db, consent_id) if self.consent_desk else None

    async def _announce_dropped(self, db: Connection, before: Grant, after: Grant) -> None:
        """A consent that a replaced grant no longer names has lost its grant too."""
        dropped = tuple(c for c in before.consent_ids if c not in after.consent_ids)
        if dropped:
            await self._announce(db, before.id, dropped, "client")

    async def _announce(
        self, db: Connection, grant_id: str, consents: tuple[str, ...], by: str
    ) -> None:
        await outbox.emit(
            db, self._kernel.ids, GRANT_REVOKED_TOPIC,
            {"grant_id": grant_id, "consent_ids": list(consents), "by": by},
        )  # fmt: skip


def handle_hash(handle: str) -> bytes:
    """SHA-256 of a refresh token's handle: 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(handle.encode("ascii")).digest()


def claim_names(claims: ClaimsRequest | None) -> tuple[str, ...]:
    """Return the names of all claims asked for, each once."""
    if claims is None:
        return ()
    return tuple(dict.fromkeys((*claims.userinfo, *claims.id_token)))


def _merged_claims(
    before: ClaimsRequest | None, added: ClaimsRequest | None
) -> ClaimsRequest | None:
    if before is None or added is None:
        return before or added
    return ClaimsRequest(
        userinfo=before.userinfo | added.userinfo, id_token=before.id_token | added.id_token,
        verified_userinfo=added.verified_userinfo or before.verified_userinfo,
        verified_id_token=added.verified_id_token or before.verified_id_token,
    )

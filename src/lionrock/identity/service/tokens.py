"""Tokens: code to token, person's token to company's token, and what a token means at a resource.

Source: RFC 6749 s4.1.3 and s5, RFC 8693 (exchange), RFC 9449 s5 to s7, OIDC Core s2 and s5.3.
Invariants: a token is bound to a DPoP key for life; an exchanged token lives no longer than the one
it came from and falls with it; authority for a company is read anew at each use.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from lionrock.identity.domain.ciba import push_claims
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import narrowed_to
from lionrock.identity.domain.grants import (
    ACCESS_TOKEN_TYPE,
    AccessToken,
    ClientPrincipal,
    CodeGrant,
    Principal,
    TokenBasis,
    check_code,
    exchange_company,
    is_live,
    secret_hash,
)
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import ACCESS_TOKEN_LIFE_S, ID_TOKEN_LIFE_S
from lionrock.identity.domain.scopes import (
    CLIENT_SCOPES,
    COMPANY,
    OPENID,
    read_scope,
)
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.identity.forms.service import Forms
from lionrock.identity.service.answers import Answers
from lionrock.identity.service.assurance import grant_authentication
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.sessions import Sessions
from lionrock.identity.service.signing_keys import SigningKeys
from lionrock.identity.service.userinfo import Userinfo, acting_subjects
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import ciba as ciba_store
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import tokens as store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key


class Tokens:
    """The token endpoint's use cases, each in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        parties: Parties,
        mandates: Mandates,
        grants: Grants,
        sessions: Sessions,
        forms: Forms,
        clients: Clients,
    ) -> None:
        self._kernel = kernel
        self._clients = clients
        self._sessions = sessions
        self._issuer = issuer
        self._answers = Answers(kernel, issuer)
        self._vault = vault
        self._parties = parties
        self._mandates = mandates
        self._grants = grants
        self.userinfo = Userinfo(kernel, parties, forms)

    @property
    def signing_keys(self) -> SigningKeys:
        """The authorization server's keys, the present one and those around it."""
        return self._answers.keys

    def signing_key(self) -> Key:
        """The authorization server's key (ES256); its public half is at jwks_uri."""
        return self._answers.signing_key()

    async def redeem_code(
        self, db: Connection, client: Client, form: TokenForm, jkt: str
    ) -> TokenReply | Refused:
        """Exchange an authorization code; a code shown twice costs every token it brought."""
        if not form.code:
            return Refused(IdentityRefusal.CODE_MISSING, field="code")
        found = await store.code(db, secret_hash(form.code), client.id)
        if found is None:
            return Refused(IdentityRefusal.CODE_UNKNOWN)
        code, how = found
        if code.used_at is not None:
            return await self._refuse_used(db, code)
        now = self._kernel.wire_clock.now()
        basis = await self._check_code(db, client, form, code, jkt, now)
        if isinstance(basis, Refused):
            return basis
        basis = msgspec.structs.replace(basis, authentication=how)
        return await self.issue(db, client, basis, jkt, code)

    async def _check_code(
        self, db: Connection, client: Client, form: TokenForm, code: CodeGrant, jkt: str,
        now: datetime,
    ) -> TokenBasis | Refused:  # fmt: skip
        problem = check_code(
            code, redirect_uri=form.redirect_uri, verifier=form.code_verifier, jkt=jkt, now=now
        )
        problem = problem or await self._grants.check_usable(db, client, code)
        if problem is not None:
            return problem
        types = client.policy.authorization_details_types
        token_details = narrowed_to(form.authorization_details, types, code.request.details)
        if isinstance(token_details, Refused):
            return token_details
        return TokenBasis(
            grant_id=code.grant_id, person_id=code.person_id, scopes=code.request.scopes,
            signed_in_at=code.signed_in_at, nonce=code.request.nonce,
            details=code.request.details, token_details=token_details,
            claims=code.request.claims,
            action=code.request.grant_action, company_id=code.request.company_id,
        )  # fmt: skip

    async def _refuse_used(self, db: Connection, code: CodeGrant) -> Refused:
        """A code shown again costs every token it brought (RFC 6749 s4.1.2)."""
        await self._grants.revoke(db, code.grant_id, "code_reuse")
        return Refused(IdentityRefusal.CODE_USED, keep=True)

    async def issue(
        self, db: Connection, client: Client, basis: TokenBasis, jkt: str,
        code: CodeGrant | None = None,
    ) -> TokenReply | Refused:  # fmt: skip
        """Issue what a person's decision gives: an access token, and an id_token with openid.

        What outlives the token is put on record first (`Grants.keep`), with a refresh token where
        the client's policy has that grant type. EXCHANGE_TARGET when the person may no longer act
        for the company that was chosen. With a code the last act is to use it up: CODE_USED when
        another request came first.
        """
        mandate: Mandate | None = None
        if basis.company_id is not None:
            held = await self._mandates.find(db, basis.person_id, basis.company_id, None)
            if isinstance(held, Refused):
                return Refused(IdentityRefusal.EXCHANGE_TARGET, held.refusal.value)
            mandate = held
        kept = await self._grants.keep(db, client, basis, jkt)
        details = basis.details if basis.token_details is None else basis.token_details
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=ACCESS_TOKEN_LIFE_S)
        secret = store.TOKENS.stamp(secrets.token(32), expires_at)
        token = AccessToken(
            token_hash=secret_hash(secret), grant_id=basis.grant_id, client_id=client.id,
            person_id=basis.person_id, company_id=basis.company_id,
            mandate_id=mandate.id if mandate is not None else None, scopes=basis.scopes,
            jkt=jkt, issued_at=now, expires_at=expires_at, details=details,
            claims=basis.claims.userinfo_names if basis.claims is not None else (),
        )  # fmt: skip
        reply = TokenReply(
            access_token=secret, token_type="DPoP", expires_in=ACCESS_TOKEN_LIFE_S,  # noqa: S106 - a name
            scope=" ".join(basis.scopes),
            id_token=await self._id_token(
                db, client, basis, secret, kept.refresh_token, mandate
            ),
            refresh_token=kept.refresh_token,
            authorization_details=details, grant_id=kept.grant_id,
        )  # fmt: skip
        if code is None:
            await store.insert_token(db, token)
        elif not await store.use_code(db, code.code_hash, token):
            return await self._refuse_used(db, code)
        return reply

    async def client_credentials(
        self, db: Connection, client: Client, form: TokenForm, jkt: str
    ) -> TokenReply | Refused:
        """Issue a token of the client's own (RFC 6749 s4.4): no person, so none of their scopes."""
        allowed = client.scopes & CLIENT_SCOPES
        scopes = read_scope(form.scope or " ".join(sorted(allowed)), allowed)
        if isinstance(scopes, Refused):
            return scopes
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=ACCESS_TOKEN_LIFE_S)
        secret = store.TOKENS.stamp(secrets.token(32), expires_at)
        await store.insert_token(
            db,
            AccessToken(
                token_hash=secret_hash(secret), grant_id=self._kernel.ids.new("gra"),
                client_id=client.id, person_id=None, company_id=None, mandate_id=None,
                scopes=scopes, jkt=jkt, issued_at=now, expires_at=expires_at,
            ),
        )  # fmt: skip
        return TokenReply(
            access_token=secret, token_type="DPoP", expires_in=ACCESS_TOKEN_LIFE_S,  # noqa: S106 - a name
            scope=" ".join(scopes),
        )  # fmt: skip

    async def exchange(
        self, db: Connection, client: Client, form: TokenForm, jkt: str
    ) -> TokenReply | Refused:
        """Turn a person's token into one of a company that the person may act for (RFC 8693).

        Same client, same key. From a company's token it switches to another company of the same
        person, as long as the first token's own authority holds; nothing leads back to the person's
        own rights. The mandate is read now, and again whenever the new token is used.
        """
        problem = _check_exchange_form(form)
        if problem is not None:
            return problem
        now = self._kernel.wire_clock.now()
        token = await store.access_token(db, secret_hash(form.subject_token or ""), hold=True)
        if token is None or token.client_id != client.id or not is_live(token, now):
            return Refused(IdentityRefusal.SUBJECT_TOKEN, field="subject_token")
        if token.jkt != jkt:
            return Refused(IdentityRefusal.DPOP_KEY_MISMATCH, "Use the subject token's key.")
        if token.company_id is not None and token.mandate_id is not None:
            held = await self._mandates.usable(db, token.mandate_id, token.company_id)
            if isinstance(held, Refused):
                detail = held.refusal.value
                return Refused(IdentityRefusal.EXCHANGE_CHAIN, detail, "subject_token")
        if COMPANY not in token.scopes:
            return Refused(IdentityRefusal.SCOPE, f"The subject token lacks {COMPANY}.", "scope")
        scopes = token.scopes
        if form.scope is not None:
            narrowed = read_scope(form.scope, frozenset(token.scopes))
            if isinstance(narrowed, Refused):
                return narrowed
            scopes = narrowed
        company_id = exchange_company(form.resource, form.audience, form.company)
        if company_id is None:
            return Refused(IdentityRefusal.EXCHANGE_TARGET)
        if token.person_id is None:
            return Refused(IdentityRefusal.SUBJECT_TOKEN, "It has no person.", "subject_token")
        mandate = await self._mandates.find(db, token.person_id, company_id, None)
        if isinstance(mandate, Refused):
            # One answer for "no such company" and "not yours": ids are not a directory.
            return Refused(IdentityRefusal.EXCHANGE_TARGET, mandate.refusal.value)
        return await self._issue_for_company(db, token, mandate, scopes, now)

    async def authenticate(
        self, db: Connection, access_token: str, jkt: str
    ) -> Principal | Refused:
        """Say who bears a token shown with a proof by `jkt`; TOKEN_INVALID, DPOP_KEY_MISMATCH.

        For a company's token the mandate is read anew: revocation bites at the next request.
        """
        business_now = self._kernel.business_clock.now()
        found = await store.bearer(db, secret_hash(access_token), business_now)
        if found is None or not is_live(found[0], self._kernel.wire_clock.now()):
            return Refused(IdentityRefusal.TOKEN_INVALID)
        token, staff_roles = found
        if token.jkt != jkt:
            return Refused(IdentityRefusal.DPOP_KEY_MISMATCH)
        if token.person_id is None:
            return Refused(IdentityRefusal.TOKEN_WITHOUT_PERSON)
        client = await self._clients.find(db, token.client_id)
        assert client is not None, "the token was read with its active client"
        person_subject = self._vault.subject(client.sector, "person", token.person_id)
        principal = Principal(
            subject=person_subject, actor_person_id=token.person_id, company_id=None,
            client_id=client.id, scopes=frozenset(token.scopes),
            staff_roles=staff_roles,
            client_policy=client.policy, grant_id=token.grant_id, details=token.details,
            claims=token.claims,
        )  # fmt: skip
        if token.company_id is None:
            return principal
        assert token.mandate_id is not None, "checked by the table"
        mandate = await self._mandates.usable(db, token.mandate_id, token.company_id)
        if isinstance(mandate, Refused):
            return mandate
        return msgspec.structs.replace(
            principal, company_id=token.company_id, mandate=mandate, staff_roles=frozenset(),
            subject=self._vault.subject(client.sector, "company", token.company_id),
            actor_subject=person_subject,
            agent_subjects=tuple(
                self._vault.subject(client.sector, "company", firm_id) for firm_id in mandate.via
            ),
        )  # fmt: skip

    async def bearer(
        self, db: Connection, access_token: str, jkt: str
    ) -> Principal | ClientPrincipal | Refused:
        """Say who bears a token, as `authenticate` does, or which client its own token."""
        principal = await self.authenticate(db, access_token, jkt)
        if not isinstance(principal, Refused):
            return principal
        if principal.refusal is not IdentityRefusal.TOKEN_WITHOUT_PERSON:
            return principal
        token = await store.access_token(db, secret_hash(access_token))
        client = await client_store.client(db, token.client_id) if token is not None else None
        if token is None or client is None:
            return Refused(IdentityRefusal.TOKEN_INVALID)
        return ClientPrincipal(
            client_id=client.id, scopes=frozenset(token.scopes), client_policy=client.policy
        )

    async def _issue_for_company(
        self, db: Connection, token: AccessToken, mandate: Mandate, scopes: tuple[str, ...],
        now: datetime,
    ) -> TokenReply:  # fmt: skip
        assert mandate.person_id == token.person_id, "the mandate is the token bearer's own"
        secret = store.TOKENS.stamp(secrets.token(32), token.expires_at)
        issued = msgspec.structs.replace(
            token, token_hash=secret_hash(secret), company_id=mandate.company_id,
            mandate_id=mandate.id, scopes=scopes, issued_at=now,
        )  # fmt: skip
        assert set(issued.scopes) <= set(token.scopes), "an exchange never widens"
        await store.insert_token(db, issued)
        return TokenReply(
            access_token=secret, token_type="DPoP", scope=" ".join(scopes),  # noqa: S106 - a name
            expires_in=int((issued.expires_at - now).total_seconds()),
            issued_token_type=ACCESS_TOKEN_TYPE,
        )  # fmt: skip

    async def _id_token(
        self,
        db: Connection,
        client: Client,
        basis: TokenBasis,
        access_token: str,
        refresh_token: str | None,
        mandate: Mandate | None,
    ) -> str | None:
        """Return the id_token, with how and when the grant's person was authenticated."""
        if OPENID not in basis.scopes:
            return None
        how = basis.authentication or await grant_authentication(
            db, basis.grant_id, basis.signed_in_at
        )
        now_s = self._kernel.wire_clock.now_s()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": self._vault.subject(client.sector, "person", basis.person_id),
            "aud": client.id,
            "iat": now_s,
            "exp": now_s + ID_TOKEN_LIFE_S,
            "auth_time": int(how.authenticated_at.timestamp()),
            "acr": how.acr,
            "amr": list(how.amr),
        }
        if client.policy.ciba_mode is not None:
            # It may come back as an id_token_hint, and a subject cannot be turned back.
            await ciba_store.remember_subject(db, client.sector, claims["sub"], basis.person_id)
        if basis.claims is not None:
            claims |= await self.userinfo.asked(db, basis.person_id, basis.claims)
        if mandate is not None:
            claims |= acting_subjects(self._vault, client, mandate)
        if basis.nonce is not None:
            claims["nonce"] = basis.nonce
        sid = await self._sessions.sid(db, client, basis.grant_id)
        if sid is not None:
            claims["sid"] = sid
        if basis.auth_req_id is not None:
            claims |= push_claims(basis.auth_req_id, access_token, refresh_token)
        return self._answers.sign(client, "id_token", claims)


def _check_exchange_form(form: TokenForm) -> Refused | None:
    if form.actor_token is not None:
        return Refused(IdentityRefusal.SUBJECT_TOKEN_TYPE, "No actor_token.", field="actor_token")
    if form.subject_token_type != ACCESS_TOKEN_TYPE:
        return Refused(IdentityRefusal.SUBJECT_TOKEN_TYPE, field="subject_token_type")
    if form.requested_token_type not in (None, ACCESS_TOKEN_TYPE):
        return Refused(IdentityRefusal.SUBJECT_TOKEN_TYPE, field="requested_token_type")
    if not form.subject_token:
        return Refused(IdentityRefusal.SUBJECT_TOKEN, field="subject_token")
    return None

"""The portal's own use cases: its registration as a client, signing in, sessions, companies.

The portal is an ordinary OpenID Connect client ("portal") of its own city: it signs people in with
the relying-party library, over the network, with its own key. Behind its pages it then calls the
pillars in process, as the principal that the session's access token stands for; the token, and for
a company the mandate, is checked anew at each request.

Source: FAPI 2.0 Security Profile s5.3.3, RFC 8693 (acting for a company).
Invariants: a session id is new at each sign-in; tokens are at rest only sealed; a session ends with
its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory
from lionrock.evidence.api import Evidence
from lionrock.exchange.api import Exchange
from lionrock.identity.api import (
    Client,
    ClientPolicy,
    Identity,
    Principal,
    RelyingParty,
    Services,
    Tokens,
)
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.ledger.api import LedgerReader
from lionrock.payments.api import Payments
from lionrock.portal import store
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.seals import Seals, hash_of
from lionrock.portal.session import Begun, Kept, Session, dpop_key_of
from lionrock.portal.surroundings import Surroundings
from lionrock.programmes.api import Cases, Intake, Office, Programmes

CLIENT_ID = "portal"
KEY_NAME = "portal/client"
CALLBACK_PATH = "/portal/callback"
SIGN_IN_LIFE = timedelta(minutes=15)
SCOPES = (
    "openid", "profile", "company", "programmes", "exchange", "mandates", "evidence", "staff",
    "values",
)  # fmt: skip
NAMES = Text("Lion Rock portal", "獅子山門戶", "狮子山门户")


class Portal:
    """The portal of one city, with the pillars that its pages show."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        directory: Directory,
        evidence: Evidence,
        identity: Identity,
        exchange: Exchange,
        programmes: Programmes,
        intake: Intake,
        cases: Cases,
        office: Office,
        payments: Payments,
        services: Services,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.kernel = kernel
        self.directory = directory
        self.evidence = evidence
        self.identity = identity
        self.exchange = exchange
        self.programmes = programmes
        self.intake = intake
        self.cases = cases
        self.office = office
        self.payments = payments
        self.ledger_reader = LedgerReader(kernel.database)
        self.services = services
        self.surroundings = surroundings or Surroundings()
        self.seals = Seals(kernel.key_store)
        self.origin = kernel.settings.public_url.rstrip("/")
        self._party: RelyingParty | None = None

    @property
    def party(self) -> RelyingParty:
        """The portal as a relying party of its own city."""
        if self._party is None:
            self._party = RelyingParty(
                CLIENT_ID, self.origin, self.kernel.key_store.get_or_create(KEY_NAME),
                f"{self.origin}{CALLBACK_PATH}", self.kernel.network, self.kernel.wire_clock,
            )  # fmt: skip
        return self._party

    async def provision(self, db: Connection) -> Client | Refused:
        """Register the portal as a client, or bring its registration up to date; again is harmless.

        CLIENT_DRAFT when the city's public address cannot be a redirect address.
        """
        key = self.kernel.key_store.get_or_create(KEY_NAME)
        client = Client(
            id=CLIENT_ID, names=NAMES, organisation_id=PLATFORM_ORGANISATION, sector=CLIENT_ID,
            redirect_uris=(f"{self.origin}{CALLBACK_PATH}",), scopes=frozenset(SCOPES),
            keys=(key.public_jwk,),
            # So that it takes part in log-outs: "everywhere" ends its sessions too.
            policy=ClientPolicy(post_logout_redirect_uris=(f"{self.origin}/",)),
        )  # fmt: skip
        replaced = await self.identity.clients.replace(db, client)
        if not isinstance(replaced, Refused):
            return replaced
        return await self.identity.register_client(db, client)

    async def begin(self, return_to: str, language: str) -> tuple[str, str] | Refused:
        """Begin a sign-in: the address to send the browser to, and the browser's secret.

        Opens its own transaction after the network's answer. Raises Unreachable.
        """
        begun = await self.party.begin(scope=" ".join(SCOPES), language=language)
        if isinstance(begun, Refused):
            return begun
        address, transaction = begun
        secret = secrets.token()
        row = hash_of(secret)
        sealed = self.seals.seal(Begun(transaction=transaction, return_to=return_to), row)
        now = self.kernel.wire_clock.now()

        async def use_case(db: Connection) -> None:
            await store.insert_sign_in(db, row, sealed, now + SIGN_IN_LIFE)

        await self.kernel.database.run(use_case)
        return address, secret

    async def finish(
        self, callback: Mapping[str, str], secret: str, session_before: str | None
    ) -> tuple[str, str, datetime] | Refused:
        """End a sign-in: a new session's secret, the page to go to, and when the session ends.

        Whoever holds a mandate for one company only acts for it at once. Refused: SIGN_IN_LOST and
        what the relying party refuses. Raises Unreachable.
        """
        row = hash_of(secret)
        now = self.kernel.wire_clock.now()
        sealed = await self.kernel.database.run(lambda db: store.take_sign_in(db, row, now))
        begun = self.seals.open(sealed, row, Begun) if sealed is not None else None
        if begun is None:
            return Refused(PortalRefusal.SIGN_IN_LOST)
        tokens = await self.party.finish(callback, begun.transaction)
        if isinstance(tokens, Refused):
            return tokens
        kept = Kept(person=tokens, company=await self._only_company(tokens))
        fresh, expires_at = secrets.token(), datetime.fromtimestamp(tokens.expires_at_s, UTC)

        async def use_case(db: Connection) -> None:
            if session_before is not None:
                await store.delete_session(db, hash_of(session_before))
            sealed_now = self.seals.seal(kept, hash_of(fresh))
            await store.insert_session(db, hash_of(fresh), sealed_now, now, expires_at)

        await self.kernel.database.run(use_case)
        return fresh, begun.return_to, expires_at

    async def session(self, db: Connection, secret: str, language: str) -> Session | None:
        """Return a browser's live session, its tokens checked anew; None when there is none."""
        row = hash_of(secret)
        sealed = await store.session(db, row, self.kernel.wire_clock.now())
        kept = self.seals.open(sealed, row, Kept) if sealed is not None else None
        if kept is None:
            return None
        person = await self._principal(db, kept.person)
        if isinstance(person, Refused):
            return None
        officer = await self._principal(db, kept.company) if kept.company else None
        if isinstance(officer, Refused):
            officer = None  # the mandate has ended meanwhile
        company_name = ""
        if officer is not None and officer.company_id is not None:
            company = await self.identity.company(db, officer.company_id)
            assert not isinstance(company, Refused), "a mandate's company exists"
            company_name = company.names.in_language(language)
        holder = await self.identity.person(db, person.actor_person_id)
        assert not isinstance(holder, Refused), "a live token's person exists"
        return Session(
            secret=secret, kept=kept, form_token=self.seals.form_token(secret),
            name=holder.names.in_language(language), person=person, officer=officer,
            company_name=company_name,
        )  # fmt: skip

    async def choose_company(self, session: Session, company_id: str) -> Refused | None:
        """Get a token that acts for a company, and forget what was typed in for another.

        TOKEN when the person holds no mandate for it. Raises Unreachable.
        """
        tokens = await self.party.exchange_for_company(session.kept.person, company_id)
        if isinstance(tokens, Refused):
            return tokens
        kept = msgspec.structs.replace(session.kept, company=tokens, facts={}, sources={})
        await self.kernel.database.run(lambda db: self.keep(db, session, kept))
        return None

    async def keep(self, db: Connection, session: Session, kept: Kept) -> None:
        """Replace what a session holds."""
        row = hash_of(session.secret)
        await store.reseal_session(db, row, self.seals.seal(kept, row))

    async def end(self, db: Connection, session: Session) -> None:
        """Sign out."""
        await store.delete_session(db, hash_of(session.secret))

    async def _only_company(self, tokens: Tokens) -> Tokens | None:
        """Act at once for the one company that a person can act for."""

        async def use_case(db: Connection) -> list[str]:
            principal = await self._principal(db, tokens)
            if isinstance(principal, Refused):
                return []
            held = await self.identity.mandates.of_person(db, principal.actor_person_id)
            return sorted({mandate.company_id for mandate in held})

        company_ids = await self.kernel.database.run(use_case)
        if len(company_ids) != 1:
            return None
        found = await self.party.exchange_for_company(tokens, company_ids[0])
        return None if isinstance(found, Refused) else found

    async def _principal(self, db: Connection, tokens: Tokens) -> Principal | Refused:
        """Say who a session's token stands for now; the session holds the token's own key."""
        return await self.identity.tokens.authenticate(
            db, tokens.access_token, dpop_key_of(tokens)
        )


"""A grant that gives data and the consent behind it: the end of either ends the other.

Identity and the exchange do not know each other; here each hears of the other's events. Both
handlers may come again and in any order: what has ended stays ended, and no event answers itself.
Source: docs/decisions/0001 (one consent for every system); Grant Management for OAuth 2.0 s6.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.directory import api as directory_api
from lionrock.exchange import api as exchange_api
from lionrock.identity import api as identity_api
from lionrock.kernel import outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import LANGUAGES, Text

CONSENT_REVOKED_TOPIC = "exchange.consent_revoked"
# Who ended a grant, in the exchange's words; the end of one of its consents is no word on others.
_SIDES = {"client": "consumer", "owner": "owner"}


class ExchangeDesk:
    """What identity asks of consents (its port `ConsentDesk`), answered by the exchange."""

    def __init__(
        self, exchange: exchange_api.Exchange, directory: directory_api.Directory
    ) -> None:
        self._exchange = exchange
        self._directory = directory

    async def outline(
        self, db: Connection, consent_id: str
    ) -> identity_api.ConsentOutline | None:
        """Return a consent that is active now, else None; its revocation waits for `db` to end.

        So a grant that is being made on it is on record before the revocation is heard of.
        """
        consent = await self._exchange.held_consent(db, consent_id)
        now = self._exchange.kernel.business_clock.now()
        if consent is None or consent.status != "active" or now >= consent.terms.expires_at:
            return None
        provider = await self._directory.get(db, consent.provider)
        terms = consent.terms
        product = exchange_api.PRODUCTS.get((terms.product, terms.product_version))
        return identity_api.ConsentOutline(
            id=consent.id, owner_kind=consent.owner.kind, owner_id=consent.owner.id,
            provider=consent.provider, consumer=consent.consumer, product=terms.product,
            provider_names=Text(*map(provider.name, LANGUAGES)) if provider else None,
            product_names=product.words if product is not None else None,
        )  # fmt: skip

    async def may_give(
        self, db: Connection, outline: identity_api.ConsentOutline, person_id: str
    ) -> bool:
        """Say whether the person owns the data, or has the mandate for the owner's data."""
        if outline.owner_kind == "person":
            return outline.owner_id == person_id
        refused = await self._exchange.check_mandate(db, person_id, outline.owner_id)
        return refused is None


def subscriptions(
    identity: identity_api.Identity, exchange: exchange_api.Exchange
) -> Mapping[str, Sequence[outbox.EventHandler]]:
    """Return the event handlers by topic."""
    run = identity.kernel.database.run

    async def consent_revoked(event: outbox.Event) -> None:
        await run(lambda db: identity.grants.consent_ended(db, event.payload["consent_id"]))

    async def grant_revoked(event: outbox.Event) -> None:
        by = str(event.payload["by"])
        if by == "consent":
            return
        side = _SIDES.get(by, "platform")

        async def revoke_all(db: Connection) -> None:
            # One that has ended otherwise answers with a refusal, which is as good here.
            for consent_id in event.payload["consent_ids"]:
                await exchange.revoke(db, consent_id, side)

        await run(revoke_all)

    return {
        CONSENT_REVOKED_TOPIC: (consent_revoked,),
        identity_api.GRANT_REVOKED_TOPIC: (grant_revoked,),
    }

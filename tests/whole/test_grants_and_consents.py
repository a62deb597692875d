"""A grant that gives data and its consent in the whole city: revoking either revokes both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lionrock.exchange.api import PRODUCTS, Consent
from lionrock.identity.api import Client, ClientPolicy, show_details
from lionrock.identity.domain.details import enriched
from lionrock.identity.domain.grants import TokenBasis
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.kernel.jose import generate_key
from tests.whole.conftest import WholeCity
from tests.whole.test_intake import asked

JKT = "k" * 43


def detail(consent_id: str) -> dict[str, Any]:
    """What a client asks for."""
    return {"type": "data_consent", "consent_id": consent_id}


async def consents_of_ada(city: WholeCity) -> list[Consent]:
    """The consents of Ada's company, active."""
    officer = await city.act_for(await city.sign_in("ada"))
    ids = [each["consent_id"] for each in await asked(city, officer)]
    exchange = city.platform.exchange

    async def read(db: Connection) -> list[Consent]:
        return [c for c in [await exchange.consent(db, i) for i in ids] if c is not None]

    found = await city.platform.kernel.database.run(read)
    assert {c.status for c in found} == {"active"}
    return found


async def granted(city: WholeCity, consents: list[Consent]) -> tuple[Client, str, str]:
    """A client of the consumer with a grant on the consents: client, grant id, token."""
    identity = city.platform.identity
    client = Client(
        id="data-client", names=Text("Data", "資料", "资料"), sector="data.example",
        organisation_id=consents[0].consumer, redirect_uris=("https://data.example/cb",),
        keys=(generate_key().public_jwk,), scopes=frozenset({"openid", "profile"}),
        policy=ClientPolicy(authorization_details_types=frozenset({"data_consent"})),
    )  # fmt: skip

    async def use_case(db: Connection) -> tuple[Client, str, str]:
        registered = await identity.register_client(db, client)
        assert not isinstance(registered, Refused), registered
        found = await identity.parties.find_person(db, "ada")
        assert found is not None
        basis = TokenBasis(
            grant_id=city.platform.kernel.ids.new("gra"), person_id=found.id,
            scopes=("openid", "profile"), signed_in_at=city.platform.kernel.wire_clock.now(),
            details=tuple(detail(c.id) for c in consents), action="create",
        )  # fmt: skip
        reply = await identity.tokens.issue(db, client, basis, JKT)
        assert not isinstance(reply, Refused), reply
        return client, basis.grant_id, reply.access_token

    return await city.platform.kernel.database.run(use_case)


async def is_alive(city: WholeCity, token: str) -> bool:
    """Whether the token says anything at a resource."""
    answer = await city.platform.kernel.database.run(
        lambda db: city.platform.identity.tokens.authenticate(db, token, JKT)
    )
    return not isinstance(answer, Refused)


async def statuses(city: WholeCity, consents: list[Consent]) -> set[str]:
    """The consents' present statuses."""
    exchange = city.platform.exchange

    async def read(db: Connection) -> set[str]:
        found = [await exchange.consent(db, c.id) for c in consents]
        return {c.status for c in found if c is not None}

    return await city.platform.kernel.database.run(read)


async def test_revoked_grant_revokes_its_consents(city: WholeCity) -> None:
    consents = await consents_of_ada(city)
    client, grant_id, token = await granted(city, consents)
    assert await is_alive(city, token)
    run, grants = city.platform.kernel.database.run, city.platform.identity.grants
    assert await run(lambda db: grants.revoke_own(db, client.id, grant_id)) is None
    assert not await is_alive(city, token)
    await city.settle_down()
    assert await statuses(city, consents) == {"revoked"}
    ended = await run(lambda db: city.platform.exchange.consent(db, consents[0].id))
    assert ended is not None
    assert ended.ended_by == "consumer"


async def test_revoked_consent_revokes_the_grant_and_no_other_consent(city: WholeCity) -> None:
    first, *others = await consents_of_ada(city)
    _, _, token = await granted(city, [first, *others])
    await city.platform.kernel.database.run(
        lambda db: city.platform.exchange.revoke(db, first.id)
    )
    await city.settle_down()
    assert not await is_alive(city, token)
    assert await statuses(city, others) == {"active"}


@pytest.mark.parametrize("persona", ["ada", "ben"])
async def test_only_who_may_dispose_of_the_data_lets_a_client_use_the_consent(
    city: WholeCity, persona: str
) -> None:
    (consent, *_) = await consents_of_ada(city)
    desk = city.platform.identity.grants.consent_desk
    assert desk is not None

    async def use_case(db: Connection) -> bool:
        person = await city.platform.identity.parties.find_person(db, persona)
        outline = await desk.outline(db, consent.id)
        assert person is not None and outline is not None
        mandate = await city.platform.identity.mandate(
            db, person.id, outline.owner_id, "exchange"
        )
        expected = not isinstance(mandate, Refused)
        assert expected or persona != "ada"
        return await desk.may_give(db, outline, person.id) is expected

    assert await city.platform.kernel.database.run(use_case)


async def test_consent_that_ended_or_never_was_has_no_outline(city: WholeCity) -> None:
    (consent, *_) = await consents_of_ada(city)
    run, desk = city.platform.kernel.database.run, city.platform.identity.grants.consent_desk
    assert desk is not None
    await run(lambda db: city.platform.exchange.revoke(db, consent.id))
    assert await run(lambda db: desk.outline(db, consent.id)) is None
    assert await run(lambda db: desk.outline(db, f"cns_{'0' * 32}")) is None


async def test_revocation_amid_the_making_of_a_grant_ends_the_grant(city: WholeCity) -> None:
    (consent, *_) = await consents_of_ada(city)
    client, grant_id, token = await granted(city, [consent])
    run, desk = city.platform.kernel.database.run, city.platform.identity.grants.consent_desk
    assert desk is not None
    is_read, is_revoked = asyncio.Event(), asyncio.Event()

    async def make(db: Connection) -> str:
        outline = await desk.outline(db, consent.id)
        assert outline is not None
        is_read.set()
        await asyncio.sleep(0.2)
        assert not is_revoked.is_set()
        found = await city.platform.identity.parties.find_person(db, "ada")
        assert found is not None
        basis = TokenBasis(
            grant_id=city.platform.kernel.ids.new("gra"), person_id=found.id, scopes=("openid",),
            signed_in_at=city.platform.kernel.wire_clock.now(), details=(detail(consent.id),),
        )  # fmt: skip
        reply = await city.platform.identity.tokens.issue(db, client, basis, JKT)
        assert not isinstance(reply, Refused)
        return reply.access_token

    async def revoke() -> None:
        await is_read.wait()
        await run(lambda db: city.platform.exchange.revoke(db, consent.id))
        is_revoked.set()

    late, _ = await asyncio.gather(run(make), revoke())
    await city.settle_down()
    assert [await is_alive(city, each) for each in (token, late)] == [False, False]
    assert grant_id


async def test_data_consent_is_told_by_names_in_the_readers_language(city: WholeCity) -> None:
    consent, *_ = await consents_of_ada(city)
    desk = city.platform.identity.grants.consent_desk
    assert desk is not None
    outline = await city.platform.kernel.database.run(lambda db: desk.outline(db, consent.id))
    assert outline is not None
    provider = await city.platform.kernel.database.run(
        lambda db: city.platform.directory.get(db, consent.provider)
    )
    assert provider is not None
    product = PRODUCTS[consent.terms.product, consent.terms.product_version]
    told = enriched(detail(consent.id), outline)
    for language in LANGUAGES:
        (words,) = show_details((told,), language)
        assert provider.name(language) in words
        assert product.words.in_language(language) in words
        assert consent.id in words

"""What ended is known as long as anybody can ask for it, and no longer."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from lionrock.identity import expiry
from lionrock.identity.domain.assurance import Authentication
from lionrock.identity.service.assurance import PLAIN_KEPT
from lionrock.identity.service.grants import KEPT_AFTER
from lionrock.identity.store import assurance, grants
from lionrock.kernel.db import Connection
from lionrock.kernel.expiring import ROUND_ROWS_MAX
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client whose policy has refresh tokens."""
    return await new_keeper(city)


async def known(city: City) -> int:
    """How many authentications are on record, after a sweep."""
    return await left(city, "authentications")


async def left(city: City, table: str) -> int:
    """How many rows of a table are left after a sweep."""
    await expiry.sweep(city.kernel)
    query = f"SELECT count(*) FROM identity.{table}"
    return int(await city.kernel.database.run(lambda db: db.fetchval(query)))


async def test_word_on_a_plain_log_in_is_forgotten_after_its_token_and_not_before(
    city: City, client: TestClient
) -> None:
    await client.token()
    city.wire_clock.advance(seconds=PLAIN_KEPT.total_seconds())
    assert await known(city) == 1
    city.wire_clock.advance(seconds=1)
    assert await known(city) == 0


async def test_word_on_a_grant_on_record_is_kept_as_long_as_the_grant(
    city: City, keeper: Keeper
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    for _ in range(3):
        city.wire_clock.advance(hours=24)
        assert await known(city) == 1
        answer = await refresh(keeper, token)
        assert answer.status_code == 200, answer.text
        token = answer.json()["refresh_token"]
    ends = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT expires_at FROM identity.grants")
    )
    rest = ends + KEPT_AFTER - city.wire_clock.now()
    city.wire_clock.advance(seconds=rest.total_seconds() + 1)
    assert await known(city) == 0


async def test_round_forgets_a_bounded_number_and_the_next_rounds_the_rest(city: City) -> None:
    now = city.wire_clock.now()

    async def fill(db: Connection) -> None:
        word = Authentication(acr="urn:lionrock:acr:device", authenticated_at=now)
        for number in range(3):
            await assurance.insert_authentication(db, f"gra_{number}", word, now)
        await db.execute(
            "INSERT INTO identity.authentications (grant_id, acr, authenticated_at, forget_at)"
            " SELECT 'gra_x' || n, 'urn:lionrock:acr:device', $1, $1 FROM generate_series(1, $2) n",
            now, ROUND_ROWS_MAX,
        )  # fmt: skip

    await city.kernel.database.run(fill)
    city.wire_clock.advance(seconds=1)
    assert [await known(city) for _ in range(2)] == [3, 0]


async def test_sign_in_s_words_and_answer_go_with_their_time_and_a_signature_s_stay(
    city: City, client: TestClient
) -> None:
    await client.token()
    binding = await city.asked("ada")
    await city.phone.answer("ada", binding.id, "approved")
    kept_s = city.kernel.settings.approvals_kept_s
    city.business_clock.advance(seconds=kept_s)
    assert await left(city, "approvals") == 2
    city.business_clock.advance(seconds=1)
    assert await left(city, "approvals") == 1
    assert await left(city, "approval_persons") == 1
    assert (await city.approval(binding.id)).state == "approved"


async def test_unanswered_question_is_forgotten_only_once_it_has_expired(
    city: City, client: TestClient
) -> None:
    await Browser(city).start(client.client_id, await client.pushed(), "ada")
    city.business_clock.advance(seconds=10 * city.kernel.settings.approvals_kept_s)
    assert await left(city, "approvals") == 1, "nobody has decided about it yet"
    await city.worker().run_until_idle()
    city.business_clock.advance(seconds=city.kernel.settings.approvals_kept_s + 1)
    assert await left(city, "approvals") == 0


async def test_newer_sign_in_never_shortens_how_long_a_word_is_kept(city: City) -> None:
    now = city.wire_clock.now()

    async def use_case(db: Connection) -> None:
        first = Authentication(acr="urn:lionrock:acr:passkey-uv", authenticated_at=now)
        await assurance.insert_authentication(db, "gra_1", first, now + PLAIN_KEPT)
        await assurance.keep_authentication(db, "gra_1", now + timedelta(days=90))
        later = Authentication(
            acr="urn:lionrock:acr:device", authenticated_at=now + timedelta(minutes=1)
        )
        await assurance.insert_authentication(db, "gra_1", later, now + PLAIN_KEPT)
        assert await assurance.authentication(db, "gra_1") == later

    await city.kernel.database.run(use_case)
    city.wire_clock.advance(hours=24)
    assert await known(city) == 1


async def test_grants_of_a_consent_are_found_until_they_give_it_up_or_are_gone(
    city: City, keeper: Keeper
) -> None:
    grant_id = (await signed_in(keeper))["grant_id"]
    client_id = keeper.client_id

    async def name(consent_ids: tuple[str, ...]) -> list[list[str]]:
        async def use_case(db: Connection) -> list[list[str]]:
            grant = await grants.grant(db, grant_id, client_id)
            assert grant is not None
            await grants.save_grant(db, msgspec.structs.replace(grant, consent_ids=consent_ids))
            return [await grants.grants_of_consent(db, one) for one in ("cns_1", "cns_2", "cns_3")]

        return await city.kernel.database.run(use_case)

    assert await name(("cns_1", "cns_2")) == [[grant_id], [grant_id], []]
    assert await name(("cns_2", "cns_3")) == [[], [grant_id], [grant_id]]
    city.wire_clock.advance(seconds=2 * city.kernel.settings.refresh_life_s)
    assert await left(city, "grants") == 0
    assert await left(city, "grant_consents") == 0

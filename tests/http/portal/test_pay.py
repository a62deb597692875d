"""The pay page: whom, what for, how much, in three languages; the receipt afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.kernel.money import Money
from lionrock.payments.domain.payments import settlement_date_of
from lionrock.payments.links.domain.intents import Intent, IntentDraft
from lionrock.sandbox import fees
from tests.http.portal.conftest import Opened
from tests.whole.conftest import WholeCity

TITLES = Text("Food licence", "食物牌照", "食物牌照")


async def ask(city: WholeCity, **changes: Any) -> tuple[Intent, str]:
    """A fee, and the path of its page."""
    platform = city.platform
    today = settlement_date_of(platform.kernel.business_clock.now())
    draft = IntentDraft(
        department_id=fees.DEPARTMENT, reference="LIC-1", service="food-licence", titles=TITLES,
        amount=Money(250_00, "HKD"), due_on=today + timedelta(days=8), proxy_kind="email",
        proxy=fees.PROXY, payer_reference="", callback_url="", return_url="",
    )
    draft = msgspec.structs.replace(draft, **changes)
    desk = platform.payments.links

    async def use_case(db: Any) -> tuple[Intent, str]:
        department = await platform.directory.get(db, fees.DEPARTMENT)
        assert department is not None
        intent = await desk.intents.create(db, department, draft)
        assert not isinstance(intent, Refused), intent
        return intent, desk.links.address(await desk.intents.link_of(db, intent))

    intent, address = await platform.kernel.database.run(use_case)
    return intent, "/pay/" + address.rpartition("/")[2]


async def test_the_page_says_whom_and_how_much_in_the_readers_language(
    city: WholeCity, opened: Opened
) -> None:
    intent, path = await ask(city)
    names = {"en": "Licensing Office", "zh-Hant": "牌照處", "zh-Hans": "牌照处"}
    for language in LANGUAGES:
        page = await (await opened(language=language)).get(path)
        assert page.status_code == 200, page.text[:300]
        assert TITLES.in_language(language) in page.text
        assert names[language] in page.text
        assert "250.00" in page.text
        assert intent.number in page.text
        assert page.headers["x-robots-tag"].startswith("noindex")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"


async def test_the_pictures_are_drawn_while_the_fee_is_open(
    city: WholeCity, opened: Opened
) -> None:
    intent, path = await ask(city)
    visitor = await opened()
    for picture in ("link.svg", "code.svg"):
        drawn = await visitor.get(f"{path}/{picture}")
        assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    desk = city.platform.payments.links
    await city.platform.kernel.database.run(
        lambda db: desk.intents.cancel(db, fees.DEPARTMENT, intent.id)
    )
    page = await visitor.get(path)
    assert "Called off by the payee" in page.text
    assert "<img" not in page.text.partition("<main")[2]
    assert (await visitor.get(f"{path}/code.svg")).status_code == 404


async def test_an_address_of_nobody_is_answered_with_a_page_that_says_so(opened: Opened) -> None:
    page = await (await opened()).get("/pay/" + "x" * 43)
    assert page.status_code == 404
    assert "payments.link_address_unknown" in page.text

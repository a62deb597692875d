"""The pay page: whom, what for, how much, in three languages; the receipt afterwards."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.kernel.money import Money
from lionrock.payments.domain.payments import settlement_date_of
from lionrock.payments.links.domain.intents import Intent, IntentDraft
from lionrock.payments.qr.domain import codes as codes_domain
from lionrock.portal.texts import TEXTS
from lionrock.sandbox import fees
from tests.http.portal.conftest import Opened
from tests.http.portal.test_payment_desk import call
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


async def test_a_paid_fee_has_a_receipt_to_keep_and_an_open_one_has_none(
    city: WholeCity, opened: Opened
) -> None:
    intent, path = await ask(city)
    visitor = await opened()
    assert (await visitor.get(f"{path}/receipt.pdf")).status_code == 404
    assert "receipt.pdf" not in (await visitor.get(path)).text
    opening = {"name": "Chan Tai Man", "opening": {"HKD": "500.00"}}
    assert await call(city, "PUT", "/bank-lantau/operator/accounts/99-1", opening) == 200
    link = {"account": "99-1", "url": await address_of(city, intent)}
    assert await call(city, "POST", "/bank-lantau/operator/link-payments", link) == 202
    await city.settle_down()
    for language in LANGUAGES:
        page = await (await opened(language=language)).get(path)
        assert f'href="{path}/receipt.pdf?lang={language}"' in page.text
        kept = await visitor.get(f"{path}/receipt.pdf?lang={language}")
        assert (kept.status_code, kept.headers["content-type"]) == (200, "application/pdf")
        assert kept.headers["x-robots-tag"].startswith("noindex")
        assert kept.headers["cache-control"] == "no-store"
        assert kept.content.startswith(b"%PDF-")


async def address_of(city: WholeCity, intent: Intent) -> str:
    """The address of a fee's page."""
    desk = city.platform.payments.links

    async def use_case(db: Any) -> str:
        return desk.links.address(await desk.intents.link_of(db, intent))

    return await city.platform.kernel.database.run(use_case)


SIMPLE = "00020101021126270012hk.com.hkicl020712345675204000053033445802HK5902NA6002HK63042E94"


async def test_a_payment_code_is_read_on_a_page_and_a_broken_one_says_its_rule(
    opened: Opened,
) -> None:
    for language in LANGUAGES:
        visitor = await opened(language=language)
        assert (await visitor.get("/portal/codes")).status_code == 200
        page = await visitor.get(f"/portal/codes?payload={SIMPLE}")
        assert "1234567" in page.text
        assert f"/payments/v1/qr/image?payload={SIMPLE}" in page.text
        broken = await visitor.get(f"/portal/codes?payload={SIMPLE[:-1]}0")
        assert 'data-error-code="payments.qr_crc_wrong"' in broken.text
        hostile = await visitor.get("/portal/codes?payload=%3Cscript%3E")
        assert "<script>" not in hostile.text


def test_every_warning_of_a_code_has_its_words() -> None:
    words = codes_domain.__doc__ or ""
    listed = re.findall(r"[a-z]+(?:_[a-z]+)+", words.partition("a warning:")[2].partition(".")[0])
    assert len(listed) == 8
    assert {f"code_{name}" for name in listed} <= set(TEXTS)


async def test_an_address_of_nobody_is_answered_with_a_page_that_says_so(opened: Opened) -> None:
    page = await (await opened()).get("/pay/" + "x" * 43)
    assert page.status_code == 404
    assert "payments.link_address_unknown" in page.text

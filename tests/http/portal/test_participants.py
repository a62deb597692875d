"""The operator's pages on participants that join: from asking to live, by two operators."""

from __future__ import annotations

import re
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.i18n import LANGUAGES
from lionrock.payments.api import TEST_CASES, CandidateState
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code
from tests.whole.conftest import WORLD, WholeCity

PAGE = "/portal/participants"
BANK = f"{WORLD}/bank-peak/operator/onboarding"


async def desk(city: WholeCity, path: str = "", body: Any = None) -> tuple[int, Any]:
    """What the bank's own operator does."""
    reply = await city.world.context.network.send(
        "POST", BANK + path, {"content-type": "application/json"}, msgspec.json.encode(body or {})
    )
    return reply.status, msgspec.json.decode(reply.body)["switch_said"]


async def applied(city: WholeCity) -> str:
    """The page of a bank that has applied."""
    status, said = await desk(city)
    assert status == 201, said
    return f"{PAGE}/{said['id']}"


async def pass_seconds(city: WholeCity, seconds: int) -> None:
    """Let wire time pass, working in between."""
    clock = city.platform.kernel.wire_clock
    assert isinstance(clock, FrozenClock)
    for _ in range(seconds):
        await city.settle_down()
        clock.advance(seconds=1)
    await city.settle_down()


async def word(visitor: Visitor, page: str, decision: str = "agree") -> httpx.Response:
    """An operator says something at the page."""
    shown = await visitor.get(page)
    return await visitor.submit(shown, f"{page}/words", decision=decision, reasons="Seen.")


async def state_of(city: WholeCity, page: str) -> CandidateState:
    """Where the candidate stands."""
    onboarding = city.platform.payments.onboarding
    found = await city.platform.kernel.database.run(
        lambda db: onboarding.candidate(db, page.rpartition("/")[2])
    )
    state: CandidateState = found.state  # type: ignore[union-attr]  # it has applied
    return state


async def test_two_operators_bring_a_bank_from_asking_to_live(
    opened: Opened, city: WholeCity
) -> None:
    page = await applied(city)
    iris, jason = await opened("iris"), await opened("jason")
    listed = await iris.get(PAGE)
    assert page in listed.text and "Simulated" in listed.text
    said = await word(iris, page)
    assert "You have" in said.text or f'action="{page}/words"' not in said.text
    assert f'action="{page}/settings"' in (await word(jason, page)).text
    shown = await iris.submit(
        await iris.get(page), f"{page}/settings", limit_hkd="50,000.00", reasons="As asked."
    )
    assert "HK$50,000.00" in shown.text
    await word(jason, page)
    await city.settle_down()
    assert await state_of(city, page) is CandidateState.TESTING
    assert (await desk(city, "/tests", {"cases": []}))[0] == 202
    await pass_seconds(city, 5)
    shown = await iris.get(page)
    assert shown.text.count(">Passed<") == len(TEST_CASES)
    assert (await desk(city, "/go-live"))[0] == 200
    await word(iris, page)
    assert "It bites at once" in (await word(jason, page)).text
    assert await state_of(city, page) is CandidateState.LIVE
    suspended = await iris.submit(
        await iris.get(page), f"{page}/suspension", reasons="A fraud alert."
    )
    assert "A fraud alert." in suspended.text
    shown = await iris.submit(await iris.get(page), f"{page}/return", reasons="Mended.")
    assert f'action="{page}/words"' not in shown.text, "who proposed does not confirm"
    await word(jason, page)
    assert await state_of(city, page) is CandidateState.LIVE


async def test_a_run_shows_its_evidence_and_the_tests_can_be_repeated(
    opened: Opened, city: WholeCity
) -> None:
    page = await applied(city)
    iris, jason = await opened("iris"), await opened("jason")
    for visitor in (iris, jason):
        await word(visitor, page)
    await iris.submit(await iris.get(page), f"{page}/settings", reasons="None.")
    await word(jason, page)
    await city.settle_down()
    await iris.submit(await iris.get(page), f"{page}/runs")
    await pass_seconds(city, 3)
    shown = await iris.get(page)
    link = re.search(rf'href="({page}/runs/[^"]+)"', shown.text)
    assert link is not None
    evidence = await iris.get(link.group(1))
    assert "LRTEST" in evidence.text and "signature-input" in evidence.text
    again = await iris.submit(await iris.get(page), f"{page}/runs")
    assert again.status_code == 200 and "Under way" in again.text
    foreign = link.group(1).replace(page.rpartition("/")[2], "cnd_" + "0" * 32)
    assert (await iris.get(foreign)).status_code == 404


async def test_limits_of_a_day_are_changed_by_two_and_stand_on_the_participants_page(
    opened: Opened, city: WholeCity
) -> None:
    page = await applied(city)
    iris, jason = await opened("iris"), await opened("jason")
    for visitor in (iris, jason):
        await word(visitor, page)
    shown = await iris.submit(
        await iris.get(page), f"{page}/settings", daily_hkd="900.00", reasons="As asked."
    )
    assert "HK$900.00" in shown.text
    await word(jason, page)
    await city.settle_down()
    shown = await iris.submit(
        await iris.get(page), f"{page}/limits", limit_hkd="50.00", daily_hkd="1,200.00",
        reasons="Higher for now.",
    )
    assert "HKD 1200.00" in shown.text and f'action="{page}/limits"' not in shown.text
    change = re.search(rf'action="({page}/changes/[^"]+)"', shown.text)
    assert change is not None
    shown = await jason.submit(
        await jason.get(page), change.group(1), decision="agree", reasons="Seen."
    )
    assert "HK$1,200.00, sent today HK$0.00" in shown.text
    shown = await jason.get("/portal/payments/participants/bank-peak")
    assert "limit a payment HK$50.00" in shown.text
    assert "limit a day HK$1,200.00, sent today HK$0.00" in shown.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_pages_are_in_the_readers_language(
    opened: Opened, city: WholeCity, language: str
) -> None:
    page = await applied(city)
    iris = await opened("iris", language)
    for path in (PAGE, page):
        shown = await iris.get(path)
        assert shown.status_code == 200 and f'<html lang="{language}">' in shown.text
        assert "<script" not in shown.text and " style=" not in shown.text
        for link in re.findall(r'href="(/portal/p[^"#?]*)"', shown.text):
            assert (await iris.get(link)).status_code == 200, link


async def test_to_others_there_are_no_such_pages(opened: Opened, city: WholeCity) -> None:
    page = await applied(city)
    ada = await opened("ada")
    for path in (PAGE, page, f"{page}/runs/run_{'0' * 32}"):
        assert (await ada.get(path)).status_code == 404
    for path in (PAGE, f"{page}/words", f"{page}/suspension", f"{page}/runs"):
        answer = await ada.post(path, {"form_token": "x"})
        assert answer.status_code in (400, 404), path
    assert await state_of(city, page) is CandidateState.ASKED


async def test_forged_stale_and_malformed_forms_change_nothing(
    opened: Opened, city: WholeCity
) -> None:
    page = await applied(city)
    iris = await opened("iris")
    forged = await iris.post(
        f"{page}/words",
        {"form_token": "x" * 43, "version": "1", "decision": "agree", "reasons": "r"},
    )
    assert error_code(forged) == "portal.form_forged"
    shown = await iris.get(page)
    for version, reasons, code in (
        ("2", "Seen.", "payments.candidate_stale"), ("one", "Seen.", "portal.field_malformed"),
        ("1", "\u202eneeS", "payments.candidate_reasons"),
    ):
        answer = await iris.submit(
            shown, f"{page}/words", version=version, decision="agree", reasons=reasons
        )
        assert error_code(answer) == code
    answer = await iris.submit(
        shown, f"{page}/words", version="1", decision="agree", reasons="x" * 70_000
    )
    assert answer.status_code == 413
    assert "Seen." not in (await iris.get(page)).text


async def test_who_enters_an_application_does_not_review_it(
    opened: Opened, city: WholeCity
) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    listed = await iris.get(PAGE)
    bad = await iris.submit(listed, PAGE, application='{"organisation_id": 1}')
    assert error_code(bad) == "portal.field_malformed"
    key = city.world.context.key_store.get_or_create("bank-peak").public_jwk
    page = await iris.submit(listed, PAGE, application=msgspec.json.encode({
        "organisation_id": "bank-peak", "kind": "stored_value_facility", "clearing_code": "903",
        "names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Peak"), "currencies": ["HKD"],
        "endpoint": f"{WORLD}/bank-peak", "keys": [key],
        "contact": {"name": "Desk", "email": "a@b.example", "phone": "+85221230000"},
        "test_accounts": {"open": "T-1", "closed": "T-2"},
    }).decode())  # fmt: skip
    path = page.url.path
    assert f'action="{path}/words"' not in page.text
    token = re.search(r'name="form_token" value="([^"]+)"', listed.text)
    assert token is not None
    own = await iris.post(f"{path}/words", {
        "form_token": token.group(1), "version": "1", "decision": "agree", "reasons": "Mine.",
    })  # fmt: skip
    assert error_code(own) == "payments.candidate_own"
    assert (await word(jason, path)).status_code == 200

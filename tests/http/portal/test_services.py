"""The list of services, and a company's own service from request to everybody."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from lionrock.identity.api import CompanyRefusal, RelyingParty, services_table
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code
from tests.whole.conftest import PLATFORM, WholeCity

REDIRECT = "https://pump.example/callback?tenant=1"


def request_form(key: Key, **changes: str) -> dict[str, str]:
    """A request that reviewers could agree to."""
    return {
        "name_en": "Pump finder", "name_hant": "水泵搜尋", "name_hans": "水泵搜索",
        "summary_en": "Finds pumps.", "summary_hant": "尋找水泵。", "summary_hans": "寻找水泵。",
        "category": "business", "audience": "both", "address": "https://pump.example/",
        "redirect_uris": REDIRECT, "scopes": "openid profile company",
        "keys": json.dumps({"keys": [key.public_jwk]}), "purpose": "To greet officers by name.",
    } | changes  # fmt: skip


async def ask(ada: Visitor, key: Key, **changes: str) -> str:
    """Ask for a service and hand it to the reviewers; returns its page's path."""
    page = await ada.open("/portal/onboarding/new")
    shown = await ada.submit(page, "/portal/onboarding", **request_form(key, **changes))
    assert shown.status_code == 200, shown.text[:600]
    path = urlsplit(str(shown.url)).path
    sent = await ada.submit(shown, f"{path}/submission")
    assert "With the reviewers" in sent.text
    return path


async def agree(operator: Visitor, path: str, decision: str = "agree") -> str:
    """Speak as an operator; returns the page that comes after."""
    page = await operator.open("/portal/reviews")
    action = f"/portal/reviews/{path.rsplit('/', 1)[1]}"
    after = await operator.submit(page, action, reasons="Seen and fine.", decision=decision)
    return after.text


async def sign_in_at(
    city: WholeCity, client_id: str, key: Key, browser: Visitor, persona: str, *, says_yes: bool
) -> str:
    """Sign a persona in at a service; returns the error, or "" after the token came."""
    party = RelyingParty(
        client_id, PLATFORM, key, REDIRECT, city.platform.kernel.network,
        city.platform.kernel.wire_clock,
    )  # fmt: skip
    begun = await party.begin(scope="openid profile", language="en")
    assert not isinstance(begun, Refused), begun
    address, transaction = begun
    page = await browser.open(address.removeprefix(PLATFORM))
    asked = await browser.submit(page, "/identity/authorize/sign-in", identifier=persona)
    waiting = urlsplit(str(asked.url)).path
    pending = await city.phones.pending(persona)
    if not pending:
        return "not asked"
    if says_yes:
        await browser.approve(persona, asked.text)
    else:
        await city.phones.answer(persona, pending[0]["approval_id"], "rejected", None)
        await city.settle_down()
    back = await browser.get(waiting)
    answer = parse_qs(urlsplit(back.headers["location"]).query)
    if "error" in answer:
        return answer["error"][0]
    callback = {name: values[0] for name, values in answer.items() if name != "tenant"}
    tokens = await party.finish(callback, transaction)
    assert not isinstance(tokens, Refused), tokens
    return ""


async def test_the_list_is_searched_by_words_category_and_audience(opened: Opened) -> None:
    visitor = await opened()
    everything = (await visitor.get("/portal/services")).text
    total = re.search(r"1 to 24 of ([\d,]+)", everything)
    assert total is not None and int(total.group(1).replace(",", "")) > 1300
    found = (await visitor.get("/portal/services?q=RENEW+driving+licence")).text
    assert "Renew: driving licence" in found and "driving test" not in found
    chinese = (await visitor.get("/portal/services?q=駕駛執照&lang=zh-Hant")).text
    assert "續期：駕駛執照" in chinese
    query = "audience=companies&q=renew+tax+return&lang=en"
    companies = (await visitor.get(f"/portal/services?{query}")).text
    assert "Renew: tax return" in companies
    persons = (await visitor.get("/portal/services?audience=companies&q=vaccination")).text
    assert "Nothing is listed" in persons
    assert "Nothing is listed" in (await visitor.get("/portal/services?q=zebra")).text


async def test_every_page_of_the_list_leads_on_to_the_end(opened: Opened) -> None:
    visitor = await opened()
    path, seen = "/portal/services?category=health", set()
    while path:
        page = (await visitor.get(path)).text
        seen |= set(re.findall(r'href="/portal/services/([a-z0-9-]+)"', page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following.group(1).replace("&amp;", "&") if following else ""
    assert len(seen) == 100


async def test_what_like_reads_as_a_pattern_finds_nothing_more(opened: Opened) -> None:
    visitor = await opened()
    assert "Nothing is listed" in (await visitor.get("/portal/services?q=%25")).text
    assert "Nothing is listed" in (await visitor.get("/portal/services?q=tax_return")).text


@pytest.mark.parametrize("query", ["q=" + "x" * 81, "category=no", "audience=cats", "offset=-1",
                                   "offset=9999999999", "sign_in=maybe"])  # fmt: skip
async def test_a_search_that_cannot_be_read_is_refused(opened: Opened, query: str) -> None:
    answer = await (await opened()).get(f"/portal/services?{query}")
    assert answer.status_code == 400 and error_code(answer) == "identity.services_query"


async def test_a_service_comes_on_after_two_reviews_a_test_and_two_reviews(
    opened: Opened, city: WholeCity
) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    key = generate_key()
    path = await ask(ada, key)
    client_id = f"service-{path[-12:]}"
    assert "Somebody else must agree too" in await agree(iris, path)
    assert "Pump finder" not in await agree(jason, path)
    early = await ada.submit(await ada.open(path), f"{path}/go-live")
    assert error_code(early) == "identity.onboarding_tests"
    browser = await opened()
    assert await sign_in_at(city, client_id, key, browser, "ada", says_yes=True) == ""
    assert await sign_in_at(city, client_id, key, browser, "ada",
                            says_yes=False) == "access_denied"  # fmt: skip
    asked = await ada.submit(await ada.open(path), f"{path}/go-live")
    assert "Go-live with the reviewers" in asked.text
    assert "Pump finder" not in (await ada.get("/portal/services?q=pump")).text
    await agree(iris, path)
    await agree(jason, path)
    assert "Pump finder" in (await ada.get("/portal/services?q=pump")).text
    assert await sign_in_at(city, client_id, key, browser, "henry", says_yes=True) == ""


async def test_under_test_only_the_companys_officers_are_asked(
    opened: Opened, city: WholeCity
) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    key = generate_key()
    path = await ask(ada, key)
    for operator in (iris, jason):
        await agree(operator, path)
    outcome = await sign_in_at(
        city, f"service-{path[-12:]}", key, await opened(), "henry", says_yes=True
    )
    assert outcome == "not asked"


async def test_before_two_agreed_the_client_does_not_exist(
    opened: Opened, city: WholeCity
) -> None:
    ada, iris = await opened("ada"), await opened("iris")
    key = generate_key()
    path = await ask(ada, key)
    await agree(iris, path)
    party = RelyingParty(
        f"service-{path[-12:]}", PLATFORM, key, REDIRECT, city.platform.kernel.network,
        city.platform.kernel.wire_clock,
    )  # fmt: skip
    assert isinstance(await party.begin(scope="openid", language="en"), Refused)


async def test_one_operator_is_never_two_pairs_of_eyes(opened: Opened) -> None:
    ada, iris, again = await opened("ada"), await opened("iris"), await opened("iris")
    path = await ask(ada, generate_key())
    page = await again.open("/portal/reviews")
    await agree(iris, path)
    action = f"/portal/reviews/{path.rsplit('/', 1)[1]}"
    second = await again.submit(page, action, reasons="Once more.", decision="agree")
    assert error_code(second) == "identity.onboarding_reviewed"


async def test_a_changed_request_is_reviewed_anew(opened: Opened) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    key = generate_key()
    path = await ask(ada, key)
    seen_before = await jason.open("/portal/reviews")
    assert "Draft" not in await agree(iris, path, "return")
    form = await ada.open(f"{path}/form")
    await ada.submit(form, path, **request_form(key, scopes="openid profile company contact"))
    await ada.submit(await ada.open(path), f"{path}/submission")
    stale = await jason.submit(
        seen_before, f"/portal/reviews/{path.rsplit('/', 1)[1]}", reasons="Fine.",
        decision="agree",
    )  # fmt: skip
    assert error_code(stale) == "identity.onboarding_stale"


async def test_the_controls_that_were_agreed_to_are_demanded(
    opened: Opened, city: WholeCity
) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    key = generate_key()
    path = await ask(ada, key, require_signed_request_object="true")
    assert "signed request objects" in (await iris.open("/portal/reviews")).text
    for operator in (iris, jason):
        await agree(operator, path)
    party = RelyingParty(
        f"service-{path[-12:]}", PLATFORM, key, REDIRECT, city.platform.kernel.network,
        city.platform.kernel.wire_clock,
    )  # fmt: skip
    refused = await party.begin(scope="openid", language="en")
    assert isinstance(refused, Refused) and "signed" in refused.detail.lower()


async def test_another_companys_request_is_not_found(opened: Opened) -> None:
    ada, karen = await opened("ada"), await opened("karen")
    path = await ask(ada, generate_key())
    answer = await karen.get(path)
    assert answer.status_code == 404 and error_code(answer) == "identity.onboarding_unknown"


async def test_a_representative_brings_no_service_on(opened: Opened) -> None:
    ada, ben = await opened("ada"), await opened("ben")
    path = await ask(ada, generate_key())
    assert error_code(await ben.get(path)) == "identity.onboarding_officer"
    page = await ben.open("/portal/onboarding/new")
    refused = await ben.submit(page, "/portal/onboarding", **request_form(generate_key()))
    assert error_code(refused) == "identity.onboarding_officer"


async def test_reviews_are_for_operators_only(opened: Opened) -> None:
    ada = await opened("ada")
    assert (await ada.get("/portal/reviews")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"redirect_uris": "http://pump.example/callback"}, "Redirect addresses"),
        ({"redirect_uris": "https://pump.example/cb#x"}, "Redirect addresses"),
        ({"redirect_uris": "javascript:alert(1)"}, "Redirect addresses"),
        ({"address": "https://user:pw@pump.example/"}, "Address of the service"),
        ({"scopes": "openid staff"}, "Scopes"),
        ({"keys": '{"keys": []}'}, "Public keys"),
        ({"keys": "[1]"}, "Public keys"),
        ({"keys": "not json"}, "Public keys"),
        ({"name_en": "Pump\u202efinder"}, "Name"),
        ({"purpose": " "}, "Why it needs"),
        ({"category": "no"}, "Category"),
    ],
)
async def test_a_request_that_is_not_acceptable_names_its_field(
    opened: Opened, changes: dict[str, str], field: str
) -> None:
    ada = await opened("ada")
    page = await ada.open("/portal/onboarding/new")
    answer = await ada.submit(
        page, "/portal/onboarding", **request_form(generate_key(), **changes)
    )
    assert answer.status_code == 422, answer.text[:500]
    assert error_code(answer).endswith(("onboarding_draft", "field_malformed"))
    notice = answer.text.split('role="alert"', 1)[1].split("</strong>", 1)[0]
    assert field in notice, notice
    assert "水泵搜尋" in answer.text, "what was filled in is not lost"


async def test_a_private_key_is_never_taken(opened: Opened) -> None:
    key = generate_key()
    jwk = {**key.public_jwk, "d": "AAAA"}
    ada = await opened("ada")
    page = await ada.open("/portal/onboarding/new")
    answer = await ada.submit(
        page, "/portal/onboarding", **request_form(key, keys=json.dumps({"keys": [jwk]}))
    )
    assert error_code(answer) == "identity.onboarding_draft"


async def test_roles_of_a_service_come_on_with_it(opened: Opened, city: WholeCity) -> None:
    ada, key = await opened("ada"), generate_key()
    path = await ask(ada, key, service_roles="approver viewer approver")
    page = await ada.get(path)
    assert "approver viewer</dd>" in page.text
    found = re.search(r"<code>(service-[0-9a-z]+)</code>", page.text)
    assert found is not None
    deeds, run = city.platform.identity.deeds, city.platform.kernel.database.run
    assert await run(lambda db: deeds.declared_roles(db, found.group(1))) == frozenset()
    for operator in ("iris", "jason"):
        await agree(await opened(operator), path)
    declared = await run(lambda db: deeds.declared_roles(db, found.group(1)))
    assert declared == {"approver", "viewer"}


async def test_reviewers_programs_are_told_when_a_service_has_its_roles_full(
    city: WholeCity,
) -> None:
    for route in services_table(city.platform.services).routes:
        if route.name in ("review_onboarding", "ask_go_live"):
            assert route.errors[CompanyRefusal.SERVICE_ROLES_FULL].status == 409, route.name


async def test_role_that_could_not_stand_on_a_phone_leads_back_to_its_field(
    opened: Opened,
) -> None:
    ada = await opened("ada")
    page = await ada.open("/portal/onboarding/new")
    for roles in ("Approver", "<b>", " ".join(f"r{number}" for number in range(33))):
        shown = await ada.submit(
            page, "/portal/onboarding", **request_form(generate_key(), service_roles=roles)
        )
        assert shown.status_code == 422 and "Roles at the service" in shown.text

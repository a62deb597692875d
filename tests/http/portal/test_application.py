"""An application through the pages: made, signed on the phone, submitted, judged, decided, paid."""

from __future__ import annotations

import re

import httpx

from lionrock.app.schemes import stated_facts
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code

FORM = {
    "title": "Smart production line", "summary": "A line.\r\nTwo stages.", "cost": "300,000",
    "requested": "90000.00", "milestone_1": "Installed", "share_1": "60",
    "milestone_2": "In production", "share_2": "40", "payout_proxy_kind": "mobile",
    "payout_proxy": "+85251230001",
}  # fmt: skip
MARKS = dict.fromkeys(("innovation", "feasibility", "team", "benefit", "value"), "16")


async def begun(ada: Visitor) -> tuple[str, httpx.Response]:
    """State the facts and make an application; returns its path and page."""
    page = await ada.get("/portal/funding")
    facts = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in stated_facts(None).items()
    }
    await ada.submit(page, "/portal/funding", **facts)
    form = await ada.get("/portal/cases/new?scheme=nifs")
    case = await ada.submit(form, "/portal/cases", **FORM)
    assert case.status_code == 200, case.text[:600]
    return case.url.path, case


async def signed_and_submitted(ada: Visitor) -> str:
    """Make, sign twice and submit an application; returns its path."""
    path, page = await begun(ada)
    for _ in ("person", "company-seal"):
        asked = await ada.submit(page, f"{path}/signatures")
        assert "data-number" in asked.text and f'data-wait="{path}/state"' in asked.text
        await ada.approve("ada", asked.text)
        page = await ada.get(path)
    submitted = await ada.submit(page, f"{path}/submission")
    assert "In assessment" in submitted.text
    return path


async def test_an_application_goes_all_the_way_to_its_payouts(opened: Opened) -> None:
    ada, iris, frank = await opened("ada"), await opened("iris"), await opened("frank")
    path = await signed_and_submitted(ada)
    desk = path.replace("/portal/cases/", "/portal/staff/cases/")
    for assessor in ("david", "emily"):
        await assess(await opened(assessor), desk)
    budgets = await iris.get("/portal/budgets")
    await iris.submit(budgets, "/portal/budgets", scheme="nifs", amount="1000000")
    page = await frank.submit(
        await frank.get(desk), f"{desk}/decision", outcome="approve", amount="90000",
        reasons="The benefit is clear to all.",
    )  # fmt: skip
    await frank.city.settle_down()
    page = await ada.get(path)
    assert "The benefit is clear to all." in page.text
    asked = await ada.submit(page, f"{path}/signatures")
    await ada.approve("ada", asked.text)
    sealed = await frank.submit(await frank.get(desk), f"{desk}/seal")
    await frank.approve("frank", sealed.text)
    for number in (1, 2):
        await ada.submit(await ada.get(path), f"{path}/payouts", report=f"Reached {number}.")
        page = await frank.get(desk)
        found = re.search(rf'action="({desk}/payouts/[^"]+)"', page.text)
        assert found is not None, page.text[:400]
        await frank.submit(page, found.group(1))
        await frank.city.settle_down()
    assert "All milestones are paid." in (await ada.get(path)).text
    awards = await ada.get("/portal/awards")
    assert awards.text.count("HK$90,000.00") == 2
    pdf = await ada.get(f"{path}/documents/agreement")
    assert pdf.headers["content-type"] == "application/pdf"


async def assess(assessor: Visitor, desk: str) -> None:
    """Assess a case at its desk."""
    page = await assessor.get(desk)
    done = await assessor.submit(
        page, f"{desk}/assessments", interest="none", declaration="None.",
        recommendation="support", comment="Sound.", **MARKS,
    )  # fmt: skip
    assert done.status_code == 200, done.text[:400]


async def test_a_wrong_field_leads_back_to_the_form_as_it_was_typed(opened: Opened) -> None:
    ada = await opened("ada")
    form = await ada.get("/portal/cases/new?scheme=nifs")
    for field, wrong in (("cost", "much"), ("share_2", "50"), ("share_1", "x")):
        refused = await ada.submit(form, "/portal/cases", **(FORM | {field: wrong}))
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text and 'value="Smart production line"' in refused.text


async def test_somebody_elses_case_is_not_there(opened: Opened) -> None:
    ada, karen, david = await opened("ada"), await opened("karen"), await opened("david")
    path, page = await begun(ada)
    for address in (path, f"{path}/state", f"{path}/documents/application",
                    path.replace("cases", "evidence"), f"{path}/bundle"):
        assert (await karen.get(address)).status_code == 404, address
    own = await karen.get("/portal/company")
    token = re.search(r'name="form_token" value="([^"]+)"', own.text)
    assert token is not None
    for action in ("signatures", "submission", "withdrawal"):
        fields = {"form_token": token.group(1)}
        if action == "signatures":
            fields |= {"document": "application", "party": "person"}
        refused = await karen.post(f"{path}/{action}", fields)
        assert (refused.status_code, error_code(refused)) == (404, "programmes.case_not_found")
    # A draft is nobody's business at the office yet.
    desk = path.replace("/portal/cases/", "/portal/staff/cases/")
    assert (await david.get(desk)).status_code == 404
    assert "Sign it yourself" in page.text


async def test_a_refusal_is_told_in_the_readers_language(opened: Opened) -> None:
    ada = await opened("ada", "zh-Hant")
    refused = await ada.get(f"/portal/cases/cas_{'0' * 32}")
    assert "你沒有此編號的個案。" in refused.text
    assert error_code(refused) == "programmes.case_not_found"

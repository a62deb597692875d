"""Steps 5 and 6: the application is signed and submitted; assessors and committee decide."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from lionrock.identity.api import validate_pdf
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.sandbox.journey import validators
from lionrock.sandbox.journey.actors import Browser, SignedIn, sign_in
from lionrock.sandbox.journey.runner import Checks, JourneyFailed, Step
from lionrock.sandbox.journey.state import Journey

DESK = "staff-desk"
STAFF_SCOPE = "openid profile staff"
MARKS = {"innovation": 17, "feasibility": 16, "team": 15, "benefit": 16, "value": 14}
POLLS_MAX = 400
POLL_S = 0.05


def steps(journey: Journey) -> Sequence[Step]:
    """Apply; decide; agree."""
    return (
        Step(
            "apply", Text("Apply and sign", "申請並簽署", "申请并签署"),
            "PAdES B-B (ETSI EN 319 142), approval bound to the document's hash",
            partial(_apply, journey),
        ),
        Step(
            "decide", Text("Assess and award", "評審及批出", "评审及批出"),
            "Double-entry ledger, two assessors and a committee", partial(_decide, journey),
        ),
        Step(
            "agree", Text("Sign the agreement", "簽署協議", "签署协议"),
            "PAdES B-B, company seal and office seal", partial(_agree, journey),
        ),
    )  # fmt: skip


async def _apply(journey: Journey, checks: Checks) -> None:
    officer = _officer(journey)
    amount = journey.chosen["amount"]
    cost = Money.parse(str(journey.facts.get("project_cost_hkd", amount)), "HKD").wire()
    journey.case = await officer.call("POST", "/programmes/v1/cases", {
        "programme_id": journey.chosen["scheme"], "facts": journey.facts,
        "language": journey.lang,
        "proposal": {
            "title": journey.project_title, "summary": f"{journey.project_title}.",
            "cost": cost, "requested": amount, "milestones": list(journey.milestones),
            "payout_proxy_kind": "mobile", "payout_proxy": journey.company.phone,
        },
    }, expect=201)  # fmt: skip
    checks.holds(journey.case["answer"] == "yes", "the case freezes facts and the rules' answer")
    await _sign(journey, checks, "application", "person")
    await _sign(journey, checks, "application", "company-seal")
    pdf = await officer.fetch(f"/programmes/v1/cases/{journey.case['id']}/documents/application")
    journey.write("application.pdf", pdf)
    await _check_signatures(journey, checks, pdf, "the application", 2)
    submitted = await officer.call("POST", f"{_case(journey)}/submission")
    checks.holds(submitted["state"] == "in_assessment", "it is submitted and screened in",
                 submitted["state"])
    again = await officer.send("POST", f"{_case(journey)}/submission")
    checks.holds(again.status == 409, "a second submission is refused", again.status)


async def _decide(journey: Journey, checks: Checks) -> None:
    for persona in ("david", "emily", "frank", "grace"):
        journey.staff[persona] = await _sign_in_staff(journey, persona)
    case_path = f"/programmes/v1/staff/cases/{journey.case['id']}"
    for persona in ("david", "emily"):
        await journey.staff[persona].call("POST", f"{case_path}/assessments", {
            "has_conflict": False, "declaration": "No interest in the applicant.",
            "marks": MARKS, "recommendation": "support", "comment": "A sound project.",
        })  # fmt: skip
    twice = await journey.staff["david"].send("POST", f"{case_path}/assessments", {
        "has_conflict": False, "declaration": "Again.", "marks": MARKS,
        "recommendation": "support", "comment": "Again.",
    })  # fmt: skip
    checks.holds(twice.status >= 400, "two different assessors; one cannot assess twice")
    decision = {"outcome": "approve", "reasons": "Both assessors support it.",
                "amount": journey.case["requested"]}
    wrong = await journey.staff["david"].send("POST", f"{case_path}/decision", decision)
    checks.holds(wrong.status in (403, 404), "an assessor cannot decide for the committee")
    frank = journey.staff["frank"]
    await frank.call("POST", f"{case_path}/decision", decision, expect=(200, 202))
    case = await _until(frank, case_path, ("award_refused", "awarded"))
    checks.holds(
        case["state"] == "award_refused" and case["award"]["ledger_result"] == "exceeds_credits",
        "the budget is short: the ledger refuses the commitment (exceeds_credits)", case["award"],
    )
    await journey.staff["grace"].call(
        "POST", f"/programmes/v1/staff/budgets/{journey.chosen['scheme']}/fundings",
        {"amount": journey.case["requested"], "reference": "first tranche"}, expect=201,
    )  # fmt: skip
    await frank.call("POST", f"{case_path}/decision", decision, expect=(200, 202))
    case = await _until(frank, case_path, ("award_refused", "awarded"))
    checks.holds(
        case["state"] == "awarded" and case["award"]["state"] == "posted",
        "funded, the award is a posted transfer from budget to commitment", case["award"],
    )
    journey.case = case


async def _agree(journey: Journey, checks: Checks) -> None:
    officer, frank = _officer(journey), journey.staff["frank"]
    await _sign(journey, checks, "agreement", "company-seal")
    asked = await frank.call(
        "POST", f"/programmes/v1/staff/cases/{journey.case['id']}/seal", expect=201
    )
    await journey.phones.answer("frank", asked["approval_id"], number=asked["number"] or None)
    journey.case = await _until(officer, _case(journey), ("agreed",))
    pdf = await officer.fetch(f"{_case(journey)}/documents/agreement")
    journey.write("agreement.pdf", pdf)
    await _check_signatures(journey, checks, pdf, "the agreement", 2)


async def _sign(journey: Journey, checks: Checks, document: str, party: str) -> None:
    """Ask for a signature, compare the hash shown with the document's, approve, wait for it."""
    officer = _officer(journey)
    asked = await officer.call("POST", f"{_case(journey)}/signatures",
                               {"document": document, "party": party}, expect=201)
    before = await officer.fetch(f"{_case(journey)}/documents/{document}")
    shown = asked["document_sha256"]
    checks.holds(
        shown == hashlib.sha256(before).hexdigest() and shown in asked["words"],
        f"{document}, {party}: the phone shows the hash of what is signed",
    )
    await journey.phones.answer(
        journey.founder.handle, asked["approval_id"], number=asked["number"] or None
    )
    for _ in range(POLLS_MAX):
        case = await officer.call("GET", _case(journey))
        signed = {each["kind"]: each["signed_by"] for each in case["documents"]}
        if party in signed.get(document, ()):
            journey.case = case
            return
        await asyncio.sleep(POLL_S)
    raise JourneyFailed(f"{document}: the signature of {party} did not come")


async def _check_signatures(
    journey: Journey, checks: Checks, pdf: bytes, what: str, count: int
) -> None:
    trust = await journey.network.send("GET", f"{journey.platform_url}/programmes/v1/trust.json")
    verdict = await asyncio.to_thread(validators.check_pdf, pdf, trust.body)
    if verdict is None:
        authorities = msgspec.json.decode(trust.body)["ca_certificates"]
        reports = await asyncio.to_thread(validate_pdf, pdf, authorities)
        checks.holds(
            len(reports) == count and all(each.is_valid for each in reports),
            f"{what}: {count} signatures, valid by our own check only (install openssl or "
            "poppler-utils for one that is not ours)", reports,
        )  # fmt: skip
        return
    checks.holds(verdict.count == count and verdict.is_valid,
                 f"{what}: {count} signatures, valid by {verdict.tool}", verdict.text)


async def _sign_in_staff(journey: Journey, persona: str) -> SignedIn:
    party, browser = journey.service(DESK), Browser()
    try:
        tokens = await sign_in(
            party, browser, journey.phones, persona, scope=STAFF_SCOPE, lang=journey.lang,
            checks=Checks(),
        )  # fmt: skip
    finally:
        await browser.close()
    return SignedIn(party, tokens, journey.platform_url, journey.lang)


async def _until(who: SignedIn, path: str, states: tuple[str, ...]) -> dict[str, Any]:
    case: dict[str, Any] = {}
    for _ in range(POLLS_MAX):
        case = await who.call("GET", path)
        if case["state"] in states:
            return case
        await asyncio.sleep(POLL_S)
    raise JourneyFailed(f"the case stays {case.get('state')}; expected {' or '.join(states)}")


def _officer(journey: Journey) -> SignedIn:
    assert journey.officer is not None, "the company's token came first"
    return journey.officer


def _case(journey: Journey) -> str:
    return f"/programmes/v1/cases/{journey.case['id']}"

"""The office's own acts over HTTP: budgets by operators, evidence for the case's company only."""

from __future__ import annotations

import msgspec

from lionrock.app.verification import verify_files
from lionrock.sandbox.journey.actors import SignedIn
from tests.whole.conftest import WholeCity

FUNDINGS = "/programmes/v1/staff/budgets/nifs/fundings"


async def started(city: WholeCity, persona: str) -> tuple[SignedIn, str]:
    """A draft case of the persona's company."""
    officer = await city.act_for(await city.sign_in(persona))
    case = await officer.call("POST", "/programmes/v1/cases", {
        "programme_id": "nifs", "facts": {"legal_form": "company_cap_622"},
        "proposal": {
            "title": "A line", "summary": "A line.", "cost": "30000000.00",
            "requested": "1000.00",
            "milestones": [{"title": "All", "share_percent": 100}],
            "payout_proxy_kind": "mobile", "payout_proxy": "+85251230001",
        },
    }, expect=201)  # fmt: skip
    return officer, str(case["id"])


async def test_an_operator_funds_a_budget_once_per_reference(city: WholeCity) -> None:
    grace = await city.sign_in("grace", client_id="staff-desk")
    body = {"amount": "5000.00", "reference": "tranche 1"}
    first = await grace.call("POST", FUNDINGS, body, expect=201)
    again = await grace.call("POST", FUNDINGS, body, expect=201)
    assert first["funding_id"] == again["funding_id"]
    other = await grace.send("POST", FUNDINGS, {**body, "amount": "6000.00"})
    assert other.status >= 400


async def test_nobody_else_funds_a_budget(city: WholeCity) -> None:
    frank = await city.sign_in("frank", client_id="staff-desk")
    refused = await frank.send("POST", FUNDINGS, {"amount": "5000.00", "reference": "x"})
    assert (refused.status, b"not_operator" in refused.body) == (403, True)
    ada = await city.act_for(await city.sign_in("ada"))
    assert (await ada.send("POST", FUNDINGS, {"amount": "1.00", "reference": "x"})).status == 403


async def test_a_malformed_amount_is_named(city: WholeCity) -> None:
    grace = await city.sign_in("grace", client_id="staff-desk")
    for amount in ("-1", "1.234", "0.00", "1e9", ""):
        refused = await grace.send("POST", FUNDINGS, {"amount": amount, "reference": "x"})
        assert 400 <= refused.status < 500, (amount, refused.body)


async def test_the_bundle_of_a_case_proves_against_the_citys_anchors(city: WholeCity) -> None:
    officer, case_id = await started(city, "ada")
    bundle = await officer.fetch(f"/programmes/v1/cases/{case_id}/evidence")
    trust = (await city.platform.kernel.network.send(
        "GET", "http://platform.test/programmes/v1/trust.json")).body
    verdict = verify_files(bundle, trust)
    assert verdict.ok, verdict.failures
    assert msgspec.json.decode(trust)["witness_quorum"] == 2


async def test_another_companys_case_has_no_evidence_for_me(city: WholeCity) -> None:
    _, case_id = await started(city, "ada")
    carmen = await city.act_for(await city.sign_in("carmen"))
    refused = await carmen.send("GET", f"/programmes/v1/cases/{case_id}/evidence")
    assert refused.status == 404

"""Cases over HTTP with real tokens: PAR, PKCE, DPoP, phones; two banks behind."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.identity.api import table as identity_table
from lionrock.kernel.http import build_application
from lionrock.kernel.keys import KeyStore
from lionrock.programmes.cases import table
from lionrock.programmes.cases.domain.rules import CRITERIA
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.phone import Phone
from lionrock.sandbox.world.service import Service
from lionrock.sandbox.world.store import WorldStore
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.unit.programmes.cases.office import AWARD_MINOR, FACTS, PROPOSAL, REASONS, Office

PLATFORM, WORLD = "http://platform.test", "http://world.test"


class Desk:
    """A signed-in client of one person, for a company or as staff."""

    def __init__(self, client: TestClient, token: str) -> None:
        self.client = client
        self.token = token

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(self.token, path)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        proof = self.client.proof("POST", f"{PLATFORM}{path}", token=self.token)
        headers = {"authorization": f"DPoP {self.token}", "dpop": proof}
        async with self.client.city.http() as http:
            if body is None:
                return await http.post(path, headers=headers)
            return await http.post(path, headers=headers, json=body)


@pytest.fixture
async def desks(office: Office, tmp_path: Path) -> dict[str, Desk]:
    """Ada for her company, two assessors, a chair: each signed in with an own client."""
    kernel = office.payments_city.kernel
    application = build_application(
        kernel, [identity_table(office.identity), table(office.cases, office.identity)]
    )
    context = WorldContext(
        platform_url=PLATFORM, world_url=WORLD, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(tmp_path / "phones", "phones", scrypt_cost=2**4),
        network=kernel.network, database=kernel.database, store=WorldStore(kernel.database),
    )
    phone, service = Phone(context), Service(context)
    world = World(context, [phone, service])
    kernel.network.applications[PLATFORM] = application
    people, company, mandate = await office.run(lambda db: _people(office, db))
    city = City(
        kernel=kernel, identity=office.identity, application=application, world=world,
        phone=phone, service=service, people=people, company=company, mandate=mandate,
    )
    desks = {}
    for name in ("ada", "david", "eve", "fay"):
        code = await office.run(
            lambda db, n=name: office.identity.issue_enrolment_code(db, office.people[n])
        )
        await phone.enrol(name, code)
        desks[name] = await _sign_in(city, office, name)
    return desks


async def _people(office: Office, db: Any) -> tuple[Any, Any, Any]:
    people = {
        name: await office.identity.person(db, person_id)
        for name, person_id in office.people.items()
    }
    company = await office.identity.company(db, office.company_id)
    mandate = await office.identity.mandate(db, office.people["ada"], office.company_id, None)
    return people, company, mandate


async def _sign_in(city: City, office: Office, name: str) -> Desk:
    client = TestClient(city, f"client-{name}")
    registration = msgspec.structs.replace(
        client.registration(), scopes=frozenset({"openid", "company", "programmes", "staff"})
    )
    await office.run(lambda db: office.identity.register_client(db, registration))
    scope = "openid company programmes" if name == "ada" else "openid staff"
    token = await client.token(name, scope=scope)
    if name == "ada":
        exchanged = await client.exchange(token, office.company_id)
        assert exchanged.status_code == 200, exchanged.text
        token = exchanged.json()["access_token"]
    return Desk(client, token)


def draft() -> dict[str, Any]:
    """The body of an application."""
    return {
        "programme_id": "nifs", "facts": FACTS, "language": "en",
        "proposal": {
            "title": PROPOSAL.title, "summary": PROPOSAL.summary, "cost": "300000.00",
            "requested": "100000.00", "payout_proxy_kind": "mobile",
            "payout_proxy": PROPOSAL.payout_proxy,
            "milestones": [
                {"title": each.title, "share_percent": each.share_percent}
                for each in PROPOSAL.milestones
            ],
        },
    }


async def approve(office: Office, asked: httpx.Response, name: str) -> None:
    """Approve a question on the phone, with the number that the asker's page shows."""
    assert asked.status_code == 201, asked.text
    body = asked.json()
    assert body["document_sha256"] in body["words"]
    device, key = office.devices[name]
    from lionrock.identity.api import ANSWER_TYPE
    from lionrock.kernel.jose import sign_jws

    approval = await office.run(lambda db: office.identity.approval(db, body["approval_id"]))
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "number": body["number"], "iat": office.payments_city.kernel.wire_clock.now_s(),
    }
    jws = sign_jws(key, claims, typ=ANSWER_TYPE)
    await office.run(lambda db: office.identity.approvals.answer(db, device, approval.id, jws))
    await office.settle()


async def test_whole_case_over_http(office: Office, desks: dict[str, Desk]) -> None:
    ada, fay = desks["ada"], desks["fay"]
    await office.fund()
    begun = await ada.post("/programmes/v1/cases", draft())
    assert begun.status_code == 201, begun.text
    case_id = begun.json()["id"]
    own, staff = f"/programmes/v1/cases/{case_id}", f"/programmes/v1/staff/cases/{case_id}"
    for party in ("person", "company-seal"):
        asked = await ada.post(f"{own}/signatures", {"document": "application", "party": party})
        await approve(office, asked, "ada")
    submitted = await ada.post(f"{own}/submission")
    assert submitted.json()["state"] == "in_assessment", submitted.text
    for name in ("david", "eve"):
        done = await desks[name].post(f"{staff}/assessments", {
            "has_conflict": False, "declaration": "None.", "marks": dict.fromkeys(CRITERIA, 16),
            "recommendation": "support", "comment": "Sound.",
        })  # fmt: skip
        assert done.status_code == 200, done.text
    decided = await fay.post(f"{staff}/decision", {
        "outcome": "approve", "amount": "90000.00", "reasons": REASONS,
    })  # fmt: skip
    assert decided.status_code == 202, decided.text
    await office.settle()
    shown = (await ada.get(own)).json()
    assert shown["state"] == "awarded"
    assert shown["award"]["ledger_result"] == "ok"
    assert [each["amount"] for each in shown["milestones"]] == ["54000.00", "36000.00"]
    asked = await ada.post(
        f"{own}/signatures", {"document": "agreement", "party": "company-seal"}
    )
    await approve(office, asked, "ada")
    await approve(office, await fay.post(f"{staff}/seal"), "fay")
    claimed = await ada.post(
        f"{own}/payouts", {"milestone": 1, "amount": "54000.00", "report": "Installed."}
    )
    assert claimed.status_code == 201, claimed.text
    released = await fay.post(f"{staff}/payouts/{claimed.json()['id']}/release")
    assert released.status_code == 202, released.text
    await office.settle()
    shown = (await ada.get(own)).json()
    assert shown["milestones"][0]["payout_state"] == "paid"
    agreement = await ada.get(f"{own}/documents/agreement")
    assert agreement.headers["content-type"] == "application/pdf"
    assert agreement.content.startswith(b"%PDF-")
    await _check_register(ada)


async def _check_register(ada: Desk) -> None:
    async with ada.client.city.http() as http:
        as_json = await http.get("/programmes/v1/awards")
        as_csv = await http.get("/programmes/v1/awards.csv")
        wrong = await http.get("/programmes/v1/awards", params={"after": "x"})
    (award,) = as_json.json()["awards"]
    assert award["amount"] == "90000.00"
    assert award["paid"] == "54000.00"
    assert award["recipient"]["zh-Hant"] == "海港機械人有限公司"
    assert "simulated" in as_json.json()["source"]
    assert as_csv.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(as_csv.text))
    assert row["amount"] == "90000.00"
    assert wrong.status_code == 400
    assert wrong.json()["code"] == "programmes.cursor_unknown"
    assert AWARD_MINOR == 90_000_00


async def test_routes_refuse_without_token_scope_company_or_role(
    office: Office, desks: dict[str, Desk]
) -> None:
    case = await office.submitted()
    staff = f"/programmes/v1/staff/cases/{case.id}"
    async with desks["ada"].client.city.http() as http:
        bare = await http.get(f"/programmes/v1/cases/{case.id}")
    assert bare.status_code == 401
    assert bare.headers["www-authenticate"].startswith("DPoP")
    for path in (staff, "/programmes/v1/staff/cases"):
        answer = await desks["ada"].get(path)
        assert answer.status_code == 403, answer.text
    answer = await desks["david"].get(f"/programmes/v1/cases/{case.id}")
    assert answer.status_code == 403
    decision = {"outcome": "decline", "reasons": REASONS}
    answer = await desks["david"].post(f"{staff}/decision", decision)
    assert answer.status_code == 403
    assert answer.json()["code"] == "programmes.not_staff"
    unknown = await desks["ada"].get("/programmes/v1/cases/cas_" + "0" * 32)
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"programme_id": "nothing"}, "programmes.case_programme_unknown"),
        ({"facts": {"nothing": 1}}, "programmes.case_facts_malformed"),
        ({"language": "fr"}, "kernel.body_malformed"),
        ({"extra": 1}, "kernel.body_malformed"),
        ({"proposal": {"cost": "1e6"}}, "programmes.case_proposal_malformed"),
        ({"proposal": {"requested": "1.999"}}, "programmes.case_proposal_malformed"),
        ({"proposal": {"milestones": []}}, "programmes.case_proposal_malformed"),
    ],
)
async def test_malformed_application_is_a_problem_with_a_code(
    desks: dict[str, Desk], change: dict[str, Any], code: str
) -> None:
    body = draft()
    proposal = body["proposal"] | change.pop("proposal", {})
    answer = await desks["ada"].post(
        "/programmes/v1/cases", body | change | {"proposal": proposal}
    )
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_staff_desks_list_what_waits(office: Office, desks: dict[str, Desk]) -> None:
    case = await office.submitted()
    waiting = await desks["david"].get("/programmes/v1/staff/cases?desk=assessment")
    assert [each["id"] for each in waiting.json()["cases"]] == [case.id]
    empty = await desks["fay"].get("/programmes/v1/staff/cases?desk=committee&lang=zh-Hant")
    assert empty.json()["cases"] == []
    unknown = await desks["fay"].get("/programmes/v1/staff/cases?desk=lounge")
    assert unknown.status_code == 404
    document = await desks["david"].get(
        f"/programmes/v1/staff/cases/{case.id}/documents/application"
    )
    assert document.content.startswith(b"%PDF-")
    missing = await desks["david"].get(
        f"/programmes/v1/staff/cases/{case.id}/documents/agreement"
    )
    assert missing.json()["code"] == "programmes.case_document_not_found"
